// SPDX-License-Identifier: MIT OR Apache-2.0
//! A desk with readers and cards on it: what `cie run`, `cie serve` and
//! `cie demo` share.

use crate::control::ControlServer;
use crate::error::CliError;
use crate::hand::{Hand, HandError};
use crate::new_card::NewCard;
use crate::readers::{Readers, Timing};
use crate::stored::Memory;
use crate::trace::Recorder;
use cie_card::{CardImage, Snapshot};
use cie_personalisation::{IssuedCard, Persona, personalise};
use cie_reader::observer::ReaderObserver;
use cie_reader::{Fault, Place, ReaderServer, RunningServer};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

pub(crate) use crate::hand::SharedCard;

/// Name of the first reader.
pub(crate) const READER_NAME: &str = "CIE Software Reader 00 00";

/// The default persona's card.
pub(crate) fn issue(seed: u64) -> Result<IssuedCard, CliError> {
    Ok(personalise(&Persona::adult()?, seed)?)
}

/// Name of reader number `number`, from 0.
pub(crate) fn reader_name(number: usize) -> String {
    format!("CIE Software Reader {number:02} 00")
}

/// What goes onto a desk.
pub(crate) struct Layout {
    /// A reader each, in order.
    pub(crate) cards: Vec<NewCard>,
    pub(crate) readers: Readers,
    pub(crate) timing: Timing,
    /// The cards lie beside their readers.
    pub(crate) empty: bool,
    /// Decides the random numbers of cards that come later.
    pub(crate) seed: u64,
    /// Sees what programs ask of the readers.
    pub(crate) observer: Option<ReaderObserver>,
}

impl Layout {
    /// Makes the readers, at `place`, and the hand that moves the cards.
    pub(crate) fn lay_out(
        self,
        place: &Place,
        recorder: &Recorder,
    ) -> Result<(ReaderServer, Arc<Hand>), CliError> {
        let beside = self.empty || self.timing == Timing::Real;
        let how = (beside, self.timing);
        let mut hand = Hand::new(self.cards, self.readers, how, self.seed, recorder);
        let mut server = ReaderServer::bind(place, hand.specs())?;
        if let Some(observer) = self.observer {
            server = server.with_observer(observer);
        }
        hand.attach(server.control());
        Ok((server, Arc::new(hand)))
    }
}

/// Cards in virtual readers on a private socket.
pub(crate) struct Desk {
    // First, so that its socket is gone when the readers' folder goes.
    control: Option<ControlServer>,
    server: RunningServer,
    hand: Arc<Hand>,
    /// Lays the cards on their readers while the programs run.
    laying: Option<JoinHandle<Result<(), HandError>>>,
}

impl Desk {
    /// Puts a fresh card into a reader on a private socket, without control
    /// from outside.
    pub(crate) fn set_up(issued: &IssuedCard, recorder: &Recorder) -> Result<Self, CliError> {
        let layout = Layout {
            cards: vec![NewCard::made(issued.clone(), Memory::Ram)?],
            readers: Readers::Plain(1),
            timing: Timing::Ideal,
            empty: false,
            seed: 0,
            observer: None,
        };
        let (server, hand) = layout.lay_out(&Place::Private, recorder)?;
        let server = server.spawn()?;
        Ok(Self {
            control: None,
            server,
            hand,
            laying: None,
        })
    }

    /// Lays out readers and cards on private sockets.
    pub(crate) fn lay_out(layout: Layout, recorder: &Recorder) -> Result<Self, CliError> {
        let later = layout.timing == Timing::Real && !layout.empty;
        let (server, hand) = layout.lay_out(&Place::Private, recorder)?;
        let server = server.spawn()?;
        let control = ControlServer::start(server.path(), Arc::clone(&hand))?;
        Ok(Self {
            control: Some(control),
            server,
            laying: later.then(|| {
                let hand = Arc::clone(&hand);
                std::thread::spawn(move || hand.lay_on())
            }),
            hand,
        })
    }

    /// Plans faults of the readers.
    pub(crate) fn plan(&self, faults: &[Fault]) -> Result<(), CliError> {
        let control = self.server.control();
        let planned = faults.iter().try_for_each(|f| control.fault(f.clone()));
        planned.map_err(|error| CliError::Fault(error.into()))
    }

    /// The socket that clients connect to.
    pub(crate) fn socket(&self) -> &Path {
        self.server.path()
    }

    /// The socket that controls the readers.
    pub(crate) fn control(&self) -> Option<&Path> {
        self.control.as_ref().map(ControlServer::path)
    }

    /// Counters and status of each card.
    pub(crate) fn inspect(&self) -> Vec<Snapshot> {
        self.hand.inspect()
    }

    /// What each card holds now.
    pub(crate) fn images(&self) -> Vec<CardImage> {
        self.hand.images()
    }

    /// Takes everything away again; an error, too, if a card could not be made.
    pub(crate) fn clear(self) -> Result<(), CliError> {
        let laid = self.laying.map(JoinHandle::join);
        drop(self.control);
        self.server.stop()?;
        // A hand that panicked has told so on its way.
        if let Some(Ok(laid)) = laid {
            laid?;
        }
        // Its user found it mute.
        if self.hand.unmade() {
            return Err(CliError::NotMade);
        }
        Ok(())
    }
}
