// SPDX-License-Identifier: MIT OR Apache-2.0
//! GET RESPONSE and long answers (sections 3.5 and 4.3).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Cie, Live};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "RESP",
    title: "GET RESPONSE and long answers",
    rows: &[
        row(
            1,
            "the whole domain: 256 and 6100, 256 and 6138, 56 and 9000",
            Cie,
            "00CB3FFF(4D[70[BFA101[A380]]]) = {EFD004:0..256} 6100; \
                00C0000000 = {EFD004:256..512} 6138; \
                00C0000038 = {EFD004:512..} 9000",
            Fact("[C] 3.5"),
        ),
        row(
            2,
            "the authority's key: 256 and 6100, 256 and 6130, 48 and 9000",
            Cie,
            "00CB3FFF(4D[70[BFA004[7F4980]]]) = #256 6100; \
                00C0000000 = #256 6130; \
                00C0000030 = #48 9000",
            Fact("[C] 3.5"),
        ),
        row(
            3,
            "p alone: 256 and 6112",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; 00C0000012 = #18 9000",
            Fact("[C] 3.5"),
        ),
        row(
            4,
            "Le below what waits: the rest stays",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; \
                00C0000003 = #3 610F; \
                00C000000F = #15 9000",
            Standard("ISO/IEC 7816-4 §5.6, 61xx"),
        ),
        row(
            5,
            "Le above what waits",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; 00C00000FF = #18 9000",
            Standard("ISO/IEC 7816-4 §5.6, 61xx"),
        ),
        row(
            6,
            "Le 00 for less than 256",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; 00C0000000 = #18 9000",
            Standard("ISO/IEC 7816-4 §5.6, 61xx"),
        ),
        row(
            7,
            "no Le: as if it were 00",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; 00C00000 = #18 9000",
            Choice(11),
        ),
        row(
            8,
            "nothing waits",
            Cie,
            "00C0000000 = 6985",
            Unnamed("GET RESPONSE with nothing waiting"),
        ),
        row(
            9,
            "nothing waits any more",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; \
                00C0000012 = #18 9000; \
                00C0000000 = 6985",
            Unnamed("GET RESPONSE with nothing waiting"),
        ),
        row(
            10,
            "another P1: the rest stays",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; \
                00C0010012 = 6A86; \
                00C0000012 = #18 9000",
            Unnamed("GET RESPONSE with P1-P2 other than 0000"),
        ),
        row(
            11,
            "another P2: the rest stays",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; \
                00C0000112 = 6A86; \
                00C0000012 = #18 9000",
            Unnamed("GET RESPONSE with P1-P2 other than 0000"),
        ),
        row(
            12,
            "a data field: the rest is gone",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; \
                00C00000(AA)12 = 6985; \
                00C0000012 = 6985",
            Unnamed("GET RESPONSE with a data field"),
        ),
        row(
            13,
            "any other command drops the rest",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; NIS = {NIS} 9000; 00C0000012 = 6985",
            Standard("ISO/IEC 7816-4 §5.3.4: the rest is for the very next command"),
        ),
        row(
            14,
            "a command that is refused drops it, too",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; 00FF0000 = 6D00; 00C0000012 = 6985",
            Standard("ISO/IEC 7816-4 §5.3.4: the rest is for the very next command"),
        ),
        row(
            15,
            "bytes that are no APDU drop it, too",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; 00C0 = 6700; 00C0000012 = 6985",
            Standard("ISO/IEC 7816-4 §5.3.4: the rest is for the very next command"),
        ),
        row(
            16,
            "a reset drops it",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; reset = ATR; 00C0000012 = 6985",
            Standard("ISO/IEC 7816-4 §5.3.4: the rest is for the very next command"),
        ),
        row(
            17,
            "a signature of 256 bytes: 9000, nothing waits",
            Cie,
            "SET-83 = 9000; 00880000(0A) = sig83(0A) & #256 9000; 00C0000000 = 6985",
            Fact("[C] 3.5"),
        ),
        row(
            18,
            "a signature with an explicit Le",
            Cie,
            "SET-83 = 9000; 00880000(0A)80 = #128 6180; 00C0000080 = #128 9000",
            Unnamed("an explicit Le below the length of the answer (not READ BINARY), in plain"),
        ),
        row(
            19,
            "in a session: 256 bytes of file, 283 on the way, 61 1B",
            Live,
            "sm 00B0840000 = {EF1004:0..256} 9000; sm NIS = {NIS} 9000",
            Fact("[C] 4.3"),
        ),
        row(
            20,
            "in a session: class 00 fetches, the counter stays",
            Live,
            "sm 00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #274 9000; sm NIS = {NIS} 9000",
            Fact("[C] 4.3"),
        ),
        row(
            21,
            "in a session, nothing waits, class 00: a plain command like any other",
            Live,
            "00C0000000 = 6985; sm NIS = plain 6985",
            Choice(6),
        ),
        row(
            22,
            "in a session, nothing waits, class 0C: the session lives on",
            Live,
            "0CC0000000 = 6985; sm NIS = {NIS} 9000",
            Choice(26),
        ),
        row(
            23,
            "in a session, nothing waits, class 0C without Le",
            Live,
            "0CC00000 = 6985; sm NIS = {NIS} 9000",
            Choice(26),
        ),
        row(
            24,
            "class 0C, nothing waits, no session",
            Cie,
            "0CC0000000 = 6985; NIS = {NIS} 9000",
            Choice(26),
        ),
        row(
            25,
            "class 0C with the objects of secure messaging, nothing waits: wrapped",
            Live,
            "sm 00C0000000 = 6985; sm NIS = {NIS} 9000",
            Choice(26),
        ),
        row(
            26,
            "class 0C fetches in plain, too",
            Cie,
            "00CB3FFF(4D[70[BFA101[A3[9800]]]]) = #256 6112; 0CC0000012 = #18 9000",
            Choice(26),
        ),
        row(
            27,
            "extended Le",
            Cie,
            "00CB3FFF(4D[70[BFA101[A380]]]) = #256 6100; \
                00C00000 000200 = #312 9000 if extended else 6700",
            Choice(29),
        ),
        row(
            28,
            "the request of one tool, in extended length",
            Cie,
            "00CB3FFF(4D[70[BFA101[A380]]]) = #256 6100; \
                00C00000000100 = #256 6138 if extended else 6700; \
                00C0000038 = #56 9000 if extended else 6985",
            Choice(29),
        ),
    ],
};
