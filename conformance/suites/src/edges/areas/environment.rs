// SPDX-License-Identifier: MIT OR Apache-2.0
//! MANAGE SECURITY ENVIRONMENT (sections 4.4 to 4.6).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Certified, Cie, Live, Pin, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "MSE",
    title: "MANAGE SECURITY ENVIRONMENT",
    rows: &[
        row(
            1,
            "key 83 for INTERNAL AUTHENTICATE, in plain",
            Cie,
            "SET-83 = 9000; 00880000(0A) = sig83(0A) 9000",
            Fact("[C] 4.6"),
        ),
        row(
            2,
            "key 81 for INTERNAL AUTHENTICATE, in the order of the clients",
            Pin,
            "sm 002241A4(800102 840181) = 9000; sm 00880000(0A) = sig81(0A) 9000",
            Fact("[C] 4.5"),
        ),
        row(
            3,
            "key 82 for INTERNAL AUTHENTICATE, reference first",
            Live,
            "sm 002241A4(840182 80019B) = 9000",
            Fact("[C] 4.4"),
        ),
        row(
            4,
            "key 81 may be chosen before it may be used",
            Cie,
            "SET-81 = 9000; 00880000(0A) = 6982",
            Choice(4),
        ),
        row(
            5,
            "key 82 may be chosen in plain",
            Cie,
            "SET-82 = 9000; 00880000({00*8}) = 6982",
            Choice(24),
        ),
        row(
            6,
            "the other order of objects",
            Cie,
            "002241A4(840183 800102) = 9000; 00880000(0A) = sig83(0A) 9000",
            Standard("ISO/IEC 7816-4 §11.5.11"),
        ),
        row(
            7,
            "with Le 00, as a client sends it",
            Cie,
            "002241A4(800102 840183)00 = 9000",
            Fact("[C] 4.4"),
        ),
        row(
            8,
            "an unknown key",
            Cie,
            "002241A4(800102 840184) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            9,
            "key 85",
            Cie,
            "002241A4(800102 840185) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            10,
            "a key reference of two bytes",
            Cie,
            "002241A4(800102 84020083) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            11,
            "an empty key reference",
            Cie,
            "002241A4(800102 8400) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            12,
            "no key reference",
            Cie,
            "002241A4(800102) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            13,
            "no algorithm",
            Cie,
            "002241A4(840183) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            14,
            "the algorithm of key 82 for key 83",
            Cie,
            "002241A4(80019B 840183) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            15,
            "the algorithm of key 83 for key 82",
            Cie,
            "002241A4(800102 840182) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            16,
            "an unknown algorithm",
            Cie,
            "002241A4(800142 840181) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            17,
            "an empty algorithm",
            Cie,
            "002241A4(8000 840183) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            18,
            "the key reference twice",
            Cie,
            "002241A4(800102 840183 840183) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            19,
            "the algorithm twice",
            Cie,
            "002241A4(800102 800102 840183) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            20,
            "an unknown object",
            Cie,
            "002241A4(800102 840183 9400) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            21,
            "an object of another template",
            Cie,
            "002241A4(800102 840183 830181) = 9000; 00880000(0A) = sig83(0A) 9000",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with an object that belongs to another of its templates",
            ),
        ),
        row(
            22,
            "no data field",
            Cie,
            "002241A4 = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            23,
            "an object cut short",
            Cie,
            "002241A4(80010284) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            24,
            "an object of indefinite length",
            Cie,
            "002241A4(8480830000) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            25,
            "a refused choice leaves the old one",
            Cie,
            "SET-83 = 9000; \
                002241A4(800102 840184) = 6A88; \
                002241A4(840181) = 6A80; \
                00880000(0A) = sig83(0A) 9000",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            26,
            "a new choice replaces the old one",
            Cie,
            "SET-83 = 9000; SET-81 = 9000; 00880000(0A) = 6982",
            Standard("ISO/IEC 7816-4 §11.5.11"),
        ),
        row(
            27,
            "one choice serves many signatures",
            Cie,
            "SET-83 = 9000; 3x 00880000(0A) = sig83(0A) 9000",
            Choice(12),
        ),
        row(
            28,
            "the root is current",
            Root,
            "SET-83 = 6A88",
            Unnamed("a local key or object while the root is current"),
        ),
        row(
            29,
            "key 84 to verify certificates",
            Live,
            "sm SET-CA = 9000",
            Fact("[C] 4.4"),
        ),
        row(
            30,
            "key 84 to verify certificates, in plain",
            Cie,
            "SET-CA = 9000",
            Choice(12),
        ),
        row(
            31,
            "key 84 with 97 01 00, as the desktop clients send it",
            Live,
            "sm 002281B6(800141 830184)00 = 9000",
            Fact("[C] 4.4"),
        ),
        row(
            32,
            "another key to verify certificates",
            Cie,
            "002281B6(800141 830185) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            33,
            "another algorithm to verify certificates",
            Cie,
            "002281B6(800102 830184) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            34,
            "no algorithm to verify certificates",
            Cie,
            "002281B6(830184) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            35,
            "no key to verify certificates",
            Cie,
            "002281B6(800141) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            36,
            "key 84 while the root is current",
            Root,
            "SET-CA = 6A88",
            Unnamed("a local key or object while the root is current"),
        ),
        row(
            37,
            "the terminal's key before its certificate",
            Live,
            "sm SET-DEVICE = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            38,
            "the terminal's key after its certificate",
            Certified,
            "sm SET-DEVICE = 9000",
            Fact("[C] 4.4"),
        ),
        row(
            39,
            "another holder than the certified one",
            Certified,
            "sm 002281A4(830C000000002000000000000002) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            40,
            "the holder's last eight bytes only",
            Certified,
            "sm 002281A4(83082000000000000001) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            41,
            "no holder",
            Certified,
            "sm 002281A4 = 6A80; sm 002281A4(80019B) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            42,
            "the holder with an algorithm",
            Certified,
            "sm 002281A4(80019B 830C000000002000000000000001) = 9000",
            Standard("ISO/IEC 7816-4 §11.5.11"),
        ),
        row(
            43,
            "P1-P2 41B6",
            Cie,
            "002241B6(800141 830184) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            44,
            "P1-P2 81A6",
            Cie,
            "002281A6(80019B 830181) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            45,
            "P1-P2 C1A4",
            Cie,
            "0022C1A4(80019B 830181) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            46,
            "P1-P2 41B8",
            Cie,
            "002241B8(80010A 840181) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            47,
            "P1-P2 41AA",
            Cie,
            "002241AA(800140) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            48,
            "RESTORE (P1 F3)",
            Cie,
            "0022F301 = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            49,
            "in a session: refused and wrapped, nothing else changes",
            Pin,
            "sm 002241A4(800102 840184) = 6A88; sm SERIAL = {SERIAL} 9000",
            Choice(23),
        ),
        row(
            50,
            "the holder with another algorithm",
            Certified,
            "sm 002281A4(800142 830C000000002000000000000001) = 6A80; sm NIS = {NIS} 9000",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            51,
            "the holder twice",
            Certified,
            "sm 002281A4(830C000000002000000000000001 830C000000002000000000000001) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            52,
            "the holder and an unknown object",
            Certified,
            "sm 002281A4(830C000000002000000000000001 9400) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            53,
            "key 84 twice",
            Cie,
            "002281B6(800141 830184 830184) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            54,
            "key 84 and an unknown object",
            Cie,
            "002281B6(800141 830184 9400) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            55,
            "no data field, to verify certificates",
            Cie,
            "002281B6 = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
    ],
};
