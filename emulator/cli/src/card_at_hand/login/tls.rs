// SPDX-License-Identifier: MIT OR Apache-2.0
//! One TLS 1.2 connection, with the card's key or to see what the server asks.

use super::super::error::PersonError;
use super::super::visit::Visit;
use super::LoginError;
use super::page::{self, Page};
use cie_signatures::pem;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use hyper::Uri;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{
    AlertDescription, ClientConfig, Error as TlsError, RootCertStore, SignatureAlgorithm,
    SignatureScheme,
};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What the card can sign in TLS 1.2 (RFC 5246 §7.4.1.4.1), best first.
const SCHEMES: [(SignatureScheme, HashAlgorithm, &str); 3] = [
    (
        SignatureScheme::RSA_PKCS1_SHA256,
        HashAlgorithm::Sha256,
        "rsa_pkcs1_sha256",
    ),
    (
        SignatureScheme::RSA_PKCS1_SHA384,
        HashAlgorithm::Sha384,
        "rsa_pkcs1_sha384",
    ),
    (
        SignatureScheme::RSA_PKCS1_SHA512,
        HashAlgorithm::Sha512,
        "rsa_pkcs1_sha512",
    ),
];

/// The one server.
pub(super) struct Server {
    pub(super) host: String,
    port: u16,
    name: ServerName<'static>,
    roots: Arc<RootCertStore>,
}

impl Server {
    pub(super) fn new(uri: &Uri, text: &str, ca: Option<&Path>) -> Result<Self, LoginError> {
        let wrong = || LoginError::Url(text.to_owned());
        let host = uri.host().filter(|_| uri.scheme_str() == Some("https"));
        let host = host.ok_or_else(wrong)?;
        // A user name here would be a password on a command line.
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(wrong());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| wrong())?;
        Ok(Self {
            host: bare.to_owned(),
            port: uri.port_u16().unwrap_or(443),
            name,
            roots: Arc::new(roots(ca)?),
        })
    }

    pub(super) fn described(&self) -> String {
        format!("{}, port {}", self.host, self.port)
    }
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, LoginError> {
    let mut store = RootCertStore::empty();
    let Some(path) = ca else {
        let found = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let why = found.errors.first().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "none found".into());
            return Err(LoginError::NoAuthorities(why));
        }
        return Ok(store);
    };
    let unusable = |reason: String| LoginError::Authorities {
        path: path.to_owned(),
        reason,
    };
    let file = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let certificates = pem::certificates(&file);
    let all = certificates.into_iter().map(CertificateDer::from);
    store.add_parsable_certificates(all);
    if store.is_empty() {
        return Err(unusable("there is no certificate in it".into()));
    }
    Ok(store)
}

/// The card in the course of a handshake.
pub(super) struct Card {
    visit: Option<Visit>,
    certificate: CardCertificate,
    trouble: Option<PersonError>,
    signed: Option<&'static str>,
}

impl Card {
    pub(super) fn new(visit: Visit, certificate: CardCertificate) -> Self {
        Self {
            visit: Some(visit),
            certificate,
            trouble: None,
            signed: None,
        }
    }

    /// The visit, what went wrong with it, and how it signed.
    pub(super) fn take_apart(
        card: &Mutex<Self>,
    ) -> (Option<Visit>, Option<PersonError>, Option<&'static str>) {
        let mut card = locked(card);
        (card.visit.take(), card.trouble.take(), card.signed)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a server asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Vec<SignatureScheme>);

impl Asked {
    pub(super) fn possible(&self) -> bool {
        SCHEMES.iter().any(|(scheme, ..)| self.0.contains(scheme))
    }

    pub(super) fn offered(&self) -> String {
        let names = self.0.iter().filter_map(SignatureScheme::as_str);
        let names: Vec<&str> = names.collect();
        if names.is_empty() {
            return "none that has a name".into();
        }
        names.join(", ")
    }
}

/// What came of a connection.
pub(super) enum Connection {
    /// The server asked for a certificate, and got none.
    Asked(Asked),
    /// The server answered.
    Answered { page: Page, tls: String },
}

/// Client authentication of one connection.
struct Client {
    card: Option<Arc<Mutex<Card>>>,
    asked: Mutex<Option<Asked>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl ResolvesClientCert for Client {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *locked(&self.asked) = Some(Asked(schemes.to_vec()));
        let card = self.card.as_ref()?;
        let certificate = locked(card).certificate.der().to_vec();
        let key = Key(Arc::clone(card));
        key.choose_scheme(schemes)?;
        Some(Arc::new(CertifiedKey::new(
            vec![CertificateDer::from(certificate)],
            Arc::new(key),
        )))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The card's key 81.
struct Key(Arc<Mutex<Card>>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let known = SCHEMES.iter();
        let (scheme, hash, name) = *known.clone().find(|(s, ..)| offered.contains(s))?;
        Some(Box::new(OneSignature {
            card: Arc::clone(&self.0),
            scheme,
            hash,
            name,
        }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

struct OneSignature {
    card: Arc<Mutex<Card>>,
    scheme: SignatureScheme,
    hash: HashAlgorithm,
    name: &'static str,
}

impl fmt::Debug for OneSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneSignature")
    }
}

impl Signer for OneSignature {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, TlsError> {
        let mut card = locked(&self.card);
        let failed = || TlsError::General("the card did not sign".into());
        let visit = card.visit.as_mut().ok_or_else(failed)?;
        match visit.sign(&self.hash.digest_info(message)) {
            Ok(signature) => {
                card.signed = Some(self.name);
                Ok(signature)
            }
            Err(error) => {
                card.trouble = Some(error);
                Err(failed())
            }
        }
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

/// Connects, and asks for the page. Without a card it ends as soon as it is
/// known that the server wants one.
pub(super) async fn visit(
    server: &Server,
    uri: &Uri,
    card: Option<Arc<Mutex<Card>>>,
) -> Result<Connection, LoginError> {
    let with_card = card.is_some();
    let client = Arc::new(Client {
        card,
        asked: Mutex::default(),
    });
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .map_err(|error| tls(server, &error.to_string()))?;
    let config = config
        .with_root_certificates(Arc::clone(&server.roots))
        .with_client_cert_resolver(Arc::clone(&client) as Arc<dyn ResolvesClientCert>);

    let stream = TcpStream::connect((server.host.as_str(), server.port)).await;
    let stream = stream.map_err(|source| LoginError::Connect {
        host: server.host.clone(),
        source,
    })?;
    let connector = TlsConnector::from(Arc::new(config));
    let connected = connector.connect(server.name.clone(), stream).await;
    let asked = locked(&client.asked).take();
    // The server asks before its own certificate is looked at: what is wrong
    // with that comes first. An alert answers the certificate that it did not get.
    let inner = connected.as_ref().err().and_then(io::Error::get_ref);
    let inner = inner.and_then(|error| error.downcast_ref::<TlsError>());
    let own = inner.filter(|error| !matches!(error, TlsError::AlertReceived(_)));
    if let Some(error) = own {
        return Err(of_tls(server, error, with_card));
    }
    if let (false, Some(asked)) = (with_card, asked) {
        return Ok(Connection::Asked(asked));
    }
    let stream = connected.map_err(|error| explained(server, &error, with_card))?;
    let session = stream.get_ref().1;
    let version = session.protocol_version().and_then(|v| v.as_str());
    let suite = session.negotiated_cipher_suite();
    let suite = suite.and_then(|s| s.suite().as_str());
    let words = format!(
        "{}, {}",
        version.unwrap_or("TLS").replace('v', " ").replace('_', "."),
        suite.unwrap_or("an unnamed cipher")
    );
    let page = page::get(stream, uri).await.map_err(|error| {
        // In TLS 1.2 some servers say no only when they are asked for a page.
        let alert = error.tls.as_ref().filter(|_| with_card);
        match alert {
            Some(error) => of_tls(server, error, with_card),
            None => LoginError::Http {
                host: server.host.clone(),
                reason: error.text,
            },
        }
    })?;
    Ok(Connection::Answered { page, tls: words })
}

fn tls(server: &Server, reason: &str) -> LoginError {
    LoginError::Tls {
        host: server.host.clone(),
        reason: reason.to_owned(),
    }
}

fn explained(server: &Server, error: &io::Error, with_card: bool) -> LoginError {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<TlsError>());
    match inner {
        Some(inner) => of_tls(server, inner, with_card),
        None if error.kind() == io::ErrorKind::UnexpectedEof => tls(
            server,
            "the server closed the connection in the middle of the handshake, without a reason",
        ),
        None => tls(server, &error.to_string()),
    }
}

fn of_tls(server: &Server, error: &TlsError, with_card: bool) -> LoginError {
    let host = server.host.clone();
    match error {
        TlsError::AlertReceived(AlertDescription::ProtocolVersion) => LoginError::OnlyTls13(host),
        TlsError::AlertReceived(alert) if with_card => LoginError::Refused {
            host,
            why: why(*alert),
            alert: alert.as_str().unwrap_or("without a name").to_owned(),
        },
        TlsError::AlertReceived(AlertDescription::HandshakeFailure) => tls(
            server,
            "the server found no cipher or signature in common with this client",
        ),
        TlsError::InvalidCertificate(reason) => LoginError::Server {
            host,
            reason: reason.to_string(),
        },
        other => tls(server, &other.to_string()),
    }
}

/// What an alert after the client's certificate means (RFC 5246 §7.2.2).
fn why(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRevoked => "it is revoked",
        AlertDescription::CertificateExpired => "it has expired, or is not valid yet",
        AlertDescription::UnknownCA => "the server does not trust the authority that issued it",
        AlertDescription::UnsupportedCertificate => "it is of a kind that the server does not take",
        AlertDescription::BadCertificate => "the server finds it broken",
        AlertDescription::AccessDenied => "its holder has no access there",
        AlertDescription::DecryptError => "the server says that its signature does not fit",
        AlertDescription::CertificateUnknown => "the server does not say why",
        _ => "the server ended the handshake after it",
    }
}
