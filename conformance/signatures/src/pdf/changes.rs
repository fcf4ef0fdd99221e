// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was added to a PDF behind a signature: further signatures, or a change
//! of what it shows.
//!
//! New objects show nothing unless something that was there points to them. So
//! every object of the signed document is compared with what it is now, and the
//! few ways in which a further signature changes it are allowed: a field in the
//! form and on its page, a value for a signature field that was empty, the
//! validation data of PAdES (DSS), and the dates of the document.

use super::PdfError;
use super::file::{Entry, File};
use super::object::{Dict, Object};

/// What came later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Later {
    /// Signatures and what belongs to them.
    Signatures,
    /// Something else; what.
    Changed(String),
}

pub(super) fn compare(signed: &File<'_>, now: &File<'_>) -> Result<Later, PdfError> {
    if signed.trailer.get("Root") != now.trailer.get("Root") {
        return Ok(Later::Changed("it has another catalogue".into()));
    }
    let (root, catalogue) = signed.catalogue()?;
    let number = |key: &str, dict: &Dict| match dict.get(key) {
        Some(Object::Ref(number, _)) => Some(*number),
        _ => None,
    };
    let roles = Roles {
        root: root.0,
        form: number("AcroForm", &catalogue),
        validation: number("DSS", &catalogue),
        dates: [
            number("Info", &signed.trailer),
            number("Metadata", &catalogue),
        ],
    };
    for (number, entry) in &signed.entries {
        if *entry == Entry::Free || same_place(*number, signed, now) {
            continue;
        }
        let (old, new) = (signed.get(*number)?, now.get(*number)?);
        if old == new || roles.dates.contains(&Some(*number)) {
            continue;
        }
        let allowed = match (&old.value, &new.value) {
            // Their objects are compared one by one.
            (Object::Dict(old), _) if old.is_type("ObjStm") || old.is_type("XRef") => true,
            (Object::Array(old), Object::Array(new)) => appended(old, new, now)?,
            (Object::Dict(old_dict), Object::Dict(new_dict)) if old.stream.is_none() => {
                roles.allow(*number, old_dict, new_dict, signed, now)?
            }
            _ => false,
        };
        if !allowed {
            let kind = match &old.value {
                Object::Dict(dict) => match dict.get("Type") {
                    Some(Object::Name(name)) => String::from_utf8_lossy(name).into_owned(),
                    _ => "an object".to_owned(),
                },
                _ => "an object".to_owned(),
            };
            let what = format!("{kind} (number {number}) is another one now");
            return Ok(Later::Changed(what));
        }
    }
    Ok(Later::Signatures)
}

/// True if both documents have the object at the same bytes.
fn same_place(number: u32, signed: &File<'_>, now: &File<'_>) -> bool {
    let (old, new) = (signed.entries.get(&number), now.entries.get(&number));
    match (old, new) {
        (Some(Entry::In { stream, .. }), Some(_)) if old == new => {
            signed.entries.get(stream) == now.entries.get(stream)
        }
        _ => old == new,
    }
}

struct Roles {
    root: u32,
    form: Option<u32>,
    validation: Option<u32>,
    dates: [Option<u32>; 2],
}

impl Roles {
    fn allow(
        &self,
        number: u32,
        old: &Dict,
        new: &Dict,
        signed: &File<'_>,
        now: &File<'_>,
    ) -> Result<bool, PdfError> {
        if number == self.root {
            // Where the form or the validation data is an object of its own, it
            // is compared as that.
            return Ok(same_but(old, new, &["AcroForm", "DSS", "Extensions"])
                && same_form(old, new, signed, now)?);
        }
        if Some(number) == self.form {
            return same_fields(old, new, signed, now);
        }
        if Some(number) == self.validation {
            return Ok(true);
        }
        if old.is_type("Page") {
            let before = signed.array(old, "Annots")?;
            let after = now.array(new, "Annots")?;
            return Ok(same_but(old, new, &["Annots"]) && appended(&before, &after, now)?);
        }
        // A signature field that was empty.
        let empty = is_signature_field(old) && signed.value(old, "V")? == Object::Null;
        Ok(empty && same_but(old, new, &["V", "AP", "M"]))
    }
}

fn same_form(old: &Dict, new: &Dict, signed: &File<'_>, now: &File<'_>) -> Result<bool, PdfError> {
    match (old.get("AcroForm"), new.get("AcroForm")) {
        (Some(Object::Ref(a, _)), Some(Object::Ref(b, _))) if a == b => Ok(true),
        _ => {
            let before = signed.dict(old, "AcroForm")?.unwrap_or_default();
            let after = now.dict(new, "AcroForm")?.unwrap_or_default();
            same_fields(&before, &after, signed, now)
        }
    }
}

fn same_fields(
    old: &Dict,
    new: &Dict,
    signed: &File<'_>,
    now: &File<'_>,
) -> Result<bool, PdfError> {
    let before = signed.array(old, "Fields")?;
    let after = now.array(new, "Fields")?;
    Ok(same_but(old, new, &["Fields", "SigFlags"]) && appended(&before, &after, now)?)
}

/// True if the dictionaries are the same but for these keys.
fn same_but(old: &Dict, new: &Dict, except: &[&str]) -> bool {
    let is_excepted = |key: &[u8]| except.iter().any(|e| e.as_bytes() == key);
    let key_in = |dict: &Dict, key: &[u8]| {
        let found = dict.0.iter().rev().find(|(k, _)| k == key);
        found.map(|(_, value)| value.clone())
    };
    let keys = old.0.iter().chain(&new.0).map(|(key, _)| key);
    keys.filter(|key| !is_excepted(key))
        .all(|key| key_in(old, key) == key_in(new, key))
}

/// True if `new` is `old` with signature fields behind it.
fn appended(old: &[Object], new: &[Object], now: &File<'_>) -> Result<bool, PdfError> {
    let Some((same, added)) = new.split_at_checked(old.len()) else {
        return Ok(false);
    };
    if same != old {
        return Ok(false);
    }
    for one in added {
        match now.resolve(one)? {
            Object::Dict(dict) if is_signature_field(&dict) => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn is_signature_field(dict: &Dict) -> bool {
    dict.get("FT").is_some_and(|kind| kind.is_name("Sig"))
}
