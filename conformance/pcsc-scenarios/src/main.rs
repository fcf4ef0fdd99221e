// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pcsc-scenarios [--steps] [--rows] [NAME…]`: compares both worlds and prints
//! a table; with names only the scenarios whose names contain one of them, with
//! `--steps` every step and both outcomes, with `--rows` the differences as rows
//! for `docs/pcsc-differences.md`. `pcsc-scenarios client` is what it starts for
//! each client.

use std::process::ExitCode;

use cie_pcsc_scenarios::{client, compare, script, world};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = if arguments.first().is_some_and(|word| word == "client") {
        client::run().map_err(|error| error.to_string())
    } else {
        table(&arguments).map_err(|error| error.to_string())
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pcsc-scenarios: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let (options, names): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    let steps = options.iter().any(|option| *option == "--steps");
    world::possible()?;
    let mut scenarios = script::all()?;
    scenarios.retain(|scenario| {
        names.is_empty()
            || names
                .iter()
                .any(|name| scenario.name.contains(name.as_str()))
    });
    let compared = compare::compare(&scenarios, &std::env::current_exe()?)?;
    println!("| scenario | steps | differences |\n|---|---|---|");
    for one in &compared {
        let differences = one.differences();
        println!(
            "| {} | {} | {} |",
            one.scenario,
            one.steps.len(),
            differences.len()
        );
    }
    for one in &compared {
        let differences = one.differences();
        if !steps && differences.is_empty() {
            continue;
        }
        println!("\n== {}", one.scenario);
        for (text, theirs, ours) in &one.steps {
            let (theirs, ours) = (show(theirs.as_deref()), show(ours.as_deref()));
            if theirs == ours {
                if steps {
                    println!("  {text}\n      both   {theirs}");
                }
            } else {
                println!("* {text}\n      pcscd  {theirs}\n      ours   {ours}");
            }
        }
    }
    let all: usize = compared.iter().map(|one| one.differences().len()).sum();
    println!("\n{} scenarios, {all} differences", compared.len());
    if options.iter().any(|option| *option == "--rows") {
        println!();
        for difference in compared.iter().flat_map(compare::Compared::differences) {
            println!("{}", compare::row(&difference));
        }
    }
    Ok(())
}

fn show(outcome: Option<&str>) -> &str {
    match outcome {
        None => "not reached",
        Some("") => "done",
        Some(text) => text,
    }
}
