// SPDX-License-Identifier: MIT OR Apache-2.0
//! Class bytes.

use crate::edges::row::Ground::Unnamed;
use crate::edges::row::Start::Cie;
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "CLA",
    title: "class bytes",
    rows: &[
        row(
            1,
            "class 80: proprietary",
            Cie,
            "80B081000C = 6E00; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            2,
            "class 90: proprietary",
            Cie,
            "90B081000C = 6E00; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            3,
            "class A0: proprietary",
            Cie,
            "A0B081000C = 6E00; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            4,
            "class FF: invalid",
            Cie,
            "FFB081000C = 6E00; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            5,
            "class 20: reserved",
            Cie,
            "20B081000C = 6E00; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            6,
            "class 40: a further channel",
            Cie,
            "40B081000C = 6E00; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            7,
            "class 60: a further channel in secure messaging",
            Cie,
            "60B081000C = 6E00; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            8,
            "class 01: channel 1",
            Cie,
            "01B081000C = 6881; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            9,
            "class 02: channel 2",
            Cie,
            "02B081000C = 6881; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            10,
            "class 03: channel 3",
            Cie,
            "03B081000C = 6881; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            11,
            "class 11: channel 1 with chaining",
            Cie,
            "11B081000C = 6881; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            12,
            "class 0D: channel 1 in secure messaging",
            Cie,
            "0DB081000C = 6881; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            13,
            "class 04: proprietary secure messaging",
            Cie,
            "04B081000C = 6882; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            14,
            "class 08: secure messaging without header",
            Cie,
            "08B081000C = 6882; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
        row(
            15,
            "class 14: proprietary secure messaging with chaining",
            Cie,
            "14B081000C = 6882; NIS = {NIS} 9000",
            Unnamed("class bytes other than 00, 10, 0C, 1C"),
        ),
    ],
};
