// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key agreement (section 4.2, choices 19 and 22).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Cie, Live, Pending, Pin, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "KAT",
    title: "key agreement",
    rows: &[
        row(
            1,
            "the agreement of every client, then secure messaging",
            Cie,
            "SHARE = 9000; adopt CARD-SHARE = * 9000; sm NIS = {NIS} 9000",
            Fact("[C] 4.2"),
        ),
        row(
            2,
            "with Le 00",
            Cie,
            "002241A6(80019B 830181 91[{share}])00 = 9000; \
                adopt CARD-SHARE = * 9000; \
                sm NIS = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            3,
            "objects in another order",
            Cie,
            "002241A6(91[{share}] 830181 80019B) = 9000; \
                adopt CARD-SHARE = * 9000; \
                sm NIS = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §11.5.11"),
        ),
        row(
            4,
            "every agreement has a new card value",
            Cie,
            "SHARE = 9000; \
                all CARD-SHARE = #264 9000; \
                SHARE = 9000; \
                all CARD-SHARE = !{last} & #264 9000",
            Standard("EN 419212: ephemeral keys"),
        ),
        row(
            5,
            "value 0",
            Cie,
            "002241A6(80019B 830181 91[{00*256}]) = 6A80; CARD-SHARE = 6A88",
            Choice(19),
        ),
        row(
            6,
            "value 1",
            Cie,
            "002241A6(80019B 830181 91[{00*255}01]) = 6A80",
            Choice(19),
        ),
        row(
            7,
            "value 1 in one byte",
            Cie,
            "002241A6(80019B 830181 91[01]) = 6A80",
            Choice(19),
        ),
        row(
            8,
            "value 2 in one byte",
            Cie,
            "002241A6(80019B 830181 91[02]) = 9000; all CARD-SHARE = #264 9000",
            Choice(19),
        ),
        row(
            9,
            "value 2 in 256 bytes",
            Cie,
            "002241A6(80019B 830181 91[{00*255}02]) = 9000; all CARD-SHARE = #264 9000",
            Choice(19),
        ),
        row(
            10,
            "value p - 2",
            Cie,
            "002241A6(80019B 830181 91[{p-2}]) = 9000",
            Choice(19),
        ),
        row(
            11,
            "value p - 1",
            Cie,
            "002241A6(80019B 830181 91[{p-1}]) = 6A80",
            Choice(19),
        ),
        row(
            12,
            "value p",
            Cie,
            "002241A6(80019B 830181 91[{p}]) = 6A80",
            Choice(19),
        ),
        row(
            13,
            "value p + 1",
            Cie,
            "002241A6(80019B 830181 91[{p+1}]) = 6A80",
            Choice(19),
        ),
        row(
            14,
            "a value of all FF",
            Cie,
            "002241A6(80019B 830181 91[{FF*256}]) = 6A80",
            Choice(19),
        ),
        row(
            15,
            "no byte of value",
            Cie,
            "002241A6(80019B 830181 91[]) = 6A80",
            Choice(19),
        ),
        row(
            16,
            "257 bytes of value",
            Cie,
            "002241A6(80019B 830181 91[00{share}]) = 6A80",
            Choice(19),
        ),
        row(
            17,
            "no value",
            Cie,
            "002241A6(80019B 830181) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            18,
            "no algorithm",
            Cie,
            "002241A6(830181 91[{share}]) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            19,
            "no key reference",
            Cie,
            "002241A6(80019B 91[{share}]) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            20,
            "another algorithm",
            Cie,
            "002241A6(80011B 830181 91[{share}]) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            21,
            "an algorithm of two bytes",
            Cie,
            "002241A6(8002009B 830181 91[{share}]) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            22,
            "another key",
            Cie,
            "002241A6(80019B 830182 91[{share}]) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            23,
            "a key reference of two bytes",
            Cie,
            "002241A6(80019B 83020081 91[{share}]) = 6A88",
            Unnamed("MANAGE SECURITY ENVIRONMENT with an unknown key"),
        ),
        row(
            24,
            "two values",
            Cie,
            "002241A6(80019B 830181 91[02] 91[03]) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            25,
            "an unknown object",
            Cie,
            "002241A6(80019B 830181 91[{share}] 9400) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            26,
            "an object cut short",
            Cie,
            "002241A6(80019B 830181 910241) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            27,
            "while the root is current",
            Root,
            "002241A6(80019B 830181 91[02]) = 6A88",
            Unnamed("a local key or object while the root is current"),
        ),
        row(
            28,
            "plain commands are served while keys are pending",
            Pending,
            "NIS = {NIS} 9000; \
                0084000008 = #8 9000; \
                SET-83 = 9000; \
                00880000(0A) = sig83(0A) 9000; \
                sm NIS = {NIS} 9000",
            Choice(22),
        ),
        row(
            29,
            "a refused plain command changes nothing",
            Pending,
            "00FF0000 = 6D00; 00B0820009 = 6982; sm NIS = {NIS} 9000",
            Choice(22),
        ),
        row(
            30,
            "bytes that are no APDU change nothing",
            Pending,
            "00B0 = 6700; sm NIS = {NIS} 9000",
            Choice(22),
        ),
        row(
            31,
            "the first protected command makes the session live: plain then ends it",
            Pending,
            "sm NIS = {NIS} 9000; NIS = 6985; sm NIS = plain 6985; NIS = {NIS} 9000",
            Choice(22),
        ),
        row(
            32,
            "a first protected command with a wrong checksum: keys are gone",
            Pending,
            "forged wrong 8E: NIS = plain 6988; sm NIS = plain 6985",
            Choice(5),
        ),
        row(
            33,
            "a new agreement replaces pending keys",
            Pending,
            "002241A6(80019B 830181 91[02]) = 9000; sm NIS = plain 6988",
            Choice(22),
        ),
        row(
            34,
            "a refused agreement leaves pending keys",
            Pending,
            "002241A6(80019B 830181 91[01]) = 6A80; sm NIS = {NIS} 9000",
            Choice(22),
        ),
        row(
            35,
            "two agreements, the second one counts",
            Pending,
            "SHARE = 9000; adopt CARD-SHARE = * 9000; sm NIS = {NIS} 9000",
            Choice(22),
        ),
        row(
            36,
            "a reset drops pending keys",
            Pending,
            "reset = ATR; 0CB0810000 = 6985; CARD-SHARE = 6A88",
            Fact("[C] 4.5: clients expect nothing to survive a reset"),
        ),
        row(
            37,
            "inside a session: its own answer is the last, the new keys are pending",
            Pin,
            "sm SHARE = 9000; adopt CARD-SHARE = * 9000; sm NIS = {NIS} 9000; sm SERIAL = 6982",
            Choice(22),
        ),
        row(
            38,
            "inside a session: the card's value is read in plain",
            Live,
            "sm SHARE = 9000; all CARD-SHARE = #264 9000; NIS = {NIS} 9000",
            Choice(22),
        ),
        row(
            39,
            "inside a session: the old keys no longer work",
            Live,
            "sm SHARE = 9000; sm NIS = plain 6988",
            Choice(22),
        ),
        row(
            40,
            "inside a session: a refused agreement leaves it alone",
            Pin,
            "sm 002241A6(80019B 830181 91[01]) = 6A80; sm SERIAL = {SERIAL} 9000",
            Choice(22),
        ),
        row(
            41,
            "in plain in a session: ends it like any plain command",
            Live,
            "002241A6(80019B 830181 91[02]) = 6985; sm NIS = plain 6985",
            Choice(6),
        ),
        row(
            42,
            "as one command in extended length",
            Cie,
            "002241A6 00010A 80019B 830181 91820100{share} = 9000 if extended else 6700",
            Choice(29),
        ),
        row(
            43,
            "a refused class leaves pending keys",
            Pending,
            "0DB0810000 = 6881; 80B0810000 = 6E00; sm NIS = {NIS} 9000",
            Choice(22),
        ),
        row(
            44,
            "a SELECT by name with a wrong P2 drops pending keys",
            Pending,
            "00A40408(A00000000039) = 6A86; sm NIS = plain 6985",
            Choice(22),
        ),
        row(
            45,
            "the algorithm twice",
            Cie,
            "002241A6(80019B 80019B 830181 91[{share}]) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            46,
            "the key reference twice",
            Cie,
            "002241A6(80019B 830181 830181 91[{share}]) = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            47,
            "no data field",
            Cie,
            "002241A6 = 6A80",
            Unnamed(
                "MANAGE SECURITY ENVIRONMENT with a missing, repeated, unknown or malformed object or another algorithm",
            ),
        ),
        row(
            48,
            "256 bytes of value in three pieces",
            Cie,
            "102241A6100102030405060708090A0B0C0D0E0F10 = 9000; \
                CIE = 9000; \
                102241A606 80019B830181 = 9000; \
                102241A6FF 91820100{share:0..251} = 9000; \
                002241A605{share:251..256} = 9000; \
                adopt CARD-SHARE = * 9000; \
                sm NIS = {NIS} 9000",
            Standard("ISO/IEC 7816-4 §5.3.3"),
        ),
        row(
            49,
            "a value of 255 bytes: the device authentication hashes 255",
            Cie,
            "002241A6(80019B 830181 91[{short}]) = 9000; \
                adopt short: CARD-SHARE = * 9000; \
                sm SET-CA = 9000; \
                certificate good = 9000; \
                sm SET-DEVICE = 9000; \
                sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                card proof = #264 9000; \
                sm PIN? = 63C3",
            Choice(19),
        ),
        row(
            50,
            "the same value with its zero byte: the device authentication hashes 256",
            Cie,
            "002241A6(80019B 830181 91[{padded}]) = 9000; \
                adopt padded: CARD-SHARE = * 9000; \
                sm SET-CA = 9000; \
                certificate good = 9000; \
                sm SET-DEVICE = 9000; \
                sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                card proof = #264 9000; \
                sm PIN? = 63C3",
            Choice(19),
        ),
        row(
            51,
            "sent in 255 bytes, hashed as 256 by the terminal",
            Cie,
            "002241A6(80019B 830181 91[{short}]) = 9000; \
                adopt padded: CARD-SHARE = * 9000; \
                sm SET-CA = 9000; \
                certificate good = 9000; \
                sm SET-DEVICE = 9000; \
                sm CHALLENGE = #8 9000; \
                proof good = 6300",
            Choice(19),
        ),
    ],
};
