// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie sign`: a file in a CAdES-BES signature or beside one, or a PDF with a
//! PAdES signature in it.

use super::document::{NewFile, files, is_pdf, refuse_taken, whole};
use super::error::PersonError;
use super::pin::question;
use super::reader::CardOptions;
use super::secret::PinOptions;
use super::visit::{Visit, find};
use super::{DIM, GOOD, STRONG};
use crate::error::CliError;
use crate::out;
use cie_signatures::cms::{ContentDigests, Envelope, Signing};
use cie_signatures::pdf::{Details, Unsigned};
use cie_signatures::pem;
use cie_signatures::report::Person;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::steps::code::Reference;
use clap::Args;
use der::DateTime;
use serde_json::json;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(crate) const HELP: &str = "\
A PDF gets a PAdES signature in a copy (contract-signed.pdf), every other file
goes into a CAdES-BES signature (letter.txt.p7m). Both are baseline B: SHA-256,
RSA PKCS#1 v1.5, the full certificate inside, no timestamp.

Examples:
  cie sign contract.pdf
  cie sign letter.txt
  cie sign --detached --out letter.p7s letter.txt
  cie run -- cie sign --pin-env CIE_PIN contract.pdf

Files of any size are signed in constant memory with --cades; PDFs up to 256 MiB.

Exit codes: 0 done, 1 refused (wrong PIN, blocked, or a last try that was kept
back), 2 wrong arguments or no code, 130 ended at the prompt, 125 anything else.";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The file to sign; it stays as it is.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Put the file into a CAdES signature, FILE.p7m: the default but for PDFs.
    #[arg(long)]
    cades: bool,
    /// Put a PAdES signature into a copy of the PDF: the default for PDFs.
    #[arg(long, conflicts_with = "cades")]
    pades: bool,
    /// Only the signature, FILE.p7s; the file stays beside it. Implies --cades.
    #[arg(long, conflicts_with = "pades")]
    detached: bool,
    /// Write to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file of that name.
    #[arg(long)]
    force: bool,
    /// Put the certificates in this file beside the signer's; may be repeated.
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// Say in the PDF why it was signed.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["cades", "detached"])]
    reason: Option<String>,
    /// Say in the PDF where it was signed.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["cades", "detached"])]
    location: Option<String>,
    #[command(flatten)]
    card: CardOptions,
    #[command(flatten)]
    pin: PinOptions,
    /// A JSON object, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Enveloping,
    Detached,
    Pdf,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Enveloping => "CAdES-BES",
            Self::Detached => "CAdES-BES, detached",
            Self::Pdf => "PAdES baseline B",
        }
    }
}

/// Signs.
pub(crate) fn sign(options: &Options) -> Result<(), CliError> {
    super::told(options.json, signed(options))
}

fn signed(options: &Options) -> Result<(), CliError> {
    let form = form(options)?;
    let path = &options.file;
    let target = options
        .out
        .clone()
        .unwrap_or_else(|| default_name(path, form));
    let same = target.canonicalize().ok();
    if same.is_some() && same == path.canonicalize().ok() {
        return Err(PersonError::OverItself(target).into());
    }
    refuse_taken(&target, options.force)?;
    let mut others = Vec::new();
    for (_, file) in files(&options.ca)? {
        others.extend(pem::certificates(&file));
    }
    // Everything that can fail without the card fails before it.
    let work = Work::prepare(options, form, others)?;

    let found = find(&options.card)?;
    found.tries.allow(Reference::Pin, found.last)?;
    let pin = options
        .pin
        .wanted()
        .get(&question("PIN", found.tries.pin))?;
    let now = now()?;
    let mut visit = Visit::enter(&found, Reference::Pin)?;
    let outcome = visit
        .verify(Reference::Pin, &pin)
        .map_err(CliError::from)
        .and_then(|()| {
            let certificate = visit.certificate()?;
            let content = work.sign(&mut visit, &certificate, now)?;
            Ok((certificate, content))
        });
    visit.leave();
    let (certificate, content) = outcome?;

    let mut file = NewFile::new(&target, options.force)?;
    content.write(path, file.file())?;
    file.finish()?;
    tell(options, form, &target, &certificate, now)
}

fn form(options: &Options) -> Result<Form, CliError> {
    let pdf = is_pdf(&options.file)?;
    if options.detached {
        Ok(Form::Detached)
    } else if options.cades || (!pdf && !options.pades) {
        if options.reason.is_some() || options.location.is_some() {
            return Err(PersonError::NotPdf(options.file.clone()).into());
        }
        Ok(Form::Enveloping)
    } else if pdf {
        Ok(Form::Pdf)
    } else {
        Err(PersonError::NotPdf(options.file.clone()).into())
    }
}

fn default_name(path: &Path, form: Form) -> PathBuf {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    match form {
        Form::Enveloping => with(".p7m"),
        Form::Detached => with(".p7s"),
        Form::Pdf => {
            let mut name = path.file_stem().unwrap_or_default().to_owned();
            name.push("-signed.pdf");
            path.with_file_name(name)
        }
    }
}

fn now() -> Result<DateTime, PersonError> {
    DateTime::from_system_time(SystemTime::now()).map_err(|e| PersonError::Clock(e.to_string()))
}

/// What is to be signed, as far as it is known before the card.
struct Work<'a> {
    path: &'a Path,
    others: Vec<Vec<u8>>,
    what: What,
}

enum What {
    File {
        digests: ContentDigests,
        inside: bool,
    },
    Pdf {
        document: Vec<u8>,
        details: Details,
    },
}

/// What is to be written.
enum Content {
    Around(Envelope, ContentDigests),
    Whole(Vec<u8>),
}

impl<'a> Work<'a> {
    fn prepare(options: &'a Options, form: Form, others: Vec<Vec<u8>>) -> Result<Self, CliError> {
        let path = &options.file;
        let what = if form == Form::Pdf {
            let document = whole(path, "PDFs are signed in memory; use --cades")?;
            let details = Details {
                name: String::new(),
                reason: options.reason.clone(),
                place: options.location.clone(),
            };
            // Tried once with a signature of no length, to know that it can be.
            let epoch = DateTime::new(2000, 1, 1, 0, 0, 0);
            let epoch = epoch.map_err(|e| PersonError::Clock(e.to_string()))?;
            Unsigned::new(&document, epoch, &details, 0).map_err(|source| PersonError::Pdf {
                path: path.clone(),
                source,
            })?;
            What::Pdf { document, details }
        } else {
            let file = File::open(path).map_err(CliError::io("read", path))?;
            What::File {
                digests: ContentDigests::read(file).map_err(CliError::io("read", path))?,
                inside: form == Form::Enveloping,
            }
        };
        Ok(Self { path, others, what })
    }

    fn sign(
        self,
        visit: &mut Visit,
        certificate: &CardCertificate,
        now: DateTime,
    ) -> Result<Content, CliError> {
        let others = || self.others.iter().map(Vec::as_slice);
        let clock = |error: der::Error| PersonError::Clock(error.to_string());
        match self.what {
            What::File { digests, inside } => {
                let digest = sha256(&digests);
                let signing =
                    Signing::new(certificate, others(), &digest, Some(now)).map_err(clock)?;
                let signature = by_card(visit, certificate, &signing)?;
                let too_large = || PersonError::TooLarge {
                    path: self.path.to_owned(),
                    limit: u64::from(u32::MAX) >> 20,
                    what: "signed files are no larger; use --detached",
                };
                // Four bytes of length are what every reader of CMS has.
                let length = u32::try_from(digests.length).ok();
                let length = length.and_then(|length| usize::try_from(length).ok());
                let length = inside.then(|| length.ok_or_else(too_large)).transpose()?;
                let envelope = signing.finish(&signature, length);
                Ok(match length {
                    Some(_) => Content::Around(envelope, digests),
                    None => Content::Whole(envelope.detached()),
                })
            }
            What::Pdf {
                document,
                mut details,
            } => {
                let pdf = |source| PersonError::Pdf {
                    path: self.path.to_owned(),
                    source,
                };
                details.name = Person::of(certificate.certificate()).name;
                // The signature has the length that any of this key has.
                let draft = Signing::new(certificate, others(), &[0; 32], None).map_err(clock)?;
                let length = certificate.key().modulus().len();
                let room = draft.finish(&vec![0; length], None).detached().len();
                let unsigned = Unsigned::new(&document, now, &details, room).map_err(pdf)?;
                drop(document);
                let digest = unsigned.digest();
                let signing = Signing::new(certificate, others(), &digest, None).map_err(clock)?;
                let signature = by_card(visit, certificate, &signing)?;
                let envelope = signing.finish(&signature, None).detached();
                Ok(Content::Whole(unsigned.finish(&envelope).map_err(pdf)?))
            }
        }
    }
}

fn sha256(digests: &ContentDigests) -> [u8; 32] {
    let digest = digests.of(HashAlgorithm::Sha256).unwrap_or_default();
    digest.try_into().unwrap_or([0; 32])
}

/// The card's signature, checked with its own certificate before anybody else
/// can find that it is wrong.
fn by_card(
    visit: &mut Visit,
    certificate: &CardCertificate,
    signing: &Signing<'_>,
) -> Result<Vec<u8>, PersonError> {
    let message = signing.to_be_signed();
    let hash = HashAlgorithm::Sha256;
    let signature = visit.sign(&hash.digest_info(&message))?;
    certificate
        .verify(hash, &message, &signature)
        .map_err(|_| PersonError::BadSignature)?;
    Ok(signature)
}

impl Content {
    fn write(self, original: &Path, file: &mut File) -> Result<(), CliError> {
        let failed = || CliError::io("write", "the signed file");
        match self {
            Self::Whole(bytes) => file.write_all(&bytes).map_err(failed()),
            Self::Around(envelope, digests) => {
                file.write_all(&envelope.head).map_err(failed())?;
                let source = File::open(original).map_err(CliError::io("read", original))?;
                // Hashed again on the way: it must be what was signed.
                let copied = ContentDigests::read(Copying {
                    source: source.take(digests.length + 1),
                    target: file,
                })
                .map_err(CliError::io("copy", original))?;
                if copied != digests {
                    return Err(PersonError::FileChanged(original.to_owned()).into());
                }
                file.write_all(&envelope.tail).map_err(failed())
            }
        }
    }
}

/// What is read from `source` is written to `target`.
struct Copying<'a, R> {
    source: R,
    target: &'a mut File,
}

impl<R: Read> Read for Copying<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.target
            .write_all(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

fn tell(
    options: &Options,
    form: Form,
    target: &Path,
    certificate: &CardCertificate,
    now: DateTime,
) -> Result<(), CliError> {
    let person = Person::of(certificate.certificate());
    let expired = now.unix_duration() > person.not_after;
    if expired {
        out::warn("warning: the certificate of this card has expired; the signature proves little");
    }
    if options.json {
        return out::line(format_args!(
            "{:#}",
            json!({
                "done": true,
                "file": target.to_string_lossy(),
                "form": form.name(),
                "signer": person.name,
                "fiscal_code": person.fiscal_code,
                "time": now.to_string(),
                "certificate_expired": expired,
            })
        ));
    }
    let code = person.fiscal_code.unwrap_or_default();
    out::line(format!(
        "{GOOD}✓{GOOD:#} {STRONG}{}{STRONG:#}  {}, {} {}",
        target.display(),
        form.name(),
        out::printable(&person.name),
        out::printable(&code),
    ))?;
    let hint = match form {
        Form::Detached => format!(
            "cie verify {} --content {}",
            target.display(),
            options.file.display()
        ),
        _ => format!("cie verify {}", target.display()),
    };
    out::line(format!("{DIM}  To check it: {hint}{DIM:#}"))
}
