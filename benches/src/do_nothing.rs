// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the readers are measured with when the card shall not count.

use iso7816_wire::CardDoor;

/// As little as a card can do: zeros to READ BINARY, 9000 to everything.
#[derive(Clone, Copy, Debug)]
pub struct DoNothing;

impl DoNothing {
    /// Its answer to reset.
    pub const ATR: [u8; 9] = [0x3B, 0x84, 0x80, 0x01, b'T', b'E', b'S', b'T', 0x13];
}

impl CardDoor for DoNothing {
    fn power_on(&mut self) -> Vec<u8> {
        Self::ATR.to_vec()
    }

    fn reset(&mut self) -> Vec<u8> {
        Self::ATR.to_vec()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let zeros = match command {
            [_, 0xB0, _, _, length] => usize::from(*length),
            _ => 0,
        };
        let mut response = vec![0; zeros];
        response.extend([0x90, 0x00]);
        response
    }
}
