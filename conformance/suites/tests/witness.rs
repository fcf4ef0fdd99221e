// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL as a witness that is not ours: what the terminal reads from the card
//! and has it sign is checked by `openssl`, with the test authority's
//! certificates.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use chacha20::ChaCha20Rng;
use cie_card::Card;
use cie_personalisation::{Persona, personalise, pki};
use cie_terminal::Channel;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::keys::PublicKey;
use cie_terminal::steps::code::{Code, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::transport::InProcess;
use rand_core::SeedableRng;
use std::path::Path;
use std::process::Command;

fn openssl(folder: &Path, arguments: &str) -> bool {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("openssl, of the Debian package openssl: {error}"));
    output.status.success()
}

#[test]
fn openssl_verifies_what_the_card_gives_and_signs() {
    let issued = personalise(&Persona::adult().unwrap(), 11).unwrap();
    let card = Card::in_memory(issued.image.clone(), issued.card_seed).unwrap();
    let mut channel = Channel::new(InProcess::power_on(card));
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    channel.establish(DomainForm::Whole, &mut rng).unwrap();
    let pin = Code::new(issued.pin().expose()).unwrap();
    assert!(channel.verify(Reference::Pin, &pin).unwrap().is_accepted());

    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    let run = |arguments: &str| openssl(folder.path(), arguments);
    write("ca.pem", pki().ca_pem().as_bytes());
    write("csca.pem", pki().csca_pem().as_bytes());

    write("citizen.der", &channel.read_file(0x1003, 0xE7).unwrap());
    assert!(run("x509 -inform DER -in citizen.der -out citizen.pem"));
    assert!(run(
        "verify -x509_strict -attime 1893456000 -CAfile ca.pem citizen.pem"
    ));
    assert!(run("x509 -in citizen.pem -noout -pubkey -out public.pem"));

    for (name, hash) in [
        ("sha256", HashAlgorithm::Sha256),
        ("sha512", HashAlgorithm::Sha512),
    ] {
        write("message", b"signed by the card");
        write(
            "signature",
            &channel.sign_message(hash, b"signed by the card").unwrap(),
        );
        let verify = format!("dgst -{name} -verify public.pem -signature signature message");
        assert!(run(&verify), "{name}");
        write("message", b"signed by the cart");
        assert!(!run(&verify), "{name}: another message must not verify");
    }

    // The security object is a CMS inside of tag 77.
    let sod = channel.read_file(0x1006, 0xE7).unwrap();
    let cms = iso7816_wire::tlv::path(&sod, &[0x77]).unwrap();
    write("sod.der", cms);
    let verify = "cms -verify -inform DER -in sod.der -CAfile csca.pem -purpose any \
                  -attime 1893456000 -out list.der";
    assert!(run(verify));
    let mut damaged = cms.to_vec();
    if let Some(last) = damaged.last_mut() {
        *last ^= 1;
    }
    write("sod.der", &damaged);
    assert!(!run(verify), "a damaged one must not verify");

    // The keys of EF 1004 and EF 1005 as OpenSSL reads them.
    for fid in [0x1004, 0x1005] {
        let content = channel.read_file(fid, 0xE7).unwrap();
        assert!(PublicKey::from_file(&content).is_ok());
        write("key.der", &content);
        assert!(
            run("rsa -RSAPublicKey_in -inform DER -in key.der -noout"),
            "{fid:04X}"
        );
    }
}
