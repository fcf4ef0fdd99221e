// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real, unmodified applications on the reference PKCS#11 module: one shell
//! script in `scripts/` per application, and here the desk they work at.
//!
//! A [`Desk`] has a temporary folder with an empty home, the program `cie` and
//! the module `libcie_pkcs11.so`; a script runs on it inside `cie run`, with
//! hardly any environment of the caller's. A program that is not installed is a
//! failure in continuous integration (`CI=true`), and elsewhere a reason to skip
//! ([`have`]).

mod newer;

pub use newer::{Newer, newer};

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Seconds after which a script is ended. The longest needs a minute or two of a processor.
const LIMIT: &str = "1200";

/// Where Debian has programs, whatever the caller's PATH.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The folder of the scripts.
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

/// The folder of cargo's that this program lies in: `target/debug`, as a rule.
///
/// # Errors
///
/// The operating system does not tell what program this is.
pub fn built() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let mut folder = program.parent().unwrap_or(Path::new("/"));
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap_or(folder);
    }
    Ok(folder.to_owned())
}

/// The same rule as in the other tests that may be skipped elsewhere only.
fn in_continuous_integration() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// What a test does about something that is missing: in continuous integration
/// an error, elsewhere `Ok(false)`, and the reason is printed.
///
/// # Errors
///
/// The reason, if `CI` is set (and not `false`).
#[allow(clippy::print_stderr)] // that is how a test says that it is skipped
pub fn missing(reason: &str) -> Result<bool, String> {
    if in_continuous_integration() {
        return Err(reason.to_owned());
    }
    eprintln!("SKIPPED: {reason}");
    Ok(false)
}

/// True if all of these are there: programs by name, files by path, each with
/// the Debian package it is in.
///
/// # Errors
///
/// One is missing, in continuous integration.
pub fn have(needed: &[(&str, &str)]) -> Result<bool, String> {
    for (name, package) in needed {
        // An absolute name replaces the folder.
        let found = PATH
            .split(':')
            .any(|folder| Path::new(folder).join(name).exists());
        if !found {
            let reason = format!("{name} is missing; it is in the Debian package {package}");
            return missing(&reason);
        }
    }
    Ok(true)
}

/// Where an application runs.
#[derive(Debug)]
pub struct Desk {
    folder: TempDir,
    options: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Desk {
    /// A desk on which `cie run` has these options; `seed` is also the
    /// scripts' `SEED`.
    ///
    /// # Errors
    ///
    /// No temporary folder could be made.
    pub fn new(seed: u32, options: &[&str]) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("cie-app").tempdir()?;
        std::fs::create_dir(folder.path().join("home"))?;
        let seed = seed.to_string();
        let mut all = vec!["--seed".to_owned(), seed.clone()];
        all.extend(options.iter().map(|option| (*option).to_owned()));
        Ok(Self {
            folder,
            options: all,
            variables: vec![("SEED".to_owned(), seed)],
        })
    }

    /// One more variable of the script's environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The working folder of the script.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script inside `cie run`.
    ///
    /// # Errors
    ///
    /// A program could not be built or started.
    pub fn run(&self, script: &str) -> io::Result<Output> {
        build()?;
        let built = built()?;
        let home = self.folder().join("home");
        let module = built.join("libcie_pkcs11.so");
        let mut command = Command::new(built.join("cie"));
        command
            .env_clear()
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8")
            .env("HOME", home)
            .env("TMPDIR", self.folder())
            .env("MODULE", module)
            .env("CIE", built.join("cie"))
            .env("SCRIPTS", scripts())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder())
            .arg("run")
            .args(&self.options)
            .args(["--", "timeout", "--kill-after=5", LIMIT, "sh"])
            .arg(scripts().join(script));
        command.output()
    }

    /// Runs a script that must succeed and say `ok:` so many times; what it
    /// printed.
    ///
    /// # Errors
    ///
    /// It failed, could not be run or said less or more; the text says how far
    /// it came.
    pub fn succeeds(&self, script: &str, oks: usize) -> Result<String, String> {
        let output = self
            .run(script)
            .map_err(|error| format!("{script}: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = text.lines().filter(|line| line.starts_with("ok: ")).count();
        if output.status.success() && said == oks {
            return Ok(text);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let status = output.status;
        Err(format!(
            "{script}: {status}, {said} of {oks} ok\n{text}{errors}"
        ))
    }
}

/// Lets cargo build `cie` and the module where this program was built, once.
/// With `cargo test --workspace` they are there already.
///
/// # Errors
///
/// Cargo could not be started or failed.
fn build() -> io::Result<()> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--quiet", "--package", "cie"])
            .args(["--package", "cie-pkcs11", "--target-dir"]);
        let built = built().map_err(|error| error.to_string())?;
        command.arg(built.parent().unwrap_or(&built));
        if built.file_name() == Some(OsStr::new("release")) {
            command.arg("--release");
        }
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("cargo build of cie and cie-pkcs11: {status}")),
            Err(error) => Err(format!("cargo: {error}")),
        }
    });
    done.clone().map_err(io::Error::other)
}

/// Where Debian has OpenSSL's engine for PKCS#11, on this kind of machine.
pub fn engine() -> String {
    let cpu = std::env::consts::ARCH;
    format!("/usr/lib/{cpu}-linux-gnu/engines-3/pkcs11.so")
}

/// The interpreter of an environment with what `requirements.txt` pins, made
/// once in cargo's target folder; `None` if that cannot be done here.
///
/// # Errors
///
/// It cannot be done, in continuous integration.
pub fn python() -> Result<Option<PathBuf>, String> {
    static DONE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match DONE.get_or_init(|| environment().map_err(|error| error.to_string())) {
        Ok(interpreter) => Ok(Some(interpreter.clone())),
        Err(why) => missing(&format!("no Python packages: {why}")).map(|_| None),
    }
}

fn environment() -> io::Result<PathBuf> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let folder = built()?.join("applications-python");
    let interpreter = folder.join("bin/python");
    let installed = folder.join("installed.txt");
    let wanted = std::fs::read(&requirements)?;
    if std::fs::read(&installed).is_ok_and(|has| has == wanted) {
        return Ok(interpreter);
    }
    let run = |command: &mut Command| {
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(errors))
    };
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    run(Command::new(&interpreter)
        .args(["-m", "pip", "install", "--quiet", "--require-hashes", "-r"])
        .arg(&requirements))?;
    std::fs::write(installed, wanted)?;
    Ok(interpreter)
}

#[cfg(test)]
mod tests {
    use super::{have, in_continuous_integration};

    #[test]
    fn what_is_missing_is_named_and_fails_in_continuous_integration() {
        assert_eq!(have(&[("sh", "dash"), ("/bin/sh", "dash")]), Ok(true));
        let result = have(&[("sh", "dash"), ("no-such-program", "no-package")]);
        if in_continuous_integration() {
            let reason = result.unwrap_err();
            assert!(reason.contains("no-such-program") && reason.contains("no-package"));
        } else {
            assert_eq!(result, Ok(false));
        }
    }
}
