// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text that came from a card, a module or somebody's file, made harmless for
//! people to read.

use std::fmt::Write as _;

/// The text with everything that does not show as itself written as an escape:
/// control characters, which command a terminal; characters that change the
/// direction of writing or have no width, with which one text looks like
/// another; and what XML cannot hold. A backslash stays a backslash.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) {
            shown.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{{{:X}}}", u32::from(c));
        }
    }
    shown
}

/// The same, but line ends and tabs stay.
#[must_use]
pub fn visible_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(visible_with_tabs).collect();
    lines.join("\n")
}

fn visible_with_tabs(line: &str) -> String {
    let parts: Vec<_> = line.split('\t').map(visible).collect();
    parts.join("\t")
}

fn is_plain(c: char) -> bool {
    !matches!(c,
        '\u{0}'..='\u{1F}'
        | '\u{7F}'..='\u{9F}'
        // No width, or another direction.
        | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}'
    ) && u32::from(c) & 0xFFFE != 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_shown() {
        let plain = "Città «63C2» → 中文 \\ 🙂 <b>&";
        assert_eq!(visible(plain), plain);
        assert_eq!(visible("a\x1b[2Jb\0\r\n"), "a\\u{1B}[2Jb\\u{0}\\u{D}\\u{A}");
        assert_eq!(
            visible("\u{9B}\u{202E}\u{200B}\u{FFFF}\u{E0041}\u{FEFF}")
                .matches("\\u{")
                .count(),
            6
        );
        assert_eq!(visible_lines("a\n\tb\x07"), "a\n\tb\\u{7}");
    }

    #[test]
    fn nothing_that_commands_is_left_of_any_character() {
        for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let shown = visible(&c.to_string());
            assert!(!shown.chars().any(char::is_control), "{:X}", u32::from(c));
        }
    }
}
