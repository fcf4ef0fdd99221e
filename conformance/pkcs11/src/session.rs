// SPDX-License-Identifier: MIT OR Apache-2.0
//! One session: its search, its digest, its signature, its verification.

use crate::failure::Failure;
use crate::lock::{Mutex, locked};
use crate::mechanisms::{Block, Hasher, Mechanism};
use crate::objects::{Object, Objects};
use crate::token::Token;
use cie_terminal::keys::PublicKey;
use cryptoki_sys as ck;
use iso7816_wire::flaw;
use std::collections::VecDeque;

/// How much room the caller has for a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// None: the caller asks for the length.
    Query,
    /// A buffer of so many bytes.
    Bytes(usize),
}

/// What goes back to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Produced {
    /// The length was asked for; the operation goes on.
    Length(usize),
    /// The buffer is too small for so many bytes; the operation goes on.
    TooSmall(usize),
    /// The result; the operation has ended.
    Done(Vec<u8>),
}

impl Room {
    /// What to say about a result of `len` bytes that is not yet made, or
    /// `None` if it fits.
    fn refuses(self, len: usize) -> Option<Produced> {
        match self {
            Self::Query => Some(Produced::Length(len)),
            Self::Bytes(room) if room < len => Some(Produced::TooSmall(len)),
            Self::Bytes(_) => None,
        }
    }
}

/// A signature or verification on its way.
#[derive(Debug)]
struct Signing {
    block: Block,
    key: PublicKey,
    /// A part was given, so only the multi-part calls go on.
    in_parts: bool,
}

impl Signing {
    fn len(&self) -> usize {
        self.key.modulus().len()
    }

    fn update(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.in_parts = true;
        self.block.update(part, self.key.modulus().len())
    }

    /// Starts it: the key must be the right one and known.
    fn begin(mechanism: Mechanism, objects: &Objects) -> Result<Self, Failure> {
        let certificate = objects.certificate.as_ref();
        Ok(Self {
            block: Block::new(mechanism)?,
            key: certificate.ok_or(Failure::KeyHandleInvalid)?.key().clone(),
            in_parts: false,
        })
    }
}

/// One session's own state.
#[derive(Debug)]
pub struct Session {
    /// Its slot.
    pub slot: ck::CK_SLOT_ID,
    /// The token's count of removals when it was opened.
    pub epoch: u64,
    /// A read/write session.
    pub writable: bool,
    found: Option<VecDeque<ck::CK_OBJECT_HANDLE>>,
    digest: Option<(Hasher, bool)>,
    signing: Option<Signing>,
    verifying: Option<Signing>,
}

impl Session {
    /// A session without operations.
    #[must_use]
    pub fn new(slot: ck::CK_SLOT_ID, epoch: u64, writable: bool) -> Self {
        Self {
            slot,
            epoch,
            writable,
            found: None,
            digest: None,
            signing: None,
            verifying: None,
        }
    }

    /// True in the middle of a signature.
    #[must_use]
    pub fn is_signing(&self) -> bool {
        self.signing.is_some()
    }

    /// Ends a digest, if one was begun.
    pub fn drop_digest(&mut self) {
        self.digest = None;
    }

    /// Ends a signature, if one was begun.
    pub fn drop_signing(&mut self) {
        self.signing = None;
    }

    /// Ends a verification, if one was begun.
    pub fn drop_verifying(&mut self) {
        self.verifying = None;
    }

    /// True in the middle of a search.
    #[must_use]
    pub fn is_searching(&self) -> bool {
        self.found.is_some()
    }

    /// `C_FindObjectsInit`, with what was found.
    pub fn begin_search(&mut self, found: &[Object]) {
        self.found = Some(found.iter().map(|object| object.handle()).collect());
    }

    /// `C_FindObjects`: the next handles, at most `max`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`].
    pub fn next_found(&mut self, max: usize) -> Result<Vec<ck::CK_OBJECT_HANDLE>, Failure> {
        let found = self.found.as_mut();
        let found = found.ok_or(Failure::OperationNotInitialised)?;
        Ok(found.drain(..max.min(found.len())).collect())
    }

    /// `C_FindObjectsFinal`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`].
    pub fn end_search(&mut self) -> Result<(), Failure> {
        let ended = self.found.take().map(drop);
        ended.ok_or(Failure::OperationNotInitialised)
    }

    /// A token without `CKF_DUAL_CRYPTO_OPERATIONS` does one cryptographic
    /// operation at a time in a session (PKCS#11 v2.40, section 5.1.6,
    /// `CKR_OPERATION_ACTIVE`). A search beside it does no harm.
    fn expect_no_operation(&self) -> Result<(), Failure> {
        if self.digest.is_some() || self.signing.is_some() || self.verifying.is_some() {
            return Err(Failure::OperationActive);
        }
        Ok(())
    }

    /// `C_DigestInit`.
    ///
    /// # Errors
    /// [`Failure::OperationActive`], [`Failure::MechanismInvalid`].
    pub fn begin_digest(&mut self, mechanism: Mechanism) -> Result<(), Failure> {
        self.expect_no_operation()?;
        let Mechanism::Digest(algorithm) = mechanism else {
            return Err(Failure::MechanismInvalid);
        };
        self.digest = Some((Hasher::new(algorithm), false));
        Ok(())
    }

    /// `C_Digest`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`], [`Failure::OperationActive`] in
    /// the middle of a multi-part digest, which this ends.
    pub fn digest(&mut self, data: &[u8], room: Room) -> Result<Produced, Failure> {
        match self.digest {
            None => return Err(Failure::OperationNotInitialised),
            Some((_, true)) => {
                self.digest = None;
                return Err(Failure::OperationActive);
            }
            Some((ref hasher, false)) => {
                if let Some(refused) = room.refuses(hasher.algorithm().digest_len()) {
                    return Ok(refused);
                }
            }
        }
        self.update_digest(data)?;
        self.end_digest(room)
    }

    /// `C_DigestUpdate`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`].
    pub fn update_digest(&mut self, part: &[u8]) -> Result<(), Failure> {
        let (hasher, in_parts) = self
            .digest
            .as_mut()
            .ok_or(Failure::OperationNotInitialised)?;
        *in_parts = true;
        hasher.update(part);
        Ok(())
    }

    /// `C_DigestFinal`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`].
    pub fn end_digest(&mut self, room: Room) -> Result<Produced, Failure> {
        let (hasher, _) = self
            .digest
            .as_ref()
            .ok_or(Failure::OperationNotInitialised)?;
        if let Some(refused) = room.refuses(hasher.algorithm().digest_len()) {
            return Ok(refused);
        }
        let (hasher, _) = self.digest.take().ok_or(Failure::GeneralError)?;
        Ok(Produced::Done(hasher.finish()))
    }

    /// `C_SignInit`.
    ///
    /// # Errors
    /// [`Failure::OperationActive`], [`Failure::MechanismInvalid`],
    /// [`Failure::UserNotLoggedIn`] for the private key before login,
    /// [`Failure::KeyFunctionNotPermitted`] for the public key,
    /// [`Failure::KeyHandleInvalid`] for anything else.
    pub fn begin_signing(
        &mut self,
        mechanism: Mechanism,
        key: ck::CK_OBJECT_HANDLE,
        objects: &Objects,
    ) -> Result<(), Failure> {
        self.expect_no_operation()?;
        if key == Object::PrivateKey.handle() && !objects.private {
            return Err(Failure::UserNotLoggedIn);
        }
        match objects.by_handle(key) {
            Ok(Object::PrivateKey) => {}
            Ok(Object::PublicKey) => return Err(Failure::KeyFunctionNotPermitted),
            _ => return Err(Failure::KeyHandleInvalid),
        }
        self.signing = Some(Signing::begin(mechanism, objects)?);
        Ok(())
    }

    /// `C_Sign`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`], [`Failure::OperationActive`] in
    /// the middle of a multi-part signature, [`Failure::DataLenRange`], and
    /// those of [`Token::sign`]. All of them end the operation.
    pub fn sign(
        &mut self,
        data: &[u8],
        room: Room,
        token: &Mutex<Token>,
    ) -> Result<Produced, Failure> {
        let signing = self.signing.as_ref();
        let signing = signing.ok_or(Failure::OperationNotInitialised)?;
        if signing.in_parts {
            self.signing = None;
            return Err(Failure::OperationActive);
        }
        if let Some(refused) = room.refuses(signing.len()) {
            flaw!(QueryEndsOperation => self.signing = None);
            return Ok(refused);
        }
        self.update_signing(data)?;
        self.end_signing(room, token)
    }

    /// `C_SignUpdate`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`], [`Failure::DataLenRange`], which
    /// ends the operation.
    pub fn update_signing(&mut self, part: &[u8]) -> Result<(), Failure> {
        update(&mut self.signing, part)
    }

    /// `C_SignFinal`.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn end_signing(&mut self, room: Room, token: &Mutex<Token>) -> Result<Produced, Failure> {
        let signing = self.signing.as_ref();
        let signing = signing.ok_or(Failure::OperationNotInitialised)?;
        if let Some(refused) = room.refuses(signing.len()) {
            return Ok(refused);
        }
        let signing = self.signing.take().ok_or(Failure::GeneralError)?;
        let block = signing.block.finish()?;
        let mut token = locked(token);
        token.expect(self.epoch)?;
        Ok(Produced::Done(token.sign(&block)?))
    }

    /// `C_VerifyInit`.
    ///
    /// # Errors
    /// [`Failure::OperationActive`], [`Failure::MechanismInvalid`],
    /// [`Failure::KeyFunctionNotPermitted`] for the private key,
    /// [`Failure::KeyHandleInvalid`].
    pub fn begin_verifying(
        &mut self,
        mechanism: Mechanism,
        key: ck::CK_OBJECT_HANDLE,
        objects: &Objects,
    ) -> Result<(), Failure> {
        self.expect_no_operation()?;
        match objects.by_handle(key) {
            Ok(Object::PublicKey) => {}
            Ok(Object::PrivateKey) => return Err(Failure::KeyFunctionNotPermitted),
            _ => return Err(Failure::KeyHandleInvalid),
        }
        self.verifying = Some(Signing::begin(mechanism, objects)?);
        Ok(())
    }

    /// `C_Verify`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`], [`Failure::OperationActive`] in
    /// the middle of a multi-part verification, [`Failure::DataLenRange`],
    /// [`Failure::SignatureLenRange`], [`Failure::SignatureInvalid`].
    pub fn verify(&mut self, data: &[u8], signature: &[u8]) -> Result<(), Failure> {
        if self.verifying.as_ref().is_some_and(|v| v.in_parts) {
            self.verifying = None;
            return Err(Failure::OperationActive);
        }
        self.update_verifying(data)?;
        self.end_verifying(signature)
    }

    /// `C_VerifyUpdate`.
    ///
    /// # Errors
    /// [`Failure::OperationNotInitialised`], [`Failure::DataLenRange`].
    pub fn update_verifying(&mut self, part: &[u8]) -> Result<(), Failure> {
        update(&mut self.verifying, part)
    }

    /// `C_VerifyFinal`.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn end_verifying(&mut self, signature: &[u8]) -> Result<(), Failure> {
        let verifying = self.verifying.take();
        let verifying = verifying.ok_or(Failure::OperationNotInitialised)?;
        if signature.len() != verifying.len() {
            return Err(Failure::SignatureLenRange);
        }
        let block = verifying.block.finish()?;
        if verifying.key.verifies(&block, signature) || flaw!(VerifiesAnything) {
            Ok(())
        } else {
            Err(Failure::SignatureInvalid)
        }
    }
}

fn update(operation: &mut Option<Signing>, part: &[u8]) -> Result<(), Failure> {
    let active = operation.as_mut();
    let updated = active.ok_or(Failure::OperationNotInitialised)?.update(part);
    if updated.is_err() {
        *operation = None;
    }
    updated
}
