// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ways to the IAS root (sections 0 and 1.2).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Cie, On, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "ROOT",
    title: "ways to the IAS root",
    rows: &[
        row(
            1,
            "by its AID, nothing asked for",
            Cie,
            "00A4040C(A0000000308000000009816001) = 9000 if by-aid else 6A82",
            Fact("[C] 1.2; where it is 6A82, choice 17"),
        ),
        row(
            2,
            "by its AID, then a file of the root",
            Cie,
            "00A4040C(A0000000308000000009816001) = 9000 if by-aid else 6A82; \
                00A4020C(D003) = 9000 if by-aid else 6A82",
            Choice(17),
        ),
        row(
            3,
            "by the command of four bytes",
            Cie,
            "00A40000 = 9000; 00A4020C(D003) = 9000",
            Fact("[C] 1.2"),
        ),
        row(
            4,
            "by header and Le: file control information of the root",
            Cie,
            "00A4000000 = 6F[840DA0000000308000000009816001 820138 83023F00 8A0105] 9000",
            Choice(8),
        ),
        row(
            5,
            "by file identifier 3F00",
            Cie,
            "00A40000(3F00) = 6F[840DA0000000308000000009816001 820138 83023F00 8A0105] 9000; \
                00A4020C(D003) = 9000",
            Fact("[C] 1.2"),
        ),
        row(
            6,
            "by file identifier 3F00, nothing asked for",
            Cie,
            "00A4000C(3F00) = 9000; 00A4020C(D003) = 9000",
            Fact("[C] 1.2"),
        ),
        row(
            7,
            "by file identifier 3F00 with Le",
            Cie,
            "00A40000(3F00)00 = 6F[840DA0000000308000000009816001 820138 83023F00 8A0105] 9000",
            Standard("ISO/IEC 7816-4 §11.2.2"),
        ),
        row(
            8,
            "by file identifier 3F00, file control parameters asked for",
            Cie,
            "00A40004(3F00) = 62[840DA0000000308000000009816001 820138 83023F00 8A0105] 9000",
            Choice(8),
        ),
        row(
            9,
            "current after power on",
            On,
            "00A4020C(D003) = 9000",
            Fact("[C] 1.2"),
        ),
        row(
            10,
            "current after a reset in DF CIE",
            Cie,
            "reset = ATR; 00A4020C(D003) = 9000; 00A4020C(1001) = 6A82",
            Fact("[C] 1.2"),
        ),
        row(
            11,
            "by its AID with Le, nothing asked for",
            Cie,
            "00A4040C(A0000000308000000009816001)00 = 9000 if by-aid else 6A82",
            Standard("ISO/IEC 7816-4 §11.2.2"),
        ),
        row(
            12,
            "by its AID, file control parameters asked for",
            Cie,
            "00A40404(A0000000308000000009816001) = 62[840DA0000000308000000009816001 820138 83023F00 8A0105] 9000 if by-aid else 6A82",
            Choice(8),
        ),
        row(
            13,
            "an AID that differs in its last byte leaves DF CIE current",
            Cie,
            "00A4040C(A0000000308000000009816002) = 6A82; NIS = {NIS} 9000",
            Unnamed("a selection or a read that fails"),
        ),
        row(
            14,
            "the first eight bytes of its AID",
            Cie,
            "00A4040C(A000000030800000) = 6A82",
            Unnamed("SELECT by a part of a name or by a path"),
        ),
        row(
            15,
            "once more, when it is current already: no current file after it",
            Root,
            "00A4020C(D003) = 9000; ROOT = 9000; 00B0000000 = 6986",
            Standard("ISO/IEC 7816-4 §11.2.2"),
        ),
        row(
            16,
            "the four bytes with nothing asked for",
            Cie,
            "00A4000C = 9000; 00A4020C(D003) = 9000",
            Fact("[C] 1.2"),
        ),
    ],
};
