// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run --vpcd-card`: somebody else's card in our reader.

use crate::child::{Keeper, Waited, exit_code};
use crate::desk::{READER_NAME, reader_name};
use crate::environment;
use crate::error::CliError;
use anstream::eprintln;
use cie_reader::vpcd::{Address, CardPort, LineError, Lost, PortEvent, PortSettings};
use cie_reader::{Place, ReaderServer, ReaderSpec};
use clap::Args;
use std::process::Command;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

/// Somebody else's card.
#[derive(Debug, Args)]
pub(crate) struct ForeignCard {
    /// Instead of a card of ours, wait for one that speaks vpcd (vicc, PersoSim,
    /// a Java card simulator) to connect to PORT on 127.0.0.1 or to HOST:PORT,
    /// and put it into the reader. It may leave and come back meanwhile.
    #[arg(
        long,
        value_name = "PORT",
        conflicts_with_all = ["card", "persona", "family", "state", "fresh_keys", "seed", "trace", "artifacts", "empty", "ids"]
    )]
    vpcd_card: Option<Address>,
    /// How long to wait for that card before giving up.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        requires = "vpcd_card"
    )]
    vpcd_wait: u64,
    /// Let --vpcd-card listen where other machines can connect.
    #[arg(long, requires = "vpcd_card")]
    vpcd_any_address: bool,
}

impl ForeignCard {
    /// Where the card will connect to, if one is asked for.
    pub(crate) fn address(&self) -> Option<&Address> {
        self.vpcd_card.as_ref()
    }
}

/// What the port's thread tells.
enum News {
    Inserted,
    Refused(String),
}

/// Waits for the card, then runs `command` with it in the first of `readers`
/// readers. Returns the exit code that stands for how the child ended.
pub(crate) fn run(
    options: &ForeignCard,
    address: &Address,
    readers: usize,
    mut command: Command,
) -> Result<u8, CliError> {
    let mut keeper = Keeper::new()?;
    let specs = (0..readers).map(|number| ReaderSpec::empty(reader_name(number)));
    let server = ReaderServer::bind(&Place::Private, specs.collect())?.spawn()?;
    let (tell, mut news) = unbounded_channel();
    let port = CardPort::listen(
        address,
        options.vpcd_any_address,
        server.control(),
        0,
        PortSettings::default(),
        move |event| {
            let told = match event {
                PortEvent::Inserted { peer, atr } => {
                    eprintln!("cie: a card from {peer}, ATR {}", hex::encode_upper(atr));
                    Some(News::Inserted)
                }
                PortEvent::Refused { peer, reason } => {
                    eprintln!("cie: {peer} connected and is no card: {reason}");
                    Some(News::Refused(reason.to_string()))
                }
                PortEvent::Unusable { peer, error } => {
                    eprintln!("cie: the card from {peer} cannot be used: {error}");
                    None
                }
                // The end of the run takes the card out; that is no news.
                PortEvent::Removed {
                    reason: Lost::Line(LineError::Stopped),
                } => None,
                PortEvent::Removed { reason } => {
                    eprintln!("cie: the card has left: {reason}");
                    None
                }
                _ => None,
            };
            // After the card has come, nobody waits for it.
            let _ = told.map(|told| tell.send(told));
        },
    )?;
    let seconds = options.vpcd_wait;
    eprintln!(
        "cie: waiting for a card that connects to {}, {seconds} s at most",
        port.address()
    );
    let mut refused = None;
    let card = async {
        while let Some(told) = news.recv().await {
            match told {
                News::Inserted => return,
                News::Refused(reason) => refused = Some(reason),
            }
        }
    };
    let result = match keeper.wait(card, Duration::from_secs(seconds)) {
        Waited::Done(()) => {
            // What tells of a card of ours would lie about this one.
            environment::clear(&mut command);
            command
                .env("PCSCLITE_CSOCK_NAME", server.path())
                .env("CIE_READER", READER_NAME);
            keeper.run(command).map(exit_code)
        }
        Waited::Late => Err(CliError::NoForeignCard {
            address: port.address().clone(),
            seconds,
            refused,
        }),
        Waited::Signal(code) => Ok(code),
    };
    port.stop();
    drop(server);
    result
}
