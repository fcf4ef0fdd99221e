// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way from a signer's certificate to an authority that the caller named
//! (RFC 5280 §6.1), as far as it concerns RSA and whole lists of revocation.
//! Policies and name constraints are not processed; a certificate that insists
//! on them (critical) is not accepted.

use crate::asn1::Walk;
use crate::report::{Person, Verdict};
use crate::{asn1, pem};
use cie_terminal::certificate::{CardCertificate, SignatureScheme};
use cie_terminal::digest::HashAlgorithm;
use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_CERTIFICATE_POLICIES, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME,
};
use der::{DateTime, Decode, Encode};
use std::time::Duration;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectKeyIdentifier};

/// Certificates in one chain; nobody's has more than four.
const CHAIN_MAX: usize = 8;
/// Signatures of issuers that are verified for one chain: a hostile file may
/// name the same issuer on hundreds of certificates.
const TRIES_MAX: usize = 32;

/// The certificates and lists that the caller trusts, and the moment for which
/// everything is judged.
#[derive(Debug)]
pub struct Trust {
    anchors: Vec<CardCertificate>,
    lists: Vec<List>,
    at: DateTime,
}

/// Why a file of authorities or lists cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TrustError {
    /// There is none in it.
    #[error("there is no {0} in it, neither PEM nor DER")]
    None(&'static str),
    /// One cannot be read.
    #[error("a {what} in it cannot be used: {reason}")]
    Unreadable {
        /// What it should be.
        what: &'static str,
        /// Why not.
        reason: String,
    },
}

#[derive(Debug)]
struct List {
    list: CertificateList,
    der: Vec<u8>,
}

impl Trust {
    /// Nothing trusted yet.
    #[must_use]
    pub fn at(at: DateTime) -> Self {
        Self {
            anchors: Vec::new(),
            lists: Vec::new(),
            at,
        }
    }

    /// The moment for which everything is judged.
    #[must_use]
    pub fn moment(&self) -> DateTime {
        self.at
    }

    /// True if no authority was named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Trusts the certificates in a file, PEM or DER. Those with keys that are
    /// not RSA are passed over if there are others. Returns how many are used.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn add_authorities(&mut self, file: &[u8]) -> Result<usize, TrustError> {
        let what = "certificate";
        let mut last = TrustError::None(what);
        let mut count = 0;
        for der in pem::objects(file, "CERTIFICATE") {
            match CardCertificate::from_file(&der) {
                Ok(certificate) => {
                    self.anchors.push(certificate);
                    count += 1;
                }
                Err(error) => {
                    let reason = error.to_string();
                    last = TrustError::Unreadable { what, reason };
                }
            }
        }
        if count == 0 { Err(last) } else { Ok(count) }
    }

    /// Takes the revocation lists in a file, PEM or DER. Whether their issuers
    /// signed them is looked at when they are used.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn add_lists(&mut self, file: &[u8]) -> Result<usize, TrustError> {
        let what = "revocation list";
        let objects = pem::objects(file, "X509 CRL");
        if objects.is_empty() {
            return Err(TrustError::None(what));
        }
        let count = objects.len();
        for der in objects {
            let list = CertificateList::from_der(&der).map_err(|error| {
                let reason = error.to_string();
                TrustError::Unreadable { what, reason }
            })?;
            self.lists.push(List { list, der });
        }
        Ok(count)
    }
}

/// One thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainFlaw {
    /// The way ends before an authority that was named.
    #[error("no authority that was named vouches for {0}")]
    Untrusted(String),
    /// A certificate is too old.
    #[error("the certificate of {name} expired on {day}")]
    Expired {
        /// Whose.
        name: String,
        /// Last moment of validity.
        day: DateTime,
    },
    /// A certificate is too young.
    #[error("the certificate of {name} is valid only from {day}")]
    NotYetValid {
        /// Whose.
        name: String,
        /// First moment of validity.
        day: DateTime,
    },
    /// A certificate was revoked.
    #[error("the certificate of {name} was revoked on {day}")]
    Revoked {
        /// Whose.
        name: String,
        /// When.
        day: DateTime,
    },
    /// A certificate that may not do what it did.
    #[error("{0} is no authority that may issue this certificate")]
    NotAnAuthority(String),
    /// An extension that must be understood.
    #[error("the certificate of {name} insists on an extension that is not known here ({oid})")]
    Extension {
        /// Whose.
        name: String,
        /// The extension.
        oid: String,
    },
    /// Signed over a broken hash.
    #[error("the certificate of {name} is signed over {hash}, which can be forged")]
    WeakHash {
        /// Whose.
        name: String,
        /// The hash.
        hash: HashAlgorithm,
    },
}

/// What is known about revocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// No list was given.
    #[default]
    NotChecked,
    /// No list in force covers this certificate; in words.
    NoList(String),
    /// A list in force covers every certificate below the authority, none is on one.
    Good,
    /// One is on a list; it is among the flaws.
    Revoked,
}

/// The way from a signer to an authority.
#[derive(Clone, Debug, Default)]
pub struct ChainReport {
    /// Names from the signer up.
    pub path: Vec<String>,
    /// The named authority that it ends with.
    pub anchor: Option<String>,
    /// No authority was named, so there was nothing to end with.
    pub nobody_named: bool,
    /// What is wrong.
    pub flaws: Vec<ChainFlaw>,
    /// What is known about revocation.
    pub revocation: Revocation,
}

impl ChainReport {
    /// The verdict. Revocation that was not asked for does not count against
    /// it; lists that were given and do not settle it do.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.flaws.is_empty() {
            Verdict::NotValid
        } else if self.anchor.is_none() || matches!(self.revocation, Revocation::NoList(_)) {
            Verdict::Undecided
        } else {
            Verdict::Valid
        }
    }
}

/// Looks for the way from `signer` to an authority of `trust`, through
/// `between`, certificates of unknown worth.
#[must_use]
pub fn chain(signer: &CardCertificate, between: &[CardCertificate], trust: &Trust) -> ChainReport {
    let mut search = Search {
        between,
        trust,
        tries: 0,
        path: vec![signer],
        longest: vec![signer],
    };
    let found = search.climb();
    let path = if found { search.path } else { search.longest };
    let mut report = ChainReport {
        path: path.iter().map(|c| name(c)).collect(),
        nobody_named: trust.is_empty(),
        ..ChainReport::default()
    };
    if found {
        report.anchor = path.last().map(|c| name(c));
    } else if !trust.is_empty() {
        let end = path.last().map(|c| name(c)).unwrap_or_default();
        report.flaws.push(ChainFlaw::Untrusted(end));
    }
    for (depth, certificate) in path.iter().enumerate() {
        check_one(certificate, depth, trust.at, &mut report.flaws);
    }
    report.revocation = revocation(&path, found, trust, &mut report.flaws);
    report
}

struct Search<'a> {
    between: &'a [CardCertificate],
    trust: &'a Trust,
    tries: usize,
    path: Vec<&'a CardCertificate>,
    /// The longest way that led nowhere, to tell where it ended.
    longest: Vec<&'a CardCertificate>,
}

impl<'a> Search<'a> {
    /// True if `path` was made to end with an authority.
    fn climb(&mut self) -> bool {
        let Some(top) = self.path.last().copied() else {
            return false;
        };
        if self.trust.anchors.iter().any(|a| a.der() == top.der()) {
            // A named authority below another named one: the way goes on for
            // the reader's sake.
            let above = self.issuers(top, true);
            if let Some(issuer) = above.into_iter().next()
                && self.path.len() < CHAIN_MAX
            {
                self.path.push(issuer);
                return self.climb();
            }
            return true;
        }
        if self.path.len() >= CHAIN_MAX {
            return false;
        }
        for named in [true, false] {
            for issuer in self.issuers(top, named) {
                self.path.push(issuer);
                if self.climb() {
                    return true;
                }
                if self.path.len() > self.longest.len() {
                    self.longest.clone_from(&self.path);
                }
                self.path.pop();
            }
        }
        false
    }

    /// Certificates that signed `certificate`, not yet on the way.
    fn issuers(&mut self, certificate: &CardCertificate, named: bool) -> Vec<&'a CardCertificate> {
        let (trust, between) = (self.trust, self.between);
        let pool = if named { &trust.anchors[..] } else { between };
        let issuer = certificate.certificate().tbs_certificate().issuer();
        let mut found = Vec::new();
        for candidate in pool {
            let subject = candidate.certificate().tbs_certificate().subject();
            let known = self.path.iter().any(|c| c.der() == candidate.der());
            if known || subject != issuer || self.tries >= TRIES_MAX {
                continue;
            }
            self.tries += 1;
            if certificate.verify_issuer(candidate).is_ok() {
                found.push(candidate);
            }
        }
        found
    }
}

fn name(certificate: &CardCertificate) -> String {
    Person::of(certificate.certificate()).name
}

/// Time since 1970 as a moment; the far future for what no calendar has.
fn moment(since_1970: Duration) -> DateTime {
    DateTime::from_unix_duration(since_1970).unwrap_or(DateTime::INFINITY)
}

fn check_one(
    certificate: &CardCertificate,
    depth: usize,
    at: DateTime,
    flaws: &mut Vec<ChainFlaw>,
) {
    let whose = name(certificate);
    let name = || whose.clone();
    let tbs = certificate.certificate().tbs_certificate();
    let (from, to) = (
        moment(tbs.validity().not_before.to_unix_duration()),
        moment(tbs.validity().not_after.to_unix_duration()),
    );
    if at < from {
        flaws.push(ChainFlaw::NotYetValid {
            name: name(),
            day: from,
        });
    }
    if at > to {
        flaws.push(ChainFlaw::Expired {
            name: name(),
            day: to,
        });
    }
    let own = tbs.issuer() == tbs.subject();
    let algorithm = certificate.certificate().signature_algorithm();
    let scheme = algorithm.to_der().ok();
    let scheme = scheme.and_then(|der| SignatureScheme::parse(&der, None).ok());
    if let (Some(HashAlgorithm::Sha1), false) = (scheme.map(SignatureScheme::hash), own) {
        let hash = HashAlgorithm::Sha1;
        flaws.push(ChainFlaw::WeakHash { name: name(), hash });
    }
    let understood = [
        ID_CE_BASIC_CONSTRAINTS,
        ID_CE_KEY_USAGE,
        ID_CE_EXT_KEY_USAGE,
        ID_CE_CERTIFICATE_POLICIES,
        ID_CE_SUBJECT_ALT_NAME,
    ];
    for extension in tbs.extensions().into_iter().flatten() {
        if extension.critical && !understood.contains(&extension.extn_id) {
            flaws.push(ChainFlaw::Extension {
                name: name(),
                oid: extension.extn_id.to_string(),
            });
        }
    }
    if depth > 0 && !may_issue(certificate.certificate(), depth) {
        flaws.push(ChainFlaw::NotAnAuthority(name()));
    }
}

/// basicConstraints and keyUsage of an issuer with `depth` certificates below it.
fn may_issue(certificate: &Certificate, depth: usize) -> bool {
    let tbs = certificate.tbs_certificate();
    let Ok(Some((_, constraints))) = tbs.get_extension::<BasicConstraints>() else {
        return false;
    };
    let long_enough = constraints
        .path_len_constraint
        .is_none_or(|limit| usize::from(limit) + 1 >= depth);
    let usage = match tbs.get_extension::<KeyUsage>() {
        Ok(Some((_, usage))) => usage.key_cert_sign(),
        Ok(None) => true,
        Err(_) => false,
    };
    constraints.ca && long_enough && usage
}

/// Looks every certificate below the authority up in the lists of its issuer.
fn revocation(
    path: &[&CardCertificate],
    whole: bool,
    trust: &Trust,
    flaws: &mut Vec<ChainFlaw>,
) -> Revocation {
    if trust.lists.is_empty() {
        return Revocation::NotChecked;
    }
    let mut outcome = Revocation::Good;
    if !whole {
        outcome = Revocation::NoList("its issuer is not known".into());
    }
    for pair in path.windows(2) {
        let [certificate, issuer] = pair else {
            continue;
        };
        match look_up(certificate, issuer, trust) {
            Ok(None) => {}
            Ok(Some(day)) => {
                flaws.push(ChainFlaw::Revoked {
                    name: name(certificate),
                    day,
                });
                outcome = Revocation::Revoked;
            }
            Err(why) => {
                if outcome == Revocation::Good {
                    outcome = Revocation::NoList(why);
                }
            }
        }
    }
    outcome
}

/// When a certificate was revoked, by the lists of its issuer; the error says
/// why none of them tells.
fn look_up(
    certificate: &CardCertificate,
    issuer: &CardCertificate,
    trust: &Trust,
) -> Result<Option<DateTime>, String> {
    let tbs = certificate.certificate().tbs_certificate();
    let mut why = format!("no list of {} was given", name(issuer));
    let mut good = false;
    for list in &trust.lists {
        let content = &list.list.tbs_cert_list;
        if content.issuer != *tbs.issuer() {
            continue;
        }
        if !list.is_signed_by(issuer) {
            why = format!("a list in the name of {} is not signed by it", name(issuer));
            continue;
        }
        let critical = content.crl_extensions.iter().flatten();
        if critical.clone().any(|extension| extension.critical) {
            why = format!("a list of {} is a partial one", name(issuer));
            continue;
        }
        let revoked = content.revoked_certificates.iter().flatten();
        let mut found = revoked.filter(|one| one.serial_number == *tbs.serial_number());
        if let Some(one) = found.next() {
            let day = moment(one.revocation_date.to_unix_duration());
            // Revocation lasts; an old list still proves it.
            if day <= trust.at {
                return Ok(Some(day));
            }
        }
        let until = content.next_update.map(|time| time.to_unix_duration());
        if until.is_some_and(|until| moment(until) < trust.at) {
            why = format!("the list of {} is out of date", name(issuer));
        } else if moment(content.this_update.to_unix_duration()) > trust.at {
            why = format!("the list of {} is of a later day", name(issuer));
        } else {
            good = true;
        }
    }
    if good { Ok(None) } else { Err(why) }
}

impl List {
    fn is_signed_by(&self, issuer: &CardCertificate) -> bool {
        let signed = Walk(&self.der).next(asn1::tag::SEQUENCE);
        let signed = signed.and_then(|list| list.children().next(asn1::tag::SEQUENCE));
        let algorithm = &self.list.signature_algorithm;
        let usage = issuer
            .certificate()
            .tbs_certificate()
            .get_extension::<KeyUsage>();
        let allowed = match usage {
            Ok(Some((_, usage))) => usage.crl_sign(),
            Ok(None) => true,
            Err(_) => false,
        };
        let (Ok(signed), Ok(der), true) = (signed, algorithm.to_der(), allowed) else {
            return false;
        };
        let scheme = SignatureScheme::parse(&der, None);
        let signature = self.list.signature.as_bytes();
        match (scheme, signature) {
            (Ok(scheme), Some(signature)) if *algorithm == self.list.tbs_cert_list.signature => {
                scheme.verify(issuer.key(), signed.raw, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// The subject key identifier of a certificate.
pub(crate) fn key_identifier(certificate: &Certificate) -> Option<Vec<u8>> {
    let tbs = certificate.tbs_certificate();
    let found = tbs.get_extension::<SubjectKeyIdentifier>().ok()??;
    Some(found.1.0.as_bytes().to_vec())
}
