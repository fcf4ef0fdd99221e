// SPDX-License-Identifier: MIT OR Apache-2.0
//! The usual way into a card, in the order of its clients (section 4.7):
//! root, DF CIE, key-agreement domain, EF 1004, CA key, key agreement, device
//! authentication.

use super::agreement::{Agreement, TerminalShare};
use super::device::DeviceAuthentication;
use super::device_certificate::Device;
use super::objects::{CaKey, DomainForm};
use super::read::le;
use super::select::{RootForm, file};
use crate::channel::Channel;
use crate::error::Error;
use crate::keys::PublicKey;
use crate::transport::Transmit;
use rand_core::CryptoRng;

/// Everything that was read and agreed on the way into a card.
#[derive(Clone, Debug)]
pub struct Established {
    /// The way to the root that the card took.
    pub root: RootForm,
    /// The card's CA key.
    pub ca: CaKey,
    /// The key in EF 1004.
    pub card_key: PublicKey,
    /// Domain and public values of the key agreement.
    pub agreement: Agreement,
    /// Outcome of the device authentication.
    pub devices: DeviceAuthentication,
}

impl<T: Transmit> Channel<T> {
    /// Goes from any state to an authenticated session in DF CIE, with the
    /// published device. After it, PIN and PUK can be sent.
    ///
    /// # Errors
    /// As the steps: [`Channel::select_root_any`], [`Channel::select_cie`],
    /// [`Channel::read_domain`], [`Channel::read_file`],
    /// [`Channel::read_ca_key`], [`Channel::agree_keys`],
    /// [`Channel::authenticate_devices`].
    pub fn establish<R: CryptoRng + ?Sized>(
        &mut self,
        form: DomainForm,
        rng: &mut R,
    ) -> Result<Established, Error> {
        let root = self.select_root_any()?;
        self.select_cie()?;
        let domain = self.read_domain(form)?;
        let card_key = PublicKey::from_file(&self.read_file(file::DEVICE_KEY, le::ALL)?)?;
        let ca = self.read_ca_key()?;
        let share = TerminalShare::generate(&domain, rng)?;
        let agreement = self.agree_keys(&domain, &share)?;
        let device = Device::published()?;
        let devices = self.authenticate_devices(&agreement, &ca, &device, &card_key, rng)?;
        Ok(Established {
            root,
            ca,
            card_key,
            agreement,
            devices,
        })
    }
}
