// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two primitives of a session, and ISO/IEC 9797-1 padding method 2.

use super::SessionKeys;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use des::{Des, TdesEde2};
use retail_mac::{Mac, RetailMac};
use subtle::ConstantTimeEq;

const BLOCK: usize = 8;

/// 3DES-CBC with a zero IV and the retail MAC, keys already expanded.
#[derive(Clone)]
pub struct Primitives {
    cipher: TdesEde2,
    mac: RetailMac<Des>,
}

impl Primitives {
    /// Expands the keys.
    #[must_use]
    pub fn new(keys: &SessionKeys) -> Self {
        Self {
            cipher: TdesEde2::new((&*keys.enc).into()),
            mac: RetailMac::new((&*keys.mac).into()),
        }
    }

    /// Encrypts whole blocks in place; trailing bytes that fill no block stay
    /// as they are.
    pub fn encrypt(&self, data: &mut [u8]) {
        let mut mode = cbc::Encryptor::inner_iv_init(&self.cipher, &Default::default());
        for block in data.as_chunks_mut::<BLOCK>().0 {
            mode.encrypt_block(block.into());
        }
    }

    /// Decrypts whole blocks in place.
    pub fn decrypt(&self, data: &mut [u8]) {
        let mut mode = cbc::Decryptor::inner_iv_init(&self.cipher, &Default::default());
        for block in data.as_chunks_mut::<BLOCK>().0 {
            mode.decrypt_block(block.into());
        }
    }

    /// Retail MAC over `data`, which has to be padded already: the crate behind
    /// it pads with zeros only, which is method 1.
    #[must_use]
    pub fn mac(&self, data: &[u8]) -> [u8; BLOCK] {
        let mut mac = self.mac.clone();
        mac.update(data);
        mac.finalize().into_bytes().into()
    }

    /// Compares a received MAC with that of the padded `data`, in constant time.
    #[must_use]
    pub fn mac_is(&self, data: &[u8], mac: &[u8]) -> bool {
        self.mac(data).ct_eq(mac).into()
    }
}

/// Appends 80 and zeros up to a whole number of blocks.
pub fn pad(data: &mut Vec<u8>) {
    data.push(0x80);
    data.resize(data.len().next_multiple_of(BLOCK), 0);
}

/// Removes the padding: zeros, then 80. `None` if it is not there.
#[must_use]
pub fn unpad(data: &[u8]) -> Option<&[u8]> {
    let end = data.iter().rposition(|b| *b != 0)?;
    match data.split_at_checked(end)? {
        (content, [0x80, zeros @ ..]) if zeros.len() < BLOCK => Some(content),
        _ => None,
    }
}
