// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that is drawn, drawn from the seed: one stream per purpose, so
//! that a new purpose never shifts the values of the old ones.

use chacha20::ChaCha20Rng;
use cie_card::image::{Code, CodeError};
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Prefix of all derivation labels. A change makes every card another card.
const DOMAIN: &[u8] = b"cie-personalisation/1/";

/// First digits of every NIS drawn here: the project's test range. How real
/// numbers are allotted is not public, so this marks ours, no more.
pub const NIS_TEST_PREFIX: &str = "9990";

/// First letters of every serial number drawn here: the project's test range.
pub const SERIAL_TEST_PREFIX: &str = "CZ";

/// A source of streams for one card: the seed and whose card it is.
#[derive(Clone, Debug)]
pub(crate) struct CardSeed<'a> {
    seed: u64,
    holder: &'a str,
}

impl<'a> CardSeed<'a> {
    /// `holder` keeps the cards of two personas apart under the same seed.
    pub(crate) fn new(seed: u64, holder: &'a str) -> Self {
        Self { seed, holder }
    }

    fn key(&self, purpose: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.seed.to_be_bytes());
        hash.update(self.holder.as_bytes());
        hash.finalize().into()
    }

    /// The stream for one purpose.
    pub(crate) fn stream(&self, purpose: &str) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(self.key(purpose))
    }

    /// The seed of the card's own random source (rule 1 of the architecture).
    pub(crate) fn card(&self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.stream("card").fill_bytes(&mut seed);
        seed
    }

    /// Twelve digits in the test range.
    pub(crate) fn nis(&self) -> String {
        let mut stream = self.stream("nis");
        let mut nis = NIS_TEST_PREFIX.to_owned();
        while nis.len() < 12 {
            nis.push(digit(&mut stream));
        }
        nis
    }

    /// Two letters, five digits, two letters, in the test range.
    pub(crate) fn serial(&self) -> String {
        let mut stream = self.stream("serial");
        let mut serial = SERIAL_TEST_PREFIX.to_owned();
        while serial.len() < 7 {
            serial.push(digit(&mut stream));
        }
        while serial.len() < 9 {
            serial.push(char::from(b'A' + below(&mut stream, 26)));
        }
        serial
    }

    /// PIN and PUK: different, and neither of the kind that clients refuse.
    pub(crate) fn codes(&self) -> Result<(Code, Code), CodeError> {
        let mut stream = self.stream("codes");
        let pin = strong_code(&mut stream);
        let mut puk = strong_code(&mut stream);
        while puk == pin {
            puk = strong_code(&mut stream);
        }
        Ok((Code::new(pin.as_bytes())?, Code::new(puk.as_bytes())?))
    }
}

/// A number below `limit`, each with the same probability.
fn below(stream: &mut ChaCha20Rng, limit: u8) -> u8 {
    let fair = u8::MAX - u8::MAX % limit;
    loop {
        let [byte, ..] = stream.next_u32().to_le_bytes();
        if byte < fair {
            return byte % limit;
        }
    }
}

fn digit(stream: &mut ChaCha20Rng) -> char {
    char::from(b'0' + below(stream, 10))
}

fn strong_code(stream: &mut ChaCha20Rng) -> String {
    loop {
        let code: String = (0..Code::LEN).map(|_| digit(stream)).collect();
        if !is_weak(&code) {
            return code;
        }
    }
}

/// True for what clients refuse as a new code (section 5): all digits equal,
/// or each the successor or predecessor of the one before.
#[must_use]
pub fn is_weak(code: &str) -> bool {
    let steps = |step: u8| {
        code.bytes().zip(code.bytes().skip(1)).all(|(a, b)| {
            let (a, b) = (a.wrapping_sub(b'0'), b.wrapping_sub(b'0'));
            a.wrapping_add(step) % 10 == b % 10
        })
    };
    steps(0) || steps(1) || steps(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_codes_are_recognised() {
        for weak in [
            "00000000", "77777777", "12345678", "78901234", "87654321", "10987654",
        ] {
            assert!(is_weak(weak), "{weak}");
        }
        for strong in ["12345679", "11111112", "24681357", "90817263"] {
            assert!(!is_weak(strong), "{strong}");
        }
    }

    #[test]
    fn what_is_drawn_has_its_form() {
        for seed in 0..200 {
            let source = CardSeed::new(seed, "holder");
            let (nis, serial) = (source.nis(), source.serial());
            assert!(
                nis.len() == 12 && nis.bytes().all(|b| b.is_ascii_digit()),
                "{nis}"
            );
            assert!(nis.starts_with(NIS_TEST_PREFIX));
            let (letters, rest) = serial.split_at(2);
            let (digits, tail) = rest.split_at(5);
            assert_eq!((letters, tail.len()), (SERIAL_TEST_PREFIX, 2));
            assert!(digits.bytes().all(|b| b.is_ascii_digit()), "{serial}");
            assert!(tail.bytes().all(|b| b.is_ascii_uppercase()), "{serial}");
            let (pin, puk) = source.codes().unwrap();
            assert!(pin != puk && !is_weak(pin.expose()) && !is_weak(puk.expose()));
        }
    }

    #[test]
    fn seed_holder_and_purpose_all_matter() {
        let card = |seed, holder| CardSeed::new(seed, holder).card();
        assert_eq!(card(1, "a"), card(1, "a"));
        assert_ne!(card(1, "a"), card(2, "a"));
        assert_ne!(card(1, "a"), card(1, "b"));
        let source = CardSeed::new(1, "a");
        assert_ne!(source.key("nis"), source.key("serial"));
    }
}
