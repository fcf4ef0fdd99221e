// SPDX-License-Identifier: MIT OR Apache-2.0
//! The model's commands with codes, and what the codes open.

use super::facts::Directory;
use super::state::{LOCAL_IN_ROOT, Model, Reply, open};
use iso7816_wire::CommandApdu;

const PIN: u8 = 0x81;
const PUK: u8 = 0x82;

impl Model {
    /// The rule of closed files and key 81: 6982 where secure messaging or
    /// device authentication is missing, 6983 with the PUK dead, 6982 without
    /// the PIN (4, 9).
    pub(super) fn pin_rule(&self, sealed: bool) -> Option<u16> {
        if !sealed || !self.device {
            Some(0x6982)
        } else if self.puk.left == 0 {
            Some(0x6983)
        } else if !self.pin.verified {
            Some(0x6982)
        } else {
            None
        }
    }

    /// What all commands with a code demand first. `known` says that the
    /// reference is one of the command's.
    fn code_rule(&self, p1: bool, known: bool, sealed: bool, seen: u16) -> Option<u16> {
        match (p1, known) {
            (false, false) => return Some(open(&[0x6A86, 0x6A88], seen)),
            (false, true) => return Some(0x6A86),
            (true, false) => return Some(0x6A88),
            (true, true) => {}
        }
        if self.directory == Directory::Root {
            return Some(open(LOCAL_IN_ROOT, seen));
        }
        if !sealed || !self.device {
            return Some(0x6982);
        }
        (self.puk.left == 0).then_some(0x6983)
    }

    /// Compares a code; the counter counts first.
    fn compare(&mut self, reference: u8, value: &[u8], verify: bool) -> u16 {
        let code = if reference == PUK {
            &mut self.puk
        } else {
            &mut self.pin
        };
        if value == code.value {
            code.left = code.allowed;
            code.verified |= verify;
            return 0x9000;
        }
        code.left = code.left.saturating_sub(1);
        code.verified = false;
        0x63C0 | u16::from(code.left)
    }

    pub(super) fn verify(&mut self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        let known = matches!(apdu.p2, PIN | PUK);
        if let Some(sw) = self.code_rule(apdu.p1 == 0, known, sealed, seen) {
            return Reply::sw(sw);
        }
        let code = if apdu.p2 == PUK { self.puk } else { self.pin };
        if code.left == 0 {
            return Reply::sw(0x6983);
        }
        Reply::sw(match apdu.data.len() {
            0 if code.verified => 0x9000,
            0 => 0x63C0 | u16::from(code.left),
            8 => self.compare(apdu.p2, &apdu.data, true),
            _ => 0x6700,
        })
    }

    pub(super) fn change(&mut self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        if let Some(sw) = self.code_rule(apdu.p1 == 0, apdu.p2 == PIN, sealed, seen) {
            return Reply::sw(sw);
        }
        if self.pin.left == 0 {
            return Reply::sw(0x6983);
        }
        let Some((old, new)) = apdu.data.split_first_chunk::<8>() else {
            return Reply::sw(0x6700);
        };
        let Ok(new) = <[u8; 8]>::try_from(new) else {
            return Reply::sw(0x6700);
        };
        if !new.iter().all(u8::is_ascii_digit) {
            return Reply::sw(0x6A80);
        }
        let sw = self.compare(PIN, old, false);
        if sw == 0x9000 {
            self.pin.value = new;
        }
        Reply::sw(sw)
    }

    pub(super) fn reset_retry(&mut self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        let p1 = matches!(apdu.p1, 0x02 | 0x03);
        if let Some(sw) = self.code_rule(p1, apdu.p2 == PIN, sealed, seen) {
            return Reply::sw(sw);
        }
        if !self.puk.verified {
            return Reply::sw(0x6982);
        }
        if apdu.p1 == 0x03 {
            if !apdu.data.is_empty() {
                return Reply::sw(0x6700);
            }
            self.pin.left = self.pin.allowed;
            return Reply::sw(0x9000);
        }
        let Ok(new) = <[u8; 8]>::try_from(apdu.data.as_slice()) else {
            return Reply::sw(0x6700);
        };
        if !new.iter().all(u8::is_ascii_digit) {
            return Reply::sw(0x6A80);
        }
        self.pin.value = new;
        self.pin.left = self.pin.allowed;
        self.pin.verified = false;
        self.puk.verified = false;
        Reply::sw(0x9000)
    }
}
