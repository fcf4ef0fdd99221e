// SPDX-License-Identifier: MIT OR Apache-2.0
//! A pcscd with the vpcd driver for one test: in a mount namespace of its own,
//! so that it never meets the system's, with ports of its own.
//!
//! Its socket is in a folder outside of the namespace, where clients find it by
//! `PCSCLITE_CSOCK_NAME`. `CIE_TEST_PCSCD` and `CIE_TEST_VPCD` name another
//! pcscd and another driver than Debian's.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Only so that a defect fails a test instead of hanging it.
pub const GUARD: Duration = Duration::from_secs(30);

/// One reader of the driver; it has the slots of `device` and of the port after it.
pub struct Device {
    pub name: &'static str,
    /// `/dev/null:PORT`: cards connect to PORT + slot. `HOST:PORT`: the driver
    /// connects to them (reversed mode).
    pub device: String,
}

/// A running pcscd. Ended with the value.
pub struct Pcscd {
    folder: tempfile::TempDir,
    child: Child,
}

impl Pcscd {
    /// Starts one with these readers. `None`, with the reason on standard
    /// error, where nobody may make a mount namespace.
    pub fn start(devices: &[Device]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let driver = std::env::var_os("CIE_TEST_VPCD")
            .unwrap_or_else(|| "/usr/lib/pcsc/drivers/serial/libifdvpcd.so".into());
        assert!(
            Path::new(&driver).exists(),
            "no vpcd driver at {driver:?}; it is in the Debian package vsmartcard-vpcd"
        );
        let driver = driver.into_string().unwrap();
        let text: String = devices
            .iter()
            .map(|Device { name, device }| {
                format!("FRIENDLYNAME \"{name}\"\nDEVICENAME {device}\nLIBPATH {driver}\nCHANNELID 1\n\n")
            })
            .collect();
        std::fs::write(folder.path().join("reader.conf"), text).unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        let child = spawn(folder.path())?;
        let mut pcscd = Self { folder, child };
        pcscd.wait_until_it_answers();
        Some(pcscd)
    }

    /// The value for `PCSCLITE_CSOCK_NAME`.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("run/pcscd.comm")
    }

    /// Kills it; nothing is cleaned up, as after a crash.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // What a boot or a service manager removes.
        std::fs::remove_file(self.socket()).unwrap();
    }

    pub fn start_again(&mut self) {
        self.child = spawn(self.folder.path()).unwrap();
        self.wait_until_it_answers();
    }

    fn wait_until_it_answers(&mut self) {
        let until = Instant::now() + GUARD;
        while UnixStream::connect(self.socket()).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("pcscd ended: {status}; its log:\n{}", self.log());
            }
            assert!(
                Instant::now() < until,
                "pcscd does not answer:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of pcscd:\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `unshare` replaces itself by `sh`, and that by pcscd: the child's process id is pcscd's.
fn spawn(folder: &Path) -> Option<Child> {
    const INSIDE: &str = r#"
        mount -t tmpfs none /run
        mkdir /run/pcscd
        mount --bind "$0/run" /run/pcscd
        exec "$1" --foreground --info --config "$0/reader.conf"
    "#;
    let pcscd: OsString =
        std::env::var_os("CIE_TEST_PCSCD").unwrap_or_else(|| "/usr/sbin/pcscd".into());
    assert!(
        Path::new(&pcscd).exists(),
        "no pcscd at {pcscd:?}; it is in the Debian package pcscd"
    );
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let child = Command::new("unshare")
        .args(namespace()?)
        .args(["sh", "-ec", INSIDE])
        .arg(folder)
        .arg(pcscd)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    Some(child)
}

/// How to make a mount namespace here: as root, or with a user namespace.
fn namespace() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];
    let possible = |way: &&&[&str]| {
        let tried = Command::new("unshare")
            .args(**way)
            .args(["mount", "-t", "tmpfs", "none", "/run"])
            .output();
        tried.is_ok_and(|output| output.status.success())
    };
    let found = ways.iter().find(possible).copied();
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci.is_empty() || ci == "false"),
            "mount namespaces are impossible here, and CI is set"
        );
        eprintln!("SKIPPED: nobody may make a mount namespace here (`unshare --mount` fails)");
    }
    found
}

/// A port that is free, like the one after it.
pub fn free_ports() -> u16 {
    for _ in 0..200 {
        let first = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let next = port.checked_add(1);
        if next.is_some_and(|next| TcpListener::bind((Ipv4Addr::UNSPECIFIED, next)).is_ok()) {
            return port;
        }
    }
    panic!("no two free ports side by side");
}
