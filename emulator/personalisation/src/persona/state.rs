// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can have happened to a citizen's card, or gone wrong at its issuer.

use cie_card::image::{CardState, PIN_TRIES, PUK_TRIES};
use serde::Deserialize;

/// The state a card is made in. `docs/personas.md` tells what each means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As issued: all tries, everything valid.
    #[default]
    Fresh,
    /// Two wrong PINs were sent.
    #[serde(rename = "pin-1-left")]
    PinOneLeft,
    /// Three wrong PINs were sent.
    PinBlocked,
    /// The PIN is blocked, and nine wrong PUKs were sent.
    #[serde(rename = "puk-1-left")]
    PukOneLeft,
    /// The PIN is blocked, and ten wrong PUKs were sent: for ever.
    PukDead,
    /// The certificate's validity is over, whatever the clock says.
    CertExpired,
    /// The certificate is valid and its serial number on the CA's list.
    CertRevoked,
    /// The SOD, correctly signed, has another hash for EF.Seriale (1002).
    SodMismatch,
    /// The citizen has the first halves of the codes only: the card is fresh,
    /// but its holder cannot use it.
    HalfCodes,
}

impl State {
    /// All states, the default first.
    pub const ALL: [Self; 9] = [
        Self::Fresh,
        Self::PinOneLeft,
        Self::PinBlocked,
        Self::PukOneLeft,
        Self::PukDead,
        Self::CertExpired,
        Self::CertRevoked,
        Self::SodMismatch,
        Self::HalfCodes,
    ];

    /// Name in persona files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::PinOneLeft => "pin-1-left",
            Self::PinBlocked => "pin-blocked",
            Self::PukOneLeft => "puk-1-left",
            Self::PukDead => "puk-dead",
            Self::CertExpired => "cert-expired",
            Self::CertRevoked => "cert-revoked",
            Self::SodMismatch => "sod-mismatch",
            Self::HalfCodes => "half-codes",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Puts the counters where the state has them. A PUK is only tried by
    /// somebody whose PIN is blocked, so the states of the PUK have both.
    pub(crate) fn apply(self, card: &mut CardState) {
        let (pin, puk) = match self {
            Self::PinOneLeft => (1, PUK_TRIES),
            Self::PinBlocked => (0, PUK_TRIES),
            Self::PukOneLeft => (0, 1),
            Self::PukDead => (0, 0),
            _ => (PIN_TRIES, PUK_TRIES),
        };
        (card.pin_tries, card.puk_tries) = (pin, puk);
    }

    /// Purpose of the stream that the certificate's serial number is drawn
    /// from: two certificates of one CA never share a serial number.
    pub(crate) fn serial_purpose(self) -> &'static str {
        match self {
            Self::CertExpired => "certificate serial, expired",
            Self::CertRevoked => "certificate serial, revoked",
            _ => "certificate serial",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.name()), Some(state));
            let toml = format!("state = {:?}", state.name());
            let table: std::collections::BTreeMap<String, State> = toml::from_str(&toml).unwrap();
            assert_eq!(table.get("state"), Some(&state), "{toml}");
        }
        assert_eq!(State::from_name("lost"), None);
    }
}
