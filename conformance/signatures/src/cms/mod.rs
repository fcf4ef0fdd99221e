// SPDX-License-Identifier: MIT OR Apache-2.0
//! SignedData (RFC 5652) as CAdES-BES has it (ETSI EN 319 122-1): made for one
//! signer with an RSA key, and taken apart and checked for any.

mod check;
mod make;
mod read;

pub use check::{ContentDigests, check};
pub use make::{Envelope, Signing};
pub use read::{CertificateHash, CmsError, SignedFile, Signer, SignerId};

/// Object identifiers, their content bytes.
pub(crate) mod oid {
    use const_oid::ObjectIdentifier;

    const fn of(text: &str) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(text)
    }

    pub(crate) const DATA: ObjectIdentifier = of("1.2.840.113549.1.7.1");
    pub(crate) const SIGNED_DATA: ObjectIdentifier = of("1.2.840.113549.1.7.2");
    pub(crate) const CONTENT_TYPE: ObjectIdentifier = of("1.2.840.113549.1.9.3");
    pub(crate) const MESSAGE_DIGEST: ObjectIdentifier = of("1.2.840.113549.1.9.4");
    pub(crate) const SIGNING_TIME: ObjectIdentifier = of("1.2.840.113549.1.9.5");
    pub(crate) const COUNTERSIGNATURE: ObjectIdentifier = of("1.2.840.113549.1.9.6");
    pub(crate) const SIGNING_CERTIFICATE: ObjectIdentifier = of("1.2.840.113549.1.9.16.2.12");
    pub(crate) const TIMESTAMP: ObjectIdentifier = of("1.2.840.113549.1.9.16.2.14");
    pub(crate) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = of("1.2.840.113549.1.9.16.2.47");
    pub(crate) const SHA256_WITH_RSA: ObjectIdentifier = of("1.2.840.113549.1.1.11");
}
