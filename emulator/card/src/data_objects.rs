// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data objects that GET DATA reaches, in the shapes of IAS ECC (section 3
//! of the card facts). Shapes of sections 3.1 to 3.3 are sent by the card's
//! clients; those of section 3.4 are known from a client of IAS ECC cards, and
//! what this card puts into them is choice 28.

use crate::card::Card;
use crate::image::{Code, Directory, PIN_TRIES, PUK_TRIES};
use crate::keys::{KeyReference, MODULUS_LEN};
use crate::memory::NonVolatile;
use iso7816_wire::{StatusWord, mutant, tlv};

/// The template around all security data objects.
pub(crate) const TEMPLATE: u32 = 0x70;
/// Private parts of an RSA key: never readable.
pub(crate) const PRIVATE_PARTS: u32 = 0x7F48;

const CITIZEN_PUBLIC_KEY: u32 = 0xBF_A001;
const NEVER: u8 = 0xFF;
const ALWAYS: u8 = 0x00;
/// Security conditions: all of secure messaging and external authentication in
/// security environment 1.
const DEVICE: u8 = 0xE1;
/// The same and the user authentication of environment 1, the PIN.
const DEVICE_AND_PIN: u8 = 0xF1;
/// The same with the user authentication of environment 2, the PUK.
const DEVICE_AND_PUK: u8 = 0xF2;
/// Usage counters without limit.
const UNLIMITED: [u8; 2] = [0xFF, 0xFF];

/// All objects as one row of BER-TLV, and what is there but closed.
pub(crate) struct DataObjects {
    /// The readable objects.
    pub(crate) row: Vec<u8>,
    /// Objects that exist and may not be read: the tag around them, their own
    /// tag and the answer.
    pub(crate) closed: Vec<(u32, u32, StatusWord)>,
}

impl<M: NonVolatile> Card<M> {
    /// All data objects that GET DATA can reach now. Local objects belong to
    /// DF CIE.
    pub(crate) fn data_objects(&self, secured: bool) -> DataObjects {
        let mut row = Vec::with_capacity(4096);
        let mut closed = Vec::new();
        if self.volatile.directory == Directory::Cie {
            // The citizen's public key is in EF.Cert_CIE and nowhere else, so
            // it is as closed as that file (choice 28).
            let citizen = if mutant!(PublicKey81Free) {
                Ok(())
            } else {
                self.require_pin(secured)
            };
            if let Err(sw) = citizen {
                closed.push((TEMPLATE, CITIZEN_PUBLIC_KEY, sw));
            }
            let never = StatusWord::SECURITY_STATUS_NOT_SATISFIED;
            closed.extend([0xBF_9001, 0xBF_9002, 0xBF_9003].map(|key| (key, PRIVATE_PARTS, never)));
            tlv::push(&mut row, TEMPLATE, &self.security_objects(citizen.is_ok()));
        }
        // Section 3.3: the card's public value of the last key agreement.
        if let Some(agreement) = self.volatile.channel.agreement() {
            tlv::push(&mut row, 0xA6, &tlv::encode(0x91, &agreement.card_public));
        }
        DataObjects { row, closed }
    }

    fn security_objects(&self, with_citizen_key: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(4096);
        let mut object = |tag, value: Vec<u8>| tlv::push(&mut out, tag, &value);
        let state = &self.state;
        object(
            0xBF_8101,
            pin(if mutant!(TriesObjectStale) {
                PIN_TRIES
            } else {
                state.pin_tries
            }),
        );
        object(0xBF_8102, puk(state.puk_tries));

        object(0xBF_9001, private_key(b"KEY 81", DEVICE_AND_PIN));
        object(0xBF_9002, private_key(b"KEY 82", DEVICE));
        object(0xBF_9003, private_key(b"KEY 83", ALWAYS));

        if with_citizen_key {
            object(
                CITIZEN_PUBLIC_KEY,
                self.public_key(KeyReference::Authentication),
            );
        }
        object(0xBF_A002, self.public_key(KeyReference::Device));
        object(0xBF_A003, self.public_key(KeyReference::Services));
        let ca = &self.profile.terminal_ca;
        let parts: [(u32, &[u8]); 4] = [
            (0x81, &ca.modulus),
            (0x82, &ca.exponent),
            (0x5F20, &ca.chr),
            (0x5F4C, &ca.cha),
        ];
        object(0xBF_A004, tlv::encode(0x7F49, &objects(&parts)));

        let dh = &self.profile.dh;
        let domain = objects(&[(0x97, &dh.g), (0x98, &dh.p), (0x99, &dh.q)]);
        object(0xBF_A101, tlv::encode(0xA3, &domain));

        object(0xBF_FB01, environment(0x81));
        object(0xBF_FB02, environment(0x82));
        out
    }

    fn public_key(&self, key: KeyReference) -> Vec<u8> {
        let (modulus, exponent) = self.keys.public_parts(key);
        tlv::encode(0x7F49, &objects(&[(0x81, &modulus), (0x82, &exponent)]))
    }
}

fn objects(objects: &[(u32, &[u8])]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    for (tag, value) in objects {
        tlv::push(&mut out, *tag, value);
    }
    out
}

/// The same access rules for contacts (8C) and without (9C): an access-mode
/// byte and one condition for each of its bits (section 2.3).
fn access_rules(rule: &[u8]) -> Vec<u8> {
    objects(&[(0x8C, rule), (0x9C, rule)])
}

/// PIN: CHANGE, VERIFY, RESET, PUT and GET DATA (section 3.4).
fn pin(tries_left: u8) -> Vec<u8> {
    let rule = [0x73, DEVICE, DEVICE, DEVICE_AND_PUK, NEVER, ALWAYS];
    code_object(b"PIN", PIN_TRIES, tries_left, &rule)
}

/// PUK: can be verified and nothing else.
fn puk(tries_left: u8) -> Vec<u8> {
    let rule = [0x73, NEVER, DEVICE, NEVER, NEVER, ALWAYS];
    code_object(b"PUK", PUK_TRIES, tries_left, &rule)
}

/// Lengths of the code in 7F41; name, tries, usage, size and access in A0.
fn code_object(name: &[u8], tries_allowed: u8, tries_left: u8, rule: &[u8]) -> Vec<u8> {
    let length = u8::try_from(Code::LEN).unwrap_or_default();
    let lengths = objects(&[(0x80, &[length]), (0x81, &[length]), (0x82, &[length])]);
    let parameters = objects(&[
        (0x84, name),
        (0x9A, &[tries_allowed]),
        (0x9B, &[tries_left]),
        (0x9C, &UNLIMITED),
        (0x9D, &UNLIMITED),
        (0x80, &[0, length]),
        (0xA1, &access_rules(rule)),
    ]);
    objects(&[(0x7F41, &lengths), (0xA0, &parameters)])
}

/// Parameters of a private key; its parts are not among the objects. Access:
/// signature, INTERNAL AUTHENTICATE, decipherment, generation, PUT and GET
/// DATA (section 3.4). The size counts bytes.
fn private_key(name: &[u8], internal_authenticate: u8) -> Vec<u8> {
    let size = u16::try_from(MODULUS_LEN).unwrap_or_default();
    let mut rule = [NEVER; 7];
    let [mode, _sign, authenticate, ..] = &mut rule;
    (*mode, *authenticate) = (0x7B, internal_authenticate);
    let parameters = objects(&[
        (0x84, name),
        (0x9C, &UNLIMITED),
        (0x9D, &UNLIMITED),
        (0x9E, &[0]),
        (0x80, &size.to_be_bytes()),
        (0xA1, &access_rules(&rule)),
    ]);
    tlv::encode(0xA0, &parameters)
}

/// A security environment: what the conditions of the access rules stand for.
/// User authentication by the code `code`, external authentication by a
/// certificate under key 84, key agreement with key 81 (sections 4.2 and 4.4).
fn environment(code: u8) -> Vec<u8> {
    let user = objects(&[(0x95, &[0x08]), (0x83, &[code])]);
    let device = objects(&[(0x95, &[0x80]), (0x80, &[0x9B]), (0x83, &[0x84])]);
    let agreement = objects(&[(0x95, &[0x80]), (0x80, &[0x9B]), (0x83, &[0x81])]);
    let templates = objects(&[(0xA4, &user), (0xA4, &device), (0xA6, &agreement)]);
    tlv::encode(0x7B, &templates)
}
