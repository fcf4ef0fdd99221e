// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of bounded length from a stream of bytes.

/// Bytes of the longest line, without its end. Enough for the longest path.
pub(super) const LONGEST_LINE: usize = 8192;

/// A line, or what stands for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    /// It was longer than [`LONGEST_LINE`]; nothing of it was kept.
    TooLong,
    NotUtf8,
}

/// Cuts bytes into lines. Never keeps more than one line too many.
#[derive(Debug, Default)]
pub(super) struct Lines {
    received: Vec<u8>,
    /// The rest of a line that was too long is being thrown away.
    skipping: bool,
}

impl Lines {
    /// Takes bytes in.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next whole line, if there is one. A carriage return at its end is dropped.
    pub(super) fn next(&mut self) -> Option<Line> {
        let Some(end) = self.received.iter().position(|&byte| byte == b'\n') else {
            if self.received.len() > LONGEST_LINE {
                self.received.clear();
                self.skipping = true;
            }
            return None;
        };
        let mut line: Vec<u8> = self.received.drain(..=end).collect();
        line.pop();
        Some(self.line(line))
    }

    /// The last line, if the stream ended without an end of line.
    pub(super) fn rest(&mut self) -> Option<Line> {
        let rest = std::mem::take(&mut self.received);
        (self.skipping || !rest.is_empty()).then(|| self.line(rest))
    }

    fn line(&mut self, mut line: Vec<u8>) -> Line {
        if std::mem::take(&mut self.skipping) || line.len() > LONGEST_LINE {
            return Line::TooLong;
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_or(Line::NotUtf8, Line::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<Line> {
        Some(Line::Text(text.to_owned()))
    }

    #[test]
    fn lines_in_any_pieces() {
        let bytes = b"one\r\n\ntwo words\nrest";
        for cut in 0..bytes.len() {
            let mut lines = Lines::default();
            let mut got = Vec::new();
            for piece in [&bytes[..cut], &bytes[cut..]] {
                lines.feed(piece);
                while let Some(line) = lines.next() {
                    got.push(line);
                }
            }
            got.extend(lines.rest());
            let all = ["one", "", "two words", "rest"].map(|t| Line::Text(t.to_owned()));
            assert_eq!(got, all, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory_and_the_next_one_is_good() {
        let mut lines = Lines::default();
        for _ in 0..10_000 {
            lines.feed(&[b'x'; 1000]);
            assert_eq!(lines.next(), None);
            assert!(lines.received.len() <= LONGEST_LINE + 1000);
        }
        lines.feed(b"y\nlist\n");
        assert_eq!(lines.next(), Some(Line::TooLong));
        assert_eq!(lines.next(), text("list"));
        assert_eq!(lines.rest(), None);
        let longest = "x".repeat(LONGEST_LINE);
        lines.feed(format!("{longest}\n{longest}x\n").as_bytes());
        assert_eq!(lines.next(), text(&longest));
        assert_eq!(lines.next(), Some(Line::TooLong));
        lines.feed(b"\xFF\n");
        assert_eq!(lines.next(), Some(Line::NotUtf8));
    }
}
