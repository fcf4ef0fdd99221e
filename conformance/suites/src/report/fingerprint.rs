// SPDX-License-Identifier: MIT OR Apache-2.0
//! SHA-256 of reports and files.

use super::{Report, Times};
use sha2::{Digest, Sha256};

/// SHA-256 of these bytes in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Report {
    /// SHA-256 of the report without its times: two runs of the same target
    /// with the same seed have the same.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn fingerprint(&self) -> serde_json::Result<String> {
        let timeless = Self {
            times: Times::default(),
            ..self.clone()
        };
        Ok(sha256(&serde_json::to_vec(&timeless)?))
    }
}
