// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card that can be watched and held up, and a client that speaks the protocol itself.

#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use cie_reader::protocol::codes::{disposition, protocol, share};
use cie_reader::protocol::{
    Begin, Command, Connect, Disconnect, End, Establish, Parsed, Reply, Request, Status, Transmit,
    Version, WaitEvent, padded,
};
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};
use iso7816_wire::CardDoor;

/// Only so that a defect fails a test instead of hanging it.
pub const GUARD: Duration = Duration::from_secs(20);
pub const FIRST: &str = "CIE Virtual Reader 00 00";
pub const SECOND: &str = "CIE Virtual Reader 01 00";
pub const ATR: [u8; 9] = [0x3B, 0x84, 0x80, 0x01, b'T', b'E', b'S', b'T', 0x13];

/// What happened to a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    PowerOn,
    Reset,
    PowerOff,
    Transmit(Vec<u8>),
}

/// Answers READ BINARY with zeros, `FF` with its own bytes, `EE` so too when
/// the gate opens, `DD` not at all, `CC` by panicking, and everything else with 9000.
pub struct TestCard {
    powered: bool,
    happened: Sender<Happened>,
    gate: Receiver<()>,
}

/// The other end of a card.
pub struct Watch {
    pub happened: Receiver<Happened>,
    pub gate: Sender<()>,
}

impl Watch {
    pub fn next(&self) -> Happened {
        self.happened
            .recv_timeout(GUARD)
            .expect("the card was left alone")
    }
}

pub fn card() -> (Box<TestCard>, Watch) {
    let (to_test, happened) = channel();
    let (gate, from_test) = channel();
    let card = TestCard {
        powered: false,
        happened: to_test,
        gate: from_test,
    };
    (Box::new(card), Watch { happened, gate })
}

impl CardDoor for TestCard {
    fn power_on(&mut self) -> Vec<u8> {
        self.powered = true;
        let _ = self.happened.send(Happened::PowerOn);
        ATR.to_vec()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.powered = true;
        let _ = self.happened.send(Happened::Reset);
        ATR.to_vec()
    }

    fn power_off(&mut self) {
        self.powered = false;
        let _ = self.happened.send(Happened::PowerOff);
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if !self.powered {
            return Vec::new();
        }
        let _ = self.happened.send(Happened::Transmit(command.to_vec()));
        match command {
            [_, 0xB0, _, _, length] => [vec![0; usize::from(*length)], vec![0x90, 0x00]].concat(),
            [0xFF, rest @ ..] => [rest, &[0x90, 0x00]].concat(),
            [0xEE, rest @ ..] => {
                self.gate
                    .recv_timeout(GUARD)
                    .expect("the gate stayed closed");
                [rest, &[0x90, 0x00]].concat()
            }
            [0xDD, ..] => Vec::new(),
            [0xCC, ..] => panic!("a card that panics, on purpose"),
            _ => vec![0x90, 0x00],
        }
    }
}

/// A server with a card in the first of two readers.
pub fn server() -> (RunningServer, Watch) {
    let (card, watch) = card();
    let readers = vec![
        ReaderSpec::with_card(FIRST, card),
        ReaderSpec::empty(SECOND),
    ];
    let server = ReaderServer::bind(&Place::Private, readers)
        .unwrap()
        .spawn()
        .unwrap();
    (server, watch)
}

/// A client of its own.
pub struct Client {
    pub stream: UnixStream,
    received: Vec<u8>,
    minor: i32,
    /// Length of the list of reader states in 4.6.
    pub readers: usize,
    pub context: u32,
    pub card: i32,
}

impl Client {
    /// Connected, nothing said.
    pub fn silent(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(GUARD)).unwrap();
        stream.set_write_timeout(Some(GUARD)).unwrap();
        Self {
            stream,
            received: Vec::new(),
            minor: 6,
            readers: 16,
            context: 0,
            card: 0,
        }
    }

    /// With version 4.`minor` and a context.
    pub fn new(path: &Path, minor: i32) -> Self {
        let mut client = Self::silent(path);
        client.minor = minor;
        let version = client.ask(&Request::Version(Version {
            major: 4,
            minor,
            rv: 0,
        }));
        assert_eq!(
            version,
            Reply::Version(Version {
                major: 4,
                minor,
                rv: 0
            })
        );
        let establish = Request::Establish(Establish {
            scope: 2,
            context: 0,
            rv: 0,
        });
        let Reply::Establish(reply) = client.ask(&establish) else {
            panic!()
        };
        assert_eq!(reply.rv, 0);
        client.context = reply.context;
        client
    }

    /// With a shared handle on `reader`.
    pub fn connected(path: &Path, reader: &str) -> Self {
        let mut client = Self::new(path, 4);
        let Reply::Connect(reply) = client.ask(&client.connect_request(reader)) else {
            panic!()
        };
        assert_eq!((reply.rv, reply.active), (0, protocol::T1));
        client.card = reply.card;
        client
    }

    /// With a context, and a connect to the first reader that is not answered yet.
    pub fn connected_waiting(path: &Path) -> Self {
        let mut client = Self::new(path, 4);
        client.send(&client.connect_request(FIRST));
        client
    }

    pub fn connect_request(&self, reader: &str) -> Request {
        Request::Connect(Box::new(Connect {
            context: self.context,
            reader: padded(reader.as_bytes()),
            share: share::SHARED,
            preferred: protocol::T1,
            card: 0,
            active: 0,
            rv: 0,
        }))
    }

    pub fn transmit_request(&self, apdu: &[u8]) -> Request {
        let message = Transmit {
            card: self.card,
            send_protocol: protocol::T1,
            send_pci: 16,
            send_length: u32::try_from(apdu.len()).unwrap(),
            receive_protocol: 3,
            receive_pci: 16,
            receive_length: 65548,
            rv: 0,
        };
        Request::Transmit(message, apdu.to_vec())
    }

    pub fn send(&mut self, request: &Request) {
        self.stream.write_all(&request.to_bytes()).unwrap();
    }

    pub fn receive(&mut self, command: Command) -> Reply {
        loop {
            if let Parsed::Complete(reply, used) =
                Reply::parse(command, self.readers, &self.received).unwrap()
            {
                self.received.drain(..used);
                return reply;
            }
            let mut chunk = [0; 4096];
            let count = self.stream.read(&mut chunk).unwrap();
            assert_ne!(
                count, 0,
                "the server closed instead of answering {command:?}"
            );
            self.received.extend(&chunk[..count]);
        }
    }

    pub fn ask(&mut self, request: &Request) -> Reply {
        self.send(request);
        self.receive(request.command())
    }

    pub fn transmit(&mut self, apdu: &[u8]) -> (u32, Vec<u8>) {
        let Reply::Transmit(reply, data) = self.ask(&self.transmit_request(apdu)) else {
            panic!()
        };
        (reply.rv, data)
    }

    pub fn begin(&mut self) -> u32 {
        let Reply::Begin(reply) = self.ask(&Request::Begin(Begin {
            card: self.card,
            rv: 0,
        })) else {
            panic!()
        };
        reply.rv
    }

    pub fn end(&mut self) -> u32 {
        let end = End {
            card: self.card,
            disposition: disposition::LEAVE,
            rv: 0,
        };
        let Reply::End(reply) = self.ask(&Request::End(end)) else {
            panic!()
        };
        reply.rv
    }

    pub fn status(&mut self) -> u32 {
        let Reply::Status(reply) = self.ask(&Request::Status(Status {
            card: self.card,
            rv: 0,
        })) else {
            panic!()
        };
        reply.rv
    }

    pub fn disconnect(&mut self, disposition: u32) -> u32 {
        let request = Request::Disconnect(Disconnect {
            card: self.card,
            disposition,
            rv: 0,
        });
        let Reply::Disconnect(reply) = self.ask(&request) else {
            panic!()
        };
        reply.rv
    }

    /// Registers for an event. In 4.6 that has no answer, so the length of the
    /// list is asked for to know that it has been done; the list itself is not.
    pub fn wait(&mut self) {
        self.send(&Request::Wait);
        if self.minor < 6 {
            self.receive(Command::Wait);
        } else {
            self.ask(&Request::GetStateSize);
        }
    }

    pub fn event(&mut self) -> WaitEvent {
        let Reply::WaitEvent(event) = self.receive(Command::StopWaiting) else {
            panic!()
        };
        event
    }

    /// The server hangs up without another byte.
    pub fn assert_closed(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty(), "{rest:?}"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}
