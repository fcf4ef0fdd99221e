// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that one case has to itself: a home directory, a reader, cards,
//! processes with the module.

use super::Setup;
use super::child::{Driver, Left};
use super::door::{Laid, Log, locked, note, note_taken_out};
use super::finding::{Finding, Found, holds};
use super::folder::Folder;
use super::keeper::Keeper;
use super::people::Citizen;
use crate::ics::{Codes, Feature, Middleware};
use crate::report::Exchange;
use cie_driver::protocol::Announced;
use cie_driver::{Answer, Object, Request, Token};
use cie_personalisation::{FAMILIES, Family, State};
use cie_reader::models::{ListedSlot, lay_out};
use cie_reader::{Card, Place, ReaderControl, ReaderServer, ReaderSpec, RunningServer};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a module may take to notice a card that came or went.
const NOTICE: Duration = Duration::from_secs(15);

/// What is signed unless it matters.
pub(crate) const DATA: &[u8] = b"a document of no importance";

/// A program that a module may start to tell the user something. Without a
/// window there is nobody to tell; what it was told is kept.
const NOTICES: &str = "#!/bin/sh\nprintf '%s\\n' \"$*\" >> \"$HOME/notices\"\n";

/// What is in the evidence of processes that the module has left running. No
/// standard forbids them.
pub(crate) const LEFT_RUNNING: &str = "processes left running";

/// What one case has to itself.
pub(crate) struct Stage<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) module: &'a Middleware,
    pub(crate) log: Log,
    pub(crate) late: Arc<Mutex<Vec<String>>>,
    left: Left,
    folder: Folder,
    server: RunningServer,
    /// Which parts of the scene the case has heeded.
    heeded: Cell<Heeded>,
    /// The slot where cards are laid, if the scene has a reader.
    slot: Option<ListedSlot>,
    /// Its place among the readers.
    place: usize,
}

/// Parts of a scene that a case has heeded.
#[derive(Clone, Copy, Debug, Default)]
struct Heeded {
    family: bool,
    reader: bool,
    state: bool,
}

/// The reader that cases have unless they or their scene say otherwise.
fn bench_reader() -> ReaderSpec {
    ReaderSpec::empty("Bench Reader 00 00")
}

impl<'a> Stage<'a> {
    /// A home and an empty reader.
    pub(crate) fn new(setup: &'a Setup, module: &'a Middleware) -> Found<Self> {
        Self::with_readers(setup, module, vec![bench_reader()])
    }

    /// What a case has that brings this reader or none, in the scene of the setup.
    pub(crate) fn in_scene(
        setup: &'a Setup,
        module: &'a Middleware,
        own: Option<ReaderSpec>,
    ) -> Found<Self> {
        let slots = match (&own, setup.scene.reader) {
            (None, Some(model)) => lay_out(&[model]),
            _ => Vec::new(),
        };
        let place = slots.iter().position(ListedSlot::takes_card).unwrap_or(0);
        let mut readers: Vec<_> = slots.iter().map(|slot| slot.spec(None)).collect();
        if readers.is_empty() {
            readers.push(own.unwrap_or_else(bench_reader));
        }
        let mut stage = Self::with_readers(setup, module, readers)?;
        stage.slot = slots.into_iter().nth(place);
        stage.heeded.set(Heeded {
            reader: stage.slot.is_some(),
            ..Heeded::default()
        });
        stage.place = place;
        Ok(stage)
    }

    fn with_readers(
        setup: &'a Setup,
        module: &'a Middleware,
        readers: Vec<ReaderSpec>,
    ) -> Found<Self> {
        let folder = Folder::new(&setup.supervisor).map_err(Finding::ours)?;
        let bin = folder.home().join("bin");
        let notices = bin.join("java");
        std::fs::create_dir(&bin)
            .and_then(|()| std::fs::create_dir(folder.home().join("tmp")))
            .and_then(|()| std::fs::write(&notices, NOTICES))
            .and_then(|()| {
                std::fs::set_permissions(&notices, std::fs::Permissions::from_mode(0o755))
            })
            .map_err(Finding::ours)?;
        let place = folder.socket().map_or(Place::Private, Place::At);
        let server = ReaderServer::bind(&place, readers);
        let server = server
            .and_then(ReaderServer::spawn)
            .map_err(Finding::ours)?;
        Ok(Self {
            setup,
            module,
            log: Log::default(),
            late: Arc::default(),
            left: Left::default(),
            folder,
            server,
            heeded: Cell::default(),
            slot: None,
            place: 0,
        })
    }

    // ---- the scene

    /// The usual citizen: of the scene's family and in its state, if it has any.
    pub(crate) fn usual(&self) -> Found<Citizen> {
        let state = self.setup.scene.state.unwrap_or_default();
        self.usual_in(state)
    }

    /// The usual citizen with a card in this state.
    pub(crate) fn usual_in(&self, state: State) -> Found<Citizen> {
        let family = self.setup.scene.family.or_else(|| FAMILIES.first());
        let family = family.ok_or_else(|| Finding::ours("there is no family"))?;
        let heeded = self.heeded.get();
        self.heeded.set(Heeded {
            family: true,
            state: heeded.state || self.setup.scene.state.is_none_or(|scene| scene == state),
            ..heeded
        });
        Citizen::adult(family, state, self.seed())
    }

    /// The usual citizen with a fresh card, beside a card of a case that has
    /// a state of its own.
    pub(crate) fn genuine(&self) -> Found<Citizen> {
        let family = self.setup.scene.family.or_else(|| FAMILIES.first());
        let family = family.ok_or_else(|| Finding::ours("there is no family"))?;
        Citizen::adult(family, State::Fresh, self.seed())
    }

    /// The case is on this family, whatever the scene.
    pub(crate) fn has_family(&self, family: &'static Family) -> Found {
        let same = self
            .setup
            .scene
            .family
            .is_none_or(|scene| scene.id == family.id);
        self.heeded.set(Heeded {
            family: same,
            ..self.heeded.get()
        });
        Ok(())
    }

    /// The case is on this reader, whatever the scene.
    pub(crate) fn has_reader(&self, id: &str) -> Found {
        let same = self.setup.scene.reader.is_none_or(|scene| scene.id == id);
        self.heeded.set(Heeded {
            reader: same,
            ..self.heeded.get()
        });
        Ok(())
    }

    /// What of the scene the case did not heed, in words.
    pub(crate) fn unheeded(&self) -> Option<String> {
        let heeded = self.heeded.get();
        let parts = [
            (
                "family",
                self.setup.scene.family.is_some() && !heeded.family,
            ),
            (
                "reader",
                self.setup.scene.reader.is_some() && !heeded.reader,
            ),
            ("state", self.setup.scene.state.is_some() && !heeded.state),
        ];
        let names: Vec<_> = parts.iter().filter(|p| p.1).map(|p| p.0).collect();
        (!names.is_empty()).then(|| {
            let names = names.join(" and ");
            format!("this case brings its own {names}, and another one was asked for")
        })
    }

    /// Surroundings of its own for one try of a case, with the case's log.
    pub(crate) fn fresh(&self) -> Found<Self> {
        let mut fresh = Self::in_scene(self.setup, self.module, None)?;
        fresh.log = Arc::clone(&self.log);
        fresh.late = Arc::clone(&self.late);
        Ok(fresh)
    }

    /// Before a case in which a login may be refused: a module that refuses
    /// the genuine card of this citizen as well has noticed nothing.
    pub(crate) fn control(&self, citizen: &Citizen) -> Found {
        self.genuine_works(citizen, |_| Ok(()))
    }

    /// The same before a case in which a signature may be refused as well.
    pub(crate) fn control_with_signature(&self, citizen: &Citizen) -> Found {
        let mut signed = None;
        self.genuine_works(citizen, |session| {
            signed = match session.sign_usual()? {
                Answer::Bytes(signature) => Some(signature),
                other => ok(other, "the signature").map(|()| None)?,
            };
            Ok(())
        })?;
        // A wrong one is no trouble of the bench.
        signed.map_or(Ok(()), |signature| is_signature(citizen, &signature))
    }

    fn genuine_works(&self, citizen: &Citizen, more: impl FnOnce(&mut Session) -> Found) -> Found {
        let stage = Self::in_scene(self.setup, self.module, None)?;
        let found = stage
            .insert(citizen)
            .and_then(|_| more(&mut stage.logged_in(citizen)?))
            .and_then(|()| match locked(&stage.late).first() {
                Some(late) => Err(Finding::of_late(late)),
                None => Ok(()),
            });
        let Err(finding) = found else {
            return Ok(());
        };
        // What happened with another card belongs into the report only if
        // the case ends with it.
        std::mem::swap(&mut *locked(&self.log), &mut *locked(&stage.log));
        Err(match finding.at("the genuine card, before the case") {
            Finding::Fault(why) => Finding::Undecided(why),
            other => other,
        })
    }

    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.module.has(feature)
    }

    pub(crate) fn hand(&self) -> ReaderControl {
        self.server.control()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.setup.seed
    }

    /// A file in this case's home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    pub(crate) fn home(&self) -> &Path {
        self.folder.home()
    }

    /// What lies in the case's folder beside the home directory, as seen from
    /// there.
    pub(crate) fn strays(&self) -> BTreeSet<String> {
        self.folder.strays()
    }

    /// A program in this case's surroundings.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let mut path = self.path("bin").into_os_string();
        if let Some(rest) = std::env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        command
            .env("HOME", self.home())
            .env("TMPDIR", self.path("tmp"))
            .env("PATH", path)
            .env("PCSCLITE_CSOCK_NAME", self.server.path())
            .env_remove("CIE_PKCS11_CERT")
            .env_remove("CIE_PKCS11_CA")
            .env_remove("CIE_PKCS11_LOG")
            .envs(
                self.setup
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .current_dir(self.home());
        command
    }

    /// The same for a program that has to do with the module: what it starts is
    /// kept together. To be started by [`Keeper::start`].
    pub(crate) fn kept_command(&self, program: impl AsRef<std::ffi::OsStr>) -> Found<Command> {
        let mut words = self.setup.supervisor.iter();
        let supervisor = words
            .next()
            .ok_or_else(|| Finding::ours("there is no program that supervises"))?;
        let mut command = self.command(supervisor);
        command.args(words).arg(program);
        Ok(command)
    }

    /// Ends what processes of the module have left running, and tells it.
    pub(crate) fn end(&self) {
        let mut left = std::mem::take(&mut *locked(&self.left));
        let mut names: Vec<_> = left.iter_mut().flat_map(Keeper::running).collect();
        drop(left);
        if names.is_empty() {
            return;
        }
        names.sort();
        let told = Exchange {
            command: LEFT_RUNNING.to_owned(),
            response: names.join(", "),
            ..Exchange::default()
        };
        note(&self.log, told);
    }

    /// What was started there is ended with the case.
    pub(crate) fn keep(&self, keeper: Keeper) {
        locked(&self.left).push(keeper);
    }

    // ---- cards

    /// Puts the citizen's card, as issued, into the reader.
    pub(crate) fn insert(&self, citizen: &Citizen) -> Found<Laid> {
        let laid = Laid::new(citizen, &self.log)?;
        self.lay(&laid)?;
        Ok(laid)
    }

    /// Puts this card into the reader.
    pub(crate) fn lay(&self, laid: &Laid) -> Found {
        laid.lies(self.place, self.hand());
        self.lay_any(Box::new(laid.clone()))
    }

    /// Plugs in the reader that was unplugged, with this card in it.
    pub(crate) fn plug(&self, laid: &Laid) -> Found {
        let reader = match &self.slot {
            Some(slot) => slot.spec(None),
            None => bench_reader(),
        };
        let place = self.hand().add_reader(reader).map_err(Finding::ours)?;
        if place != self.place {
            return Err(Finding::ours("the reader has another place now"));
        }
        self.lay(laid)
    }

    /// Puts any card into the reader.
    pub(crate) fn lay_any(&self, card: Card) -> Found {
        let card = match &self.slot {
            // A reader whose field never has a card without this has a mute one in it.
            Some(slot) => {
                self.clear();
                slot.door_when_noticed(card)
            }
            None => card,
        };
        self.hand()
            .insert_card(self.place, card)
            .map_err(Finding::ours)
    }

    /// Takes out what is in the reader.
    pub(crate) fn take_out(&self) -> Found {
        note_taken_out(&self.log);
        self.hand()
            .remove_card(self.place)
            .map(drop)
            .map_err(Finding::ours)
    }

    /// Takes out what is in the reader, if anything is.
    pub(crate) fn clear(&self) {
        // An empty reader stays as it is.
        drop(self.hand().remove_card(self.place));
    }

    // ---- codes

    /// What is typed for this PIN.
    pub(crate) fn typed(&self, pin: &str) -> String {
        match self.module.codes {
            Codes::Whole => pin.to_owned(),
            Codes::SecondHalf => pin.chars().skip(4).collect(),
        }
    }

    // ---- processes

    /// A process with the module in it, not initialised.
    pub(crate) fn driver(&self) -> Found<Driver> {
        let mut command = self.kept_command(&self.setup.driver)?;
        command.args(&self.setup.driver_arguments);
        let errors = self.path("stderr");
        let patience = self.setup.patience;
        let mut driver =
            Driver::start(command, patience, &self.log, errors, &self.late, &self.left)?;
        match driver.ask(&Request::Load(self.setup.module.clone()))? {
            Answer::Done => Ok(driver),
            other => Err(Finding::Undecided(format!(
                "the module cannot be loaded: {other}"
            ))),
        }
    }

    /// One call in a process of its own.
    pub(crate) fn once(&self, request: &Request) -> Found<Answer> {
        self.driver()?.ask(request)
    }

    /// Makes the card known, if the module needs that.
    pub(crate) fn enrol(&self, citizen: &Citizen) -> Found {
        if !self.has(Feature::Enrol) {
            return Ok(());
        }
        match self.once(&Request::Enrol(citizen.pin.clone()))? {
            Answer::Done => Ok(()),
            other => Err(Finding::Fault(format!(
                "the card with the right PIN is not enrolled: {other}"
            ))),
        }
    }

    /// A process with the module initialised.
    pub(crate) fn initialized(&self) -> Found<Driver> {
        let mut driver = self.driver()?;
        ok(driver.ask(&Request::Initialize)?, "C_Initialize")?;
        Ok(driver)
    }

    /// A process with a session to the card that is in the reader.
    pub(crate) fn session(&self) -> Found<Session> {
        let mut driver = self.initialized()?;
        let slot = token_slot(&mut driver)?;
        ok(driver.ask(&Request::Open(slot))?, "C_OpenSession")?;
        Ok(Session { driver, slot })
    }

    /// Enrols, and then a session.
    pub(crate) fn begin(&self, citizen: &Citizen) -> Found<Session> {
        self.enrol(citizen)?;
        self.session()
    }

    /// Enrols, and then a session with the right PIN.
    pub(crate) fn logged_in(&self, citizen: &Citizen) -> Found<Session> {
        let mut session = self.begin(citizen)?;
        ok(session.login(&self.typed(&citizen.pin))?, "the login")?;
        Ok(session)
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        // Before their folder goes.
        self.end();
    }
}

/// A session in a process of its own.
pub(crate) struct Session {
    pub(crate) driver: Driver,
    pub(crate) slot: u64,
}

impl Session {
    pub(crate) fn ask(&mut self, request: &Request) -> Found<Answer> {
        self.driver.ask(request)
    }

    pub(crate) fn login(&mut self, typed: &str) -> Found<Answer> {
        self.ask(&Request::Login {
            so: false,
            code: typed.to_owned(),
        })
    }

    pub(crate) fn login_puk(&mut self, puk: &str) -> Found<Answer> {
        self.ask(&Request::Login {
            so: true,
            code: puk.to_owned(),
        })
    }

    pub(crate) fn objects(&mut self) -> Found<Vec<Object>> {
        match self.ask(&Request::Objects)? {
            Answer::Objects(objects) => Ok(objects),
            other => Err(Finding::Fault(format!("the objects are refused: {other}"))),
        }
    }

    pub(crate) fn token(&mut self) -> Found<Token> {
        match self.ask(&Request::Token(self.slot))? {
            Answer::Token(token) => Ok(token),
            other => Err(Finding::Fault(format!("the token is refused: {other}"))),
        }
    }

    pub(crate) fn mechanisms(&mut self) -> Found<Vec<Announced>> {
        match self.ask(&Request::Mechanisms(self.slot))? {
            Answer::Mechanisms(list) => Ok(list),
            other => Err(Finding::Fault(format!(
                "the mechanisms are refused: {other}"
            ))),
        }
    }

    /// What comes of a signature by `CKM_RSA_PKCS` over the DigestInfo of
    /// [`DATA`].
    pub(crate) fn sign_usual(&mut self) -> Found<Answer> {
        self.ask(&usual_signature())
    }

    pub(crate) fn sign(&mut self, mechanism: &str, data: &[u8], pieces: usize) -> Found<Answer> {
        self.ask(&signature(mechanism, data, pieces))
    }

    /// Signs and finds out whether it is the citizen's signature.
    pub(crate) fn signs(&mut self, citizen: &Citizen) -> Found {
        match self.sign_usual()? {
            Answer::Bytes(signature) => is_signature(citizen, &signature),
            other => Err(Finding::Fault(format!("the signature is refused: {other}"))),
        }
    }
}

fn signature(mechanism: &str, data: &[u8], pieces: usize) -> Request {
    Request::Sign {
        mechanism: mechanism.to_owned(),
        data: hex::encode(data),
        pieces,
    }
}

/// A signature by `CKM_RSA_PKCS` over what is signed usually.
pub(crate) fn usual_signature() -> Request {
    signature("CKM_RSA_PKCS", &usual_info(), 1)
}

/// The DigestInfo that is signed usually.
pub(crate) fn usual_info() -> Vec<u8> {
    cie_terminal::digest::HashAlgorithm::Sha256.digest_info(DATA)
}

/// A fault unless this is the citizen's signature of what is signed usually.
pub(crate) fn is_signature(citizen: &Citizen, signature: &str) -> Found {
    let bytes = hex::decode(signature).map_err(Finding::ours)?;
    holds(
        citizen.signed("CKM_RSA_PKCS", &usual_info(), &bytes),
        "success, and the signature does not verify with the card's certificate",
    )
}

/// A fault unless it was done.
pub(crate) fn ok(answer: Answer, what: &str) -> Found {
    match answer {
        Answer::Done => Ok(()),
        other => Err(Finding::Fault(format!("{what} is refused: {other}"))),
    }
}

/// How a finding begins if the slots are not listed.
pub(crate) const REFUSED: &str = "the slots are refused";

/// The first slot with a token, as soon as there is one.
pub(crate) fn token_slot(driver: &mut Driver) -> Found<u64> {
    let tokens = slots_when(driver, |slots| !slots.is_empty())?;
    let why = "no slot shows the card that is in the reader";
    tokens
        .first()
        .copied()
        .ok_or_else(|| Finding::Fault(why.to_owned()))
}

/// Waits until no slot has a token.
pub(crate) fn no_token(driver: &mut Driver) -> Found {
    let tokens = slots_when(driver, <[u64]>::is_empty)?;
    holds(
        tokens.is_empty(),
        "a slot shows a card, and the reader is empty",
    )
}

/// The slots with a token, as soon as they are right or it has taken too long.
fn slots_when(driver: &mut Driver, right: impl Fn(&[u64]) -> bool) -> Found<Vec<u64>> {
    let until = Instant::now() + NOTICE;
    let request = Request::Slots { with_token: true };
    loop {
        match driver.ask(&request)? {
            Answer::Slots(slots) if right(&slots) || Instant::now() > until => return Ok(slots),
            Answer::Slots(_) => driver.forget(&request),
            other => return Err(Finding::Fault(format!("{REFUSED}: {other}"))),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
