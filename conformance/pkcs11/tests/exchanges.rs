// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a signature costs, in commands to the card: a number, not a time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test

mod common;

use cie_pkcs11::mechanisms::Mechanism;
use cie_pkcs11::module::Module;
use cie_pkcs11::token::User;
use common::{TestReaders, pin};

type Header = [u8; 4];

/// MSE SET of the terminal's public value, which begins a key agreement.
const AGREEMENT: Header = [0x00, 0x22, 0x41, 0xA6];
/// INTERNAL AUTHENTICATE in secure messaging: the device authentication's last
/// step, and a signature.
const AUTHENTICATE: Header = [0x0C, 0x88, 0x00, 0x00];
/// READ BINARY in secure messaging.
const READ: [u8; 2] = [0x0C, 0xB0];
/// The most for the first signature of a process, with everything that is read
/// from this card before it.
const FIRST_MAX: usize = 62;
/// A signature: key, signature, and the rest of its 256 bytes in secure
/// messaging, which do not fit one short response.
const SIGNATURE: [Header; 3] = [
    [0x0C, 0x22, 0x41, 0xA4],
    AUTHENTICATE,
    [0x00, 0xC0, 0x00, 0x00],
];

fn sign(module: &Module, session: u64) {
    common::sign(module, session, Mechanism::Rsa, b"a text").unwrap();
}

/// From `C_GetSlotList` to a login.
fn log_in(module: &Module) -> u64 {
    module.slot_list(true, true);
    let session = module.open_session(0, false).unwrap();
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    session
}

#[test]
fn each_signature_is_three_commands() {
    let readers = TestReaders::with_card();
    let module = readers.module();
    let session = log_in(&module);
    sign(&module, session);
    readers.headers(0);
    for round in 0..10 {
        sign(&module, session);
        assert_eq!(readers.headers(0), SIGNATURE, "round {round}");
    }
    // A session of its own is covered by the same login.
    let other = module.open_session(0, true).unwrap();
    readers.headers(0);
    sign(&module, other);
    assert_eq!(readers.headers(0), SIGNATURE);
}

#[test]
fn the_first_signature_agrees_on_keys_once() {
    let readers = TestReaders::with_card();
    let module = readers.module();
    let session = log_in(&module);
    sign(&module, session);
    let headers = readers.headers(0);
    let count = |wanted: &Header| headers.iter().filter(|header| *header == wanted).count();
    assert_eq!(count(&AGREEMENT), 1);
    assert_eq!(count(&AUTHENTICATE), 2, "device authentication, signature");
    assert!(headers.ends_with(&SIGNATURE));
    assert!(headers.len() <= FIRST_MAX, "{} commands", headers.len());

    // The certificate is known from here on, and so is what is free to read.
    module.session(session).unwrap().token().unwrap().log_out();
    readers.headers(0);
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    sign(&module, session);
    let again = readers.headers(0);
    let count = |wanted: &Header| again.iter().filter(|header| *header == wanted).count();
    assert_eq!(count(&AGREEMENT), 1);
    assert!(
        !again.iter().any(|header| header[..2] == READ),
        "the certificate was read again: {again:02X?}"
    );
    assert!(again.len() < headers.len(), "{} commands", again.len());
}
