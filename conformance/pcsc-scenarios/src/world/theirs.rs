// SPDX-License-Identifier: MIT OR Apache-2.0
//! A pcscd of our own behind Debian's vpcd, in a mount namespace of its own.
//!
//! pcscd's socket has a fixed place, so in the namespace that place is a folder
//! of ours; clients outside reach the socket there. No driver but vpcd is in
//! the namespace, so that no real reader is touched. Our cards dial vpcd's ports,
//! and hang up when they are taken out. The other direction cannot be used:
//! Debian's driver aborts pcscd when a card that it dialled hangs up.

mod polls;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::polls::Polls;
use super::World;
use crate::Trouble;
use crate::card::Watch;

/// Another pcscd than Debian's can be named here.
pub const PCSCD: &str = "CIE_TEST_PCSCD";
const DEBIAN_PCSCD: &str = "/usr/sbin/pcscd";
/// Another place of vpcd's driver can be named here.
pub const VPCD: &str = "CIE_TEST_VPCD";
const DEBIAN_VPCD: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const DRIVERS: &str = "/usr/lib/pcsc/drivers";
/// Only so that a defect fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// In the namespace: our folder becomes pcscd's, and no other driver is seen.
const INSIDE: &str = r#"
set -e
mount -t tmpfs none /run
mkdir -p /run/pcscd
mount --bind "$1" /run/pcscd
if [ -d "$4" ]; then mount -t tmpfs none "$4"; fi
exec "$2" --foreground --debug --config "$3"
"#;

/// pcscd, its folder, and a card a slot.
pub struct Theirs {
    pcscd: Child,
    folder: TempDir,
    socket: PathBuf,
    slots: Vec<Slot>,
    /// Keeps others off the ports of the slots.
    _ticket: TcpListener,
}

struct Slot {
    port: u16,
    /// The card's connection to vpcd, while a card is there.
    connection: Option<TcpStream>,
    /// What is heard on it.
    polls: Arc<Polls>,
    watch: Watch,
}

fn pcscd_path() -> PathBuf {
    std::env::var_os(PCSCD).map_or_else(|| PathBuf::from(DEBIAN_PCSCD), PathBuf::from)
}

fn driver_path() -> PathBuf {
    std::env::var_os(VPCD).map_or_else(|| PathBuf::from(DEBIAN_VPCD), PathBuf::from)
}

/// `unshare` with what this user needs to make a mount namespace.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--propagation", "private"]);
    command
}

/// Whether such a world can be made here.
///
/// # Errors
/// [`Trouble::NoProgram`] or [`Trouble::NoNamespace`].
pub fn possible() -> Result<(), Trouble> {
    for (path, package) in [(pcscd_path(), "pcscd"), (driver_path(), "vsmartcard-vpcd")] {
        if !path.exists() {
            return Err(Trouble::NoProgram { path, package });
        }
    }
    let tried = unshare()
        .args(["sh", "-c", "mount -t tmpfs none /run"])
        .output()
        .map_err(|error| Trouble::NoNamespace(error.to_string()))?;
    if tried.status.success() {
        Ok(())
    } else {
        let words = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
        Err(Trouble::NoNamespace(words))
    }
}

impl Theirs {
    /// Starts pcscd and waits for its socket.
    ///
    /// # Errors
    /// [`Trouble`] if it cannot be started.
    pub fn start() -> Result<Self, Trouble> {
        let (slots, ticket) = find_slots()?;
        let folder = TempDir::new().map_err(Trouble::io("make a folder"))?;
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("run")).map_err(Trouble::io("make a folder"))?;
        std::fs::copy(driver_path(), at("driver.so")).map_err(Trouble::io("copy vpcd's driver"))?;
        let port = slots.first().map_or(0, |slot| slot.port);
        let config = format!(
            "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:{port}\nLIBPATH {}\nCHANNELID {port}\n",
            at("driver.so").display()
        );
        std::fs::write(at("reader.conf"), config).map_err(Trouble::io("write a file"))?;
        let log = std::fs::File::create(at("log")).map_err(Trouble::io("make a file"))?;
        let errors = log.try_clone().map_err(Trouble::io("use a file"))?;
        let pcscd = unshare()
            .args(["sh", "-c", INSIDE, "sh"])
            .arg(at("run"))
            .arg(pcscd_path())
            .arg(at("reader.conf"))
            .arg(DRIVERS)
            .env_remove("PCSCLITE_CSOCK_NAME")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(Trouble::io("start pcscd"))?;
        let mut world = Self {
            pcscd,
            socket: at("run").join("pcscd.comm"),
            folder,
            slots,
            _ticket: ticket,
        };
        world.wait_for_socket()?;
        Ok(world)
    }

    fn wait_for_socket(&mut self) -> Result<(), Trouble> {
        let deadline = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(&self.socket).is_err() {
            let ended = self.pcscd.try_wait().map_err(Trouble::io("watch pcscd"))?;
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                return Err(Trouble::PcscdFailed(log.unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl World for Theirs {
    fn path(&self) -> &Path {
        &self.socket
    }

    fn insert(&mut self, slot: usize, atr: Vec<u8>) -> Result<(), Trouble> {
        let slot = self.slots.get_mut(slot).ok_or(Trouble::NoSuchSlot(slot))?;
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, slot.port))
            .map_err(Trouble::io("connect a card to vpcd"))?;
        let other = connection
            .try_clone()
            .map_err(Trouble::io("use a connection"))?;
        slot.connection = Some(other);
        let watch = slot.watch.clone();
        slot.polls = Arc::new(Polls::default());
        let polls = Arc::clone(&slot.polls);
        std::thread::spawn(move || {
            // vpcd may hang up whenever it likes.
            let _ = exchange(&connection, &atr, &watch, &polls);
            polls.end();
            // Not just dropped: the slot keeps a second handle to it.
            let _ = connection.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    fn remove(&mut self, slot: usize) -> Result<(), Trouble> {
        let slot = self.slots.get_mut(slot).ok_or(Trouble::NoSuchSlot(slot))?;
        // An exchange that is under way fails, as when a real card is pulled.
        if let Some(connection) = slot.connection.take() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        Ok(())
    }

    fn removed(&mut self, _slot: usize) {}

    /// vpcd does not wait for a card to have lost its power, so the answer to
    /// the client can be there before the card knows. Of what comes in order
    /// after that the next poll is the first that is sure to come.
    fn settle(&self, slot: usize) {
        if let Some(Slot {
            connection: Some(_),
            polls,
            watch,
            ..
        }) = self.slots.get(slot)
        {
            polls.next(PATIENCE, || watch.reaches_gate(Duration::ZERO));
        }
    }

    fn watch(&self, slot: usize) -> Option<&Watch> {
        self.slots.get(slot).map(|slot| &slot.watch)
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        // Killed, as it takes seconds to end in order; nothing of it outlives the folder.
        let _ = self.pcscd.kill();
        let _ = self.pcscd.wait();
        for connection in self
            .slots
            .iter()
            .filter_map(|slot| slot.connection.as_ref())
        {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Where the next ports are looked for.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;
/// Ports of a world: two for vpcd, one that tells other worlds, also those of
/// other processes, that they are taken, and one to make it even.
const GROUP: u16 = 4;

/// Neighbouring free ports, one a slot, as vpcd expects them, and what keeps
/// them ours until pcscd listens there. Processes start at different places.
fn find_slots() -> Result<(Vec<Slot>, TcpListener), Trouble> {
    let start = u16::try_from(std::process::id() * 64 % u32::from(PORTS)).unwrap_or(0);
    for _ in 0..1000 {
        let next = NEXT_PORT.fetch_add(GROUP, Ordering::Relaxed);
        let port = FIRST_PORT + start.wrapping_add(next) % PORTS;
        let Ok(ticket) = TcpListener::bind((Ipv4Addr::LOCALHOST, port + 2)) else {
            continue;
        };
        // Where vpcd listens: on every address.
        let free = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
        if free(port) && free(port + 1) {
            let slots = [port, port + 1]
                .into_iter()
                .map(|port| Slot {
                    port,
                    connection: None,
                    polls: Arc::default(),
                    watch: Watch::default(),
                })
                .collect();
            return Ok((slots, ticket));
        }
    }
    Err(Trouble::io("find two neighbouring ports")(
        std::io::ErrorKind::AddrInUse.into(),
    ))
}

fn exchange(
    mut connection: &TcpStream,
    atr: &[u8],
    watch: &Watch,
    polls: &Polls,
) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    loop {
        let mut length = [0; 2];
        read(connection, &mut length)?;
        let mut frame = vec![0; usize::from(u16::from_be_bytes(length))];
        read(connection, &mut frame)?;
        let answer = match *frame {
            [0] => {
                watch.saw("off");
                continue;
            }
            [1] => {
                watch.saw("on");
                continue;
            }
            [2] => {
                watch.saw("reset");
                continue;
            }
            [4] => {
                polls.came();
                atr.to_vec()
            }
            _ => watch.answer(&frame),
        };
        let count = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        let framed = [count.to_be_bytes().as_slice(), &answer].concat();
        connection.write_all(&framed)?;
        if count == 0 {
            // vpcd waits for more, and says nothing any more.
            polls.end();
        }
    }
}

/// Debian's driver writes a frame in two pieces, so the first is acknowledged at once.
fn read(mut connection: &TcpStream, buffer: &mut [u8]) -> std::io::Result<()> {
    let _ = rustix::net::sockopt::set_tcp_quickack(connection, true);
    connection.read_exact(buffer)
}
