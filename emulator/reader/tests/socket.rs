// SPDX-License-Identifier: MIT OR Apache-2.0
//! The socket file: private, never somebody else's, gone at the end.

// Helpers outside of test functions do what test functions may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod common;

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use cie_reader::{LONGEST_PATH, Place, ReaderError, ReaderServer, ReaderSpec};
use common::{Client, FIRST};

fn bind(path: impl Into<PathBuf>) -> Result<ReaderServer, ReaderError> {
    ReaderServer::bind(&Place::At(path.into()), vec![ReaderSpec::empty(FIRST)])
}

fn private_folder() -> tempfile::TempDir {
    // Short, whatever the folder for temporary files is.
    let folder = tempfile::Builder::new()
        .prefix("r")
        .tempdir_in("/tmp")
        .unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    folder
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_private_place() {
    let server = ReaderServer::bind(&Place::Private, vec![ReaderSpec::empty(FIRST)]).unwrap();
    let path = server.path().to_path_buf();
    assert!(path.is_absolute() && path.as_os_str().len() <= LONGEST_PATH);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    drop(server);
    assert!(!path.parent().unwrap().exists());
}

#[test]
fn a_chosen_place() {
    let folder = private_folder();
    let path = folder.path().join("socket");
    let server = bind(&path).unwrap();
    assert_eq!((server.path(), mode(&path)), (path.as_path(), 0o600));
    drop(server);
    assert!(!path.exists() && folder.path().exists());

    let path = folder.path().join("new").join("socket");
    let server = bind(&path).unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    drop(server);
    assert!(!path.parent().unwrap().exists());
}

#[test]
fn a_folder_that_others_can_enter_is_refused() {
    let folder = private_folder();
    for open in [0o750, 0o705, 0o770, 0o711] {
        let inner = folder.path().join(format!("{open:o}"));
        fs::DirBuilder::new().mode(0o700).create(&inner).unwrap();
        fs::set_permissions(&inner, PermissionsExt::from_mode(open)).unwrap();
        let error = bind(inner.join("socket")).unwrap_err();
        assert!(matches!(error, ReaderError::FolderNotPrivate { mode, .. } if mode == open));
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 0);
    }
}

#[test]
fn what_is_in_the_way_stays() {
    let folder = private_folder();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let link = folder.path().join("link");
    symlink(&file, &link).unwrap();
    for path in [&file, &link, &folder.path().join("directory")] {
        if !path.exists() {
            fs::create_dir(path).unwrap();
        }
        assert!(
            matches!(bind(path), Err(ReaderError::PathTaken { .. })),
            "{path:?}"
        );
        assert!(path.exists());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn a_live_server_stays_and_a_dead_socket_goes() {
    let folder = private_folder();
    let path = folder.path().join("socket");
    let living = bind(&path).unwrap();
    assert!(matches!(bind(&path), Err(ReaderError::InUse(taken)) if taken == path));
    // Its client notices nothing.
    let server = living.spawn().unwrap();
    Client::new(&path, 4);
    drop(server);

    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a dead socket");
    let server = bind(&path).unwrap().spawn().unwrap();
    Client::new(&path, 4);
    drop(server);
    assert!(!path.exists());
}

#[test]
fn somebody_elses_file_is_not_removed_at_the_end() {
    let folder = private_folder();
    let path = folder.path().join("socket");
    let server = bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "not a socket").unwrap();
    drop(server);
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a socket");
}

#[test]
fn paths_that_clients_cannot_use() {
    let folder = private_folder();
    let base = folder.path().as_os_str().len() + 1;
    let longest = folder.path().join("s".repeat(LONGEST_PATH - base));
    Client::new(bind(&longest).unwrap().spawn().unwrap().path(), 4);
    let error = bind(folder.path().join("s".repeat(LONGEST_PATH - base + 1))).unwrap_err();
    assert!(matches!(
        error,
        ReaderError::PathTooLong {
            length: 108,
            limit: 107,
            ..
        }
    ));
    assert!(error.to_string().contains("shorter"), "{error}");
    assert!(matches!(bind("/"), Err(ReaderError::BadPath(_))));
    let lost = bind(folder.path().join("no").join("such").join("socket"));
    assert!(matches!(
        lost,
        Err(ReaderError::Io {
            action: "create the folder",
            ..
        })
    ));
}

#[test]
fn names_that_clients_cannot_use() {
    let long = "R".repeat(128);
    for names in [&[""][..], &[&long], &["a\0b"], &["twice", "twice"]] {
        let readers = names.iter().map(|&name| ReaderSpec::empty(name)).collect();
        let error = ReaderServer::bind(&Place::Private, readers).unwrap_err();
        assert!(matches!(error, ReaderError::BadName { .. }), "{error}");
    }
    let none = ReaderServer::bind(&Place::Private, Vec::new());
    assert!(matches!(none, Err(ReaderError::NoReaders)));
    let longest = vec![ReaderSpec::empty("R".repeat(127))];
    assert!(ReaderServer::bind(&Place::Private, longest).is_ok());
}

#[test]
fn clients_that_come_before_it_serves_are_kept() {
    let server = ReaderServer::bind(&Place::Private, vec![ReaderSpec::empty(FIRST)]).unwrap();
    let early = Client::silent(server.path());
    let running = server.spawn().unwrap();
    drop(early);
    Client::new(running.path(), 6);
}
