// SPDX-License-Identifier: MIT OR Apache-2.0
//! `bisect`: which cases went worse from one module to another.

use super::catalogue::Selection;
use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::middleware::{EffortOptions, ProcessOptions, Tested};
use super::output::{can_be_written, put};
use super::print;
use super::progress::Progress;
use cie_conformance::bisect::{Bisection, Regression, Unsettled, bisect as search};
use cie_conformance::catalogue::middleware_cases;
use cie_conformance::ics::Ics;
use cie_conformance::middleware::watched;
use cie_conformance::report::again::Side;
use cie_conformance::report::text::visible;
use cie_conformance::report::{Exchange, Settings};
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Version of the format of the JSON.
const FORMAT: u16 = 1;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 1 a case went worse, 3 none did, but one has more than one verdict or could not be
decided, 0 neither.")]
pub(super) struct Options {
    /// The module that is good
    #[arg(long, value_name = "PATH")]
    good: PathBuf,
    /// The module that may be worse
    #[arg(long, value_name = "PATH")]
    bad: PathBuf,
    /// Modules from between the two, the oldest first: of each case that went
    /// worse the first of them with which it is so is searched
    #[arg(long, value_name = "PATH", num_args = 1..)]
    between: Vec<PathBuf>,
    /// What the modules are and promise; without it, what can be found out by
    /// loading the good one. It holds for all of them
    #[arg(long, value_name = "FILE")]
    ics: Option<PathBuf>,
    /// Without --ics: write the statement that was found out to this file; the
    /// commands that show a verdict again name it [default: a new file in the
    /// temporary folder, if there is such a command]
    #[arg(long, value_name = "FILE", conflicts_with = "ics")]
    ics_out: Option<PathBuf>,
    /// Seed of the cards and of everything else that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often a case that went worse is run on a module
    #[arg(long, value_name = "N", default_value = "3")]
    tries: NonZeroUsize,
    #[command(flatten)]
    process: ProcessOptions,
    #[command(flatten)]
    effort: EffortOptions,
    #[command(flatten)]
    selection: Selection,
    /// Write what was found as JSON, to standard output if no file is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
}

/// Everything that is told.
#[derive(Serialize)]
struct Told<'a> {
    format: u16,
    bench: &'static str,
    seed: u64,
    tries: NonZeroUsize,
    ics: &'a Ics,
    settings: Settings,
    /// The modules in the order of their age.
    modules: Vec<Module<'a>>,
    #[serde(flatten)]
    found: &'a Bisection,
    /// Of each regression, how it is seen again.
    replays: Vec<[String; 2]>,
}

#[derive(Serialize)]
struct Module<'a> {
    path: &'a str,
    sha256: &'a str,
}

pub(super) fn bisect(options: &Options) -> Result<ExitCode, BenchError> {
    let cases = options.selection.of(middleware_cases())?;
    for path in options.json.iter().chain(&options.ics_out) {
        can_be_written(path)?;
    }
    let paths = [&options.good]
        .into_iter()
        .chain(&options.between)
        .chain([&options.bad]);
    let mut modules: Vec<Tested> = paths
        .map(|path| options.process.module(path, options.seed))
        .collect::<Result<_, _>>()?;
    for tested in &mut modules {
        tested.setup.effort = options.effort.effort();
    }
    let Some(good) = modules.first() else {
        return Ok(ExitCode::SUCCESS);
    };
    let ics = good.statement(options.ics.as_deref())?;
    let progress = Progress::of(cases.len());
    let found = search(
        modules.len(),
        &cases,
        options.tries,
        &mut |module, case| match modules.get(module) {
            Some(tested) => watched(&tested.setup, case, &ics),
            None => watched(&good.setup, case, &ics),
        },
        &mut |result| progress.saw(result),
    );
    drop(progress);
    let statement = options.statement(&ics, !found.regressions.is_empty());
    let named = statement.as_ref().ok().and_then(Option::as_deref);
    let told = Told {
        format: FORMAT,
        bench: env!("CARGO_PKG_VERSION"),
        seed: options.seed,
        tries: options.tries,
        ics: &ics,
        settings: good.settings(),
        modules: modules
            .iter()
            .map(|tested| Module {
                path: &tested.target.name,
                sha256: &tested.target.fingerprint,
            })
            .collect(),
        replays: found
            .regressions
            .iter()
            .map(|regression| options.replays(regression, &modules, named))
            .collect(),
        found: &found,
    };
    let (written, printed) = match &options.json {
        Some(path) => {
            let text = serde_json::to_string_pretty(&told)? + "\n";
            (put(path, &text), path.as_os_str() == "-")
        }
        None => (Ok(()), false),
    };
    // Whatever cannot be written, what was found is told.
    if !printed {
        print(words(&told))?;
    }
    written?;
    drop(statement?);
    Ok(if !found.regressions.is_empty() {
        ExitCode::from(EXIT_FOUND)
    } else if !found.unsteady.is_empty() || !found.undecided.is_empty() {
        ExitCode::from(EXIT_UNDECIDED)
    } else {
        ExitCode::SUCCESS
    })
}

impl Options {
    /// The file with the statement of the run, written if there is none yet:
    /// what a module promises decides what is not applicable, and another
    /// module may promise something else.
    fn statement(&self, ics: &Ics, needed: bool) -> Result<Option<PathBuf>, BenchError> {
        if let Some(given) = &self.ics {
            return Ok(Some(given.clone()));
        }
        let text = toml::to_string(ics)?;
        match &self.ics_out {
            Some(path) => put(path, &text).map(|()| Some(path.clone())),
            None if needed => {
                let kept = tempfile::Builder::new()
                    .prefix("cie-bisect-")
                    .suffix(".toml")
                    .tempfile()
                    .and_then(|mut file| {
                        file.write_all(text.as_bytes())?;
                        file.into_temp_path().keep().map_err(|kept| kept.error)
                    })
                    .map_err(BenchError::io(
                        "write",
                        "the statement to the temporary folder",
                    ))?;
                Ok(Some(kept))
            }
            None => Ok(None),
        }
    }

    /// The commands that show what the last good and the first bad module come
    /// to, for a shell.
    fn replays(
        &self,
        regression: &Regression,
        modules: &[Tested],
        statement: Option<&Path>,
    ) -> [String; 2] {
        [regression.last_good, regression.first_bad].map(|number| {
            let module = modules.get(number).map_or(Path::new(""), |tested| {
                // Wherever the shell is.
                tested.setup.module.as_path()
            });
            let mut line = "cie-conformance middleware --module ".to_owned();
            line += &quoted(&module.display().to_string());
            let _ = write!(
                line,
                " --case {} --seed {} --patience {}{}",
                regression.id,
                self.seed,
                self.process.patience,
                self.effort.words()
            );
            if let Some(ics) = statement {
                // It was read or written, so it has a path.
                let path = ics.canonicalize().unwrap_or_else(|_| ics.to_owned());
                let _ = write!(line, " --ics {}", quoted(&path.display().to_string()));
            }
            if let Some(under) = &self.process.under {
                let _ = write!(line, " --under {}", quoted(under));
            }
            for (name, value) in &self.process.environment {
                let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
                let _ = write!(line, " --env {}", quoted(&format!("{name}={value}")));
            }
            line
        })
    }
}

/// One word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// For people.
fn words(told: &Told<'_>) -> String {
    let module = |number: usize| {
        let path = told.modules.get(number).map_or("", |module| module.path);
        visible(path)
    };
    let mut text = String::new();
    // Writing to a string cannot fail.
    let found = told.found;
    if let (Some(first), Some(last)) = (told.modules.first(), told.modules.last())
        && first.sha256 == last.sha256
    {
        let _ = writeln!(text, "note: the good and the bad module are the same file");
    }
    for (regression, replays) in found.regressions.iter().zip(&told.replays) {
        let Regression {
            id, version, title, ..
        } = regression;
        let (good, bad) = (&regression.good, &regression.bad);
        let _ = writeln!(
            text,
            "{id}@{version}  {} → {}  {}",
            good.verdict,
            bad.verdict,
            visible(title)
        );
        let sides = [
            ("good", regression.last_good, good),
            ("bad", regression.first_bad, bad),
        ];
        for (word, number, told) in sides {
            let _ = writeln!(text, "  {word:<4}  {}", module(number));
            if !told.reason.is_empty() {
                let _ = writeln!(text, "        {}", visible(&told.reason));
            }
        }
        for call in &regression.calls {
            let _ = writeln!(text, "    {}", visible(call));
        }
        match &regression.difference {
            None => text += "  no exchange means anything else; what the calls returned differs\n",
            Some(difference) => {
                let number = |exchange: &Option<Exchange>| {
                    let step = exchange.as_ref().map(|exchange| exchange.step);
                    step.map_or_else(|| "none".to_owned(), |step| step.to_string())
                };
                let _ = write!(
                    text,
                    "  the first exchange that means something else, good {} and bad {}",
                    number(&difference.good),
                    number(&difference.bad)
                );
                text += match difference.by_chance {
                    true => ", by chance: one module's own runs are not alike\n",
                    false => "\n",
                };
                for (word, exchange) in [("good", &difference.good), ("bad", &difference.bad)] {
                    let exchange = exchange.as_ref();
                    text += &Side { word, exchange }.to_string();
                }
            }
        }
        for line in replays {
            let _ = writeln!(text, "  $ {}", visible(line));
        }
    }
    for (title, cases) in [
        ("unsteady", &found.unsteady),
        ("not decided", &found.undecided),
    ] {
        for Unsettled {
            id,
            version,
            title: about,
            module: number,
            verdicts,
            reason,
        } in cases
        {
            let verdicts: Vec<_> = verdicts.iter().map(|verdict| verdict.name()).collect();
            let _ = writeln!(
                text,
                "{title}: {id}@{version}  {}  {}\n  {}\n        {}",
                verdicts.join(", "),
                visible(about),
                module(*number),
                visible(reason)
            );
        }
    }
    let _ = writeln!(
        text,
        "{} worse, {} unsteady, {} not decided, {} better, {} as before",
        found.regressions.len(),
        found.unsteady.len(),
        found.undecided.len(),
        found.better,
        found.same
    );
    text
}
