// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run --vpcd-card`: somebody else's card in our reader.

use crate::child::{Keeper, Waited, exit_code};
use crate::desk::{READER_NAME, reader_name};
use crate::environment;
use crate::error::CliError;
use crate::out;
use cie_reader::vpcd::{Address, CardPort, LineError, Lost, PortEvent, PortMode, PortSettings};
use cie_reader::{Place, ReaderServer, ReaderSpec};
use clap::Args;
use std::process::Command;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

/// Somebody else's card.
#[derive(Debug, Args)]
pub(crate) struct ForeignCard {
    /// Instead of a card of ours, wait for one that speaks vpcd (vicc,
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
    /// The card listens at HOST:PORT, as `vicc --reversed` does, and is
    /// connected to.
    #[arg(long, requires = "vpcd_card", conflicts_with = "vpcd_any_address")]
    vpcd_reversed: bool,
    /// Let --vpcd-card listen where other machines can connect.
    #[arg(long, requires = "vpcd_card")]
    vpcd_any_address: bool,
}

impl ForeignCard {
    /// How the card will come, if one is asked for.
    pub(crate) fn mode(&self) -> Option<PortMode> {
        let address = self.vpcd_card.clone()?;
        let open = self.vpcd_any_address;
        Some(if self.vpcd_reversed {
            PortMode::Connect(address)
        } else {
            PortMode::Listen { address, open }
        })
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
    mode: &PortMode,
    readers: usize,
    mut command: Command,
) -> Result<u8, CliError> {
    let mut keeper = Keeper::new()?;
    let specs = (0..readers).map(|number| ReaderSpec::empty(reader_name(number)));
    let server = ReaderServer::bind(&Place::Private, specs.collect())?.spawn()?;
    let (tell, mut news) = unbounded_channel();
    let port = CardPort::open(
        mode,
        server.control(),
        0,
        PortSettings::default(),
        move |event| {
            let told = match event {
                PortEvent::Inserted { peer, atr } => {
                    out::warn(format_args!(
                        "a card from {peer}, ATR {}",
                        hex::encode_upper(atr)
                    ));
                    Some(News::Inserted)
                }
                PortEvent::Refused { peer, reason } => {
                    out::warn(format_args!("{peer} connected and is no card: {reason}"));
                    Some(News::Refused(reason.to_string()))
                }
                PortEvent::Unusable { peer, error } => {
                    out::warn(format_args!("the card from {peer} cannot be used: {error}"));
                    None
                }
                // The end of the run takes the card out; that is no news.
                PortEvent::Removed {
                    reason: Lost::Line(LineError::Stopped),
                } => None,
                PortEvent::Removed { reason } => {
                    out::warn(format_args!("the card has left: {reason}"));
                    None
                }
                _ => None,
            };
            // After the card has come, nobody waits for it.
            let _ = told.map(|told| tell.send(told));
        },
    )?;
    let seconds = options.vpcd_wait;
    out::warn(format_args!(
        "waiting for a card that {} {}, {seconds} s at most",
        if options.vpcd_reversed {
            "listens on"
        } else {
            "connects to"
        },
        port.address()
    ));
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
            hint: hint(mode, port.address(), refused),
        }),
        Waited::Signal(code) => Ok(code),
    };
    port.stop();
    drop(server);
    result
}

/// What to do if no card comes, after why the last one was not taken.
fn hint(mode: &PortMode, address: &Address, refused: Option<String>) -> String {
    let refused = refused
        .map(|why| format!(" (the last one was refused: {why})"))
        .unwrap_or_default();
    let port = address.port();
    let start = match mode {
        PortMode::Listen { .. } => {
            format!(
                "start one while this waits, for example `vicc --hostname 127.0.0.1 --port {port}`"
            )
        }
        PortMode::Connect(_) => {
            format!("start one that listens there, for example `vicc --reversed --port {port}`")
        }
    };
    format!("{refused}; {start}, or wait longer with --vpcd-wait")
}
