// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server: a socket, a thread per card, and the table between them.

mod core;
mod errands;
mod hand;
mod link;
mod socket;
mod trouble;
mod watch;
mod worker;

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::task::JoinSet;

pub use hand::{ReaderUsage, Usage};
pub use socket::{LONGEST_PATH, Place, SocketFile};
pub use worker::Card;

use self::core::Shared;
use crate::ReaderError;
use crate::profile::ReaderProfile;
use crate::protocol::{NAME_BYTES, ReaderState};
use crate::table::{Delay, Limits};

/// How long to rest when the system has no resources for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One reader of a server.
pub struct ReaderSpec {
    /// Its name as clients list it, for example `CIE Virtual Reader 00 00`; 1 to 127 bytes.
    pub name: String,
    /// The card in it, if any.
    pub card: Option<Card>,
    /// What it says about itself and what it can do.
    pub profile: ReaderProfile,
}

impl ReaderSpec {
    /// A reader with a card in it.
    pub fn with_card(name: impl Into<String>, card: Card) -> Self {
        Self {
            name: name.into(),
            card: Some(card),
            profile: ReaderProfile::default(),
        }
    }

    /// An empty reader.
    pub fn empty(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            card: None,
            profile: ReaderProfile::default(),
        }
    }

    /// The same with another profile.
    #[must_use]
    pub fn with_profile(mut self, profile: ReaderProfile) -> Self {
        self.profile = profile;
        self
    }
}

impl fmt::Debug for ReaderSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderSpec")
            .field("name", &self.name)
            .field("card", &self.card.is_some())
            .finish()
    }
}

/// What can be adjusted. The defaults are what pcsc-lite does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Connections at a time. When there are as many, the oldest one that has
    /// not opened a context makes way for a new one; if all have, the new one
    /// is turned away.
    pub max_connections: usize,
    /// Card handles a client may have.
    pub limits: Limits,
    /// A card that nobody uses for so long loses its power, and with it its
    /// volatile state; clients see no difference but that. `None`: never.
    pub idle_power_off: Option<Duration>,
    /// How long a transaction waits for its turn before the client library is
    /// told to try again. Meanwhile that library keeps the whole context
    /// locked, so it must not be forever.
    pub queue_patience: Duration,
    /// How long an event is held back for a 4.6 client that has registered
    /// and not yet fetched the list of readers.
    pub snapshot_grace: Duration,
    /// How long a wait that a [fault](crate::faults) ends lasts: longer than a
    /// client library ever takes from its registration to its wait.
    pub failure_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 200,
            limits: Limits::default(),
            idle_power_off: Some(Duration::from_secs(5)),
            queue_patience: Duration::from_secs(1),
            snapshot_grace: Duration::from_millis(50),
            failure_grace: Duration::from_millis(200),
        }
    }
}

impl Settings {
    fn delay(&self, delay: Delay) -> Duration {
        match delay {
            Delay::Snapshot => self.snapshot_grace,
            Delay::Queue => self.queue_patience,
            Delay::Failure => self.failure_grace,
        }
    }
}

/// A server that listens but does not serve yet: connections made from now on
/// are kept until it does.
///
/// Dropping it removes the socket, and the folder if it was made for it.
pub struct ReaderServer {
    shared: Arc<Shared>,
    socket: SocketFile,
    listener: StdListener,
}

impl ReaderServer {
    /// Listens at `place` with these readers.
    ///
    /// Cards are powered on threads of their own right away; the first client
    /// sees them powered.
    ///
    /// # Errors
    /// [`ReaderError`] if a name cannot be used, or the socket or a thread
    /// cannot be made.
    pub fn bind(place: &Place, readers: Vec<ReaderSpec>) -> Result<Self, ReaderError> {
        Self::bind_with(place, readers, Settings::default())
    }

    /// Like [`bind`](Self::bind), adjusted.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_with(
        place: &Place,
        readers: Vec<ReaderSpec>,
        settings: Settings,
    ) -> Result<Self, ReaderError> {
        check_names(&readers)?;
        let (socket, listener) = SocketFile::listen(place)?;
        let seed = RandomState::new().hash_one(socket.path());
        let shared = Shared::new(readers, settings, seed)?;
        Ok(Self {
            shared,
            socket,
            listener,
        })
    }

    /// Where clients find the server: the value for `PCSCLITE_CSOCK_NAME`.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.socket.path()
    }

    /// A handle for insertion, removal and the end.
    #[must_use]
    pub fn control(&self) -> ReaderControl {
        ReaderControl {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Serves until [`ReaderControl::stop`] is called, on the runtime this is
    /// awaited on (it needs time and I/O). Returns the cards, powered off, in
    /// the order of the readers.
    ///
    /// Dropping the future stops the server too, but loses the cards.
    ///
    /// # Errors
    /// [`ReaderError::Start`] if the socket cannot be handed to the runtime.
    pub async fn serve(self) -> Result<Vec<Option<Card>>, ReaderError> {
        let Self {
            shared,
            socket,
            listener,
        } = self;
        let listener = UnixListener::from_std(listener).map_err(|source| ReaderError::Start {
            what: "the event loop",
            source,
        })?;
        let mut stop = shared.stop.subscribe();
        let mut tasks = JoinSet::new();
        tasks.spawn(watch_idle(Arc::clone(&shared)));
        tasks.spawn(errands::watch(Arc::clone(&shared)));
        loop {
            tokio::select! {
                _ = stop.wait_for(|&stop| stop) => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => match shared.connected(stream) {
                        Some((id, link)) => {
                            tasks.spawn(link::serve(Arc::clone(&shared), id, link));
                        }
                        None => tracing::warn!("too many clients: one is turned away"),
                    },
                    Err(error) => {
                        tracing::warn!(%error, "cannot take a connection in");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = tasks.join_next() => {}
            }
        }
        drop(listener);
        drop(socket);
        // First, so that no end of a connection is news to another.
        let cards = shared.shut_down();
        tasks.shutdown().await;
        Ok(cards)
    }

    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// [`ReaderError::Start`] if the thread or its event loop cannot be made.
    pub fn spawn(self) -> Result<RunningServer, ReaderError> {
        let path = self.path().to_path_buf();
        let control = self.control();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|source| ReaderError::Start {
                what: "the event loop",
                source,
            })?;
        let thread = std::thread::Builder::new()
            .name("readers".into())
            .spawn(move || runtime.block_on(self.serve()))
            .map_err(|source| ReaderError::Start {
                what: "the server's thread",
                source,
            })?;
        Ok(RunningServer {
            path,
            control,
            thread: Some(thread),
        })
    }
}

impl fmt::Debug for ReaderServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderServer")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// Powers the card of one reader off when nobody has used it for a while.
async fn watch_idle(shared: Arc<Shared>) {
    loop {
        match shared.idle_deadline() {
            None => shared.idle.notified().await,
            Some((reader, deadline)) => tokio::select! {
                // Somebody's timer started, perhaps a shorter one.
                () = shared.idle.notified() => {}
                () = tokio::time::sleep_until(deadline.into()) => shared.fire_idle(reader),
            },
        }
    }
}

/// A handle on a server: insertion, removal, the end. Clones are the same handle.
#[derive(Clone)]
pub struct ReaderControl {
    shared: Arc<Shared>,
}

impl ReaderControl {
    /// Puts a card into reader number `reader` (from 0). When this returns the
    /// card has been powered and clients see it.
    ///
    /// # Errors
    /// [`ReaderError::NoSuchReader`] or [`ReaderError::ReaderOccupied`]; the card is dropped then.
    pub fn insert_card(&self, reader: usize, card: Card) -> Result<(), ReaderError> {
        self.shared.insert(reader, card)
    }

    /// Takes the card out of reader number `reader` and returns it, powered
    /// off. Clients learn of the removal at once, whatever the card is doing;
    /// the card comes back when it has done it.
    ///
    /// # Errors
    /// [`ReaderError::NoSuchReader`] or [`ReaderError::ReaderEmpty`].
    pub fn remove_card(&self, reader: usize) -> Result<Card, ReaderError> {
        self.shared.remove(reader)
    }

    /// Plugs a reader in and returns its number: the smallest that is free.
    /// Clients see it when this returns; those that watch for readers are woken.
    /// A card in it is powered.
    ///
    /// # Errors
    /// [`ReaderError::BadName`] if the name cannot be used or is taken, or
    /// [`ReaderError::Start`]; the card is dropped then.
    pub fn add_reader(&self, reader: ReaderSpec) -> Result<usize, ReaderError> {
        self.shared.plug(reader)
    }

    /// Unplugs reader number `reader` and returns its card, powered off.
    /// Clients learn of it at once; their handles are good for a disconnect and
    /// nothing else. The number is free for the next reader.
    ///
    /// # Errors
    /// [`ReaderError::NoSuchReader`], or [`ReaderError::Crashed`] if the card's thread panicked.
    pub fn remove_reader(&self, reader: usize) -> Result<Option<Card>, ReaderError> {
        self.shared.unplug(reader)
    }

    /// Every reader as clients see it; the place of a reader that is gone has
    /// no name.
    #[must_use]
    pub fn states(&self) -> Vec<ReaderState> {
        self.shared.states()
    }

    /// Ends the server soon. May be called at any time, more than once.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }
}

impl fmt::Debug for ReaderControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderControl").finish_non_exhaustive()
    }
}

/// A server on a thread of its own. Dropping it stops the server and waits for it.
#[derive(Debug)]
pub struct RunningServer {
    path: PathBuf,
    control: ReaderControl,
    thread: Option<JoinHandle<Result<Vec<Option<Card>>, ReaderError>>>,
}

impl RunningServer {
    /// Where clients find the server: the value for `PCSCLITE_CSOCK_NAME`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A handle for insertion, removal and the end.
    #[must_use]
    pub fn control(&self) -> ReaderControl {
        self.control.clone()
    }

    /// Stops the server, removes its socket, and returns the cards, powered
    /// off, in the order of the readers.
    ///
    /// # Errors
    /// What [`ReaderServer::serve`] failed with.
    pub fn stop(mut self) -> Result<Vec<Option<Card>>, ReaderError> {
        self.end()
    }

    fn end(&mut self) -> Result<Vec<Option<Card>>, ReaderError> {
        self.control.stop();
        match self.thread.take() {
            Some(thread) => thread
                .join()
                .map_err(|_| ReaderError::Crashed("the server"))?,
            None => Ok(Vec::new()),
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the reader server failed");
        }
    }
}

fn check_names(readers: &[ReaderSpec]) -> Result<(), ReaderError> {
    if readers.is_empty() {
        return Err(ReaderError::NoReaders);
    }
    let mut seen = BTreeSet::new();
    for reader in readers {
        check_name(&reader.name, !seen.insert(reader.name.as_str()))?;
    }
    Ok(())
}

/// Whether clients can use this name.
fn check_name(name: &str, taken: bool) -> Result<(), ReaderError> {
    let problem = if name.is_empty() {
        "it is empty"
    } else if name.len() >= NAME_BYTES {
        "it is too long"
    } else if name.contains('\0') {
        "it contains a NUL"
    } else if taken {
        "another reader has it"
    } else {
        return Ok(());
    };
    Err(ReaderError::BadName {
        name: name.to_owned(),
        problem,
    })
}
