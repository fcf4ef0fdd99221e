// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures with keys 81 and 83 (sections 4.5 and 4.6, choice 10).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Cie, Live, Pin, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "SIGN",
    title: "signatures",
    rows: &[
        row(
            1,
            "key 83: 16 bytes, as the pinless clients send",
            Cie,
            "SET-83 = 9000; 00880000({5A*16}) = sig83({5A*16}) & #256 9000",
            Fact("[C] 4.6"),
        ),
        row(
            2,
            "key 83 with Le 00, as one client sends it",
            Cie,
            "SET-83 = 9000; 00880000({5A*16})00 = sig83({5A*16}) 9000",
            Fact("[C] 4.6"),
        ),
        row(
            3,
            "key 83: the same input gives the same signature",
            Cie,
            "SET-83 = 9000; 00880000({5A*12}) = #256 9000; 00880000({5A*12}) = {last} 9000",
            Fact("[C] 4.6"),
        ),
        row(
            4,
            "key 83: the same over sessions and in secure messaging",
            Live,
            "sm SET-83 = 9000; \
                sm 00880000({5A*12}) = #256 9000; \
                CIE = 9000; \
                SET-83 = 9000; \
                00880000({5A*12}) = {last} 9000",
            Fact("[C] 4.6"),
        ),
        row(
            5,
            "key 83: no data",
            Cie,
            "SET-83 = 9000; 00880000 = 6700; 0088000000 = 6700",
            Choice(10),
        ),
        row(
            6,
            "key 83: one byte",
            Cie,
            "SET-83 = 9000; 00880000(5A) = sig83(5A) 9000",
            Choice(10),
        ),
        row(
            7,
            "key 83: 245 bytes",
            Cie,
            "SET-83 = 9000; 00880000({5A*245}) = sig83({5A*245}) 9000",
            Choice(10),
        ),
        row(
            8,
            "key 83: 246 bytes",
            Cie,
            "SET-83 = 9000; 00880000({5A*246}) = 6700",
            Choice(10),
        ),
        row(
            9,
            "key 83: 255 bytes",
            Cie,
            "SET-83 = 9000; 00880000({5A*255}) = 6700",
            Choice(10),
        ),
        row(
            10,
            "key 83: 256 bytes in a chain",
            Cie,
            "SET-83 = 9000; 00880000({5A*256}) = 6700",
            Choice(10),
        ),
        row(
            11,
            "key 83: zeros",
            Cie,
            "SET-83 = 9000; 00880000({00*32}) = sig83({00*32}) 9000",
            Choice(10),
        ),
        row(
            12,
            "key 81: 51 bytes of DigestInfo, as the clients send",
            Pin,
            "sm SET-81 = 9000; \
                sm 00880000(3031300D060960864801650304020105000420{11*32}) = sig81(3031300D060960864801650304020105000420{11*32}) & #256 9000",
            Fact("[C] 4.5"),
        ),
        row(
            13,
            "key 81: 36 bytes of MD5 and SHA-1",
            Pin,
            "sm SET-81 = 9000; sm 00880000({22*36}) = sig81({22*36}) 9000",
            Fact("[C] 4.5"),
        ),
        row(
            14,
            "key 81: what is no DigestInfo",
            Pin,
            "sm SET-81 = 9000; sm 00880000({00*7}) = sig81({00*7}) 9000",
            Choice(10),
        ),
        row(
            15,
            "key 81: no data",
            Pin,
            "sm SET-81 = 9000; sm 00880000 = 6700; sm 0088000000 = 6700",
            Choice(10),
        ),
        row(
            16,
            "key 81: one byte",
            Pin,
            "sm SET-81 = 9000; sm 00880000(5A) = sig81(5A) 9000",
            Choice(10),
        ),
        row(
            17,
            "key 81: 245 bytes, in two pieces",
            Pin,
            "sm SET-81 = 9000; sm 00880000({5A*245}) = sig81({5A*245}) 9000",
            Choice(10),
        ),
        row(
            18,
            "key 81: 246 bytes",
            Pin,
            "sm SET-81 = 9000; sm 00880000({5A*246}) = 6700; sm NIS = {NIS} 9000",
            Choice(10),
        ),
        row(
            19,
            "key 81: many signatures with one PIN and one choice",
            Pin,
            "sm SET-81 = 9000; 3x sm 00880000(5A) = sig81(5A) 9000",
            Choice(12),
        ),
        row(
            20,
            "key 81 in plain in a session ends it",
            Pin,
            "sm SET-81 = 9000; 00880000(5A) = 6985; sm NIS = plain 6985",
            Choice(6),
        ),
        row(21, "no key chosen", Cie, "00880000(5A) = 6985", Choice(12)),
        row(
            22,
            "no key chosen in a session",
            Pin,
            "sm 00880000(5A) = 6985; sm SERIAL = {SERIAL} 9000",
            Choice(12),
        ),
        row(
            23,
            "no key chosen after a reset",
            Cie,
            "SET-83 = 9000; reset = ATR; CIE = 9000; 00880000(5A) = 6985",
            Choice(27),
        ),
        row(
            24,
            "no key chosen in the root",
            Root,
            "00880000(5A) = 6985",
            Choice(12),
        ),
        row(
            25,
            "P1 01",
            Cie,
            "SET-83 = 9000; 00880100(5A) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            26,
            "P2 83, a key reference",
            Cie,
            "00880083(5A) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            27,
            "the signature operation (2A 9E 9A)",
            Pin,
            "sm SET-81 = 9000; sm 002A9E9A(5A) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            28,
            "in plain, explicit Le 10",
            Cie,
            "SET-83 = 9000; 00880000(5A)10 = #16 61F0; 00C00000F0 = #240 9000",
            Unnamed("an explicit Le below the length of the answer (not READ BINARY), in plain"),
        ),
        row(
            29,
            "in a session, 97 01 00",
            Pin,
            "sm SET-81 = 9000; sm 00880000(5A)00 = sig81(5A) 9000",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            30,
            "extended length",
            Cie,
            "SET-83 = 9000; 00880000 000002 5A5A 0000 = sig83(5A5A) 9000 if extended else 6700",
            Choice(29),
        ),
    ],
};
