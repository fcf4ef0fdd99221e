// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients that want nothing but to be served as before.

use std::path::Path;
use std::time::Instant;

use cie_reader::protocol::codes::{disposition, protocol, rv, share};
use cie_reader::protocol::{Connect, Reconnect, Reply, Request, padded};

use crate::common::{Client, GUARD};

/// A client with a shared handle.
pub struct Witness {
    client: Client,
    count: u8,
}

impl Witness {
    pub fn new(path: &Path, reader: &str) -> Self {
        Self {
            client: Client::connected(path, reader),
            count: 0,
        }
    }

    /// An exchange that nobody else has any part in.
    pub fn is_undisturbed(&mut self) {
        self.count = self.count.wrapping_add(1);
        let apdu = [0xFF, self.count, !self.count];
        assert_eq!(
            self.client.transmit(&apdu),
            (rv::SUCCESS, vec![self.count, !self.count, 0x90, 0x00])
        );
    }

    /// A transaction with an exchange in it, on a reader that others may have
    /// held or reset; nothing else may have happened.
    pub fn gets_on(&mut self) {
        let started = Instant::now();
        loop {
            match self.client.begin() {
                rv::SUCCESS if self.speaks() => break,
                rv::SUCCESS => {
                    assert_eq!(self.client.end(), rv::SUCCESS);
                    self.reconnect();
                }
                rv::RESET_CARD => self.reconnect(),
                // Somebody who died holds it until the server has seen that.
                rv::SHARING_VIOLATION => {}
                other => panic!("{other:08X}"),
            }
            assert!(started.elapsed() < GUARD, "the reader stays held");
        }
        self.is_undisturbed();
        assert_eq!(self.client.end(), rv::SUCCESS);
    }

    /// Whether the card still speaks the protocol that was agreed on. As with
    /// pcscd, whoever connects for a raw protocol changes it for everybody.
    fn speaks(&mut self) -> bool {
        match self.client.transmit(&[0, 0xA4]) {
            (rv::SUCCESS, data) => data == [0x90, 0x00],
            (code, _) => {
                assert_eq!(code, rv::PROTO_MISMATCH, "{code:08X}");
                false
            }
        }
    }

    fn reconnect(&mut self) {
        let request = Request::Reconnect(Reconnect {
            card: self.client.card,
            share: share::SHARED,
            preferred: protocol::T1,
            // Whoever reset the card may have agreed on another protocol.
            initialization: disposition::RESET,
            active: 0,
            rv: 0,
        });
        let Reply::Reconnect(reply) = self.client.ask(&request) else {
            panic!()
        };
        assert!(
            matches!(reply.rv, rv::SUCCESS | rv::SHARING_VIOLATION),
            "{:08X}",
            reply.rv
        );
    }
}

/// A stranger gets in, and after everybody else has gone has the reader alone.
pub fn stranger_has_it_alone(path: &Path, reader: &str) {
    let started = Instant::now();
    let mut client = Client::new(path, 4);
    loop {
        let request = Request::Connect(Box::new(Connect {
            context: client.context,
            reader: padded(reader.as_bytes()),
            share: share::EXCLUSIVE,
            preferred: protocol::T1,
            card: 0,
            active: 0,
            rv: 0,
        }));
        let Reply::Connect(reply) = client.ask(&request) else {
            panic!()
        };
        match reply.rv {
            rv::SUCCESS => {
                client.card = reply.card;
                break;
            }
            rv::SHARING_VIOLATION => {}
            other => panic!("{other:08X}"),
        }
        assert!(started.elapsed() < GUARD, "the share is not given back");
        std::thread::yield_now();
    }
    assert_eq!(client.begin(), rv::SUCCESS);
    assert_eq!(client.transmit(&[0xFF, 7]), (0, vec![7, 0x90, 0x00]));
    assert_eq!(client.end(), rv::SUCCESS);
    assert_eq!(client.disconnect(disposition::LEAVE), rv::SUCCESS);
}
