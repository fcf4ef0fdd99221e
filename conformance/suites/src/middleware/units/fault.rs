// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card that misbehaves on purpose. Whatever it says, the module tells an
//! error or does the right thing, in time, and leaves nothing lying about.

use super::{ERRORS, Ground, Row};
use crate::catalogue::Basis;
use crate::faults::{Liar, Lie, Script};
use crate::ics::Feature;
use crate::middleware::door::{Laid, locked, next_try};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, is_signature, usual_signature};
use cie_driver::{Answer, Request};
use std::sync::Arc;

/// Answers that are tried at most with each lie, evenly among all.
const MOST: usize = 24;
/// Scripts that are drawn from the seed.
const SCRIPTS: u64 = 30;

const REQUIREMENT: &str = "Whatever the card answers, the module tells an error or does the right thing within the time limit: no crash, no hang, no signature that does not verify, no certificate that is not the card's, no right PIN that is called wrong or blocked unless the card has said so, no file outside the module's own folder.";

/// Under valid secure messaging nobody lies but the card itself, and who
/// issued it is to blame. What a module can find out, it should: chosen.
const LYING: Ground = Ground(
    Basis::Choice,
    "a module gives out nothing that it can find out to be wrong, also if the card itself says so",
);

const REQUIREMENT_INSIDE: &str = "Whatever the card says under valid secure messaging, the module tells an error or does the right thing within the time limit: no crash, no hang, no signature that the certificate does not verify, no right PIN that is called wrong or blocked unless the card has said so, no file outside the module's own folder; no certificate that the security object does not have, if the module checks that.";

/// Where the lie is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Inside,
    Outside,
}

/// When.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Enrolment,
    Session,
}

impl Phase {
    fn words(self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::Session => "session",
        }
    }
}

const STEPS: &[(&str, &str)] = &[
    (
        "an enrolment, if the module has one, and a session with login, objects and a signature, to count the answers",
        "all as it should be",
    ),
    (
        "each again, with the lie at one answer, for each answer",
        "an error, or the right thing",
    ),
];

pub(super) fn rows() -> Vec<Row> {
    let inside = (1..).zip(Lie::INSIDE).map(|(number, lie)| {
        let title = format!("{lie}, under valid secure messaging, at every answer");
        Row::new(
            number,
            title,
            LYING,
            REQUIREMENT_INSIDE,
            STEPS,
            move |stage| everywhere(stage, Place::Inside, lie),
        )
        .version(2)
    });
    let outside = (31..).zip(Lie::OUTSIDE).map(|(number, lie)| {
        let title = format!("{lie}, in the bytes that leave the card, at every answer");
        Row::new(number, title, ERRORS, REQUIREMENT, STEPS, move |stage| {
            everywhere(stage, Place::Outside, lie)
        })
        .version(2)
    });
    let drawn = [(61, Place::Inside), (62, Place::Outside)]
        .into_iter()
        .map(|(number, place)| {
            let title = match place {
                Place::Inside => "scripts of lies under valid secure messaging",
                Place::Outside => "scripts of lies in the bytes that leave the card",
            };
            let steps = &[(
                "thirty scripts of one to four lies, drawn from the seed",
                "an error, or the right thing",
            )];
            let (ground, requirement) = match place {
                Place::Inside => (LYING, REQUIREMENT_INSIDE),
                Place::Outside => (ERRORS, REQUIREMENT),
            };
            Row::new(number, title, ground, requirement, steps, move |stage| {
                scripts(stage, place)
            })
            .version(2)
        });
    inside.chain(outside).chain(drawn).collect()
}

/// One try; how many answers it took.
fn attempt(
    stage: &Stage<'_>,
    citizen: &Citizen,
    place: Place,
    phase: Phase,
    script: &Script,
) -> Found<usize> {
    next_try(&stage.log);
    let stage = stage.fresh()?;
    let liar = Liar::default();
    let hook = matches!(place, Place::Inside).then(|| liar.inside());
    let laid = Laid::hooked(citizen, &stage.log, hook)?;
    if place == Place::Outside {
        let liar = liar.clone();
        laid.spoil(Some(Arc::new(move |_, _, answer| liar.outside(answer))));
    }
    stage.lay(&laid)?;
    let answers;
    if phase == Phase::Enrolment {
        liar.arm(script.clone());
        enrolled(&stage, citizen, &laid)?;
        answers = liar.answers();
        liar.arm(Script::default());
        used(&stage, citizen, &laid, place)?;
    } else {
        stage.enrol(citizen)?;
        liar.arm(script.clone());
        used(&stage, citizen, &laid, place)?;
        answers = liar.answers();
        liar.arm(Script::default());
    }
    tidy(&stage)?;
    // Each try has its own.
    let late = std::mem::take(&mut *locked(&stage.late));
    match late.into_iter().next() {
        Some(late) => Err(Finding::of_late(&late)),
        None => Ok(answers),
    }
}

/// Enrolment with the right PIN, which may be refused, and not because of it.
pub(super) fn enrolled(stage: &Stage<'_>, citizen: &Citizen, laid: &Laid) -> Found<Answer> {
    let enrol = Request::Enrol(citizen.pin.clone());
    laid.fair(&enrol, stage.once(&enrol)?)
}

/// Login with the right PIN, which may be refused, and not because of it.
pub(super) fn login(
    stage: &Stage<'_>,
    session: &mut Session,
    citizen: &Citizen,
    laid: &Laid,
) -> Found<Answer> {
    let code = stage.typed(&citizen.pin);
    ask(session, laid, &Request::Login { so: false, code })
}

/// A call after the right PIN or before any.
pub(super) fn ask(session: &mut Session, laid: &Laid, request: &Request) -> Found<Answer> {
    laid.fair(request, session.ask(request)?)
}

/// A session in which everything may be refused, and what is not is right.
fn used(stage: &Stage<'_>, citizen: &Citizen, laid: &Laid, place: Place) -> Found {
    let checked = place == Place::Outside || stage.has(Feature::ChecksSecurityObject);
    let mut driver = stage.driver()?;
    if driver.ask(&Request::Initialize)? != Answer::Done {
        return Ok(());
    }
    let Answer::Slots(slots) = driver.ask(&Request::Slots { with_token: true })? else {
        return Ok(());
    };
    let Some(slot) = slots.first() else {
        return Ok(());
    };
    let slot = *slot;
    let mut session = Session { driver, slot };
    ask(&mut session, laid, &Request::Token(slot))?;
    if ask(&mut session, laid, &Request::Open(slot))? != Answer::Done {
        return Ok(());
    }
    login(stage, &mut session, citizen, laid)?;
    if let Answer::Objects(objects) = ask(&mut session, laid, &Request::Objects)? {
        let theirs = hex::encode(&citizen.certificate);
        // Authorities' certificates could be there as well; the card has none.
        for certificate in objects.iter().filter(|o| o.class == "certificate") {
            holds(
                !checked || certificate.value.is_empty() || certificate.value == theirs,
                "a certificate is shown that is not the card's",
            )?;
        }
    }
    if let Answer::Bytes(signature) = ask(&mut session, laid, &usual_signature())? {
        is_signature(citizen, &signature)?;
    }
    let tries = laid.snapshot().pin_tries;
    holds(
        tries == 3,
        format!("the right PIN has cost tries: {tries} are left"),
    )
}

/// The same for a card that tells the truth: somebody else changes its answers.
pub(super) fn sound(stage: &Stage<'_>, citizen: &Citizen, laid: &Laid) -> Found {
    used(stage, citizen, laid, Place::Outside)
}

/// Nothing lies about outside of hidden folders in the home directory.
pub(super) fn tidy(stage: &Stage<'_>) -> Found {
    let ours = ["bin", "tmp", "stderr", "notices"];
    let stray = stage.strays().into_iter().next().unwrap_or_default();
    holds(
        stray.is_empty(),
        format!("a file outside the home directory: {stray:?}"),
    )?;
    let mut entries: Vec<_> = std::fs::read_dir(stage.home())
        .map_err(Finding::ours)?
        .flatten()
        .collect();
    // A folder has no order of its own.
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let own = name.starts_with('.') && entry.path().is_dir();
        holds(
            own || ours.contains(&name.as_str()),
            format!("a file outside the module's own folder: {name:?}"),
        )?;
    }
    Ok(())
}

/// The phases that a module has, with how many answers each takes.
fn phases(stage: &Stage<'_>, citizen: &Citizen, place: Place) -> Found<Vec<(Phase, usize)>> {
    let mut phases = Vec::new();
    if stage.has(Feature::Enrol) {
        phases.push(Phase::Enrolment);
    }
    phases.push(Phase::Session);
    phases
        .into_iter()
        .map(|phase| {
            let answers = attempt(stage, citizen, place, phase, &Script::default())
                .map_err(|f| f.at("without any lie"))?;
            Ok((phase, answers))
        })
        .collect()
}

fn everywhere(stage: &mut Stage<'_>, place: Place, lie: Lie) -> Found {
    let citizen = Citizen::usual(stage.seed())?;
    stage.control_with_signature(&citizen)?;
    for (phase, total) in phases(stage, &citizen, place)? {
        let step = total.div_ceil(MOST).max(1);
        for at in (1..=total).step_by(step) {
            attempt(stage, &citizen, place, phase, &Script::one(at, lie))
                .map_err(|f| f.at(format!("{}, answer {at} of {total}", phase.words())))?;
        }
    }
    Ok(())
}

fn scripts(stage: &mut Stage<'_>, place: Place) -> Found {
    let citizen = Citizen::usual(stage.seed())?;
    stage.control_with_signature(&citizen)?;
    let lies: &[Lie] = match place {
        Place::Inside => &Lie::INSIDE,
        Place::Outside => &Lie::OUTSIDE,
    };
    for (phase, total) in phases(stage, &citizen, place)? {
        for number in 0..SCRIPTS {
            let seed = stage.seed().wrapping_mul(1000).wrapping_add(number);
            let script = Script::drawn(seed, total, lies);
            let Err(finding) = attempt(stage, &citizen, place, phase, &script) else {
                continue;
            };
            if matches!(finding, Finding::Undecided(_) | Finding::Hang(_)) {
                return Err(finding.at(format!("{}, {script}", phase.words())));
            }
            let mut last = finding;
            let mut evidence = locked(&stage.log).clone();
            let short =
                script.shortest(
                    |shorter| match attempt(stage, &citizen, place, phase, shorter) {
                        Err(finding @ (Finding::Fault(_) | Finding::Crash(_))) => {
                            last = finding;
                            evidence = locked(&stage.log).clone();
                            true
                        }
                        _ => false,
                    },
                );
            *locked(&stage.log) = evidence;
            return Err(last.at(format!("{}, {short}", phase.words())));
        }
    }
    Ok(())
}

pub(super) const HOSTILE: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.1 (function return values); what a card holds is input from outside",
);

/// File identifier, what stands in the file in words, and in bytes.
type Content = (u16, &'static str, fn() -> Vec<u8>);

/// Files and what stands in them.
const CONTENTS: [Content; 14] = [
    (0x1001, "no number for services", Vec::new),
    (0x1001, "a path out of the folder", || {
        b"../../x/../a".to_vec()
    }),
    (0x1001, "a path one folder up", || b"../outside00".to_vec()),
    (0x1001, "zero bytes", || vec![0; 12]),
    (0x1001, "format characters", || b"%s%s%s%n%n%n".to_vec()),
    (0x1001, "30,000 digits", || vec![b'7'; 30_000]),
    (0x1003, "no certificate", Vec::new),
    (0x1003, "a certificate of 4 GiB by its length", || {
        [&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], [0x30; 64].as_slice()].concat()
    }),
    (0x1003, "five thousand nested sequences", || {
        [0x30, 0x80].repeat(5_000)
    }),
    (0x1006, "no security object", Vec::new),
    (0x1006, "a security object of nested sequences", || {
        [0x30, 0x80].repeat(5_000)
    }),
    (0x1004, "no key of the chip", Vec::new),
    (0xD003, "no number of the card", Vec::new),
    (0xD004, "domain parameters of FF", || vec![0xFF; 600]),
];

pub(super) fn contents() -> Vec<Row> {
    (1..)
        .zip(CONTENTS)
        .map(|(number, (fid, what, content))| {
            Row::new(
                number,
                format!("hostile content in EF {fid:04X}: {what}"),
                HOSTILE,
                "Whatever stands in a file of the card, the module tells an error or does the right thing within the time limit: no crash, no hang, no right PIN that is called wrong or blocked unless the card has said so, no file outside the module's own folder.",
                &[
                    ("enrolment, if the module has one; login, objects, signature", "an error, or the right thing"),
                    ("the home directory", "nothing outside the module's own folder"),
                ],
                move |stage| {
                    let citizen = Citizen::usual(stage.seed())?;
                    stage.control_with_signature(&citizen)?;
                    let mut citizen = citizen.with_file(fid, &content());
                    if fid == 0x1003 {
                        citizen.certificate = content();
                    }
                    let laid = stage.insert(&citizen)?;
                    if stage.has(Feature::Enrol) {
                        enrolled(stage, &citizen, &laid)?;
                        tidy(stage)?;
                    }
                    if fid == 0x1003 {
                        // Nothing can verify with a certificate that is none.
                        let mut session = match stage.session() {
                            Ok(session) => session,
                            Err(Finding::Fault(_)) => return tidy(stage),
                            Err(other) => return Err(other),
                        };
                        login(stage, &mut session, &citizen, &laid)?;
                        for request in [Request::Objects, usual_signature()] {
                            ask(&mut session, &laid, &request)?;
                        }
                    } else {
                        used(stage, &citizen, &laid, Place::Outside)?;
                    }
                    tidy(stage)
                },
            )
            .version(2)
            .before("a card with that content in the reader, not known to the module")
        })
        .chain(super::content::rows())
        .collect()
}
