// SPDX-License-Identifier: MIT OR Apache-2.0
//! PAdES made and checked, and the ways in which people lie with signed PDFs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cie_personalisation::State;
use cie_signatures::Verdict;
use cie_signatures::cms::Signing;
use cie_signatures::pdf::{self, Coverage, Details, PdfError, PdfSignature, Unsigned};
use cie_signatures::report::Flaw;
use common::{Citizen, DAY, citizen, classic, compressed, moment, objects, trust};
use proptest::prelude::*;
use std::sync::OnceLock;

fn sign(document: &[u8]) -> Result<Vec<u8>, PdfError> {
    sign_with_room(document, 0)
}

/// With so many bytes more in the place of the signature than it needs.
fn sign_with_room(document: &[u8], more: usize) -> Result<Vec<u8>, PdfError> {
    static CITIZEN: OnceLock<Citizen> = OnceLock::new();
    let citizen = CITIZEN.get_or_init(|| citizen(State::Fresh));
    let certificate = &citizen.certificate;
    let draft = Signing::new(certificate, [], &[0; 32], None).unwrap();
    let room = draft.finish(&[0; 256], None).detached().len() + more;
    let details = Details {
        name: "Niccolò".into(),
        reason: Some("a (test)".into()),
        place: None,
    };
    let unsigned = Unsigned::new(document, moment(DAY), &details, room)?;
    let signing = Signing::new(certificate, [], &unsigned.digest(), None).unwrap();
    let signature = citizen.sign(&signing.to_be_signed());
    unsigned.finish(&signing.finish(&signature, None).detached())
}

fn check(document: &[u8]) -> Vec<PdfSignature> {
    pdf::check(document, &trust(DAY)).unwrap()
}

fn one(document: &[u8]) -> PdfSignature {
    let mut all = check(document);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn replaced(document: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = document.windows(from.len()).position(|w| w == from);
    let at = at.unwrap();
    let mut changed = document.to_vec();
    changed[at..at + to.len()].copy_from_slice(to);
    changed
}

/// An update by somebody who is not the signer: these objects anew.
fn updated(document: &[u8], objects: &[(usize, &str)], root: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(document);
    let (_, tail) = text.rsplit_once("startxref\n").unwrap();
    let prev = tail.lines().next().unwrap();
    let mut out = document.to_vec();
    let mut places = Vec::new();
    for (number, body) in objects {
        places.push((*number, out.len()));
        out.extend(format!("{number} 0 obj\n{body}\nendobj\n").bytes());
    }
    let start = out.len();
    out.extend(b"xref\n");
    for (number, place) in places {
        out.extend(format!("{number} 1\n{place:010} 00000 n \n").bytes());
    }
    out.extend(
        format!("trailer\n<</Size 99/Root {root} 0 R/Prev {prev}>>\nstartxref\n{start}\n%%EOF\n")
            .bytes(),
    );
    out
}

fn plain() -> Vec<u8> {
    classic(&objects(), "/ID[<00><01>]")
}

#[test]
fn both_kinds_of_cross_reference_are_signed_twice() {
    for document in [plain(), compressed()] {
        assert!(check(&document).is_empty());
        let signed = sign(&document).unwrap();
        assert!(signed.starts_with(&document), "what was there stays");
        let only = one(&signed);
        assert_eq!(only.verdict(), Verdict::Valid, "{only:?}");
        assert_eq!(
            (only.field.as_str(), only.coverage),
            ("Signature1", Coverage::Whole)
        );
        assert_eq!(only.report.claimed_time, Some(moment(DAY)));

        let twice = sign(&signed).unwrap();
        let all = check(&twice);
        let later = twice.len() - signed.len();
        assert_eq!(all[0].coverage, Coverage::SignaturesLater(later));
        assert_eq!(
            (all[1].field.as_str(), all[1].coverage),
            ("Signature2", Coverage::Whole)
        );
        assert!(all.iter().all(|s| s.verdict() == Verdict::Valid), "{all:?}");
    }
}

#[test]
fn forms_and_annotations_in_objects_of_their_own() {
    let mut objects = objects();
    objects[0] = b"<</Type/Catalog/Pages 2 0 R/AcroForm 5 0 R>>".to_vec();
    objects[2] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots 7 0 R>>".to_vec();
    objects.push(b"<</Fields 6 0 R/DA(/Helv 0 Tf)>>".to_vec());
    objects.push(b"[8 0 R]".to_vec());
    objects.push(b"[8 0 R]".to_vec());
    objects.push(b"<</Type/Annot/Subtype/Widget/FT/Tx/T(Signature1)/Rect[0 0 1 1]>>".to_vec());
    let document = classic(&objects, "");
    let signed = sign(&document).unwrap();
    let twice = sign(&signed).unwrap();
    let all = check(&twice);
    let names: Vec<&str> = all.iter().map(|s| s.field.as_str()).collect();
    assert_eq!(
        names,
        ["Signature2", "Signature3"],
        "the first name is taken"
    );
    assert!(all.iter().all(|s| s.verdict() == Verdict::Valid), "{all:?}");
}

#[test]
fn a_changed_byte_is_told() {
    let signed = sign(&plain()).unwrap();
    let changed = one(&replaced(&signed, b"Pay 10", b"Pay 99"));
    assert_eq!(changed.report.flaws, [Flaw::Content]);
}

#[test]
fn a_page_that_shows_something_else_later_is_told() {
    let signed = sign(&plain()).unwrap();
    let other = "<</Length 38>>\nstream\nBT /F1 24 Tf 72 720 Td (Pay 99 €) Tj ET\nendstream";
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 50 0 R>>";
    let annotated = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R\
                     /Annots[6 0 R 51 0 R]>>";
    let stamp = "<</Type/Annot/Subtype/Stamp/Rect[0 0 500 800]>>";
    let hidden = "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[]/SigFlags 3>>>>";
    for update in [
        vec![(4, other)],
        vec![(50, other), (3, page)],
        vec![(3, annotated), (51, stamp)],
        vec![(2, "<</Type/Pages/Kids[]/Count 0>>")],
        vec![(3, "null")],
    ] {
        let document = updated(&signed, &update, 1);
        let changed = one(&document);
        assert!(
            matches!(changed.report.flaws[..], [Flaw::ChangedLater(_)]),
            "{update:?}: {:?}",
            changed.report.flaws
        );
        let later = document.len() - signed.len();
        assert_eq!(changed.coverage, Coverage::ChangedLater(later));
    }
    // A form without the field: no signature is left to speak of.
    assert!(check(&updated(&signed, &[(1, hidden)], 1)).is_empty());
    // Another catalogue that keeps the form.
    let form = "<</Type/Catalog/Pages 60 0 R/AcroForm<</Fields[6 0 R]/SigFlags 3>>>>";
    let pages = "<</Type/Pages/Kids[]/Count 0>>";
    let moved = updated(&signed, &[(61, form), (60, pages)], 61);
    assert!(matches!(
        one(&moved).report.flaws[..],
        [Flaw::ChangedLater(_)]
    ));
    // New objects to which nothing points change nothing.
    let idle = one(&updated(&signed, &[(70, "(idle)")], 1));
    assert_eq!(idle.verdict(), Verdict::Valid);
    // Bytes that are no update.
    let mut stuffed = signed.clone();
    stuffed.extend(b"startxref\n0\n");
    assert!(pdf::check(&stuffed, &trust(DAY)).is_err());
}

#[test]
fn a_selection_that_leaves_out_more_than_itself_is_told() {
    let signed = sign(&plain()).unwrap();
    let text = String::from_utf8_lossy(&signed).into_owned();
    let (_, range) = text.split_once("/ByteRange [").unwrap();
    let (range, _) = range.split_once(']').unwrap();
    let numbers: Vec<usize> = range
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let with = |a: usize, b: usize, c: usize, d: usize| {
        let new = format!("{a} {b:<10} {c:<10} {d:<10} ");
        replaced(&signed, range.as_bytes(), &new.into_bytes())
    };
    let [_, b, c, d] = numbers[..] else { panic!() };
    for document in [
        with(1, b - 1, c, d),
        with(0, b - 20, c, d),
        with(0, b, c + 5, d - 5),
        with(0, b, c, d + 1),
        with(0, c, b, d),
        with(0, b, 9_999_999_999, 9_999_999_999),
    ] {
        let flaws = one(&document).report.flaws;
        assert!(matches!(flaws[..], [Flaw::Layout(_)]), "{flaws:?}");
    }
    // Fewer bytes at the end: not a whole PDF, whatever the digest.
    let short = one(&with(0, b, c, d - 10)).report.flaws;
    assert!(
        short.iter().any(|f| matches!(f, Flaw::Layout(_))),
        "{short:?}"
    );
}

/// What the byte range leaves out is not in the digest: anybody can change it
/// later, and the signature still fits.
#[test]
fn a_place_that_holds_more_than_the_signature_is_told() {
    const MORE: usize = 100;
    let signed = sign_with_room(&plain(), MORE).unwrap();
    assert_eq!(one(&signed).verdict(), Verdict::Valid, "zeros may follow");
    let at = |wanted: &[u8]| signed.windows(wanted.len()).position(|w| w == wanted);
    let start = at(b"/Contents <").unwrap() + b"/Contents <".len();
    let zeros = [&[b'0'; 2 * MORE][..], b">"].concat();
    let own_end = at(&zeros).unwrap();
    let own = &signed[start..own_end];
    for hole in [
        [own, b">/Location(anything)/More<"].concat(),
        [b"00>/Contents<", own].concat(),
    ] {
        let mut other = signed.clone();
        other[start..own_end + 2 * MORE].fill(b'0');
        other[start..start + hole.len()].copy_from_slice(&hole);
        let flaws = one(&other).report.flaws;
        assert!(
            matches!(flaws[..], [Flaw::Layout(what)] if what.contains("more than itself")),
            "{flaws:?}"
        );
    }
}

#[test]
fn what_cannot_be_signed_is_refused_with_its_reason() {
    let encrypted = classic(&objects(), "/Encrypt 4 0 R");
    assert_eq!(sign(&encrypted), Err(PdfError::Encrypted));
    assert_eq!(sign(b"a letter"), Err(PdfError::NotPdf));
    let document = plain();
    assert!(sign(&document[..document.len() - 40]).is_err());
    let mut locked = objects();
    locked[0] = b"<</Type/Catalog/Pages 2 0 R/Perms<</DocMDP<</Reference[\
                  <</TransformMethod/DocMDP/TransformParams<</P 1>>>>]>>>>>>"
        .to_vec();
    assert_eq!(sign(&classic(&locked, "")), Err(PdfError::Locked));
}

#[test]
fn documents_that_go_in_circles_or_burst_are_refused() {
    let start = plain().windows(5).position(|w| w == b"xref\n").unwrap();
    let circle = classic(&objects(), &format!("/Prev {start}"));
    assert!(matches!(sign(&circle), Err(PdfError::Structure(_))));
    let mut pages = objects();
    pages[1] = b"<</Type/Pages/Kids[2 0 R]/Count 1>>".to_vec();
    assert!(sign(&classic(&pages, "")).is_err());
    let mut selves = objects();
    selves[1] = b"2 0 R".to_vec();
    assert!(sign(&classic(&selves, "")).is_err());

    // 300 MB of zeros, deflated twice over would be a small file.
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 300 << 20], 1);
    let mut data = b"%PDF-1.7\n".to_vec();
    let start = data.len();
    data.extend(
        format!(
            "1 0 obj\n<</Type/XRef/Size 1/W[1 2 1]/Filter/FlateDecode/Length {}>>\nstream\n",
            bomb.len()
        )
        .bytes(),
    );
    data.extend(bomb);
    data.extend(format!("\nendstream\nendobj\nstartxref\n{start}\n%%EOF").bytes());
    assert!(matches!(sign(&data), Err(PdfError::Structure(_))));
}

fn signed_twice() -> &'static [Vec<u8>; 2] {
    static FILES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    FILES.get_or_init(|| {
        [plain(), compressed()].map(|document| sign(&sign(&document).unwrap()).unwrap())
    })
}

proptest! {
    /// Whatever bytes become, nothing panics, and a signature over the whole
    /// file is only valid if the file is the signed one, but for the bytes
    /// between its own brackets.
    #[test]
    fn no_change_stays_unnoticed(
        which in 0_usize..2,
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let original = &signed_twice()[which];
        let mut document = original.clone();
        for (at, to) in changes {
            let at = at % document.len();
            document[at] = to;
        }
        let differs = document != *original;
        if let Ok(all) = pdf::check(&document, &trust(DAY)) {
            let last = all.iter().filter(|s| s.coverage == Coverage::Whole);
            for signature in last {
                if differs && signature.verdict() == Verdict::Valid {
                    // Only the encoding of the signature itself is not signed.
                    let hole = |bytes: &[u8]| {
                        let text = String::from_utf8_lossy(bytes).to_uppercase();
                        text.rsplit_once("/CONTENTS <").map(|(head, _)| head.len())
                    };
                    let place = hole(original).unwrap();
                    prop_assert_eq!(&document[..place], &original[..place]);
                }
            }
        }
    }

    #[test]
    fn cut_documents_are_read_or_refused(which in 0_usize..2, cut in any::<usize>()) {
        let document = &signed_twice()[which];
        let _ = pdf::check(&document[..cut % document.len()], &trust(DAY));
    }
}
