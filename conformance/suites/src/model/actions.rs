// SPDX-License-Identifier: MIT OR Apache-2.0
//! The groups of actions that sequences are drawn from, right ones and wrong
//! ones together.

use super::desk::{CARD_SHARE, CIE, PIN_LEFT, PUK_LEFT};
use super::generate::Dice;
use super::op::{CERTIFICATES, Cut, HARMLESS, How, Op, PROOFS, Part, command, with_parts};
use super::state::{Messaging, Model};

const IDS: &[u16] = &[
    0x1001, 0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x1000, 0xD003, 0xD004, 0x2F00,
    0x2F01, 0x3F00, 0xFFFF,
];
const SFIS: &[u8] = &[
    1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 0x1B, 0x1C, 0x1D, 0x1E, 0, 0x1F,
];
const LES: &[u8] = &[
    0, 0, 1, 4, 8, 9, 10, 12, 13, 0x80, 0x81, 0x82, 0x83, 0xE7, 0xFF,
];

pub(super) fn files(dice: &mut Dice, how: How) -> Op {
    let le = dice.pick(LES, 0);
    match dice.below(12) {
        0 | 1 => {
            let id = dice.pick(IDS, 0x1001).to_be_bytes();
            let p1 = if id == [0x3F, 0x00] {
                2
            } else {
                dice.pick(&[2, 2, 0], 2)
            };
            let p2 = dice.pick(&[0x0C, 0x0C, 0x04, 0x00], 0x0C);
            let le = dice.pick(&[None, None, Some(0), Some(4), Some(0x1D)], None);
            command([0xA4, p1, p2], &id, le, how)
        }
        2 => match dice.below(4) {
            0 => command([0xA4, 0x02, 0x0C], &[0x10], None, how),
            1 => command([0xA4, 0x02, 0x08], &[0x10, 0x01], None, how),
            2 => command([0xA4, 0x01, 0x0C], &[0x10, 0x01], None, how),
            _ => command([0xA4, 0x02, 0x0C], &[0x10, 0x01, 0], None, how),
        },
        3..=5 => {
            let sfi = dice.pick(SFIS, 1);
            let offset = dice.pick(&[0, 0, 0, 1, 5, 9, 12, 13, 200, 255], 0);
            command([0xB0, 0x80 | sfi, offset], &[], Some(le), how)
        }
        6..=8 => {
            let offset = dice.pick(&[0, 0, 0, 4, 10, 12, 14, 0x100, 0x10E, 0x7FFF], 0_u16);
            let [high, low] = offset.to_be_bytes();
            command([0xB0, high, low], &[], Some(le), how)
        }
        9 => command([0xB0, 0x82, 0x00], &[], Some(9), how),
        10 => {
            let offset = dice.pick(&[0, 0, 4, 12, 13, 0x100], 0_u16).to_be_bytes();
            let place = match dice.below(3) {
                0 => [0, 0],
                1 => dice.pick(IDS, 0x1001).to_be_bytes(),
                _ => [0, dice.pick(SFIS, 1).max(1)],
            };
            let [p1, p2] = if place == [0x3F, 0x00] { [0, 1] } else { place };
            let data = [&[0x54, 2][..], &offset].concat();
            let le = if le < 3 { 0 } else { le };
            command([0xB1, p1, p2], &data, Some(le), how)
        }
        _ => match dice.below(4) {
            0 => command([0xB1, 0, 1], &[0x55, 2, 0, 0], Some(0), how),
            1 => command([0xB1, 0, 1], &[0x54, 2, 0, 0], None, how),
            2 => command([0xB0, 0x81, 0x00], &[], None, how),
            _ => command([0xB0, 0xA1, 0x00], &[], Some(0), how),
        },
    }
}

pub(super) fn objects(dice: &mut Dice, how: How) -> Op {
    const LISTS: &[&[u8]] = &[
        PIN_LEFT,
        PUK_LEFT,
        PIN_LEFT,
        PUK_LEFT,
        CARD_SHARE,
        // q, p, the whole domain, the authority's key, keys 81 to 83.
        &[0x4D, 10, 0x70, 8, 0xBF, 0xA1, 0x01, 4, 0xA3, 2, 0x99, 0],
        &[0x4D, 10, 0x70, 8, 0xBF, 0xA1, 0x01, 4, 0xA3, 2, 0x98, 0],
        &[0x4D, 8, 0x70, 6, 0xBF, 0xA1, 0x01, 2, 0xA3, 0x80],
        &[0x4D, 9, 0x70, 7, 0xBF, 0xA0, 0x04, 3, 0x7F, 0x49, 0x80],
        &[0x4D, 9, 0x70, 7, 0xBF, 0xA0, 0x01, 3, 0x7F, 0x49, 0x80],
        &[0x4D, 9, 0x70, 7, 0xBF, 0xA0, 0x02, 3, 0x7F, 0x49, 0x80],
        &[0x4D, 9, 0x70, 7, 0xBF, 0xA0, 0x03, 3, 0x7F, 0x49, 0x80],
        // Lengths of a code, private parts, what is not there, what is no list.
        &[0x4D, 9, 0x70, 7, 0xBF, 0x81, 0x01, 3, 0x7F, 0x41, 0x80],
        &[0x4D, 9, 0x70, 7, 0xBF, 0x90, 0x01, 3, 0x7F, 0x48, 0x80],
        &[0x4D, 8, 0x70, 6, 0xBF, 0xA1, 0x02, 2, 0xA3, 0x80],
        &[0x4D, 8, 0x70, 6, 0xBF, 0x81, 0x03, 2, 0xA0, 0x80],
        &[0x4D, 0],
        &[],
        &[0x4E, 2, 0x70, 0x80],
    ];
    let list = dice.pick(LISTS, PIN_LEFT);
    let le = dice.pick(&[None, None, None, Some(0), Some(0x20)], None);
    if dice.permille(40) {
        return command([0xCB, 0x3F, 0x00], list, le, how);
    }
    let mut op = command([0xCB, 0x3F, 0xFF], list, le, how);
    if let Op::Command { fetch, .. } = &mut op {
        *fetch = dice.permille(850);
    }
    op
}

pub(super) fn codes(dice: &mut Dice, how: How) -> Op {
    let reference = dice.pick(&[0x81, 0x81, 0x81, 0x82], 0x81);
    let right = if reference == 0x81 {
        Part::Pin
    } else {
        Part::Puk
    };
    let new = Part::New(u8::try_from(dice.below(3)).unwrap_or_default());
    let verify = [0x20, 0x00, reference];
    match dice.below(20) {
        0..=3 => with_parts(verify, vec![right], None, how),
        4..=6 => with_parts(verify, vec![Part::Wrong], None, how),
        7 => command(verify, &[], Some(0), how),
        8 => command(verify, &[], None, how),
        9 => {
            let length = dice.pick(&[1, 4, 7, 9, 12], 4);
            command(verify, &vec![0x31; length], None, how)
        }
        10 => command(
            verify,
            &[0x31, 0x32, 0x33, 0x34, 0xFF, 0xFF, 0xFF, 0xFF],
            None,
            how,
        ),
        11 => match dice.below(3) {
            0 => with_parts([0x20, 0x00, 0x83], vec![right], None, how),
            1 => with_parts([0x20, 0x01, reference], vec![right], None, how),
            _ => command([0x20, 0xFF, reference], &[], None, how),
        },
        12 | 13 => with_parts([0x24, 0x00, 0x81], vec![Part::Pin, new], None, how),
        14 => with_parts([0x24, 0x00, 0x81], vec![Part::Wrong, new], None, how),
        15 => match dice.below(4) {
            0 => with_parts([0x24, 0x00, 0x81], vec![Part::Pin], None, how),
            1 => {
                let letters = Part::Bytes(b"1234567A".to_vec());
                with_parts([0x24, 0x00, 0x81], vec![Part::Wrong, letters], None, how)
            }
            2 => with_parts([0x24, 0x00, 0x82], vec![Part::Puk, new], None, how),
            _ => with_parts([0x24, 0x01, 0x81], vec![Part::Pin, new], None, how),
        },
        16 => with_parts([0x2C, 0x02, 0x81], vec![new], None, how),
        17 => command(
            [0x2C, 0x03, 0x81],
            &[],
            dice.pick(&[None, Some(0)], None),
            how,
        ),
        18 => match dice.below(4) {
            0 => command([0x2C, 0x02, 0x81], b"1234567", None, how),
            1 => command([0x2C, 0x02, 0x81], b"1234567A", None, how),
            2 => command([0x2C, 0x03, 0x81], &[0x31], None, how),
            _ => with_parts([0x2C, 0x00, 0x81], vec![Part::Puk, new], None, how),
        },
        _ => with_parts([0x20, 0x00, 0x82], vec![Part::Puk], None, how),
    }
}

const SET_81: &[u8] = &[0x80, 1, 0x02, 0x84, 1, 0x81];
const SET_82: &[u8] = &[0x84, 1, 0x82, 0x80, 1, 0x9B];
pub(super) const SET_83: &[u8] = &[0x80, 1, 0x02, 0x84, 1, 0x83];
const SET_CA: &[u8] = &[0x80, 1, 0x41, 0x83, 1, 0x84];
const SET_DEVICE: &[u8] = &[0x83, 12, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 1];

pub(super) fn keys(dice: &mut Dice, how: How) -> Op {
    const INTERNAL: [u8; 3] = [0x22, 0x41, 0xA4];
    match dice.below(14) {
        0 | 1 => command(INTERNAL, SET_81, None, how),
        2 => command(INTERNAL, SET_82, None, how),
        3 | 4 => command(INTERNAL, SET_83, None, how),
        5 => command(
            [0x22, 0x81, 0xB6],
            SET_CA,
            dice.pick(&[None, Some(0)], None),
            how,
        ),
        6 => command([0x22, 0x81, 0xA4], SET_DEVICE, None, how),
        7 => command(INTERNAL, &[0x80, 1, 0x02, 0x84, 1, 0x84], None, how),
        8 => command(INTERNAL, &[0x84, 1, 0x83], None, how),
        9 => command(INTERNAL, &[0x80, 1, 0x9B, 0x84, 1, 0x83], None, how),
        10 => command(
            [0x22, 0x81, 0xB6],
            &[0x80, 1, 0x41, 0x83, 1, 0x85],
            None,
            how,
        ),
        11 => command([0x22, 0xC1, 0xA4], SET_83, None, how),
        12 => command(
            [0x22, 0x41, 0xA6],
            &[0x80, 1, 0x9B, 0x83, 1, 0x81, 0x91, 1, 1],
            None,
            how,
        ),
        _ => command(
            INTERNAL,
            &[0x80, 1, 0x02, 0x84, 1, 0x83, 0x94, 0],
            None,
            how,
        ),
    }
}

pub(super) fn signature(dice: &mut Dice, how: How) -> Op {
    let length = dice.pick(&[0, 1, 7, 8, 16, 36, 51, 245, 246, 256], 16);
    let payload = vec![dice.pick(&[0x00, 0x41, 0x5A], 0x41); length];
    let le = dice.pick(&[None, None, Some(0), Some(0x80)], None);
    let p2 = u8::from(dice.permille(40));
    command([0x88, 0x00, p2], &payload, le, how)
}

pub(super) fn signatures(dice: &mut Dice, how: How) -> Vec<Op> {
    match dice.below(4) {
        0 => vec![signature(dice, how)],
        1 => vec![keys(dice, how), signature(dice, how)],
        2 => vec![
            command([0x22, 0x41, 0xA4], SET_81, None, how),
            signature(dice, how),
        ],
        _ => vec![
            with_parts([0x20, 0, 0x81], vec![Part::Pin], None, how),
            keys(dice, how),
        ],
    }
}

pub(super) fn cut_as(mut op: Op, wanted: Cut) -> Op {
    if let Op::Command { cut, .. } = &mut op {
        *cut = wanted;
    }
    op
}

pub(super) fn chains(dice: &mut Dice, how: How) -> Vec<Op> {
    let whole = match dice.below(7) {
        0 => codes(dice, how),
        1 => objects(dice, how),
        2 if how != How::Sealed || dice.permille(100) => {
            command([0xA4, 0x04, 0x0C], CIE, None, how)
        }
        3 => command([0xA4, 0x02, 0x0C], &[0x10, 0x01], None, how),
        4 => keys(dice, how),
        5 => command([0xFF, 0, 0], &[0x41, 0x42], None, how),
        _ => signature(dice, how),
    };
    let first = cut_as(whole.clone(), Cut::Open);
    let rest = cut_as(whole.clone(), Cut::Rest);
    match dice.below(12) {
        0..=4 => vec![first, rest],
        5 => vec![first],
        6 => vec![first, files(dice, how), rest],
        7 => vec![first, codes(dice, how), rest],
        8 => vec![cut_as(whole.clone(), Cut::OpenAll), rest],
        9 => vec![first.clone(), first, rest],
        10 if how != How::Sealed || dice.permille(100) => vec![
            first,
            command([0xC0, 0, 0], &[], Some(0), How::Class(0)),
            rest,
        ],
        10 => vec![first, rest],
        _ => {
            // Just 4096 bytes, or one more.
            let (size, count) = match how {
                How::Sealed => (231, 17),
                How::Class(_) => (255, 16),
            };
            let piece = |length| {
                cut_as(
                    command([0x88, 0, 0], &vec![0x41; length], None, how),
                    Cut::OpenAll,
                )
            };
            let mut all = vec![piece(size); count];
            all.push(piece(4096 - size * count + dice.below(2)));
            all.push(command([0x88, 0, 0], &vec![0x42; dice.below(2)], None, how));
            all
        }
    }
}

pub(super) fn responses(dice: &mut Dice, how: How) -> Vec<Op> {
    const LONG: &[&[u8]] = &[
        &[0x4D, 10, 0x70, 8, 0xBF, 0xA1, 0x01, 4, 0xA3, 2, 0x98, 0],
        &[0x4D, 8, 0x70, 6, 0xBF, 0xA1, 0x01, 2, 0xA3, 0x80],
        &[0x4D, 9, 0x70, 7, 0xBF, 0xA0, 0x04, 3, 0x7F, 0x49, 0x80],
        CARD_SHARE,
    ];
    let first = match dice.below(3) {
        0 => command([0xB0, 0x84, 0x00], &[], Some(dice.pick(&[0, 0xFF], 0)), how),
        _ => command([0xCB, 0x3F, 0xFF], dice.pick(LONG, CARD_SHARE), None, how),
    };
    let mut all = vec![unfetched(first)];
    for _ in 0..1 + dice.below(4) {
        // In a session, one of class 00 too many ends it.
        let class = match how {
            How::Sealed if !dice.permille(60) => 0x0C,
            _ => dice.pick(&[0x00, 0x00, 0x00, 0x0C], 0),
        };
        all.push(match dice.below(12) {
            0 => command([0xC0, 1, 0], &[], Some(0), How::Class(class)),
            1 => command([0xC0, 0, 1], &[], Some(0), How::Class(class)),
            2 => command([0xC0, 0, 0], &[], None, How::Class(class)),
            3 => command([0xC0, 0, 0], &[0xAA], Some(0), How::Class(0)),
            4 => files(dice, how),
            _ => {
                let le = dice.pick(&[0, 0, 1, 3, 0x12, 0x1B, 0x38, 0x80, 0xFF], 0);
                command([0xC0, 0, 0], &[], Some(le), How::Class(class))
            }
        });
    }
    if how == How::Sealed {
        // Whether anything waits or not, class 0C does no harm (26).
        all.retain(
            |op| !matches!(op, Op::Command { header: [0xC0, ..], data, .. } if !data.is_empty()),
        );
    }
    all
}

/// Header list of the whole domain (3.1).
pub(super) const DOMAIN: &[u8] = &[0x4D, 8, 0x70, 6, 0xBF, 0xA1, 0x01, 2, 0xA3, 0x80];

/// The steps of 4.4, in order.
pub(super) fn handshake(nonce: [u8; 8]) -> Vec<Op> {
    let sm = How::Sealed;
    vec![
        command([0x22, 0x81, 0xB6], SET_CA, None, sm),
        with_parts([0x2A, 0x00, 0xAE], vec![Part::Certificate(0)], None, sm),
        command([0x22, 0x81, 0xA4], SET_DEVICE, None, sm),
        command([0x84, 0, 0], &[], Some(8), sm),
        with_parts([0x82, 0, 0], vec![Part::Proof(0)], None, sm),
        command([0x22, 0x41, 0xA4], SET_82, None, sm),
        command([0x88, 0, 0], &nonce, None, sm),
    ]
}

pub(super) fn device(dice: &mut Dice, how: How) -> Vec<Op> {
    let nonce = [dice.byte(); 8];
    let certificate = |kind: usize| Part::Certificate(u8::try_from(kind).unwrap_or_default());
    let proof = |kind: usize| Part::Proof(u8::try_from(kind).unwrap_or_default());
    let prove = |kind| with_parts([0x82, 0, 0], vec![proof(kind)], None, how);
    let challenge = command([0x84, 0, 0], &[], Some(dice.pick(&[8, 8, 8, 0], 8)), how);
    let mut steps = handshake(nonce);
    match dice.below(15) {
        0 | 1 => steps,
        13 | 14 => {
            // Another certificate before or after the first, or its key.
            let kind = 1 + dice.below(CERTIFICATES.len() - 1);
            let send = with_parts([0x2A, 0x00, 0xAE], vec![certificate(kind)], None, how);
            steps.insert(1 + dice.below(3), send);
            steps
        }
        2 => {
            // One step is left out or comes twice.
            let at = dice.below(steps.len());
            match dice.permille(500) {
                true => drop(steps.remove(at)),
                false => steps.extend(steps.get(at).cloned()),
            }
            steps
        }
        3 => {
            let (one, two) = (dice.below(steps.len()), dice.below(steps.len()));
            steps.swap(one, two);
            steps
        }
        4 => {
            let kind = dice.below(CERTIFICATES.len());
            let send = with_parts([0x2A, 0x00, 0xAE], vec![certificate(kind)], None, how);
            vec![command([0x22, 0x81, 0xB6], SET_CA, None, how), send]
        }
        5 => vec![command([0x22, 0x81, 0xA4], SET_DEVICE, None, how)],
        6 => vec![challenge],
        7 => vec![prove(dice.below(PROOFS.len()))],
        8 => vec![challenge, prove(dice.below(PROOFS.len()))],
        9 => vec![challenge, files(dice, how), prove(0)],
        10 => vec![challenge, prove(1), prove(0)],
        11 => vec![
            command([0x22, 0x41, 0xA4], SET_82, None, how),
            command([0x88, 0, 0], &nonce, None, how),
        ],
        _ => match dice.below(5) {
            0 => vec![command([0x84, 0, 0], &[], Some(4), how)],
            1 => vec![command([0x84, 0, 1], &[], Some(8), how)],
            2 => vec![command([0x2A, 0x9E, 0x9A], &[0x41], None, how)],
            3 => vec![command([0x82, 0, 1], &[0; 16], None, how)],
            _ => vec![codes(dice, how)],
        },
    }
}

/// Unknown instructions, bytes that are no command, class bytes, protected
/// commands as they should be but in other forms.
pub(super) fn strange(dice: &mut Dice, how: How, model: &Model) -> Op {
    if model.messaging == Messaging::Live {
        return match dice.below(4) {
            0 => command([0xFF, 0, 0], &[], Some(0), how),
            1 => command([0xD6, 0, 0], &[0x41], None, how),
            _ => Op::Forged(u8::try_from(dice.below(usize::from(HARMLESS))).unwrap_or_default()),
        };
    }
    match dice.below(7) {
        0 => Op::Bytes(vec![0x00, 0xA4, 0x04]),
        1 => Op::Bytes(vec![0x00, 0xB0, 0x81, 0x00, 0x0C, 0x00]),
        2 => Op::Bytes(Vec::new()),
        3 => command([0xD6, 0, 0], &[0x41], None, how),
        4 => Op::Bytes(vec![0x0C, 0xB0, 0x82, 0x00, 0x00]),
        5 => {
            let cla = dice.pick(
                &[0x80, 0xFF, 0x20, 0x40, 0x01, 0x03, 0x04, 0x08, 0x14, 0x0D],
                0x80,
            );
            command([0xB0, 0x81, 0x00], &[], Some(0x0C), How::Class(cla))
        }
        _ => command([0xFF, 0, 0], &[], Some(0), how),
    }
}

pub(super) fn unfetched(mut op: Op) -> Op {
    if let Op::Command { fetch, .. } = &mut op {
        *fetch = false;
    }
    op
}
