// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a commit does when the system refuses one of its steps.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use crate::disk::Step;
use crate::disk::tests::{fail, steps};
use crate::{FileStore, StoreError, read};
use cie_card::{Card, CardImage};
use cie_personalisation::{Persona, personalise};
use cie_terminal::Channel;
use cie_terminal::steps::code::{Code, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::transport::InProcess;
use iso7816_wire::CardDoor;
use rand_core::SeedableRng;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const COMMIT: [Step; 3] = [Step::SyncFile, Step::Rename, Step::SyncFolder];

fn image() -> CardImage {
    let adult = Persona::adult().unwrap();
    personalise(&adult, 1).unwrap().image
}

fn folder_with_card() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.cie");
    FileStore::create(&path, &image()).unwrap();
    steps();
    (folder, path)
}

fn tries(path: &Path) -> u8 {
    read(path).unwrap().state.pin_tries
}

#[test]
fn content_then_name_then_folder_reach_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.cie");
    let mut store = FileStore::create(&path, &image()).unwrap();
    assert_eq!(steps(), COMMIT, "a new card");
    store.save(&image().state).unwrap();
    assert_eq!(steps(), COMMIT, "a commit");
}

#[test]
fn a_commit_refused_before_the_rename_can_be_tried_again() {
    for step in [Step::SyncFile, Step::Rename] {
        let (folder, path) = folder_with_card();
        let before = std::fs::read(&path).unwrap();
        let (mut store, image) = FileStore::open(&path).unwrap();
        let mut state = image.state;
        state.pin_tries = 2;
        fail(Some(step));
        let error = store.save(&state).unwrap_err();
        fail(None);
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2, "card and lock only after {step:?}");
        store.save(&state).unwrap();
        assert_eq!(tries(&path), 2);
    }
}

#[test]
fn a_new_card_that_was_refused_is_not_there_or_whole() {
    for (step, there) in [
        (Step::SyncFile, 0),
        (Step::Rename, 0),
        (Step::SyncFolder, 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card.cie");
        fail(Some(step));
        let error = FileStore::create(&path, &image()).unwrap_err();
        fail(None);
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert_eq!(path.exists(), there == 1, "{step:?}");
        if there == 1 {
            assert_eq!(tries(&path), 3);
        }
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1 + there, "the lock, and no temporary file");
    }
}

/// The one case in which disk and card may differ: the try is gone on the disk,
/// the card does not know, so it answers 6581 and compares nothing any more.
#[test]
fn a_folder_that_does_not_sync_ends_all_comparing() {
    let (_folder, path) = folder_with_card();
    let (store, image) = FileStore::open(&path).unwrap();
    let pin = Code::new(image.state.pin.expose()).unwrap();
    let mut card = Card::new(image, store, [7; 32]).unwrap();
    card.power_on();
    let mut channel = Channel::new(InProcess(card));
    let mut rng = chacha20::ChaCha20Rng::from_seed([1; 32]);
    channel.establish(DomainForm::Whole, &mut rng).unwrap();
    let refused = |channel: &mut Channel<InProcess<Card<FileStore>>>, pin: &Code| {
        let answer = channel.verify(Reference::Pin, pin);
        assert!(format!("{answer:?}").contains("6581"), "{answer:?}");
        assert!(!channel.transport().0.inspect().pin_verified);
    };

    fail(Some(Step::SyncFolder));
    refused(&mut channel, &pin);
    fail(None);
    assert_eq!(tries(&path), 2, "taken on the disk");

    // The folder syncs again; what the disk holds after a loss of power is
    // unknown still, so no try is counted from it.
    steps();
    let wrong = Code::new("10203040").unwrap();
    for code in [&pin, &wrong, &wrong, &wrong, &pin] {
        refused(&mut channel, code);
    }
    assert_eq!(steps(), [], "nothing was written");
    assert_eq!(tries(&path), 2);

    // The next process starts from what is there.
    drop(channel);
    let (mut store, image) = FileStore::open(&path).unwrap();
    assert_eq!(image.state.pin_tries, 2);
    store.save(&image.state).unwrap();
}

/// Somebody makes a file of the name between the last look and the rename.
#[test]
fn a_new_card_never_takes_a_name_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (new, taken) = (folder.path().join("new"), folder.path().join("taken"));
    std::fs::write(&new, b"new").unwrap();
    std::fs::write(&taken, b"taken").unwrap();
    let error = crate::file::place_new(&new, &taken).unwrap_err();
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    assert_eq!(std::fs::read(&taken).unwrap(), b"taken");
}

#[test]
fn after_an_unconfirmed_commit_the_store_says_so() {
    let (_folder, path) = folder_with_card();
    let (mut store, image) = FileStore::open(&path).unwrap();
    fail(Some(Step::SyncFolder));
    let error = store.save(&image.state).unwrap_err();
    fail(None);
    assert!(error.to_string().contains("sync the folder"), "{error}");
    let error = store.save(&image.state).unwrap_err();
    assert!(matches!(error, StoreError::Unconfirmed(_)), "{error}");
}
