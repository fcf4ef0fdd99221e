// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PUK and RESET RETRY COUNTER (section 5, choice 9).

use crate::edges::row::Ground::{Choice, Fact, Standard, Unnamed};
use crate::edges::row::Start::{Cie, Device, Live, Pin, PinBlocked, Puk, PukDead, PukOneLeft};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "PUK",
    title: "PUK and RESET RETRY COUNTER",
    rows: &[
        row(
            1,
            "the right PUK",
            Device,
            "sm VERIFY-PUK = 9000; sm RETRY = 9000",
            Fact("[C] 5"),
        ),
        row(
            2,
            "the first wrong PUK",
            Device,
            "sm WRONG-PUK = 63C9; sm PUK-LEFT = ~9B0109 9000",
            Fact("[C] 5"),
        ),
        row(
            3,
            "the tenth wrong PUK",
            PukOneLeft,
            "sm WRONG-PUK = 63C0; sm PUK-LEFT = ~9B0100 9000",
            Choice(9),
        ),
        row(
            4,
            "every later one, right or wrong",
            PukDead,
            "sm WRONG-PUK = 6983; sm VERIFY-PUK = 6983",
            Choice(9),
        ),
        row(
            5,
            "the right PUK at the last try resets its counter",
            PukOneLeft,
            "sm VERIFY-PUK = 9000; sm PUK-LEFT = ~9B010A 9000",
            Choice(9),
        ),
        row(
            6,
            "a wrong PUK takes the grant back",
            Puk,
            "sm WRONG-PUK = 63C9; sm RETRY = 6982; sm NEW-PIN = 6982",
            Choice(9),
        ),
        row(
            7,
            "a wrong PUK leaves the PIN's status",
            Pin,
            "sm WRONG-PUK = 63C9; sm SERIAL = {SERIAL} 9000",
            Choice(9),
        ),
        row(
            8,
            "the right PUK does not verify the PIN",
            Puk,
            "sm SERIAL = 6982; sm PIN? = 63C3",
            Choice(9),
        ),
        row(
            9,
            "the right PUK does not unblock by itself",
            PinBlocked,
            "sm VERIFY-PUK = 9000; sm VERIFY-PIN = 6983; sm PIN? = 6983",
            Choice(9),
        ),
        row(
            10,
            "a wrong length",
            Device,
            "sm 00200082({PUK:0..7}) = 6700; \
                sm 00200082({PUK}30) = 6700; \
                sm PUK-LEFT = ~9B010A 9000",
            Choice(9),
        ),
        row(
            11,
            "the first half alone",
            Device,
            "sm 00200082({PUK:0..4}) = 6700; sm PUK-LEFT = ~9B010A 9000",
            Choice(9),
        ),
        row(
            12,
            "a wrong length leaves the grant",
            Puk,
            "sm 00200082(31) = 6700; sm RETRY = 9000",
            Choice(9),
        ),
        row(
            13,
            "the PIN for the PUK",
            Device,
            "sm 00200082({PIN}) = 63C9; sm PIN-LEFT = ~9B0103 9000",
            Choice(9),
        ),
        row(
            14,
            "empty, not verified",
            Device,
            "sm PUK? = 63CA; sm PUK-LEFT = ~9B010A 9000",
            Choice(9),
        ),
        row(15, "empty, verified", Puk, "sm PUK? = 9000", Choice(9)),
        row(16, "empty, dead", PukDead, "sm PUK? = 6983", Choice(9)),
        row(
            17,
            "in plain",
            Cie,
            "VERIFY-PUK = 6982; PUK-LEFT = ~9B010A 9000",
            Choice(4),
        ),
        row(
            18,
            "in a session without device authentication",
            Live,
            "sm VERIFY-PUK = 6982",
            Choice(4),
        ),
        row(
            19,
            "counter reset (2C 03) as the clients send it",
            PinBlocked,
            "sm VERIFY-PUK = 9000; sm RETRY = 9000; sm VERIFY-PIN = 9000",
            Fact("[C] 5"),
        ),
        row(
            20,
            "counter reset, header only",
            PinBlocked,
            "sm VERIFY-PUK = 9000; sm 002C0381 = 9000; sm VERIFY-PIN = 9000",
            Fact("[C] 4.3, 5"),
        ),
        row(
            21,
            "counter reset leaves the grant",
            Puk,
            "sm RETRY = 9000; sm RETRY = 9000; sm NEW-PIN = 9000",
            Choice(9),
        ),
        row(
            22,
            "counter reset leaves the PIN's status",
            Pin,
            "sm VERIFY-PUK = 9000; sm RETRY = 9000; sm SERIAL = {SERIAL} 9000",
            Choice(9),
        ),
        row(
            23,
            "counter reset, then a new PIN, as one client does",
            PinBlocked,
            "sm VERIFY-PUK = 9000; sm RETRY = 9000; sm NEW-PIN = 9000; sm 00200081({NEW}) = 9000",
            Fact("[C] 5"),
        ),
        row(
            24,
            "counter reset with data",
            Puk,
            "sm 002C0381(31) = 6700; sm RETRY = 9000",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            25,
            "a new PIN (2C 02)",
            PinBlocked,
            "sm VERIFY-PUK = 9000; \
                sm NEW-PIN = 9000; \
                sm 00200081({NEW}) = 9000; \
                sm PIN-LEFT = ~9B0103 9000",
            Fact("[C] 5"),
        ),
        row(
            26,
            "a new PIN uses the grant up",
            Puk,
            "sm NEW-PIN = 9000; sm NEW-PIN = 6982; sm RETRY = 6982; sm PUK? = 63CA",
            Choice(9),
        ),
        row(
            27,
            "a new PIN is not verified",
            Puk,
            "sm NEW-PIN = 9000; sm SERIAL = 6982; sm PIN? = 63C3",
            Choice(9),
        ),
        row(
            28,
            "a new PIN is not verified, even if the old one was",
            Pin,
            "sm VERIFY-PUK = 9000; sm NEW-PIN = 9000; sm SERIAL = 6982",
            Choice(9),
        ),
        row(
            29,
            "the old PIN after a new one",
            Puk,
            "sm NEW-PIN = 9000; sm VERIFY-PIN = 63C2",
            Fact("[C] 5"),
        ),
        row(
            30,
            "a new PIN with a letter",
            Puk,
            "sm 002C0281({31*7}41) = 6A80; sm VERIFY-PIN = 9000; sm RETRY = 9000",
            Choice(9),
        ),
        row(
            31,
            "a new PIN of seven digits",
            Puk,
            "sm 002C0281({NEW:0..7}) = 6700; sm VERIFY-PIN = 9000; sm RETRY = 9000",
            Choice(9),
        ),
        row(
            32,
            "a new PIN of nine digits",
            Puk,
            "sm 002C0281({NEW}30) = 6700",
            Choice(9),
        ),
        row(
            33,
            "a new PIN of no digits",
            Puk,
            "sm 002C0281 = 6700",
            Choice(9),
        ),
        row(
            34,
            "a new PIN without PUK",
            Device,
            "sm NEW-PIN = 6982; sm VERIFY-PIN = 9000",
            Choice(9),
        ),
        row(
            35,
            "a new PIN with the PIN instead of the PUK",
            Pin,
            "sm NEW-PIN = 6982",
            Choice(9),
        ),
        row(
            36,
            "counter reset without PUK",
            PinBlocked,
            "sm RETRY = 6982; sm VERIFY-PIN = 6983",
            Choice(9),
        ),
        row(
            37,
            "a wrong length without PUK: the grant comes first",
            Device,
            "sm 002C0281(31) = 6982",
            Choice(9),
        ),
        row(
            38,
            "PUK and new PIN in one (P1 00)",
            Device,
            "sm 002C0081({PUK}{NEW}) = 6A86; sm PUK-LEFT = ~9B010A 9000",
            Unnamed("unknown reference or P1 of a command with a code, where 6982 would also do"),
        ),
        row(
            39,
            "PUK alone (P1 01)",
            Device,
            "sm 002C0181({PUK}) = 6A86",
            Unnamed("unknown reference or P1 of a command with a code, where 6982 would also do"),
        ),
        row(
            40,
            "P1 04",
            Puk,
            "sm 002C0481 = 6A86",
            Standard("ISO/IEC 7816-4 §5.6"),
        ),
        row(
            41,
            "RESET RETRY COUNTER of the PUK",
            Puk,
            "sm 002C0282({NEW}) = 6A88; sm 002C0382 = 6A88",
            Unnamed("unknown reference or P1 of a command with a code, where 6982 would also do"),
        ),
        row(
            42,
            "RESET RETRY COUNTER of reference 83",
            Puk,
            "sm 002C0283({NEW}) = 6A88",
            Unnamed("unknown reference or P1 of a command with a code, where 6982 would also do"),
        ),
        row(
            43,
            "RESET RETRY COUNTER in plain",
            Cie,
            "NEW-PIN = 6982; 002C0381 = 6982",
            Choice(4),
        ),
        row(
            44,
            "RESET RETRY COUNTER in a session without device authentication",
            Live,
            "sm NEW-PIN = 6982; sm RETRY = 6982",
            Choice(4),
        ),
        row(
            45,
            "dead: VERIFY of the PIN",
            PukDead,
            "sm VERIFY-PIN = 6983; sm WRONG-PIN = 6983; sm PIN? = 6983",
            Choice(9),
        ),
        row(
            46,
            "dead: CHANGE",
            PukDead,
            "sm 00240081({PIN}{NEW}) = 6983",
            Choice(9),
        ),
        row(
            47,
            "dead: RESET RETRY COUNTER",
            PukDead,
            "sm NEW-PIN = 6983; sm RETRY = 6983",
            Choice(9),
        ),
        row(
            48,
            "dead: the wrong length of a code",
            PukDead,
            "sm 00200081(31) = 6983; sm 00200082(31) = 6983",
            Choice(9),
        ),
        row(
            49,
            "dead: an unknown reference comes first",
            PukDead,
            "sm 00200083({WRONG}) = 6A88",
            Unnamed("unknown reference or P1 of a command with a code, where 6982 would also do"),
        ),
        row(
            50,
            "dead: in plain 6982 comes first",
            PukDead,
            "ROOT = 9000; CIE = 9000; VERIFY-PIN = 6982",
            Choice(9),
        ),
        row(
            51,
            "dead: plain reads and key 83 go on",
            PukDead,
            "CIE = 9000; NIS = {NIS} 9000; SET-83 = 9000; 00880000(0A) = sig83(0A) 9000",
            Choice(9),
        ),
        row(
            52,
            "dead: a session and the device authentication go on",
            PukDead,
            "CIE = 9000; \
                SHARE = 9000; \
                adopt CARD-SHARE = * 9000; \
                sm SET-CA = 9000; \
                certificate good = 9000; \
                sm SET-DEVICE = 9000; \
                sm CHALLENGE = #8 9000; \
                proof good = 9000; \
                sm SET-82 = 9000; \
                card proof = #264 9000; \
                sm VERIFY-PIN = 6983; \
                sm VERIFY-PUK = 6983",
            Choice(9),
        ),
        row(
            53,
            "dead for ever: after power was gone",
            PukDead,
            "power off = mute; power on = ATR; CIE = 9000; PUK-LEFT = ~9B0100 9000",
            Choice(9),
        ),
    ],
};
