// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie login-test` at servers of this process: what it sends, what it asks a
//! person for, and how it ends when a server does not behave. Needs openssl, for
//! the server's certificate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 48\r\nConnection: close\r\n\r\n\
    <title>Entra con CIE</title>\n<p>Benvenuta!</p>\n\x1b[2J";

fn cie() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin("cie"))
}

/// Test authorities and a server's certificate in a folder.
fn authorities() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let inside = |command: &mut Command| {
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    inside(cie().args(["pki", "pki"]));
    let request = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
        -addext extendedKeyUsage=serverAuth -keyout key.pem -out server.pem";
    inside(Command::new("openssl").args(request.split_whitespace()));
    folder
}

enum Wants {
    Nobody,
    Citizens,
}

fn config(
    folder: &Path,
    wants: &Wants,
    version: &'static rustls::SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let file = |name: &str| folder.join(name);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap();
    let builder = match wants {
        Wants::Nobody => builder.with_no_client_auth(),
        Wants::Citizens => {
            let mut roots = RootCertStore::empty();
            let all = CertificateDer::pem_file_iter(file("pki/ca.pem")).unwrap();
            roots.add_parsable_certificates(all.map(Result::unwrap));
            let lists = ["pki/root.crl.pem", "pki/sub-ca.crl.pem"]
                .map(|name| CertificateRevocationListDer::from_pem_file(file(name)).unwrap());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .with_crls(lists)
                .build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// A server on the loopback; counts connections.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let serve = Arc::new(serve);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { port, connections }
    }

    /// One that answers every request with the same.
    fn answering(config: Arc<ServerConfig>, answer: &'static str) -> Self {
        Self::start(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = StreamOwned::new(connection, stream);
            let mut request = [0; 4096];
            if tls.read(&mut request).is_ok_and(|count| count > 0) {
                let _ = tls.write_all(answer.as_bytes());
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
            // Until the other side has read what it wants.
            let _ = tls.read(&mut request);
        })
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }
}

/// `cie login-test` beside a card; no terminal.
fn login(folder: &Path, run: &[&str], server: &Server, arguments: &[&str]) -> Output {
    cie()
        .current_dir(folder)
        .arg("run")
        .args(run)
        .args(["--", "setsid", "--wait"])
        .arg(assert_cmd::cargo::cargo_bin("cie"))
        .args(["login-test", "--ca", "server.pem", &server.url()])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn says(output: &Output, code: i32, wanted: &str) {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(wanted), "no {wanted:?} in: {said}");
    assert!(
        !said.contains("\x1b[2J"),
        "a page does not steer the terminal"
    );
}

const BY_PIN: [&str; 2] = ["--pin-env", "CIE_PIN"];

#[test]
fn a_citizen_logs_in() {
    let folder = authorities();
    let config = config(folder.path(), &Wants::Citizens, &TLS12);
    let server = Server::answering(config, PAGE);
    let output = login(folder.path(), &[], &server, &BY_PIN);
    says(&output, 0, "TSTMBN85T50Z999J");
    says(&output, 0, "Entra con CIE");
    says(&output, 0, "rsa_pkcs1_sha256");
    assert_eq!(server.connections(), 2, "one to ask, one to log in");
    let output = login(
        folder.path(),
        &[],
        &server,
        &["--pin-env", "CIE_PIN", "--json"],
    );
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["certificate_sent"], true);
    assert_eq!(told["title"], "Entra con CIE");
    assert_eq!(told["status"], 200);
}

#[test]
fn a_revoked_and_an_expired_card_are_refused() {
    let folder = authorities();
    let config = config(folder.path(), &Wants::Citizens, &TLS12);
    let server = Server::answering(config, PAGE);
    for (state, why) in [
        ("cert-revoked", "it is revoked"),
        ("cert-expired", "it has expired"),
    ] {
        says(
            &login(folder.path(), &["--state", state], &server, &BY_PIN),
            1,
            why,
        );
    }
}

#[test]
fn a_wrong_pin_reaches_no_server() {
    let folder = authorities();
    let config = config(folder.path(), &Wants::Citizens, &TLS12);
    let server = Server::answering(config, PAGE);
    let wrong = ["--pin-env", "CIE_PUK"];
    says(
        &login(folder.path(), &[], &server, &wrong),
        1,
        "2 tries are left",
    );
    says(
        &login(folder.path(), &["--state", "pin-1-left"], &server, &BY_PIN),
        1,
        "--take-last-try",
    );
    says(&login(folder.path(), &[], &server, &[]), 125, "no terminal");
    says(
        &login(folder.path(), &["--empty"], &server, &BY_PIN),
        125,
        "lay the card",
    );
    assert_eq!(server.connections(), 4, "the ones that ask");
}

#[test]
fn who_is_not_asked_types_no_pin() {
    let folder = authorities();
    let nobody = config(folder.path(), &Wants::Nobody, &TLS12);
    // No terminal, no file, not even a card.
    let server = Server::answering(Arc::clone(&nobody), PAGE);
    says(
        &login(folder.path(), &["--empty"], &server, &[]),
        3,
        "did not ask for one",
    );
    assert_eq!(server.connections(), 1);

    let elsewhere =
        "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering(Arc::clone(&nobody), elsewhere);
    says(
        &login(folder.path(), &["--empty"], &server, &[]),
        3,
        "https://127.0.0.1:1/ (not followed)",
    );
    assert_eq!(server.connections(), 1);

    let server = Server::answering(nobody, "SSH-2.0-x\r\n\r\n");
    says(
        &login(folder.path(), &["--empty"], &server, &[]),
        125,
        "answered no HTTP",
    );
}

#[test]
fn servers_that_cannot_be_logged_in_at() {
    let folder = authorities();
    let thirteen = config(folder.path(), &Wants::Citizens, &TLS13);
    let server = Server::answering(thirteen, PAGE);
    says(
        &login(folder.path(), &[], &server, &BY_PIN),
        1,
        "does not speak TLS 1.2",
    );

    // A certificate of somebody else's.
    let twelve = config(folder.path(), &Wants::Citizens, &TLS12);
    let server = Server::answering(twelve, PAGE);
    let output = cie()
        .current_dir(folder.path())
        .args(["login-test", "--ca", "pki/ca.pem", &server.url()])
        .output();
    says(&output.unwrap(), 125, "No PIN was asked for");

    for url in [
        "http://localhost/",
        "localhost",
        "https://a@localhost/",
        "ftp://x/",
    ] {
        let output = cie().args(["login-test", url]).output();
        says(&output.unwrap(), 125, "no address that this connects to");
    }
}

#[test]
fn silence_and_endless_pages_have_an_end() {
    let folder = authorities();
    let silent = Server::start(|stream| {
        std::thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let started = Instant::now();
    let output = login(folder.path(), &["--empty"], &silent, &["--timeout", "1"]);
    says(&output, 125, "within 1 seconds");
    assert!(started.elapsed() < Duration::from_secs(30));

    let nobody = config(folder.path(), &Wants::Nobody, &TLS12);
    let endless = Server::start(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&nobody)).unwrap();
        let mut tls = StreamOwned::new(connection, stream);
        let mut request = [0; 4096];
        let _ = tls.read(&mut request);
        let _ = tls.write_all(b"HTTP/1.1 200 OK\r\n\r\n<title>endless</title>");
        while tls.write_all(&[b'a'; 4096]).is_ok() {}
    });
    let output = login(folder.path(), &["--empty"], &endless, &["--timeout", "60"]);
    says(&output, 3, "endless");
}
