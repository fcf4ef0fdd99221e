// SPDX-License-Identifier: MIT OR Apache-2.0
//! The structures on the socket: 32-bit numbers in the machine's byte order
//! and fields of fixed length, one after the other.

/// A request body under construction: header first, size filled in at the end.
#[derive(Clone, Debug)]
pub(super) struct Body(Vec<u8>);

impl Body {
    pub fn new(command: u32) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(command.to_ne_bytes());
        Self(bytes)
    }

    #[must_use]
    pub fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    #[must_use]
    pub fn signed(mut self, number: i32) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    /// Text in a field of fixed length, filled with NUL.
    #[must_use]
    pub fn field(mut self, bytes: &[u8], length: usize) -> Self {
        let end = self.0.len() + length;
        self.0.extend(bytes.iter().take(length));
        self.0.resize(end, 0);
        self
    }

    /// The request: size, command, body. A buffer behind it is not counted.
    pub fn finish(mut self) -> Vec<u8> {
        let size = u32::try_from(self.0.len().saturating_sub(8)).unwrap_or(u32::MAX);
        for (to, from) in self.0.iter_mut().zip(size.to_ne_bytes()) {
            *to = from;
        }
        self.0
    }
}

/// Reads a reply field by field. Fields beyond the end read as zero; replies
/// have a fixed size, so that does not happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at_checked(length).unwrap_or((self.0, &[]));
        self.0 = tail;
        head
    }

    fn word(&mut self) -> [u8; 4] {
        self.bytes(4).try_into().unwrap_or_default()
    }

    pub fn number(&mut self) -> u32 {
        u32::from_ne_bytes(self.word())
    }

    pub fn signed(&mut self) -> i32 {
        i32::from_ne_bytes(self.word())
    }

    /// A number that counts bytes or things.
    pub fn length(&mut self) -> usize {
        usize::try_from(self.number()).unwrap_or(usize::MAX)
    }

    /// Text up to the first NUL of a field.
    pub fn text(&mut self, length: usize) -> String {
        let field = self.bytes(length);
        let text = field.split(|b| *b == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }
}
