// SPDX-License-Identifier: MIT OR Apache-2.0
//! CAdES-BES made and checked: every verdict has a file that earns it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cie_personalisation::{CARD_KEYS, State, pki};
use cie_signatures::Verdict;
use cie_signatures::chain::{ChainFlaw, Revocation, Trust};
use cie_signatures::cms::{self, CmsError, ContentDigests, SignedFile, Signing};
use cie_signatures::report::{Flaw, SignatureReport, Unsettled};
use cie_terminal::digest::HashAlgorithm;
use common::{Citizen, DAY, citizen, list, moment, trust, trust_with_lists};
use proptest::prelude::*;

const TEXT: &[u8] = b"I sell my bicycle for 10 euro.\n";

fn check(file: &[u8], beside: Option<&[u8]>, trust: &Trust) -> SignatureReport {
    let signed = SignedFile::parse(file).unwrap();
    let content = beside.or(signed.content.as_deref()).unwrap();
    let digests = ContentDigests::read(content).unwrap();
    let mut reports = cms::check(&signed, &digests, trust);
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

#[test]
fn a_citizen_signs_and_the_authority_vouches() {
    let file = citizen(State::Fresh).p7(TEXT, true);
    let report = check(&file, None, &trust_with_lists(DAY));
    assert_eq!(report.verdict(), Verdict::Valid, "{report:?}");
    let person = report.signer.unwrap();
    assert_eq!(person.name, "MARIA BIANCA TEST ESEMPIO");
    assert_eq!(person.fiscal_code.as_deref(), Some("TSTMBN85T50Z999J"));
    assert_eq!(report.claimed_time, Some(moment(DAY)));
    assert_eq!(report.hash, Some(HashAlgorithm::Sha256));
    assert!(report.certificate_signed);
    assert_eq!(report.chain.revocation, Revocation::Good);
    let path = [
        "MARIA BIANCA TEST ESEMPIO",
        "TEST CIE Sub CA",
        "TEST CIE Root CA",
    ];
    assert_eq!(report.chain.path, path);

    let beside = citizen(State::Fresh).p7(TEXT, false);
    assert!(SignedFile::parse(&beside).unwrap().content.is_none());
    let report = check(&beside, Some(TEXT), &trust(DAY));
    assert_eq!(report.verdict(), Verdict::Valid);
    assert_eq!(report.chain.revocation, Revocation::NotChecked);
}

#[test]
fn another_content_is_told() {
    let beside = citizen(State::Fresh).p7(TEXT, false);
    let report = check(&beside, Some(b"I sell my bicycle for 1 euro."), &trust(DAY));
    assert_eq!(report.verdict(), Verdict::NotValid);
    assert_eq!(report.flaws, [Flaw::Content]);
}

#[test]
fn a_signature_of_another_key_is_told() {
    let mut other = citizen(State::Fresh);
    use rsa::pkcs8::DecodePrivateKey;
    other.key = rsa::RsaPrivateKey::from_pkcs8_der(CARD_KEYS[1].authentication).unwrap();
    let report = check(&other.p7(TEXT, true), None, &trust(DAY));
    assert_eq!(report.flaws, [Flaw::Signature]);
}

#[test]
fn nobody_named_is_undecided_and_somebody_else_is_not_valid() {
    let file = citizen(State::Fresh).p7(TEXT, true);
    let report = check(&file, None, &Trust::at(moment(DAY)));
    assert_eq!(report.verdict(), Verdict::Undecided);
    assert!(report.is_intact() && report.chain.nobody_named);

    let mut others = Trust::at(moment(DAY));
    others.add_authorities(pki().csca_pem().as_bytes()).unwrap();
    let report = check(&file, None, &others);
    assert_eq!(report.verdict(), Verdict::NotValid);
    assert!(matches!(report.chain.flaws[..], [ChainFlaw::Untrusted(_)]));
    assert!(
        report.is_intact(),
        "the content is what was signed all the same"
    );
}

#[test]
fn the_root_alone_needs_the_ca_in_between() {
    let citizen = citizen(State::Fresh);
    let all = cie_signatures::pem::certificates(pki().ca_pem().as_bytes());
    let root = all
        .iter()
        .find(|der| {
            let c = cie_terminal::certificate::CardCertificate::from_file(der).unwrap();
            c.summary().common_name == "TEST CIE Root CA"
        })
        .unwrap();
    let mut trust = Trust::at(moment(DAY));
    trust.add_authorities(root).unwrap();
    let alone = check(&citizen.p7(TEXT, true), None, &trust);
    assert_eq!(alone.verdict(), Verdict::NotValid);

    let digest: [u8; 32] = HashAlgorithm::Sha256.digest(TEXT).try_into().unwrap();
    let others = all.iter().map(Vec::as_slice);
    let signing = Signing::new(&citizen.certificate, others, &digest, None).unwrap();
    let signature = citizen.sign(&signing.to_be_signed());
    let file = signing.finish(&signature, None).detached();
    let with = check(&file, Some(TEXT), &trust);
    assert_eq!(with.verdict(), Verdict::Valid, "{with:?}");
    assert_eq!(with.claimed_time, None);
}

#[test]
fn expired_and_not_yet_valid() {
    let file = citizen(State::CertExpired).p7(TEXT, true);
    let report = check(&file, None, &trust(DAY));
    assert_eq!(report.verdict(), Verdict::NotValid);
    assert!(matches!(
        report.chain.flaws[..],
        [ChainFlaw::Expired { .. }]
    ));
    let (from, _) = {
        let signer = report.signer.unwrap();
        (signer.not_before, signer.not_after)
    };
    let inside = der::DateTime::from_unix_duration(from).unwrap().to_string();
    let then = check(&file, None, &trust(&inside));
    assert_eq!(
        then.verdict(),
        Verdict::Valid,
        "judged for its first second"
    );
    let early = check(&file, None, &trust("2016-01-02T00:00:00Z"));
    assert!(matches!(
        early.chain.flaws[..],
        [ChainFlaw::NotYetValid { .. }]
    ));
}

#[test]
fn revoked_and_lists_that_do_not_tell() {
    let file = citizen(State::CertRevoked).p7(TEXT, true);
    assert_eq!(check(&file, None, &trust(DAY)).verdict(), Verdict::Valid);
    let report = check(&file, None, &trust_with_lists(DAY));
    assert_eq!(report.verdict(), Verdict::NotValid);
    assert_eq!(report.chain.revocation, Revocation::Revoked);

    // Only the root's list: the citizen's own is missing.
    let mut half = trust(DAY);
    half.add_lists(&list("root.crl")).unwrap();
    let report = check(&file, None, &half);
    assert_eq!(report.verdict(), Verdict::Undecided);

    // A list that was changed is nobody's.
    let mut forged = list("sub-ca.crl");
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let mut trust = trust(DAY);
    trust.add_lists(&list("root.crl")).unwrap();
    trust.add_lists(&forged).unwrap();
    let report = check(&file, None, &trust);
    assert!(
        matches!(&report.chain.revocation, Revocation::NoList(why) if why.contains("not signed by it")),
        "{:?}",
        report.chain.revocation
    );

    // Good citizens need a list that was in force on that day.
    let fresh = citizen(State::Fresh).p7(TEXT, true);
    let report = check(&fresh, None, &trust_with_lists("2025-12-01T00:00:00Z"));
    assert!(matches!(report.chain.revocation, Revocation::NoList(_)));
}

#[test]
fn who_signed_is_among_what_is_signed() {
    // The same key with another certificate: only the attribute tells.
    let fresh = citizen(State::Fresh);
    let expired = citizen(State::CertExpired);
    let digest: [u8; 32] = HashAlgorithm::Sha256.digest(TEXT).try_into().unwrap();
    let signing = Signing::new(&fresh.certificate, [], &digest, None).unwrap();
    let other = Signing::new(&expired.certificate, [], &digest, None).unwrap();
    // Attributes of one, certificate and name of the other.
    let signature = fresh.sign(&signing.to_be_signed());
    let file = other.finish(&signature, None).detached();
    let (a, b) = (other.to_be_signed(), signing.to_be_signed());
    let at = file
        .windows(a.len() - 4)
        .position(|w| w == &a[4..])
        .unwrap();
    let mut swapped = file.clone();
    swapped[at..at + b.len() - 4].copy_from_slice(&b[4..]);
    let mut judged = trust(DAY);
    judged.add_lists(&list("sub-ca.crl")).unwrap();
    let report = check(&swapped, Some(TEXT), &judged);
    assert_eq!(report.flaws, [Flaw::OtherCertificate]);
}

#[test]
fn without_the_certificate_nothing_is_said() {
    let citizen = citizen(State::Fresh);
    let file = citizen.p7(TEXT, true);
    let der = citizen.certificate.der();
    let at = file.windows(der.len()).position(|w| w == der).unwrap();
    let mut without = file.clone();
    // Of another kind, as far as its tag says.
    without[at] = 0xA3;
    let report = check(&without, None, &trust(DAY));
    assert_eq!(report.unsettled, [Unsettled::NoCertificate]);
    assert_eq!(report.verdict(), Verdict::Undecided);
}

#[test]
fn what_is_no_signed_file_is_named() {
    for (bytes, wanted) in [
        (&b""[..], "ends inside"),
        (b"a letter", "no signed file"),
        (
            b"\x30\x0B\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03",
            "not signed",
        ),
    ] {
        let error = SignedFile::parse(bytes).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!matches!(error, CmsError::NoSigner));
    }
}

fn signed() -> &'static (Citizen, Vec<u8>) {
    static FILE: std::sync::OnceLock<(Citizen, Vec<u8>)> = std::sync::OnceLock::new();
    FILE.get_or_init(|| {
        let citizen = citizen(State::Fresh);
        let file = citizen.p7(TEXT, true);
        (citizen, file)
    })
}

proptest! {
    /// Whatever a byte becomes, nothing panics, and a file that is still valid
    /// has the content that was signed.
    #[test]
    fn no_change_makes_another_valid_content(at in 0_usize..4096, to in any::<u8>()) {
        let mut file = signed().1.clone();
        let at = at % file.len();
        file[at] = to;
        if let Ok(parsed) = SignedFile::parse(&file) {
            let content = parsed.content.clone().unwrap_or_default();
            let digests = ContentDigests::read(content.as_slice()).unwrap();
            let trust = trust(DAY);
            for report in cms::check(&parsed, &digests, &trust) {
                if report.verdict() == Verdict::Valid {
                    prop_assert_eq!(&content, TEXT);
                    let name = report.signer.unwrap().name;
                    prop_assert_eq!(name, "MARIA BIANCA TEST ESEMPIO");
                }
            }
        }
    }

    #[test]
    fn cut_and_stuffed_files_are_read_or_refused(
        cut in 0_usize..4096,
        stuffing in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let file = &signed().1;
        let (head, tail) = file.split_at(cut % file.len());
        let _ = SignedFile::parse(&[head, &stuffing, tail].concat());
        let _ = SignedFile::parse(&[head, &stuffing].concat());
    }
}
