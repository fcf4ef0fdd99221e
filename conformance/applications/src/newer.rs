// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that need a newer system than this may be: Python 3.12, OpenSSL's
//! provider for PKCS#11, libpcsclite 2.3. Where the system's Python is older,
//! they run in a Debian of their own (`debootstrap`), made in cargo's target
//! folder from the mirror that this machine's apt is configured with.

use crate::{PATH, built, missing};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The release of that Debian, and its Python.
const RELEASE: (&str, &str) = ("trixie", "3.13");
/// What is installed there beside the least.
const PACKAGES: &str = "python3,libpcsclite1,p11-kit,openssl,pkcs11-provider,curl,ca-certificates";

/// A system that is new enough.
#[derive(Clone, Debug)]
pub struct Newer {
    /// Its root folder; none if it is this system.
    pub root: Option<PathBuf>,
    /// A folder with what `pkcs11-check-requirements.txt` pins.
    pub site: PathBuf,
}

/// The newer system, made once; `None` if it cannot be had here.
///
/// # Errors
///
/// It cannot be had, in continuous integration.
pub fn newer() -> Result<Option<Newer>, String> {
    static DONE: OnceLock<Result<Newer, String>> = OnceLock::new();
    match DONE.get_or_init(|| make().map_err(|error| error.to_string())) {
        Ok(newer) => Ok(Some(newer.clone())),
        Err(why) => missing(&format!("no newer system: {why}")).map(|_| None),
    }
}

fn make() -> io::Result<Newer> {
    let folder = built()?.join("applications-newer");
    fs::create_dir_all(&folder)?;
    let own = python_of_this_system();
    let root = match own {
        Some((major, minor)) if (major, minor) >= (3, 12) => None,
        _ => Some(debian(&folder)?),
    };
    let site = folder.join("site");
    packages(&folder, &site, root.is_some())?;
    Ok(Newer { root, site })
}

/// Its version, if there is one.
fn python_of_this_system() -> Option<(u32, u32)> {
    let output = Command::new("python3")
        .env("PATH", PATH)
        .args(["-c", "import sys; print(*sys.version_info[:2])"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A Debian in `folder`.
fn debian(folder: &Path) -> io::Result<PathBuf> {
    let root = folder.join("root");
    let made = folder.join("made.txt");
    let recipe = format!("{} {PACKAGES}", RELEASE.0);
    if fs::read(&made).is_ok_and(|has| has == recipe.as_bytes()) {
        return Ok(root);
    }
    // A half-made one; nothing is mounted there outside of a namespace.
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    run(Command::new("unshare").args(["--mount", "true"]))?;
    let mirror = mirror()?;
    run(Command::new("debootstrap")
        .env("PATH", PATH)
        .args(["--variant=minbase", &format!("--include={PACKAGES}")])
        .arg(RELEASE.0)
        .arg(&root)
        .arg(mirror))?;
    fs::write(made, recipe)?;
    Ok(root)
}

/// Where this machine's apt has Debian from.
fn mirror() -> io::Result<String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)"])
        .args(["Created-By: Packages", "Origin: Debian", "Label: Debian"])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = text.lines().next().map(str::to_owned);
    first.ok_or_else(|| io::Error::other("apt knows no mirror of Debian (apt-get update?)"))
}

/// The pinned Python packages in `site`, for the newer system's Python.
fn packages(folder: &Path, site: &Path, other: bool) -> io::Result<()> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("pkcs11-check-requirements.txt");
    let installed = folder.join("installed.txt");
    let wanted = fs::read(&requirements)?;
    if fs::read(&installed).is_ok_and(|has| has == wanted) {
        return Ok(());
    }
    let pip = folder.join("pip");
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&pip))?;
    if site.exists() {
        fs::remove_dir_all(site)?;
    }
    let mut command = Command::new(pip.join("bin/python"));
    command
        .args(["-m", "pip", "install", "--quiet", "--require-hashes"])
        .args(["--no-deps", "--only-binary=:all:", "--target"])
        .args([site.as_os_str(), OsStr::new("-r"), requirements.as_os_str()]);
    if other {
        // Not for the Python that pip runs with.
        command.args(["--ignore-requires-python", "--python-version", RELEASE.1]);
    }
    run(&mut command)?;
    fs::write(installed, wanted)
}

fn run(command: &mut Command) -> io::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| io::Error::other(format!("{name} could not be started: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let last: Vec<&str> = out.lines().chain(errors.lines()).collect();
    let last = last
        .get(last.len().saturating_sub(20)..)
        .unwrap_or_default();
    Err(io::Error::other(format!(
        "{name}: {}\n{}",
        output.status,
        last.join("\n")
    )))
}
