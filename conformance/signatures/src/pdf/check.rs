// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every signature of a PDF: its bytes, its signer, and what came after it.

use super::PdfError;
use super::changes::{Later, compare};
use super::file::File;
use super::object::{Dict, Object, nibble};
use crate::chain::Trust;
use crate::cms::{self, ContentDigests, SignedFile};
use crate::report::{Flaw, SignatureReport, Unsettled, Verdict};
use der::DateTime;
use std::collections::BTreeSet;
use std::io::Read;
use std::ops::Range;
use std::time::Duration;

/// Fields looked at; forms have hundreds.
const FIELDS_MAX: usize = 20_000;
/// Signatures checked; each is a look at the whole document.
const SIGNATURES_MAX: usize = 64;

/// How much of the file a signature is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All of it.
    Whole,
    /// All that there was; only signatures were added, in so many bytes.
    SignaturesLater(usize),
    /// Something else was added too, in so many bytes.
    ChangedLater(usize),
    /// Unknown, because the byte range cannot be right.
    Unknown,
}

/// One signature field with a signature in it.
#[derive(Clone, Debug)]
pub struct PdfSignature {
    /// Name of the field.
    pub field: String,
    /// How much of the file it is about.
    pub coverage: Coverage,
    /// The check of the signature.
    pub report: SignatureReport,
}

impl PdfSignature {
    /// The verdict: that of the signature, which has changes in it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.report.verdict()
    }
}

/// Checks every signature, in the order of the fields. None is an empty list.
///
/// # Errors
/// [`PdfError`] if the document cannot be read.
pub fn check(data: &[u8], trust: &Trust) -> Result<Vec<PdfSignature>, PdfError> {
    let file = File::parse(data)?;
    let fields = signed_fields(&file)?;
    if fields.len() > SIGNATURES_MAX {
        return Err(PdfError::Structure("it has more than 64 signatures"));
    }
    let checked = fields.into_iter();
    Ok(checked
        .map(|(field, dict)| check_one(data, &file, field, &dict, trust))
        .collect())
}

/// Name and signature dictionary of every signature field with a value.
fn signed_fields(file: &File<'_>) -> Result<Vec<(String, Dict)>, PdfError> {
    let (_, catalogue) = file.catalogue()?;
    let form = file.dict(&catalogue, "AcroForm")?.unwrap_or_default();
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next: Vec<(Object, bool, String)> = file
        .array(&form, "Fields")?
        .into_iter()
        .rev()
        .map(|field| (field, false, String::new()))
        .collect();
    while let Some((field, inherited, above)) = next.pop() {
        if let Object::Ref(number, _) = field
            && (!seen.insert(number) || seen.len() > FIELDS_MAX)
        {
            continue;
        }
        let Object::Dict(dict) = file.resolve(&field)? else {
            continue;
        };
        let kind = file.value(&dict, "FT")?;
        let is_signature = kind.is_name("Sig") || (inherited && kind == Object::Null);
        let name = match file.value(&dict, "T")? {
            Object::Text(own) => {
                let own = String::from_utf8_lossy(&own).into_owned();
                let dot = if above.is_empty() { "" } else { "." };
                format!("{above}{dot}{own}")
            }
            _ => above,
        };
        if let (true, Object::Dict(value)) = (is_signature, file.value(&dict, "V")?) {
            found.push((name.clone(), value));
        }
        for kid in file.array(&dict, "Kids")?.into_iter().rev() {
            if next.len() < FIELDS_MAX {
                next.push((kid, is_signature, name.clone()));
            }
        }
    }
    Ok(found)
}

fn check_one(
    data: &[u8],
    file: &File<'_>,
    field: String,
    dict: &Dict,
    trust: &Trust,
) -> PdfSignature {
    let mut signature = PdfSignature {
        field,
        coverage: Coverage::Unknown,
        report: SignatureReport::empty(),
    };
    signature.report.chain.nobody_named = trust.is_empty();
    let form = match dict.get("SubFilter") {
        Some(Object::Name(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    };
    let place = match place(data, dict) {
        Ok(place) => place,
        Err(what) => {
            signature.report.flaws.push(Flaw::Layout(what));
            return signature;
        }
    };
    match form.as_str() {
        "ETSI.CAdES.detached" | "adbe.pkcs7.detached" => {
            check_bytes(data, dict, &place, trust, &mut signature.report);
        }
        "ETSI.RFC3161" => signature.report.unsettled.push(Unsettled::Timestamp),
        _ => signature.report.unsettled.push(Unsettled::Form(form)),
    }
    if signature.report.claimed_time.is_none() {
        signature.report.claimed_time = match dict.get("M") {
            Some(Object::Text(text)) => pdf_time(text),
            _ => None,
        };
    }
    signature.coverage = later(data, file, dict, place.end, &mut signature.report);
    signature
}

/// The bytes that are signed: from the start to the place of the signature,
/// and behind it to the end.
struct Place {
    hole: Range<usize>,
    end: usize,
}

/// The byte range, if it leaves out the signature's own digits and nothing else.
fn place(data: &[u8], dict: &Dict) -> Result<Place, &'static str> {
    let Some(Object::Array(range)) = dict.get("ByteRange") else {
        return Err("the signature does not say which bytes it signs");
    };
    let numbers: Option<Vec<usize>> = range.iter().map(Object::as_usize).collect();
    let Some([0, before, after, length]) = numbers.as_deref() else {
        return Err("the signature signs a strange selection of bytes");
    };
    let (before, after) = (*before, *after);
    let outside = "the signature signs bytes that are not there";
    let end = after.checked_add(*length).ok_or(outside)?;
    if end > data.len() || before >= after {
        return Err(outside);
    }
    let left_out = "the signature leaves out more than itself: what is there can be anything";
    let Some([b'<', digits @ .., b'>']) = data.get(before..after) else {
        return Err(left_out);
    };
    let Some(Object::Text(contents)) = dict.get("Contents") else {
        return Err("a signature is empty");
    };
    let mut pairs = digits.chunks_exact(2);
    let same = pairs.len() == contents.len()
        && pairs.by_ref().zip(contents).all(|(pair, byte)| match pair {
            [high, low] => nibble(*high).zip(nibble(*low)) == Some((byte >> 4, byte & 0x0F)),
            _ => false,
        });
    if !same || !pairs.remainder().is_empty() {
        return Err(left_out);
    }
    Ok(Place {
        hole: before..after,
        end,
    })
}

fn check_bytes(
    data: &[u8],
    dict: &Dict,
    place: &Place,
    trust: &Trust,
    report: &mut SignatureReport,
) {
    let Some(Object::Text(contents)) = dict.get("Contents") else {
        return;
    };
    let Ok(signed) = SignedFile::parse(contents) else {
        report
            .flaws
            .push(Flaw::Layout("the signature is damaged or none"));
        return;
    };
    if signed.signers.len() != 1 || signed.content.is_some() {
        report.flaws.push(Flaw::Layout(
            "the signature has a content of its own, or several signers",
        ));
        return;
    }
    let before = data.get(..place.hole.start).unwrap_or_default();
    let after = data.get(place.hole.end..place.end).unwrap_or_default();
    let Ok(digests) = ContentDigests::read(before.chain(after)) else {
        return;
    };
    if let Some(one) = cms::check(&signed, &digests, trust).into_iter().next() {
        *report = one;
    }
}

/// What was added behind the signed bytes.
fn later(
    data: &[u8],
    file: &File<'_>,
    dict: &Dict,
    end: usize,
    report: &mut SignatureReport,
) -> Coverage {
    let changed = Coverage::ChangedLater(data.len() - end);
    let signed = match File::parse(data.get(..end).unwrap_or_default()) {
        Ok(signed) => signed,
        Err(_) => {
            report
                .flaws
                .push(Flaw::Layout("the signed bytes are no whole PDF"));
            return changed;
        }
    };
    let own = signed_fields(&signed).unwrap_or_default();
    if !own.iter().any(|(_, own)| own == dict) {
        report.flaws.push(Flaw::Layout(
            "the signature is not in the bytes that it signs",
        ));
        return changed;
    }
    if end == data.len() {
        return Coverage::Whole;
    }
    match compare(&signed, file) {
        Ok(Later::Signatures) => Coverage::SignaturesLater(data.len() - end),
        Ok(Later::Changed(what)) => {
            report.flaws.push(Flaw::ChangedLater(what));
            changed
        }
        Err(error) => {
            report.flaws.push(Flaw::ChangedLater(error.to_string()));
            changed
        }
    }
}

/// A date of PDF (ISO 32000-2 §7.9.4): `D:YYYYMMDDHHmmSS`, then `Z` or an offset.
fn pdf_time(text: &[u8]) -> Option<DateTime> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix("D:")?;
    let number = |range: Range<usize>, default| match text.get(range) {
        Some(digits) => digits.parse().ok(),
        None => Some(default),
    };
    let year: u16 = text.get(..4)?.parse().ok()?;
    let part = |from: usize, default: u8| number(from..from + 2, default);
    let time = DateTime::new(
        year,
        part(4, 1)?,
        part(6, 1)?,
        part(8, 0)?,
        part(10, 0)?,
        part(12, 0)?,
    )
    .ok()?;
    let ahead = match text.as_bytes().get(14) {
        Some(b'+') => true,
        Some(b'-') => false,
        _ => return Some(time),
    };
    let hours: u64 = text.get(15..17)?.parse().ok()?;
    let minutes: u64 = text.get(18..20).and_then(|m| m.parse().ok()).unwrap_or(0);
    let offset = Duration::from_secs(hours * 3600 + minutes * 60);
    let since = time.unix_duration();
    let utc = if ahead {
        since.checked_sub(offset)
    } else {
        since.checked_add(offset)
    };
    DateTime::from_unix_duration(utc?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_pdf() {
        let time = |text: &str| pdf_time(text.as_bytes()).map(|time| time.to_string());
        let noon = Some("2026-01-31T12:00:00Z".to_owned());
        assert_eq!(time("D:20260131120000Z"), noon);
        assert_eq!(time("D:20260131140000+02'00'"), noon);
        assert_eq!(time("D:20260131063000-05'30"), noon);
        assert_eq!(time("D:2026"), Some("2026-01-01T00:00:00Z".to_owned()));
        for wrong in [
            "",
            "D:",
            "2026",
            "D:20261301",
            "D:20260131120000+ab",
            "D:1900",
        ] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }
}
