// SPDX-License-Identifier: MIT OR Apache-2.0
//! File control parameters of every file (section 2.3).

use crate::edges::row::Ground::{Choice, Fact, Standard};
use crate::edges::row::Start::{Cie, Live, Pin, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "FCP",
    title: "file control parameters of every file",
    rows: &[
        row(
            1,
            "EF.DIR",
            Root,
            "00A40204(2F00) = 62[80[{L2F00}] 820101 83[2F00] 88[F0] 8A0105 A1[8C020100 9C020100]] 9000",
            Choice(8),
        ),
        row(
            2,
            "EF.ATR",
            Root,
            "00A40204(2F01) = 62[80[{L2F01}] 820101 83[2F01] 88[E8] 8A0105 A1[8C020100 9C020100]] 9000",
            Choice(8),
        ),
        row(
            3,
            "EF.SN.ICC",
            Root,
            "00A40204(D003) = 621B 8002000C 820101 8302D003 8801E0 8A0105 A1088C0201009C020100 9000",
            Choice(8),
        ),
        row(
            4,
            "EF.DH",
            Root,
            "00A40204(D004) = 62[80[{LD004}] 820101 83[D004] 88[D8] 8A0105 A1[8C020100 9C020100]] 9000",
            Choice(8),
        ),
        row(
            5,
            "EF.ID_Servizi: free",
            Cie,
            "00A40204(1001) = 621B 8002000C 820101 83021001 880108 8A0105 A1088C0201009C020100 9000",
            Choice(8),
        ),
        row(
            6,
            "EF.Seriale: behind all of device and PIN",
            Cie,
            "00A40204(1002) = 621B 80020009 820101 83021002 880110 8A0105 A1088C0201F19C0201F1 9000",
            Choice(8),
        ),
        row(
            7,
            "EF.Cert_CIE: behind all of device and PIN",
            Cie,
            "00A40204(1003) = 62[80[{L1003}] 820101 83[1003] 88[18] 8A0105 A1[8C0201F1 9C0201F1]] 9000",
            Choice(8),
        ),
        row(
            8,
            "EF.Int.Kpub, 270 bytes",
            Cie,
            "00A40204(1004) = 621B 8002010E 820101 83021004 880120 8A0105 A1088C0201009C020100 9000",
            Choice(8),
        ),
        row(
            9,
            "EF.Servizi_Int.Kpub, 270 bytes",
            Cie,
            "00A40204(1005) = 621B 8002010E 820101 83021005 880128 8A0105 A1088C0201009C020100 9000",
            Choice(8),
        ),
        row(
            10,
            "EF.SOD",
            Cie,
            "00A40204(1006) = 62[80[{L1006}] 820101 83[1006] 88[30] 8A0105 A1[8C020100 9C020100]] 9000",
            Choice(8),
        ),
        row(
            11,
            "the size stands in bytes 4 and 5, where a client looks for it",
            Cie,
            "00A40204(1001) = 621B8002000C~ & #29 9000",
            Fact("[C] 2.3"),
        ),
        row(
            12,
            "the template for file control information is 6F",
            Cie,
            "00A40200(1001) = 6F1B 8002000C 820101 83021001 880108 8A0105 A1088C0201009C020100 9000",
            Standard("ISO/IEC 7816-4 §11.2.2"),
        ),
        row(
            13,
            "with Le 00",
            Cie,
            "00A40204(1001)00 = 62~ & #29 9000",
            Standard("ISO/IEC 7816-4 §11.2.2"),
        ),
        row(
            14,
            "with Le of exactly the length",
            Cie,
            "00A40204(1001)1D = 62~ & #29 9000",
            Standard("ISO/IEC 7816-4 §11.2.2"),
        ),
        row(
            15,
            "nothing asked for, but Le 00",
            Cie,
            "00A4020C(1001)00 = 9000",
            Standard("ISO/IEC 7816-4 §11.2.2"),
        ),
        row(
            16,
            "in a session without DO 97, as clients send it",
            Live,
            "sm 00A40204(1003) = 62[80[{L1003}] 820101 83[1003] 88[18] 8A0105 A1[8C0201F1 9C0201F1]] 9000",
            Fact("[C] 2.2"),
        ),
        row(
            17,
            "the same before and after the PIN",
            Pin,
            "sm 00A40204(1002) = 62[80[{L1002}] 820101 83[1002] 88[10] 8A0105 A1[8C0201F1 9C0201F1]] 9000",
            Choice(8),
        ),
    ],
};
