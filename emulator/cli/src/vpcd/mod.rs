// SPDX-License-Identifier: MIT OR Apache-2.0
//! vpcd at the command line: our cards behind somebody's pcscd, and somebody's
//! card in our reader.

mod foreign;
mod serve;

pub(crate) use foreign::{ForeignCard, run};
pub(crate) use serve::{Endpoint, serve};
