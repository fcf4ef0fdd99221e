// SPDX-License-Identifier: MIT OR Apache-2.0
//! Power and resets.

use crate::edges::row::Ground::{Choice, Fact, Standard};
use crate::edges::row::Start::{
    Certified, Cie, Off, On, Pending, Pin, PinBlocked, PinOneLeft, Puk, PukOneLeft,
};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "RESET",
    title: "power and resets",
    rows: &[
        row(
            1,
            "without power the card is mute",
            Off,
            "00A40000 = mute; NIS = mute",
            Standard("ISO/IEC 7816-3"),
        ),
        row(
            2,
            "power on gives the answer to reset of the family",
            Off,
            "power on = ATR",
            Fact("[R] 1.3, by family also [C] or inferred"),
        ),
        row(
            3,
            "a reset gives it, too",
            On,
            "reset = ATR; reset = ATR",
            Standard("ISO/IEC 7816-3"),
        ),
        row(
            4,
            "a reset without power powers the card",
            Off,
            "reset = ATR; 00A40000 = 9000",
            Standard("ISO/IEC 7816-3"),
        ),
        row(
            5,
            "power off: mute again",
            Pin,
            "power off = mute; NIS = mute; SERIAL = mute",
            Standard("ISO/IEC 7816-3"),
        ),
        row(
            6,
            "power on while powered: a cold reset",
            Pin,
            "power on = ATR; sm NIS = plain 6985; CIE = 9000; SERIAL = 6982",
            Standard("ISO/IEC 7816-3"),
        ),
        row(
            7,
            "a reset selects the root",
            Cie,
            "reset = ATR; NIS = 6A82; 00A4020C(D003) = 9000",
            Fact("[C] 1.2"),
        ),
        row(
            8,
            "a reset forgets the current file",
            Cie,
            "00A4020C(1001) = 9000; reset = ATR; 00B0000000 = 6986",
            Fact("[C] 4.5: clients expect nothing to survive a reset"),
        ),
        row(
            9,
            "a reset ends the session",
            Pin,
            "reset = ATR; sm NIS = plain 6985",
            Fact("[C] 4.5: clients expect nothing to survive a reset"),
        ),
        row(
            10,
            "a reset forgets PIN and device",
            Pin,
            "reset = ATR; \
                CIE = 9000; \
                SHARE = 9000; \
                adopt CARD-SHARE = * 9000; \
                sm SERIAL = 6982; \
                sm VERIFY-PIN = 6982",
            Fact("[C] 4.5: clients expect nothing to survive a reset"),
        ),
        row(
            11,
            "a reset forgets the grant of the PUK",
            Puk,
            "reset = ATR; CIE = 9000; SHARE = 9000; adopt CARD-SHARE = * 9000; sm RETRY = 6982",
            Fact("[C] 4.5: clients expect nothing to survive a reset"),
        ),
        row(
            12,
            "a reset drops pending keys",
            Pending,
            "reset = ATR; CIE = 9000; CARD-SHARE = 6A88",
            Fact("[C] 4.5: clients expect nothing to survive a reset"),
        ),
        row(
            13,
            "a reset forgets the chosen key",
            Cie,
            "SET-83 = 9000; reset = ATR; CIE = 9000; 00880000(5A) = 6985",
            Choice(27),
        ),
        row(
            14,
            "a reset forgets a challenge",
            Certified,
            "sm CHALLENGE = #8 9000; \
                reset = ATR; \
                CIE = 9000; \
                SHARE = 9000; \
                adopt CARD-SHARE = * 9000; \
                sm SET-CA = 9000; \
                certificate good = 9000; \
                sm SET-DEVICE = 9000; \
                proof good = 6985",
            Choice(27),
        ),
        row(
            15,
            "a reset never touches the PIN's counter",
            PinOneLeft,
            "reset = ATR; CIE = 9000; PIN-LEFT = ~9B0101 9000",
            Fact("[C] 5 and 11: clients reset after every operation, the counters stay"),
        ),
        row(
            16,
            "a reset never touches the PUK's counter",
            PukOneLeft,
            "reset = ATR; CIE = 9000; PUK-LEFT = ~9B0101 9000",
            Fact("[C] 5 and 11: clients reset after every operation, the counters stay"),
        ),
        row(
            17,
            "power off never touches counters",
            PinOneLeft,
            "power off = mute; power on = ATR; CIE = 9000; PIN-LEFT = ~9B0101 9000",
            Fact("[C] 5 and 11: clients reset after every operation, the counters stay"),
        ),
        row(
            18,
            "a blocked PIN stays blocked over power",
            PinBlocked,
            "power off = mute; power on = ATR; CIE = 9000; PIN-LEFT = ~9B0100 9000",
            Choice(9),
        ),
        row(
            19,
            "a reset drops an answer that waits",
            Cie,
            "00CB3FFF(4D[70[BFA101[A380]]]) = #256 6100; reset = ATR; 00C0000000 = 6985",
            Standard("ISO/IEC 7816-3"),
        ),
        row(
            20,
            "challenges go on after a reset, no two alike",
            Cie,
            "0084000008 = #8 9000; reset = ATR; 0084000008 = !{last} & #8 9000",
            Standard("ISO/IEC 7816-4 §11.5.3"),
        ),
        row(
            21,
            "nothing is left of a session that was powered off in its midst",
            Pin,
            "piece 1088000003414141 = 9000; \
                power off = mute; \
                power on = ATR; \
                CIE = 9000; \
                SET-83 = 9000; \
                00880000(4242) = sig83(4242) 9000",
            Fact("[C] 4.5: clients expect nothing to survive a reset"),
        ),
        row(
            22,
            "a reset drops a chain: the next command begins afresh",
            Cie,
            "1088000003414141 = 9000; reset = ATR; 0084000008 = #8 9000",
            Fact("[C] 4.5: clients expect nothing to survive a reset"),
        ),
    ],
};
