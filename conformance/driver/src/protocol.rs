// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a driver is asked and what it answers, one JSON value a line.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// The functions of CIE middleware beside PKCS#11. Names and parameters are
/// those of the public sources of `italia/cie-middleware-linux`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    /// `AbilitaCIE`: makes a card known to this home directory.
    Enrol,
    /// `VerificaCIEAbilitata`: whether it is known.
    IsEnrolled,
    /// `DisabilitaCIE`: forgets it.
    Forget,
    /// `CambioPIN`.
    ChangePin,
    /// `SbloccoPIN`.
    Unblock,
    /// `firmaConCIE`: signs a file.
    Sign,
    /// `verificaConCIE`, `getNumberOfSign` and `getVerifyInfo`.
    Verify,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Enrol,
        Self::IsEnrolled,
        Self::Forget,
        Self::ChangePin,
        Self::Unblock,
        Self::Sign,
        Self::Verify,
    ];

    /// Its name as a symbol.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Enrol => "AbilitaCIE",
            Self::IsEnrolled => "VerificaCIEAbilitata",
            Self::Forget => "DisabilitaCIE",
            Self::ChangePin => "CambioPIN",
            Self::Unblock => "SbloccoPIN",
            Self::Sign => "firmaConCIE",
            Self::Verify => "verificaConCIE",
        }
    }
}

/// What a keeper tells of the process that it was started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It has ended, and this is its status as the system call wait has it.
    Status(i32),
    /// It could not be started.
    NotStarted(String),
}

/// What a driver is told to do. Codes and data are text and hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Load the module, once.
    Load(PathBuf),
    /// Which functions beside PKCS#11 it exports.
    Functions,
    /// `C_Initialize`.
    Initialize,
    /// `C_Finalize`.
    Finalize,
    /// `C_GetSlotList`, with a token in them or all.
    Slots {
        /// Only those with a token.
        with_token: bool,
    },
    /// `C_GetTokenInfo`.
    Token(u64),
    /// The texts that `C_GetInfo`, `C_GetSlotInfo` and `C_GetTokenInfo` tell.
    Texts(u64),
    /// `C_GetMechanismList` and `C_GetMechanismInfo` of each.
    Mechanisms(u64),
    /// `C_OpenSession`; a session that is open is closed.
    Open(u64),
    /// `C_CloseSession`.
    Close,
    /// `C_Login`.
    Login {
        /// As `CKU_SO`, with the PUK; else as `CKU_USER`.
        so: bool,
        /// What is typed.
        code: String,
    },
    /// `C_Logout`.
    Logout,
    /// `C_GetSessionInfo`: the state's name.
    State,
    /// `C_SetPIN`.
    SetPin {
        /// The code that is there.
        old: String,
        /// The code that is to be there.
        new: String,
    },
    /// `C_InitPIN`.
    InitPin(String),
    /// All objects that the session sees.
    Objects,
    /// Signs with the first private key that the session sees.
    Sign {
        /// The mechanism.
        mechanism: String,
        /// What is signed, in hexadecimal.
        data: String,
        /// In so many pieces; 1 is `C_Sign`.
        pieces: usize,
    },
    /// `C_Verify` with the first public key that the session sees.
    Verify {
        /// The mechanism.
        mechanism: String,
        /// What was signed, in hexadecimal.
        data: String,
        /// The signature, in hexadecimal.
        signature: String,
    },
    /// `C_Digest`.
    Digest {
        /// The mechanism.
        mechanism: String,
        /// What is digested, in hexadecimal.
        data: String,
    },
    /// `C_GenerateRandom`, so many bytes.
    Random(u32),
    /// [`Function::Enrol`] with the PIN.
    Enrol(String),
    /// [`Function::IsEnrolled`] with the number for services.
    IsEnrolled(String),
    /// [`Function::Forget`] with the number for services.
    Forget(String),
    /// [`Function::ChangePin`].
    ChangePin {
        /// The code that is there.
        old: String,
        /// The code that is to be there.
        new: String,
    },
    /// [`Function::Unblock`].
    Unblock {
        /// The PUK.
        puk: String,
        /// The new PIN.
        new: String,
    },
    /// [`Function::Sign`].
    SignFile {
        /// `p7m` or `pdf`.
        kind: String,
        /// The document.
        from: String,
        /// The signed document.
        to: String,
        /// What is typed.
        code: String,
        /// The number for services of the card that is to sign.
        nis: String,
    },
    /// [`Function::Verify`] with the path of a signed document.
    VerifyFile(String),
}

impl Request {
    /// What is asked, without codes and data.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Load(_) => "load",
            Self::Functions => "exported functions",
            Self::Initialize => "C_Initialize",
            Self::Finalize => "C_Finalize",
            Self::Slots { .. } => "C_GetSlotList",
            Self::Token(_) => "C_GetTokenInfo",
            Self::Texts(_) => "texts of C_GetInfo, C_GetSlotInfo, C_GetTokenInfo",
            Self::Mechanisms(_) => "C_GetMechanismList",
            Self::Open(_) => "C_OpenSession",
            Self::Close => "C_CloseSession",
            Self::Login { so: false, .. } => "C_Login(CKU_USER)",
            Self::Login { so: true, .. } => "C_Login(CKU_SO)",
            Self::Logout => "C_Logout",
            Self::State => "C_GetSessionInfo",
            Self::SetPin { .. } => "C_SetPIN",
            Self::InitPin(_) => "C_InitPIN",
            Self::Objects => "C_FindObjects",
            Self::Sign { .. } => "C_Sign",
            Self::Verify { .. } => "C_Verify",
            Self::Digest { .. } => "C_Digest",
            Self::Random(_) => "C_GenerateRandom",
            Self::Enrol(_) => Function::Enrol.symbol(),
            Self::IsEnrolled(_) => Function::IsEnrolled.symbol(),
            Self::Forget(_) => Function::Forget.symbol(),
            Self::ChangePin { .. } => Function::ChangePin.symbol(),
            Self::Unblock { .. } => Function::Unblock.symbol(),
            Self::SignFile { .. } => Function::Sign.symbol(),
            Self::VerifyFile(_) => Function::Verify.symbol(),
        }
    }
}

/// An object, as far as the bench wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// `certificate`, `private-key`, `public-key`, `data`, or what it is.
    pub class: String,
    /// `CKA_LABEL`.
    pub label: String,
    /// `CKA_ID` in hexadecimal.
    pub id: String,
    /// `CKA_VALUE` of certificates and data, in hexadecimal.
    pub value: String,
}

/// What `C_GetTokenInfo` says, as far as the bench wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The label.
    pub label: String,
    /// The serial number.
    pub serial: String,
    /// `CKF_RNG`.
    pub rng: bool,
    /// `CKF_USER_PIN_COUNT_LOW`.
    pub pin_low: bool,
    /// `CKF_USER_PIN_FINAL_TRY`.
    pub pin_final: bool,
    /// `CKF_USER_PIN_LOCKED`.
    pub pin_locked: bool,
    /// `ulMinPinLen`, in bytes.
    #[serde(default)]
    pub pin_min: usize,
    /// `ulMaxPinLen`, in bytes.
    #[serde(default)]
    pub pin_max: usize,
}

/// A mechanism that a module announces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Its name, such as `CKM_RSA_PKCS`.
    pub name: String,
    /// It signs.
    pub sign: bool,
    /// It verifies.
    pub verify: bool,
    /// It digests.
    pub digest: bool,
}

/// What came out of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Done, and nothing comes back.
    Done,
    /// Functions that are exported.
    Functions(Vec<Function>),
    /// Slots.
    Slots(Vec<u64>),
    /// A token.
    Token(Token),
    /// Names of fields and what stands in them, without blanks at the end.
    Texts(Vec<(String, String)>),
    /// Mechanisms.
    Mechanisms(Vec<Announced>),
    /// Objects.
    Objects(Vec<Object>),
    /// Bytes in hexadecimal.
    Bytes(String),
    /// A word or a number.
    Word(String),
    /// A document with so many signatures, and of each whether signature and
    /// certificate are called good.
    Verified(Vec<(bool, bool)>),
    /// The module refused.
    Refused {
        /// Its return value, such as `CKR_PIN_INCORRECT`.
        rv: String,
        /// The tries that it says are left.
        attempts: Option<i32>,
    },
    /// The driver cannot ask that: no module, no symbol, no key to sign with.
    Cannot(String),
}

impl Answer {
    /// Refused with this return value.
    #[must_use]
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { rv, .. } if rv == wanted)
    }

    /// Refused, whatever the reason.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("CKR_OK"),
            Self::Functions(functions) => write!(f, "{} functions", functions.len()),
            Self::Slots(slots) => write!(f, "{} slots", slots.len()),
            Self::Token(token) => write!(f, "token {:?}", token.label),
            Self::Texts(list) => write!(f, "{} texts", list.len()),
            Self::Mechanisms(list) => write!(f, "{} mechanisms", list.len()),
            Self::Objects(list) => write!(f, "{} objects", list.len()),
            Self::Bytes(hex) => write!(f, "{} bytes", hex.len() / 2),
            Self::Word(word) => f.write_str(word),
            Self::Verified(list) => write!(f, "{} signatures", list.len()),
            Self::Refused { rv, attempts: None } => f.write_str(rv),
            Self::Refused {
                rv,
                attempts: Some(left),
            } => write!(f, "{rv}, {left} tries left"),
            Self::Cannot(why) => write!(f, "not asked: {why}"),
        }
    }
}
