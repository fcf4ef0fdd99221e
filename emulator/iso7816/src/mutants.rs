// SPDX-License-Identifier: MIT OR Apache-2.0
//! All defects that a card can be made with on purpose, each as a person or a
//! vendor would make it. Compiled with the feature `mutants` only; see
//! [`mutant!`](crate::mutant!).

use crate::CommandApdu;
use crate::sm::pad;
use std::cell::Cell;

/// Defects: a line each, with what is wrong about the card.
macro_rules! defects {
    ($($name:ident, $text:literal;)*) => {
        /// A defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Mutant { $(#[doc = $text] $name,)* }

        impl Mutant {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What is wrong about the card.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

defects! {
    // PIN and PUK.
    TryWrittenLate, "the try is written after the answer: a reset right after a wrong PIN gives it back";
    TriesEndless, "a wrong code takes no try";
    PukTriesEndless, "a wrong PUK takes no try";
    TriesToldOneTooMany, "63Cx tells one try more than there is";
    LastTrySays6983, "the wrong code that blocks is answered with 6983 instead of 63C0";
    BlockedSays63C0, "a blocked code is answered with 63C0 instead of 6983";
    BlockedStillCompares, "a blocked code is still compared";
    RightCodeRefillsNothing, "the right code does not put its counter back";
    HalfCodeIsEnough, "only the first four digits are compared";
    PukIsPin, "the PUK is taken for the PIN, too";
    WrongCodeKeepsStatus, "a wrong code leaves the code verified";
    WrongPinTakesGrant, "a wrong PIN takes the grant of the PUK back";
    WrongLengthCosts, "a code of a wrong length costs a try";
    EmptyVerifyVerifies, "an empty VERIFY verifies";
    EmptyVerifyCosts, "an empty VERIFY costs a try";
    CodesInPlain, "codes are taken without secure messaging";
    CodesWithoutDevice, "codes are taken without device authentication";
    DeadCardLives, "codes are taken although the PUK is exhausted";
    PinNeverNeeded, "device authentication is enough for what needs the PIN";
    PinRefillsPuk, "the right PIN puts the PUK's counter back, too";
    ChangeIgnoresOld, "CHANGE REFERENCE DATA does not look at the old PIN";
    ChangeKeepsCounter, "CHANGE REFERENCE DATA does not put the counter back";
    ChangeStoresNothing, "CHANGE REFERENCE DATA says 9000 and keeps the old PIN";
    ChangeVerifies, "CHANGE REFERENCE DATA verifies the PIN";
    ChangeWhileBlocked, "CHANGE REFERENCE DATA works while the PIN is blocked";
    ResetRetryWithoutPuk, "RESET RETRY COUNTER works without the PUK";
    ResetRetryByPin, "RESET RETRY COUNTER works after the PIN";
    ResetRetryDoesNothing, "RESET RETRY COUNTER says 9000 and does nothing";
    ResetRetryOfPuk, "RESET RETRY COUNTER puts the PUK's counter back";
    GrantNotUsedUp, "one PUK sets new PINs for ever";
    NewPinIsVerified, "a PIN set by RESET RETRY COUNTER is verified at once";
    TriesObjectStale, "GET DATA always tells three PIN tries";

    // Resets and directories.
    ResetKeepsStatus, "PIN and device authentication survive a reset";
    ResetKeepsSession, "the session survives a reset";
    ResetKeepsDirectory, "the current directory survives a reset";
    ResetKeepsAnswer, "an answer that waits survives a reset";
    ResetKeepsChain, "the pieces of a chain survive a reset";
    ResetRefillsPin, "a reset puts the PIN's counter back";
    RandomStartsAgain, "the random numbers are the same after every reset";
    SelectKeepsStatus, "PIN and device authentication survive SELECT of an application";
    SelectKeepsEnvironment, "the chosen key survives SELECT of an application";
    SelectKeepsFile, "the current file survives SELECT of an application";

    // Secure messaging.
    SmMacUnchecked, "the checksum of a command is not checked";
    SmMacFirstHalf, "only four bytes of the checksum are checked";
    SmMacAnyLength, "a shorter checksum is checked as far as it goes";
    SmMacOptional, "a command without checksum is taken";
    SmMissingIsIncorrect, "a missing checksum is answered with 6988 instead of 6987";
    SmPaddingUnchecked, "the padding of the decrypted data is not checked";
    SmPadsOnlyWhenNeeded, "answers of whole blocks are not padded";
    SmAnyIndicator, "the padding indicator is not checked";
    SmAnyOrder, "objects come in any order and more than once";
    SmUnknownObjectIgnored, "unknown objects are ignored";
    SmEitherCryptogram, "DO 85 and DO 87 stand for each other";
    SmLongLe, "a short command may have two bytes in DO 97";
    SmAnswersIn87, "answers to odd instructions come in DO 87";
    SmStatusAlwaysOk, "DO 99 always says 9000";
    SmErrorsUnsigned, "answers without 9000 have no checksum";
    ErrorsInPlain, "errors in a session are answered in plain";
    SscFrozen, "the send sequence counter never moves";
    SscOnlyForSuccess, "the counter moves for answers with 9000 only";
    SscReplayed, "the last command is taken a second time";
    SscNotSet, "device authentication does not set the counter";
    SscHalvesSwapped, "the counter after the device authentication has its halves swapped";
    FailureKeepsSession, "the session survives a failure of secure messaging";
    PlainInSession, "plain commands are executed in a session, and it goes on";
    PlainRefusedSessionLives, "a plain command is refused, and the session goes on";
    GarbageKeepsSession, "what is no command is refused, and the session goes on";
    EndKeepsStatus, "PIN and device authentication survive the end of the session";
    EndKeepsChain, "the pieces of a chain survive the end of the session";
    AgreementKeepsStatus, "PIN and device authentication survive a new key agreement";

    // Key agreement and keys.
    DhSmallAccepted, "a public value of 0 or 1 is taken";
    DhLargeAccepted, "a public value of p - 1 is taken";
    DhSecretConstant, "the card's secret is the same in every key agreement";
    KeysInRoot, "the keys of the application can be chosen from the root";
    Keys81And83Swapped, "keys 81 and 83 are swapped";
    Key83Is81, "key 83, which needs no PIN, signs with key 81";
    Key81WithoutPin, "key 81 signs without PIN";
    Key83NeedsPin, "key 83 needs the PIN";
    KeyByDefault, "INTERNAL AUTHENTICATE works without a chosen key";
    SignsNothing, "an empty field is signed";
    MseAnyAlgorithm, "the algorithm is not checked";
    MseLastObjectWins, "of an object that comes twice the last one counts";
    MseUnknownObjectIgnored, "unknown objects in a security environment are ignored";
    PublicKey81Free, "the citizen's public key can be read without PIN";

    // Device authentication.
    ChallengeConstant, "the challenge is always the same";
    ChallengeHalfConstant, "half of the challenge is always zero";
    ChallengeOfAnyLength, "GET CHALLENGE ignores Le";
    ChallengeServesTwice, "a challenge can be answered twice";
    ChallengeWaits, "a challenge survives other commands";
    ChallengeBeforeServes, "a proof over the challenge before the last one is taken, too";
    CertificateSignatureUnchecked, "the signature of the terminal's certificate is not checked";
    CertificateRoleUnchecked, "the role in the certificate is not checked";
    CertificateAuthorityUnchecked, "the authority in the certificate is not checked";
    CertificateOidUnchecked, "the object identifier in the certificate is not checked";
    CertificateProfileUnchecked, "the profile of the certificate is not checked";
    CertificateObjectIgnored, "unknown objects in the certificate are ignored";
    CertificateInPlain, "the certificate is taken without secure messaging";
    CertificateWithoutKey, "the certificate is taken although key 84 was not chosen";
    HolderUnchecked, "the terminal's key can be chosen by any name";
    TerminalKeyNotChosen, "the terminal's key need not be chosen";
    SignatureHashUnchecked, "the hash in certificates and proofs is not checked";
    SignatureFormatUnchecked, "header and trailer of certificates and proofs are not checked";
    ProofUnchecked, "the terminal's proof is not checked";
    ProofOfAnyMessage, "any signature of the terminal's key is a proof";
    ProofSerialUnchecked, "the serial number in the proof is not that of the certificate";
    ProofWithoutChallenge, "a proof is taken without a challenge";
    NewProofKeepsDevice, "device authentication survives a failed proof";
    NewProofKeepsPin, "the PIN survives a new proof";
    ProofServesTwice, "the card answers one proof of the terminal twice";
    CardProofWithoutTerminal, "the card proves itself to a terminal that did not";

    // Files and data objects.
    SerialFree, "EF.Seriale can be read by everybody";
    CertificateFree, "EF.Cert_CIE can be read by everybody";
    SfiOneTooHigh, "short file identifiers are one off";
    SfiSelectsNothing, "reading by short file identifier does not select the file";
    OffsetIsP2, "the offset is P2 alone";
    OddOffsetIsLastByte, "the offset in DO 54 is its last byte alone";
    OddAnswersIn54, "READ BINARY with odd instruction answers in DO 54";
    ReadOverEndIsOk, "reading over the end of a file is answered with 9000";
    ReadBehindEndIsOk, "reading behind the end of a file is answered with 9000 and no data";
    NameByItsStart, "an application is selected by the first bytes of its name";
    RootNotByName, "the root cannot be selected by its name";
    FailedSelectForgetsFile, "a SELECT that fails forgets the current file";
    SelectSetsNoFile, "SELECT of a file answers and selects nothing";
    FciIsFcp, "SELECT with P2 00 answers in template 62";
    FcpSizeWrong, "the file control parameters tell a wrong size";
    FcpSfiNotShifted, "the short file identifier in DO 88 is not shifted";
    FcpSaysFree, "the access rules in the file control parameters are those of free files";
    HeaderListNamesTwice, "a header list may name an object many times";

    // Commands, chains and answers.
    AnyClass, "all class bytes are taken";
    AnyChannel, "logical channels are ignored";
    ExtendedLengthAnyway, "extended length is taken although EF.ATR denies it";
    ChainOfAnyHeader, "a chain goes on with another command";
    ChainInAndOut, "a chain goes on across the border of secure messaging";
    ChainDroppedSilently, "another command in a chain is executed";
    ChainForgetsPieces, "only the last piece of a chain is used";
    ChainEndless, "a chain of any length is collected";
    AnswerWaitsForEver, "GET RESPONSE gives the rest of an older answer";
    AnswerServedTwice, "GET RESPONSE gives the same rest again";
    GetResponseAnyParameters, "GET RESPONSE ignores P1 and P2";
    LeIgnored, "more is answered than Le asks for";
    RestLosesAByte, "the rest of a long answer loses its last byte";
    RestToldOneTooMany, "61xx tells one byte more than there is";
    RestCutOff, "a long answer is cut off and answered with 9000";
}

thread_local! {
    static AT_WORK: Cell<Option<Mutant>> = const { Cell::new(None) };
    static TRIES: Cell<u8> = const { Cell::new(3) };
    /// The last challenge and the one before.
    static CHALLENGES: Cell<[[u8; 8]; 2]> = const { Cell::new([[0; 8]; 2]) };
}

/// Notes a challenge that the card gives out.
pub fn note_challenge(challenge: [u8; 8]) {
    let [last, _] = CHALLENGES.get();
    CHALLENGES.set([challenge, last]);
}

/// What was signed is this message, but for the challenge before the last one
/// in its third part.
fn over_the_one_before(block: &[u8], message: &[&[u8]]) -> bool {
    let [_, before] = CHALLENGES.get();
    let mut message = message.to_vec();
    if let Some(part) = message.get_mut(2) {
        *part = &before;
    }
    crate::iso9796::recover(block, &message).is_ok()
}

/// Notes the PIN tries before a command.
pub fn note_tries(tries: u8) {
    TRIES.set(tries);
}

/// The PIN tries before the last command of the card that works in this
/// thread.
#[must_use]
pub fn tries_before() -> u8 {
    TRIES.get()
}

/// Runs `work` of a card with this defect. Whatever else runs in this thread,
/// before and after, has none.
pub fn with<T>(mutant: Mutant, work: impl FnOnce() -> T) -> T {
    /// Takes the defect back, also if the card panics.
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            AT_WORK.set(None);
        }
    }
    AT_WORK.set(Some(mutant));
    let _leave = Leave;
    work()
}

/// True while a card with this defect is at work.
#[must_use]
pub fn is(mutant: Mutant) -> bool {
    AT_WORK.get() == Some(mutant)
}

/// The checksum that was received is taken although it is not the right one.
#[must_use]
pub fn lenient_mac(right: [u8; 8], received: &[u8]) -> bool {
    is(Mutant::SmMacUnchecked)
        || is(Mutant::SmMacOptional) && received.is_empty()
        || is(Mutant::SmMacFirstHalf) && right.get(..4) == received.get(..4)
        || is(Mutant::SmMacAnyLength) && right.starts_with(received)
}

/// What a checksum covers if objects can come in any order: all that comes
/// before the ten bytes of the checksum itself.
#[must_use]
pub fn as_received(ssc: [u8; 8], command: &CommandApdu) -> Vec<u8> {
    let mut input = [&ssc[..], &command.header()].concat();
    pad(&mut input);
    let covered = command.data.len().saturating_sub(10);
    input.extend(command.data.iter().take(covered));
    pad(&mut input);
    input
}

/// The command brings the cryptogram of the other kind of instruction.
#[must_use]
pub fn other_cryptogram(command: &CommandApdu) -> bool {
    let other = if command.ins & 1 == 1 { 0x87 } else { 0x85 };
    is(Mutant::SmEitherCryptogram) && command.data.first() == Some(&other)
}

/// The first digits of a code are enough.
#[must_use]
pub fn half_is_enough(half: &str, candidate: &[u8]) -> bool {
    is(Mutant::HalfCodeIsEnough) && candidate.starts_with(half.as_bytes())
}

/// RESET RETRY COUNTER is allowed without the PUK.
#[must_use]
pub fn grants_reset(pin_verified: bool) -> bool {
    is(Mutant::ResetRetryWithoutPuk) || is(Mutant::ResetRetryByPin) && pin_verified
}

/// The security status survives SELECT of a directory.
#[must_use]
pub fn keeps_status(session_is_live: bool) -> bool {
    is(Mutant::SelectKeepsStatus) || is(Mutant::ResetKeepsStatus) && !session_is_live
}

/// Any signature of the right form is one, or one over an older challenge.
#[must_use]
pub fn any_message(block: &[u8], message: &[&[u8]]) -> bool {
    let of_the_form = block.starts_with(&[0x6A]) && block.ends_with(&[0xBC]);
    is(Mutant::ProofOfAnyMessage) && of_the_form
        || is(Mutant::ChallengeBeforeServes) && over_the_one_before(block, message)
}

/// Any role of the application is the terminal's.
#[must_use]
pub fn any_role(authorisation: &[u8], application: &[u8]) -> bool {
    is(Mutant::CertificateRoleUnchecked) && authorisation.starts_with(application)
}
