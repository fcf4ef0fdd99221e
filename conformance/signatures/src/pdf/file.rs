// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PDF by its cross-reference tables and streams (ISO 32000-2 §7.5), strictly:
//! what other programs would repair is refused, because a signature is about
//! bytes, and two repairs may show two documents.

use super::PdfError;
use super::object::{Dict, Lexer, Object};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Updates of one document; each signature is one.
const SECTIONS_MAX: usize = 4096;
/// Bytes that streams of objects may inflate to, together.
const INFLATED_MAX: usize = 256 << 20;
/// How far from the end `startxref` may be.
const TAIL: usize = 2048;
/// References to references.
const HOPS_MAX: usize = 16;

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Free,
    At {
        offset: usize,
        generation: u16,
    },
    /// In a stream of objects.
    In {
        stream: u32,
        index: usize,
    },
}

/// An object with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indirect<'a> {
    pub(super) value: Object,
    /// The raw bytes of a stream; its dictionary is `value`.
    pub(super) stream: Option<&'a [u8]>,
}

/// A stream of objects, inflated: the objects' numbers and places.
#[derive(Debug)]
struct Container {
    data: Vec<u8>,
    places: Vec<(u32, usize)>,
}

/// One document.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) data: &'a [u8],
    pub(super) entries: BTreeMap<u32, Entry>,
    /// The newest trailer.
    pub(super) trailer: Dict,
    /// Where the newest cross-reference is.
    pub(super) newest: usize,
    /// The newest cross-reference is a stream.
    pub(super) by_stream: bool,
    containers: RefCell<BTreeMap<u32, Rc<Container>>>,
    inflated: RefCell<usize>,
}

impl<'a> File<'a> {
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, PdfError> {
        if !data.starts_with(b"%PDF-") {
            return Err(PdfError::NotPdf);
        }
        let newest = start(data)?;
        let mut file = Self {
            data,
            entries: BTreeMap::new(),
            trailer: Dict::default(),
            newest,
            by_stream: false,
            containers: RefCell::default(),
            inflated: RefCell::new(0),
        };
        let mut seen = BTreeSet::new();
        let mut next = vec![newest];
        while let Some(offset) = next.pop() {
            if !seen.insert(offset) {
                return Err(PdfError::Structure("its cross-references go in circles"));
            }
            if seen.len() > SECTIONS_MAX {
                return Err(PdfError::Structure("it has too many updates"));
            }
            let first = seen.len() == 1;
            let (trailer, by_stream) = file.section(offset)?;
            let place = |key| match trailer.get(key) {
                None => Ok(None),
                Some(at) => at
                    .as_usize()
                    .map(Some)
                    .ok_or(PdfError::Structure("a cross-reference has no place")),
            };
            // What lies above is read first.
            next.extend(place("Prev")?);
            if !by_stream {
                next.extend(place("XRefStm")?);
            }
            if first {
                file.by_stream = by_stream;
                file.trailer = trailer;
            }
        }
        if file.trailer.get("Encrypt").is_some() {
            return Err(PdfError::Encrypted);
        }
        Ok(file)
    }

    /// One cross-reference table or stream. Entries that are already known are
    /// newer.
    fn section(&mut self, offset: usize) -> Result<(Dict, bool), PdfError> {
        let mut lexer = Lexer {
            data: self.data,
            at: offset,
        };
        if !lexer.word("xref") {
            return self.section_stream(offset).map(|trailer| (trailer, true));
        }
        while !lexer.word("trailer") {
            let (first, count) = (lexer.usize()?, lexer.usize()?);
            for index in 0..count {
                let (place, generation) = (lexer.usize()?, lexer.usize()?);
                let entry = if lexer.word("n") {
                    Entry::At {
                        offset: place,
                        generation: u16::try_from(generation).unwrap_or(u16::MAX),
                    }
                } else if lexer.word("f") {
                    Entry::Free
                } else {
                    return Err(PdfError::Structure("a cross-reference is no table"));
                };
                self.enter(first.saturating_add(index), entry)?;
            }
        }
        Ok((lexer.dict()?, false))
    }

    fn enter(&mut self, number: usize, entry: Entry) -> Result<(), PdfError> {
        let number = u32::try_from(number)
            .map_err(|_| PdfError::Structure("an object's number is too large"))?;
        self.entries.entry(number).or_insert(entry);
        Ok(())
    }

    fn section_stream(&mut self, offset: usize) -> Result<Dict, PdfError> {
        const WHAT: PdfError = PdfError::Structure("a cross-reference is neither table nor stream");
        let (_, object) = self.indirect(offset, false)?;
        let (Object::Dict(dict), Some(raw)) = (object.value, object.stream) else {
            return Err(WHAT);
        };
        if !dict.is_type("XRef") {
            return Err(WHAT);
        }
        let data = self.inflate(&dict, raw)?;
        let numbers = |key| match dict.get(key) {
            Some(Object::Array(items)) => items.iter().map(Object::as_usize).collect(),
            _ => None,
        };
        let widths: Vec<usize> = numbers("W").ok_or(WHAT)?;
        let [kind_len, b_len, c_len] = *widths.as_slice() else {
            return Err(WHAT);
        };
        if [kind_len, b_len, c_len].iter().any(|w| *w > 8) || b_len == 0 {
            return Err(WHAT);
        }
        let size = dict.get("Size").and_then(Object::as_usize).ok_or(WHAT)?;
        let index: Vec<usize> = numbers("Index").unwrap_or_else(|| vec![0, size]);
        let mut rows = data.chunks_exact(kind_len + b_len + c_len);
        for range in index.chunks_exact(2) {
            let [first, count] = *range else { continue };
            for step in 0..count {
                // The rows end before a count that lies.
                let row = rows.next().ok_or(WHAT)?;
                let (kind, rest) = row.split_at(kind_len);
                let (b, c) = rest.split_at(b_len);
                let number = |bytes: &[u8]| {
                    let wide = bytes
                        .iter()
                        .fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
                    usize::try_from(wide).unwrap_or(usize::MAX)
                };
                let kind = if kind.is_empty() { 1 } else { number(kind) };
                let entry = match kind {
                    0 => Entry::Free,
                    1 => Entry::At {
                        offset: number(b),
                        generation: u16::try_from(number(c)).unwrap_or(u16::MAX),
                    },
                    2 => Entry::In {
                        stream: u32::try_from(number(b)).map_err(|_| WHAT)?,
                        index: number(c),
                    },
                    _ => continue,
                };
                self.enter(first.saturating_add(step), entry)?;
            }
        }
        Ok(dict)
    }

    /// The object at an offset, with its number. Its stream's length may be
    /// another object only if `lengths` says so: while the cross-reference is
    /// still being read there is none.
    fn indirect(
        &self,
        offset: usize,
        lengths: bool,
    ) -> Result<((u32, u16), Indirect<'a>), PdfError> {
        let mut lexer = Lexer {
            data: self.data,
            at: offset,
        };
        let wrong = PdfError::Object { at: offset };
        let number = lexer.usize().map_err(|_| wrong.clone())?;
        let generation = lexer.usize().map_err(|_| wrong.clone())?;
        let id = (
            u32::try_from(number).map_err(|_| wrong.clone())?,
            u16::try_from(generation).map_err(|_| wrong.clone())?,
        );
        if !lexer.word("obj") {
            return Err(wrong);
        }
        let value = lexer.object()?;
        let dict = match &value {
            Object::Dict(dict) if lexer.word("stream") => dict,
            _ if lexer.word("endobj") => {
                let stream = None;
                return Ok((id, Indirect { value, stream }));
            }
            _ => return Err(wrong),
        };
        // A line feed, perhaps behind a carriage return.
        let from = match self.data.get(lexer.at..lexer.at + 2) {
            Some([b'\n', _]) => lexer.at + 1,
            Some(b"\r\n") => lexer.at + 2,
            _ => return Err(wrong),
        };
        let length = match dict.get("Length") {
            Some(Object::Ref(number, _)) if lengths => match self.entries.get(number) {
                Some(Entry::At { offset, .. }) => self.indirect(*offset, false)?.1.value.as_usize(),
                _ => None,
            },
            Some(length) => length.as_usize(),
            None => None,
        };
        let end = length.and_then(|length| from.checked_add(length));
        let stream = end.and_then(|end| self.data.get(from..end));
        let stream = stream.ok_or(wrong.clone())?;
        lexer.at = from + stream.len();
        if !lexer.word("endstream") || !lexer.word("endobj") {
            return Err(wrong);
        }
        let stream = Some(stream);
        Ok((id, Indirect { value, stream }))
    }

    /// The bytes of a stream without filter, or deflated.
    fn inflate(&self, dict: &Dict, raw: &[u8]) -> Result<Vec<u8>, PdfError> {
        const WHAT: PdfError = PdfError::Structure("a stream of objects is packed in another way");
        let only = |key| match dict.get(key) {
            Some(Object::Array(items)) => match items.as_slice() {
                [] => Ok(None),
                [one] => Ok(Some(one.clone())),
                _ => Err(WHAT),
            },
            Some(Object::Null) | None => Ok(None),
            Some(one) => Ok(Some(one.clone())),
        };
        let spent = *self.inflated.borrow();
        let data = match only("Filter")? {
            None => raw.to_vec(),
            Some(name) if name.is_name("FlateDecode") => {
                decompress_to_vec_zlib_with_limit(raw, INFLATED_MAX.saturating_sub(spent))
                    .map_err(|_| PdfError::Structure("a stream is damaged or far too long"))?
            }
            Some(_) => return Err(WHAT),
        };
        *self.inflated.borrow_mut() = spent.saturating_add(data.len());
        match only("DecodeParms")? {
            Some(Object::Dict(parameters)) => unpredicted(&parameters, data),
            _ => Ok(data),
        }
    }

    /// The object with this number; nothing for one that is not there.
    pub(super) fn get(&self, number: u32) -> Result<Indirect<'a>, PdfError> {
        let nothing = Indirect {
            value: Object::Null,
            stream: None,
        };
        match self.entries.get(&number) {
            None | Some(Entry::Free) => Ok(nothing),
            Some(Entry::At { offset, generation }) => {
                let (id, object) = self.indirect(*offset, true)?;
                if id != (number, *generation) {
                    return Err(PdfError::Object { at: *offset });
                }
                Ok(object)
            }
            Some(Entry::In { stream, index }) => {
                let container = self.container(*stream)?;
                let place = container.places.get(*index);
                let (_, at) = *place
                    .filter(|(own, _)| *own == number)
                    .ok_or(PdfError::Structure("a stream of objects lacks one"))?;
                let value = Lexer {
                    data: &container.data,
                    at,
                }
                .object()?;
                let stream = None;
                Ok(Indirect { value, stream })
            }
        }
    }

    fn container(&self, number: u32) -> Result<Rc<Container>, PdfError> {
        const WHAT: PdfError = PdfError::Structure("a stream of objects is none");
        if let Some(known) = self.containers.borrow().get(&number) {
            return Ok(Rc::clone(known));
        }
        let Some(Entry::At { offset, .. }) = self.entries.get(&number) else {
            return Err(WHAT);
        };
        let (id, object) = self.indirect(*offset, true)?;
        let (Object::Dict(dict), Some(raw)) = (object.value, object.stream) else {
            return Err(WHAT);
        };
        if id.0 != number || !dict.is_type("ObjStm") {
            return Err(WHAT);
        }
        let data = self.inflate(&dict, raw)?;
        let number_of = |key| dict.get(key).and_then(Object::as_usize).ok_or(WHAT);
        let (count, first) = (number_of("N")?, number_of("First")?);
        let mut lexer = Lexer { data: &data, at: 0 };
        let mut places = Vec::new();
        for _ in 0..count {
            let number = u32::try_from(lexer.usize()?).map_err(|_| WHAT)?;
            places.push((number, first.saturating_add(lexer.usize()?)));
        }
        let container = Rc::new(Container { data, places });
        let mut known = self.containers.borrow_mut();
        known.insert(number, Rc::clone(&container));
        Ok(container)
    }

    /// The object behind references.
    pub(super) fn resolve(&self, object: &Object) -> Result<Object, PdfError> {
        let mut object = object.clone();
        for _ in 0..HOPS_MAX {
            match object {
                Object::Ref(number, _) => object = self.get(number)?.value,
                other => return Ok(other),
            }
        }
        Err(PdfError::Structure("references go in circles"))
    }

    /// The value of a key, behind references; nothing if it is not there.
    pub(super) fn value(&self, dict: &Dict, key: &str) -> Result<Object, PdfError> {
        dict.get(key).map_or(Ok(Object::Null), |v| self.resolve(v))
    }

    /// The dictionary at a key, behind references.
    pub(super) fn dict(&self, dict: &Dict, key: &str) -> Result<Option<Dict>, PdfError> {
        Ok(match self.value(dict, key)? {
            Object::Dict(dict) => Some(dict),
            _ => None,
        })
    }

    /// The array at a key, behind references.
    pub(super) fn array(&self, dict: &Dict, key: &str) -> Result<Vec<Object>, PdfError> {
        Ok(match self.value(dict, key)? {
            Object::Array(items) => items,
            _ => Vec::new(),
        })
    }

    /// The catalogue, with its number and generation.
    pub(super) fn catalogue(&self) -> Result<((u32, u16), Dict), PdfError> {
        const WHAT: PdfError = PdfError::Structure("it has no catalogue");
        let Some(Object::Ref(number, generation)) = self.trailer.get("Root") else {
            return Err(WHAT);
        };
        match self.get(*number)?.value {
            Object::Dict(dict) => Ok(((*number, *generation), dict)),
            _ => Err(WHAT),
        }
    }
}

/// The last `startxref`.
fn start(data: &[u8]) -> Result<usize, PdfError> {
    const WHAT: PdfError = PdfError::Structure("its end is missing; it may be cut off");
    let tail = data.len().saturating_sub(TAIL);
    let word = b"startxref";
    let windows = data.get(tail..).unwrap_or_default().windows(word.len());
    let found = windows.rev().position(|window| window == word);
    let from_end = found.ok_or(WHAT)?;
    let mut lexer = Lexer {
        data,
        at: data.len() - from_end,
    };
    lexer.usize().map_err(|_| WHAT)
}

/// Undoes a predictor of PNG (ISO 32000-2 §7.4.4.4), for rows of bytes.
fn unpredicted(parameters: &Dict, data: Vec<u8>) -> Result<Vec<u8>, PdfError> {
    const WHAT: PdfError = PdfError::Structure("a stream of objects is predicted in another way");
    let number = |key, default| match parameters.get(key) {
        None => Ok(default),
        Some(value) => value.as_usize().ok_or(WHAT),
    };
    let columns = match number("Predictor", 1)? {
        1 => return Ok(data),
        10..=15 => number("Columns", 1)?,
        _ => return Err(WHAT),
    };
    if number("Colors", 1)? != 1 || number("BitsPerComponent", 8)? != 8 {
        return Err(WHAT);
    }
    if columns == 0 || columns > 1 << 16 {
        return Err(WHAT);
    }
    let mut out: Vec<u8> = Vec::with_capacity(data.len());
    let mut above = vec![0_u8; columns];
    for row in data.chunks_exact(columns + 1) {
        let Some((kind, row)) = row.split_first() else {
            break;
        };
        let (mut left, mut corner) = (0_u8, 0_u8);
        let mut new = Vec::with_capacity(columns);
        for (byte, up) in row.iter().zip(&above) {
            let guess = match kind {
                0 => 0,
                1 => left,
                2 => *up,
                3 => u8::midpoint(left, *up),
                4 => paeth(left, *up, corner),
                _ => return Err(WHAT),
            };
            left = byte.wrapping_add(guess);
            corner = *up;
            new.push(left);
        }
        out.extend(&new);
        above = new;
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let guess = a + b - c;
    let (da, db, dc) = ((guess - a).abs(), (guess - b).abs(), (guess - c).abs());
    if da <= db && da <= dc {
        left
    } else if db <= dc {
        up
    } else {
        corner
    }
}
