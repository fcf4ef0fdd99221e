// SPDX-License-Identifier: MIT OR Apache-2.0
//! One card: its objects, signatures, login and log.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;

use cie_card::Card;
use cie_personalisation::{FAMILIES, Persona, State, personalise};
use cie_pkcs11::failure::Failure;
use cie_pkcs11::log::Log;
use cie_pkcs11::mechanisms::Mechanism;
use cie_pkcs11::module::Module;
use cie_pkcs11::objects::{Object, Value};
use cie_pkcs11::options::Options;
use cie_pkcs11::session::Room;
use cie_pkcs11::token::User;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use common::{
    TEXT, TestReaders, WRONG, card, certificate, issued, logged_in, opened, pin, puk, right, sign,
};
use cryptoki_sys as ck;
use std::io::Write;
use std::sync::{Arc, Mutex};

const SHA256: Mechanism = Mechanism::RsaOver(HashAlgorithm::Sha256);
#[test]
fn every_mechanism_signs_and_verifies() {
    let readers = TestReaders::with_card();
    let (module, session) = logged_in(&readers);
    for mechanism in Mechanism::ALL {
        let signature = sign(&module, session, mechanism, TEXT);
        let hash = match mechanism {
            Mechanism::Digest(_) => {
                assert_eq!(signature, Err(Failure::MechanismInvalid));
                continue;
            }
            Mechanism::Rsa => {
                assert!(common::verifies(TEXT, &signature.unwrap()));
                continue;
            }
            Mechanism::RsaOver(hash) => hash,
        };
        let signature = signature.unwrap();
        certificate().verify(hash, TEXT, &signature).unwrap();

        let place = module.session(session).unwrap();
        let objects = place.objects().unwrap();
        let verify = |data: &[u8], signature: &[u8]| {
            let key = Object::PublicKey.handle();
            let mut session = place.session();
            session.begin_verifying(mechanism, key, &objects).unwrap();
            session.verify(data, signature)
        };
        assert_eq!(verify(TEXT, &signature), Ok(()));
        assert_eq!(
            verify(b"another", &signature),
            Err(Failure::SignatureInvalid)
        );
        assert_eq!(
            verify(TEXT, &signature[1..]),
            Err(Failure::SignatureLenRange)
        );
    }
}

#[test]
fn a_session_does_one_cryptographic_operation_at_a_time() {
    let readers = TestReaders::with_card();
    let (module, session) = logged_in(&readers);
    let place = module.session(session).unwrap();
    let objects = place.objects().unwrap();
    let [digest, sign, verify] = [0, 1, 2];
    let begin = |which| {
        let mut session = place.session();
        let (private, public) = (Object::PrivateKey.handle(), Object::PublicKey.handle());
        match which {
            0 => session.begin_digest(Mechanism::Digest(HashAlgorithm::Sha256)),
            1 => session.begin_signing(SHA256, private, &objects),
            _ => session.begin_verifying(SHA256, public, &objects),
        }
    };
    let end = |which| {
        let mut session = place.session();
        let ended = match which {
            0 => session.digest(TEXT, Room::Bytes(64)).map(drop),
            1 => session.sign(TEXT, Room::Bytes(256), &place.token).map(drop),
            _ => session.verify(TEXT, &[0; 256]),
        };
        assert!(matches!(ended, Ok(()) | Err(Failure::SignatureInvalid)));
    };
    for active in [digest, sign, verify] {
        assert_eq!(begin(active), Ok(()));
        for another in [digest, sign, verify] {
            assert_eq!(begin(another), Err(Failure::OperationActive));
        }
        end(active);
    }
}

#[test]
fn one_key_agreement_serves_all_sessions_and_signatures() {
    let readers = TestReaders::with_card();
    let (module, first) = logged_in(&readers);
    let second = module.open_session(0, false).unwrap();
    readers.headers(0);
    for session in [first, second, first] {
        assert!(right(&sign(&module, session, SHA256, TEXT).unwrap()));
    }
    // MANAGE SECURITY ENVIRONMENT and INTERNAL AUTHENTICATE, three times, and
    // one GET RESPONSE for each signature.
    let headers = readers.headers(0);
    let instructions: Vec<u8> = headers.iter().map(|header| header[1]).collect();
    assert_eq!(instructions, [0x22, 0x88, 0xC0].repeat(3));
}

#[test]
fn every_family_lists_logs_in_and_signs() {
    for family in FAMILIES {
        let persona = Persona::adult().unwrap().with_family(family);
        let issued = personalise(&persona, 3).unwrap();
        let readers = TestReaders::empty(1);
        let card = Card::in_memory(issued.image.clone(), issued.card_seed).unwrap();
        readers.insert(0, card);
        let (module, session) = opened(&readers);
        let pin = issued.pin().expose().as_bytes();
        module.log_in(session, User::Citizen, pin).unwrap();
        let signature = sign(&module, session, SHA256, TEXT).unwrap();
        let certificate = CardCertificate::from_file(&issued.certificate).unwrap();
        certificate
            .verify(HashAlgorithm::Sha256, TEXT, &signature)
            .unwrap();
    }
}

#[test]
fn logging_out_makes_the_card_forget() {
    let readers = TestReaders::with_card();
    let (module, session) = logged_in(&readers);
    assert!(readers.inspect(0).pin_verified);
    module.session(session).unwrap().token().unwrap().log_out();
    assert!(!readers.inspect(0).pin_verified);

    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    assert!(readers.inspect(0).pin_verified);
    module.close_session(session).unwrap();
    assert!(
        !readers.inspect(0).pin_verified,
        "the last session is closed"
    );

    let session = module.open_session(0, true).unwrap();
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    module.finalise();
    assert!(!readers.inspect(0).pin_verified);
}

#[test]
fn nothing_is_sent_to_log_out_nobody() {
    let readers = TestReaders::with_card();
    let (module, session) = opened(&readers);
    let wrong = module.log_in(session, User::Citizen, WRONG.as_bytes());
    assert_eq!(wrong, Err(Failure::PinIncorrect));
    let exchanges = readers.exchanges(0);
    module.session(session).unwrap().token().unwrap().log_out();
    module.close_session(session).unwrap();
    assert_eq!(readers.exchanges(0), exchanges);

    // The card has forgotten all by itself, and another program may have it.
    let (module, session) = logged_in(&readers);
    readers.reset(0);
    let exchanges = readers.exchanges(0);
    module.close_session(session).unwrap();
    module.finalise();
    assert_eq!(readers.exchanges(0), exchanges);
}

#[test]
fn the_certificate_stays_known_and_the_private_key_does_not_stay_seen() {
    let readers = TestReaders::with_card();
    let (module, session) = opened(&readers);
    let seen = |session| module.session(session).unwrap().objects().unwrap().all();
    use Object::{Certificate, Nis, PrivateKey, PublicKey};
    assert_eq!(seen(session), [Nis]);
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    assert_eq!(seen(session), [Nis, Certificate, PublicKey, PrivateKey]);
    module.session(session).unwrap().token().unwrap().log_out();
    assert_eq!(seen(session), [Nis, Certificate, PublicKey]);

    readers.remove(0);
    assert_eq!(module.open_session(0, true), Err(Failure::TokenNotPresent));
    readers.put_back(0);
    let session = module.open_session(0, true).unwrap();
    assert_eq!(seen(session), [Nis, Certificate, PublicKey]);

    // Another card is another card.
    readers.remove(0);
    let other = personalise(&Persona::adult().unwrap(), 8).unwrap();
    readers.insert(0, Card::in_memory(other.image, other.card_seed).unwrap());
    let session = module.open_session(0, true).unwrap();
    assert_eq!(seen(session), [Nis]);
}

#[test]
fn a_certificate_given_beforehand_is_shown_on_its_own_card_only() {
    let options = || Options {
        holders: vec![certificate()],
        authorities: vec![certificate()],
        ..Options::default()
    };
    let readers = TestReaders::empty(2);
    readers.insert(0, card());
    let other = personalise(&Persona::adult().unwrap(), 8).unwrap();
    readers.insert(1, Card::in_memory(other.image, other.card_seed).unwrap());
    let module = Module::new(Arc::new(readers.clone()), options());
    module.slot_list(true, true);
    let seen = |slot| {
        let session = module.open_session(slot, false).unwrap();
        module.session(session).unwrap().objects().unwrap().all()
    };
    use Object::{Authority, Certificate, Nis, PublicKey};
    assert_eq!(seen(0), [Nis, Certificate, PublicKey, Authority(0)]);
    assert_eq!(seen(1), [Nis, Authority(0)]);
    assert_eq!(readers.inspect(0).pin_tries, 3);
}

#[test]
fn nothing_of_the_private_key_comes_out() {
    let readers = TestReaders::with_card();
    let (module, session) = logged_in(&readers);
    let objects = module.session(session).unwrap().objects().unwrap();
    for attribute in [
        ck::CKA_PRIVATE_EXPONENT,
        ck::CKA_PRIME_1,
        ck::CKA_PRIME_2,
        ck::CKA_EXPONENT_1,
        ck::CKA_EXPONENT_2,
        ck::CKA_COEFFICIENT,
    ] {
        assert_eq!(
            objects.value(Object::PrivateKey, attribute),
            Value::Sensitive
        );
        assert_eq!(objects.value(Object::PublicKey, attribute), Value::Invalid);
    }
    let yes = Value::Known(vec![1]);
    for attribute in [
        ck::CKA_SENSITIVE,
        ck::CKA_ALWAYS_SENSITIVE,
        ck::CKA_NEVER_EXTRACTABLE,
        ck::CKA_PRIVATE,
        ck::CKA_SIGN,
    ] {
        assert_eq!(objects.value(Object::PrivateKey, attribute), yes);
    }
    assert_eq!(
        objects.value(Object::PrivateKey, ck::CKA_EXTRACTABLE),
        Value::Known(vec![0])
    );
}

#[test]
fn certificate_attributes_are_those_of_the_certificate() {
    let readers = TestReaders::with_card();
    let (module, session) = logged_in(&readers);
    let objects = module.session(session).unwrap().objects().unwrap();
    let value = |attribute| match objects.value(Object::Certificate, attribute) {
        Value::Known(value) => value,
        other => panic!("{attribute:#x}: {other:?}"),
    };
    let der = &issued().certificate;
    assert_eq!(value(ck::CKA_VALUE), *der);
    // Each of these stands in the certificate as it is.
    for attribute in [
        ck::CKA_SUBJECT,
        ck::CKA_ISSUER,
        ck::CKA_SERIAL_NUMBER,
        ck::CKA_PUBLIC_KEY_INFO,
    ] {
        let value = value(attribute);
        assert!(value.len() > 8 && der.windows(value.len()).any(|w| w == value));
    }
    let check = HashAlgorithm::Sha1.digest(der);
    assert_eq!(value(ck::CKA_CHECK_VALUE), check[..3]);
    let date = value(ck::CKA_END_DATE);
    assert!(date.len() == 8 && date.iter().all(u8::is_ascii_digit));
    let id = Value::Known(value(ck::CKA_ID));
    assert_eq!(objects.value(Object::PrivateKey, ck::CKA_ID), id);
    assert_eq!(objects.value(Object::PublicKey, ck::CKA_ID), id);
    // Searching by what was read finds it again.
    let template = [
        (ck::CKA_CLASS, ck::CKO_CERTIFICATE.to_ne_bytes().to_vec()),
        (ck::CKA_ISSUER, value(ck::CKA_ISSUER)),
        (ck::CKA_SERIAL_NUMBER, value(ck::CKA_SERIAL_NUMBER)),
    ];
    assert_eq!(objects.find(&template), [Object::Certificate]);
    let nis = objects.value(Object::Nis, ck::CKA_VALUE);
    assert_eq!(nis, Value::Known(issued().facts.nis.as_bytes().to_vec()));
    assert_eq!(objects.find(&[(ck::CKA_PRIME_1, Vec::new())]), []);
}

#[test]
fn cards_in_other_states() {
    for state in State::ALL {
        let Ok(persona) = Persona::adult().unwrap().with_state(state) else {
            continue;
        };
        let issued = personalise(&persona, 5).unwrap();
        let readers = TestReaders::empty(1);
        let card = Card::in_memory(issued.image.clone(), issued.card_seed).unwrap();
        let before = card.inspect();
        readers.insert(0, card);
        let (module, session) = opened(&readers);
        let (facts, _) = module.token_facts(0).unwrap();
        assert_eq!(
            (facts.pin.left, facts.puk.left),
            (before.pin_tries, before.puk_tries),
            "{state:?}"
        );
        let pin = issued.pin().expose().as_bytes();
        let answer = module.log_in(session, User::Citizen, pin);
        let ideal = if before.pin_tries == 0 || before.puk_tries == 0 {
            Err(Failure::PinLocked)
        } else {
            Ok(())
        };
        assert_eq!(answer, ideal, "{state:?}");
    }
}

#[test]
fn what_is_no_cie_is_not_recognised_and_left_alone() {
    struct Other;
    impl iso7816_wire::CardDoor for Other {
        fn power_on(&mut self) -> Vec<u8> {
            vec![0x3B, 0x00]
        }
        fn reset(&mut self) -> Vec<u8> {
            self.power_on()
        }
        fn power_off(&mut self) {}
        fn transmit(&mut self, _: &[u8]) -> Vec<u8> {
            vec![0x6D, 0x00]
        }
    }
    let readers = TestReaders::empty(1);
    readers.insert_other(0, Box::new(Other));
    let module = readers.module();
    module.slot_list(true, true);
    let answer = module.token_facts(0).map(drop);
    assert_eq!(answer, Err(Failure::TokenNotRecognised));
    let asked = readers.exchanges(0);
    assert_eq!(
        module.open_session(0, true),
        Err(Failure::TokenNotRecognised)
    );
    assert_eq!(readers.exchanges(0), asked, "it was not asked again");
    // The citizen's card instead of it.
    readers.remove(0);
    readers.insert(0, card());
    module.open_session(0, true).unwrap();
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_tells_headers_and_no_secrets() {
    let readers = TestReaders::with_card();
    let sink = Sink::default();
    let options = Options {
        log: Log::to(sink.clone()),
        ..Options::default()
    };
    let module = Module::new(Arc::new(readers.clone()), options);
    module.slot_list(true, true);
    let session = module.open_session(0, true).unwrap();
    let wrong = module.log_in(session, User::Citizen, WRONG.as_bytes());
    assert_eq!(wrong, Err(Failure::PinIncorrect));
    let secret = "a secret message";
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    sign(&module, session, Mechanism::Rsa, secret.as_bytes()).unwrap();
    module.session(session).unwrap().token().unwrap().log_out();
    module
        .log_in(session, User::Unblocker, puk().as_bytes())
        .unwrap();

    let log = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("0C 88 00 00 ("), "{log}");
    assert!(log.contains("-> 9000"), "{log}");
    // Of an APDU: four bytes, two lengths, the status word, and no more.
    for line in log
        .lines()
        .filter(|line| line.contains("]   ") && line.contains(" bytes) -> "))
    {
        let (_, apdu) = line.split_once("]   ").unwrap();
        let words: Vec<_> = apdu.split(' ').collect();
        assert_eq!(words.len(), 10, "{line}");
        assert!(words[..4].iter().all(|byte| byte.len() == 2), "{line}");
    }
    for secret in [pin(), puk(), WRONG, secret, &issued().facts.fiscal_code] {
        let hex = hex::encode(secret);
        assert!(!log.contains(secret) && !log.to_lowercase().contains(&hex));
    }
}

#[test]
fn eight_threads_sign_in_a_session_each() {
    let readers = TestReaders::with_card();
    let (module, session) = logged_in(&readers);
    let module = &module;
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            scope.spawn(move || {
                let session = module.open_session(0, false).unwrap();
                for round in 0..4_u8 {
                    let block = [thread, round, 7];
                    let signature = sign(module, session, Mechanism::Rsa, &block).unwrap();
                    assert!(common::verifies(&block, &signature));
                    module.random(session, 9).unwrap();
                    module.token_facts(0).unwrap();
                    module.slot_list(true, true);
                }
                module.close_session(session).unwrap();
            });
        }
    });
    assert!(right(&sign(module, session, SHA256, TEXT).unwrap()));
    let (_, count) = module.token_facts(0).unwrap();
    assert_eq!(count.all, 1);
}
