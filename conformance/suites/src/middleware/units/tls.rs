// SPDX-License-Identifier: MIT OR Apache-2.0
//! A login by TLS with a real server and a real client: OpenSSL on both sides,
//! the client's key is the card's, through OpenSSL's engine for PKCS#11.

use super::{PLAN, Row};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::stage::Stage;
use cie_personalisation::{pki, to_pem};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// No step of it takes as long.
const GUARD: Duration = Duration::from_secs(60);

pub(super) fn rows() -> Vec<Row> {
    vec![Row::new(
        1,
        "a login by TLS 1.2 with the citizen's certificate",
        PLAN,
        "A server that asks for a client certificate of the citizens' authority lets the card's holder in.",
        &[(
            "openssl s_server -Verify, openssl s_client with the module's key",
            "the server has verified the citizen's certificate",
        )],
        login,
    )]
}

/// A process that ends with its owner.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn login(stage: &mut Stage<'_>) -> Found {
    if !std::path::Path::new(&engine()).exists() {
        let why = format!(
            "{} is not there; it is in Debian's libengine-pkcs11-openssl",
            engine()
        );
        return Err(Finding::Undecided(why));
    }
    let citizen = stage.usual()?;
    stage.insert(&citizen)?;
    stage.enrol(&citizen)?;
    let write =
        |name: &str, text: String| std::fs::write(stage.path(name), text).map_err(Finding::ours);
    write("ca.pem", pki().ca_pem())?;
    write("card.pem", to_pem(&citizen.certificate))?;
    let mut make = stage.command("openssl");
    make.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "server.key",
        "-out",
        "server.pem",
    ]);
    let made = finished(&mut make)?;
    if !made.status.success() {
        return Err(Finding::ours(
            "openssl req made no certificate for the server",
        ));
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(Finding::ours)?
        .port();
    let said = std::fs::File::create(stage.path("server.out")).map_err(Finding::ours)?;
    let errors = said.try_clone().map_err(Finding::ours)?;
    let server = stage
        .command("openssl")
        .args([
            "s_server",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-tls1_2",
        ])
        .args([
            "-cert",
            "server.pem",
            "-key",
            "server.key",
            "-CAfile",
            "ca.pem",
        ])
        // The card pads by PKCS #1 v1.5; what a server offers first is PSS.
        .args(["-client_sigalgs", "RSA+SHA256:RSA+SHA384:RSA+SHA512"])
        .args(["-Verify", "3", "-verify_return_error"])
        // It ends as soon as it has nothing more to read.
        .stdin(Stdio::piped())
        .stdout(said)
        .stderr(errors)
        .spawn()
        .map_err(Finding::ours)?;
    let _server = Kept(server);
    let until = Instant::now() + GUARD;
    // The first connection only asks whether the server is there.
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > until {
            return Err(Finding::ours("openssl s_server does not listen"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let key = format!(
        "pkcs11:type=private;pin-value={}",
        stage.typed(&citizen.pin)
    );
    let mut client = stage.command("openssl");
    client
        .env("PKCS11_MODULE_PATH", &stage.setup.module)
        .args([
            "s_client",
            "-connect",
            &format!("127.0.0.1:{port}"),
            "-tls1_2",
        ])
        .args(["-CAfile", "server.pem", "-cert", "card.pem"])
        .args(["-engine", "pkcs11", "-keyform", "engine", "-key", &key]);
    let output = finished(&mut client)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let server = std::fs::read_to_string(stage.path("server.out")).unwrap_or_default();
    let last = |text: &str| {
        text.lines()
            .rev()
            .find(|l| !l.is_empty())
            .unwrap_or("")
            .to_owned()
    };
    holds(
        server.contains("Client certificate") && said.contains("Verify return code: 0"),
        format!(
            "no login; the client says {:?}, the server {:?}",
            last(&errors),
            last(&server)
        ),
    )
}

/// Runs to the end, with nothing to read, and not for ever.
fn finished(command: &mut Command) -> Found<Output> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Finding::ours(format!("openssl could not be started: {error}")))?;
    let mut child = Kept(child);
    let mut errors = child.0.stderr.take();
    let mut output = child.0.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What cannot be read is missing in the text.
        drop(output.as_mut().map(|from| from.read_to_end(&mut text)));
        text
    });
    let other = std::thread::spawn(move || {
        let mut text = Vec::new();
        drop(errors.as_mut().map(|from| from.read_to_end(&mut text)));
        text
    });
    let until = Instant::now() + GUARD;
    let status = loop {
        match child.0.try_wait().map_err(Finding::ours)? {
            Some(status) => break status,
            None if Instant::now() > until => {
                return Err(Finding::Hang(
                    "openssl with the module does not end".to_owned(),
                ));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    Ok(Output {
        status,
        stdout: reader.join().unwrap_or_default(),
        stderr: other.join().unwrap_or_default(),
    })
}

/// Where Debian has OpenSSL's engine for PKCS#11, on this kind of machine.
fn engine() -> String {
    format!(
        "/usr/lib/{}-linux-gnu/engines-3/pkcs11.so",
        std::env::consts::ARCH
    )
}
