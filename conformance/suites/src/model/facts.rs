// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the model knows of one card before a sequence begins: file contents,
//! keys, codes. Some of it comes from the issuer; what only the card has is
//! read from a copy of it, once.

use super::op::CERTIFICATES;
use crate::edges::{Specimen, device};
use chacha20::ChaCha20Rng;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::keys::PublicKey;
use cie_terminal::steps::agreement::TerminalShare;
use cie_terminal::steps::objects::{CaKey, Domain, DomainForm};
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::file;
use cie_terminal::transport::InProcess;
use cie_terminal::{Channel, Error};
use iso7816_wire::{CardDoor, tlv};
use rand_core::SeedableRng;
use std::collections::HashMap;

/// A directory of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Directory {
    /// The MF, root of the IAS application.
    Root,
    /// DF CIE.
    Cie,
}

/// An elementary file.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it lies.
    pub directory: Directory,
    /// File identifier.
    pub id: u16,
    /// Short file identifier.
    pub sfi: u8,
    /// All of its bytes.
    pub content: Vec<u8>,
    /// Behind device authentication and PIN (choice 4).
    pub closed: bool,
}

/// Everything that is known of a card.
#[derive(Debug)]
pub struct Facts {
    /// Answer to reset.
    pub atr: Vec<u8>,
    /// The root answers to its AID (1.2).
    pub root_by_aid: bool,
    /// Extended length is taken.
    pub extended: bool,
    /// All files.
    pub files: Vec<File>,
    /// Domain of the key agreement.
    pub domain: Domain,
    /// Key of the terminals' authority.
    pub ca: CaKey,
    /// The terminal's value in every key agreement.
    pub share: TerminalShare,
    /// Public key 81.
    pub citizen: PublicKey,
    /// Public key 82.
    pub device: PublicKey,
    /// Public key 83.
    pub services: PublicKey,
    /// The PIN as issued.
    pub pin: [u8; 8],
    /// The PUK.
    pub puk: [u8; 8],
    /// Neither of them.
    pub wrong: [u8; 8],
    /// New PINs.
    pub new: [[u8; 8]; 3],
    /// Data fields of VERIFY CERTIFICATE, in the order of [`CERTIFICATES`].
    pub certificates: Vec<Vec<u8>>,
    /// What each of them is worth.
    pub worth: HashMap<Vec<u8>, u16>,
}

fn code(text: &str) -> [u8; 8] {
    text.as_bytes().try_into().unwrap_or([b'0'; 8])
}

impl Facts {
    /// Reads what is free on a copy of the card.
    ///
    /// # Errors
    /// The terminal's error at the first thing that cannot be read.
    pub fn of<D: CardDoor + Clone>(specimen: &Specimen<D>) -> Result<Self, Error> {
        let mut channel = Channel::new(InProcess::power_on(specimen.card.clone()));
        let mut files = Vec::new();
        let mut add = |directory, id, sfi, content, closed| {
            files.push(File {
                directory,
                id,
                sfi,
                content,
                closed,
            });
        };
        channel.select_root_any()?;
        for (id, sfi) in [
            (file::DIR, 0x1E),
            (file::SERIAL_ICC, 0x1C),
            (file::DH, 0x1B),
        ] {
            add(
                Directory::Root,
                id,
                sfi,
                channel.read_file(id, le::ALL)?,
                false,
            );
        }
        add(
            Directory::Root,
            0x2F01,
            0x1D,
            specimen.ef_atr.clone(),
            false,
        );
        channel.select_cie()?;
        let text = |text: &str| text.as_bytes().to_vec();
        add(Directory::Cie, 0x1001, 1, text(&specimen.nis), false);
        add(Directory::Cie, 0x1002, 2, text(&specimen.serial), true);
        add(
            Directory::Cie,
            0x1003,
            3,
            specimen.certificate.clone(),
            true,
        );
        let mut keys = Vec::new();
        for (id, sfi) in [
            (file::DEVICE_KEY, 4),
            (file::ANTI_CLONING_KEY, 5),
            (file::SOD, 6),
        ] {
            let content = channel.read_file(id, le::ALL)?;
            keys.push(content.clone());
            add(Directory::Cie, id, sfi, content, false);
        }
        let key = |at: usize| PublicKey::from_file(keys.get(at).map_or(&[], Vec::as_slice));
        let (device, services) = (key(0)?, key(1)?);
        let domain = channel.read_domain(DomainForm::Whole)?;
        let ca = channel.read_ca_key()?;
        let share = TerminalShare::generate(&domain, &mut ChaCha20Rng::from_seed([31; 32]))?;
        let citizen = CardCertificate::from_file(&specimen.certificate)?
            .key()
            .clone();
        let mut certificates = Vec::new();
        let mut worth = HashMap::new();
        for (kind, sw) in CERTIFICATES {
            let data = match device::certificate(kind, &ca) {
                Ok(made) => made?,
                // A kind that the table of edges does not have is a failing test.
                Err(_) => Vec::new(),
            };
            worth.insert(data.clone(), *sw);
            certificates.push(data);
        }
        let taken = [specimen.pin.as_str(), specimen.puk.as_str()];
        let mut others = [
            "13572468", "24681357", "97531864", "86420975", "11111111", "70707070",
        ]
        .into_iter()
        .filter(|other| !taken.contains(other))
        .map(code);
        let mut other = || others.next().unwrap_or([b'0'; 8]);
        Ok(Self {
            atr: specimen.atr.clone(),
            root_by_aid: specimen.root_by_aid,
            extended: specimen.extended_length,
            files,
            domain,
            ca,
            share,
            citizen,
            device,
            services,
            pin: code(&specimen.pin),
            puk: code(&specimen.puk),
            wrong: other(),
            new: [other(), other(), other()],
            certificates,
            worth,
        })
    }

    /// The file of this identifier in this directory.
    #[must_use]
    pub fn file(&self, directory: Directory, id: u16) -> Option<&File> {
        let here = |file: &&File| file.directory == directory && file.id == id;
        self.files.iter().find(here)
    }

    /// The file of this short identifier in this directory.
    #[must_use]
    pub fn by_sfi(&self, directory: Directory, sfi: u8) -> Option<&File> {
        let here = |file: &&File| file.directory == directory && file.sfi == sfi;
        self.files.iter().find(here)
    }

    /// The template of a public key, 7F49.
    pub(super) fn public_key(key: &PublicKey) -> Vec<u8> {
        let numbers = [
            tlv::encode(0x81, key.modulus()),
            tlv::encode(0x82, key.exponent()),
        ];
        tlv::encode(0x7F49, &numbers.concat())
    }
}
