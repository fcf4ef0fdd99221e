// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie login-test`: TLS client authentication with the card at one server, as
//! a browser does it at level 3, told step by step.
//!
//! The first connection carries no certificate and finds out whether the server
//! asks for one. Only then is the PIN asked for, and a second connection made:
//! a server's patience with a handshake is shorter than a person's typing.

mod page;
mod tls;

use super::error::PersonError;
use super::pin::question;
use super::reader::CardOptions;
use super::secret::PinOptions;
use super::visit::{Visit, find};
use super::{BAD, DIM, GOOD, OPEN, STRONG};
use crate::error::CliError;
use crate::out;
use anstyle::Style;
use cie_signatures::report::Person;
use cie_terminal::steps::code::Reference;
use clap::Args;
use hyper::Uri;
use page::Page;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use thiserror::Error;
use tls::{Card, Connection, Server};

pub(crate) const HELP: &str = "\
Only this server is connected to: a redirection is shown and not followed, and
no proxy is used. The server's certificate must be of an authority that this
computer trusts, or of --ca. TLS 1.2: in TLS 1.3 every client signs with RSA-PSS,
and the card only makes PKCS#1 v1.5 signatures.

Examples:
  cie login-test https://idserver.example.org/
  cie login-test --ca server-ca.pem https://localhost:8443/
  cie run -- cie login-test --pin-env CIE_PIN --ca ca.pem https://localhost:8443/

Exit codes: 0 logged in; 1 refused, by the server or the card; 3 the server answered
and did not ask for a certificate; 2 wrong arguments or no code, 130 ended at
the prompt, 125 anything else.";

/// The server wanted no certificate.
const EXIT_NOT_ASKED: u8 = 3;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The page: `https://HOST/PATH`, with `:PORT` behind the host if it has one.
    #[arg(value_name = "URL")]
    url: String,
    /// Trust the authorities in this file for the server, and no others.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Seconds that each connection may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    #[command(flatten)]
    card: CardOptions,
    #[command(flatten)]
    pin: PinOptions,
    /// A JSON object, for programs.
    #[arg(long)]
    json: bool,
}

/// Why nobody was logged in.
#[derive(Debug, Error)]
pub(crate) enum LoginError {
    #[error(
        "{0:?} is no address that this connects to: it must begin with https:// and name a host"
    )]
    Url(String),
    #[error("{} cannot be used: {reason}", path.display())]
    Authorities { path: PathBuf, reason: String },
    #[error("this computer has no list of authorities; name the server's with --ca ({0})")]
    NoAuthorities(String),
    #[error("{host}: {source}")]
    Connect { host: String, source: io::Error },
    #[error("{host} did not finish within {seconds} seconds")]
    Slow { host: String, seconds: u64 },
    #[error(
        "{0} does not speak TLS 1.2. In TLS 1.3 every client signs with RSA-PSS, and the card only \
         makes PKCS#1 v1.5 signatures: no CIE can log in there. The server must offer TLS 1.2 with \
         RSA and PKCS#1 v1.5"
    )]
    OnlyTls13(String),
    #[error(
        "{host} takes no signature that the card can make: it offers {offered}, and the card signs \
         with RSA PKCS#1 v1.5 and SHA-256, SHA-384 or SHA-512. The server must allow one of them"
    )]
    NoCommonSignature { host: String, offered: String },
    #[error("the certificate of {host} is not to be trusted: {reason}. No PIN was asked for")]
    Server { host: String, reason: String },
    #[error("{host} refused the card's certificate: {why} (TLS alert {alert})")]
    Refused {
        host: String,
        why: &'static str,
        alert: String,
    },
    #[error("{host}: {reason}")]
    Tls { host: String, reason: String },
    #[error("{host} answered no HTTP: {reason}")]
    Http { host: String, reason: String },
    #[error("{host} answered {status}, after the login by certificate")]
    Status { host: String, status: u16 },
    #[error("no runtime for connections: {0}")]
    Runtime(io::Error),
}

impl LoginError {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Url(_) => "not-a-url",
            Self::Authorities { .. } | Self::NoAuthorities(_) => "no-authorities",
            Self::Connect { .. } => "no-connection",
            Self::Slow { .. } => "slow",
            Self::OnlyTls13(_) => "only-tls-1.3",
            Self::NoCommonSignature { .. } => "no-common-signature",
            Self::Server { .. } => "server-not-trusted",
            Self::Refused { .. } => "refused",
            Self::Tls { .. } => "tls",
            Self::Http { .. } => "http",
            Self::Status { .. } => "status",
            Self::Runtime(_) => "failed",
        }
    }

    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::OnlyTls13(_)
                | Self::NoCommonSignature { .. }
                | Self::Refused { .. }
                | Self::Status { .. }
        )
    }
}

/// Logs in; the exit code tells whether it was asked to.
pub(crate) fn login_test(options: &Options) -> Result<u8, CliError> {
    super::told(options.json, logged_in(options))
}

fn logged_in(options: &Options) -> Result<u8, CliError> {
    let uri: Uri = options
        .url
        .parse()
        .map_err(|_| LoginError::Url(options.url.clone()))
        .map_err(PersonError::from)?;
    let server =
        Server::new(&uri, &options.url, options.ca.as_deref()).map_err(PersonError::from)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| PersonError::from(LoginError::Runtime(error)))?;
    let limit = Duration::from_secs(options.timeout);
    let run = |card: Option<Arc<Mutex<Card>>>| {
        runtime.block_on(async {
            let seconds = options.timeout;
            let slow = || LoginError::Slow {
                host: server.host.clone(),
                seconds,
            };
            tokio::time::timeout(limit, tls::visit(&server, &uri, card))
                .await
                .map_err(|_| slow())?
        })
    };

    let say = |style: Style, mark: char, what: &str, found: &str| match options.json {
        true => Ok(()),
        false => out::line(format!(
            "  {style}{mark}{style:#} {STRONG}{what:<13}{STRONG:#} {}",
            out::printable(found)
        )),
    };
    let first = run(None).map_err(PersonError::from)?;
    say(GOOD, '✓', "server", &server.described())?;
    let Connection::Asked(asked) = first else {
        let Connection::Answered { page, tls } = first else {
            return Ok(EXIT_NOT_ASKED);
        };
        say(GOOD, '✓', "connection", &tls)?;
        say(
            BAD,
            '✗',
            "certificate",
            "the server did not ask for one, so no PIN was asked for",
        )?;
        tell_page(options, &page)?;
        if options.json {
            tell_json(&server, &tls, None, &page)?;
        }
        return Ok(EXIT_NOT_ASKED);
    };
    say(GOOD, '✓', "certificate", "the server asks for one")?;
    if !asked.possible() {
        return Err(PersonError::from(LoginError::NoCommonSignature {
            host: server.host.clone(),
            offered: asked.offered(),
        })
        .into());
    }

    let found = find(&options.card)?;
    found.tries.allow(Reference::Pin, found.last)?;
    let pin = options
        .pin
        .wanted()
        .get(&question("PIN", found.tries.pin))?;
    let mut visit = Visit::enter(&found, Reference::Pin)?;
    let ready = visit
        .verify(Reference::Pin, &pin)
        .and_then(|()| visit.certificate());
    let certificate = match ready {
        Ok(certificate) => certificate,
        Err(error) => {
            visit.leave();
            return Err(error.into());
        }
    };
    let person = Person::of(certificate.certificate());
    let card = Arc::new(Mutex::new(Card::new(visit, certificate)));
    let second = run(Some(Arc::clone(&card)));
    let (visit, trouble, signed) = Card::take_apart(&card);
    if let Some(visit) = visit {
        visit.leave();
    }
    // What the card said comes before what the server made of it.
    if let Some(trouble) = trouble {
        return Err(trouble.into());
    }
    let code = person.fiscal_code.clone().unwrap_or_default();
    say(GOOD, '✓', "sent", &format!("{}, {code}", person.name))?;
    let (page, tls) = match second.map_err(PersonError::from)? {
        Connection::Answered { page, tls } => (page, tls),
        Connection::Asked(asked) => {
            return Err(PersonError::from(LoginError::NoCommonSignature {
                host: server.host.clone(),
                offered: asked.offered(),
            })
            .into());
        }
    };
    let signed = signed.unwrap_or("nothing: the server took the certificate of no signature");
    say(GOOD, '✓', "connection", &tls)?;
    say(GOOD, '✓', "signed", signed)?;
    tell_page(options, &page)?;
    if page.status >= 400 {
        let (host, status) = (server.host.clone(), page.status);
        return Err(PersonError::from(LoginError::Status { host, status }).into());
    }
    if options.json {
        tell_json(&server, &tls, Some((&person, signed)), &page)?;
    }
    Ok(0)
}

fn tell_page(options: &Options, page: &Page) -> Result<(), CliError> {
    if options.json {
        return Ok(());
    }
    let (style, mark) = match page.status {
        0..=299 => (GOOD, '✓'),
        300..=399 => (OPEN, '·'),
        _ => (BAD, '✗'),
    };
    let title = page.title.as_ref().map(|title| format!(", {title:?}"));
    out::line(format!(
        "  {style}{mark}{style:#} {STRONG}{:<13}{STRONG:#} {}{}",
        "answer",
        page.status,
        out::printable(&title.unwrap_or_default()),
    ))?;
    if let Some(elsewhere) = &page.location {
        let elsewhere = out::printable(elsewhere);
        out::line(format!(
            "  {OPEN}·{OPEN:#} {STRONG}{:<13}{STRONG:#} {elsewhere} (not followed)",
            "redirection"
        ))?;
    }
    for line in &page.lines {
        out::line(format!("    {DIM}{}{DIM:#}", out::printable(line)))?;
    }
    Ok(())
}

fn tell_json(
    server: &Server,
    tls: &str,
    sent: Option<(&Person, &str)>,
    page: &Page,
) -> Result<(), CliError> {
    let (person, signed) = sent.unzip();
    let object: Value = json!({
        "done": true,
        "host": server.host,
        "connection": tls,
        "certificate_asked_for": sent.is_some(),
        "certificate_sent": sent.is_some(),
        "signature": signed,
        "fiscal_code": person.and_then(|p| p.fiscal_code.as_ref()),
        "signer": person.map(|p| &p.name),
        "status": page.status,
        "title": page.title,
        "location": page.location,
        "lines": page.lines,
    });
    out::line(format_args!("{object:#}"))
}
