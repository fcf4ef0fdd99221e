// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cases of a unit have in common: why they are there, the rule they
//! hold a card to, and how much it matters.

use super::Severity::{self, Critical, Major, Minor};

/// What the cases of a unit have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub(super) purpose: &'static str,
    pub(super) requirement: &'static str,
    pub(super) severity: Severity,
}

const fn unit(severity: Severity, purpose: &'static str, requirement: &'static str) -> About {
    About {
        purpose,
        requirement,
        severity,
    }
}

/// The text for a unit.
pub(super) fn about(name: &str) -> About {
    match name {
        "ROOT" => unit(
            Major,
            "Clients of different makers reach the IAS root in different ways.",
            "Every way to the root that the card's family has leads there, and the others are refused.",
        ),
        "SEL" => unit(
            Major,
            "A client must reach each application and file, and must learn that another one is absent.",
            "SELECT finds exactly what exists in the current directory and answers with what P2 asks for.",
        ),
        "FCP" => unit(
            Minor,
            "Clients take file sizes and access rules from the control parameters.",
            "The file control parameters describe the file that was selected.",
        ),
        "FILE" => unit(
            Major,
            "Clients parse these contents.",
            "Each file has the content and the size that clients rely on.",
        ),
        "READ" => unit(
            Major,
            "Clients read files piece by piece and stop by what the card answers.",
            "READ BINARY gives the bytes asked for, and tells the end of the file as clients expect it.",
        ),
        "ODD" => unit(
            Minor,
            "Files can also be read with offsets in data objects.",
            "READ BINARY with odd instruction gives the bytes asked for in DO 53.",
        ),
        "DATA" => unit(
            Major,
            "The key agreement and the counters are read by GET DATA.",
            "GET DATA gives the objects named in the header list, and only those that are free.",
        ),
        "RESP" => unit(
            Major,
            "Answers of more than 256 bytes come in pieces.",
            "GET RESPONSE gives the rest of the last answer and of no other.",
        ),
        "CHAIN" => unit(
            Major,
            "Data of more than 255 bytes go to the card in pieces.",
            "The pieces of a chain are one command; a broken chain is no command.",
        ),
        "KAT" => unit(
            Critical,
            "The session keys come from the key agreement.",
            "The card agrees on keys by the announced domain and refuses values that give keys away.",
        ),
        "SM" => unit(
            Critical,
            "Secure messaging keeps everything between terminal and card from others.",
            "Only a command with the right objects, in the right order, counter and MAC is executed; anything else ends the session.",
        ),
        "MSE" => unit(
            Major,
            "Keys are chosen by MANAGE SECURITY ENVIRONMENT.",
            "A key is chosen if it exists and is for that use, and only then.",
        ),
        "CHAL" => unit(
            Critical,
            "A challenge proves that an answer is fresh.",
            "A challenge is random, 8 bytes long and good for one use.",
        ),
        "DAPP" => unit(
            Critical,
            "The device authentication opens the citizen's data.",
            "Only a terminal with a valid certificate, its key and this session's challenge is let in, and the card proves itself.",
        ),
        "ACC" => unit(
            Critical,
            "Files and keys open step by step.",
            "Nothing is open before the steps that its access rule names, and it closes when they are undone.",
        ),
        "PIN" => unit(
            Critical,
            "The PIN opens the citizen's key.",
            "Three wrong PINs in a row block it, each is counted before it is compared, and no way around the counter exists.",
        ),
        "PUK" => unit(
            Critical,
            "The PUK gives a blocked PIN back.",
            "Ten wrong PUKs end the digital identity, and only a right one resets the PIN.",
        ),
        "SIGN" => unit(
            Critical,
            "The citizen's key signs, and key 83 proves the NIS.",
            "A signature is right, of the chosen key, and is made only when that key is open.",
        ),
        "DOOR" => unit(
            Major,
            "Any bytes can come in.",
            "What is no command APDU is refused with a status word, and harms nothing.",
        ),
        "CLA" => unit(
            Minor,
            "Class bytes say how a command is to be read.",
            "Class bytes that the card does not know are refused by their kind.",
        ),
        "INS" => unit(
            Minor,
            "A card has only the commands that it needs.",
            "Instructions that the card does not have are refused.",
        ),
        "PAR" => unit(
            Minor,
            "Parameters out of range show what a parser lets through.",
            "Wrong parameters and data fields are refused with the status word of their kind and change nothing.",
        ),
        "RESET" => unit(
            Critical,
            "What was opened must close with power and reset.",
            "A reset forgets sessions, codes, chains and challenges; counters stay.",
        ),
        _ => unit(Minor, "", ""),
    }
}
