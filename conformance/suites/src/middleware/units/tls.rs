// SPDX-License-Identifier: MIT OR Apache-2.0
//! A login by TLS with a real server and a real client: OpenSSL on both sides,
//! the client's key is the card's, through OpenSSL's engine for PKCS#11.

use super::{PLAN, Row};
use crate::middleware::door::locked;
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::keeper::Keeper;
use crate::middleware::stage::Stage;
use cie_driver::Ended;
use cie_personalisation::{pki, to_pem};
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// No step of it takes as long.
const GUARD: Duration = Duration::from_secs(60);
/// How long what an ended process has written is waited for.
const LINGER: Duration = Duration::from_secs(5);

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
    let mut client = stage.kept_command("openssl")?;
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
    let output = kept(stage, client)?;
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
    let errors = Drained::of(child.0.stderr.take());
    let output = Drained::of(child.0.stdout.take());
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
        stdout: output.text(),
        stderr: errors.text(),
    })
}

/// The same of a program that loads the module.
fn kept(stage: &Stage<'_>, mut command: Command) -> Found<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut keeper = Keeper::start(command)
        .map_err(|error| Finding::ours(format!("openssl could not be started: {error}")))?;
    keeper.say_no_more();
    let errors = Drained::of(keeper.child.stderr.take());
    let output = Drained::of(keeper.child.stdout.take());
    let (sender, ended) = channel();
    keeper.listen(sender, |ended| ended)?;
    let status = match ended.recv_timeout(GUARD) {
        Ok(Ended::Status(status)) => ExitStatus::from_raw(status),
        Ok(Ended::NotStarted(error)) => {
            return Err(Finding::ours(format!(
                "openssl could not be started: {error}"
            )));
        }
        Err(_) => {
            return Err(Finding::Hang(
                "openssl with the module does not end".to_owned(),
            ));
        }
    };
    stage.keep(keeper);
    Ok(Output {
        status,
        stdout: output.text(),
        stderr: errors.text(),
    })
}

/// What a process writes, read while it runs.
struct Drained {
    text: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

impl Drained {
    fn of(from: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let (sender, end) = channel::<()>();
        let to = Arc::clone(&text);
        std::thread::spawn(move || {
            let _until_the_end = sender;
            let Some(mut from) = from else { return };
            let mut piece = [0; 4096];
            // What cannot be read is missing in the text.
            loop {
                match from.read(&mut piece) {
                    Ok(0) => return,
                    Ok(len) => locked(&to).extend(piece.iter().take(len)),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
            }
        });
        Self { text, end }
    }

    /// What was written. Something that the module has started may live on
    /// and keep the pipe open; it is not waited for.
    fn text(&self) -> Vec<u8> {
        // Nothing is ever sent: it ends with the sender, or not in time.
        let _ = self.end.recv_timeout(LINGER);
        std::mem::take(&mut *locked(&self.text))
    }
}

/// Where Debian has OpenSSL's engine for PKCS#11, on this kind of machine.
fn engine() -> String {
    format!(
        "/usr/lib/{}-linux-gnu/engines-3/pkcs11.so",
        std::env::consts::ARCH
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_leaves_behind_is_not_waited_for() {
        let begun = Instant::now();
        let mut shell = Command::new("sh");
        let output = finished(shell.args(["-c", "echo said; sleep 90 & exit 3"]));
        let output = output.unwrap();
        assert_eq!(output.stdout, b"said\n");
        assert_eq!(output.status.code(), Some(3));
        assert!(begun.elapsed() < Duration::from_secs(80));
    }
}
