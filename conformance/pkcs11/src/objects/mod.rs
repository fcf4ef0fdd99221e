// SPDX-License-Identifier: MIT OR Apache-2.0
//! The objects on a token and who sees them.
//!
//! | handle | object | seen |
//! |---|---|---|
//! | 1 | number for services (data) | always |
//! | 2 | the citizen's certificate | once it is known: after the first login to this card in this process, or if it was given beforehand |
//! | 3 | its public key | with the certificate |
//! | 4 | the private key | while the citizen is logged in |
//! | 16… | certificates of authorities | if a file with them was given |

mod attributes;

pub use attributes::Value;

use crate::failure::Failure;
use crate::token::Contact;
use attributes::Attributes;
use cie_terminal::certificate::CardCertificate;
use cryptoki_sys as ck;
use iso7816_wire::flaw;
use std::sync::Arc;

/// Handle of the first authority's certificate.
const FIRST_AUTHORITY: ck::CK_OBJECT_HANDLE = 16;

/// One object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// The number for services.
    Nis,
    /// The citizen's certificate.
    Certificate,
    /// The citizen's public key.
    PublicKey,
    /// The citizen's private key.
    PrivateKey,
    /// An authority's certificate, by its place in the file.
    Authority(usize),
}

impl Object {
    /// Its handle, the same in all sessions.
    #[must_use]
    pub fn handle(self) -> ck::CK_OBJECT_HANDLE {
        match self {
            Self::Nis => 1,
            Self::Certificate => 2,
            Self::PublicKey => 3,
            Self::PrivateKey => 4,
            Self::Authority(index) => {
                FIRST_AUTHORITY + ck::CK_OBJECT_HANDLE::try_from(index).unwrap_or_default()
            }
        }
    }
}

/// What an application can see at one moment.
#[derive(Clone, Debug)]
pub struct Objects {
    /// The card's free files.
    pub contact: Arc<Contact>,
    /// The citizen's certificate, if it is known.
    pub certificate: Option<Arc<CardCertificate>>,
    /// Certificates of authorities.
    pub authorities: Arc<Vec<CardCertificate>>,
    /// Private objects are seen.
    pub private: bool,
}

impl Objects {
    /// Those that can be seen, in the order of their handles.
    #[must_use]
    pub fn all(&self) -> Vec<Object> {
        let mut all = vec![Object::Nis];
        if self.certificate.is_some() {
            all.extend([Object::Certificate, Object::PublicKey]);
            if self.private {
                all.push(Object::PrivateKey);
            }
        }
        all.extend((0..self.authorities.len()).map(Object::Authority));
        all
    }

    /// The object with this handle, if it can be seen.
    ///
    /// # Errors
    /// [`Failure::ObjectHandleInvalid`].
    pub fn by_handle(&self, handle: ck::CK_OBJECT_HANDLE) -> Result<Object, Failure> {
        self.all()
            .into_iter()
            .find(|object| object.handle() == handle)
            .ok_or(Failure::ObjectHandleInvalid)
    }

    /// The value of an attribute.
    #[must_use]
    pub fn value(&self, object: Object, attribute: ck::CK_ATTRIBUTE_TYPE) -> Value {
        self.attributes(object).value(attribute)
    }

    /// The objects that have all these values, in the order of their handles.
    #[must_use]
    pub fn find(&self, template: &[(ck::CK_ATTRIBUTE_TYPE, Vec<u8>)]) -> Vec<Object> {
        let mut found = self.all();
        found.retain(|object| {
            let attributes = self.attributes(*object);
            template
                .iter()
                .all(|(kind, wanted)| attributes.value(*kind) == Value::Known(wanted.clone()))
        });
        flaw!(ObjectsReversed => found.reverse());
        found
    }

    fn attributes(&self, object: Object) -> Attributes {
        match (object, &self.certificate) {
            (Object::Nis, _) => Attributes::nis(&self.contact),
            (Object::Certificate, Some(certificate)) => Attributes::citizen(certificate),
            (Object::PublicKey, Some(certificate)) => Attributes::public_key(certificate),
            (Object::PrivateKey, Some(certificate)) => Attributes::private_key(certificate),
            (Object::Authority(index), _) => self
                .authorities
                .get(index)
                .map(Attributes::authority)
                .unwrap_or_default(),
            (_, None) => Attributes::default(),
        }
    }
}
