// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one door to a card: what a reader can do to a chip, and nothing else.

/// A chip seen from the reader's contacts or antenna.
///
/// Readers, fuzzers, tests and benchmarks all drive a card through these four
/// calls, so a card never learns who is talking to it. Implementations never
/// panic and never block, whatever bytes arrive.
pub trait CardDoor: Send {
    /// Applies power and returns the answer to reset (2 to 33 bytes,
    /// ISO/IEC 7816-3). Volatile state starts afresh. Powering a card that is
    /// already powered is a cold reset.
    fn power_on(&mut self) -> Vec<u8>;

    /// Warm reset: volatile state starts afresh, and the answer to reset comes
    /// back. A card that has no power is powered first.
    fn reset(&mut self) -> Vec<u8>;

    /// Removes power. Volatile state is lost, non-volatile state is not.
    fn power_off(&mut self);

    /// Sends one command APDU and returns the response APDU: data followed by
    /// the two bytes of the status word. An unpowered card is mute and answers
    /// with an empty vector.
    fn transmit(&mut self, command: &[u8]) -> Vec<u8>;
}

impl<T: CardDoor + ?Sized> CardDoor for Box<T> {
    fn power_on(&mut self) -> Vec<u8> {
        (**self).power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        (**self).reset()
    }

    fn power_off(&mut self) {
        (**self).power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        (**self).transmit(command)
    }
}
