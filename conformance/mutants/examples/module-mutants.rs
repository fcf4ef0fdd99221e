// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the page of the module's mutants:
//! `cargo run -p cie-mutants --example module-mutants > docs/module-mutants.md`.
//! With names, looks for the cases that kill only those.
#![allow(clippy::print_stdout)] // this is what it is for

use cie_mutants::at_once;
use cie_mutants::modules::{
    Driver, Flaw, killed, killers, library, render, setup, statement, tolerated,
};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "supervise") {
        return Ok(cie_driver::supervise(words)?);
    }
    let names: Vec<String> = std::env::args().skip(1).collect();
    // It starts itself for the process that loads the module.
    if names.first().is_some_and(|name| name == "drive") {
        return Ok(cie_driver::serve()?);
    }
    let driver = Driver {
        program: std::env::current_exe()?,
        arguments: vec!["drive".into()],
    };
    let library = library().ok_or("libcie_pkcs11_mutants.so is not beside this program")?;
    let ics = statement()?;
    if names.is_empty() {
        let killed = killed(&library, &driver, &ics);
        let different = at_once(2, Flaw::BENIGN, |flaw| {
            let setup = setup(&library, &driver, Some(*flaw));
            (*flaw, tolerated(&setup, &ics))
        });
        print!("{}", render(&killed, &different));
    }
    for flaw in Flaw::DEFECTS.iter().chain(Flaw::BENIGN) {
        if names.iter().any(|name| name == flaw.name()) {
            let found = killers(&setup(&library, &driver, Some(*flaw)), &ics, *flaw);
            println!("{}: {}", flaw.name(), found.by.join(", "));
        }
    }
    Ok(())
}
