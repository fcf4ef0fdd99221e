// SPDX-License-Identifier: MIT OR Apache-2.0
//! The facts about a card, in a file that people and programs read.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the format.
pub const FORMAT: u16 = 1;

const HEAD: &str = "\
# What a card of this kind is and does. No code was sent to it, nothing was written on it, and there
# is no byte of its holder in this file: no name, no number, no certificate, no key.
";

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of the format, [`FORMAT`].
    pub format: u16,
    /// Version of the bench.
    pub bench: String,
    /// What the card says about its kind.
    pub card: Card,
    /// The group of the key agreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// The form of the security object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sod: Option<Sod>,
    /// Sizes of keys.
    pub keys: Keys,
    /// What became of this project's choices.
    pub choices: Choices,
    /// Medians in microseconds, with the way to the card in them.
    pub times: BTreeMap<String, u64>,
    /// The files.
    #[serde(rename = "file")]
    pub files: Vec<File>,
    /// What the card answered to each harmless case.
    #[serde(rename = "answer")]
    pub answers: Vec<Answer>,
}

/// What the card says about its kind. Bytes are in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Answer to reset.
    pub atr: String,
    /// Name of the family with this answer to reset; empty if there is none.
    pub family: String,
    /// Content of EF.ATR.
    pub ef_atr: String,
    /// Content of EF.DIR.
    pub ef_dir: String,
    /// SELECT by the IAS AID works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_by_aid: Option<bool>,
}

/// The group of the key agreement: the same for all cards of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Size of the prime.
    pub bits: usize,
    /// SHA-256 of the prime, as the card gives it.
    pub p_sha256: String,
    /// SHA-256 of the generator.
    pub g_sha256: String,
    /// SHA-256 of the order.
    pub q_sha256: String,
}

/// The form of the security object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sod {
    /// Which of the known forms.
    pub form: String,
    /// The hash.
    pub hash: String,
    /// Numbers of the data groups.
    pub groups: Vec<u8>,
}

/// Sizes of keys in bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// Key 82, EF 1004.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_bits: Option<usize>,
    /// Key 83, EF 1005.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services_bits: Option<usize>,
    /// Key 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_bits: Option<usize>,
}

/// This project's choices, by number or by the name of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Every case that stands for it was answered so.
    pub confirmed: Vec<String>,
    /// At least one was answered otherwise.
    pub contradicted: Vec<String>,
    /// No harmless case tells.
    pub open: Vec<String>,
}

/// A file, without what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// `MF` or `CIE`.
    pub directory: String,
    /// File identifier.
    pub id: String,
    /// Status word of SELECT with the description asked for.
    pub select: String,
    /// The description (FCP).
    pub fcp: String,
    /// Status word of READ BINARY of one byte.
    pub read: String,
    /// Bytes in it; if it cannot be read, as declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
}

/// What a case was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Identifier and version of the case.
    pub case: String,
    /// On what the expected answers rest.
    pub ground: String,
    /// They came.
    pub agrees: bool,
    /// The status words in order, those inside secure messaging behind `sm`.
    pub words: Vec<String>,
}

impl Facts {
    /// The file.
    ///
    /// # Errors
    /// If it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEAD}{}", toml::to_string(self)?))
    }
}
