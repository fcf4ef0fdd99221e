// SPDX-License-Identifier: MIT OR Apache-2.0
//! Challenges (section 4.4, choice 12).

use crate::edges::row::Ground::{Choice, Fact, Standard};
use crate::edges::row::Start::{Certified, Cie, Live, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "CHAL",
    title: "challenges",
    rows: &[
        row(
            1,
            "eight bytes",
            Cie,
            "0084000008 = #8 9000",
            Fact("[C] 4.4"),
        ),
        row(
            2,
            "Le 00: eight bytes",
            Cie,
            "0084000000 = #8 9000",
            Choice(12),
        ),
        row(
            3,
            "another one every time",
            Cie,
            "0084000008 = #8 9000; 0084000008 = !{last} & #8 9000",
            Standard("ISO/IEC 7816-4 §11.5.3"),
        ),
        row(4, "Le 04", Cie, "0084000004 = 6700", Choice(12)),
        row(5, "Le 10", Cie, "0084000010 = 6700", Choice(12)),
        row(6, "no Le", Cie, "00840000 = 6700", Choice(12)),
        row(
            7,
            "a data field",
            Cie,
            "00840000(AA)08 = 6700",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            8,
            "P1 01",
            Cie,
            "0084010008 = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            9,
            "P2 01",
            Cie,
            "0084000108 = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            10,
            "while the root is current",
            Root,
            "0084000008 = #8 9000",
            Standard("ISO/IEC 7816-4 §11.5.3"),
        ),
        row(
            11,
            "in a session",
            Live,
            "sm CHALLENGE = #8 9000",
            Fact("[C] 4.4"),
        ),
        row(
            12,
            "extended Le 0000",
            Cie,
            "00840000000000 = #8 9000 if extended else 6700",
            Choice(29),
        ),
        row(
            13,
            "a proof directly after it",
            Certified,
            "sm CHALLENGE = #8 9000; proof good = 9000",
            Fact("[C] 4.4"),
        ),
        row(
            14,
            "a proof without challenge",
            Certified,
            "proof good = 6985; sm NIS = {NIS} 9000",
            Choice(12),
        ),
        row(
            15,
            "a challenge serves once",
            Certified,
            "sm CHALLENGE = #8 9000; proof signature bit = 6300; proof good = 6985",
            Choice(12),
        ),
        row(
            16,
            "a read in between",
            Certified,
            "sm CHALLENGE = #8 9000; sm NIS = {NIS} 9000; proof good = 6985",
            Choice(12),
        ),
        row(
            17,
            "a refused command in between",
            Certified,
            "sm CHALLENGE = #8 9000; sm 00FF000000 = 6D00; proof good = 6985",
            Choice(12),
        ),
        row(
            18,
            "a file selected in between",
            Certified,
            "sm CHALLENGE = #8 9000; sm 00A4020C(1001) = 9000; proof good = 6985",
            Choice(12),
        ),
        row(
            19,
            "a piece of another command in between",
            Certified,
            "sm CHALLENGE = #8 9000; \
                piece 1088000003414141 = 9000; \
                proof good = 6883; \
                proof good = 6985",
            Choice(12),
        ),
        row(
            20,
            "GET RESPONSE in between does not count",
            Certified,
            "sm CHALLENGE = #8 9000; 0CC0000000 = 6985; proof good = 9000",
            Choice(12),
        ),
        row(
            21,
            "a second challenge replaces the first",
            Certified,
            "sm CHALLENGE = #8 9000; sm CHALLENGE = #8 9000; proof good = 9000",
            Choice(12),
        ),
        row(
            22,
            "the terminal's key chosen in between",
            Certified,
            "sm CHALLENGE = #8 9000; sm SET-DEVICE = 9000; proof good = 6985",
            Choice(12),
        ),
        row(
            23,
            "DF CIE selected in between: the key is gone, too",
            Certified,
            "sm CHALLENGE = #8 9000; sm CIE = 9000; proof good = 6985",
            Choice(27),
        ),
        row(
            24,
            "a wrong length uses it up",
            Certified,
            "sm CHALLENGE = #8 9000; sm 00820000(01020304) = 6700; proof good = 6985",
            Choice(12),
        ),
        row(
            25,
            "both halves are others every time",
            Cie,
            "0084000008 = #8 9000; 0084000008 = !{last:0..4}~ & !~{last:4..8} & #8 9000",
            Standard("ISO/IEC 7816-4 §11.5.3"),
        ),
        row(
            26,
            "a proof over the challenge before the last one",
            Certified,
            "sm CHALLENGE = #8 9000; sm CHALLENGE = #8 9000; proof challenge before = 6300",
            Choice(12),
        ),
    ],
};
