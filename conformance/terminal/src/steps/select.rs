// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ways to applications and files (sections 1.1, 1.2 and 2.2).

use super::fcp::Fcp;
use crate::channel::{Answer, Channel};
use crate::error::Error;
use crate::transport::Transmit;
use hex_literal::hex;
use iso7816_wire::{CommandApdu, StatusWord, flaw};

/// AID of the IAS ECC root.
pub const AID_IAS: [u8; 13] = hex!("A0000000308000000009816001");
/// AID of the CIE application (DF CIE).
pub const AID_CIE: [u8; 6] = hex!("A00000000039");

const SELECT: u8 = 0xA4;
/// P2 of a SELECT that wants no answer.
const NO_ANSWER: u8 = 0x0C;
/// P2 of a SELECT that wants file control parameters.
const WITH_FCP: u8 = 0x04;

/// Identifiers of the elementary files (section 2).
pub mod file {
    /// EF.DIR, in the root.
    pub const DIR: u16 = 0x2F00;
    /// EF.ATR, in the root.
    pub const ATR: u16 = 0x2F01;
    /// EF.SN.ICC with the card's serial number ("PAN"), in the root.
    pub const SERIAL_ICC: u16 = 0xD003;
    /// EF.DH, in the root.
    pub const DH: u16 = 0xD004;
    /// EF.ID_Servizi (NIS), in DF CIE like all that follow.
    pub const ID_SERVIZI: u16 = 0x1001;
    /// EF.Seriale; behind the PIN.
    pub const SERIAL: u16 = 0x1002;
    /// EF.Cert_CIE, the citizen's certificate; behind the PIN.
    pub const CERTIFICATE: u16 = 0x1003;
    /// EF.Int.Kpub: public key of the card's device authentication (key 82).
    pub const DEVICE_KEY: u16 = 0x1004;
    /// EF.Servizi_Int.Kpub: public key of the anti-cloning key (key 83).
    pub const ANTI_CLONING_KEY: u16 = 0x1005;
    /// EF.SOD, the security object.
    pub const SOD: u16 = 0x1006;
}

/// Short identifiers in DF CIE (section 2).
pub mod sfi {
    /// EF.ID_Servizi (NIS).
    pub const ID_SERVIZI: u8 = 0x01;
    /// EF.Seriale.
    pub const SERIAL: u8 = 0x02;
    /// EF.Cert_CIE.
    pub const CERTIFICATE: u8 = 0x03;
    /// EF.Int.Kpub.
    pub const DEVICE_KEY: u8 = 0x04;
    /// EF.Servizi_Int.Kpub.
    pub const ANTI_CLONING_KEY: u8 = 0x05;
    /// EF.SOD.
    pub const SOD: u8 = 0x06;
}

/// The three ways to the IAS root (section 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RootForm {
    /// By AID: Gemalto and STM families, and every mobile client.
    Aid,
    /// The four-byte `00 A4 00 00`: NXP, Actalis and Bit4id families.
    Bare,
    /// By file identifier 3F00.
    FileId,
}

impl RootForm {
    /// The command as the clients send it.
    #[must_use]
    pub fn command(self) -> CommandApdu {
        match self {
            Self::Aid => CommandApdu::new(0, SELECT, 0x04, NO_ANSWER).with_data(AID_IAS),
            Self::Bare => CommandApdu::new(0, SELECT, 0x00, 0x00),
            Self::FileId => CommandApdu::new(0, SELECT, 0x00, 0x00).with_data(hex!("3F00")),
        }
    }
}

impl<T: Transmit> Channel<T> {
    /// Selects an application by AID, in plain; this ends any session, as on
    /// every client (section 1.2). The status is the caller's to look at.
    ///
    /// # Errors
    /// As [`Channel::send_plain`].
    pub fn select_application(&mut self, aid: &[u8]) -> Result<Answer, Error> {
        self.end_session();
        self.send_plain(&CommandApdu::new(0, SELECT, 0x04, NO_ANSWER).with_data(aid))
    }

    /// Selects the IAS root in one form, in plain; ends any session.
    ///
    /// # Errors
    /// [`Error::Status`] unless the card answers 9000, else as
    /// [`Channel::send_plain`].
    pub fn select_root(&mut self, form: RootForm) -> Result<(), Error> {
        self.end_session();
        self.send_plain(&form.command())?
            .require("selecting the IAS root")
            .map(drop)
    }

    /// Selects the IAS root by AID, and in the bare form if the card does not
    /// know that AID (6A82), as newer mobile clients do. Returns the form that
    /// worked.
    ///
    /// # Errors
    /// As [`select_root`](Self::select_root).
    pub fn select_root_any(&mut self) -> Result<RootForm, Error> {
        match self.select_root(RootForm::Aid) {
            Ok(()) => Ok(RootForm::Aid),
            Err(Error::Status {
                sw: StatusWord::FILE_NOT_FOUND,
                ..
            }) if !flaw!(RootByAidOnly) => {
                self.select_root(RootForm::Bare).map(|()| RootForm::Bare)
            }
            Err(error) => Err(error),
        }
    }

    /// Selects DF CIE by AID, in plain; ends any session.
    ///
    /// # Errors
    /// [`Error::Status`] unless the card answers 9000, else as
    /// [`Channel::send_plain`].
    pub fn select_cie(&mut self) -> Result<(), Error> {
        self.select_application(&AID_CIE)?
            .require("selecting the CIE application")
            .map(drop)
    }

    /// Selects an elementary file of the current application, in plain or in
    /// the session, asking for its file control parameters
    /// (`00 A4 02 04 02 hh ll`). Cards that send none give an empty [`Fcp`].
    ///
    /// # Errors
    /// [`Error::Status`] unless the card answers 9000, [`Error::Malformed`] if
    /// what it sends is not an FCP, else as [`Channel::send`].
    pub fn select_file(&mut self, id: u16) -> Result<Fcp, Error> {
        let command = CommandApdu::new(0, SELECT, 0x02, WITH_FCP).with_data(id.to_be_bytes());
        Fcp::parse(&self.send(&command)?.require("selecting a file")?)
    }
}
