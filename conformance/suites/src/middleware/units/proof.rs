// SPDX-License-Identifier: MIT OR Apache-2.0
//! Somebody in place of the card, or between it and the computer: what does not
//! prove itself is not believed.

use super::fault::{enrolled, login, sound};
use super::slot::stranger;
use super::{ERRORS, Ground, Row};
use crate::catalogue::Basis;
use crate::ics::Feature;
use crate::middleware::door::{Laid, Spoil, locked};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, ok};
use cie_driver::{Answer, Request};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The card's half of the device authentication is there to be looked at; no
/// standard of ours says that a client has to.
const MUTUAL: Ground = Ground(
    Basis::Choice,
    "the device authentication is mutual: no code goes to a card that has not proved to have key 82",
);

/// Answers to READ BINARY that are changed at most, one in each session.
const MOST: usize = 24;

const VERIFY: u8 = 0x20;
const CHANGE: u8 = 0x24;
const READ_BINARY: u8 = 0xB0;
/// Class byte of secure messaging.
const SECURE: u8 = 0x0C;
/// DO 99 with 9000 at the front of an answer without data.
const FINE: [u8; 4] = [0x99, 0x02, 0x90, 0x00];

const BETWEEN: &str = "A login succeeds only on an answer of the card itself: whoever changes an answer on its way cannot make a wrong code a right one.";

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "a card that has another key 82",
            MUTUAL,
            "A card that cannot prove to be the one whose files it shows is sent no code, and none is called wrong or blocked.",
            &[
                ("enrolment, C_Login with the right PIN", "refused"),
                ("what went over the wire", "no VERIFY with a code"),
            ],
            impostor,
        )
        .version(2),
        Row::new(
            2,
            "a byte in the middle of a protected answer is another",
            ERRORS,
            "What was changed on its way under secure messaging is not used: no certificate that is not the card's, no signature that does not verify, no try lost, no right PIN that is called wrong or blocked.",
            &[
                (
                    "enrolment, login, objects, signature, with a byte changed in one protected answer to READ BINARY, for each of the first 24",
                    "an error, or the right thing",
                ),
            ],
            changed_files,
        )
        .version(2),
        Row::new(
            3,
            "the answer to a wrong PIN is made a 9000",
            ERRORS,
            BETWEEN,
            &[
                (
                    "C_Login with a wrong PIN, the status in the protected answer is changed to 9000",
                    "refused",
                ),
                (
                    "the same, a bare 9000 in place of the protected answer",
                    "refused",
                ),
            ],
            |stage| {
                wrong_pin(stage, "its status changed", |answer| {
                    let at = answer.windows(2).position(|part| part == [0x99, 0x02]);
                    let status = at.and_then(|at| answer.get_mut(at + 2..at + 4));
                    if let Some(status) = status {
                        status.copy_from_slice(&[0x90, 0x00]);
                    }
                })?;
                wrong_pin(stage, "a bare 9000", |answer| *answer = vec![0x90, 0x00])
            },
        ),
        Row::new(
            4,
            "a checksum whose last byte is wrong",
            ERRORS,
            "An answer whose checksum is wrong in any byte is no answer: a login is not told to have succeeded on it, and the right PIN is not called wrong or blocked.",
            &[(
                "C_Login with the right PIN, the last byte of the checksum of each answer to VERIFY is changed",
                "refused, and not because of the PIN",
            )],
            |stage| {
                let citizen = Citizen::usual(stage.seed())?;
                stage.control(&citizen)?;
                let laid = stage.insert(&citizen)?;
                let mut session = stage.begin(&citizen)?;
                let (spoil, struck) = to_verify(|answer| {
                    // The status word comes behind the checksum.
                    let last = answer.len().checked_sub(3);
                    if let Some(last) = last.and_then(|last| answer.get_mut(last)) {
                        *last ^= 1;
                    }
                });
                laid.spoil(Some(spoil));
                let answer = login(stage, &mut session, &citizen, &laid)?;
                was_changed(&struck)?;
                refused(answer, "a wrong checksum")
            },
        )
        .version(2),
        Row::new(
            5,
            "an earlier answer again",
            ERRORS,
            BETWEEN,
            &[
                ("login, signature", "the card's signature"),
                (
                    "C_SetPIN with a wrong old PIN; in place of the answer an earlier one of the same session that was 9000",
                    "refused",
                ),
            ],
            earlier,
        )
        .needs(&[Feature::SetPin]),
        Row::new(
            6,
            "an answer that never ends",
            ERRORS,
            "A card that always has more to say, or says that it has, is an error within the time limit, and the PIN is not to blame.",
            &[
                ("a card that answers 6100 to everything: C_Login", "refused"),
                (
                    "a card that answers 255 bytes and 61FF to everything: C_Login",
                    "refused",
                ),
            ],
            |stage| {
                let citizen = Citizen::usual(stage.seed())?;
                stage.control(&citizen)?;
                let atr = citizen.image.profile.family.atr.clone();
                stranger(stage, atr.clone(), vec![0x61, 0x00])?;
                let mut long = vec![0xA5; 255];
                long.extend([0x61, 0xFF]);
                stage.clear();
                stranger(stage, atr, long)
            },
        )
        .version(2)
        .before("a card with the answer to reset of a CIE and an answer without end"),
    ]
}

fn refused(answer: Answer, why: &str) -> Found {
    holds(
        answer != Answer::Done,
        format!("{why}: it is taken: {answer}"),
    )
}

fn impostor(stage: &mut Stage<'_>) -> Found {
    let other = Citizen::other_like_the_usual(stage.seed())?;
    let genuine = Citizen::usual(stage.seed())?;
    stage.control(&genuine)?;
    let citizen = genuine.impersonated(&other);
    let laid = stage.insert(&citizen)?;
    let mut taken = false;
    if stage.has(Feature::Enrol) {
        taken = enrolled(stage, &citizen, &laid)? == Answer::Done;
    }
    match stage.session() {
        Ok(mut session) => {
            taken |= login(stage, &mut session, &citizen, &laid)? == Answer::Done;
        }
        // Refused before any code.
        Err(Finding::Fault(_)) => {}
        Err(other) => return Err(other),
    }
    // 00 20 00 81 and a length, and more than that.
    let sent = locked(&stage.log).iter().any(|exchange| {
        [&exchange.plain_command, &exchange.command]
            .iter()
            .any(|command| command.starts_with("00200081") && command.len() > 10)
    });
    holds(
        !sent,
        "the PIN is sent to a card that has not proved itself",
    )?;
    holds(!taken, "a login to a card that has not proved itself")
}

/// True for a command in secure messaging with this instruction.
fn is_secure(command: &[u8], instruction: u8) -> bool {
    matches!(command, [class, ins, ..] if class & SECURE == SECURE && *ins == instruction)
}

/// The data of a command is at least one protected code: a question for the
/// status has none. The length of an extended command has three bytes.
fn has_code(command: &[u8]) -> bool {
    let data = match command.get(4) {
        Some(0) => command.get(7),
        _ => command.get(5),
    };
    data == Some(&0x87)
}

/// Changes answers to VERIFY with a code, and tells whether there was one.
fn to_verify(change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> (Spoil, Arc<AtomicBool>) {
    let struck = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&struck);
    let spoil: Spoil = Arc::new(move |_, command, mut answer| {
        if is_secure(command, VERIFY) && has_code(command) {
            done.store(true, Ordering::SeqCst);
            change(&mut answer);
        }
        answer
    });
    (spoil, struck)
}

/// Nothing can be said of a module whose answers were not changed.
fn was_changed(struck: &AtomicBool) -> Found {
    if struck.load(Ordering::SeqCst) {
        return Ok(());
    }
    let why = "the module sends no VERIFY with a code in secure messaging";
    Err(Finding::Undecided(why.to_owned()))
}

fn wrong_pin(
    stage: &Stage<'_>,
    what: &str,
    change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
) -> Found {
    let stage = stage.fresh()?;
    let citizen = Citizen::usual(stage.seed())?;
    let laid = stage.insert(&citizen)?;
    let mut session = stage.begin(&citizen)?;
    let (spoil, struck) = to_verify(change);
    laid.spoil(Some(spoil));
    refused(session.login(&stage.typed(&citizen.wrong_pin()))?, what)?;
    was_changed(&struck)
}

fn changed_files(stage: &mut Stage<'_>) -> Found {
    let citizen = Citizen::usual(stage.seed())?;
    stage.control_with_signature(&citizen)?;
    for at in 1..=MOST {
        let stage = stage.fresh()?;
        let laid = Laid::new(&citizen, &stage.log)?;
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        laid.spoil(Some(Arc::new(move |_, command, mut answer| {
            if is_secure(command, READ_BINARY) && counted.fetch_add(1, Ordering::SeqCst) + 1 == at {
                let middle = answer.len() / 2;
                if let Some(byte) = answer.get_mut(middle) {
                    *byte ^= 1;
                }
            }
            answer
        })));
        stage.lay(&laid)?;
        let place = format!("protected answer {at} to READ BINARY");
        if stage.has(Feature::Enrol) {
            enrolled(&stage, &citizen, &laid)?;
        }
        sound(&stage, &citizen, &laid).map_err(|f| f.at(&place))?;
        if count.load(Ordering::SeqCst) < at {
            return Ok(());
        }
    }
    Ok(())
}

fn earlier(stage: &mut Stage<'_>) -> Found {
    let citizen = Citizen::usual(stage.seed())?;
    let laid = stage.insert(&citizen)?;
    let mut session: Session = stage.begin(&citizen)?;
    let kept = Mutex::new(None);
    let replayed = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&replayed);
    laid.spoil(Some(Arc::new(move |_, command, answer: Vec<u8>| {
        let mut kept = locked(&kept);
        if is_secure(command, CHANGE)
            && let Some(before) = kept.clone()
        {
            done.store(true, Ordering::SeqCst);
            return before;
        }
        if answer.starts_with(&FINE) {
            *kept = Some(answer.clone());
        }
        answer
    })));
    ok(session.login(&stage.typed(&citizen.pin))?, "the login")?;
    session.signs(&citizen)?;
    let answer = session.ask(&Request::SetPin {
        old: stage.typed(&citizen.wrong_pin()),
        new: stage.typed(&citizen.another_pin()),
    })?;
    refused(answer, "an earlier answer")?;
    if replayed.load(Ordering::SeqCst) {
        return Ok(());
    }
    let why = "the module sends no CHANGE REFERENCE DATA in secure messaging after a 9000";
    Err(Finding::Undecided(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_seen_in_short_and_extended_commands_and_a_question_is_none() {
        let command = |text: &str| hex::decode(text).unwrap();
        for (text, there) in [
            ("0C2000811D871101AABB", true),
            ("0C20008100001D871101AABB", true),
            ("0C2000810A8E08AABB", false),
            ("0C20008100000A8E08AABB", false),
            ("0C200081", false),
            ("0C20008100", false),
        ] {
            assert_eq!(has_code(&command(text)), there, "{text}");
        }
    }
}
