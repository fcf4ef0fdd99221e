// SPDX-License-Identifier: MIT OR Apache-2.0
//! The settings of a replay: those of the report, unless the command line
//! names others.

use super::error::BenchError;
use super::middleware::{EffortOptions, PATIENCE, ProcessOptions, variable};
use cie_conformance::card;
use cie_conformance::report::Settings;
use cie_conformance::report::settings::Again;
use clap::Args;
use std::ffi::OsString;
use std::num::NonZeroU32;

#[derive(Debug, Args)]
pub(super) struct AgainOptions {
    /// Random sequences of codes in each case of the unit SEQ, not as many as
    /// in the report
    #[arg(long, value_name = "N", requires = "module")]
    sequences: Option<NonZeroU32>,
    /// Drawn contents in each case of the unit CONTENT that draws, not as many
    /// as in the report
    #[arg(long, value_name = "N", requires = "module")]
    draws: Option<NonZeroU32>,
    /// Seconds that one call of the module, one case on a card or one sequence
    /// may take, not as many as in the report
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
    /// Run the module's process under this program, given with its arguments;
    /// '' for none. What a report names is not started unless it is named here
    #[arg(long, value_name = "COMMAND", requires = "module")]
    under: Option<String>,
    /// A variable of the module's environment. One whose value the report does
    /// not record has to be given again. Can be repeated
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable, requires = "module")]
    environment: Vec<(OsString, OsString)>,
}

/// What a replay is made with.
pub(super) struct Chosen {
    pub(super) process: ProcessOptions,
    pub(super) effort: EffortOptions,
    /// What it is and where it is from, on one line.
    pub(super) told: String,
}

/// Settings by where they are from.
#[derive(Default)]
struct Sources {
    given: Vec<String>,
    recorded: Vec<String>,
    usual: Vec<String>,
}

impl Sources {
    /// The number that counts.
    fn number<T: ToString + Copy>(
        &mut self,
        name: &str,
        unit: &str,
        given: Option<T>,
        recorded: Option<T>,
        usual: T,
    ) -> T {
        let (of, number) = match (given, recorded) {
            (Some(number), _) => (&mut self.given, number),
            (None, Some(number)) => (&mut self.recorded, number),
            (None, None) => (&mut self.usual, usual),
        };
        of.push(format!("{name} {}{unit}", number.to_string()));
        number
    }

    fn line(&self) -> String {
        let groups = [
            ("as given", &self.given),
            ("as in the report", &self.recorded),
            ("as usual", &self.usual),
        ];
        let groups: Vec<_> = groups
            .iter()
            .filter(|(_, settings)| !settings.is_empty())
            .map(|(title, settings)| format!("{title}: {}", settings.join(", ")))
            .collect();
        groups.join("; ")
    }
}

impl AgainOptions {
    /// For a report on a module.
    pub(super) fn of_module(&self, recorded: Option<&Settings>) -> Result<Chosen, BenchError> {
        let nothing = Settings::default();
        let recorded = recorded.unwrap_or(&nothing);
        let usual = EffortOptions::of(None, None);
        let mut from = Sources::default();
        let get = NonZeroU32::get;
        let sequences = from.number(
            "sequences",
            "",
            self.sequences.map(get),
            recorded.sequences.map(get),
            usual.sequences,
        );
        let draws = from.number(
            "draws",
            "",
            self.draws.map(get),
            recorded.draws.map(get),
            usual.draws,
        );
        let patience = from.number("patience", " s", self.patience, recorded.patience, PATIENCE);
        let under = self.under(recorded, &mut from)?;
        let environment = self.environment(recorded, &mut from)?;
        Ok(Chosen {
            process: ProcessOptions {
                patience,
                under,
                environment,
            },
            effort: EffortOptions { sequences, draws },
            told: from.line(),
        })
    }

    /// For a report on a card that is made for the test: how long a case may
    /// take, and that on one line.
    pub(super) fn of_card(&self, recorded: Option<&Settings>) -> (u64, String) {
        let mut from = Sources::default();
        let recorded = recorded.and_then(|settings| settings.patience);
        let usual = card::PATIENCE.as_secs();
        let patience = from.number("patience", " s", self.patience, recorded, usual);
        (patience, from.line())
    }

    /// A report may come from anywhere; no program that it names is started.
    fn under(&self, recorded: &Settings, from: &mut Sources) -> Result<Option<String>, BenchError> {
        match (&self.under, &recorded.under) {
            (Some(under), _) if under.trim().is_empty() => {
                from.given.push("under no program".to_owned());
                Ok(None)
            }
            (Some(under), _) => {
                from.given.push(format!("under {under:?}"));
                Ok(Some(under.clone()))
            }
            (None, None) => Ok(None),
            (None, Some(under)) => Err(BenchError::Arguments(format!(
                "the module of the report ran under {under:?}, and what a report names is not \
                 started; give it again with --under, or --under '' for none"
            ))),
        }
    }

    fn environment(
        &self,
        recorded: &Settings,
        from: &mut Sources,
    ) -> Result<Vec<(OsString, OsString)>, BenchError> {
        let mut environment = Vec::new();
        let mut missing = Vec::new();
        for (name, again) in recorded.variables() {
            if self.environment.iter().any(|(given, _)| given == name) {
                continue;
            }
            match again {
                Again::Set(value) => {
                    from.recorded.push(format!("{name}={value}"));
                    environment.push((name.into(), value.into()));
                }
                Again::LeftOut => from.usual.push(format!("no {name}")),
                Again::Ask => missing.push(format!("--env {name}=VALUE")),
            }
        }
        if !missing.is_empty() {
            return Err(BenchError::Arguments(format!(
                "the module of the report had variables whose values are not recorded, because \
                 they may be secret; give them again: {}",
                missing.join(" ")
            )));
        }
        for (name, value) in &self.environment {
            // The value may be secret, here too.
            from.given.push(name.to_string_lossy().into_owned());
            environment.push((name.clone(), value.clone()));
        }
        Ok(environment)
    }
}
