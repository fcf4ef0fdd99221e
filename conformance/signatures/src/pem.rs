// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of certificates and lists: DER, or PEM with several in a row and
//! anything between them.

use crate::asn1::{Walk, unarmoured};

/// Objects in one file; a store of authorities has a few hundred.
const OBJECTS_MAX: usize = 4096;

/// Every certificate in a file, as DER; none is an empty list.
#[must_use]
pub fn certificates(file: &[u8]) -> Vec<Vec<u8>> {
    objects(file, "CERTIFICATE")
}

/// Every object with this label, as DER. A file that does not start as PEM is
/// taken to be one object.
pub(crate) fn objects(file: &[u8], label: &str) -> Vec<Vec<u8>> {
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let mut found = Vec::new();
    if file.first() == Some(&0x30) {
        let first = Walk(file).any();
        found.extend(first.ok().flatten().map(|object| object.raw.to_vec()));
        return found;
    }
    let text = String::from_utf8_lossy(file);
    let mut rest = &*text;
    while let Some((_, after)) = rest.split_once(&begin) {
        let Some((body, after)) = after.split_once(&end) else {
            break;
        };
        let armoured = format!("{begin}\n{}\n{end}\n", body.trim());
        found.push(unarmoured(armoured.as_bytes()).into_owned());
        if found.len() == OBJECTS_MAX {
            break;
        }
        rest = after;
    }
    found
}
