// SPDX-License-Identifier: MIT OR Apache-2.0
//! One scenario in one world.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::Trouble;
use crate::script::{Action, Scenario, Who};
use crate::words;
use crate::world::{Kind, World, make};

/// What came of one step.
pub type Outcome = String;

/// A call that has no answer by then hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// A call that has no answer by then waits. One that answers at once does so in
/// a thousandth of this.
const QUIET: Duration = Duration::from_millis(400);
/// Between two looks of the observer.
const LOOK: Duration = Duration::from_millis(20);

const HANGS: &str = "HANGS";
const DIED: &str = "DIED";
const EMPTY: &str = "empty";
const PRESENT: &str = "present";

/// A client process.
struct Client {
    child: Child,
    input: ChildStdin,
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Runner<'a> {
    program: &'a Path,
    // Before the world, so that nobody waits for an answer when it goes.
    clients: BTreeMap<String, Client>,
    world: Box<dyn World>,
    sender: Sender<(Who, String)>,
    answers: Receiver<(Who, String)>,
    /// Answers that nobody has asked for yet.
    early: BTreeMap<Who, VecDeque<String>>,
    aliases: BTreeMap<String, Who>,
}

/// Runs a scenario in a fresh world; `program` is started with the argument
/// `client` for each client. One outcome a step; after a call that hangs none
/// any more.
///
/// # Errors
/// [`Trouble`] if the world or a client cannot be made.
pub fn run(kind: Kind, scenario: &Scenario, program: &Path) -> Result<Vec<Outcome>, Trouble> {
    let (sender, answers) = channel();
    let mut runner = Runner {
        program,
        clients: BTreeMap::new(),
        world: make(kind)?,
        sender,
        answers,
        early: BTreeMap::new(),
        aliases: BTreeMap::new(),
    };
    runner.call(&observer(), "est o")?;
    for slot in 0..crate::world::SLOTS {
        runner.see(slot, EMPTY)?;
    }
    let mut outcomes = Vec::new();
    for step in &scenario.steps {
        let outcome = runner.step(&step.action)?;
        let hangs = outcome == HANGS || outcome == DIED;
        outcomes.push(outcome);
        if hangs {
            break;
        }
    }
    Ok(outcomes)
}

/// A client that sees to it that everybody can see what happened to a reader.
fn observer() -> Who {
    Who {
        client: "observer".into(),
        thread: "1".into(),
    }
}

/// All threads of a client, in what is said of its end.
fn everybody(client: &str) -> Who {
    Who {
        client: client.to_owned(),
        thread: String::new(),
    }
}

impl Runner<'_> {
    fn step(&mut self, action: &Action) -> Result<Outcome, Trouble> {
        Ok(match action {
            Action::Insert(slot, atr) => {
                self.world.insert(*slot, atr.clone())?;
                self.see(*slot, PRESENT)?;
                // Nobody uses the card yet, so pcscd takes its power at the next
                // poll, and forgets what protocol was set meanwhile. It looks
                // whether the card is there before that, which is no poll.
                self.world.settle(*slot);
                self.world.settle(*slot);
                String::new()
            }
            Action::Remove(slot) => {
                self.remove(*slot)?;
                String::new()
            }
            Action::Card(slot) => self.seen(*slot, |what| !matches!(what, "on" | "off"))?,
            Action::Power(slot) => self.seen(*slot, |_| true)?,
            Action::Forget(slot) => self.seen(*slot, |_| false)?,
            Action::Pause => {
                std::thread::sleep(QUIET);
                self.settle();
                self.settle();
                String::new()
            }
            Action::Gate(slot) => {
                let watch = self.world.watch(*slot);
                watch.ok_or(Trouble::NoSuchSlot(*slot))?.open();
                String::new()
            }
            Action::AtGate(slot) => {
                let watch = self.world.watch(*slot);
                let there = watch
                    .ok_or(Trouble::NoSuchSlot(*slot))?
                    .reaches_gate(PATIENCE);
                if there { "yes" } else { HANGS }.to_owned()
            }
            Action::Kill(client) => {
                // Dropping it kills it and waits for its end.
                drop(self.clients.remove(client));
                String::new()
            }
            Action::Call(who, call) => {
                let who = self.resolve(who);
                self.call(&who, call)?
            }
            Action::Start(who, call) => {
                let who = self.resolve(who);
                self.send(&who, call)?;
                String::new()
            }
            Action::Pending(who) => {
                let who = self.resolve(who);
                let mut answer = self.answer(&who, QUIET);
                if answer.is_none() {
                    // On a busy machine it may just not have come yet.
                    self.settle();
                    answer = self.answer(&who, LOOK);
                }
                match answer {
                    None => "waits".to_owned(),
                    Some(text) => {
                        let shown = format!("has {text}");
                        self.early.entry(who).or_default().push_front(text);
                        shown
                    }
                }
            }
            Action::Finish(who) => {
                let who = self.resolve(who);
                self.answer(&who, PATIENCE).unwrap_or_else(|| HANGS.into())
            }
            Action::Either(one, two) => self.either(one, two),
        })
    }

    /// Gives a server that works on its own time the time to do so.
    fn settle(&self) {
        for slot in 0..crate::world::SLOTS {
            self.world.settle(slot);
        }
    }

    fn seen(&self, slot: usize, wanted: impl Fn(&str) -> bool) -> Result<Outcome, Trouble> {
        let watch = self.world.watch(slot).ok_or(Trouble::NoSuchSlot(slot))?;
        self.world.settle(slot);
        let mut seen = watch.take();
        seen.retain(|what| wanted(what));
        Ok(seen.join(" "))
    }

    fn resolve(&self, who: &Who) -> Who {
        self.aliases
            .get(&who.client)
            .cloned()
            .unwrap_or_else(|| who.clone())
    }

    fn client(&mut self, name: &str) -> Result<&mut Client, Trouble> {
        if !self.clients.contains_key(name) {
            let client = start(self.program, self.world.path(), name, &self.sender)?;
            self.clients.insert(name.to_owned(), client);
        }
        self.clients
            .get_mut(name)
            .ok_or_else(|| Trouble::io("start a client")(std::io::ErrorKind::NotFound.into()))
    }

    fn send(&mut self, who: &Who, call: &str) -> Result<(), Trouble> {
        let line = format!("{} {call}\n", who.thread);
        let client = self.client(&who.client)?;
        client
            .input
            .write_all(line.as_bytes())
            .map_err(Trouble::io("talk to a client"))
    }

    fn call(&mut self, who: &Who, call: &str) -> Result<Outcome, Trouble> {
        self.send(who, call)?;
        Ok(self.answer(who, PATIENCE).unwrap_or_else(|| HANGS.into()))
    }

    fn answer(&mut self, who: &Who, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(text) = self.early.get_mut(who).and_then(VecDeque::pop_front) {
                return Some(text);
            }
            if self.early.contains_key(&everybody(&who.client)) {
                return Some(DIED.to_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let (from, text) = self.answers.recv_timeout(left).ok()?;
            self.early.entry(from).or_default().push_back(text);
        }
    }

    fn either(&mut self, one: &Who, two: &Who) -> Outcome {
        let pair = [self.resolve(one), self.resolve(two)];
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for (who, other) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
                if let Some(text) = self.answer(who, LOOK) {
                    self.aliases.insert("winner".into(), who.clone());
                    self.aliases.insert("loser".into(), other.clone());
                    return text;
                }
            }
        }
        HANGS.into()
    }

    /// Takes the card out; what it sees of its own removal is not told.
    fn remove(&mut self, slot: usize) -> Result<(), Trouble> {
        let watch = self
            .world
            .watch(slot)
            .ok_or(Trouble::NoSuchSlot(slot))?
            .clone();
        self.world.settle(slot);
        let before = watch.take();
        self.world.remove(slot)?;
        self.see(slot, EMPTY)?;
        if watch.reaches_gate(Duration::ZERO) {
            watch.open();
        }
        self.world.removed(slot);
        drop(watch.take());
        for seen in before {
            watch.saw(seen);
        }
        Ok(())
    }

    /// Waits until clients see the reader as `wanted`.
    fn see(&mut self, slot: usize, wanted: &'static str) -> Result<(), Trouble> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.call(&observer(), &format!("change o 0 R{slot}:0"))?;
            let seen = text
                .split_once('=')
                .and_then(|(_, state)| state.split_once('#'))
                .is_some_and(|(flags, _)| flags.split('+').any(|flag| flag == wanted));
            if seen {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Trouble::NeverSeen {
                    slot,
                    wanted,
                    latest: text,
                });
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn start(
    program: &Path,
    socket: &Path,
    name: &str,
    answers: &Sender<(Who, String)>,
) -> Result<Client, Trouble> {
    let mut child = Command::new(program)
        .arg("client")
        .env("PCSCLITE_CSOCK_NAME", PathBuf::from(socket))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Trouble::io("start a client"))?;
    let missing = || Trouble::io("talk to a client")(std::io::ErrorKind::BrokenPipe.into());
    let input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    let (client, answers) = (name.to_owned(), answers.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let (thread, text) = line.split_once(' ').unwrap_or((&line, ""));
            let who = Who {
                client: client.clone(),
                thread: thread.to_owned(),
            };
            if answers.send((who, words::shorten(text))).is_err() {
                return;
            }
        }
        // Nobody is told if the scenario is over.
        let _ = answers.send((everybody(&client), DIED.to_owned()));
    });
    Ok(Client { child, input })
}
