// SPDX-License-Identifier: MIT OR Apache-2.0
//! The model of the card: what it remembers, and what it answers to bytes.
//!
//! Written from the card facts and the choices, never from the card's code.
//! Numbers in comments are those of the choices. The model knows no
//! cryptography: whether a protected command is sound, a proof is good or a
//! certificate valid is told to it by whoever made them.

use super::facts::{Directory, Facts};
use iso7816_wire::CommandApdu;
use std::sync::Arc;

/// A code: its value and its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Eight digits.
    pub value: [u8; 8],
    /// Tries left.
    pub left: u8,
    /// Tries allowed.
    pub allowed: u8,
    /// It was presented in this session.
    pub verified: bool,
}

/// Where secure messaging stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messaging {
    /// No keys.
    Off,
    /// Agreed, not used yet (22).
    Pending,
    /// In use.
    Live,
}

/// A chain that is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) sealed: bool,
    pub(super) header: [u8; 3],
    pub(super) data: Vec<u8>,
}

/// The rest of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) bytes: usize,
    pub(super) sw: u16,
}

/// A proof of the terminal that is good for one challenge in one agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GoodProof {
    pub(super) data: Vec<u8>,
    pub(super) challenge: [u8; 8],
    pub(super) agreement: u32,
}

/// The model.
#[derive(Clone, Debug)]
pub struct Model {
    pub(super) facts: Arc<Facts>,
    /// The card has power.
    pub powered: bool,
    /// The current directory.
    pub directory: Directory,
    /// The current file.
    pub file: Option<u16>,
    /// Code 81.
    pub pin: Code,
    /// Code 82.
    pub puk: Code,
    /// Secure messaging.
    pub messaging: Messaging,
    /// Number of the key agreement that the card holds; 0 before the first.
    pub agreement: u32,
    /// The card holds its value of that agreement.
    pub shared: bool,
    /// The counter of the last protected message.
    pub ssc: u64,
    /// Key 84 is chosen to verify certificates.
    pub authority: bool,
    /// A terminal certificate was accepted.
    pub certified: bool,
    /// The certified key is chosen for EXTERNAL AUTHENTICATE.
    pub terminal_key: bool,
    /// Another certificate came after that choice. No fact says whether the
    /// choice outlives it, so the card may have either.
    pub recertified: bool,
    /// The challenge that the very next command may answer.
    pub challenge: Option<[u8; 8]>,
    /// The terminal's proof was accepted, over this challenge; step g is due.
    pub proven: Option<[u8; 8]>,
    /// Device authentication is complete.
    pub device: bool,
    /// The key chosen for INTERNAL AUTHENTICATE.
    pub key: Option<u8>,
    pub(super) chain: Option<Chain>,
    pub(super) waiting: Option<Waiting>,
    pub(super) proofs: Vec<GoodProof>,
}

/// What goes to the card.
#[derive(Clone, Copy, Debug)]
pub enum Sent<'a> {
    /// Bytes of which nothing is known.
    Plain(&'a [u8]),
    /// A protected command made by the terminal.
    Sealed {
        /// The bytes.
        bytes: &'a [u8],
        /// The command inside.
        inner: &'a CommandApdu,
        /// 9000, or the status word of its fault.
        fault: u16,
        /// The agreement whose keys were used.
        agreement: u32,
    },
}

impl Sent<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) | Self::Sealed { bytes, .. } => bytes,
        }
    }
}

/// The data that an answer has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Exactly these.
    Exactly(Vec<u8>),
    /// A challenge, other than the last one.
    Challenge,
    /// A signature of this key over this payload.
    Signature(u8, Vec<u8>),
    /// Serial number and proof of key 82 over this challenge, for this
    /// agreement.
    Proof([u8; 8], u32),
    /// The card's value of this key agreement.
    Share(u32),
}

impl Data {
    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self::Exactly(Vec::new())
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Exactly(data) => data.len(),
            Self::Challenge => 8,
            Self::Signature(..) => 256,
            Self::Proof(..) | Self::Share(_) => 264,
        }
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A whole answer, inside secure messaging if it is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its data.
    pub data: Data,
    /// Its status word.
    pub sw: u16,
}

impl Reply {
    pub(super) fn sw(sw: u16) -> Self {
        Self {
            data: Data::none(),
            sw,
        }
    }

    pub(super) fn ok(data: Data) -> Self {
        Self { data, sw: 0x9000 }
    }
}

/// How an answer begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No byte at all.
    Mute,
    /// A new answer.
    New {
        /// All of it.
        reply: Reply,
        /// Protected: the counter that the answer was made with, and INS.
        sealed: Option<(u64, u8)>,
    },
    /// The next bytes of the answer that waits.
    Rest,
}

/// What the card has to answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Where the bytes belong.
    pub kind: Kind,
    /// How many data bytes come.
    pub count: usize,
    /// The status word.
    pub sw: u16,
}

pub(super) const LOCAL_IN_ROOT: &[u16] = &[0x6982, 0x6A88];

/// The status word that came, if it is one of those that the facts leave open.
pub(super) fn open(allowed: &[u16], seen: u16) -> u16 {
    if allowed.contains(&seen) {
        seen
    } else {
        allowed.first().copied().unwrap_or_default()
    }
}

impl Model {
    /// A card as issued, without power.
    #[must_use]
    pub fn new(facts: Arc<Facts>) -> Self {
        let code = |value, allowed| Code {
            value,
            left: allowed,
            allowed,
            verified: false,
        };
        Self {
            pin: code(facts.pin, 3),
            puk: code(facts.puk, 10),
            facts,
            powered: false,
            directory: Directory::Root,
            file: None,
            messaging: Messaging::Off,
            agreement: 0,
            shared: false,
            ssc: 0,
            authority: false,
            certified: false,
            terminal_key: false,
            recertified: false,
            challenge: None,
            proven: None,
            device: false,
            key: None,
            chain: None,
            waiting: None,
            proofs: Vec::new(),
        }
    }

    /// A word for the state, for the distribution.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.messaging {
            _ if !self.powered => "no power",
            Messaging::Off => "plain",
            Messaging::Pending => "keys pending",
            Messaging::Live if !self.device && self.certified => "terminal certified",
            Messaging::Live if !self.device => "session live",
            Messaging::Live if self.puk.left == 0 => "PUK dead",
            Messaging::Live if self.pin.left == 0 => "PIN blocked",
            Messaging::Live if self.pin.verified => "PIN verified",
            Messaging::Live if self.puk.verified => "PUK verified",
            Messaging::Live => "device authenticated",
        }
    }

    /// Power on and reset: volatile state starts afresh, the root is current.
    pub fn powered_up(&mut self) {
        self.powered = true;
        self.forget();
    }

    /// Power off.
    pub fn powered_off(&mut self) {
        self.powered = false;
        self.forget();
    }

    fn forget(&mut self) {
        self.end_session();
        self.selected(Directory::Root);
        self.chain = None;
        self.waiting = None;
        self.proofs.clear();
    }

    /// A directory was selected: choices 7 and 27.
    pub(super) fn selected(&mut self, directory: Directory) {
        self.directory = directory;
        self.file = None;
        self.authority = false;
        self.key = None;
        self.challenge = None;
        self.clear_status();
    }

    /// Choice 7.
    pub(super) fn clear_status(&mut self) {
        self.take_back();
        self.certified = false;
        self.terminal_key = false;
    }

    /// Choice 24: what a new attempt of the terminal takes back.
    pub(super) fn take_back(&mut self) {
        self.device = false;
        self.proven = None;
        self.pin.verified = false;
        self.puk.verified = false;
    }

    /// The session, its keys and its status are gone; directory, file and
    /// security environment stay.
    pub(super) fn end_session(&mut self) {
        self.messaging = Messaging::Off;
        self.shared = false;
        self.clear_status();
    }

    /// What the last answer told: a challenge.
    pub(super) fn learn(&mut self, challenge: [u8; 8]) {
        self.challenge = Some(challenge);
    }
}
