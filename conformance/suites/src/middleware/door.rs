// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card in a reader, as the bench sees it: counters at any time, what goes
//! over the wire, and trouble at an exchange of its choice.

use super::blame::{Heard, fair, listening};
use super::finding::{Finding, Found};
use super::people::Citizen;
use super::stage::LEFT_RUNNING;
use crate::report::Exchange;
use cie_card::{Card, Event, ResponseHook, Snapshot};
use cie_driver::{Answer, Request};
use cie_reader::ReaderControl;
use iso7816_wire::CardDoor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What happens at one exchange, from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The card is gone before it answers.
    Removed,
    /// The card answers and is gone.
    RemovedAfter,
    /// The card answers and is reset, and no program asked for it.
    Reset,
    /// The card does not answer this time.
    Mute,
    /// The card answers, is gone, and is put in again at once.
    PutBack,
    /// The card answers, and another card is put into a second reader.
    Beside,
    /// The card answers, and the reader is unplugged with it.
    Unplugged,
}

impl Trouble {
    pub(crate) const ALL: [Self; 4] = [Self::Removed, Self::RemovedAfter, Self::Reset, Self::Mute];

    /// Those that are an event at the reader and leave the reader there.
    pub(crate) const EVENTS: [Self; 5] = [
        Self::Removed,
        Self::RemovedAfter,
        Self::Reset,
        Self::PutBack,
        Self::Beside,
    ];

    /// Whether a card comes.
    pub(crate) fn is_insertion(self) -> bool {
        matches!(self, Self::PutBack | Self::Beside)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Removed => "removal before the answer",
            Self::RemovedAfter => "removal after the answer",
            Self::Reset => "reset after the answer",
            Self::Mute => "no answer",
            Self::PutBack => "removal after the answer and insertion",
            Self::Beside => "insertion of another card into a second reader after the answer",
            Self::Unplugged => "unplugging of the reader after the answer",
        }
    }
}

/// Changes an answer on its way out; the number of the exchange comes first.
pub(crate) type Spoil = Arc<dyn Fn(usize, &[u8], Vec<u8>) -> Vec<u8> + Send + Sync>;

struct Inner {
    card: Card,
    /// What it has told of codes, or was made to tell.
    heard: Heard,
    exchanges: usize,
    plan: Option<(usize, Trouble)>,
    /// Gone, though its reader has not noticed.
    gone: bool,
    spoil: Option<Spoil>,
    reader: usize,
    hand: Option<ReaderControl>,
    /// Another card, and the empty reader for it.
    beside: Option<(usize, Laid)>,
    errand: Option<JoinHandle<()>>,
}

/// A card that the bench holds on to while it is in a reader.
#[derive(Clone)]
pub(crate) struct Laid(Arc<Mutex<Inner>>);

/// What went over the wire, of every card of a case.
pub(crate) type Log = Arc<Mutex<Vec<Exchange>>>;

const POWER_ON: &str = "power on";
const POWER_OFF: &str = "power off";
const RESET: &str = "reset";
const TAKEN_OUT: &str = "card taken out";

/// How the response begins where a process has ended.
pub(crate) const ENDED: &str = "ended ";

/// No case needs more of it to be understood.
const LONGEST_LOG: usize = 4000;

pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds to the log, as far as there is room.
pub(crate) fn note(log: &Log, exchange: Exchange) {
    let mut log = locked(log);
    if log.len() < LONGEST_LOG {
        log.push(exchange);
    }
}

/// Whether it is of a card; else it is of a module's function.
fn is_of_card(exchange: &Exchange) -> bool {
    let word = exchange.command.as_str();
    [POWER_ON, POWER_OFF, RESET, TAKEN_OUT].contains(&word)
        || word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether it is the end of a process.
fn is_end(exchange: &Exchange) -> bool {
    exchange.response.starts_with(ENDED)
}

/// Adds that a card was reset or has lost its power. The reader also does that
/// when it notices that a program or a card is gone, beside what the bench
/// does. So a loss of power stands after what the card did last, and a reset
/// before the end of the process that may be its cause.
fn note_beside(log: &Log, word: &str) {
    let event = Exchange {
        command: word.to_owned(),
        ..Exchange::default()
    };
    let mut log = locked(log);
    if log.len() < LONGEST_LOG {
        let last = match word {
            POWER_OFF => log.iter().rposition(is_of_card),
            _ => log.iter().rposition(|exchange| !is_end(exchange)),
        };
        log.insert(last.map_or(0, |last| last + 1), event);
    }
}

/// The log at the end of a case, numbered. Whether the reader has noticed by
/// then that the last process is gone is not known.
pub(crate) fn evidence(log: &Log) -> Vec<Exchange> {
    let mut evidence = std::mem::take(&mut *locked(log));
    while let Some(last) = evidence.iter().rposition(is_of_card) {
        let word = evidence.get(last).map_or("", |e| e.command.as_str());
        let beside =
            word == POWER_OFF || word == RESET && evidence.get(last + 1).is_some_and(is_end);
        if !beside {
            break;
        }
        evidence.remove(last);
    }
    for (step, exchange) in (1..).zip(&mut evidence) {
        exchange.step = step;
    }
    evidence
}

/// A card is taken out.
pub(crate) fn note_taken_out(log: &Log) {
    let event = Exchange {
        command: TAKEN_OUT.to_owned(),
        ..Exchange::default()
    };
    note(log, event);
}

/// Another try of the same case begins: what passed is of no interest to
/// whoever reads the report.
pub(crate) fn next_try(log: &Log) {
    locked(log).retain(|told| told.command == LEFT_RUNNING);
}

/// Takes the last call of this function out again.
pub(crate) fn forget(log: &Log, function: &str) {
    let mut log = locked(log);
    if let Some(last) = log.iter().rposition(|e| e.command == function) {
        log.remove(last);
    }
}

impl Laid {
    /// The citizen's card, in no reader.
    pub(crate) fn new(citizen: &Citizen, log: &Log) -> Found<Self> {
        Self::hooked(citizen, log, None)
    }

    /// The same with a hook on its plain answers.
    pub(crate) fn hooked(citizen: &Citizen, log: &Log, hook: Option<ResponseHook>) -> Found<Self> {
        let heard = Heard::default();
        let card = Card::in_memory(citizen.image.clone(), citizen.card_seed);
        let observer = recorder(log, &heard);
        let mut card = card.map_err(Finding::ours)?.with_observer(observer);
        if let Some(hook) = hook {
            card = card.with_response_hook(listening(hook, &heard));
        }
        Ok(Self(Arc::new(Mutex::new(Inner {
            card,
            heard,
            exchanges: 0,
            plan: None,
            gone: false,
            spoil: None,
            reader: 0,
            hand: None,
            beside: None,
            errand: None,
        }))))
    }

    /// Counters and status now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        locked(&self.0).card.inspect()
    }

    /// What the module answers to this, unless it calls a code wrong and
    /// nothing that came from this card says so.
    pub(crate) fn fair(&self, asked: &Request, answer: Answer) -> Found<Answer> {
        let heard = Arc::clone(&locked(&self.0).heard);
        let said = *locked(&heard);
        fair(said, asked, answer)
    }

    /// The PIN that the card has now.
    pub(crate) fn pin(&self) -> String {
        locked(&self.0).card.image().state.pin.expose().to_owned()
    }

    /// Exchanges since the last call of this.
    pub(crate) fn exchanges(&self) -> usize {
        std::mem::take(&mut locked(&self.0).exchanges)
    }

    /// It is now in this reader.
    pub(crate) fn lies(&self, reader: usize, hand: ReaderControl) {
        let mut inner = locked(&self.0);
        inner.reader = reader;
        inner.hand = Some(hand);
        inner.gone = false;
    }

    /// The card that [`Trouble::Beside`] puts into this reader.
    pub(crate) fn beside(&self, reader: usize, other: &Self) {
        locked(&self.0).beside = Some((reader, other.clone()));
    }

    /// Trouble at the exchange of this number from now, from 1.
    pub(crate) fn plan(&self, exchange: usize, trouble: Trouble) {
        let mut inner = locked(&self.0);
        inner.exchanges = 0;
        inner.plan = Some((exchange, trouble));
    }

    /// No more trouble; true if what was planned has happened. Waits until the
    /// reader has noticed it.
    pub(crate) fn settle(&self) -> bool {
        let mut inner = locked(&self.0);
        let happened = inner.plan.take().is_none();
        let errand = inner.errand.take();
        drop(inner);
        if let Some(errand) = errand {
            // A panic there is no business of the module.
            drop(errand.join());
        }
        happened
    }

    /// Changes every answer from now on, or none.
    pub(crate) fn spoil(&self, spoil: Option<Spoil>) {
        let mut inner = locked(&self.0);
        inner.exchanges = 0;
        inner.spoil = spoil;
    }
}

impl Inner {
    fn send(&mut self, work: impl FnOnce(ReaderControl, usize) + Send + 'static) {
        // The reader waits for the card to finish, and that is this very call.
        if let Some(hand) = self.hand.clone() {
            let reader = self.reader;
            self.errand = Some(std::thread::spawn(move || work(hand, reader)));
        }
    }

    fn remove(&mut self) {
        self.gone = true;
        self.card.power_off();
        self.send(|hand, reader| drop(hand.remove_card(reader)));
    }
}

impl CardDoor for Laid {
    fn power_on(&mut self) -> Vec<u8> {
        locked(&self.0).card.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        locked(&self.0).card.reset()
    }

    fn power_off(&mut self) {
        locked(&self.0).card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let mut inner = locked(&self.0);
        if inner.gone {
            return Vec::new();
        }
        inner.exchanges += 1;
        let number = inner.exchanges;
        let trouble = match inner.plan {
            Some((at, trouble)) if at == number => {
                inner.plan = None;
                Some(trouble)
            }
            _ => None,
        };
        match trouble {
            Some(Trouble::Removed) => {
                inner.remove();
                return Vec::new();
            }
            Some(Trouble::Mute) => return Vec::new(),
            _ => {}
        }
        let mut answer = inner.card.transmit(command);
        match trouble {
            Some(Trouble::RemovedAfter) => inner.remove(),
            Some(Trouble::Unplugged) => {
                inner.gone = true;
                inner.send(|hand, reader| drop(hand.remove_reader(reader)));
            }
            Some(Trouble::PutBack) => {
                inner.gone = true;
                inner.card.power_off();
                let same = self.clone();
                inner.send(move |hand, reader| {
                    if let Ok(card) = hand.remove_card(reader) {
                        locked(&same.0).gone = false;
                        drop(hand.insert_card(reader, card));
                    }
                });
            }
            Some(Trouble::Beside) => {
                if let Some((reader, other)) = inner.beside.take() {
                    inner.send(move |hand, _| drop(hand.insert_card(reader, Box::new(other))));
                }
            }
            Some(Trouble::Reset) => {
                inner.send(|hand, reader| drop(hand.reset_card(reader)));
            }
            _ => {}
        }
        if let Some(spoil) = inner.spoil.clone() {
            let honest = answer.clone();
            answer = spoil(number, command, answer);
            if answer != honest {
                locked(&inner.heard).hears_changed(command, &answer);
            }
        }
        answer
    }
}

/// Writes what a card does into the log.
fn recorder(log: &Log, heard: &Heard) -> cie_card::Observer {
    #[derive(Default)]
    struct Pending {
        exchange: Exchange,
        secured: bool,
        instruction: u8,
        data: bool,
    }
    let (log, heard) = (Arc::clone(log), Arc::clone(heard));
    let pending = Mutex::new(Pending::default());
    Arc::new(move |event| {
        let mut pending = locked(&pending);
        let single = |word: &str| Exchange {
            command: word.to_owned(),
            ..Exchange::default()
        };
        match event {
            Event::PowerOn(_) => note(&log, single(POWER_ON)),
            Event::Reset(_) => note_beside(&log, RESET),
            Event::PowerOff => note_beside(&log, POWER_OFF),
            Event::Command(bytes) => {
                *pending = Pending::default();
                pending.exchange.command = hex::encode_upper(bytes);
            }
            Event::Plain { command, secured } | Event::Piece { command, secured } => {
                pending.secured = *secured;
                pending.instruction = command.ins;
                pending.data = !command.data.is_empty();
                if *secured {
                    pending.exchange.plain_command =
                        hex::encode_upper(command.encode().unwrap_or_default());
                }
            }
            Event::Answer(answer) => {
                locked(&heard).hears(pending.instruction, pending.data, answer.sw.0);
                if pending.secured {
                    pending.exchange.plain_response = hex::encode_upper(answer.encode());
                }
            }
            Event::Response(bytes) => {
                pending.exchange.response = hex::encode_upper(bytes);
                note(&log, std::mem::take(&mut pending.exchange));
            }
            _ => {}
        }
    })
}

/// A card that answers to reset with these bytes, and to everything else with
/// this; an empty answer is none.
pub(crate) struct Stranger {
    pub(crate) atr: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

impl CardDoor for Stranger {
    fn power_on(&mut self) -> Vec<u8> {
        self.atr.clone()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.atr.clone()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, _: &[u8]) -> Vec<u8> {
        self.answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(what: impl Fn(&Log)) -> Vec<String> {
        let log = Log::default();
        what(&log);
        let evidence = evidence(&log);
        assert!(evidence.iter().map(|e| e.step).eq(1..=evidence.len()));
        evidence.into_iter().map(|e| e.command).collect()
    }

    fn call(log: &Log, command: &str, response: &str) {
        let exchange = Exchange {
            command: command.to_owned(),
            response: response.to_owned(),
            ..Exchange::default()
        };
        note(log, exchange);
    }

    #[test]
    fn what_a_reader_does_by_itself_has_one_place_whenever_it_does_it() {
        let early = told(|log| {
            call(log, "00A4", "9000");
            note_beside(log, POWER_OFF);
            call(log, "C_CloseSession", "CKR_OK");
            call(log, "00B0", "9000");
            note_beside(log, RESET);
            call(log, "C_Sign", "ended by signal 6");
            note_beside(log, POWER_OFF);
        });
        let late = told(|log| {
            call(log, "00A4", "9000");
            call(log, "C_CloseSession", "CKR_OK");
            note_beside(log, POWER_OFF);
            call(log, "00B0", "9000");
            call(log, "C_Sign", "ended by signal 6");
            note_beside(log, RESET);
        });
        assert_eq!(early, late);
        assert_eq!(
            early,
            ["00A4", POWER_OFF, "C_CloseSession", "00B0", "C_Sign"]
        );
    }

    #[test]
    fn another_try_keeps_of_the_last_one_what_was_left_running_alone() {
        let all = told(|log| {
            call(log, "00A4", "9000");
            call(log, LEFT_RUNNING, "java");
            next_try(log);
            call(log, "00B0", "9000");
        });
        assert_eq!(all, [LEFT_RUNNING, "00B0"]);
    }

    #[test]
    fn what_the_bench_does_stays_where_it_did_it() {
        let all = told(|log| {
            call(log, "00A4", "9000");
            call(log, "C_Login", "CKR_OK");
            note_beside(log, RESET);
            call(log, "C_Login", "CKR_OK");
            note_taken_out(log);
            call(log, "C_Login", "CKR_TOKEN_NOT_PRESENT");
            note_beside(log, POWER_OFF);
            call(log, "00A4", "9000");
            call(log, "C_GetSlotList", "0 slots");
            call(log, "C_GetSlotList", "0 slots");
            forget(log, "C_GetSlotList");
        });
        let expected = [
            "00A4",
            "C_Login",
            RESET,
            "C_Login",
            TAKEN_OUT,
            POWER_OFF,
            "C_Login",
            "00A4",
            "C_GetSlotList",
        ];
        assert_eq!(all, expected);
    }
}
