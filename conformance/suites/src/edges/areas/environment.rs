// SPDX-License-Identifier: MIT OR Apache-2.0
//! MANAGE SECURITY ENVIRONMENT, challenges and device authentication (section 4.4, choices 12 and 24).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Certified, Cie, Device, Live, Pin, Root};
use crate::edges::row::{Unit, row};

pub(super) const MSE: Unit = Unit {
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
    ],
};

pub(super) const CHAL: Unit = Unit {
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
    ],
};

pub(super) const DAPP: Unit = Unit {
    name: "DAPP",
    title: "device authentication",
    rows: &[
        row(
            1,
            "the whole way of the clients: then codes are taken",
            Certified,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                card proof = #264 9000; \
                sm PIN? = 63C3",
            Fact("[C] 4.4"),
        ),
        row(
            2,
            "the counter changes after step g: the next command counts from the challenges",
            Certified,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                card proof = #264 9000; \
                sm NIS = {NIS} 9000",
            Fact("[C] 4.4 h"),
        ),
        row(
            3,
            "step g: serial number of the chip and a signature of key 82 over the agreement",
            Certified,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                card proof = #264 & 99{NIS-BCD}~ 9000",
            Fact("[C] 4.4 g, the serial number by choice 3"),
        ),
        row(
            4,
            "VERIFY CERTIFICATE in plain",
            Cie,
            "SET-CA = 9000; 002A00AE(7F21[00]) = 6982",
            Unnamed("VERIFY CERTIFICATE in plain"),
        ),
        row(
            5,
            "a certificate before key 84 is chosen",
            Live,
            "certificate good = 6985; sm NIS = {NIS} 9000",
            Choice(12),
        ),
        row(
            6,
            "a good certificate",
            Live,
            "sm SET-CA = 9000; certificate good = 9000; sm SET-DEVICE = 9000",
            Fact("[C] 4.4"),
        ),
        row(
            7,
            "its three objects in another order",
            Live,
            "sm SET-CA = 9000; certificate 42 first = 9000; sm SET-DEVICE = 9000",
            Standard("ISO/IEC 7816-8: VERIFY CERTIFICATE takes data objects"),
        ),
        row(
            8,
            "a certificate again",
            Live,
            "sm SET-CA = 9000; 2x certificate good = 9000; sm SET-DEVICE = 9000",
            Choice(12),
        ),
        row(
            9,
            "one bit of its signature",
            Live,
            "sm SET-CA = 9000; certificate signature bit = 6300; sm SET-DEVICE = 6A88",
            Choice(12),
        ),
        row(
            10,
            "one bit of its remainder",
            Live,
            "sm SET-CA = 9000; certificate remainder bit = 6300",
            Choice(12),
        ),
        row(
            11,
            "one bit of the authority beside it",
            Live,
            "sm SET-CA = 9000; certificate 42 bit = 6300",
            Choice(12),
        ),
        row(
            12,
            "an authority of 7 bytes",
            Live,
            "sm SET-CA = 9000; certificate 42 of 7 bytes = 6300",
            Choice(12),
        ),
        row(
            13,
            "a signature of 255 bytes",
            Live,
            "sm SET-CA = 9000; certificate signature of 255 bytes = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            14,
            "a signature of 257 bytes",
            Live,
            "sm SET-CA = 9000; certificate signature of 257 bytes = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            15,
            "a remainder of 74 bytes",
            Live,
            "sm SET-CA = 9000; certificate remainder of 74 bytes = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            16,
            "a remainder of 76 bytes",
            Live,
            "sm SET-CA = 9000; certificate remainder of 76 bytes = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            17,
            "no signature",
            Live,
            "sm SET-CA = 9000; certificate no 5F37 = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            18,
            "no remainder",
            Live,
            "sm SET-CA = 9000; certificate no 5F38 = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            19,
            "no authority",
            Live,
            "sm SET-CA = 9000; certificate no 42 = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            20,
            "no template 7F21",
            Live,
            "sm SET-CA = 9000; certificate no 7F21 = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            21,
            "an empty template",
            Live,
            "sm SET-CA = 9000; certificate empty 7F21 = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            22,
            "the signature twice",
            Live,
            "sm SET-CA = 9000; certificate 5F37 twice = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            23,
            "an unknown object inside",
            Live,
            "sm SET-CA = 9000; certificate 80 inside = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            24,
            "an object behind the template",
            Live,
            "sm SET-CA = 9000; certificate object behind = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            25,
            "cut short",
            Live,
            "sm SET-CA = 9000; certificate cut short = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            26,
            "no data field",
            Live,
            "sm SET-CA = 9000; sm 002A00AE = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            27,
            "well signed, another profile",
            Live,
            "sm SET-CA = 9000; certificate profile 8B = 6300",
            Unnamed(
                "a terminal certificate whose text, authority, role or object identifier is another",
            ),
        ),
        row(
            28,
            "well signed, another authority in both places",
            Live,
            "sm SET-CA = 9000; certificate authority TESTCA02 = 6300",
            Unnamed(
                "a terminal certificate whose text, authority, role or object identifier is another",
            ),
        ),
        row(
            29,
            "well signed, another application",
            Live,
            "sm SET-CA = 9000; certificate application = 6300",
            Unnamed(
                "a terminal certificate whose text, authority, role or object identifier is another",
            ),
        ),
        row(
            30,
            "well signed, another role",
            Live,
            "sm SET-CA = 9000; certificate role 02 = 6300",
            Unnamed(
                "a terminal certificate whose text, authority, role or object identifier is another",
            ),
        ),
        row(
            31,
            "well signed, another object identifier",
            Live,
            "sm SET-CA = 9000; certificate object identifier = 6300",
            Unnamed(
                "a terminal certificate whose text, authority, role or object identifier is another",
            ),
        ),
        row(
            32,
            "well signed, another holder: that one can be chosen",
            Live,
            "sm SET-CA = 9000; \
                certificate holder 2 = 9000; \
                sm SET-DEVICE = 6A88; \
                sm 002281A4(830C000000002000000000000002) = 9000",
            Standard("ISO/IEC 7816-8: the holder reference names the certified key"),
        ),
        row(
            33,
            "a refused certificate takes the accepted one away",
            Certified,
            "certificate signature bit = 6300; sm SET-DEVICE = 6A88",
            Choice(12),
        ),
        row(
            34,
            "a malformed certificate leaves the accepted one",
            Certified,
            "certificate no 42 = 6A80; sm SET-DEVICE = 9000",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
        row(
            35,
            "P1-P2 9E9A",
            Live,
            "sm 002A9E9A(0A) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            36,
            "P1-P2 00BE, without the hash",
            Live,
            "sm 002A00BE(7F21[00]) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            37,
            "P1-P2 8680, decipherment",
            Live,
            "sm 002A8086(00) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            38,
            "EXTERNAL AUTHENTICATE in plain",
            Cie,
            "00820000({00*264}) = 6982",
            Choice(24),
        ),
        row(
            39,
            "a proof before the terminal's key is chosen",
            Live,
            "sm SET-CA = 9000; certificate good = 9000; sm CHALLENGE = #8 9000; proof good = 6985",
            Choice(12),
        ),
        row(
            40,
            "a proof without certificate",
            Live,
            "sm CHALLENGE = #8 9000; proof good = 6985",
            Choice(12),
        ),
        row(
            41,
            "one bit of the proof's signature",
            Certified,
            "sm CHALLENGE = #8 9000; proof signature bit = 6300; sm NIS = {NIS} 9000",
            Choice(12),
        ),
        row(
            42,
            "one bit of the serial number before it",
            Certified,
            "sm CHALLENGE = #8 9000; proof serial bit = 6300",
            Choice(12),
        ),
        row(
            43,
            "well signed, the serial number of another device",
            Certified,
            "sm CHALLENGE = #8 9000; proof another serial = 6300",
            Choice(12),
        ),
        row(
            44,
            "well signed, over another challenge",
            Certified,
            "sm CHALLENGE = #8 9000; proof another challenge = 6300",
            Choice(12),
        ),
        row(
            45,
            "well signed, over another key agreement",
            Certified,
            "sm CHALLENGE = #8 9000; proof another agreement = 6300",
            Choice(12),
        ),
        row(
            46,
            "a proof of 263 bytes",
            Certified,
            "sm CHALLENGE = #8 9000; proof signature of 255 bytes = 6700",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            47,
            "a proof of 265 bytes",
            Certified,
            "sm CHALLENGE = #8 9000; proof signature of 257 bytes = 6700",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            48,
            "an empty proof",
            Certified,
            "sm CHALLENGE = #8 9000; proof empty = 6700",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            49,
            "P1 01",
            Certified,
            "sm CHALLENGE = #8 9000; sm 00820100({00*264}) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            50,
            "P2 01",
            Certified,
            "sm CHALLENGE = #8 9000; sm 00820001({00*264}) = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            51,
            "after a failed proof the next challenge serves",
            Certified,
            "sm CHALLENGE = #8 9000; \
                proof signature bit = 6300; \
                sm CHALLENGE = #8 9000; \
                proof good = 9000",
            Choice(12),
        ),
        row(
            52,
            "key 82 before the terminal's proof",
            Certified,
            "sm SET-82 = 9000; sm 00880000({00*8}) = 6985; sm NIS = {NIS} 9000",
            Choice(24),
        ),
        row(
            53,
            "key 82 in plain",
            Cie,
            "SET-82 = 9000; 00880000({00*8}) = 6982",
            Choice(24),
        ),
        row(
            54,
            "key 82 with 7 bytes",
            Certified,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                sm 00880000({00*7}) = 6700; \
                sm NIS = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            55,
            "key 82 with 9 bytes",
            Certified,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                sm 00880000({00*9}) = 6700; \
                sm NIS = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            56,
            "after a wrong length step g can be repeated",
            Certified,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                sm 00880000({00*7}) = 6700; \
                card proof = #264 9000; \
                sm PIN? = 63C3",
            Choice(24),
        ),
        row(
            57,
            "one proof serves one answer",
            Device,
            "sm SET-82 = 9000; sm 00880000({00*8}) = 6985; sm NIS = {NIS} 9000",
            Choice(24),
        ),
        row(
            58,
            "the terminal's proof alone is no device authentication",
            Certified,
            "sm CHALLENGE = #8 9000; proof good = 9000; sm VERIFY-PIN = 6982",
            Choice(24),
        ),
        row(
            59,
            "other commands between proof and step g do no harm",
            Certified,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm NIS = {NIS} 9000; \
                sm SET-82 = 9000; \
                card proof = #264 9000",
            Choice(24),
        ),
        row(
            60,
            "a new attempt that fails takes device, PIN and PUK back",
            Pin,
            "sm CHALLENGE = #8 9000; \
                proof signature bit = 6300; \
                sm SERIAL = 6982; \
                sm VERIFY-PIN = 6982",
            Choice(24),
        ),
        row(
            61,
            "a new attempt that succeeds takes them back until step g",
            Pin,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SERIAL = 6982; \
                sm VERIFY-PIN = 6982; \
                sm SET-82 = 9000; \
                card proof = #264 9000; \
                sm VERIFY-PIN = 9000",
            Choice(24),
        ),
        row(
            62,
            "an attempt refused with 6985 takes nothing back",
            Pin,
            "proof good = 6985; sm SERIAL = {SERIAL} 9000",
            Choice(24),
        ),
        row(
            63,
            "an attempt refused with 6700 takes nothing back",
            Pin,
            "sm CHALLENGE = #8 9000; proof empty = 6700; sm SERIAL = {SERIAL} 9000",
            Choice(24),
        ),
        row(
            64,
            "DF CIE selected in the session takes the certificate away",
            Certified,
            "sm CIE = 9000; sm SET-DEVICE = 6A88",
            Choice(7),
        ),
        row(
            65,
            "DF CIE selected in the session takes the authentication away",
            Device,
            "sm CIE = 9000; sm VERIFY-PIN = 6982",
            Choice(7),
        ),
        row(
            66,
            "a second whole authentication in one session",
            Device,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                card proof = #264 9000; \
                sm VERIFY-PIN = 9000",
            Choice(24),
        ),
    ],
};
