// SPDX-License-Identifier: MIT OR Apache-2.0
//! PDF objects (ISO 32000-2 §7.3): reading them from bytes and writing them.

use super::PdfError;

/// How deep arrays and dictionaries may lie in each other.
const DEPTH_MAX: usize = 64;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Null,
    Bool(bool),
    /// As it was written: it is never computed with unless it is whole.
    Number(Vec<u8>),
    Text(Vec<u8>),
    Name(Vec<u8>),
    Array(Vec<Object>),
    Dict(Dict),
    Ref(u32, u16),
}

/// A dictionary, in its order. Of two equal keys the later one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dict(pub(super) Vec<(Vec<u8>, Object)>);

impl Object {
    pub(super) fn int(number: usize) -> Self {
        Self::Number(number.to_string().into_bytes())
    }

    pub(super) fn name(name: &str) -> Self {
        Self::Name(name.as_bytes().to_vec())
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Number(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn as_usize(&self) -> Option<usize> {
        usize::try_from(self.as_int()?).ok()
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(own) if own == name.as_bytes())
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend(b"null"),
            Self::Bool(true) => out.extend(b"true"),
            Self::Bool(false) => out.extend(b"false"),
            Self::Number(digits) => out.extend(digits),
            Self::Text(bytes) => {
                out.push(b'<');
                out.extend(hex(bytes));
                out.push(b'>');
            }
            Self::Name(name) => write_name(name, out),
            Self::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b' ');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Dict(dict) => dict.write(out),
            Self::Ref(number, generation) => {
                out.extend(format!("{number} {generation} R").into_bytes());
            }
        }
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + nibble - 10,
    };
    let mut out = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.extend([digit(byte >> 4), digit(byte & 0x0F)]);
    }
    out
}

fn write_name(name: &[u8], out: &mut Vec<u8>) {
    out.push(b'/');
    for byte in name {
        if byte.is_ascii_graphic() && !is_delimiter(*byte) && *byte != b'#' {
            out.push(*byte);
        } else {
            out.push(b'#');
            out.extend(hex(&[*byte]));
        }
    }
}

impl Dict {
    pub(super) fn get(&self, key: &str) -> Option<&Object> {
        let mut found = self.0.iter().rev();
        found.find(|(k, _)| k == key.as_bytes()).map(|(_, v)| v)
    }

    pub(super) fn set(&mut self, key: &str, value: Object) {
        match self.0.iter_mut().rev().find(|(k, _)| k == key.as_bytes()) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.as_bytes().to_vec(), value)),
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| k != key.as_bytes());
    }

    pub(super) fn is_type(&self, name: &str) -> bool {
        self.get("Type").is_some_and(|kind| kind.is_name(name))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(b"<<");
        for (key, value) in &self.0 {
            write_name(key, out);
            out.push(b' ');
            value.write(out);
        }
        out.extend(b">>");
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

/// Reads objects from `data`, from `at` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn bad<T>(&self, what: &'static str) -> Result<T, PdfError> {
        Err(PdfError::Syntax { at: self.at, what })
    }

    /// Passes blanks and comments.
    pub(super) fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                while self.peek().is_some_and(|b| b != b'\n' && b != b'\r') {
                    self.at += 1;
                }
            } else if is_blank(byte) {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    /// True, and past it, if this word is next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.skip();
        let end = self.at + word.len();
        let here = self.data.get(self.at..end) == Some(word.as_bytes());
        let ends = self
            .data
            .get(end)
            .is_none_or(|b| is_blank(*b) || is_delimiter(*b));
        if here && ends {
            self.at = end;
        }
        here && ends
    }

    /// A row of letters and digits.
    fn token(&mut self) -> &'a [u8] {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|b| !is_blank(b) && !is_delimiter(b))
        {
            self.at += 1;
        }
        self.data.get(start..self.at).unwrap_or_default()
    }

    /// A whole number.
    pub(super) fn int(&mut self) -> Result<i64, PdfError> {
        self.skip();
        let before = *self;
        match Object::Number(self.token().to_vec()).as_int() {
            Some(number) => Ok(number),
            None => before.bad("no whole number"),
        }
    }

    pub(super) fn usize(&mut self) -> Result<usize, PdfError> {
        let before = *self;
        let number = self.int()?;
        usize::try_from(number).or_else(|_| before.bad("a negative number"))
    }

    pub(super) fn object(&mut self) -> Result<Object, PdfError> {
        self.nested(0)
    }

    pub(super) fn dict(&mut self) -> Result<Dict, PdfError> {
        match self.object()? {
            Object::Dict(dict) => Ok(dict),
            _ => self.bad("no dictionary"),
        }
    }

    fn nested(&mut self, depth: usize) -> Result<Object, PdfError> {
        if depth > DEPTH_MAX {
            return self.bad("objects within objects without end");
        }
        self.skip();
        match self.peek() {
            Some(b'/') => self.name().map(Object::Name),
            Some(b'(') => self.text().map(Object::Text),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                loop {
                    self.skip();
                    if self.peek() == Some(b']') {
                        self.at += 1;
                        return Ok(Object::Array(items));
                    }
                    items.push(self.nested(depth + 1)?);
                }
            }
            Some(b'<') if self.data.get(self.at + 1) == Some(&b'<') => {
                self.at += 2;
                let mut dict = Dict::default();
                loop {
                    self.skip();
                    if self.data.get(self.at..self.at + 2) == Some(b">>") {
                        self.at += 2;
                        return Ok(Object::Dict(dict));
                    }
                    let key = self.name()?;
                    dict.0.push((key, self.nested(depth + 1)?));
                }
            }
            Some(b'<') => self.hexadecimal().map(Object::Text),
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => Ok(self.number()),
            _ => {
                let before = *self;
                match self.token() {
                    b"true" => Ok(Object::Bool(true)),
                    b"false" => Ok(Object::Bool(false)),
                    b"null" => Ok(Object::Null),
                    _ => before.bad("no object"),
                }
            }
        }
    }

    /// A number, or a reference if it is the first of `N G R`.
    fn number(&mut self) -> Object {
        let digits = self.token().to_vec();
        let mut ahead = *self;
        let number = Object::Number(digits);
        let own = number.as_int().and_then(|n| u32::try_from(n).ok());
        if let (Some(own), Ok(generation)) = (own, ahead.int())
            && let (Ok(generation), true) = (u16::try_from(generation), ahead.word("R"))
        {
            *self = ahead;
            return Object::Ref(own, generation);
        }
        number
    }

    fn name(&mut self) -> Result<Vec<u8>, PdfError> {
        if self.peek() != Some(b'/') {
            return self.bad("no name");
        }
        self.at += 1;
        let raw = self.token();
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let escaped = match (first, after) {
                (b'#', [high, low, ..]) => nibble(*high).zip(nibble(*low)),
                _ => None,
            };
            match escaped {
                Some((high, low)) => {
                    name.push(high << 4 | low);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => name.push(*first),
            }
        }
        Ok(name)
    }

    fn hexadecimal(&mut self) -> Result<Vec<u8>, PdfError> {
        self.at += 1;
        let mut digits = Vec::new();
        loop {
            match self.peek() {
                Some(b'>') => break,
                Some(byte) if is_blank(byte) => {}
                Some(byte) => match nibble(byte) {
                    Some(digit) => digits.push(digit),
                    None => return self.bad("no hexadecimal digit"),
                },
                None => return self.bad("a string without end"),
            }
            self.at += 1;
        }
        self.at += 1;
        let pairs = digits.chunks(2);
        let byte = |pair: &[u8]| match pair {
            [high, low] => high << 4 | low,
            [high] => high << 4,
            _ => 0,
        };
        Ok(pairs.map(byte).collect())
    }

    fn text(&mut self) -> Result<Vec<u8>, PdfError> {
        self.at += 1;
        let (mut out, mut open) = (Vec::new(), 1_usize);
        loop {
            let Some(byte) = self.peek() else {
                return self.bad("a string without end");
            };
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => open -= 1,
                b'\\' => {
                    self.escape(&mut out);
                    continue;
                }
                _ => {}
            }
            if open == 0 {
                return Ok(out);
            }
            out.push(byte);
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        match byte {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'\n' => {}
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    match self.peek() {
                        Some(digit @ b'0'..=b'7') => {
                            value = value << 3 | u32::from(digit - b'0');
                            self.at += 1;
                        }
                        _ => break,
                    }
                }
                let [.., byte] = value.to_be_bytes();
                out.push(byte);
            }
            other => out.push(other),
        }
    }
}

pub(super) fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Result<Object, PdfError> {
        Lexer { data: text, at: 0 }.object()
    }

    #[test]
    fn objects_as_they_are_written() {
        let text = b"<</A#20B[1 -2.5 0 3 7 R]/C(a\\(b\\051(c)\\n\\101)/D<48 4>%x\n/E true/F null>>";
        let Object::Dict(dict) = read(text).unwrap() else {
            panic!("no dictionary")
        };
        let array = [
            Object::int(1),
            Object::Number(b"-2.5".to_vec()),
            Object::int(0),
            Object::Ref(3, 7),
        ];
        assert_eq!(dict.get("A B"), Some(&Object::Array(array.to_vec())));
        assert_eq!(dict.get("C"), Some(&Object::Text(b"a(b)(c)\nA".to_vec())));
        assert_eq!(dict.get("D"), Some(&Object::Text(b"H@".to_vec())));
        assert_eq!(dict.get("F"), Some(&Object::Null));
        let mut again = Vec::new();
        dict.write(&mut again);
        assert_eq!(read(&again).unwrap(), Object::Dict(dict));
    }

    #[test]
    fn endless_nesting_is_refused() {
        assert!(read(&[b'['; 100_000]).is_err());
        assert!(read(&b"<</A".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data in "[ -~\n]{0,200}") {
            if let Ok(object) = read(data.as_bytes()) {
                let mut out = Vec::new();
                object.write(&mut out);
                prop_assert_eq!(read(&out), Ok(object));
            }
        }
    }
}
