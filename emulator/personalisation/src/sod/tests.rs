// SPDX-License-Identifier: MIT OR Apache-2.0
//! The SOD in all its forms, held against OpenSSL and the cms crate.

use super::*;
use crate::{Persona, personalise, pki};
use chacha20::ChaCha20Rng;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedData, SignerIdentifier};
use hex_literal::hex;
use iso7816_wire::tlv;
use rand_core::SeedableRng;
use std::path::Path;
use std::process::Command;

const NUMBERS: [u8; 6] = [0xA5, 0xA4, 0xA1, 0xA3, 0xA2, 0x1B];
const CONTENTS: [&[u8]; 6] = [b"1005", b"1004", b"1001", b"1003", b"1002", b"D004"];

fn sod(form: SodForm) -> Vec<u8> {
    let pairs = NUMBERS.into_iter().zip(CONTENTS);
    let files: Vec<_> = pairs
        .map(|(number, content)| HashedFile { number, content })
        .collect();
    let signer = DocumentSigner {
        key: pki::document_signer_key().unwrap(),
        certificate: pki().document_signer,
    };
    build(form, &files, signer, &mut ChaCha20Rng::from_seed([1; 32])).unwrap()
}

/// The CMS inside tag 77, which must be all there is.
fn cms_of(sod: &[u8]) -> &[u8] {
    let outer = tlv::Reader::new(sod).next().unwrap().unwrap();
    assert_eq!((outer.tag, outer.raw.len()), (0x77, sod.len()));
    outer.value
}

fn signed_data(sod: &[u8]) -> SignedData {
    let info = ContentInfo::from_der(cms_of(sod)).unwrap();
    assert_eq!(info.content_type, ID_SIGNED_DATA);
    info.content.decode_as().unwrap()
}

fn objects(data: &[u8]) -> Vec<tlv::Tlv<'_>> {
    tlv::Reader::new(data)
        .map(|object| object.unwrap())
        .collect()
}

/// The encoded SignerInfo.
fn signer_info(sod: &[u8]) -> Vec<u8> {
    let signed = tlv::path(cms_of(sod), &[0x30, 0xA0, 0x30]).unwrap();
    tlv::path(objects(signed).last().unwrap().raw, &[0x31, 0x30])
        .unwrap()
        .to_vec()
}

fn openssl(folder: &Path, arguments: &str) -> (bool, String) {
    let mut command = Command::new("openssl");
    command
        .current_dir(folder)
        .args(arguments.split_whitespace());
    let output = command
        .output()
        .expect("these tests need the openssl command");
    let shown = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&shown).into_owned(),
    )
}

const VERIFY: &str = "cms -verify -inform DER -in sod.cms -binary -purpose any -attime 1893499200";

#[test]
fn openssl_verifies_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("csca.pem", pki().csca_pem().as_bytes());
    write("root.pem", pki().ca_pem().as_bytes());
    for form in [SodForm::Sha256Rsa, SodForm::Sha512Pss] {
        let sod = sod(form);
        write("sod.cms", cms_of(&sod));
        let (good, shown) = openssl(
            folder.path(),
            &format!("{VERIFY} -CAfile csca.pem -out lds"),
        );
        assert!(good, "{form:?}: {shown}");
        let lds = std::fs::read(folder.path().join("lds")).unwrap();
        assert_eq!(lds, lds_of(&sod), "{form:?}");
        assert!(!openssl(folder.path(), &format!("{VERIFY} -CAfile root.pem")).0);
        let mut broken = cms_of(&sod).to_vec();
        let at = broken
            .windows(3)
            .position(|window| window == [0x02, 0x01, 0xA5])
            .unwrap();
        broken[at + 10] ^= 1;
        write("sod.cms", &broken);
        assert!(
            !openssl(folder.path(), &format!("{VERIFY} -CAfile csca.pem")).0,
            "{form:?}"
        );
    }
}

/// OpenSSL's `cms` takes the digest of the signature from the digest
/// algorithm, so the SHA-1 form is checked by its parts.
#[test]
fn openssl_verifies_the_sha1_signature() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let info = signer_info(&sod(SodForm::Sha256Sha1Rsa));
    let parts = objects(&info);
    write("attributes", &encode(SET, parts[3].value));
    write("signature", parts[5].value);
    write("signer.pem", pki::to_pem(pki().document_signer).as_bytes());
    let (good, shown) = openssl(
        folder.path(),
        "x509 -in signer.pem -noout -pubkey -out key.pem",
    );
    assert!(good, "{shown}");
    let (good, shown) = openssl(
        folder.path(),
        "dgst -sha1 -verify key.pem -signature signature attributes",
    );
    assert!(good, "{shown}");
    assert!(objects(parts[4].value)[0].raw.ends_with(&[1, 1, 5]));
}

fn lds_of(sod: &[u8]) -> Vec<u8> {
    let content = signed_data(sod).encap_content_info;
    assert_eq!(content.econtent_type, LDS_SECURITY_OBJECT);
    content.econtent.unwrap().value().to_vec()
}

/// Section 6, line by line.
#[test]
fn the_signed_data_is_that_of_section_6() {
    for (form, digest, signature_oid) in [
        (SodForm::Sha256Rsa, ID_SHA_256, SHA_256_WITH_RSA_ENCRYPTION),
        (
            SodForm::Sha256Sha1Rsa,
            ID_SHA_256,
            SHA_1_WITH_RSA_ENCRYPTION,
        ),
        (SodForm::Sha512Pss, ID_SHA_512, ID_RSASSA_PSS),
    ] {
        let sod = sod(form);
        let signed = signed_data(&sod);
        assert_eq!(signed.version, CmsVersion::V3);
        let digests: Vec<_> = signed.digest_algorithms.iter().map(|alg| alg.oid).collect();
        assert_eq!(digests, [digest]);
        assert!(
            signed
                .digest_algorithms
                .iter()
                .all(|alg| alg.parameters.is_none())
        );
        let certificates = signed.certificates.unwrap();
        let certificates: Vec<_> = certificates
            .0
            .iter()
            .map(|certificate| certificate.to_der().unwrap())
            .collect();
        assert_eq!(certificates, [pki().document_signer]);
        assert!(signed.crls.is_none());
        let [info] = signed.signer_infos.0.as_slice() else {
            panic!("one signer")
        };
        assert_eq!(
            (info.version, info.digest_alg.oid),
            (CmsVersion::V1, digest)
        );
        assert_eq!(info.signature_algorithm.oid, signature_oid);
        assert_eq!(info.signature.as_bytes().len(), 256);
        assert!(info.unsigned_attrs.is_none());
        let SignerIdentifier::IssuerAndSerialNumber(signer) = &info.sid else {
            panic!("issuer")
        };
        let certificate = Certificate::from_der(pki().document_signer).unwrap();
        assert_eq!(
            &signer.serial_number,
            certificate.tbs_certificate().serial_number()
        );
    }
}

/// Section 6: clients read the first two attributes by position.
#[test]
fn attributes_and_issuer_are_in_order() {
    let sod = sod(SodForm::Sha256Rsa);
    let info = signer_info(&sod);
    let parts = objects(&info);
    let attributes = objects(parts[3].value);
    assert_eq!((parts[3].tag, attributes.len()), (0xA0, 2));
    assert!(
        attributes[0]
            .value
            .starts_with(&ID_CONTENT_TYPE.to_der().unwrap())
    );
    assert!(
        attributes[1]
            .value
            .starts_with(&ID_MESSAGE_DIGEST.to_der().unwrap())
    );
    assert!(attributes[1].raw.ends_with(&Sha256::digest(lds_of(&sod))));

    let certificate = objects(objects(pki().document_signer)[0].value)[0].value;
    let issuer = objects(certificate)[3].raw;
    assert_eq!(objects(parts[1].value)[0].raw, issuer);
    // CN first, C last, as in the real sample.
    let rdns = objects(issuer);
    let rdns: Vec<_> = objects(rdns[0].value)
        .iter()
        .map(|rdn| rdn.value[6])
        .collect();
    assert_eq!(rdns, [3, 11, 10, 6]);
}

#[test]
fn the_hash_list_is_that_of_section_6() {
    for (form, version, hash) in [
        (
            SodForm::Sha256Rsa,
            0,
            (|data| Sha256::digest(data).to_vec()) as fn(&[u8]) -> Vec<u8>,
        ),
        (SodForm::Sha256Sha1Rsa, 0, |data| {
            Sha256::digest(data).to_vec()
        }),
        (SodForm::Sha512Pss, 1, |data| Sha512::digest(data).to_vec()),
    ] {
        let lds = lds_of(&sod(form));
        let object = objects(&lds);
        let object = objects(object[0].value);
        assert_eq!(
            (object.len(), object[0].raw),
            (3, &[0x02, 0x01, version][..])
        );
        let list = objects(object[2].value);
        assert_eq!(list.len(), NUMBERS.len());
        for ((entry, number), content) in list.iter().zip(NUMBERS).zip(CONTENTS) {
            let entry = objects(entry.value);
            assert_eq!(entry[0].raw, [0x02, 0x01, number]);
            assert_eq!((entry[1].tag, entry[1].value), (0x04, &hash(content)[..]));
        }
    }
}

/// The card's own SOD: every number leads to the file of section 6.
#[test]
fn the_hashes_on_the_card_are_those_of_its_files() {
    let card = personalise(&Persona::adult().unwrap(), 9).unwrap();
    let file = |fid: u16| {
        card.image
            .profile
            .files
            .iter()
            .find(|file| file.fid == fid)
            .unwrap()
            .content
            .as_slice()
    };
    let lds = lds_of(file(0x1006));
    let object = objects(&lds);
    let entries = objects(objects(object[0].value)[2].value);
    let list: Vec<_> = entries
        .iter()
        .map(|entry| objects(entry.value))
        .map(|entry| (entry[0].value[0], entry[1].value.to_vec()))
        .collect();
    let expected = [
        (0xA5, 0x1005),
        (0xA4, 0x1004),
        (0xA1, 0x1001),
        (0xA3, 0x1003),
        (0xA2, 0x1002),
        (0x1B, 0xD004),
    ]
    .map(|(number, fid)| (number, Sha256::digest(file(fid)).to_vec()));
    assert_eq!(list, expected);
}

/// Section 6: clients expect SHA-512 with a salt of 64 bytes throughout.
#[test]
fn pss_names_its_parameters() {
    let info = signer_info(&sod(SodForm::Sha512Pss));
    let expected = hex!(
        "303D 06092A864886F70D01010A 3030"
        "A00D 300B 0609608648016503040203"
        "A11A 3018 06092A864886F70D010108 300B 0609608648016503040203"
        "A203 020140"
    );
    assert_eq!(objects(&info)[4].raw, expected);
}

/// PSS draws its salt from the stream it is given, nothing else.
#[test]
fn the_same_salt_gives_the_same_file() {
    assert_eq!(sod(SodForm::Sha512Pss), sod(SodForm::Sha512Pss));
}
