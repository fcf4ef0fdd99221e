// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table as a page for people.

use super::areas::{UNTABLED, units};
use super::forge::KINDS;
use super::row::{Row, Start, Unit};
use super::script::{self, COMMANDS, Step};
use std::fmt::{self, Write};

const HEAD: &str = "# Every edge of the card

What the card answers at the rim of every rule. Each row is executed against a freshly personalised
card, through power and transmit only, by `cargo test -p cie-conformance --test edges`. This page
is written from the rows: `cargo run -p cie-conformance --example edges > docs/edges.md`.

";

const NOTATION: &str = "
## Notation

A row starts from a state and sends commands; each is shown with its answer.

| command | meaning |
|---|---|
| `00B081000C` | these bytes, in plain |
| `00A4040C(A00000000039)` | header and data field; Lc is filled in, more than 255 bytes go as a chain |
| `4D[70[A380]]` | a data object, its length filled in |
| `{PIN}`, `{EF1004:0..9}`, `{41*200}` | a known value, a part of one, a byte repeated |
| `sm …` | in secure messaging, cut into pieces of 231 bytes; the answer is protected and shown unwrapped, with the same status word outside |
| `piece …` | exactly one protected command, its chaining bit kept |
| `all …` | in plain, the answer fetched to its end by GET RESPONSE |
| `forged …: …` | in secure messaging with one fault, see below |
| `replay` | the last protected command again, byte for byte |
| `adopt …` | in plain, and the answer is the card's value for a new session; `adopt short: …` if another value than `share` was sent |
| `certificate …`, `proof …`, `card proof` | steps b, e and g of fact 4.4, good or with the named fault |
| `16x …` | so many times |

| answer | meaning |
|---|---|
| `9000` | this status word and no data |
| `{NIS} 9000`, `#9 9000`, `* 9000` | exactly these data, so many bytes, any bytes |
| `62~`, `~90`, `~90~` | data that begin with, end with, hold these bytes |
| `!{last}`, `without 81` | other data than in the last answer that had any, data that do not hold these bytes |
| `sig81(…)`, `sig83(…)` | a signature of this key over these bytes, verified |
| `plain 6988` | the answer to a protected command came without secure messaging |
| `… if by-aid else …` | families whose root is selected by AID, and the others |
| `… if extended else …` | families that take extended length, and the others |

Values: `WRONG` is eight digits that are neither PIN nor PUK, `NEW` eight others; `g`, `p`, `q` the
domain of the key agreement, `share` a public value of the terminal,
`padded` one with a leading zero byte, `short` the same without it; `N81` to `N84` the moduli of the
keys, `E84` the exponent of key 84; `L1001` the size of a file in two bytes; `EF1001` the content of that file.
";

/// The page `docs/edges.md`.
#[must_use]
pub fn render() -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut out);
    out
}

fn write_page(out: &mut String) -> fmt::Result {
    out.push_str(HEAD);
    write_counts(out)?;
    out.push_str(NOTATION);
    out.push_str("\n| name | command | what it does |\n|---|---|---|\n");
    for (name, bytes, meaning) in COMMANDS {
        writeln!(out, "| `{name}` | `{bytes}` | {meaning} |")?;
    }
    out.push_str("\n| state | how it is reached |\n|---|---|\n");
    for start in Start::ALL {
        writeln!(out, "| {} | {} |", start.name(), start.meaning())?;
    }
    out.push_str("\n| fault | what is sent |\n|---|---|\n");
    for (kind, meaning) in KINDS {
        writeln!(out, "| {kind} | {meaning} |")?;
    }
    for unit in units() {
        write_unit(out, unit)?;
    }
    out.push_str("\n## Rules without a row\n\n| rule | why |\n|---|---|\n");
    for (rule, why) in UNTABLED {
        writeln!(out, "| {rule} | {why} |")?;
    }
    Ok(())
}

fn write_counts(out: &mut String) -> fmt::Result {
    let rows: Vec<&Row> = units().iter().flat_map(|unit| unit.rows).collect();
    let of = |kind| rows.iter().filter(|row| row.ground.kind() == kind).count();
    writeln!(
        out,
        "**{} rows**: {} rest on a fact, {} on a standard, {} on a choice of this project\n\
         ([facts and choices](facts-and-choices.md)). Tags of facts: C a client sends or parses \
         it,\nR a real card was seen to do it.\nThe numbers are those of its [facts](facts-and-choices.md#facts), as in the comments of the code.\n",
        rows.len(),
        of("fact"),
        of("standard"),
        of("choice"),
    )?;
    out.push_str("| unit | about | rows | fact | standard | choice |\n|---|---|---|---|---|---|\n");
    for unit in units() {
        let of = |kind| {
            unit.rows
                .iter()
                .filter(|row| row.ground.kind() == kind)
                .count()
        };
        let link = anchor(unit);
        let (name, title, count) = (unit.name, unit.title, unit.rows.len());
        let (fact, standard, choice) = (of("fact"), of("standard"), of("choice"));
        writeln!(
            out,
            "| [{name}](#{link}) | {title} | {count} | {fact} | {standard} | {choice} |"
        )?;
    }
    Ok(())
}

fn anchor(unit: &Unit) -> String {
    let text = format!("{} {}", unit.name, unit.title).to_lowercase();
    text.chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' => Some(c),
            _ => None,
        })
        .collect()
}

fn write_unit(out: &mut String, unit: &Unit) -> fmt::Result {
    writeln!(out, "\n## {}: {}\n", unit.name, unit.title)?;
    out.push_str("| id | situation | from | command | answer | ground |\n");
    out.push_str("|---|---|---|---|---|---|\n");
    for row in unit.rows {
        let (families, steps) = script::parse(row.script).unwrap_or_default();
        let only = if families.is_empty() {
            String::new()
        } else {
            format!(" (families: {})", families.join(", "))
        };
        let column = |cell: fn(&Step<'_>) -> String| {
            let cells: Vec<_> = steps.iter().map(cell).collect();
            cells.join("<br>")
        };
        let commands = column(|step| match step.times {
            1 => code(step.action),
            times => format!("{times} × {}", code(step.action)),
        });
        let answers = column(|step| code(step.answer));
        writeln!(
            out,
            "| {} | {}{only} | {} | {commands} | {answers} | {} |",
            unit.id(row),
            row.situation,
            row.start.name(),
            row.ground,
        )?;
    }
    Ok(())
}

/// Text in code style, its white space in one piece.
fn code(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    format!("`{}`", words.join(" "))
}
