// SPDX-License-Identifier: MIT OR Apache-2.0
//! The image as bytes: magic, format version, CBOR body, SHA-256 over all of
//! it. The digest finds damage; it protects against nobody.

use super::{CardImage, PIN_TRIES, PUK_TRIES};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Version of the format that this library writes. Every earlier one loads.
pub const IMAGE_VERSION: u16 = 1;

const MAGIC: &[u8; 8] = b"CIEIMAGE";
const DIGEST_LEN: usize = 32;

/// Why bytes are no card image.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The magic at the start is missing.
    #[error("this is no card image: it does not start with CIEIMAGE")]
    Foreign,
    /// The bytes end before the image does.
    #[error("the card image is cut off after {0} bytes")]
    Truncated(usize),
    /// Written by a later release.
    #[error(
        "the card image has format {found}, this program reads up to {IMAGE_VERSION}; use a newer release"
    )]
    Newer {
        /// Version in the file.
        found: u16,
    },
    /// A version number that was never released.
    #[error("the card image names format {0}, which never existed")]
    UnknownVersion(u16),
    /// The digest does not match.
    #[error("the card image is damaged: its checksum does not match")]
    Checksum,
    /// The checksum is right but the content is not an image.
    #[error("the card image has a valid checksum but an invalid body: {0}")]
    Body(String),
}

impl CardImage {
    /// The image as bytes, the same bytes for the same image.
    ///
    /// # Errors
    /// [`ImageError::Body`] if the serializer refuses, which no image made by
    /// this library causes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ImageError> {
        let mut out = MAGIC.to_vec();
        out.extend(IMAGE_VERSION.to_be_bytes());
        ciborium::into_writer(self, &mut out).map_err(|e| ImageError::Body(e.to_string()))?;
        let digest = Sha256::digest(&out);
        out.extend_from_slice(&digest);
        Ok(out)
    }

    /// Reads an image of any released format.
    ///
    /// # Errors
    /// [`ImageError`] says whether the bytes are foreign, cut off, newer or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ImageError> {
        let truncated = || ImageError::Truncated(bytes.len());
        let shown = bytes.get(..MAGIC.len()).unwrap_or(bytes);
        if !MAGIC.starts_with(shown) || bytes.is_empty() {
            return Err(ImageError::Foreign);
        }
        let (framed, digest) = bytes
            .split_last_chunk::<DIGEST_LEN>()
            .ok_or_else(truncated)?;
        let rest = framed.get(MAGIC.len()..).ok_or_else(truncated)?;
        let (version, body) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
        match u16::from_be_bytes(*version) {
            IMAGE_VERSION => {}
            0 => return Err(ImageError::UnknownVersion(0)),
            found => return Err(ImageError::Newer { found }),
        }
        if Sha256::digest(framed).as_slice() != digest {
            let content = bytes.get(MAGIC.len() + 2..).unwrap_or_default();
            return Err(if ends_early(content) {
                truncated()
            } else {
                ImageError::Checksum
            });
        }
        let mut rest = body;
        let image: Self =
            ciborium::from_reader(&mut rest).map_err(|e| ImageError::Body(e.to_string()))?;
        if !rest.is_empty() {
            return Err(ImageError::Body("bytes behind the image".to_owned()));
        }
        let state = &image.state;
        if state.pin_tries > PIN_TRIES || state.puk_tries > PUK_TRIES {
            return Err(ImageError::Body("more tries than a card has".to_owned()));
        }
        Ok(image)
    }
}

/// True if the bytes after the version end before body and digest do. Damage
/// to a length can look the same; either way the file is not usable.
fn ends_early(content: &[u8]) -> bool {
    let mut rest = content;
    match ciborium::from_reader::<CardImage, _>(&mut rest) {
        Ok(_) => rest.len() < DIGEST_LEN,
        Err(ciborium::de::Error::Io(_)) => true,
        Err(_) => false,
    }
}
