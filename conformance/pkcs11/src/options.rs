// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the environment says. A program with more rights than its caller
//! does not look at it: set-uid and set-gid programs are seen here, those with
//! file capabilities by `ffi`, which can ask the kernel.

use crate::log::Log;
use cie_terminal::certificate::CardCertificate;
use der::{Decode, Encode};
use iso7816_wire::flaw;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use x509_cert::Certificate;

/// Bytes of a file of certificates that are read at most.
const FILE_MAX: u64 = 1 << 20;
/// Certificates of a file that are used at most.
const CERTIFICATES_MAX: usize = 256;

/// What an application's surroundings set.
#[derive(Debug, Default)]
pub struct Options {
    /// From `CIE_PKCS11_LOG`.
    pub log: Log,
    /// From `CIE_PKCS11_CA`. Not from `CIE_CA_PEM`, which `cie run` sets for
    /// everybody: who takes all keys of a token for its holder's, as
    /// `ssh-keygen -D` does, must not find an authority's without being told.
    pub authorities: Vec<CardCertificate>,
    /// From `CIE_PKCS11_CERT`: certificates of holders, known beforehand.
    pub holders: Vec<CardCertificate>,
}

impl Options {
    /// Reads the environment and the files it names. What cannot be read is
    /// left out, and the log says so.
    #[must_use]
    pub fn from_environment() -> Self {
        if changed_its_user() {
            return Self::default();
        }
        let log = match variable("CIE_PKCS11_LOG") {
            Some(path) => Log::open(Path::new(&path)).unwrap_or_default(),
            None => Log::default(),
        };
        let home = variable("HOME").filter(|_| flaw!(TraceInHome));
        let log = match home {
            Some(home) => Log::open(&Path::new(&home).join("cie-pkcs11.log")).unwrap_or_default(),
            None => log,
        };
        Self {
            authorities: certificates(variable("CIE_PKCS11_CA"), &log),
            holders: certificates(variable("CIE_PKCS11_CERT"), &log),
            log,
        }
    }
}

/// A set-uid program, also where the kernel does not say so.
fn changed_its_user() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn certificates(path: Option<OsString>, log: &Log) -> Vec<CardCertificate> {
    let Some(path) = path else {
        return Vec::new();
    };
    let shown = Path::new(&path).display();
    match read(Path::new(&path)) {
        Ok(content) => {
            let found = parse(&content);
            log.line(format_args!("{} certificates in {shown}", found.len()));
            found
        }
        Err(error) => {
            log.line(format_args!("{shown}: {error}"));
            Vec::new()
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(FILE_MAX).read_to_end(&mut content)?;
    Ok(content)
}

/// The certificates with RSA keys in a PEM or DER file.
fn parse(content: &[u8]) -> Vec<CardCertificate> {
    let ders: Vec<Vec<u8>> = match Certificate::load_pem_chain(content) {
        Ok(chain) if !chain.is_empty() => chain.iter().filter_map(|c| c.to_der().ok()).collect(),
        _ => match Certificate::from_der(content) {
            Ok(_) => vec![content.to_vec()],
            Err(_) => Vec::new(),
        },
    };
    ders.iter()
        .take(CERTIFICATES_MAX)
        .filter_map(|der| CardCertificate::from_file(der).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cie_personalisation::{Persona, personalise};

    fn certificate() -> Vec<u8> {
        let persona = Persona::adult().unwrap();
        personalise(&persona, 7).unwrap().certificate
    }

    #[test]
    fn one_der_or_many_pem_certificates() {
        let der = certificate();
        assert_eq!(parse(&der).len(), 1);
        let pem = Certificate::from_der(&der).unwrap();
        let pem = der::EncodePem::to_pem(&pem, der::pem::LineEnding::LF).unwrap();
        let found = parse(format!("{pem}{pem}").as_bytes());
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|found| found.der() == der));
        assert_eq!(
            parse(pem.repeat(CERTIFICATES_MAX + 1).as_bytes()).len(),
            CERTIFICATES_MAX
        );
    }

    #[test]
    fn what_is_no_certificate_is_left_out() {
        let der = certificate();
        for content in [
            &b""[..],
            b"text",
            &der[..der.len() - 1],
            &[0x30, 0x80],
            &[0xFF; 999],
        ] {
            assert!(parse(content).is_empty());
        }
    }

    #[test]
    fn folders_and_missing_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).is_err());
        assert!(read(&folder.path().join("nothing")).is_err());
        let long = folder.path().join("long");
        std::fs::write(&long, vec![0; usize::try_from(FILE_MAX).unwrap() + 9]).unwrap();
        assert_eq!(read(&long).unwrap().len() as u64, FILE_MAX);
        let log = Log::default();
        assert!(certificates(Some(long.into_os_string()), &log).is_empty());
        assert!(certificates(None, &log).is_empty());
    }
}
