// SPDX-License-Identifier: MIT OR Apache-2.0
//! Command chaining (sections 4.1 and 4.3, choice 27).

use crate::edges::row::Ground::{Choice, Fact, Standard};
use crate::edges::row::Start::{Cie, Device, Live, Pending, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "CHAIN",
    title: "command chaining",
    rows: &[
        row(
            1,
            "two pieces make one command",
            Cie,
            "SET-83 = 9000; 1088000003414141 = 9000; 00880000024242 = sig83(4141414242) 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            2,
            "three pieces, each answered 9000",
            Cie,
            "SET-83 = 9000; \
                2x 1088000003414141 = 9000; \
                00880000024242 = sig83(4141414141414242) 9000",
            Fact("[C] 4.1"),
        ),
        row(
            3,
            "an empty piece",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                10880000 = 9000; \
                00880000024242 = sig83(4141414242) 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            4,
            "an empty last piece",
            Cie,
            "SET-83 = 9000; 1088000003414141 = 9000; 00880000 = sig83(414141) 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            5,
            "Le in a piece that is not the last",
            Cie,
            "SET-83 = 9000; 108800000341414100 = 9000; 00880000024242 = sig83(4141414242) 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            6,
            "the key agreement as 255 and 11 bytes",
            Cie,
            "102241A6FF80019B 830181 91820100{share:0..245} = 9000; \
                002241A60B{share:245..256} = 9000; \
                adopt CARD-SHARE = * 9000; \
                sm NIS = {NIS} 9000",
            Fact("[C] 4.2"),
        ),
        row(
            7,
            "a SELECT in pieces",
            Root,
            "10A4040C03A00000 = 9000; 00A4040C03000039 = 9000; NIS = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            8,
            "a READ BINARY in empty pieces",
            Cie,
            "10B08100 = 9000; NIS = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            9,
            "an unknown instruction in pieces: told with the last",
            Cie,
            "10FF0000024141 = 9000; 00FF0000024141 = 6D00",
            Choice(27),
        ),
        row(
            10,
            "another instruction in mid-chain",
            Cie,
            "SET-83 = 9000; 1088000003414141 = 9000; NIS = 6883; NIS = {NIS} 9000",
            Choice(27),
        ),
        row(
            11,
            "another P1 in mid-chain",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                00880100024242 = 6883; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            12,
            "another P2 in mid-chain",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                00880001024242 = 6883; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            13,
            "a piece of another chain in mid-chain",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                1022410403800102 = 6883; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            14,
            "GET RESPONSE in mid-chain",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                00C0000000 = 6883; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            15,
            "SELECT of a file in mid-chain drops it silently",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                00A4020C(1001) = 9000; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            16,
            "SELECT of DF CIE in mid-chain drops it silently",
            Cie,
            "1088000003414141 = 9000; \
                CIE = 9000; \
                SET-83 = 9000; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            17,
            "a SELECT that fails in mid-chain drops it silently",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                00A4020C(FFFF) = 6A82; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            18,
            "a reset in mid-chain",
            Cie,
            "1088000003414141 = 9000; \
                reset = ATR; \
                CIE = 9000; \
                SET-83 = 9000; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            19,
            "an unknown class in mid-chain",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                80880000024242 = 6E00; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            20,
            "no APDU in mid-chain",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                008800 = 6700; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            21,
            "a protected command without session in mid-chain",
            Cie,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                0CB0810000 = 6985; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            22,
            "4096 bytes are kept",
            Cie,
            "SET-83 = 9000; \
                16x 10880000FF{41*255} = 9000; \
                1088000010{41*16} = 9000; \
                00880000 = 6700",
            Choice(27),
        ),
        row(
            23,
            "4097 bytes are not: 6700 at once, the chain is gone",
            Cie,
            "SET-83 = 9000; \
                16x 10880000FF{41*255} = 9000; \
                1088000010{41*16} = 9000; \
                108800000141 = 6700; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            24,
            "the byte too many in the last piece",
            Cie,
            "SET-83 = 9000; \
                16x 10880000FF{41*255} = 9000; \
                1088000010{41*16} = 9000; \
                008800000141 = 6700; \
                00880000024242 = sig83(4242) 9000",
            Choice(27),
        ),
        row(
            25,
            "in a session: pieces are answered one by one, each wrapped",
            Live,
            "sm SET-83 = 9000; \
                piece 1088000003414141 = 9000; \
                piece 00880000024242 = sig83(4141414242) 9000",
            Fact("[C] 4.3"),
        ),
        row(
            26,
            "in a session: a code in two pieces",
            Device,
            "piece 1020008104{PIN:0..4} = 9000; \
                piece 0020008104{PIN:4..8} = 9000; \
                sm SERIAL = {SERIAL} 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            27,
            "in a session: an empty piece",
            Live,
            "sm SET-83 = 9000; \
                piece 1088000003414141 = 9000; \
                piece 10880000 = 9000; \
                piece 00880000024242 = sig83(4141414242) 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            28,
            "in a session: 4096 bytes and one more",
            Live,
            "sm SET-83 = 9000; \
                17x piece 10880000E7{41*231} = 9000; \
                piece 10880000A9{41*169} = 9000; \
                piece 108800000141 = 6700; \
                sm NIS = {NIS} 9000",
            Choice(27),
        ),
        row(
            29,
            "in a session: another header in mid-chain, wrapped",
            Live,
            "piece 1088000003414141 = 9000; sm NIS = 6883; sm NIS = {NIS} 9000",
            Choice(27),
        ),
        row(
            30,
            "in a session: a file selected in mid-chain",
            Live,
            "piece 1088000003414141 = 9000; sm 00A4020C(1001) = 9000; sm NIS = {NIS} 9000",
            Choice(27),
        ),
        row(
            31,
            "a plain command in a protected chain ends the session",
            Live,
            "piece 1088000003414141 = 9000; \
                00880000024242 = 6985; \
                sm NIS = plain 6985; \
                NIS = {NIS} 9000",
            Choice(27),
        ),
        row(
            32,
            "a plain piece in a protected chain, too",
            Live,
            "piece 1088000003414141 = 9000; 10880000024242 = 6985; sm NIS = plain 6985",
            Choice(27),
        ),
        row(
            33,
            "a protected command in a plain chain: wrapped 6883, the session is live",
            Pending,
            "1088000003414141 = 9000; sm NIS = 6883; sm NIS = {NIS} 9000",
            Choice(27),
        ),
        row(
            34,
            "a protected piece with the header of a plain chain",
            Pending,
            "SET-83 = 9000; \
                1088000003414141 = 9000; \
                piece 00880000024242 = 6883; \
                sm NIS = {NIS} 9000",
            Choice(27),
        ),
        row(
            35,
            "a fault of secure messaging in mid-chain ends all",
            Live,
            "sm SET-83 = 9000; \
                piece 1088000003414141 = 9000; \
                forged wrong 8E: 00880000024242 = plain 6988; \
                00880000024242 = sig83(4242) 9000",
            Choice(5),
        ),
    ],
};
