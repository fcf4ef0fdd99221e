// SPDX-License-Identifier: MIT OR Apache-2.0
//! A workspace below the target folder: codec and card under names of their
//! own, and the judge.
//!
//! The judge depends on this checkout's bench, whose terminal has the codec as
//! it is. Only the card's half is changed, so that a mutation is found by a
//! case and not because the terminal is wrong too.

use crate::error::SchemataError;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The judge of one mutation: it knows the two changed packages by name.
pub const RUNNER: &str = include_str!("../templates/runner.rs.txt");
/// The module with the switch.
pub const SCHEMA: &str = include_str!("../templates/schema.rs.txt");

/// Codec first: the card needs it.
pub const MEMBERS: [Member; 2] = [
    Member {
        source: "emulator/iso7816",
        folder: "wire",
        package: "iso7816-wire-schema",
        root: "crate",
    },
    Member {
        source: "emulator/card",
        folder: "card",
        package: "cie-card-schema",
        root: "iso7816_wire",
    },
];

/// A package whose sources are changed.
pub struct Member {
    /// Its folder in the checkout.
    pub source: &'static str,
    /// Its folder in the workspace.
    pub folder: &'static str,
    /// Its name in the workspace.
    pub package: &'static str,
    /// How its sources name the crate with the module `schema`.
    pub root: &'static str,
}

/// The package and the path in the workspace of a source file of the checkout.
#[must_use]
pub fn member(file: &str) -> Option<(&'static Member, PathBuf)> {
    MEMBERS.iter().find_map(|member| {
        let inside = Path::new(file).strip_prefix(member.source).ok()?;
        Some((member, Path::new(member.folder).join(inside)))
    })
}

/// The workspace and the checkout that it is made from.
pub struct Workspace {
    /// The checkout.
    pub checkout: PathBuf,
    /// The folder of the workspace.
    pub folder: PathBuf,
}

impl Workspace {
    /// Writes manifests, the judge, and the sources as they are.
    ///
    /// # Errors
    /// [`SchemataError::File`] and [`SchemataError::Manifest`].
    pub fn write(&self) -> Result<(), SchemataError> {
        self.manifest()?;
        for member in &MEMBERS {
            self.member(member)?;
        }
        self.sources()?;
        let judge = "conformance/mutants";
        let judge = self.checkout.join(judge);
        let manifest = toml::toml! {
            [package]
            name = "cie-schemata-judge"
            version = "0.0.0"
            edition = "2024"

            [dependencies]
            cie-card-schema = { path = "../card" }
            iso7816-wire-schema = { path = "../wire" }
        };
        let mut manifest = manifest;
        for (name, path) in [
            ("cie-mutants", judge),
            ("iso7816-wire", self.checkout.join("emulator/iso7816")),
        ] {
            let mut dependency = Table::new();
            dependency.insert("path".to_owned(), text(&path));
            let dependencies = manifest.get_mut("dependencies");
            if let Some(Value::Table(dependencies)) = dependencies {
                dependencies.insert(name.to_owned(), Value::Table(dependency));
            }
        }
        put(&self.folder.join("judge/Cargo.toml"), &manifest.to_string())?;
        put(&self.folder.join("judge/src/main.rs"), RUNNER)
    }

    /// Writes the sources of both packages as the checkout has them.
    ///
    /// # Errors
    /// [`SchemataError::File`].
    pub fn sources(&self) -> Result<(), SchemataError> {
        for member in &MEMBERS {
            let (from, to) = (self.checkout.join(member.source), member.folder);
            copy(&from.join("src"), &self.folder.join(to).join("src"))?;
        }
        let root = self.folder.join("wire/src/lib.rs");
        let mut lib = get(&root)?;
        lib.push_str("\n#[doc(hidden)]\npub mod schema;\n");
        put(&root, &lib)?;
        put(&self.folder.join("wire/src/schema.rs"), SCHEMA)
    }

    fn manifest(&self) -> Result<(), SchemataError> {
        let path = self.checkout.join("Cargo.toml");
        let mut manifest = table(&path)?;
        let Some(Value::Table(workspace)) = manifest.get_mut("workspace") else {
            return Err(wrong(&path, "it has no workspace"));
        };
        let members = ["wire", "card", "judge"].map(|name| Value::String(name.to_owned()));
        workspace.insert("members".to_owned(), Value::Array(members.to_vec()));
        workspace.remove("default-members");
        if let Some(Value::Table(dependencies)) = workspace.get_mut("dependencies") {
            for (_, dependency) in dependencies.iter_mut() {
                if let Some(Value::String(inside)) = dependency.get_mut("path") {
                    *inside = self.checkout.join(&*inside).display().to_string();
                }
            }
        }
        // Rooms of the checkout are no members here, and the profile of what is
        // none is for arithmetic: it takes minutes to build them with it.
        let rooms = manifest.get("workspace").and_then(|workspace| {
            let dependencies = workspace.get("dependencies")?.as_table()?;
            let rooms = dependencies
                .iter()
                .filter(|(_, room)| room.get("path").is_some());
            Some(rooms.map(|(name, _)| name.clone()).collect::<Vec<_>>())
        });
        let packages = manifest
            .get_mut("profile")
            .and_then(|profile| profile.get_mut("dev")?.get_mut("package"));
        if let (Some(Value::Table(packages)), Some(rooms)) = (packages, rooms) {
            for room in rooms {
                packages.insert(room, Value::Table(toml::toml! { opt-level = 1 }));
            }
        }
        put(&self.folder.join("Cargo.toml"), &manifest.to_string())?;
        // The versions of the checkout, and no others.
        let lock = get(&self.checkout.join("Cargo.lock"))?;
        put(&self.folder.join("Cargo.lock"), &lock)
    }

    fn member(&self, member: &Member) -> Result<(), SchemataError> {
        let path = self.checkout.join(member.source).join("Cargo.toml");
        let mut manifest = table(&path)?;
        let Some(Value::Table(package)) = manifest.get_mut("package") else {
            return Err(wrong(&path, "it has no package"));
        };
        let name = Value::String(member.package.to_owned());
        package.insert("name".to_owned(), name);
        manifest.remove("dev-dependencies");
        manifest.remove("lints");
        if let Some(Value::Table(dependencies)) = manifest.get_mut("dependencies")
            && let Some(wire) = dependencies.get_mut("iso7816-wire")
        {
            *wire = Value::Table(toml::toml! {
                package = "iso7816-wire-schema"
                path = "../wire"
            });
        }
        let to = self.folder.join(member.folder).join("Cargo.toml");
        put(&to, &manifest.to_string())
    }
}

fn text(path: &Path) -> Value {
    Value::String(path.display().to_string())
}

fn wrong(path: &Path, why: &str) -> SchemataError {
    SchemataError::Manifest {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

fn table(path: &Path) -> Result<Table, SchemataError> {
    let text = get(path)?;
    let parsed = text.parse::<Table>();
    parsed.map_err(|error| wrong(path, &error.to_string()))
}

/// Reads a file.
pub(crate) fn get(path: &Path) -> Result<String, SchemataError> {
    fs::read_to_string(path).map_err(SchemataError::file(path))
}

/// Writes a file and its folders, unless it says that already: cargo compiles
/// what is newer.
pub(crate) fn put(path: &Path, text: &str) -> Result<(), SchemataError> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(SchemataError::file(folder))?;
    }
    fs::write(path, text).map_err(SchemataError::file(path))
}

fn copy(from: &Path, to: &Path) -> Result<(), SchemataError> {
    for entry in fs::read_dir(from).map_err(SchemataError::file(from))? {
        let path = entry.map_err(SchemataError::file(from))?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            put(&to.join(name), &get(&path)?)?;
        }
    }
    Ok(())
}
