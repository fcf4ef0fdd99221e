// SPDX-License-Identifier: MIT OR Apache-2.0
//! Somebody else's card at the other end of a connection, as a [`CardDoor`].

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use iso7816_wire::CardDoor;

use super::frame::{Control, Request};
use super::line::{Bell, Cutter, Line, LineError};
use super::port::PortSettings;
use crate::protocol::ATR_BYTES;

/// How long a card may take to read a command.
const SEND: Duration = Duration::from_secs(10);
/// Shortest answer to reset (ISO/IEC 7816-3: TS and T0).
const SHORTEST_ATR: usize = 2;

/// Why a card of somebody else's is gone, or was never taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The connection failed, was closed, or an answer is overdue. What comes
    /// after that could not be told from the answer to something else.
    #[error(transparent)]
    Line(#[from] LineError),
    /// An empty answer.
    #[error("the card said that it is gone")]
    Gone,
    /// An answer to reset that ISO/IEC 7816-3 does not know.
    #[error("its answer to reset has {0} bytes, and 2 to 33 are possible")]
    BadAtr(usize),
    /// More was said than asked for.
    #[error("it sent something that nobody had asked for")]
    Unasked,
}

/// A connection to a card, shared by its door and the port's thread.
pub(super) struct Foreign {
    line: Mutex<Line>,
    cutter: Cutter,
    peer: SocketAddr,
    bell: Arc<Bell>,
    settings: PortSettings,
    lost: OnceLock<Lost>,
}

impl Foreign {
    pub fn new(line: Line, bell: Arc<Bell>, settings: PortSettings) -> io::Result<Self> {
        Ok(Self {
            cutter: line.handle()?,
            peer: line.peer(),
            line: Mutex::new(line),
            bell,
            settings,
            lost: OnceLock::new(),
        })
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub fn cutter(&self) -> &Cutter {
        &self.cutter
    }

    /// Why the card is gone, if it is.
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.get()
    }

    /// Ends the connection; the first reason stays.
    pub fn give_up(&self, reason: Lost) {
        let _ = self.lost.set(reason);
        self.cutter.cut();
    }

    /// Asks for the ATR, to see whether the card is still there, unless it is
    /// busy: then that shows.
    pub fn look(&self) -> Option<Vec<u8>> {
        match self.line.try_lock() {
            Ok(mut line) => self.noted(|| self.atr(&mut line)),
            Err(TryLockError::Poisoned(line)) => self.noted(|| self.atr(&mut line.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn power(&self, control: Control) -> Vec<u8> {
        self.with_line(|line| {
            self.tell(line, &Request::Control(control))?;
            match control {
                Control::Off => Ok(Vec::new()),
                _ => self.atr(line),
            }
        })
    }

    fn transmit(&self, apdu: &[u8]) -> Vec<u8> {
        let request = Request::Apdu(apdu);
        if let Err(error) = request.payload() {
            // The card stays; this command cannot be said to it.
            tracing::warn!(%error, "a command does not fit through vpcd");
            return Vec::new();
        }
        self.with_line(|line| self.ask(line, &request, self.settings.answer))
    }

    /// Nothing if the card is lost, or gets lost.
    fn with_line(&self, action: impl FnOnce(&mut Line) -> Result<Vec<u8>, Lost>) -> Vec<u8> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        self.noted(|| action(&mut line)).unwrap_or_default()
    }

    fn noted(&self, action: impl FnOnce() -> Result<Vec<u8>, Lost>) -> Option<Vec<u8>> {
        if self.lost().is_some() {
            return None;
        }
        action().map_err(|reason| self.give_up(reason)).ok()
    }

    fn atr(&self, line: &mut Line) -> Result<Vec<u8>, Lost> {
        let atr = self.ask(line, &Request::Control(Control::Atr), self.settings.atr)?;
        if (SHORTEST_ATR..=ATR_BYTES).contains(&atr.len()) {
            Ok(atr)
        } else {
            Err(Lost::BadAtr(atr.len()))
        }
    }

    fn tell(&self, line: &mut Line, request: &Request<'_>) -> Result<(), Lost> {
        // An answer that nobody waited for would pass for the next one.
        if line.has_unasked()? {
            return Err(Lost::Unasked);
        }
        let payload = request.payload().map_err(LineError::from)?;
        Ok(line.send(&payload, &self.bell, SEND)?)
    }

    fn ask(
        &self,
        line: &mut Line,
        request: &Request<'_>,
        patience: Duration,
    ) -> Result<Vec<u8>, Lost> {
        self.tell(line, request)?;
        let answer = line.receive(&self.bell, Some(Instant::now() + patience))?;
        if answer.is_empty() {
            return Err(Lost::Gone);
        }
        Ok(answer)
    }
}

/// The door to a card that may be lost at any time: it is mute then.
pub(super) struct ForeignCard(pub Arc<Foreign>);

impl CardDoor for ForeignCard {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.power(Control::On)
    }

    fn reset(&mut self) -> Vec<u8> {
        self.0.power(Control::Reset)
    }

    fn power_off(&mut self) {
        self.0.power(Control::Off);
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.transmit(command)
    }
}
