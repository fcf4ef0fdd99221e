// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie verify`: who signed a file, whether it is what they signed, and who
//! vouches for them. No card, no reader, no network.

use super::document::{NewFile, files, is_pdf, refuse_taken, whole};
use super::error::PersonError;
use super::{BAD, DIM, GOOD, OPEN, STRONG};
use crate::error::{CliError, EXIT_REFUSED};
use crate::out;
use anstyle::Style;
use cie_signatures::Verdict;
use cie_signatures::chain::{Revocation, Trust};
use cie_signatures::cms::{self, ContentDigests, SignedFile};
use cie_signatures::pdf::{self, Coverage};
use cie_signatures::report::SignatureReport;
use clap::Args;
use der::DateTime;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Nothing is wrong, and something could not be settled.
const EXIT_UNDECIDED: u8 = 3;

pub(crate) const HELP: &str = "\
Authorities are those named with --ca; in `cie run`, without it, those of the
test PKI (CIE_CA_PEM). Nothing is fetched: name revocation lists with --crl.
Everything is judged for now, or for the moment of --at: a signature proves no
date. Without a list, revocation is not checked, and the verdict says so.

Examples:
  cie verify contract-signed.pdf --ca ca.pem --crl root.crl --crl sub-ca.crl
  cie verify letter.txt.p7m --extract letter.txt
  cie verify letter.p7s --content letter.txt --json | jq .verdict

Signed files up to 256 MiB; a content beside its signature has any size.

Exit codes: 0 every signature is valid; 1 one is not; 3 nothing is wrong, and
something could not be settled (no authority named, an algorithm that is not
known here); 2 wrong arguments, 125 anything else, such as no signature at all
in a file that cannot be read.";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The signed file: .p7m, .p7s or PDF, by its content.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What was signed, if it is not in FILE. Without it, FILE without its
    /// ending.
    #[arg(long, value_name = "ORIGINAL")]
    content: Option<PathBuf>,
    /// Trust the certificates in this file or folder; may be repeated.
    #[arg(long, value_name = "FILE|DIR")]
    ca: Vec<PathBuf>,
    /// Look the signers up in this revocation list; may be repeated.
    #[arg(long, value_name = "FILE|DIR")]
    crl: Vec<PathBuf>,
    /// Judge for this moment, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Write the content of a .p7m to this file, if no signature is invalid.
    #[arg(long, value_name = "FILE")]
    extract: Option<PathBuf>,
    /// Replace a file of that name.
    #[arg(long, requires = "extract")]
    force: bool,
    /// A JSON object, for programs.
    #[arg(long)]
    json: bool,
}

/// One signature, wherever it is.
struct Checked {
    field: Option<String>,
    coverage: Option<Coverage>,
    report: SignatureReport,
}

/// Verifies; the exit code tells the verdict.
pub(crate) fn verify(options: &Options) -> Result<u8, CliError> {
    super::told(options.json, verified(options))
}

fn verified(options: &Options) -> Result<u8, CliError> {
    if let Some(target) = &options.extract {
        refuse_taken(target, options.force)?;
    }
    let trust = trust(options)?;
    let data = whole(&options.file, "signed files are looked at in memory")?;
    let (checked, content) = if is_pdf(&options.file)? {
        (of_pdf(options, &data, &trust)?, None)
    } else {
        of_cms(options, &data, &trust)?
    };
    let verdict = checked.iter().map(|c| c.report.verdict()).max();
    let verdict = verdict.unwrap_or(Verdict::NotValid);
    if options.json {
        let all: Vec<Value> = checked.iter().map(to_json).collect();
        out::line(format_args!(
            "{:#}",
            json!({
                "file": options.file.to_string_lossy(),
                "verdict": word(verdict),
                "judged_for": trust.moment().to_string(),
                "signatures": all,
            })
        ))?;
    } else {
        tell(options, &checked, &trust)?;
    }
    if let (Some(target), Some(content), true) =
        (&options.extract, content, verdict != Verdict::NotValid)
    {
        let mut file = NewFile::new(target, options.force)?;
        file.file()
            .write_all(&content)
            .map_err(CliError::io("write", target))?;
        file.finish()?;
    }
    Ok(match verdict {
        Verdict::Valid => 0,
        Verdict::NotValid => EXIT_REFUSED,
        Verdict::Undecided => EXIT_UNDECIDED,
    })
}

fn trust(options: &Options) -> Result<Trust, CliError> {
    let at = match &options.at {
        Some(text) => text
            .parse()
            .map_err(|_| PersonError::NoTime(text.clone()))?,
        None => DateTime::from_system_time(SystemTime::now())
            .map_err(|error| PersonError::Clock(error.to_string()))?,
    };
    let mut trust = Trust::at(at);
    let mut authorities = options.ca.clone();
    if authorities.is_empty() {
        authorities.extend(std::env::var_os("CIE_CA_PEM").map(PathBuf::from));
    }
    for (path, file) in files(&authorities)? {
        let added = trust.add_authorities(&file);
        in_folder_or(&authorities, path, added)?;
    }
    for (path, file) in files(&options.crl)? {
        let added = trust.add_lists(&file);
        in_folder_or(&options.crl, path, added)?;
    }
    Ok(trust)
}

/// A folder may hold other files, too; what was named itself must be right.
fn in_folder_or(
    named: &[PathBuf],
    path: PathBuf,
    added: Result<usize, cie_signatures::chain::TrustError>,
) -> Result<(), CliError> {
    match added {
        Err(source) if named.contains(&path) => Err(PersonError::Trust { path, source }.into()),
        _ => Ok(()),
    }
}

fn of_pdf(options: &Options, data: &[u8], trust: &Trust) -> Result<Vec<Checked>, CliError> {
    if let Some(content) = &options.content {
        return Err(PersonError::TwoContents(content.clone()).into());
    }
    let path = options.file.clone();
    let signatures = pdf::check(data, trust).map_err(|source| PersonError::Pdf { path, source })?;
    let all = signatures.into_iter().map(|signature| Checked {
        field: Some(signature.field),
        coverage: Some(signature.coverage),
        report: signature.report,
    });
    Ok(all.collect())
}

type OfCms = (Vec<Checked>, Option<Vec<u8>>);

fn of_cms(options: &Options, data: &[u8], trust: &Trust) -> Result<OfCms, CliError> {
    let path = || options.file.clone();
    let mut signed = SignedFile::parse(data).map_err(|source| PersonError::Cms {
        path: path(),
        source,
    })?;
    let content = signed.content.take();
    let digests = match (&content, &options.content) {
        (Some(_), Some(_)) => return Err(PersonError::TwoContents(path()).into()),
        (Some(inside), None) => {
            ContentDigests::read(inside.as_slice()).map_err(CliError::io("read", &options.file))?
        }
        (None, named) => {
            let beside = named.clone().or_else(|| without_ending(&options.file));
            let beside = beside.ok_or_else(|| PersonError::NoContent(path()))?;
            let file = File::open(&beside).map_err(CliError::io("read", &beside))?;
            ContentDigests::read(file).map_err(CliError::io("read", &beside))?
        }
    };
    let reports = cms::check(&signed, &digests, trust).into_iter();
    let checked = reports.map(|report| Checked {
        field: None,
        coverage: None,
        report,
    });
    Ok((checked.collect(), content))
}

/// `letter.txt` for `letter.txt.p7s`, if it is there.
fn without_ending(path: &Path) -> Option<PathBuf> {
    let known = path.extension().is_some_and(|ending| {
        ["p7s", "p7m"]
            .iter()
            .any(|e| ending.eq_ignore_ascii_case(e))
    });
    let plain = path.with_extension("");
    (known && plain.is_file()).then_some(plain)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Undecided => "undecided",
        Verdict::NotValid => "not-valid",
    }
}

fn time(since_1970: Duration) -> String {
    DateTime::from_unix_duration(since_1970).map_or_else(|_| "never".into(), |t| t.to_string())
}

fn to_json(checked: &Checked) -> Value {
    let report = &checked.report;
    let texts = |items: Vec<String>| Value::from(items);
    let person = report.signer.as_ref();
    let (coverage, added) = match checked.coverage {
        None => (None, None),
        Some(Coverage::Whole) => (Some("whole"), Some(0)),
        Some(Coverage::SignaturesLater(bytes)) => (Some("signatures-later"), Some(bytes)),
        Some(Coverage::ChangedLater(bytes)) => (Some("changed-later"), Some(bytes)),
        Some(Coverage::Unknown) => (Some("unknown"), None),
    };
    let revocation = match &report.chain.revocation {
        Revocation::NotChecked => "not-checked",
        Revocation::NoList(_) => "no-list",
        Revocation::Good => "good",
        Revocation::Revoked => "revoked",
    };
    json!({
        "verdict": word(report.verdict()),
        "intact": report.is_intact(),
        "signer": person.map(|p| &p.name),
        "fiscal_code": person.and_then(|p| p.fiscal_code.as_ref()),
        "issuer": person.map(|p| &p.issuer),
        "not_before": person.map(|p| time(p.not_before)),
        "not_after": person.map(|p| time(p.not_after)),
        "claimed_time": report.claimed_time.map(|t| t.to_string()),
        "hash": report.hash.map(|h| h.to_string()),
        "certificate_signed": report.certificate_signed,
        "timestamp": report.timestamp,
        "countersigned": report.countersigned,
        "flaws": texts(report.flaws.iter().map(ToString::to_string).collect()),
        "unsettled": texts(report.unsettled.iter().map(ToString::to_string).collect()),
        "chain": report.chain.path,
        "authority": report.chain.anchor,
        "chain_flaws": texts(report.chain.flaws.iter().map(ToString::to_string).collect()),
        "revocation": revocation,
        "field": checked.field,
        "coverage": coverage,
        "bytes_added_later": added,
    })
}

/// One line: a mark, what it is about, what was found.
fn line(style: Style, mark: char, what: &str, found: &str) -> Result<(), CliError> {
    out::line(format!(
        "  {style}{mark}{style:#} {STRONG}{what:<12}{STRONG:#} {}",
        out::printable(found)
    ))
}

fn tell(options: &Options, checked: &[Checked], trust: &Trust) -> Result<(), CliError> {
    let count = match checked.len() {
        0 => "nobody has signed it".to_owned(),
        1 => "1 signature".to_owned(),
        count => format!("{count} signatures"),
    };
    out::line(format!(
        "{STRONG}{}{STRONG:#}: {count}",
        out::printable(&options.file.to_string_lossy())
    ))?;
    for one in checked {
        out::line("")?;
        tell_one(one)?;
    }
    if options.at.is_some() {
        out::line(format!("{DIM}Judged for {}.{DIM:#}", trust.moment()))?;
    }
    Ok(())
}

fn tell_one(checked: &Checked) -> Result<(), CliError> {
    let report = &checked.report;
    let covered = match checked.coverage {
        None | Some(Coverage::Unknown) => String::new(),
        Some(Coverage::Whole) => ", the whole file".into(),
        Some(Coverage::SignaturesLater(bytes)) => {
            format!(", all there was; only signatures came later ({bytes} bytes)")
        }
        Some(Coverage::ChangedLater(bytes)) => format!(", but not {bytes} bytes that came later"),
    };
    for flaw in &report.flaws {
        line(BAD, '✗', "broken", &flaw.to_string())?;
    }
    for open in &report.unsettled {
        line(OPEN, '?', "unsettled", &open.to_string())?;
    }
    if report.is_intact() {
        let hash = report.hash.map(|h| h.to_string()).unwrap_or_default();
        line(GOOD, '✓', "intact", &format!("{hash}{covered}"))?;
    }
    if let Some(person) = &report.signer {
        let code = person.fiscal_code.as_ref();
        let code = code.map(|code| format!(", fiscal code {code}"));
        let found = format!("{}{}", person.name, code.unwrap_or_default());
        let (style, mark) = if report.verdict() == Verdict::Valid {
            (GOOD, '✓')
        } else {
            (OPEN, '·')
        };
        line(style, mark, "signer", &found)?;
        if !report.certificate_signed {
            let text = "the signature does not bind the certificate (no CAdES)";
            line(OPEN, '·', "certificate", text)?;
        }
    }
    let when = match report.claimed_time {
        Some(time) => format!("{time}, says the signer"),
        None => "the signer does not say".into(),
    };
    let stamp = if report.timestamp {
        "; a timestamp is there and was not checked"
    } else {
        "; no timestamp proves it"
    };
    line(OPEN, '·', "when", &format!("{when}{stamp}"))?;
    let chain = &report.chain;
    for flaw in &chain.flaws {
        line(BAD, '✗', "certificate", &flaw.to_string())?;
    }
    match &chain.anchor {
        Some(_) if chain.path.len() < 2 => line(GOOD, '✓', "authority", "named itself")?,
        Some(_) => {
            let above = chain.path.iter().skip(1).cloned().collect::<Vec<_>>();
            line(GOOD, '✓', "authority", &above.join(", under "))?;
        }
        None if chain.nobody_named => {
            let text = "nobody vouches for the signer: name authorities with --ca";
            line(OPEN, '?', "authority", text)?;
        }
        None => {}
    }
    match &chain.revocation {
        Revocation::Good => line(GOOD, '✓', "revocation", "on no list")?,
        Revocation::NoList(why) => line(OPEN, '?', "revocation", why)?,
        Revocation::NotChecked if chain.anchor.is_some() => {
            line(
                OPEN,
                '·',
                "revocation",
                "not checked: name lists with --crl",
            )?;
        }
        Revocation::Revoked | Revocation::NotChecked => {}
    }
    if report.countersigned {
        line(OPEN, '·', "countersigned", "by somebody; not checked")?;
    }
    let (style, verdict) = match report.verdict() {
        Verdict::Valid => (GOOD, "VALID"),
        Verdict::Undecided => (
            OPEN,
            "UNDECIDED: nothing is wrong, and something is not known",
        ),
        Verdict::NotValid => (BAD, "NOT VALID"),
    };
    let field = checked.field.as_ref();
    let field = field.map(|name| format!("{}: ", out::printable(name)));
    out::line(format!(
        "  {style}{}{verdict}{style:#}",
        field.unwrap_or_default()
    ))
}
