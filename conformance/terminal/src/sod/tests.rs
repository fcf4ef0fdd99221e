// SPDX-License-Identifier: MIT OR Apache-2.0
//! Security objects and certificates that OpenSSL signed with keys thrown away
//! since (`fixtures/`), so that the signatures have another witness than this
//! crate's own library.

use super::{DataGroup, Mismatch, Sod, SodForm};
use crate::certificate::{CardCertificate, SignatureScheme};
use crate::digest::HashAlgorithm;
use crate::error::CheckError;
use hex_literal::hex;

const CSCA: &[u8] = include_bytes!("fixtures/csca.der");
const CITIZEN: &[u8] = include_bytes!("fixtures/citizen.der");
const SOD_SHA256: &[u8] = include_bytes!("fixtures/sod-sha256.der");
const SOD_SHA512: &[u8] = include_bytes!("fixtures/sod-sha512.der");
/// Four signatures over "text" with the citizen's key, SHA-1 to SHA-512.
const SIGNATURES: &[u8] = include_bytes!("fixtures/signatures.bin");

const FILES: [(DataGroup, &[u8]); 6] = [
    // Padding behind the hashed part does not matter.
    (DataGroup::IdServizi, b"824466999069\0\0"),
    (DataGroup::Serial, b"CA00000AA\0\0"),
    (DataGroup::Certificate, CITIZEN),
    (DataGroup::DeviceKey, &hex!("3006020107020103 0000")),
    (DataGroup::AntiCloningKey, &hex!("3006020105020103")),
    (DataGroup::Dh, &hex!("7003970105")),
];

fn both() -> [(&'static [u8], Sod); 2] {
    [SOD_SHA256, SOD_SHA512].map(|bytes| (bytes, Sod::parse(bytes).unwrap()))
}

#[test]
fn both_forms_verify() {
    let csca = CardCertificate::from_file(CSCA).unwrap();
    for (_, sod) in both() {
        let report = sod.check(&FILES);
        assert_eq!(report.mismatches, []);
        assert_eq!(report.intact.len(), 6);
        assert_eq!(report.not_given, []);
        assert_eq!(sod.certificate.verify_issuer(&csca), Ok(()));
        assert_eq!(
            sod.hashes[0].0,
            DataGroup::AntiCloningKey,
            "in the order of real cards"
        );
    }
    let [(_, old), (_, new)] = both();
    assert_eq!((old.form, old.lds_version), (SodForm::Sha256, 0));
    assert_eq!((new.form, new.lds_version), (SodForm::Sha512, 1));
    assert_eq!(
        old.signer.scheme,
        SignatureScheme::Pkcs1v15(HashAlgorithm::Sha256)
    );
    let pss = SignatureScheme::Pss {
        hash: HashAlgorithm::Sha512,
        salt: 64,
    };
    assert_eq!(new.signer.scheme, pss);
}

#[test]
fn files_that_were_not_read_are_told_apart_from_wrong_ones() {
    for (_, sod) in both() {
        let some = [
            (DataGroup::IdServizi, &b"824466999068"[..]),
            FILES[4],
            (DataGroup::Other(0xA6), b"x"),
        ];
        let report = sod.check(&some);
        assert_eq!(
            report.mismatches,
            [
                Mismatch::Hash(DataGroup::IdServizi),
                Mismatch::NotListed(DataGroup::Other(0xA6))
            ]
        );
        assert_eq!(report.intact, [DataGroup::AntiCloningKey]);
        assert_eq!(
            report.not_given,
            [
                DataGroup::DeviceKey,
                DataGroup::Certificate,
                DataGroup::Serial,
                DataGroup::Dh
            ]
        );
    }
}

#[test]
fn each_mismatch_is_named() {
    let [(_, sod), (_, other)] = both();
    let check = |change: &dyn Fn(&mut Sod)| {
        let mut changed = sod.clone();
        change(&mut changed);
        changed.check(&FILES).mismatches
    };
    let version = |what, found, expected| {
        vec![Mismatch::Version {
            what,
            found,
            expected,
        }]
    };
    assert_eq!(
        check(&|s| s.signed_data_version = 1),
        version("the version of the SignedData", 1, 3)
    );
    assert_eq!(
        check(&|s| s.signer.version = 3),
        version("the version of the SignerInfo", 3, 1)
    );
    assert_eq!(
        check(&|s| s.lds_version = 1),
        version("the version of the list of hashes", 1, 0)
    );
    assert_eq!(
        check(&|s| s.signer.attribute_types.swap(0, 1)),
        [Mismatch::AttributeOrder]
    );
    assert_eq!(
        check(&|s| s.signer.content_type = None),
        [Mismatch::ContentType]
    );
    assert_eq!(
        check(&|s| s.signer.message_digest = None),
        [Mismatch::MessageDigest]
    );
    assert_eq!(check(&|s| s.content[9] ^= 1), [Mismatch::MessageDigest]);
    assert_eq!(
        check(&|s| s.signer.serial = vec![0x72]),
        [Mismatch::SerialNumber]
    );
    assert_eq!(check(&|s| s.signer.issuer[20] ^= 1), [Mismatch::Issuer]);
    assert_eq!(check(&|s| s.signer.issuer.clear()), [Mismatch::Issuer]);
    assert_eq!(
        check(&|s| s.signer.signature[255] ^= 1),
        [Mismatch::Signature]
    );
    assert_eq!(
        check(&|s| s.signer.signed_attributes[3] ^= 1),
        [Mismatch::Signature]
    );
    assert_eq!(
        check(&|s| s.signer.scheme = other.signer.scheme),
        [
            Mismatch::Algorithm("the signature algorithm"),
            Mismatch::Signature
        ]
    );
    assert_eq!(
        check(&|s| s.certificate = other.certificate.clone()),
        [Mismatch::SerialNumber, Mismatch::Signature]
    );
    assert_eq!(
        check(&|s| s.hashes.push(s.hashes[1].clone())),
        [Mismatch::Repeated(DataGroup::DeviceKey)]
    );
    let unknown = DataGroup::from_number(0xA6);
    assert_eq!(
        check(&|s| s.hashes.push((unknown, vec![]))),
        [Mismatch::UnknownGroup(unknown)]
    );
    assert_eq!(unknown.to_string(), "data group A6");
}

#[test]
fn a_reordered_issuer_is_noticed() {
    let [(_, mut sod), _] = both();
    // The same four attributes in the opposite order.
    let name = iso7816_wire::tlv::Reader::new(&sod.signer.issuer)
        .find(0x30)
        .unwrap();
    let mut rdns: Vec<_> = name
        .children()
        .map(|rdn| rdn.unwrap().raw.to_vec())
        .collect();
    rdns.reverse();
    sod.signer.issuer = iso7816_wire::tlv::encode(0x30, &rdns.concat());
    assert_eq!(sod.check(&FILES).mismatches, [Mismatch::Issuer]);
}

#[test]
fn no_changed_byte_passes() {
    let csca = CardCertificate::from_file(CSCA).unwrap();
    for (bytes, _) in both() {
        let mut missed = Vec::new();
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 0x02;
            let noticed = match Sod::parse(&changed) {
                Err(_) => true,
                Ok(sod) => {
                    !sod.check(&FILES).mismatches.is_empty()
                        || sod.certificate.verify_issuer(&csca).is_err()
                }
            };
            if !noticed {
                missed.push(at);
            }
        }
        // What nothing signs and nobody compares: the parameters of four
        // algorithm identifiers (two bytes each, less where they are read)
        // and the string types in the signer's issuer (section 6).
        let is_free = |at: &usize| {
            let rest = &bytes[*at..];
            matches!(rest, [0x05, 0x00, ..] | [0x0C | 0x13, ..])
                || bytes[at - 1..=*at] == [0x05, 0x00]
        };
        assert!(
            missed.iter().all(is_free) && missed.len() <= 12,
            "{missed:?}"
        );
    }
}

#[test]
fn cut_objects_are_errors() {
    for (bytes, _) in both() {
        for end in (0..bytes.len()).step_by(7) {
            assert!(Sod::parse(&bytes[..end]).is_err(), "{end}");
        }
        let padded = [bytes, &[0; 32]].concat();
        assert!(Sod::parse(&padded).is_ok());
    }
}

#[test]
fn the_citizens_certificate() {
    let padded = [CITIZEN, &[0; 5]].concat();
    let citizen = CardCertificate::from_file(&padded).unwrap();
    assert_eq!(citizen.der(), CITIZEN);
    let summary = citizen.summary();
    assert_eq!(summary.given_name, "GIOVANNA");
    assert_eq!(summary.surname, "D\u{2019}ÀVOLA TEST");
    assert_eq!(summary.serial_number, "TSTTST00A00T000T");
    assert_eq!(summary.common_name, "TSTTST00A00T000T/824466999069");
    assert_eq!(summary.issuer, "TEST Signer CA");
    assert_eq!(summary.not_before.as_secs(), 1_577_836_800);
    assert!(summary.not_after > summary.not_before);

    let csca = CardCertificate::from_file(CSCA).unwrap();
    assert_eq!(citizen.verify_issuer(&csca), Ok(()));
    let wrong = CheckError::Signature("issuer's certificate");
    assert_eq!(csca.verify_issuer(&citizen), Err(wrong));
    assert!(CardCertificate::from_file(&CITIZEN[..99]).is_err());
    // The same key under the name of another kind of key.
    let rsa = hex!("2A864886F70D010101");
    let at = CITIZEN.windows(9).position(|w| w == rsa).unwrap();
    let mut other = CITIZEN.to_vec();
    other[at + 8] = 0x63;
    let error = CardCertificate::from_file(&other).unwrap_err();
    assert_eq!(error.to_string(), "certificate: its key is not RSA");
}

#[test]
fn signatures_of_another_library_verify() {
    let citizen = CardCertificate::from_file(CITIZEN).unwrap();
    for (hash, signature) in HashAlgorithm::ALL.into_iter().zip(SIGNATURES.chunks(256)) {
        assert_eq!(citizen.verify(hash, b"text", signature), Ok(()), "{hash}");
        assert!(citizen.verify(hash, b"Text", signature).is_err());
        assert!(citizen.verify(hash, b"text", &signature[1..]).is_err());
        assert!(
            citizen
                .key()
                .verifies(&hash.digest_info(b"text"), signature)
        );
        for other in HashAlgorithm::ALL.into_iter().filter(|h| *h != hash) {
            assert!(citizen.verify(other, b"text", signature).is_err());
        }
    }
}

#[test]
fn schemes_that_no_card_uses_are_refused() {
    let unknown: [&[u8]; 5] = [
        &hex!(""),
        &hex!("300A06082A8648CE3D040302"),
        &hex!("300B06092A864886F70D010104"),
        // PSS with SHA-512 and the default mask over SHA-1.
        &hex!("301C06092A864886F70D01010A300FA00D300B0609608648016503040203"),
        // PSS with a salt of two bytes' length.
        &hex!("301306092A864886F70D01010A3006A20402020100"),
    ];
    for algorithm in unknown {
        let result = SignatureScheme::parse(algorithm, None);
        assert!(
            matches!(result, Err(CheckError::Algorithm(_))),
            "{algorithm:02X?}"
        );
    }
    let defaults = SignatureScheme::parse(&hex!("300D06092A864886F70D01010A3000"), None);
    let expected = SignatureScheme::Pss {
        hash: HashAlgorithm::Sha1,
        salt: 20,
    };
    assert_eq!(defaults, Ok(expected));
    let bare = hex!("300D06092A864886F70D0101010500");
    assert!(SignatureScheme::parse(&bare, None).is_err());
    let expected = SignatureScheme::Pkcs1v15(HashAlgorithm::Sha512);
    assert_eq!(
        SignatureScheme::parse(&bare, Some(HashAlgorithm::Sha512)),
        Ok(expected)
    );
}
