// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may read and use what, at every step of authentication (section 2, choice 4).

use crate::edges::row::Ground::{Choice, Fact, Standard};
use crate::edges::row::Start::{
    Certified, Cie, Device, Live, On, Pending, Pin, PinBlocked, Puk, PukDead,
};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "ACC",
    title: "access rules at every step",
    rows: &[
        row(
            1,
            "EF.Seriale in plain",
            Cie,
            "SERIAL = 6982; 00A4020C(1002) = 9000; 00B0000009 = 6982",
            Choice(4),
        ),
        row(
            2,
            "EF.Cert_CIE in plain",
            Cie,
            "00B0830000 = 6982; 00A4020C(1003) = 9000; 00B0000000 = 6982",
            Choice(4),
        ),
        row(
            3,
            "EF.Seriale while keys are pending",
            Pending,
            "SERIAL = 6982",
            Choice(4),
        ),
        row(
            4,
            "EF.Seriale in a session",
            Live,
            "sm SERIAL = 6982; sm NIS = {NIS} 9000",
            Choice(4),
        ),
        row(
            5,
            "EF.Cert_CIE in a session",
            Live,
            "sm 00B0830000 = 6982; sm NIS = {NIS} 9000",
            Choice(4),
        ),
        row(
            6,
            "EF.Seriale with the terminal's certificate",
            Certified,
            "sm SERIAL = 6982",
            Choice(4),
        ),
        row(
            7,
            "EF.Seriale with the device authenticated",
            Device,
            "sm SERIAL = 6982",
            Choice(4),
        ),
        row(
            8,
            "EF.Cert_CIE with the device authenticated",
            Device,
            "sm 00B0830000 = 6982",
            Choice(4),
        ),
        row(
            9,
            "EF.Seriale with the PUK",
            Puk,
            "sm SERIAL = 6982",
            Choice(4),
        ),
        row(
            10,
            "EF.Seriale with the PIN",
            Pin,
            "sm SERIAL = {SERIAL} 9000",
            Fact("[C] 2"),
        ),
        row(
            11,
            "EF.Cert_CIE with the PIN",
            Pin,
            "sm 00B0830000 = {CERT:0..256} 9000",
            Fact("[C] 2"),
        ),
        row(
            12,
            "EF.Seriale selected before the PIN, read after it",
            Device,
            "sm 00A4020C(1002) = 9000; \
                sm 00B0000009 = 6982; \
                sm VERIFY-PIN = 9000; \
                sm 00B0000009 = {SERIAL} 9000",
            Choice(4),
        ),
        row(
            13,
            "EF.Seriale after a wrong PIN",
            Pin,
            "sm WRONG-PIN = 63C2; sm SERIAL = 6982",
            Choice(9),
        ),
        row(
            14,
            "EF.Seriale with the PIN blocked",
            PinBlocked,
            "sm SERIAL = 6982",
            Choice(4),
        ),
        row(
            15,
            "EF.Seriale with the PUK dead",
            PukDead,
            "sm SERIAL = 6983",
            Choice(9),
        ),
        row(
            16,
            "EF.Cert_CIE with the PUK dead",
            PukDead,
            "sm 00B0830000 = 6983",
            Choice(9),
        ),
        row(
            17,
            "EF.Seriale in plain with the PUK dead",
            PukDead,
            "ROOT = 9000; CIE = 9000; SERIAL = 6982",
            Choice(9),
        ),
        row(
            18,
            "beyond the end of a closed file: the rule comes first",
            Cie,
            "00B0820900 = 6982",
            Choice(4),
        ),
        row(
            19,
            "a closed file with P1 of no SFI: the form comes first",
            Cie,
            "00B0A20000 = 6A86",
            Standard("ISO/IEC 7816-4 §11.3.3"),
        ),
        row(
            20,
            "free files in plain",
            Cie,
            "00B0810000 = * 9000; 00B0840000 = * 9000; 00B0850000 = * 9000; 00B0860000 = * 9000",
            Fact("[C] 2"),
        ),
        row(
            21,
            "free files in a session",
            Live,
            "sm 00B0810000 = * 9000; \
                sm 00B0840000 = * 9000; \
                sm 00B0850000 = * 9000; \
                sm 00B0860000 = * 9000",
            Fact("[C] 2"),
        ),
        row(
            22,
            "free files with the PUK dead",
            PukDead,
            "sm 00B0810000 = * 9000; \
                sm 00B0840000 = * 9000; \
                sm 00B0850000 = * 9000; \
                sm 00B0860000 = * 9000",
            Choice(9),
        ),
        row(
            23,
            "the root's files need nothing",
            On,
            "00B09E0000 = * 9000; 00B09D0000 = * 9000; 00B09C0000 = * 9000; 00B09B0000 = * 9000",
            Fact("[C] 2"),
        ),
        row(
            24,
            "PIN and device are gone after DF CIE was selected in the session",
            Pin,
            "sm CIE = 9000; sm SERIAL = 6982; sm VERIFY-PIN = 6982",
            Choice(7),
        ),
        row(
            25,
            "PIN and device are gone after the root was selected in the session",
            Pin,
            "sm ROOT = 9000; sm CIE = 9000; sm SERIAL = 6982; sm VERIFY-PIN = 6982",
            Choice(7),
        ),
        row(
            26,
            "PIN and device are gone with the session",
            Pin,
            "NIS = 6985; \
                SHARE = 9000; \
                adopt CARD-SHARE = * 9000; \
                sm SERIAL = 6982; \
                sm VERIFY-PIN = 6982",
            Choice(7),
        ),
        row(
            27,
            "the grant of the PUK is gone after DF CIE was selected",
            Puk,
            "sm CIE = 9000; sm NEW-PIN = 6982",
            Choice(7),
        ),
        row(
            28,
            "key 81 in plain",
            Cie,
            "SET-81 = 9000; 00880000(0A) = 6982",
            Choice(4),
        ),
        row(
            29,
            "key 81 in a session",
            Live,
            "sm SET-81 = 9000; sm 00880000(0A) = 6982",
            Choice(4),
        ),
        row(
            30,
            "key 81 with the device authenticated",
            Device,
            "sm SET-81 = 9000; sm 00880000(0A) = 6982",
            Choice(4),
        ),
        row(
            31,
            "key 81 with the PUK",
            Puk,
            "sm SET-81 = 9000; sm 00880000(0A) = 6982",
            Choice(4),
        ),
        row(
            32,
            "key 81 with the PIN",
            Pin,
            "sm SET-81 = 9000; sm 00880000(0A) = sig81(0A) 9000",
            Fact("[C] 4.5"),
        ),
        row(
            33,
            "key 81 after a wrong PIN",
            Pin,
            "sm SET-81 = 9000; sm WRONG-PIN = 63C2; sm 00880000(0A) = 6982",
            Choice(9),
        ),
        row(
            34,
            "key 81 with the PUK dead",
            PukDead,
            "sm SET-81 = 9000; sm 00880000(0A) = 6983",
            Choice(9),
        ),
        row(
            35,
            "key 81 without device, a wrong length: the rule comes first",
            Live,
            "sm SET-81 = 9000; sm 00880000 = 6982",
            Choice(4),
        ),
        row(
            36,
            "key 83 in plain",
            Cie,
            "SET-83 = 9000; 00880000(0A) = sig83(0A) 9000",
            Fact("[C] 4.6"),
        ),
        row(
            37,
            "key 83 in a session",
            Live,
            "sm SET-83 = 9000; sm 00880000(0A) = sig83(0A) 9000",
            Fact("[C] 4.6"),
        ),
        row(
            38,
            "key 83 with the PUK dead",
            PukDead,
            "sm SET-83 = 9000; sm 00880000(0A) = sig83(0A) 9000",
            Choice(9),
        ),
    ],
};
