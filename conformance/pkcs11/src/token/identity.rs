// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which card it is, and the certificates known of cards: in memory only.

use crate::lock::{Mutex, locked};
use crate::log::Log;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::sod::{DataGroup, Sod};
use iso7816_wire::flaw;
use std::sync::Arc;

/// Certificates that are kept at most.
const KEPT_MAX: usize = 64;

/// What tells one card from another: its number (EF.SN.ICC) and the security
/// object, which a card with another certificate cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Content of EF.SN.ICC.
    pub number: Vec<u8>,
    /// SHA-256 of EF.SOD.
    pub sod_digest: Vec<u8>,
}

/// Certificates by card, shared by all slots of the module.
#[derive(Debug, Default)]
pub struct Certificates {
    read: Mutex<Vec<(Identity, Arc<CardCertificate>)>>,
    /// Given beforehand by `CIE_PKCS11_CERT`.
    given: Vec<Arc<CardCertificate>>,
}

impl Certificates {
    /// No card is known yet; `given` are certificates of holders.
    #[must_use]
    pub fn new(given: Vec<CardCertificate>) -> Self {
        Self {
            read: Mutex::default(),
            given: given.into_iter().map(Arc::new).collect(),
        }
    }

    /// The certificate of a card: read from it before, or given and listed in
    /// its security object, so that it cannot be another one's.
    #[must_use]
    pub fn of(&self, card: &Identity, sod: Option<&Sod>) -> Option<Arc<CardCertificate>> {
        let read = locked(&self.read);
        if let Some((_, certificate)) = read
            .iter()
            .find(|(known, _)| known == card || flaw!(CertificateOfAnotherCard))
        {
            return Some(Arc::clone(certificate));
        }
        let sod = sod?;
        let listed = sod.listed(DataGroup::Certificate)?;
        self.given
            .iter()
            .find(|given| sod.hash.digest(given.der()) == listed)
            .cloned()
    }

    /// Keeps what was read from a card; the oldest makes room.
    pub fn keep(&self, card: Identity, certificate: Arc<CardCertificate>) {
        let mut read = locked(&self.read);
        read.retain(|(known, _)| *known != card);
        if read.len() >= KEPT_MAX {
            read.remove(0);
        }
        read.push((card, certificate));
    }
}

/// Says so in the log if a certificate is not the one its card's security
/// object lists. It is shown all the same: judging it is for those who verify.
pub fn compare(certificate: &CardCertificate, sod: Option<&Sod>, log: &Log) {
    let listed = sod.and_then(|sod| Some((sod.hash, sod.listed(DataGroup::Certificate)?)));
    match listed {
        Some((hash, listed)) if hash.digest(certificate.der()) == listed => {}
        Some(_) => log.line(format_args!(
            "the certificate on the card is not the one in its security object"
        )),
        None => log.line(format_args!("the card has no readable security object")),
    }
}
