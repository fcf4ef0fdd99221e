// SPDX-License-Identifier: MIT OR Apache-2.0
//! READ BINARY with even instruction (sections 0 and 2.2).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Cie, Live, On, Pending, Pin, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "READ",
    title: "READ BINARY, even instruction",
    rows: &[
        row(
            1,
            "Le 00: the rest and 9000",
            Cie,
            "00A4020C(1001) = 9000; 00B0000000 = {NIS} 9000",
            Fact("[C] 0.2"),
        ),
        row(
            2,
            "Le of exactly the size",
            Cie,
            "00A4020C(1001) = 9000; 00B000000C = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            3,
            "Le below the size",
            Cie,
            "00A4020C(1001) = 9000; 00B0000005 = {NIS:0..5} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            4,
            "Le one above the size: all and 6282",
            Cie,
            "00A4020C(1001) = 9000; 00B000000D = {NIS} 6282",
            Fact("[C] 0.2"),
        ),
        row(
            5,
            "Le FF: all and 6282",
            Cie,
            "00A4020C(1001) = 9000; 00B00000FF = {NIS} 6282",
            Fact("[C] 0.2"),
        ),
        row(
            6,
            "an offset, Le 00",
            Cie,
            "00A4020C(1001) = 9000; 00B0000A00 = {NIS:10..12} 9000",
            Fact("[C] 0.2"),
        ),
        row(
            7,
            "an offset, Le above the rest",
            Cie,
            "00A4020C(1001) = 9000; 00B0000A03 = {NIS:10..12} 6282",
            Fact("[C] 0.2"),
        ),
        row(
            8,
            "an offset, Le of the rest",
            Cie,
            "00A4020C(1001) = 9000; 00B0000A02 = {NIS:10..12} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            9,
            "the last byte",
            Cie,
            "00A4020C(1001) = 9000; 00B0000B01 = {NIS:11..12} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            10,
            "offset at the end, Le 00",
            Cie,
            "00A4020C(1001) = 9000; 00B0000C00 = 6B00",
            Fact("[C] 0.2"),
        ),
        row(
            11,
            "offset at the end, Le 01",
            Cie,
            "00A4020C(1001) = 9000; 00B0000C01 = 6B00",
            Fact("[C] 0.2"),
        ),
        row(
            12,
            "offset one beyond the end",
            Cie,
            "00A4020C(1001) = 9000; 00B0000D00 = 6B00",
            Fact("[C] 0.2"),
        ),
        row(
            13,
            "the largest offset",
            Cie,
            "00A4020C(1001) = 9000; 00B07FFF00 = 6B00",
            Fact("[C] 0.2"),
        ),
        row(
            14,
            "a file of 270 bytes, Le 00: 256 and 9000, no 61xx",
            Cie,
            "00A4020C(1004) = 9000; \
                00B0000000 = {EF1004:0..256} 9000; \
                00B0010000 = {EF1004:256..} 9000",
            Fact("[C] 0.2"),
        ),
        row(
            15,
            "a file of 270 bytes, Le FF",
            Cie,
            "00A4020C(1004) = 9000; 00B00000FF = {EF1004:0..255} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            16,
            "256 bytes to the very end, Le 00",
            Cie,
            "00A4020C(1004) = 9000; 00B0000E00 = {EF1004:14..} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            17,
            "255 bytes to the end, Le 00",
            Cie,
            "00A4020C(1004) = 9000; 00B0000F00 = {EF1004:15..} 9000",
            Fact("[C] 0.2"),
        ),
        row(
            18,
            "the loop of the desktop clients, 128 bytes each",
            Cie,
            "00A4020C(1004) = 9000; \
                00B0000080 = {EF1004:0..128} 9000; \
                00B0008080 = {EF1004:128..256} 9000; \
                00B0010080 = {EF1004:256..} 6282; \
                00B0010E80 = 6B00",
            Fact("[C] 2.2"),
        ),
        row(
            19,
            "the loop of the mobile clients, Le 00 until something else than 9000",
            Cie,
            "00A4020C(1005) = 9000; \
                00B0000000 = {EF1005:0..256} 9000; \
                00B0010000 = {EF1005:256..} 9000; \
                00B0010E00 = 6B00",
            Fact("[C] 2.2"),
        ),
        row(
            20,
            "a read does not move anything",
            Cie,
            "00A4020C(1001) = 9000; 2x 00B0000004 = {NIS:0..4} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            21,
            "by SFI, as clients send it",
            Cie,
            "00B081000C = {NIS} 9000",
            Fact("[C] 2.2"),
        ),
        row(
            22,
            "by SFI, Le 00",
            Cie,
            "00B0810000 = {NIS} 9000",
            Fact("[C] 2.2"),
        ),
        row(
            23,
            "by SFI, with an offset",
            Cie,
            "00B0810503 = {NIS:5..8} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            24,
            "by SFI, Le above the rest",
            Cie,
            "00B0810A05 = {NIS:10..12} 6282",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            25,
            "by SFI, offset at the end",
            Cie,
            "00B0810C00 = 6B00",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            26,
            "by SFI selects: the next read without SFI goes on in that file",
            Cie,
            "00A4020C(1001) = 9000; \
                00B0840004 = {EF1004:0..4} 9000; \
                00B0000404 = {EF1004:4..8} 9000",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            27,
            "by an SFI that is not there: the current file stays",
            Cie,
            "00A4020C(1001) = 9000; 00B0870000 = 6A82; 00B0000000 = {NIS} 9000",
            Unnamed("a selection or a read that fails"),
        ),
        row(
            28,
            "by SFI with an offset beyond the end: the current file stays",
            Cie,
            "00A4020C(1001) = 9000; \
                00B084FF00 = {EF1004:255..} 9000; \
                00A4020C(1001) = 9000; \
                00B0810C00 = 6B00; \
                00B0000000 = {NIS} 9000",
            Unnamed("a selection or a read that fails"),
        ),
        row(
            29,
            "by SFI of a file behind the PIN, refused: the current file stays",
            Cie,
            "00A4020C(1001) = 9000; 00B0820009 = 6982; 00B0000000 = {NIS} 9000",
            Unnamed("a selection or a read that fails"),
        ),
        row(
            30,
            "every SFI of DF CIE that is free",
            Cie,
            "00B0810000 = {NIS} 9000; \
                00B0840000 = {EF1004:0..256} 9000; \
                00B0850000 = {EF1005:0..256} 9000; \
                00B0860000 = {EF1006:0..256} 9000",
            Fact("[C] 2"),
        ),
        row(
            31,
            "every SFI of the root",
            Root,
            "00B09E0000 = {EF2F00} 9000; \
                00B09D0000 = {EF2F01} 9000; \
                00B09C0000 = {EFD003} 9000; \
                00B09B0000 = {EFD004:0..256} 9000",
            Fact("[C] 2"),
        ),
        row(
            32,
            "an SFI of DF CIE while the root is current",
            Root,
            "00B0810000 = 6A82",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            33,
            "an SFI of the root while DF CIE is current",
            Cie,
            "00B09C0000 = 6A82",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            34,
            "SFI 7, file 1007, which is absent",
            Cie,
            "00B0870000 = 6A82",
            Choice(8),
        ),
        row(
            35,
            "SFI 0",
            Cie,
            "00B0800000 = 6A86",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            36,
            "SFI 31",
            Cie,
            "00B09F0000 = 6A86",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            37,
            "P1 A1: bit 6 set beside the SFI",
            Cie,
            "00B0A10000 = 6A86",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            38,
            "P1 C1: bit 7 set beside the SFI",
            Cie,
            "00B0C10000 = 6A86",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            39,
            "P1 E1: bits 7 and 6 set beside the SFI",
            Cie,
            "00B0E10000 = 6A86",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            40,
            "no current file after power on",
            On,
            "00B0000000 = 6986",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            41,
            "no current file after the root was selected",
            Root,
            "00B0000000 = 6986",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            42,
            "no current file after DF CIE was selected",
            Cie,
            "00B0000000 = 6986",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            43,
            "no current file, a long Le",
            Cie,
            "00B00000FF = 6986",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            44,
            "no Le",
            Cie,
            "00A4020C(1001) = 9000; 00B00000 = 6700",
            Choice(11),
        ),
        row(
            45,
            "a data field and no Le",
            Cie,
            "00A4020C(1001) = 9000; 00B00000(AA) = 6700",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            46,
            "a data field and Le",
            Cie,
            "00A4020C(1001) = 9000; 00B00000(AA)00 = 6700",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(47, "by SFI without Le", Cie, "00B08100 = 6700", Choice(11)),
        row(
            48,
            "in a session, Le 00: 256 bytes and 9000",
            Live,
            "sm 00B0840000 = {EF1004:0..256} 9000",
            Fact("[C] 0.2"),
        ),
        row(
            49,
            "in a session, 231 bytes, as the newer clients read",
            Live,
            "sm 00B08400E7 = {EF1004:0..231} 9000",
            Fact("[C] 4.3"),
        ),
        row(
            50,
            "in a session, 128 bytes, as the desktop clients read",
            Live,
            "sm 00B0840080 = {EF1004:0..128} 9000; \
                sm 00B0008080 = {EF1004:128..256} 9000; \
                sm 00B0010080 = {EF1004:256..} 6282; \
                sm 00B0010E80 = 6B00",
            Fact("[C] 2.2"),
        ),
        row(
            51,
            "in a session, Le above the size: data and 6282, both in the body",
            Pin,
            "sm 00B0820080 = {SERIAL} 6282; sm NIS = {NIS} 9000",
            Fact("[C] 0.2"),
        ),
        row(
            52,
            "in a session, offset at the end: wrapped",
            Pin,
            "sm 00B0820900 = 6B00; sm NIS = {NIS} 9000",
            Fact("[C] 0.2"),
        ),
        row(
            53,
            "in a session, an SFI that is not there: wrapped",
            Live,
            "sm 00B0870000 = 6A82; sm NIS = {NIS} 9000",
            Choice(23),
        ),
        row(
            54,
            "in a session, no current file: wrapped",
            Live,
            "sm CIE = 9000; sm 00B0000000 = 6986; sm NIS = {NIS} 9000",
            Choice(23),
        ),
        row(
            55,
            "in a session, no Le: header only",
            Live,
            "sm 00B08100 = 6700; sm NIS = {NIS} 9000",
            Choice(11),
        ),
        row(
            56,
            "in a session, a data field",
            Live,
            "sm 00B08100(AA)00 = 6700; sm NIS = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            57,
            "the current file stays when a session begins",
            Pending,
            "00A4020C(1001) = 9000; sm 00B0000000 = {NIS} 9000",
            Choice(22),
        ),
        row(
            58,
            "the current file stays when a session ends without SELECT",
            Live,
            "sm 00A4020C(1001) = 9000; forged wrong 8E: NIS = plain 6988; 00B0000000 = {NIS} 9000",
            Unnamed("security environment and current file when a session ends without SELECT"),
        ),
        row(
            59,
            "extended Le 0000: a whole file of 270 bytes",
            Cie,
            "00B08400000000 = {EF1004} 9000 if extended else 6700",
            Choice(29),
        ),
        row(
            60,
            "extended Le above the size",
            Cie,
            "00B0840000 01FF = {EF1004} 6282 if extended else 6700",
            Choice(29),
        ),
        row(
            61,
            "extended Le below the size",
            Cie,
            "00B0840000 0101 = {EF1004:0..257} 9000 if extended else 6700",
            Choice(29),
        ),
    ],
};
