// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates of the test PKI (choice 15 of section 10): what each role
//! carries, and how one is issued. sha256WithRSAEncryption throughout.

use super::PkiError;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ANY_POLICY, ID_AD_OCSP, ID_KP_CLIENT_AUTH, ID_KP_OCSP_SIGNING};
use const_oid::db::rfc6960::ID_PKIX_OCSP_NOCHECK;
use der::asn1::{Ia5String, OctetString};
use der::flagset::FlagSet;
use der::{DateTime, Encode};
use rsa::pkcs1v15::{Signature, SigningKey};
use sha2::Sha256;
use spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, Result as BuilderResult};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;

/// Where the test CAs would publish their lists: a name that never resolves
/// (RFC 6761 reserves `.invalid`).
pub const CRL_HOST: &str = "http://crl.test-cie.invalid";

/// Where the test CA would answer for citizen certificates.
pub const OCSP_URL: &str = "http://ocsp.test-cie.invalid/";

/// Policy of the citizen certificates, below the enterprise number that
/// RFC 5612 reserves for examples.
pub const TEST_POLICY_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.3.1");

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Root of the citizen PKI.
    Root,
    /// The CA that signs citizens.
    SubCa,
    /// Country signer.
    Csca,
    /// Document signer.
    DocumentSigner,
    /// Signer of OCSP responses.
    OcspSigner,
    /// Key 81 of a card.
    Citizen,
}

/// Everything that makes one certificate differ from another of its role.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) role: Role,
    pub(crate) subject: Name,
    pub(crate) issuer: Name,
    pub(crate) serial: [u8; 16],
    pub(crate) not_before: DateTime,
    pub(crate) not_after: DateTime,
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
}

/// Issues a certificate, the same bytes for the same input.
///
/// Dates after 2049 are written as GeneralizedTime, earlier ones as UTCTime
/// (RFC 5280 section 4.1.2.5).
pub(crate) fn issue(
    request: Request,
    issuer_key: &SigningKey<Sha256>,
) -> Result<Vec<u8>, PkiError> {
    let serial = SerialNumber::new(&positive(request.serial))?;
    let validity = Validity::new(request.not_before.into(), request.not_after.into());
    let public_key = request.public_key.clone();
    let builder = CertificateBuilder::new(request, serial, validity, public_key)?;
    Ok(builder.build::<_, Signature>(issuer_key)?.to_der()?)
}

/// Clears the top bit and sets the next: a positive INTEGER of exactly 16
/// bytes, as the clients' comparison of serials needs it (section 6).
fn positive(mut serial: [u8; 16]) -> [u8; 16] {
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7F | 0x40;
    }
    serial
}

impl BuilderProfile for Request {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        subject_key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> BuilderResult<Vec<Extension>> {
        let mut list = Extensions {
            tbs,
            done: Vec::new(),
        };
        list.add(&KeyUsage(self.key_usage()))?;
        if let Some(constraints) = self.constraints() {
            list.add(&constraints)?;
        }
        list.add(&SubjectKeyIdentifier::try_from(subject_key)?)?;
        if self.subject != self.issuer {
            list.add(&AuthorityKeyIdentifier::try_from(issuer_key)?)?;
        }
        if let Some(policy) = self.policy() {
            let policy = PolicyInformation {
                policy_identifier: policy,
                policy_qualifiers: None,
            };
            list.add(&CertificatePolicies(vec![policy]))?;
        }
        if let Some(crl) = self.crl() {
            let uri = uri(&format!("{CRL_HOST}/{crl}"))?;
            list.add(&CrlDistributionPoints(vec![DistributionPoint {
                distribution_point: Some(DistributionPointName::FullName(vec![uri])),
                reasons: None,
                crl_issuer: None,
            }]))?;
        }
        if self.role == Role::Citizen {
            list.add(&ExtendedKeyUsage(vec![ID_KP_CLIENT_AUTH]))?;
            list.add(&AuthorityInfoAccessSyntax(vec![AccessDescription {
                access_method: ID_AD_OCSP,
                access_location: uri(OCSP_URL)?,
            }]))?;
        }
        if self.role == Role::OcspSigner {
            list.add(&ExtendedKeyUsage(vec![ID_KP_OCSP_SIGNING]))?;
            list.done.push(Extension {
                extn_id: ID_PKIX_OCSP_NOCHECK,
                critical: false,
                extn_value: OctetString::new([0x05, 0x00])?,
            });
        }
        Ok(list.done)
    }
}

impl Request {
    fn key_usage(&self) -> FlagSet<KeyUsages> {
        match self.role {
            Role::Root | Role::SubCa | Role::Csca => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            Role::DocumentSigner | Role::OcspSigner | Role::Citizen => {
                KeyUsages::DigitalSignature.into()
            }
        }
    }

    fn constraints(&self) -> Option<BasicConstraints> {
        let path_len_constraint = match self.role {
            Role::Root => Some(1),
            Role::SubCa | Role::Csca => Some(0),
            Role::DocumentSigner | Role::OcspSigner | Role::Citizen => return None,
        };
        Some(BasicConstraints {
            ca: true,
            path_len_constraint,
        })
    }

    fn policy(&self) -> Option<ObjectIdentifier> {
        match self.role {
            Role::SubCa => Some(ANY_POLICY),
            Role::Citizen => Some(TEST_POLICY_OID),
            Role::Root | Role::Csca | Role::DocumentSigner | Role::OcspSigner => None,
        }
    }

    /// The list that would name this certificate.
    fn crl(&self) -> Option<&'static str> {
        match self.role {
            // Nothing lists the OCSP signer: it has the nocheck extension.
            Role::Root | Role::OcspSigner => None,
            Role::SubCa => Some("root.crl"),
            Role::Citizen => Some("sub-ca.crl"),
            Role::Csca | Role::DocumentSigner => Some("csca.crl"),
        }
    }
}

/// Extensions in the making.
struct Extensions<'a> {
    tbs: &'a TbsCertificate,
    done: Vec<Extension>,
}

impl Extensions<'_> {
    fn add<E>(&mut self, extension: E) -> der::Result<()>
    where
        E: ToExtension<Error = der::Error>,
    {
        let extension = extension.to_extension(self.tbs.subject(), &self.done)?;
        self.done.push(extension);
        Ok(())
    }
}

fn uri(text: &str) -> der::Result<GeneralName> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(
        text,
    )?))
}
