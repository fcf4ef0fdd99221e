// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a case happens, if not where its author put it: another chip family,
//! another reader, another start state.

use cie_personalisation::{FAMILIES, Family, State};
use cie_reader::models::{MODELS, ReaderModel};
use thiserror::Error;

/// What is not as usual when a case runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scene {
    /// The family of the usual citizen's card.
    pub family: Option<&'static Family>,
    /// The reader, with all its slots.
    pub reader: Option<&'static ReaderModel>,
    /// What has happened to the usual citizen's card before.
    pub state: Option<State>,
}

/// A name that is none.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("there is no {what} {name:?}; `{list}` lists them")]
pub struct SceneError {
    what: &'static str,
    name: String,
    list: &'static str,
}

impl Scene {
    /// The scene of these names.
    ///
    /// # Errors
    /// [`SceneError`] for the first name that is none.
    pub fn named(
        family: Option<&str>,
        reader: Option<&str>,
        state: Option<&str>,
    ) -> Result<Self, SceneError> {
        let error = |what, name: &str, list| SceneError {
            what,
            name: name.to_owned(),
            list,
        };
        let family = family.map(|name| {
            let found = FAMILIES.iter().find(|family| family.id == name);
            found.ok_or_else(|| error("family", name, "cie families"))
        });
        let reader = reader.map(|name| {
            let found = MODELS.iter().find(|model| model.id == name);
            found.ok_or_else(|| error("reader profile", name, "cie readers"))
        });
        let state = state.map(|name| {
            State::from_name(name).ok_or_else(|| error("start state", name, "cie run --help"))
        });
        Ok(Self {
            family: family.transpose()?,
            reader: reader.transpose()?,
            state: state.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_or_told() {
        let scene = Scene::named(Some("stm"), Some("acr122u"), Some("pin-1-left")).unwrap();
        assert_eq!(scene.family.unwrap().id, "stm");
        assert_eq!(scene.reader.unwrap().id, "acr122u");
        assert_eq!(scene.state, Some(State::PinOneLeft));
        let error = Scene::named(None, Some("acr123u"), None).unwrap_err();
        assert!(error.to_string().contains("cie readers"), "{error}");
        assert!(Scene::named(Some("x"), None, None).is_err());
        assert!(Scene::named(None, None, Some("x")).is_err());
    }
}
