// SPDX-License-Identifier: MIT OR Apache-2.0
//! ISO/IEC 9796-2 digital signature scheme 1 with SHA-256 and full use of the
//! block, as the device authentication of the card uses it (section 4.4 of the
//! card facts): `6A ‖ M1 ‖ SHA-256(M1 ‖ M2) ‖ BC`.
//!
//! Only the block is made and read here. The RSA operation around it belongs
//! to whoever holds the key.

use crate::mutant;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

const HEADER: u8 = 0x6A;
const TRAILER: u8 = 0xBC;
const HASH_LEN: usize = 32;

/// Why a recovered block is no valid signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecoveryError {
    /// The block is too short to hold header, hash and trailer.
    #[error("recovered block of {0} bytes is too short for ISO 9796-2 with SHA-256")]
    Length(usize),
    /// The first byte is not 6A or the last is not BC.
    #[error("recovered block starts with {header:02X} and ends with {trailer:02X}, not 6A and BC")]
    Format {
        /// First byte of the block.
        header: u8,
        /// Last byte of the block.
        trailer: u8,
    },
    /// The hash in the block is not that of the message.
    #[error("the hash in the recovered block is not that of the message")]
    Hash,
}

/// How many message bytes a block of `block_len` bytes recovers: 222 of 256.
#[must_use]
pub fn recoverable_len(block_len: usize) -> usize {
    block_len.saturating_sub(HASH_LEN + 2)
}

/// Builds the block for a message whose recoverable part is `recoverable` and
/// whose remaining parts are `rest`, in order. The block is 34 bytes longer
/// than `recoverable`.
#[must_use]
pub fn build(recoverable: &[u8], rest: &[&[u8]]) -> Vec<u8> {
    let mut block = Vec::with_capacity(recoverable.len() + HASH_LEN + 2);
    block.push(HEADER);
    block.extend_from_slice(recoverable);
    block.extend(hash(recoverable, rest));
    block.push(TRAILER);
    block
}

/// Checks a recovered block against the remaining parts of the message and
/// returns the recovered part.
///
/// # Errors
/// [`RecoveryError`] if length, header, trailer or hash are wrong.
pub fn recover<'a>(block: &'a [u8], rest: &[&[u8]]) -> Result<&'a [u8], RecoveryError> {
    let [header, inner @ .., trailer] = block else {
        return Err(RecoveryError::Length(block.len()));
    };
    let Some((recovered, digest)) = inner.split_last_chunk::<HASH_LEN>() else {
        return Err(RecoveryError::Length(block.len()));
    };
    if (*header, *trailer) != (HEADER, TRAILER) && !mutant!(SignatureFormatUnchecked) {
        return Err(RecoveryError::Format {
            header: *header,
            trailer: *trailer,
        });
    }
    if bool::from(hash(recovered, rest).ct_eq(digest)) || mutant!(SignatureHashUnchecked) {
        Ok(recovered)
    } else {
        Err(RecoveryError::Hash)
    }
}

fn hash(recoverable: &[u8], rest: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut hasher = Sha256::new();
    hasher.update(recoverable);
    for part in rest {
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_and_recovers() {
        let block = build(&[7; 222], &[b"rest", b" of it"]);
        assert_eq!(block.len(), 256);
        assert_eq!(recover(&block, &[b"rest of it"]), Ok(&[7; 222][..]));
        assert_eq!(
            recover(&block, &[b"rest of that"]),
            Err(RecoveryError::Hash)
        );
    }

    #[test]
    fn refuses_other_formats() {
        let mut block = build(&[7; 222], &[]);
        block[0] = 0x4A;
        assert_eq!(
            recover(&block, &[]),
            Err(RecoveryError::Format {
                header: 0x4A,
                trailer: 0xBC
            })
        );
        assert_eq!(recover(&block[..33], &[]), Err(RecoveryError::Length(33)));
        assert_eq!(recover(&[], &[]), Err(RecoveryError::Length(0)));
    }
}
