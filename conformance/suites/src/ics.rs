// SPDX-License-Identifier: MIT OR Apache-2.0
//! The implementation conformance statement: what is said about a card before
//! it is tested. "Not applicable" follows from it, and beside it only from what
//! no statement can say of a card in a reader: that the way to it does not
//! carry a command, or that the guard of a physical card sends one in no state.

use crate::catalogue::{Basis, Case};
use cie_personalisation::FAMILIES;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Version of the format.
pub const VERSION: u16 = 1;

/// Why a statement cannot be used.
#[derive(Debug, Error)]
pub enum IcsError {
    /// It is no statement.
    #[error("this is no conformance statement: {0}")]
    Toml(#[from] toml::de::Error),
    /// It is of another version.
    #[error(
        "the conformance statement has version {0}; this bench reads version {VERSION}; make a new one with `cie-conformance ics --init`"
    )]
    Version(u16),
    /// It is about a family that this bench does not know.
    #[error(
        "there is no family {name:?} (card.family); known are {}; leave it empty if it is not known",
        known.join(", ")
    )]
    Family {
        /// What stands there.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
}

/// The statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ics {
    /// Version of the format.
    pub version: u16,
    /// What the card is.
    pub card: Card,
    /// What the bench can do in front of it.
    pub terminal: Terminal,
    /// What the bench may do to it.
    pub permit: Permit,
    /// What a middleware module is; absent if a card is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub middleware: Option<Middleware>,
}

/// What a middleware module is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Middleware {
    /// What `C_Login` takes for the PIN.
    pub codes: Codes,
    /// What it has and promises.
    pub features: Vec<Feature>,
    /// It promises to follow this project's choices, so that a departure from
    /// one is a fail. A module of somebody else does not.
    pub follows_choices: bool,
    /// What it announces to applications; absent if nothing is said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announces: Option<Announces>,
}

/// What a module announces to applications, and calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announces {
    /// Mechanisms with `CKF_SIGN`, such as `CKM_RSA_PKCS`.
    pub signs: Vec<String>,
    /// Mechanisms with `CKF_VERIFY`.
    pub verifies: Vec<String>,
    /// Mechanisms with `CKF_DIGEST`.
    pub digests: Vec<String>,
    /// `CKF_RNG`.
    pub random: bool,
    /// Its tokens have serial numbers.
    pub serial: bool,
    /// Functions of PC/SC that it calls; absent if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcsc_calls: Option<Vec<String>>,
}

/// One thing that a module announces and another does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announced {
    /// This mechanism for signing.
    Sign(&'static str),
    /// This mechanism for verifying.
    Verify(&'static str),
    /// Any mechanism for digesting.
    Digest,
    /// Random numbers.
    Random,
    /// Serial numbers.
    Serial,
    /// It calls this function of PC/SC.
    Call(&'static str),
}

impl Announced {
    /// Where a statement says it.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Sign(_) => "middleware.announces.signs",
            Self::Verify(_) => "middleware.announces.verifies",
            Self::Digest => "middleware.announces.digests",
            Self::Random => "middleware.announces.random",
            Self::Serial => "middleware.announces.serial",
            Self::Call(_) => "middleware.announces.pcsc_calls",
        }
    }
}

impl std::fmt::Display for Announced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sign(name) => write!(f, "{name} for signing"),
            Self::Verify(name) => write!(f, "{name} for verifying"),
            Self::Digest => f.write_str("a mechanism for digesting"),
            Self::Random => f.write_str("random numbers"),
            Self::Serial => f.write_str("serial numbers of tokens"),
            Self::Call(name) => write!(f, "the call {name}"),
        }
    }
}

/// What `C_Login`, `C_SetPIN` and `C_InitPIN` take for a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codes {
    /// All eight digits.
    Whole,
    /// The last four; the module keeps the first four since the enrolment.
    SecondHalf,
}

/// Something that one module has and another does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// A function that makes a card known, and no use without it.
    Enrol,
    /// A function that forgets a card.
    Forget,
    /// A function that changes the PIN.
    ChangePin,
    /// A function that unblocks the PIN.
    Unblock,
    /// A function that signs documents.
    Sign,
    /// A function that verifies signed documents.
    Verify,
    /// `C_SetPIN`.
    SetPin,
    /// `C_Login` with the PUK and `C_InitPIN`.
    InitPin,
    /// It compares what the card says with the card's security object.
    ChecksSecurityObject,
    /// It looks for the authority behind the signer of the security object.
    ChecksSigner,
    /// It makes the card prove that it is no copy.
    ChecksCopy,
}

impl Feature {
    /// The name in statements.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enrol => "enrol",
            Self::Forget => "forget",
            Self::ChangePin => "change-pin",
            Self::Unblock => "unblock",
            Self::Sign => "sign",
            Self::Verify => "verify",
            Self::SetPin => "set-pin",
            Self::InitPin => "init-pin",
            Self::ChecksSecurityObject => "checks-security-object",
            Self::ChecksSigner => "checks-signer",
            Self::ChecksCopy => "checks-copy",
        }
    }
}

impl Middleware {
    /// True if the module has this.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// Whether the statement says that the module announces this; `None` if it
    /// says nothing of it.
    #[must_use]
    pub fn says(&self, what: Announced) -> Option<bool> {
        let announces = self.announces.as_ref()?;
        let among = |list: &[String], name: &str| list.iter().any(|one| one == name);
        Some(match what {
            Announced::Sign(name) => among(&announces.signs, name),
            Announced::Verify(name) => among(&announces.verifies, name),
            Announced::Digest => !announces.digests.is_empty(),
            Announced::Random => announces.random,
            Announced::Serial => announces.serial,
            Announced::Call(name) => among(announces.pcsc_calls.as_ref()?, name),
        })
    }
}

/// What the card is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Name of its chip family; empty if it is not known.
    pub family: String,
    /// The IAS root is selected by its AID.
    pub root_by_aid: bool,
    /// Commands and answers of extended length are taken.
    pub extended_length: bool,
    /// It promises to follow this project's choices, so that a departure from
    /// one is a fail. A card of somebody else does not.
    pub follows_choices: bool,
}

/// What the bench can do in front of the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminal {
    /// Its device certificate is one that the card accepts.
    pub certified: bool,
    /// It knows the PIN.
    pub knows_pin: bool,
    /// It knows the PUK.
    pub knows_puk: bool,
}

/// What the bench may do to the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    /// PIN tries that one case may spend. On a card that cannot be made anew
    /// never more than 1, so that two are left.
    pub pin_tries: u8,
    /// PUK tries that one case may spend. On a card that cannot be made anew 0.
    pub puk_tries: u8,
    /// Codes may be sent.
    pub codes: bool,
    /// Codes and counters may be changed.
    pub writes: bool,
    /// Wrong proofs of device authentication may be sent, which a card may
    /// count. A statement that does not name it permits it; a card that is
    /// protected gets none without the user's leave, whatever it says.
    #[serde(default = "yes")]
    pub wrong_proofs: bool,
}

fn yes() -> bool {
    true
}

impl Ics {
    /// The statement of a card of this project that is made for the test and
    /// thrown away.
    #[must_use]
    pub fn of_ours(family: &str, root_by_aid: bool, extended_length: bool) -> Self {
        Self {
            version: VERSION,
            card: Card {
                family: family.to_owned(),
                root_by_aid,
                extended_length,
                follows_choices: true,
            },
            terminal: Terminal {
                certified: true,
                knows_pin: true,
                knows_puk: true,
            },
            permit: Permit {
                pin_tries: u8::MAX,
                puk_tries: u8::MAX,
                codes: true,
                writes: true,
                wrong_proofs: true,
            },
            middleware: None,
        }
    }

    /// The statement of a card that nothing may happen to and of which nothing
    /// is known.
    #[must_use]
    pub fn of_a_stranger() -> Self {
        Self {
            version: VERSION,
            card: Card {
                family: String::new(),
                root_by_aid: false,
                extended_length: false,
                follows_choices: false,
            },
            terminal: Terminal {
                certified: true,
                knows_pin: false,
                knows_puk: false,
            },
            permit: Permit {
                pin_tries: 0,
                puk_tries: 0,
                codes: false,
                writes: false,
                wrong_proofs: false,
            },
            middleware: None,
        }
    }

    /// Reads a statement.
    ///
    /// # Errors
    /// [`IcsError`] if the text is none of this version.
    pub fn parse(text: &str) -> Result<Self, IcsError> {
        let ics: Self = toml::from_str(text)?;
        if ics.version != VERSION {
            return Err(IcsError::Version(ics.version));
        }
        let known = || FAMILIES.iter().map(|family| family.id);
        let name = &ics.card.family;
        if !name.is_empty() && !known().any(|id| id == name) {
            return Err(IcsError::Family {
                name: name.clone(),
                known: known().collect(),
            });
        }
        Ok(ics)
    }

    /// Why a case is not applicable; `None` if it is.
    #[must_use]
    pub fn excludes(&self, case: &Case) -> Option<String> {
        let Self {
            card,
            terminal,
            permit,
            middleware,
            ..
        } = self;
        let has = |feature| middleware.as_ref().is_none_or(|module| module.has(feature));
        if let Some(missing) = case.needs.module.iter().find(|feature| !has(**feature)) {
            return Some(format!(
                "the module has no {} (middleware.features)",
                missing.name()
            ));
        }
        if let Some(what) = case.needs.announced
            && middleware.as_ref().and_then(|module| module.says(what)) == Some(false)
        {
            return Some(format!(
                "the module does not have {what} ({})",
                what.field()
            ));
        }
        let cost = case.cost;
        if !case.families.is_empty() && !case.families.contains(&card.family) {
            return Some(format!(
                "for the families {} only",
                case.families.join(", ")
            ));
        }
        if case.needs.device && !terminal.certified {
            return Some("no certificate that this card accepts (terminal.certified)".to_owned());
        }
        if case.needs.pin && !terminal.knows_pin {
            return Some("the PIN is not known (terminal.knows_pin)".to_owned());
        }
        if case.needs.puk && !terminal.knows_puk {
            return Some("the PUK is not known (terminal.knows_puk)".to_owned());
        }
        if cost.sends_codes && !permit.codes {
            return Some("it sends a code (permit.codes)".to_owned());
        }
        if cost.pin_tries > permit.pin_tries {
            return Some(format!("it may cost {cost} (permit.pin_tries)"));
        }
        if cost.puk_tries > permit.puk_tries {
            return Some(format!("it may cost {cost} (permit.puk_tries)"));
        }
        if cost.wrong_proofs && !permit.wrong_proofs {
            return Some(
                "it sends a wrong proof of device authentication, which a card may count \
                 (permit.wrong_proofs)"
                    .to_owned(),
            );
        }
        if cost.unknown_instructions && !permit.writes {
            return Some(
                "it sends instructions that might write on another card (permit.writes)".to_owned(),
            );
        }
        if cost.writes && !permit.writes {
            return Some("it changes a code or a counter (permit.writes)".to_owned());
        }
        None
    }

    /// True if a departure from a requirement on this basis is a fail, and not
    /// just a difference.
    #[must_use]
    pub fn is_bound_by(&self, basis: Basis) -> bool {
        let follows = match &self.middleware {
            Some(module) => module.follows_choices,
            None => self.card.follows_choices,
        };
        basis.binds_everyone() || follows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::card_cases;

    #[test]
    fn a_statement_comes_back_and_another_version_does_not() {
        let ics = Ics::of_ours("gemalto", true, false);
        let text = toml::to_string(&ics).unwrap();
        assert_eq!(Ics::parse(&text).unwrap(), ics);
        let later = text.replace("version = 1", "version = 2");
        assert!(matches!(Ics::parse(&later), Err(IcsError::Version(2))));
        let unknown = text.replace("knows_pin", "knows_pni");
        assert!(matches!(Ics::parse(&unknown), Err(IcsError::Toml(_))));
        let nobody = Ics::parse(&text.replace("gemalto", "nope")).unwrap_err();
        assert!(nobody.to_string().contains("gemalto2, "), "{nobody}");
        assert!(Ics::parse(&text.replace("gemalto", "")).is_ok());
    }

    #[test]
    fn what_a_statement_says_of_announcements_is_not_applicable_or_tried() {
        let mut module = Middleware {
            codes: Codes::Whole,
            features: Vec::new(),
            follows_choices: false,
            announces: None,
        };
        let all = [
            Announced::Sign("CKM_RSA_PKCS"),
            Announced::Verify("CKM_RSA_PKCS"),
            Announced::Digest,
            Announced::Random,
            Announced::Serial,
            Announced::Call("SCardStatus"),
        ];
        assert!(all.iter().all(|what| module.says(*what).is_none()));
        module.announces = Some(Announces::default());
        let said = all.map(|what| module.says(what));
        assert!(said[..5].iter().all(|said| *said == Some(false)) && said[5].is_none());
        let names = || vec!["CKM_RSA_PKCS".to_owned()];
        module.announces = Some(Announces {
            signs: names(),
            verifies: names(),
            digests: names(),
            random: true,
            serial: true,
            pcsc_calls: Some(vec!["SCardStatus".to_owned()]),
        });
        assert!(all.iter().all(|what| module.says(*what) == Some(true)));
        let mut ics = Ics::of_a_stranger();
        ics.middleware = Some(module);
        let text = toml::to_string(&ics).unwrap();
        assert_eq!(Ics::parse(&text).unwrap(), ics);
        let cases = crate::catalogue::middleware_cases();
        let out = |ics: &Ics| -> Vec<_> {
            let mut out = cases.clone();
            out.retain(|case| case.needs.announced.is_some() && ics.excludes(case).is_some());
            out.into_iter().map(|case| case.id).collect()
        };
        let excluded = out(&ics);
        assert!(excluded.contains(&"CIE_MW_SIGN_02".to_owned()));
        assert!(excluded.contains(&"CIE_MW_SCARD_10".to_owned()));
        assert!(!excluded.contains(&"CIE_MW_SIGN_01".to_owned()));
        assert!(!excluded.contains(&"CIE_MW_SCARD_09".to_owned()));
        ics.middleware.as_mut().unwrap().announces = None;
        assert_eq!(out(&ics), Vec::<String>::new());
    }

    #[test]
    fn nothing_costs_a_stranger_anything() {
        let ics = Ics::of_a_stranger();
        let cases = card_cases();
        let run: Vec<_> = cases
            .iter()
            .filter(|case| ics.excludes(case).is_none())
            .collect();
        assert!(run.len() > 200 && run.iter().all(|case| case.cost.is_nothing()));
        let ours = Ics::of_ours("gemalto", true, false);
        let excluded: Vec<_> = cases
            .iter()
            .filter(|case| ours.excludes(case).is_some())
            .collect();
        assert!(excluded.len() < 20 && excluded.iter().all(|case| !case.families.is_empty()));
    }
}
