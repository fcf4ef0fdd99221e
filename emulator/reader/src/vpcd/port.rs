// SPDX-License-Identifier: MIT OR Apache-2.0
//! A port at which somebody else's card becomes a card in a reader of ours.

use std::fmt;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::address::Address;
use super::card::bind;
use super::foreign::{Foreign, ForeignCard, Lost};
use super::line::{Bell, Line, LineError, Woken, accept};
use super::{VpcdError, dial};
use crate::{ReaderControl, ReaderError};
use std::net::SocketAddr;

/// How long to rest when the system cannot give a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Pause between two calls to a card that listens: as pcscd looks for one.
const CALL_PAUSE: Duration = Duration::from_millis(400);

/// How a card and its port come together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortMode {
    /// The card connects to the port, as vicc does.
    Listen {
        /// Where.
        address: Address,
        /// Whether other machines may reach it; else only loopback addresses
        /// are listened on.
        open: bool,
    },
    /// The card listens (reversed mode) and is called until
    /// it answers, again and again.
    Connect(Address),
}

/// Where connections come from.
enum Source {
    Listen(TcpListener),
    Connect(Address),
}

impl Source {
    fn next(&self, bell: &Bell) -> io::Result<Option<TcpStream>> {
        match self {
            Self::Listen(listener) => accept(listener, bell),
            Self::Connect(address) => dial::connect(address, bell),
        }
    }
}

/// How patient a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSettings {
    /// How long a card may take to answer a command. After that the client
    /// gets an error and the card counts as taken out.
    pub answer: Duration,
    /// How long a card may take to tell its answer to reset.
    pub atr: Duration,
    /// How often an idle card is asked whether it is still there; that a
    /// connection ends is noticed at once.
    pub look: Duration,
}

impl Default for PortSettings {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            atr: Duration::from_secs(5),
            // As pcscd does.
            look: Duration::from_millis(400),
        }
    }
}

/// News of a port.
#[derive(Debug)]
#[non_exhaustive]
pub enum PortEvent<'a> {
    /// A card is in the reader, powered; clients see it.
    Inserted {
        /// Where it comes from.
        peer: SocketAddr,
        /// Its answer to reset.
        atr: &'a [u8],
    },
    /// Something connected and was not taken in.
    Refused {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        reason: &'a Lost,
    },
    /// The reader did not take the card.
    Unusable {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        error: &'a ReaderError,
    },
    /// The card is out of the reader.
    Removed {
        /// Why.
        reason: &'a Lost,
    },
}

type Observer = Box<dyn Fn(&PortEvent<'_>) + Send>;

/// A way in for cards that speak vpcd, and the reader they sit in.
///
/// One card at a time: others wait until it has left. Dropping the port takes
/// the card out.
pub struct CardPort {
    address: Address,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl CardPort {
    /// Opens the way for cards into the empty reader number `reader` of
    /// `readers`. `observer` hears of them on the port's thread.
    ///
    /// # Errors
    /// [`VpcdError`] if the address cannot be used or listened on, or the
    /// thread not be made.
    pub fn open(
        mode: &PortMode,
        readers: ReaderControl,
        reader: usize,
        settings: PortSettings,
        observer: impl Fn(&PortEvent<'_>) + Send + 'static,
    ) -> Result<Self, VpcdError> {
        let (source, address) = match mode {
            PortMode::Listen { address, open } => {
                let (listener, address) = bind(address, *open)?;
                (Source::Listen(listener), address)
            }
            PortMode::Connect(address) if address.port() == 0 => return Err(VpcdError::NoPort),
            PortMode::Connect(address) => (Source::Connect(address.clone()), address.clone()),
        };
        let start = |what| move |source| VpcdError::Start { what, source };
        let bell = Arc::new(Bell::new().map_err(start("the bell of a port"))?);
        let door = Door {
            readers,
            reader,
            settings,
            bell: Arc::clone(&bell),
            observer: Box::new(observer),
        };
        let thread = std::thread::Builder::new()
            .name(format!("vpcd port {}", address.port()))
            .spawn(move || door.live(&source))
            .map_err(start("the thread of a port"))?;
        Ok(Self {
            address,
            bell,
            thread: Some(thread),
        })
    }

    /// Where it listens, or calls.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Takes the card out and stops listening. Waits for nobody: a command
    /// that the card is executing ends with an error.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.bell.stop();
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread of a vpcd port stopped unexpectedly");
        }
    }
}

impl Drop for CardPort {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for CardPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardPort")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What the port's thread has.
struct Door {
    readers: ReaderControl,
    reader: usize,
    settings: PortSettings,
    bell: Arc<Bell>,
    observer: Observer,
}

impl Door {
    fn live(&self, source: &Source) {
        while !self.bell.is_stopped() {
            let foreign = source.next(&self.bell).and_then(|stream| {
                let line = stream.map(Line::new).transpose()?;
                line.map(|line| Foreign::new(line, Arc::clone(&self.bell), self.settings))
                    .transpose()
            });
            match (foreign, source) {
                (Ok(Some(foreign)), _) => self.host(&Arc::new(foreign)),
                (Ok(None), _) => continue,
                // Nobody is there yet, or any more.
                (Err(_), Source::Connect(_)) => {}
                (Err(error), Source::Listen(_)) => {
                    tracing::warn!(%error, "cannot take a vpcd card in");
                    self.rest(ACCEPT_PAUSE);
                }
            }
            if let Source::Connect(_) = source {
                self.rest(CALL_PAUSE);
            }
        }
    }

    /// Waits unless it is the end.
    fn rest(&self, pause: Duration) {
        if self.bell.wait(Some(Instant::now() + pause)).is_err() {
            std::thread::sleep(pause);
        }
    }

    /// From the first question to the end of the connection.
    fn host(&self, foreign: &Arc<Foreign>) {
        let peer = foreign.peer();
        let Some(atr) = foreign.look() else {
            if let Some(reason) = foreign.lost() {
                (self.observer)(&PortEvent::Refused { peer, reason });
            }
            return;
        };
        let card = Box::new(ForeignCard(Arc::clone(foreign)));
        if let Err(error) = self.readers.insert_card(self.reader, card) {
            foreign.give_up(Lost::Line(LineError::Stopped));
            (self.observer)(&PortEvent::Unusable {
                peer,
                error: &error,
            });
            return;
        }
        (self.observer)(&PortEvent::Inserted { peer, atr: &atr });
        self.watch(foreign);
        // A server that has stopped has taken it out already.
        let _ = self.readers.remove_card(self.reader);
        if let Some(reason) = foreign.lost() {
            (self.observer)(&PortEvent::Removed { reason });
        }
    }

    /// Looks after a card until it is lost.
    fn watch(&self, foreign: &Foreign) {
        while foreign.lost().is_none() {
            let look = Instant::now() + self.settings.look;
            match foreign.cutter().wait_for_end(&self.bell, Some(look)) {
                Ok(Woken::Late) => {
                    foreign.look();
                }
                Ok(Woken::Rung) => {}
                Ok(Woken::Ready) => foreign.give_up(Lost::Line(LineError::Closed)),
                Ok(Woken::Stopped) => foreign.give_up(Lost::Line(LineError::Stopped)),
                Err(error) => foreign.give_up(Lost::Line(error.into())),
            }
        }
    }
}
