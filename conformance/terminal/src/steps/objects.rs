// SPDX-License-Identifier: MIT OR Apache-2.0
//! GET DATA: the key-agreement domain, the CA key, the card's key-agreement
//! value, the PIN objects (section 3).

use crate::MODULUS_MAX;
use crate::channel::Channel;
use crate::error::{CheckError, Error, MalformedError};
use crate::keys::{PublicKey, stripped};
use crate::steps::code::Reference;
use crate::transport::Transmit;
use hex_literal::hex;
use iso7816_wire::dh::{is_valid_public, mod_exp};
use iso7816_wire::tlv::{self, TlvError};
use iso7816_wire::{CommandApdu, dh};

const GET_DATA: u8 = 0xCB;
const TEMPLATE: u32 = 0x70;
const DOMAIN_OBJECT: u32 = 0xBF_A101;
const DOMAIN: u32 = 0xA3;
const CA_KEY_OBJECT: u32 = 0xBF_A004;
const PUBLIC_KEY: u32 = 0x7F49;

/// Which of the two requests for the key-agreement domain to send
/// (section 3.1). Both bring the same three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainForm {
    /// One request for all: desktop clients with Gemalto cards.
    Whole,
    /// One request per number: every other client and card.
    PerComponent,
}

/// The domain of the key agreement. The numbers stay as the card wrote them,
/// because the device authentication hashes them so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Generator; some cards leave out its leading zeros.
    pub g: Vec<u8>,
    /// Prime.
    pub p: Vec<u8>,
    /// Order of the generator.
    pub q: Vec<u8>,
}

impl Domain {
    /// Refuses what cannot be computed with; says nothing about quality.
    ///
    /// # Errors
    /// [`CheckError::Domain`] if p is even, starts with 00 or is longer than
    /// [`MODULUS_MAX`], if g is not in 2..p−2, or if q is zero or longer than p.
    pub fn check(&self) -> Result<(), CheckError> {
        let odd = self.p.last().is_some_and(|b| b & 1 == 1);
        if !odd || self.p.first() == Some(&0) || self.p.len() > MODULUS_MAX {
            return Err(CheckError::Domain("p is even, too long or starts with 00"));
        }
        if !is_valid_public(&self.g, &self.p) {
            return Err(CheckError::Domain("g is outside 2..p-2"));
        }
        if stripped(&self.q).is_empty() || self.q.len() > self.p.len() {
            return Err(CheckError::Domain("q is zero or longer than p"));
        }
        Ok(())
    }

    /// True if g generates a subgroup whose order divides q: g^q = 1 mod p.
    #[must_use]
    pub fn generator_has_order_q(&self) -> bool {
        self.contains(&self.g)
    }

    /// True if `value` lies in the subgroup of order q: value^q = 1 mod p.
    #[must_use]
    pub fn contains(&self, value: &[u8]) -> bool {
        let one = dh::right_aligned(&[1], self.p.len());
        self.check().is_ok() && mod_exp(value, &self.q, &self.p) == Some(one)
    }
}

/// The public key of the external-authentication CA (card key 84), with the
/// names that go with it (section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaKey {
    /// The key. Its exponent is as long as its modulus (section 9).
    pub key: PublicKey,
    /// Certificate holder reference of the CA (5F20).
    pub holder_reference: [u8; 12],
    /// Certificate holder authorisation of the CA (5F4C).
    pub holder_authorisation: [u8; 7],
}

impl CaKey {
    /// Reads `70 { BF A0 04 { 7F 49 {…} } }`, whatever the order inside.
    ///
    /// # Errors
    /// [`Error::Malformed`] if an object is missing or has the wrong length,
    /// [`Error::Check`] if the key is unusable.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let objects = tlv::path(data, &[TEMPLATE, CA_KEY_OBJECT, PUBLIC_KEY]).map_err(ca_key)?;
        let find = |tag| {
            tlv::Reader::new(objects)
                .find(tag)
                .map(|o| o.value)
                .map_err(ca_key)
        };
        let key = PublicKey::new(find(0x81)?, find(0x82)?)?;
        Ok(Self {
            key,
            holder_reference: exactly("CHR of the CA key", find(0x5F20)?)?,
            holder_authorisation: exactly("CHA of the CA key", find(0x5F4C)?)?,
        })
    }

    /// Certification authority reference: the last eight bytes of the holder
    /// reference.
    #[must_use]
    pub fn authority_reference(&self) -> [u8; 8] {
        let [_, _, _, _, reference @ ..] = self.holder_reference;
        reference
    }

    /// AID part of the holder authorisation: its first six bytes.
    #[must_use]
    pub fn authority_aid(&self) -> [u8; 6] {
        let [aid @ .., _] = self.holder_authorisation;
        aid
    }
}

/// Tries of a code, as its object tells in plain (section 3.4, choice 28).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// Tries there are when the counter is full (9A).
    pub allowed: u8,
    /// Tries left (9B).
    pub left: u8,
}

impl<T: Transmit> Channel<T> {
    /// GET DATA with a header list `template` (its tag 4D included), as a
    /// case-3 command like the clients send (section 3). Long answers are
    /// fetched to their end.
    ///
    /// # Errors
    /// [`Error::Status`] unless the card answers 9000, else as
    /// [`Channel::send`].
    pub fn get_data(&mut self, step: &'static str, template: &[u8]) -> Result<Vec<u8>, Error> {
        self.send(&CommandApdu::new(0, GET_DATA, 0x3F, 0xFF).with_data(template))?
            .require(step)
    }

    /// The domain of the key agreement.
    ///
    /// # Errors
    /// As [`get_data`](Self::get_data); [`Error::Malformed`] if a number is
    /// missing.
    pub fn read_domain(&mut self, form: DomainForm) -> Result<Domain, Error> {
        match form {
            DomainForm::Whole => {
                let step = "reading the key-agreement domain";
                let answer = self.get_data(step, &hex!("4D08 7006 BFA10102 A380"))?;
                let value = |tag| domain_value(&answer, tag);
                Ok(Domain {
                    g: value(0x97)?,
                    p: value(0x98)?,
                    q: value(0x99)?,
                })
            }
            DomainForm::PerComponent => Ok(Domain {
                g: self.read_domain_component(0x97)?,
                p: self.read_domain_component(0x98)?,
                q: self.read_domain_component(0x99)?,
            }),
        }
    }

    /// One number of the domain: tag 97 is g, 98 is p, 99 is q.
    ///
    /// # Errors
    /// As [`read_domain`](Self::read_domain).
    pub fn read_domain_component(&mut self, tag: u8) -> Result<Vec<u8>, Error> {
        let mut template = hex!("4D0A 7008 BFA10104 A3020000");
        let [.., component, _] = &mut template;
        *component = tag;
        let answer = self.get_data("reading the key-agreement domain", &template)?;
        domain_value(&answer, u32::from(tag))
    }

    /// The public key of the external-authentication CA.
    ///
    /// # Errors
    /// As [`get_data`](Self::get_data) and [`CaKey::parse`].
    pub fn read_ca_key(&mut self) -> Result<CaKey, Error> {
        let template = hex!("4D09 7007 BFA00403 7F4980");
        CaKey::parse(&self.get_data("reading the CA key", &template)?)
    }

    /// The card's public value, after the key agreement was set up
    /// (section 3.3).
    ///
    /// # Errors
    /// As [`get_data`](Self::get_data); [`Error::Malformed`] if it is missing.
    pub fn read_card_share(&mut self) -> Result<Vec<u8>, Error> {
        let answer = self.get_data(
            "reading the card's key-agreement value",
            &hex!("4D04 A6029100"),
        )?;
        let value = tlv::path(&answer, &[0xA6, 0x91]);
        Ok(value
            .map_err(|e| Error::malformed("the card's key-agreement value", e))?
            .to_vec())
    }

    /// Tries of PIN or PUK, readable in plain on cards that tell.
    ///
    /// # Errors
    /// As [`get_data`](Self::get_data); [`Error::Malformed`] if a counter is
    /// missing.
    pub fn read_tries(&mut self, reference: Reference) -> Result<Tries, Error> {
        let object = [0xBF, 0x81, reference.number() & 0x1F];
        let inner = [&object[..], &hex!("02 A080")].concat();
        let template = tlv::encode(0x4D, &tlv::encode(TEMPLATE, &inner));
        let answer = self.get_data("reading the tries of a code", &template)?;
        let what = "the object of a code";
        let [b0, b1, b2] = object;
        let path = [TEMPLATE, u32::from_be_bytes([0, b0, b1, b2]), 0xA0];
        let objects = tlv::path(&answer, &path).map_err(|e| Error::malformed(what, e))?;
        let count = |tag| {
            let object = tlv::Reader::new(objects).find(tag);
            let [count] = exactly(what, object.map_err(|e| Error::malformed(what, e))?.value)?;
            Ok::<_, Error>(count)
        };
        Ok(Tries {
            allowed: count(0x9A)?,
            left: count(0x9B)?,
        })
    }
}

fn domain_value(answer: &[u8], tag: u32) -> Result<Vec<u8>, Error> {
    tlv::path(answer, &[TEMPLATE, DOMAIN_OBJECT, DOMAIN, tag])
        .map(<[u8]>::to_vec)
        .map_err(|e| Error::malformed("the key-agreement domain", e))
}

fn ca_key(error: TlvError) -> Error {
    Error::malformed("the CA key", error)
}

pub(crate) fn exactly<const N: usize>(what: &'static str, value: &[u8]) -> Result<[u8; N], Error> {
    let length = MalformedError::Length {
        found: value.len(),
        expected: N,
    };
    value.try_into().map_err(|_| Error::malformed(what, length))
}
