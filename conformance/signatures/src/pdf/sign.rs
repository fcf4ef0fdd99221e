// SPDX-License-Identifier: MIT OR Apache-2.0
//! Adding a signature to a PDF, behind everything that is there.

use super::PdfError;
use super::file::File;
use super::object::{Dict, Object, hex};
use der::DateTime;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Nodes of the page tree on the way to the first page.
const PAGES_MAX: usize = 64;
/// Digits of one number of the byte range.
const RANGE_DIGITS: usize = 10;

/// What a signature says beside who signed.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// The signer's name.
    pub name: String,
    /// Why, if that is to be said.
    pub reason: Option<String>,
    /// Where, if that is to be said.
    pub place: Option<String>,
}

/// A PDF with a place for a signature.
#[derive(Clone, Debug)]
pub struct Unsigned {
    /// The whole new document; zeros where the signature goes.
    document: Vec<u8>,
    /// Where the hexadecimal digits of the signature go.
    place: std::ops::Range<usize>,
}

impl Unsigned {
    /// Adds a signature field without appearance to the first page, with room
    /// for a CMS of `room` bytes.
    ///
    /// # Errors
    /// [`PdfError`].
    pub fn new(
        original: &[u8],
        time: DateTime,
        details: &Details,
        room: usize,
    ) -> Result<Self, PdfError> {
        let file = File::parse(original)?;
        let (root, mut catalogue) = file.catalogue()?;
        refuse_if_locked(&file, &catalogue)?;
        let mut update = Update::new(&file);
        let (signature, field) = (update.number()?, update.number()?);

        let form = file.dict(&catalogue, "AcroForm")?.unwrap_or_default();
        let fields = file.array(&form, "Fields")?;
        let (page, page_dict) = first_page(&file, &catalogue)?;
        update.set(
            (field, 0),
            Object::Dict(widget(free_name(&file, &fields)?, page, signature)),
        );

        // The field in the form, wherever the form and its list are.
        let entry = Object::Ref(field, 0);
        let mut new_form = form.clone();
        let own = update.append(&mut new_form, "Fields", fields, entry.clone());
        new_form.set("SigFlags", Object::int(3));
        match catalogue.get("AcroForm") {
            Some(Object::Ref(number, generation)) if !form.0.is_empty() => {
                if own || new_form != form {
                    update.set((*number, *generation), Object::Dict(new_form));
                }
            }
            _ => {
                catalogue.set("AcroForm", Object::Dict(new_form));
                update.set(root, Object::Dict(catalogue));
            }
        }
        // And on its page.
        let mut new_page = page_dict.clone();
        let annotations = file.array(&page_dict, "Annots")?;
        if update.append(&mut new_page, "Annots", annotations, entry) {
            update.set(page, Object::Dict(new_page));
        }
        update.write(signature, &dictionary(time, details), room)
    }

    /// The SHA-256 of everything but the place of the signature.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        // The angle brackets belong to the place (ISO 32000-2 §12.8.1).
        let before = self.document.get(..self.place.start - 1);
        let after = self.document.get(self.place.end + 1..);
        hash.update(before.unwrap_or_default());
        hash.update(after.unwrap_or_default());
        hash.finalize().into()
    }

    /// The document with the signature in its place.
    ///
    /// # Errors
    /// [`PdfError::Room`].
    pub fn finish(mut self, signature: &[u8]) -> Result<Vec<u8>, PdfError> {
        let digits = hex(signature);
        let room = self.place.len();
        let place = self.document.get_mut(self.place.clone());
        let place = place.and_then(|place| place.get_mut(..digits.len()));
        place
            .ok_or(PdfError::Room {
                found: signature.len(),
                room: room / 2,
            })?
            .copy_from_slice(&digits);
        Ok(self.document)
    }
}

/// A certification that allows nothing (DocMDP, permission 1).
fn refuse_if_locked(file: &File<'_>, catalogue: &Dict) -> Result<(), PdfError> {
    let Some(permissions) = file.dict(catalogue, "Perms")? else {
        return Ok(());
    };
    let Some(certification) = file.dict(&permissions, "DocMDP")? else {
        return Ok(());
    };
    for reference in file.array(&certification, "Reference")? {
        let Object::Dict(reference) = file.resolve(&reference)? else {
            continue;
        };
        let parameters = file.dict(&reference, "TransformParams")?;
        let allowed = parameters.and_then(|p| p.get("P").and_then(Object::as_int));
        if allowed == Some(1) {
            return Err(PdfError::Locked);
        }
    }
    Ok(())
}

fn first_page(file: &File<'_>, catalogue: &Dict) -> Result<((u32, u16), Dict), PdfError> {
    let mut next = catalogue.get("Pages").cloned();
    for _ in 0..PAGES_MAX {
        let Some(Object::Ref(number, generation)) = next else {
            break;
        };
        let Object::Dict(node) = file.get(number)?.value else {
            break;
        };
        let kids = file.array(&node, "Kids")?;
        if kids.is_empty() && !node.is_type("Pages") {
            return Ok(((number, generation), node));
        }
        // Branches without pages are passed over.
        next = None;
        for kid in kids {
            let Object::Dict(dict) = file.resolve(&kid)? else {
                continue;
            };
            let count = file.value(&dict, "Count")?.as_int();
            if !dict.is_type("Pages") || count != Some(0) {
                next = Some(kid);
                break;
            }
        }
    }
    Err(PdfError::Structure("it has no first page"))
}

/// `Signature1`, or the first number that no field has.
fn free_name(file: &File<'_>, fields: &[Object]) -> Result<String, PdfError> {
    let mut taken = BTreeSet::new();
    for field in fields {
        if let Object::Dict(field) = file.resolve(field)?
            && let Object::Text(name) = file.value(&field, "T")?
        {
            taken.insert(name);
        }
    }
    let names = (1..).map(|index: usize| format!("Signature{index}"));
    let mut free = names.filter(|name| !taken.contains(name.as_bytes()));
    Ok(free.next().unwrap_or_default())
}

/// Field and annotation in one: invisible, printed, locked.
fn widget(name: String, page: (u32, u16), signature: u32) -> Dict {
    let mut dict = Dict::default();
    dict.set("Type", Object::name("Annot"));
    dict.set("Subtype", Object::name("Widget"));
    dict.set("FT", Object::name("Sig"));
    dict.set("T", Object::Text(name.into_bytes()));
    dict.set("V", Object::Ref(signature, 0));
    dict.set("F", Object::int(132));
    dict.set("Rect", Object::Array(vec![Object::int(0); 4]));
    dict.set("P", Object::Ref(page.0, page.1));
    dict
}

/// The signature dictionary but for its contents and byte range.
fn dictionary(time: DateTime, details: &Details) -> Dict {
    let mut dict = Dict::default();
    dict.set("Type", Object::name("Sig"));
    dict.set("Filter", Object::name("Adobe.PPKLite"));
    dict.set("SubFilter", Object::name("ETSI.CAdES.detached"));
    let moment = format!(
        "D:{:04}{:02}{:02}{:02}{:02}{:02}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minutes(),
        time.seconds()
    );
    dict.set("M", Object::Text(moment.into_bytes()));
    let said = [
        ("Name", Some(&details.name)),
        ("Reason", details.reason.as_ref()),
        ("Location", details.place.as_ref()),
    ];
    for (key, text) in said {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            dict.set(key, Object::Text(text_string(text)));
        }
    }
    dict
}

/// A text string: ASCII as it is, else UTF-16 with a mark (ISO 32000-2 §7.9.2).
fn text_string(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_be_bytes).collect()
}

/// The objects of an incremental update.
struct Update<'a> {
    file: &'a File<'a>,
    next: usize,
    objects: BTreeMap<(u32, u16), Object>,
}

impl<'a> Update<'a> {
    fn new(file: &'a File<'a>) -> Self {
        let size = file.trailer.get("Size").and_then(Object::as_usize);
        let last = file.entries.keys().next_back().copied().unwrap_or(0);
        let beyond = usize::try_from(last).unwrap_or(0) + 1;
        Self {
            file,
            next: size.unwrap_or(0).max(beyond),
            objects: BTreeMap::new(),
        }
    }

    /// A number for a new object. Readers of PDF stop at 8,388,607.
    fn number(&mut self) -> Result<u32, PdfError> {
        let number = u32::try_from(self.next).ok();
        let number = number.filter(|number| *number < 8_388_607);
        self.next += 1;
        number.ok_or(PdfError::Structure("its numbers of objects are used up"))
    }

    fn set(&mut self, id: (u32, u16), object: Object) {
        self.objects.insert(id, object);
    }

    /// Appends to the array at a key of `dict`. An array that is an object of
    /// its own is updated there, and `dict` stays as it is; true if `dict`
    /// itself was changed.
    fn append(&mut self, dict: &mut Dict, key: &str, mut items: Vec<Object>, new: Object) -> bool {
        items.push(new);
        match dict.get(key) {
            Some(Object::Ref(number, generation)) if items.len() > 1 => {
                self.set((*number, *generation), Object::Array(items));
                false
            }
            _ => {
                dict.set(key, Object::Array(items));
                true
            }
        }
    }

    fn write(mut self, signature: u32, dict: &Dict, room: usize) -> Result<Unsigned, PdfError> {
        let mut out = self.file.data.to_vec();
        if out.last() != Some(&b'\n') {
            out.push(b'\n');
        }
        let mut places: BTreeMap<u32, (usize, u16)> = BTreeMap::new();
        for ((number, generation), object) in &self.objects {
            // An object from a stream of objects gets a life of its own.
            places.insert(*number, (out.len(), *generation));
            out.extend(format!("{number} {generation} obj\n").into_bytes());
            object.write(&mut out);
            out.extend(b"\nendobj\n");
        }
        places.insert(signature, (out.len(), 0));
        out.extend(format!("{signature} 0 obj\n").into_bytes());
        let mut text = Vec::new();
        dict.write(&mut text);
        text.truncate(text.len() - 2);
        out.extend(text);
        out.extend(b"/Contents <");
        let place = out.len()..out.len() + 2 * room;
        out.resize(place.end, b'0');
        out.extend(b">/ByteRange [0 ");
        let range = out.len();
        let blanks = 3 * (RANGE_DIGITS + 1);
        out.resize(range + blanks, b' ');
        out.extend(b"]>>\nendobj\n");
        self.cross_reference(&mut out, &mut places)?;

        let after = place.end + 1;
        let numbers = [place.start - 1, after, out.len() - after];
        let [a, b, c] = numbers.map(|number| format!("{number:<RANGE_DIGITS$} "));
        let text = [a, b, c].concat();
        let field = out.get_mut(range..range + blanks);
        let field = field.filter(|field| field.len() == text.len());
        field
            .ok_or(PdfError::Structure("it is too long to be signed"))?
            .copy_from_slice(text.as_bytes());
        Ok(Unsigned {
            document: out,
            place,
        })
    }

    /// Cross-reference and trailer in the form of the newest ones.
    fn cross_reference(
        &mut self,
        out: &mut Vec<u8>,
        places: &mut BTreeMap<u32, (usize, u16)>,
    ) -> Result<(), PdfError> {
        let own = self.file.by_stream.then(|| self.number()).transpose()?;
        let at = out.len();
        let mut trailer = self.file.trailer.clone();
        for key in [
            "XRefStm",
            "W",
            "Index",
            "Filter",
            "DecodeParms",
            "Length",
            "Type",
        ] {
            trailer.remove(key);
        }
        trailer.set("Size", Object::int(self.next));
        trailer.set("Prev", Object::int(self.file.newest));
        if let Some(Object::Array(ids)) = trailer.get("ID") {
            // The second changes with every update (ISO 32000-2 §14.4).
            if let [first, _] = ids.as_slice() {
                let second = Sha256::digest(&out).get(..16).unwrap_or_default().to_vec();
                let ids = vec![first.clone(), Object::Text(second)];
                trailer.set("ID", Object::Array(ids));
            }
        }
        if let Some(number) = own {
            places.insert(number, (at, 0));
        }
        let runs = runs(places);
        match own {
            None => {
                out.extend(b"xref\n");
                for run in runs {
                    let first = run.first().map_or(0, |(number, _)| *number);
                    out.extend(format!("{first} {}\n", run.len()).into_bytes());
                    for (_, (offset, generation)) in run {
                        out.extend(format!("{offset:010} {generation:05} n \n").into_bytes());
                    }
                }
                out.extend(b"trailer\n");
                trailer.write(out);
            }
            Some(number) => {
                let mut index = Vec::new();
                let mut rows = Vec::new();
                for run in runs {
                    let first = run.first().map_or(0, |(number, _)| *number);
                    let first = usize::try_from(first).unwrap_or(0);
                    index.extend([Object::int(first), Object::int(run.len())]);
                    for (_, (offset, generation)) in run {
                        let offset = u32::try_from(offset)
                            .map_err(|_| PdfError::Structure("it is too long to be signed"))?;
                        rows.push(1);
                        rows.extend(offset.to_be_bytes());
                        rows.extend(generation.to_be_bytes());
                    }
                }
                trailer.set("Type", Object::name("XRef"));
                let widths = [1, 4, 2].map(Object::int);
                trailer.set("W", Object::Array(widths.to_vec()));
                trailer.set("Index", Object::Array(index));
                trailer.set("Length", Object::int(rows.len()));
                out.extend(format!("{number} 0 obj\n").into_bytes());
                trailer.write(out);
                out.extend(b"\nstream\n");
                out.extend(rows);
                out.extend(b"\nendstream\nendobj");
            }
        }
        out.extend(format!("\nstartxref\n{at}\n%%EOF\n").into_bytes());
        Ok(())
    }
}

type Place = (u32, (usize, u16));

/// Runs of numbers without gaps.
fn runs(places: &BTreeMap<u32, (usize, u16)>) -> Vec<Vec<Place>> {
    let mut runs: Vec<Vec<Place>> = Vec::new();
    for (number, place) in places {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|(last, _)| last + 1 == *number) => {
                run.push((*number, *place));
            }
            _ => runs.push(vec![(*number, *place)]),
        }
    }
    runs
}
