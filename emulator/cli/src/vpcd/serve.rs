// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie serve --vpcd` and `--vpcd-listen`: cards behind the system's pcscd.

use crate::desk::SharedCard;
use crate::error::CliError;
use crate::new_card::NewCard;
use crate::out;
use crate::serve::Ends;
use cie_personalisation::CardFacts;
use cie_reader::vpcd::{Address, CardEvent, CardSide, Mode};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use tokio::sync::mpsc::unbounded_channel;

/// Where the cards go instead of the socket.
#[derive(Debug, Args)]
pub(crate) struct Endpoint {
    /// Put the cards into the readers of a vpcd (the vsmartcard project's
    /// driver for pcscd) instead of readers of our own: card n connects to
    /// PORT + n, and again whenever pcscd starts anew. HOST is a name or an
    /// address, IPv6 in brackets; without HOST it is 127.0.0.1, without
    /// anything 127.0.0.1:35963.
    #[arg(
        long,
        value_name = "HOST:PORT",
        num_args = 0..=1,
        default_missing_value = "35963",
        conflicts_with_all = ["pcsc", "vpcd_listen", "ids"]
    )]
    vpcd: Option<Address>,
    /// The same for a vpcd in reversed mode, which connects to the cards: card
    /// n listens on PORT + n. Port 0 is any free port for each card.
    #[arg(
        long,
        value_name = "HOST:PORT",
        num_args = 0..=1,
        default_missing_value = "35963",
        conflicts_with_all = ["pcsc", "ids"]
    )]
    vpcd_listen: Option<Address>,
    /// Let --vpcd-listen listen where other machines can connect. vpcd knows no
    /// passwords: whoever connects has the card.
    #[arg(long, requires = "vpcd_listen")]
    vpcd_any_address: bool,
}

impl Endpoint {
    /// What was asked for, if anything.
    pub(crate) fn mode(&self) -> Option<Mode> {
        let connect = self.vpcd.clone().map(Mode::Connect);
        connect.or_else(|| {
            let address = self.vpcd_listen.clone()?;
            let open = self.vpcd_any_address;
            Some(Mode::Listen { address, open })
        })
    }
}

/// Serves the cards until a signal.
pub(crate) fn serve(mode: &Mode, new: Vec<NewCard>, json: bool) -> Result<(), CliError> {
    let mut cards: Vec<cie_reader::Card> = Vec::new();
    let mut facts = Vec::new();
    for card in new {
        facts.push(card.known().facts.clone());
        let card = card.card()?;
        cards.push(Box::new(SharedCard::new(card)));
    }
    if let Mode::Listen {
        address,
        open: true,
    } = mode
        && !address.is_loopback()
    {
        let _ = writeln!(
            anstream::stderr(),
            "cie: {address} can be reached from other machines: whoever connects has the card"
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Wait)?;
    runtime.block_on(async {
        let mut ends = Ends::new()?;
        let (tell, mut news) = unbounded_channel();
        let side = CardSide::start(mode, cards, move |event| {
            // Nobody listens any more when the command ends.
            let _ = tell.send(if json { object(event) } else { words(event) });
        })?;
        announce(json, mode, &side.addresses(), &facts)?;
        loop {
            tokio::select! {
                () = ends.next() => break,
                Some(line) = news.recv() => {
                    // Cards do not stop because nobody reads about them.
                    let _ = out::line(line);
                }
            }
        }
        // The cards' files are closed with them.
        drop(side.stop());
        Ok(())
    })
}

fn announce(
    json: bool,
    mode: &Mode,
    addresses: &[Address],
    facts: &[CardFacts],
) -> Result<(), CliError> {
    let (way, to) = match mode {
        Mode::Connect(_) => ("connect", "connects to"),
        Mode::Listen { .. } => ("listen", "listens on"),
    };
    let slots = addresses.iter().zip(facts);
    if json {
        let slots: Vec<_> = slots
            .map(|(address, facts)| {
                json!({
                    "address": address.to_string(),
                    "serial": facts.serial,
                    "nis": facts.nis,
                })
            })
            .collect();
        return out::line(json!({ "vpcd": way, "slots": slots }));
    }
    out::lines(slots.enumerate().map(|(slot, (address, facts))| {
        let CardFacts {
            given_names,
            surname,
            serial,
            ..
        } = facts;
        format!("# slot {slot}: {given_names} {surname}, card {serial}, {to} {address}")
    }))
}

/// An event in one line for people.
fn words(event: &CardEvent<'_>) -> String {
    let mut line = String::from("# ");
    // Writing to a string does not fail.
    let _ = match event {
        CardEvent::Unreachable { slot, error } => {
            write!(line, "slot {slot}: nobody answers ({error}); trying again")
        }
        CardEvent::Connected { slot, peer, again } => {
            let word = if *again { "reconnected" } else { "connected" };
            write!(line, "slot {slot}: {word}, {peer}")
        }
        CardEvent::Lost { slot, reason } => {
            write!(
                line,
                "slot {slot}: lost, {reason}; the card waits for the next reader"
            )
        }
        other => write!(line, "{other:?}"),
    };
    line
}

/// An event as a JSON object in one line.
fn object(event: &CardEvent<'_>) -> String {
    let object: Value = match event {
        CardEvent::Unreachable { slot, error } => {
            json!({ "event": "unreachable", "slot": slot, "reason": error.to_string() })
        }
        CardEvent::Connected { slot, peer, again } => {
            let word = if *again { "reconnected" } else { "connected" };
            json!({ "event": word, "slot": slot, "peer": peer.to_string() })
        }
        CardEvent::Lost { slot, reason } => {
            json!({ "event": "lost", "slot": slot, "reason": reason.to_string() })
        }
        other => json!({ "event": "other", "text": format!("{other:?}") }),
    };
    object.to_string()
}
