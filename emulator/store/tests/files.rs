// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card files: commits, the lock, errors that leave everything as it was.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use cie_card::image::{Code, IMAGE_VERSION, ImageError};
use cie_card::{Card, CardImage, NonVolatile};
use cie_personalisation::{IssuedCard, Persona, personalise};
use cie_store::{FileStore, StoreError, read};
use cie_terminal::Channel;
use cie_terminal::steps::code::{Code as Digits, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::transport::InProcess;
use iso7816_wire::CardDoor;
use rand_core::SeedableRng;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

fn issued() -> &'static IssuedCard {
    static ISSUED: OnceLock<IssuedCard> = OnceLock::new();
    ISSUED.get_or_init(|| personalise(&Persona::adult().unwrap(), 1).unwrap())
}

fn folder_with_card() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.cie");
    FileStore::create(&path, &issued().image).unwrap();
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_card_keeps_its_counters_and_its_pin() {
    let (folder, path) = folder_with_card();
    let power = || {
        let (store, image) = FileStore::open(&path).unwrap();
        let mut card = Card::new(image, store, issued().card_seed).unwrap();
        card.power_on();
        let mut channel = Channel::new(InProcess(card));
        let mut rng = chacha20::ChaCha20Rng::from_seed([1; 32]);
        channel.establish(DomainForm::Whole, &mut rng).unwrap();
        channel
    };
    let digits = |text: &str| Digits::new(text).unwrap();
    let (wrong, new) = (digits("24681357"), digits("97531975"));
    assert!(
        !power()
            .verify(Reference::Pin, &wrong)
            .unwrap()
            .is_accepted()
    );
    assert_eq!(read(&path).unwrap().state.pin_tries, 2);
    let old = digits(issued().pin().expose());
    assert!(
        power()
            .change_code(Reference::Pin, &old, &new)
            .unwrap()
            .is_accepted()
    );
    assert_eq!(read(&path).unwrap().state.pin_tries, 3);
    assert!(!power().verify(Reference::Pin, &old).unwrap().is_accepted());
    assert!(power().verify(Reference::Pin, &new).unwrap().is_accepted());
    assert_eq!(read(&path).unwrap().state.pin.expose(), "97531975");
    assert_eq!(names(folder.path()), ["card.cie", "card.cie.lock"]);
    assert_eq!(
        (mode(&path), mode(&path.with_extension("cie.lock"))),
        (0o600, 0o600)
    );
}

#[test]
fn a_new_card_replaces_nothing() {
    let (folder, path) = folder_with_card();
    let before = std::fs::read(&path).unwrap();
    let link = folder.path().join("dangling");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    for taken in [path.as_path(), folder.path(), &link] {
        let error = FileStore::create(taken, &issued().image).unwrap_err();
        assert!(matches!(error, StoreError::Exists(_)), "{error}");
        assert!(error.to_string().contains("exists already"), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(FileStore::create(folder.path().join("no/card"), &issued().image).is_err());
    assert_eq!(
        names(folder.path()),
        ["card.cie", "card.cie.lock", "dangling"]
    );
}

#[test]
fn one_process_at_a_time_under_any_name() {
    let (folder, path) = folder_with_card();
    let link = folder.path().join("link.cie");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let (mut store, image) = FileStore::open(&link).unwrap();
    for name in [&path, &link] {
        let error = FileStore::open(name).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
        let text = error.to_string();
        for part in ["card.cie", "in use by another process", "copy the card"] {
            assert!(text.contains(part), "{part:?} not in {text}");
        }
    }
    assert!(read(&path).is_ok(), "looking at it needs no lock");
    store.commit(&image.state).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    drop(store);
    assert!(FileStore::open(&path).is_ok(), "free again");
}

/// Every unusable content with words of its error.
fn unusable() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = issued().image.to_bytes().unwrap();
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        bytes
    };
    vec![
        (
            "foreign",
            b"-----BEGIN CERTIFICATE-----".to_vec(),
            "no card image",
        ),
        ("empty", Vec::new(), "no card image"),
        ("half", good[..good.len() / 2].to_vec(), "cut off"),
        ("header", good[..9].to_vec(), "cut off"),
        ("digest", good[..good.len() - 1].to_vec(), "cut off"),
        (
            "damaged",
            with(good.len() / 2, good[good.len() / 2] ^ 1),
            "checksum",
        ),
        ("longer", [good.clone(), vec![0]].concat(), "checksum"),
        ("newer", with(9, 2), "use a newer release"),
        ("never", with(9, 0), "never existed"),
    ]
}

#[test]
fn unusable_files_are_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, words) in unusable() {
        let path = folder.path().join(name);
        std::fs::write(&path, &content).unwrap();
        for error in [
            FileStore::open(&path).map(|_| ()).unwrap_err(),
            read(&path).map(|_| ()).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(matches!(error, StoreError::Image { .. }), "{name}: {text}");
            assert!(
                text.contains(words) && text.contains(name),
                "{name}: {text}"
            );
        }
        assert_eq!(std::fs::read(&path).unwrap(), content, "{name}");
    }
    let left = names(folder.path());
    assert_eq!(
        left.len(),
        unusable().len(),
        "nothing beside them: {left:?}"
    );
}

#[test]
fn every_cut_of_an_image_is_an_error() {
    let good = issued().image.to_bytes().unwrap();
    for length in 1..good.len() {
        let error = CardImage::from_bytes(&good[..length]).unwrap_err();
        assert!(
            matches!(error, ImageError::Truncated(_)),
            "{length}: {error}"
        );
    }
}

#[test]
fn an_image_with_too_many_tries_is_refused() {
    let mut image = issued().image.clone();
    image.state.pin_tries = 4;
    for puk in [false, true] {
        if puk {
            (image.state.pin_tries, image.state.puk_tries) = (3, 11);
        }
        let bytes = image.to_bytes().unwrap();
        let error = CardImage::from_bytes(&bytes).unwrap_err();
        assert!(matches!(error, ImageError::Body(_)), "{error}");
    }
}

#[test]
fn bytes_behind_the_image_are_refused() {
    use sha2::Digest;
    let mut bytes = issued().image.to_bytes().unwrap();
    bytes.truncate(bytes.len() - 32);
    bytes.push(0);
    let digest = sha2::Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    let error = CardImage::from_bytes(&bytes).unwrap_err();
    assert!(error.to_string().contains("behind the image"), "{error}");
}

#[test]
fn a_file_is_the_same_only_with_its_time_and_its_number() {
    let (folder, path) = folder_with_card();
    let (mut store, image) = FileStore::open(&path).unwrap();
    let content = std::fs::read(&path).unwrap();
    let written = path.metadata().unwrap().modified().unwrap();
    // Written in place, as long as before: only the time tells.
    std::fs::write(&path, &content).unwrap();
    let later = written + std::time::Duration::from_secs(1);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(later).unwrap();
    let error = store.save(&image.state).unwrap_err();
    assert!(matches!(error, StoreError::Changed(_)), "{error}");
    // Another file with the same time and length: only the number tells.
    file.set_modified(written).unwrap();
    store.save(&image.state).unwrap();
    let written = path.metadata().unwrap().modified().unwrap();
    let other = folder.path().join("other");
    std::fs::write(&other, std::fs::read(&path).unwrap()).unwrap();
    let file = std::fs::File::options().write(true).open(&other).unwrap();
    file.set_modified(written).unwrap();
    std::fs::rename(&other, &path).unwrap();
    let error = store.save(&image.state).unwrap_err();
    assert!(matches!(error, StoreError::Changed(_)), "{error}");
}

#[test]
fn a_card_with_two_names_is_refused_under_both() {
    let (folder, path) = folder_with_card();
    let other = folder.path().join("other.cie");
    std::fs::hard_link(&path, &other).unwrap();
    for name in [&path, &other] {
        let error = FileStore::open(name).unwrap_err();
        assert!(
            matches!(error, StoreError::Linked { names: 2, .. }),
            "{error}"
        );
    }
    std::fs::remove_file(&other).unwrap();
    FileStore::open(&path).unwrap();
}

#[test]
fn a_lock_file_that_is_a_link_is_not_followed() {
    let (folder, path) = folder_with_card();
    let lock = path.with_extension("cie.lock");
    let elsewhere = folder.path().join("elsewhere");
    std::fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &lock).unwrap();
    let error = FileStore::open(&path).unwrap_err();
    assert!(error.to_string().contains("open the lock file"), "{error}");
    assert!(!elsewhere.exists(), "nothing is made at its end");
}

#[test]
fn what_is_no_file_or_no_card() {
    let folder = tempfile::tempdir().unwrap();
    let error = FileStore::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotAFile(_)), "{error}");
    let error = FileStore::open(folder.path().join("absent")).unwrap_err();
    assert!(matches!(error, StoreError::Missing(_)), "{error}");
    let large = folder.path().join("large");
    std::fs::File::create(&large)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let error = FileStore::open(&large).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
}

#[test]
fn a_failed_commit_leaves_the_image() {
    let (folder, path) = folder_with_card();
    let (mut store, image) = FileStore::open(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut state = image.state.clone();
    state.pin_tries = 1;
    // In the way of the temporary file.
    let obstacle = folder.path().join(".card.cie.cie-tmp");
    std::fs::create_dir(&obstacle).unwrap();
    assert!(store.save(&state).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::remove_dir(&obstacle).unwrap();
    store.save(&state).unwrap();
    assert_eq!(read(&path).unwrap().state.pin_tries, 1);
}

#[test]
fn what_others_did_to_the_file_is_not_overwritten() {
    let (_folder, path) = folder_with_card();
    let (mut store, image) = FileStore::open(&path).unwrap();
    std::fs::write(&path, b"something else").unwrap();
    let error = store.save(&image.state).unwrap_err();
    assert!(matches!(error, StoreError::Changed(_)), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"something else");
    std::fs::remove_file(&path).unwrap();
    assert!(store.save(&image.state).is_err() && !path.exists());
}

#[test]
fn without_its_lock_file_nothing_is_written() {
    let (_folder, path) = folder_with_card();
    let (mut store, image) = FileStore::open(&path).unwrap();
    std::fs::remove_file(path.with_extension("cie.lock")).unwrap();
    let error = store.save(&image.state).unwrap_err();
    assert!(matches!(error, StoreError::LockLost(_)), "{error}");
    // The other process that would now get the card can write.
    let (mut second, image) = FileStore::open(&path).unwrap();
    second.save(&image.state).unwrap();
}

#[test]
fn leftovers_of_the_dead_go_under_the_lock_only() {
    let (folder, path) = folder_with_card();
    let leftover = folder.path().join(".card.cie.cie-tmp");
    std::fs::write(&leftover, b"CIEIMAGE half").unwrap();
    read(&path).unwrap();
    assert!(leftover.exists(), "looking removes nothing");
    let (store, _) = FileStore::open(&path).unwrap();
    assert!(!leftover.exists());
    std::fs::write(&leftover, b"work in progress").unwrap();
    FileStore::open(&path).unwrap_err();
    assert!(leftover.exists(), "it is the lock holder's");
    drop(store);
}

#[test]
fn every_released_format_keeps_loading() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/images");
    for version in 1..=IMAGE_VERSION {
        let image = read(folder.join(format!("version-{version}.cie"))).unwrap();
        let state = &image.state;
        assert_eq!(state.pin, Code::new(b"13572468").unwrap());
        assert_eq!((state.pin_tries, state.puk_tries), (2, 8));
        assert_eq!(state.puk, image.profile.issued_puk);
        assert_eq!(image.profile.issued_pin, *issued().pin());
        assert_eq!(image.profile.family.id, "gemalto");
        let nis = image.profile.files.iter().find(|f| f.fid == 0x1001);
        assert_eq!(nis.unwrap().content, issued().facts.nis.as_bytes());
        let mut card = Card::in_memory(image, [0; 32]).unwrap();
        assert!(!card.power_on().is_empty());
    }
}

#[test]
fn a_card_that_cannot_store_compares_nothing() {
    let (_folder, path) = folder_with_card();
    let (store, image) = FileStore::open(&path).unwrap();
    let mut card = Card::new(image, store, issued().card_seed).unwrap();
    card.power_on();
    let mut channel = Channel::new(InProcess(card));
    let mut rng = chacha20::ChaCha20Rng::from_seed([1; 32]);
    channel.establish(DomainForm::Whole, &mut rng).unwrap();
    std::fs::remove_file(&path).unwrap();
    let right = Digits::new(issued().pin().expose()).unwrap();
    let answer = channel.verify(Reference::Pin, &right);
    assert!(format!("{answer:?}").contains("6581"), "{answer:?}");
    let snapshot = channel.transport().0.inspect();
    assert!(!snapshot.pin_verified && snapshot.pin_tries == 3);
    assert!(!path.exists(), "what was removed does not come back");
}

#[test]
fn a_leftover_that_came_later_is_in_nobodys_way() {
    let (folder, path) = folder_with_card();
    let (mut store, image) = FileStore::open(&path).unwrap();
    std::fs::write(folder.path().join(".card.cie.cie-tmp"), b"x").unwrap();
    store.save(&image.state).unwrap();
    assert_eq!(names(folder.path()), ["card.cie", "card.cie.lock"]);
}
