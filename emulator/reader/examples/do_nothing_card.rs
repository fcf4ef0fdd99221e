// SPDX-License-Identifier: MIT OR Apache-2.0
//! Serves one reader with a card that says 9000 to everything, and an empty
//! one, until standard input ends. Prints the path for `PCSCLITE_CSOCK_NAME`.
//!
//! A line `remove` takes the card out, a line `insert` puts it back; `unplug`
//! takes the reader away with its card, `plug` brings both again.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};

use cie_reader::{Place, ReaderServer, ReaderSpec};
use iso7816_wire::CardDoor;

struct DoNothing {
    powered: bool,
}

impl CardDoor for DoNothing {
    fn power_on(&mut self) -> Vec<u8> {
        self.powered = true;
        vec![0x3B, 0x84, 0x80, 0x01, b'T', b'E', b'S', b'T', 0x13]
    }

    fn reset(&mut self) -> Vec<u8> {
        self.power_on()
    }

    fn power_off(&mut self) {
        self.powered = false;
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        match (self.powered, command) {
            (false, _) => Vec::new(),
            // READ BINARY: as many zeros as asked for.
            (true, [_, 0xB0, _, _, length]) => {
                let mut response = vec![0; usize::from(*length)];
                response.extend([0x90, 0x00]);
                response
            }
            (true, _) => vec![0x90, 0x00],
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    const FIRST: &str = "Do-nothing Reader 00 00";
    let readers = vec![
        ReaderSpec::with_card(FIRST, Box::new(DoNothing { powered: false })),
        ReaderSpec::empty("Do-nothing Reader 01 00"),
    ];
    let server = ReaderServer::bind(&Place::Private, readers)?.spawn()?;
    writeln!(stdout(), "{}", server.path().display())?;
    let mut outside = None;
    for line in stdin().lock().lines() {
        match (line?.as_str(), outside.take()) {
            ("remove", None) => outside = Some(server.control().remove_card(0)?),
            ("insert", Some(card)) => server.control().insert_card(0, card)?,
            ("unplug", None) => outside = server.control().remove_reader(0)?,
            ("plug", Some(card)) => {
                server
                    .control()
                    .add_reader(ReaderSpec::with_card(FIRST, card))?;
            }
            (_, card) => outside = card,
        }
    }
    server.stop()?;
    Ok(())
}
