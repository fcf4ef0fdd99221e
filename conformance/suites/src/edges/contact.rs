// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first contact with a card: what is read before any row begins, and the
//! names that scripts know it by.

use super::desk::Known;
use super::expect::Behaviour;
use super::script::Names;
use chacha20::ChaCha20Rng;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::keys::PublicKey;
use cie_terminal::steps::agreement::TerminalShare;
use cie_terminal::steps::objects::{Domain, DomainForm};
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::file;
use cie_terminal::{Channel, Error, Transmit, TransportError};
use iso7816_wire::CardDoor;
use rand_core::SeedableRng;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is known of a card beside what it says itself. What is empty is not
/// known: the rows that need it cannot be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Papers {
    /// Name of its family.
    pub family: String,
    /// Its answer to reset.
    pub atr: Vec<u8>,
    /// Content of EF.ATR.
    pub ef_atr: Vec<u8>,
    /// SELECT by the IAS AID works.
    pub root_by_aid: bool,
    /// It takes extended length.
    pub extended_length: bool,
    /// The PIN.
    pub pin: String,
    /// The PUK.
    pub puk: String,
    /// ID_Servizi, twelve digits.
    pub nis: String,
    /// Serial number of the document.
    pub serial: String,
    /// The citizen's certificate.
    pub certificate: Vec<u8>,
}

impl Papers {
    pub(super) fn behaviour(&self) -> Behaviour {
        Behaviour {
            by_aid: self.root_by_aid,
            extended: self.extended_length,
        }
    }
}

/// The terminal's half of a beginning.
#[derive(Clone)]
pub(super) struct Contact {
    pub(super) known: Option<Arc<Known>>,
    pub(super) names: Names,
    /// Why the card is no CIE: how it refuses its application.
    pub(super) no_cie: Option<String>,
    /// Why there is nothing to begin a session with.
    pub(super) why_unknown: Option<String>,
}

/// The files that everybody may read, by directory.
pub(super) const OF_THE_ROOT: [(u16, &str); 3] = [
    (file::DIR, "EF2F00"),
    (file::SERIAL_ICC, "EFD003"),
    (file::DH, "EFD004"),
];
pub(super) const OF_CIE: [(u16, &str); 4] = [
    (file::ID_SERVIZI, "EF1001"),
    (file::DEVICE_KEY, "EF1004"),
    (file::ANTI_CLONING_KEY, "EF1005"),
    (file::SOD, "EF1006"),
];

impl Contact {
    /// Powers the card and reads what is free. What cannot be read gets no
    /// name. Sends no code, and no instruction but SELECT, READ BINARY, GET
    /// RESPONSE and GET DATA.
    pub(super) fn make<D: CardDoor>(card: &mut D, papers: &Papers) -> Self {
        let mut names = Names::default();
        card.power_on();
        let mut channel = Channel::new(Via(card));
        let mut read = |channel: &mut Channel<Via<'_, D>>, files: &[(u16, &str)]| {
            for (id, name) in files {
                if let Ok(content) = channel.read_file(*id, le::ALL) {
                    names.set(name, content);
                }
            }
        };
        // Whether there is a root or not, the files are asked for.
        let _ = channel.select_root_any();
        read(&mut channel, &OF_THE_ROOT);
        if papers.ef_atr.is_empty() {
            read(&mut channel, &[(file::ATR, "EF2F01")]);
        }
        let no_cie = refusal(&mut channel);
        read(&mut channel, &OF_CIE);
        let (known, why_unknown) = match agree(&mut channel, &mut names) {
            Ok(known) => (Some(known), None),
            Err(why) => (None, Some(why)),
        };
        name_papers(&mut names, papers);
        Self {
            known,
            names,
            no_cie,
            why_unknown,
        }
    }

    /// Asks a card that was not found to be a CIE, nor to be none, once more:
    /// it may have ended on one of the questions before, and power brings it
    /// back.
    pub(super) fn ask_again<D: CardDoor>(&mut self, card: &mut D) {
        card.power_on();
        self.no_cie = refusal(&mut Channel::new(Via(card)));
    }
}

/// Why the card is no CIE: how it refuses to select its application.
fn refusal<T: Transmit>(channel: &mut Channel<T>) -> Option<String> {
    let refused = channel.select_cie().err().filter(says_no);
    refused.map(|error| error.to_string())
}

/// True if the card refuses. One that is mute or out of order may be a CIE.
fn says_no(error: &Error) -> bool {
    let word = error.status();
    word.is_some_and(|word| matches!(word.0, 0x6700..=0x6EFF))
}

/// What a key agreement needs, and its names.
///
/// # Errors
/// What of it could not be had, and why.
fn agree<T: Transmit>(channel: &mut Channel<T>, names: &mut Names) -> Result<Arc<Known>, String> {
    let not = |what: &'static str| move |error: Error| format!("{what}: {error}");
    let domain = channel
        .read_domain(DomainForm::Whole)
        .or_else(|_| channel.read_domain(DomainForm::PerComponent))
        .map_err(not("the group of the key agreement"))?;
    let ca = channel
        .read_ca_key()
        .map_err(not("the key of the terminals' authority"))?;
    let file = names.get("EF1004");
    let file = file.map_err(|_| "EF 1004, the card's device key, could not be read".to_owned())?;
    let device_key = PublicKey::from_file(file).map_err(not("EF 1004, the card's device key"))?;
    let mut rng = ChaCha20Rng::from_seed([29; 32]);
    let share = TerminalShare::generate(&domain, &mut rng)
        .map_err(|error| format!("a share for its group: {error}"))?;
    let short = Zeroizing::new(hex::decode(SHORT_EXPONENT).unwrap_or_default());
    let short = TerminalShare::from_exponent(&domain, short)
        .map_err(|error| format!("a share for its group: {error}"))?;
    name_numbers(names, &domain, share.public());
    if let Some((0, rest)) = short.public().split_first() {
        // In another group there is no such value, and rows that use it say so.
        names.set("short", rest);
        names.set("padded", short.public());
    }
    names.set("N82", device_key.modulus());
    names.set("N84", ca.key.modulus());
    names.set("E84", ca.key.exponent());
    Ok(Arc::new(Known {
        domain,
        share,
        short,
        ca,
        device_key,
    }))
}

/// Names what is known, and what follows from it.
pub(super) fn name_papers(names: &mut Names, papers: &Papers) {
    let services = PublicKey::from_file(names.get("EF1005").unwrap_or_default());
    if let Ok(key) = services {
        names.set("N83", key.modulus());
    }
    if let Ok(citizen) = CardCertificate::from_file(&papers.certificate) {
        names.set("N81", citizen.key().modulus());
    }
    let mut nis = papers.nis.clone().into_bytes();
    if nis.is_empty() {
        nis = names.get("EF1001").unwrap_or_default().to_vec();
    }
    let digits = hex::decode(&nis).unwrap_or_default();
    for (name, value) in [
        ("ATR", &papers.atr[..]),
        ("EF2F01", &papers.ef_atr),
        ("PIN", papers.pin.as_bytes()),
        ("PUK", papers.puk.as_bytes()),
        ("NIS", &nis),
        ("EF1001", &nis),
        ("NIS-BCD", &digits),
        ("SERIAL", papers.serial.as_bytes()),
        ("EF1002", papers.serial.as_bytes()),
        ("CERT", &papers.certificate),
        ("EF1003", &papers.certificate),
    ] {
        if !value.is_empty() {
            names.set(name, value);
        }
    }
    let mut others = ["13572468", "24681357", "97531864", "86420975"]
        .into_iter()
        .filter(|code| *code != papers.pin && *code != papers.puk);
    names.set("WRONG", others.next().unwrap_or_default());
    names.set("NEW", others.next().unwrap_or_default());

    for fid in [
        "2F00", "2F01", "D003", "D004", "1001", "1002", "1003", "1004", "1005", "1006",
    ] {
        if let Ok(content) = names.get(&format!("EF{fid}")) {
            let [.., high, low] = content.len().to_be_bytes();
            names.set(&format!("L{fid}"), [high, low]);
        }
    }
}

/// A card behind its door, lent to a [`Channel`].
struct Via<'a, D>(&'a mut D);

impl<D: CardDoor> Transmit for Via<'_, D> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let answer = self.0.transmit(command);
        if answer.is_empty() {
            return Err(TransportError::Mute);
        }
        Ok(answer)
    }

    fn reset(&mut self) -> Result<Vec<u8>, TransportError> {
        let atr = self.0.reset();
        if atr.is_empty() {
            return Err(TransportError::Mute);
        }
        Ok(atr)
    }
}

/// An exponent whose public value in the group of the card (choice 2) has one
/// leading zero byte: SHA-256 of the text `short share 149`, the first such
/// text with a number that gives one.
const SHORT_EXPONENT: &str = "88D0CD6B7565D2D26D011E65F8204013E657C8B9E0F3C12F867D14BA3EB6BDFC";

/// The domain of the key agreement and the values at its rim.
fn name_numbers(names: &mut Names, domain: &Domain, share: &[u8]) {
    let plus = |delta: i16| {
        // p is odd and does not end in FF, so no byte but the last changes.
        let mut number = domain.p.clone();
        if let Some(last) = number.last_mut() {
            *last = u8::try_from(i16::from(*last) + delta).unwrap_or(*last);
        }
        number
    };
    names.set("p-1", plus(-1));
    names.set("p-2", plus(-2));
    names.set("p+1", plus(1));
    names.set("p", domain.p.clone());
    names.set("g", domain.g.clone());
    names.set("q", domain.q.clone());
    names.set("share", share);
}
