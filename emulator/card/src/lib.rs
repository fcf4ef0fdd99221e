// SPDX-License-Identifier: MIT OR Apache-2.0
//! A software CIE 3.0 chip.
pub mod image;
pub use image::{CardImage, Profile};
