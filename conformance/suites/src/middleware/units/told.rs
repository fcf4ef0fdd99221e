// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is told about tries, logins and cards, and what is told to nobody.

use super::login::{FLAGS, left};
use super::{Ground, Row, SESSIONS, SLOTS};
use crate::catalogue::{Basis, Severity};
use crate::ics::{Announced, Feature};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, no_token, ok, token_slot};
use cie_driver::{Answer, Request};

/// A module may keep a code and use it again; that is not asked for here.
const RESET: Ground = Ground(
    Basis::Choice,
    "a reset ends the login and no session: what is told after it is what the card still knows",
);

const TEXTS: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, sections 3.1 and 3.2 (CK_INFO, CK_SLOT_INFO, CK_TOKEN_INFO): padded with the blank character, should not be null-terminated",
);

const SECRET: Ground = Ground(
    Basis::Choice,
    "a code is nowhere in plain but on its way to the card: in no file and on no output",
);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "the flags of the token, try by try",
            FLAGS,
            "The flags of the token say how many tries of the PIN are left: none missing, some missing, one left, none left.",
            &[
                ("C_GetTokenInfo", "no flag about tries"),
                ("a wrong PIN", "CKF_USER_PIN_COUNT_LOW alone"),
                ("another wrong PIN", "CKF_USER_PIN_FINAL_TRY"),
                ("a third wrong PIN", "CKF_USER_PIN_LOCKED"),
            ],
            flags,
        ),
        Row::new(
            2,
            "the last session is closed",
            SESSIONS,
            "When the last session of an application with a token is closed, its login is over.",
            &[
                ("C_Login, C_CloseSession", "CKR_OK"),
                ("C_OpenSession, C_GetSessionInfo", "a public state"),
                ("C_Sign", "refused"),
            ],
            |stage| {
                let citizen = Citizen::usual(stage.seed())?;
                stage.insert(&citizen)?;
                let mut session = stage.logged_in(&citizen)?;
                session.signs(&citizen)?;
                ok(session.ask(&Request::Close)?, "C_CloseSession")?;
                let slot = session.slot;
                ok(session.ask(&Request::Open(slot))?, "C_OpenSession")?;
                public(&mut session)?;
                let answer = session.sign_usual()?;
                holds(
                    !matches!(answer, Answer::Bytes(_)),
                    "a signature in a new session, without a login",
                )
            },
        ),
        Row::new(
            3,
            "a reset by another program",
            RESET,
            "After a reset by another program the login is not shown any more, and in the same session a new one is possible.",
            &[
                ("login, signature; the card is reset", "CKR_OK"),
                ("C_GetSessionInfo", "a public state"),
                (
                    "C_Login, C_Sign in the same session",
                    "the card's signature",
                ),
            ],
            after_reset,
        ),
        Row::new(
            4,
            "the token after a swap",
            SLOTS,
            "After a swap the token's serial number is that of the card that is there.",
            &[
                ("C_GetTokenInfo", "the first card's serial number"),
                (
                    "the first card out, the second in; C_GetTokenInfo",
                    "another serial number",
                ),
            ],
            |stage| {
                let (one, two) = (Citizen::usual(stage.seed())?, Citizen::other(stage.seed())?);
                if stage.has(Feature::Enrol) {
                    stage.insert(&two)?;
                    stage.enrol(&two)?;
                    stage.take_out()?;
                }
                stage.insert(&one)?;
                let mut session = stage.begin(&one)?;
                let before = session.token()?.serial;
                stage.take_out()?;
                no_token(&mut session.driver)?;
                stage.insert(&two)?;
                session.slot = token_slot(&mut session.driver)?;
                let after = session.token()?.serial;
                if is_blank(&before) && is_blank(&after) {
                    let why = "the module tells no serial number of the token";
                    return Err(Finding::NotFor(why.to_owned()));
                }
                holds(
                    before != after,
                    format!("both cards have the serial number {after:?}"),
                )
            },
        )
        .version(2)
        .announced(Announced::Serial),
        Row::new(
            5,
            "nobody is told the PIN",
            SECRET,
            "No code is in a file of the home directory or in what the module writes to its outputs, in digits or in hexadecimal.",
            &[
                ("C_Login with a wrong PIN, with the right one", ""),
                (
                    "C_SetPIN, if the module has it, C_Logout, C_Login with the new PIN; C_Sign",
                    "what is refused leaves nothing to be said, unless a code is found",
                ),
                (
                    "every file, standard error among them, is searched for the codes",
                    "not found",
                ),
            ],
            secret,
        )
        .version(2),
        Row::new(
            6,
            "texts are filled up with blanks",
            TEXTS,
            "The texts of CK_INFO, CK_SLOT_INFO and CK_TOKEN_INFO are padded with blanks: no NUL ends them or fills them up.",
            &[(
                "C_GetInfo, C_GetSlotInfo, C_GetTokenInfo",
                "no NUL in a text",
            )],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let mut session = stage.begin(&citizen)?;
                let texts = Request::Texts(session.slot);
                let texts = match session.ask(&texts)? {
                    Answer::Texts(texts) => texts,
                    other => return Err(Finding::Undecided(format!("the texts: {other}"))),
                };
                let ended: Vec<_> = texts
                    .iter()
                    .filter(|(_, text)| text.contains('\0'))
                    .map(|(field, text)| format!("{field} is {text:?}"))
                    .collect();
                holds(ended.is_empty(), ended.join(", "))
            },
        )
        .severity(Severity::Minor),
    ]
}

/// A text with nothing in it but what it was filled up with.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c == ' ' || c == '\0')
}

/// Nobody is logged in, as far as the module tells.
fn public(session: &mut Session) -> Found {
    let state = session.ask(&Request::State)?.to_string();
    holds(state.ends_with("Public"), format!("the state is {state}"))
}

fn flags(stage: &mut Stage<'_>) -> Found {
    let citizen = Citizen::usual(stage.seed())?;
    let laid = stage.insert(&citizen)?;
    let mut session = stage.begin(&citizen)?;
    for wrong in 0..=3_u8 {
        if wrong > 0 {
            session.login(&stage.typed(&citizen.wrong_pin()))?;
        }
        left(&laid, 3 - wrong, 10)?;
        let token = session.token()?;
        let told = (token.pin_low, token.pin_final, token.pin_locked);
        let fine = match wrong {
            0 => told == (false, false, false),
            1 => told == (true, false, false),
            2 => token.pin_final && !token.pin_locked,
            _ => token.pin_locked,
        };
        let (low, last, locked) = told;
        holds(
            fine,
            format!(
                "{} tries are left; the token says: low {low}, final {last}, locked {locked}",
                3 - wrong
            ),
        )?;
    }
    Ok(())
}

fn after_reset(stage: &mut Stage<'_>) -> Found {
    let citizen = Citizen::usual(stage.seed())?;
    let laid = stage.insert(&citizen)?;
    let mut session = stage.logged_in(&citizen)?;
    session.signs(&citizen)?;
    stage.hand().reset_card(0).map_err(Finding::ours)?;
    public(&mut session)?;
    let typed = stage.typed(&citizen.pin);
    let mut login = session.login(&typed)?;
    if login.is("CKR_USER_ALREADY_LOGGED_IN") {
        session.ask(&Request::Logout)?;
        login = session.login(&typed)?;
    }
    ok(login, "the login in the same session")?;
    session.signs(&citizen)?;
    left(&laid, 3, 10)
}

fn secret(stage: &mut Stage<'_>) -> Found {
    let citizen = Citizen::usual(stage.seed())?;
    stage.insert(&citizen)?;
    // What comes of it is for other cases; here it is looked what is left.
    let used = codes_are_used(stage, &citizen);
    let codes = [
        citizen.pin.clone(),
        citizen.wrong_pin(),
        citizen.another_pin(),
    ];
    nowhere(stage, &codes)?;
    used.map_err(|finding| match finding {
        Finding::Fault(why) => Finding::Undecided(format!("before the search: {why}")),
        other => other,
    })
}

/// A wrong PIN, the right one, a new one, and a signature with that.
fn codes_are_used(stage: &Stage<'_>, citizen: &Citizen) -> Found {
    let mut session = stage.begin(citizen)?;
    session.login(&stage.typed(&citizen.wrong_pin()))?;
    ok(
        session.login(&stage.typed(&citizen.pin))?,
        "the right PIN then",
    )?;
    if stage.has(Feature::SetPin) {
        let (old, new) = (stage.typed(&citizen.pin), citizen.another_pin());
        let typed = stage.typed(&new);
        let change = Request::SetPin {
            old,
            new: typed.clone(),
        };
        ok(session.ask(&change)?, "C_SetPIN")?;
        // A change may end the login.
        session.ask(&Request::Logout)?;
        ok(session.login(&typed)?, "the new PIN then")?;
    }
    session.signs(citizen)
}

/// No file of the home directory has one of these codes in it.
fn nowhere(stage: &Stage<'_>, codes: &[String]) -> Found {
    let mut folders = vec![stage.home().to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).map_err(Finding::ours)?;
        let mut entries: Vec<_> = entries.flatten().collect();
        // A folder has no order of its own.
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            // What a link points to is found there, or is not the module's; a pipe
            // would be waited for.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    folders.push(entry.path());
                    continue;
                }
                Ok(kind) if kind.is_file() => {}
                _ => continue,
            }
            let text = std::fs::read(entry.path()).unwrap_or_default();
            let name = entry.file_name();
            for code in codes {
                let hex = hex::encode(code);
                let there = [code.as_bytes(), hex.as_bytes()]
                    .iter()
                    .any(|code| text.windows(code.len()).any(|part| part == *code));
                holds(!there, format!("a code is in {}", name.to_string_lossy()))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_blank;

    #[test]
    fn nul_and_blanks_are_no_serial_number() {
        assert!(is_blank("") && is_blank("  ") && is_blank(&"\0".repeat(16)));
        assert!(!is_blank("0\0") && !is_blank("0"));
    }
}
