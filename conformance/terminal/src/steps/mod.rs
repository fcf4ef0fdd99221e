// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps a client of the card takes, as methods of
//! [`Channel`](crate::Channel), grouped by what they are for.

pub mod agreement;
pub mod code;
pub mod device;
pub mod device_certificate;
pub mod establish;
pub mod fcp;
pub mod objects;
pub mod read;
pub mod select;
pub mod sign;

#[cfg(test)]
pub(crate) mod tests;

/// MANAGE SECURITY ENVIRONMENT.
const MSE: u8 = 0x22;
/// Algorithm reference of the key agreement and of the card's device
/// authentication (sections 4.2 and 4.4 f).
const ALGORITHM_DH: [u8; 3] = [0x80, 0x01, 0x9B];
