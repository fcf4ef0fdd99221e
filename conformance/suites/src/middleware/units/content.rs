// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contents of files and plain answers that are drawn from the seed. Secure
//! messaging wraps them and is valid: what is hostile is what stands inside.

use super::fault::{HOSTILE, ask, enrolled, login, tidy};
use super::{Row, Steps};
use crate::draw::{Came, Counterexample, Limits, all_right};
use crate::faults::edit::{Edit, OUTSIDE, apply_all, named, objects, sizes, values, wholes};
use crate::ics::Feature;
use crate::middleware::door::{Laid, locked};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, is_signature, usual_signature};
use cie_card::ResponseHook;
use cie_driver::{Answer, Request};
use proptest::strategy::{BoxedStrategy, Just, Strategy, Union};
use sha2::{Digest, Sha256};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SELECT: u8 = 0xA4;
const GET_DATA: u8 = 0xCB;

/// What a card that tells nothing would tell: 12 bytes, transparent, EF 1001.
const USUAL_FCP: [u8; 16] = [
    0x62, 0x0E, 0x80, 0x02, 0x00, 0x0C, 0x82, 0x01, 0x01, 0x83, 0x02, 0x10, 0x01, 0x8A, 0x01, 0x05,
];

/// Elementary files with data objects in them.
const OBJECT_FILES: [u16; 5] = [0x2F01, 0xD003, 0xD004, 0x1004, 0x1005];
const ALL_FILES: [u16; 9] = [
    0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x2F01, 0xD003, 0xD004,
];

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    File(u16),
    /// The answers to commands with this instruction: the one of this number,
    /// from 1, or all of them.
    Answers(u8, Option<usize>),
}

/// A hostile card.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hostile {
    place: Where,
    edits: Vec<Edit>,
}

/// Number, title, and what is drawn.
type Drawn = (u16, &'static str, fn() -> BoxedStrategy<Hostile>);

const DRAWN: [Drawn; 9] = [
    (15, "names, numbers and times in the certificate", || {
        in_file(0x1003, values())
    }),
    (16, "tags, lengths and values in the certificate", || {
        in_file(0x1003, objects())
    }),
    (
        17,
        "tags, lengths and values in the security object",
        || in_file(0x1006, objects()),
    ),
    (
        18,
        "names, numbers and times in the security object",
        || in_file(0x1006, values()),
    ),
    (19, "texts instead of the number for services", || {
        in_file(0x1001, wholes())
    }),
    (
        20,
        "tags, lengths and values in EF.ATR, EF.SN.ICC, the domain parameters and the chip's keys",
        || in_files(&OBJECT_FILES, objects()),
    ),
    (21, "sizes of all files", || in_files(&ALL_FILES, sizes())),
    (
        22,
        "tags, lengths and values in what SELECT answers",
        || in_answers(SELECT, objects()),
    ),
    (
        23,
        "tags, lengths and values in what GET DATA answers",
        || in_answers(GET_DATA, objects()),
    ),
];

fn in_file(fid: u16, edits: BoxedStrategy<Vec<Edit>>) -> BoxedStrategy<Hostile> {
    in_files(&[fid], edits)
}

fn in_files(fids: &[u16], edits: BoxedStrategy<Vec<Edit>>) -> BoxedStrategy<Hostile> {
    let place = Union::new(fids.iter().map(|fid| Just(Where::File(*fid))));
    (place, edits)
        .prop_map(|(place, edits)| Hostile { place, edits })
        .boxed()
}

fn in_answers(ins: u8, edits: BoxedStrategy<Vec<Edit>>) -> BoxedStrategy<Hostile> {
    // One that is changed lets the module go on to the next.
    let one = (1_usize..=10).prop_map(Some);
    let which = Union::new_weighted(vec![(1, Just(None).boxed()), (4, one.boxed())]);
    (which, edits)
        .prop_map(move |(which, edits)| Hostile {
            place: Where::Answers(ins, which),
            edits,
        })
        .boxed()
}

impl Hostile {
    fn words(&self, citizen: &Citizen) -> String {
        match self.place {
            Where::File(fid) => {
                let (_, words) = apply_all(&self.edits, &content(citizen, fid));
                format!("EF {fid:04X}: {words}")
            }
            Where::Answers(ins, which) => {
                let which = which.map_or_else(|| "all".to_owned(), |number| number.to_string());
                let (_, words) = apply_all(&self.edits, &USUAL_FCP);
                let name = if ins == SELECT { "SELECT" } else { "GET DATA" };
                format!("answers to {name}, {which}: as in one with 62 {{80, 82, 83, 8A}}: {words}")
            }
        }
    }
}

fn content(citizen: &Citizen, fid: u16) -> Vec<u8> {
    let mut files = citizen.image.profile.files.iter();
    let file = files.find(|file| file.fid == fid);
    file.map_or_else(Vec::new, |file| file.content.clone())
}

/// Changes plain answers to an instruction.
fn changing(ins: u8, which: Option<usize>, edits: Vec<Edit>) -> ResponseHook {
    let count = AtomicUsize::new(0);
    Arc::new(move |command, mut answer| {
        let meant = command.ins == ins && answer.sw.0 == 0x9000 && {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            which.is_none_or(|which| which == number)
        };
        if meant {
            let honest = match answer.data.as_slice() {
                // Not asked for, and told all the same.
                [] => USUAL_FCP.to_vec(),
                data => data.to_vec(),
            };
            answer.data = apply_all(&edits, &honest).0;
        }
        answer
    })
}

const STEPS: Steps = &[
    (
        "a card with a content that is drawn from the seed: enrolment, if the module has one; login, objects, signature",
        "an error, or the right thing",
    ),
    (
        "the home directory",
        "nothing outside the module's own folder",
    ),
    (
        "as often as --draws says; what fails is made smaller",
        "the smallest is told",
    ),
];

pub(super) fn rows() -> Vec<Row> {
    DRAWN
        .into_iter()
        .map(|(number, what, strategy)| {
            Row::new(
                number,
                format!("hostile contents, drawn: {what}"),
                HOSTILE,
                "Whatever stands in a file or a plain answer of the card, the module tells an error or does the right thing within the time limit: no crash, no hang, no signature that is not the citizen's, no try lost with the right PIN, which nobody calls wrong or blocked unless the card has said so, no file outside the module's own folder.",
                STEPS,
                move |stage| search(stage, &format!("CONTENT {number}"), &strategy()),
            )
            .version(2)
            .before("a card with that content in the reader, not known to the module")
        })
        .collect()
}

fn search(stage: &Stage<'_>, matter: &str, strategy: &BoxedStrategy<Hostile>) -> Found {
    let citizen = Citizen::usual(stage.seed())?;
    stage.control(&citizen)?;
    let draws = stage.setup.effort.draws;
    let mut hash = Sha256::new();
    hash.update(stage.seed().to_be_bytes());
    hash.update(matter);
    let name = name(&hex::encode(hash.finalize()));
    let mut evidence = Vec::new();
    let found = all_right(
        strategy,
        (stage.seed(), matter),
        Limits::of(draws),
        |hostile| {
            locked(&stage.log).clear();
            let Err(finding) = visit(stage, &citizen, hostile, &name) else {
                return Came::Right;
            };
            let came = match finding {
                Finding::Fault(_) | Finding::Chosen(_) | Finding::Crash(_) => Came::Wrong(finding),
                Finding::Hang(_) | Finding::Undecided(_) | Finding::NotFor(_) => {
                    Came::Over(finding)
                }
            };
            if matches!(came, Came::Wrong(_)) || evidence.is_empty() {
                evidence = std::mem::take(&mut *locked(&stage.log));
            }
            came
        },
    );
    let Err(counterexample) = found else {
        return Ok(());
    };
    *locked(&stage.log) = evidence;
    let Counterexample {
        number,
        drawn,
        smallest,
        why,
        tried,
    } = *counterexample;
    let (many, few) = (drawn.edits.len(), smallest.edits.len());
    let words = smallest.words(&citizen);
    Err(why.at(format!(
        "draw {number} of {draws}, {many} changes, made smaller to {few} in {tried} tries: {words}"
    )))
}

/// What stands for [`OUTSIDE`]: other cases on this machine, and other seeds,
/// have another one.
fn name(digits: &str) -> String {
    let digits: String = digits.chars().take(8).collect();
    format!("{OUTSIDE}-{digits}")
}

fn visit(stage: &Stage<'_>, citizen: &Citizen, hostile: &Hostile, name: &str) -> Found {
    tried(stage, citizen, hostile, name)?;
    let log = locked(&stage.log).clone();
    let again = |name: &str| drop(tried(stage, citizen, hostile, name));
    let found = no_file(&above(stage), name, again);
    locked(&stage.late).clear();
    *locked(&stage.log) = log;
    found
}

/// Folders in which a name can lie that leads out of the case's own.
fn above(stage: &Stage<'_>) -> Vec<PathBuf> {
    let above = stage.home().ancestors().skip(3).map(Path::to_path_buf);
    let mut folders: Vec<_> = above.chain(["/tmp".into(), "/var/tmp".into()]).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// No file of this name lies in one of the folders. One that does may come from
/// another bench with this seed: it is the module's only if there is another
/// one after it was done again with a name that nobody else has.
fn no_file(folders: &[PathBuf], name: &str, again: impl FnOnce(&str)) -> Found {
    let named = |name: &str| -> Vec<PathBuf> {
        let entries = folders
            .iter()
            .flat_map(std::fs::read_dir)
            .flatten()
            .flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(name))
            .map(|entry| entry.path())
            .collect()
    };
    if named(name).is_empty() {
        return Ok(());
    }
    let random = RandomState::new().hash_one(std::process::id());
    let other = self::name(&format!("{random:016x}"));
    again(&other);
    let confirmed = named(&other);
    let Some(first) = confirmed.first() else {
        return Ok(());
    };
    for path in confirmed.iter().chain(&named(name)) {
        // For the next draw. It may be gone already.
        drop(std::fs::remove_file(path));
    }
    let path = first.to_string_lossy().replace(&other, OUTSIDE);
    Err(Finding::Fault(format!(
        "a file outside the home directory: {path:?}"
    )))
}

/// Everything that a citizen does, in surroundings of its own.
fn tried(stage: &Stage<'_>, citizen: &Citizen, hostile: &Hostile, name: &str) -> Found {
    let edits = named(&hostile.edits, name);
    let stage = stage.fresh()?;
    let (card, hook) = match hostile.place {
        Where::File(fid) => {
            let (bytes, _) = apply_all(&edits, &content(citizen, fid));
            (citizen.clone().with_file(fid, &bytes), None)
        }
        Where::Answers(ins, which) => (citizen.clone(), Some(changing(ins, which, edits))),
    };
    let laid = Laid::hooked(&card, &stage.log, hook)?;
    stage.lay(&laid)?;
    if stage.has(Feature::Enrol) {
        enrolled(&stage, citizen, &laid)?;
        tidy(&stage)?;
    }
    let visited = session(&stage, citizen, &laid);
    let late = std::mem::take(&mut *locked(&stage.late));
    visited?;
    if let Some(late) = late.first() {
        return Err(Finding::of_late(late));
    }
    let tries = laid.snapshot().pin_tries;
    holds(
        tries == 3,
        format!("the right PIN has cost tries: {tries} are left"),
    )?;
    tidy(&stage)
}

/// A session in which everything may be refused, and what is not is right.
fn session(stage: &Stage<'_>, citizen: &Citizen, laid: &Laid) -> Found {
    // No slot, no token, no session: that is an error that is told.
    let mut driver = stage.driver()?;
    if driver.ask(&Request::Initialize)? != Answer::Done {
        return Ok(());
    }
    let Answer::Slots(slots) = driver.ask(&Request::Slots { with_token: true })? else {
        return Ok(());
    };
    let Some(slot) = slots.first().copied() else {
        return Ok(());
    };
    let mut session = Session { driver, slot };
    ask(&mut session, laid, &Request::Token(slot))?;
    if ask(&mut session, laid, &Request::Open(slot))? != Answer::Done {
        return Ok(());
    }
    login(stage, &mut session, citizen, laid)?;
    ask(&mut session, laid, &Request::Objects)?;
    match ask(&mut session, laid, &usual_signature())? {
        // The key of the card is the citizen's whatever the certificate says.
        Answer::Bytes(signature) => is_signature(citizen, &signature),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Limits;

    #[test]
    fn a_file_of_somebody_else_is_no_fault_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_path_buf()];
        let theirs = folder.path().join("cie-outside-00000000");
        std::fs::write(&theirs, "").unwrap();
        let other = folder.path().join("cie-outside");
        std::fs::write(&other, "").unwrap();
        let mut names = Vec::new();
        let found = no_file(&folders, "cie-outside-00000000", |name| {
            names.push(name.to_owned());
        });
        assert!(found.is_ok() && theirs.exists() && other.exists());
        assert_eq!(names.len(), 1);
        assert_ne!(names, ["cie-outside-00000000"]);
        // What is there under another name is not even tried again.
        let found = no_file(&folders, "cie-outside-00000001", |_| panic!("again"));
        assert!(found.is_ok());
    }

    #[test]
    fn a_file_of_the_module_is_a_fault_and_told_without_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_path_buf()];
        let make = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        make("cie-outside-00000000");
        let found = no_file(&folders, "cie-outside-00000000", make);
        let told = folder.path().join(OUTSIDE);
        let why = format!("a file outside the home directory: {told:?}");
        assert_eq!(found, Err(Finding::Fault(why)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// The words are the same for each case, the bytes are not.
    #[test]
    fn every_drawn_name_is_replaced() {
        let mut met = 0;
        let drawn = all_right::<_, ()>(&wholes(), (1, "x"), Limits::of(300), |edits| {
            let (bytes, words) = apply_all(edits, &[]);
            let (replaced, _) = apply_all(&named(edits, "cie-outside-01234567"), &[]);
            let text = String::from_utf8_lossy(&replaced).into_owned();
            if words.contains(OUTSIDE) {
                met += 1;
                assert!(text.contains("cie-outside-01234567"), "{text}");
                assert!(!words.contains("/tmp/"), "{words}");
            } else {
                assert_eq!(bytes, replaced);
            }
            Came::Right
        });
        assert!(drawn.is_ok() && met > 20, "{met}");
    }
}
