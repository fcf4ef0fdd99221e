// SPDX-License-Identifier: MIT OR Apache-2.0
//! Device authentication (section 4.4, choices 12 and 24).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Certified, Cie, Device, Live, Pin};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
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
        row(
            67,
            "well signed, another header of ISO 9796-2 in front",
            Live,
            "sm SET-CA = 9000; certificate header 4A = 6300",
            Choice(12),
        ),
        row(
            68,
            "well signed, another trailer of ISO 9796-2 behind",
            Live,
            "sm SET-CA = 9000; certificate trailer CC = 6300",
            Choice(12),
        ),
        row(
            69,
            "a second whole authentication leaves the PIN unverified",
            Pin,
            "sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                card proof = #264 9000; \
                sm SERIAL = 6982; \
                sm PIN? = 63C3",
            Choice(24),
        ),
        row(
            70,
            "the certificate in another template",
            Live,
            "sm SET-CA = 9000; certificate 7F4E for 7F21 = 6A80",
            Unnamed("a terminal certificate with a missing, repeated, unknown or malformed object"),
        ),
    ],
};
