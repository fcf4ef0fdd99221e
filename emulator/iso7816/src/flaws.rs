// SPDX-License-Identifier: MIT OR Apache-2.0
//! All defects that the reference PKCS#11 module can be made with on purpose,
//! each as an author of middleware would make it, and a few ways of it that
//! are only different. Compiled with the feature `mutants` only; see
//! [`flaw!`](crate::flaw!).
//!
//! One library has them all. Which one it has is said by [`VARIABLE`] in the
//! environment of the process that loads it, and asked once.

use std::sync::{Mutex, OnceLock, PoisonError};

/// The variable with the name of a [`Flaw`].
pub const VARIABLE: &str = "CIE_MODULE_FLAW";

/// Flaws: a line each, with what the module does.
macro_rules! flaws {
    (
        $list:ident { $($name:ident, $text:literal;)* }
        $other:ident { $($benign:ident, $different:literal;)* }
    ) => {
        /// A defect, or something that is only different.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Flaw { $(#[doc = $text] $name,)* $(#[doc = $different] $benign,)* }

        impl Flaw {
            /// All defects, in the order of the documentation.
            pub const $list: &[Self] = &[$(Self::$name,)*];
            /// What is only different.
            pub const $other: &[Self] = &[$(Self::$benign,)*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    $(Self::$benign => stringify!($benign),)*
                }
            }

            /// What the module does.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    $(Self::$benign => $different,)*
                }
            }
        }
    };
}

flaws! {
    DEFECTS {
    // Who is logged in.
    PinKeptAfterRemoval, "the PIN is kept, and sent to whatever card comes next";
    LogoutDoesNothing, "C_Logout says CKR_OK and ends nothing";
    CloseKeepsLogin, "closing the last session does not log out";
    LoginShownAfterReset, "after a reset the login is shown that the card has forgotten";
    ResetIsRemoval, "a reset by another program is taken for a removal: the sessions are gone";
    SecondLoginSendsCode, "a second login sends the code again instead of saying CKR_USER_ALREADY_LOGGED_IN";

    // What is told about tries.
    TriesNeverTold, "no flag of the token ever tells about tries";
    FinalTryTooEarly, "the token tells the final try while two are left";
    LockedNotTold, "the token does not tell that the PIN is locked";
    TriesOneTooFew, "63Cx is read as one try less: the last one is never sent";
    LockedToldAsWrong, "CKR_PIN_INCORRECT stands for CKR_PIN_LOCKED";
    TroubleToldAsWrong, "whatever goes wrong at C_Login is CKR_PIN_INCORRECT";

    // Codes.
    VerifyStatusIgnored, "the status word of VERIFY is not looked at";
    WrongPukAccepted, "a wrong PUK is CKR_OK";
    ChangeStatusIgnored, "C_SetPIN does not look at the status word";
    WrongPinSentTwice, "a wrong PIN is sent a second time, to be sure";
    LettersSent, "a PIN with letters is sent to the card";
    LongPinCut, "a PIN that is too long is cut to eight digits";
    ShortPinPadded, "a PIN that is too short is filled up with zeros";
    UnblockKeepsPin, "C_InitPIN puts the counter back and keeps the old PIN";
    PinInTrace, "the PIN is written to standard error";
    PinInFile, "the PIN is kept in a file in the module's own folder";

    // Signatures.
    InfoSha384, "the DigestInfo of SHA-384 has the identifier of SHA-256";
    InfoSha1ForAll, "the DigestInfo of every hash has the identifier of SHA-1";
    InfoMissing, "the hash is signed without a DigestInfo";
    PiecesLost, "of a message in pieces only the last one is signed";
    LongDataCut, "what is too long to be signed is cut and signed";
    QueryEndsOperation, "asking for the length of a signature ends the operation";
    SignatureUnchecked, "a signature of the card is given out unverified";
    VerifiesAnything, "C_Verify says CKR_OK to every signature";
    PssAnnounced, "CKM_RSA_PKCS_PSS is announced, and the card cannot do it";
    RandomRepeats, "C_GenerateRandom draws the same bytes each time";

    // Secure messaging and authentication.
    MacUnchecked, "the checksum of an answer is not checked";
    MacUncheckedWithoutData, "the checksum of an answer without data is not checked";
    MacFirstHalf, "only four bytes of the checksum of an answer are compared";
    StaleAnswerAccepted, "an answer with an earlier counter is taken";
    PlainAnswerAccepted, "inside secure messaging a bare status word is taken for an answer";
    DeviceProofUnchecked, "the PIN is sent to a card that has not proved to be one";

    // Answers and lengths.
    EndlessRead, "a file is read on as long as the card says 9000, also without a byte";
    EndlessGetResponse, "GET RESPONSE is sent as long as the card says 61xx, also without a byte";
    LengthTrusted, "a BER length that is longer than the data is believed: the process dies";
    RootByAidOnly, "the root is selected by its AID only, which not every family knows";

    // Slots, cards, files.
    CertificateOfAnotherCard, "a certificate that was read from one card is shown for every card";
    KeyIdMissing, "the private key has no CKA_ID, so nobody finds its certificate";
    SlotsFromFirstLook, "C_GetSlotList tells what was there at the first call";
    RemovedCardListed, "a slot whose card was removed keeps its token";
    TokenOfFirstCard, "C_GetTokenInfo tells the card before, after a swap";
    FirstReaderOnly, "whatever slot is asked for, the card in the first reader is used";
    TransactionKept, "a PC/SC transaction is begun and never ended";
    TraceInHome, "a trace is written to a file in the home directory";

    }
    BENIGN {
    WrongLengthIsRange, "a code of a wrong length is CKR_PIN_LEN_RANGE instead of CKR_PIN_INCORRECT";
    LastWrongIsIncorrect, "the wrong PIN that blocks is CKR_PIN_INCORRECT instead of CKR_PIN_LOCKED";
    Slow, "every exchange takes 20 ms longer";
    ObjectsReversed, "objects are found in the opposite order";
    FewerMechanisms, "only CKM_RSA_PKCS and CKM_SHA256_RSA_PKCS are announced";
    }
}

/// True if this process's module has this one.
#[must_use]
pub fn is(flaw: Flaw) -> bool {
    static CHOSEN: OnceLock<Option<Flaw>> = OnceLock::new();
    *CHOSEN.get_or_init(chosen) == Some(flaw)
}

fn chosen() -> Option<Flaw> {
    let name = std::env::var(VARIABLE).ok()?;
    let mut all = Flaw::DEFECTS.iter().chain(Flaw::BENIGN);
    let flaw = all.find(|flaw| flaw.name() == name).copied();
    // A name that means nothing must not pass for a module without defect.
    flaw.or_else(|| crash())
}

/// The checksum of an answer is taken although it is not the right one.
#[must_use]
pub fn lenient_mac(right: [u8; 8], received: &[u8], without_data: bool) -> bool {
    is(Flaw::MacUnchecked)
        || is(Flaw::MacUncheckedWithoutData) && without_data
        || is(Flaw::MacFirstHalf) && right.get(..4) == received.get(..4)
}

/// A blocked code is called wrong.
#[must_use]
pub fn calls_it_wrong() -> bool {
    is(Flaw::LockedToldAsWrong) || is(Flaw::LastWrongIsIncorrect)
}

/// A right answer to this code is told whatever the card said.
#[must_use]
pub fn ignores_status(pin: bool) -> bool {
    is(if pin {
        Flaw::VerifyStatusIgnored
    } else {
        Flaw::WrongPukAccepted
    })
}

/// What a wrong access to memory comes to.
pub fn crash() -> ! {
    std::process::abort()
}

static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps bytes for the life of the process.
pub fn keep(bytes: &[u8]) {
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
}

/// What was kept last; nothing is empty.
#[must_use]
pub fn kept() -> Vec<u8> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
