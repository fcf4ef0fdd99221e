// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards that lie, stop or never stop.

use super::card::TestCard;
use super::{channel, domain, established, figures, rng};
use crate::error::{CheckError, Error, MalformedError};
use crate::steps::agreement::TerminalShare;
use crate::steps::code::{Code, Reference};
use crate::steps::objects::{CaKey, Domain, DomainForm};
use crate::transport::{InProcess, Transmit as _, TransportError, from_fn};
use crate::{Channel, MODULUS_MAX};
use hex_literal::hex;
use iso7816_wire::{CardDoor, CommandApdu, StatusWord, tlv};
use rand_core::{Infallible, TryCryptoRng, TryRng};

#[test]
fn a_card_that_cannot_prove_its_key_loses_the_session() {
    let card = TestCard {
        lie_in_proof: true,
        ..TestCard::default()
    };
    let mut channel = Channel::new(InProcess(card));
    let error = channel
        .establish(DomainForm::Whole, &mut rng())
        .unwrap_err();
    assert!(
        matches!(error, Error::Check(CheckError::CardAuthentication(_))),
        "{error}"
    );
    assert!(channel.session().is_none());
}

#[test]
fn an_outer_9000_does_not_hide_the_inner_status() {
    let mut channel = established();
    channel.transport().0.outer_always_9000 = true;
    let answer = channel
        .send(&CommandApdu::new(0, 0xB0, 0x40, 0).with_le(256))
        .unwrap();
    assert_eq!(
        (answer.sw, answer.outer),
        (StatusWord::WRONG_OFFSET, StatusWord::OK)
    );
    assert!(answer.protected && channel.session().is_some());
    channel.transport().0.outer_always_9000 = false;
    let answer = channel
        .send(&CommandApdu::new(0, 0xB0, 0x40, 0).with_le(256))
        .unwrap();
    assert_eq!(
        (answer.sw, answer.outer),
        (StatusWord::WRONG_OFFSET, StatusWord::WRONG_OFFSET)
    );
}

#[test]
fn a_plain_answer_ends_the_session() {
    let mut channel = established();
    let stale = channel.session().unwrap().clone();
    channel.transport().0.reset();
    let code = Code::new("12345678").unwrap();
    let error = channel.verify(Reference::Pin, &code).unwrap_err();
    assert!(matches!(
        error,
        Error::SessionEnded {
            sw: StatusWord::SM_OBJECT_INCORRECT
        }
    ));
    let error = channel.verify(Reference::Pin, &code).unwrap_err();
    assert!(
        matches!(error, Error::NoSession { .. }),
        "never again in plain"
    );
    channel.start_session(stale);
    assert!(matches!(
        channel.verify(Reference::Pin, &code),
        Err(Error::SessionEnded { .. })
    ));
}

#[test]
fn a_forged_answer_ends_the_session() {
    let mut channel = established();
    let session = channel.session().unwrap().clone();
    for (at, expected) in [(0, "out of place"), (5, "checksum"), (21, "checksum")] {
        let mut card = channel.transport().0.clone();
        let mut forged = Channel::new(from_fn(move |command: &[u8]| {
            let mut answer = card.transmit(command);
            answer[at] ^= 1;
            Ok(answer)
        }));
        forged.start_session(session.clone());
        let error = forged.challenge().unwrap_err();
        assert!(matches!(error, Error::SecureMessaging(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(forged.session().is_none());
    }
}

#[test]
fn a_refused_piece_of_a_chain_is_the_answer() {
    let mut sent = 0;
    let mut channel = Channel::new(from_fn(|_: &[u8]| {
        sent += 1;
        Ok(hex!("6884").to_vec())
    }));
    let answer = channel
        .send(&CommandApdu::new(0, 0x22, 0x41, 0xA6).with_data([0; 266]))
        .unwrap();
    assert_eq!(answer.sw, StatusWord::CHAINING_NOT_SUPPORTED);
    drop(channel);
    assert_eq!(sent, 1);
}

#[test]
fn answers_without_end_end() {
    let mut channel = Channel::new(from_fn(|_: &[u8]| Ok(hex!("6100").to_vec())));
    let endless = |e| {
        matches!(
            e,
            Error::Malformed {
                reason: MalformedError::Endless(_),
                ..
            }
        )
    };
    assert!(endless(channel.get_data("test", &[]).unwrap_err()));
    let block = [&[7; 256][..], &hex!("6100")].concat();
    let mut channel = Channel::new(from_fn(move |_: &[u8]| Ok(block.clone())));
    assert!(endless(channel.get_data("test", &[]).unwrap_err()));
    // A file that never says it is over ends where offsets do.
    let block = [&[7; 256][..], &hex!("9000")].concat();
    let mut channel = Channel::new(from_fn(move |_: &[u8]| Ok(block.clone())));
    assert!(endless(channel.read_current_file(256).unwrap_err()));
    let mut channel = Channel::new(from_fn(|_: &[u8]| Ok(hex!("53 01 07 9000").to_vec())));
    assert!(endless(channel.read_file_odd(0, 5).unwrap_err()));
    let mut channel = Channel::new(from_fn(|_: &[u8]| Ok(hex!("9000").to_vec())));
    assert!(channel.read_current_file(256).unwrap().is_empty());
    assert!(channel.read_file_odd(0, 5).unwrap().is_empty());
}

#[test]
fn mute_cards_and_broken_answers() {
    let mut channel = Channel::new(from_fn(|_: &[u8]| Err(TransportError::Mute)));
    assert!(matches!(
        channel.select_cie(),
        Err(Error::Transport(TransportError::Mute))
    ));
    assert!(matches!(
        channel.reset(),
        Err(Error::Transport(TransportError::NoReset))
    ));
    let mut channel = Channel::new(from_fn(|_: &[u8]| Ok(vec![0x90])));
    assert!(matches!(channel.select_cie(), Err(Error::Malformed { .. })));
    assert_eq!(
        super::channel().transport().reset().unwrap(),
        hex!("3B80800101")
    );
}

#[test]
fn domains_that_cannot_be_computed_with() {
    let good = domain();
    let bad = [
        Domain {
            p: vec![],
            ..good.clone()
        },
        Domain {
            p: [&[0][..], &good.p].concat(),
            ..good.clone()
        },
        Domain {
            p: vec![0xFE; 256],
            ..good.clone()
        },
        Domain {
            p: vec![0xFF; MODULUS_MAX + 1],
            ..good.clone()
        },
        Domain {
            g: vec![1],
            ..good.clone()
        },
        Domain {
            g: vec![],
            ..good.clone()
        },
        Domain {
            g: good.p.clone(),
            ..good.clone()
        },
        Domain {
            q: vec![0; 32],
            ..good.clone()
        },
        Domain {
            q: vec![],
            ..good.clone()
        },
        Domain {
            q: vec![1; 257],
            ..good.clone()
        },
    ];
    for domain in bad {
        let result = TerminalShare::generate(&domain, &mut rng());
        assert!(
            matches!(result, Err(CheckError::Domain(_))),
            "{domain:02X?}"
        );
        assert!(!domain.generator_has_order_q());
    }
    let other_q = Domain {
        q: vec![3; 32],
        ..good.clone()
    };
    assert!(!other_q.generator_has_order_q());
    let tiny_q = Domain {
        q: vec![1],
        ..good.clone()
    };
    let result = TerminalShare::generate(&tiny_q, &mut rng());
    assert_eq!(result.unwrap_err(), CheckError::RandomSource);
    let result = TerminalShare::generate(&good, &mut Stuck);
    assert_eq!(result.unwrap_err(), CheckError::RandomSource);

    let share = TerminalShare::generate(&good, &mut rng()).unwrap();
    let mut p_minus_1 = good.p.clone();
    p_minus_1[255] -= 1;
    for card in [
        &[][..],
        &[0],
        &[1],
        &p_minus_1,
        &good.p,
        &[0xFF; 256],
        &[2; 257],
    ] {
        assert_eq!(share.agree(&good, card).unwrap_err(), CheckError::CardShare);
    }
}

struct Stuck;

impl TryRng for Stuck {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill(0);
        Ok(())
    }
}

impl TryCryptoRng for Stuck {}

#[test]
fn ca_keys_that_are_none() {
    let object = |objects: &[u8]| {
        CaKey::parse(&tlv::encode(
            0x70,
            &tlv::encode(0xBF_A004, &tlv::encode(0x7F49, objects)),
        ))
    };
    let key = [
        tlv::encode(0x81, &figures::CA_MODULUS),
        tlv::encode(0x82, &hex!("010001")),
    ]
    .concat();
    let (chr, cha) = (tlv::encode(0x5F20, &[0; 12]), tlv::encode(0x5F4C, &[0; 7]));
    assert!(object(&[&key[..], &chr, &cha].concat()).is_ok());
    assert!(
        object(&[&cha[..], &chr, &key].concat()).is_ok(),
        "in any order"
    );
    assert!(object(&[&key[..], &chr].concat()).is_err());
    assert!(object(&[&key[..], &tlv::encode(0x5F20, &[0; 11]), &cha].concat()).is_err());
    assert!(CaKey::parse(&[]).is_err());
}

#[test]
fn device_authentication_needs_a_session() {
    let mut plain = channel();
    let done = channel().establish(DomainForm::Whole, &mut rng()).unwrap();
    let device = crate::steps::device_certificate::Device::published().unwrap();
    let result = plain.authenticate_devices(
        &done.agreement,
        &done.ca,
        &device,
        &done.card_key,
        &mut rng(),
    );
    assert!(matches!(result, Err(Error::NoSession { .. })));
    assert!(plain.transport().0.wire.is_empty());
}
