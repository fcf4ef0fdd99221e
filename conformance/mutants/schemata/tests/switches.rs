// SPDX-License-Identifier: MIT OR Apache-2.0
//! A source with one mutation of every kind, and the list of cargo-mutants for
//! it as it was printed: what is placed, what each switch does, and who is
//! blamed when one does not compile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests

use cie_schemata::alone::patched;
use cie_schemata::compile::{blame, errors};
use cie_schemata::list::{self, Genre, Mutation, Place};
use cie_schemata::shipped::not_shipped;
use cie_schemata::switches::{parse, place_all, regions};
use cie_schemata::workspace::{RUNNER, SCHEMA};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const SOURCE: &str = include_str!("sample/lib.rs");
const LIST: &str = include_str!("sample/list.json");
/// What the source answers to everything that can be asked of it.
const MAIN: &str = r#"
    mod schema;
    fn main() {
        if let Some(number) = std::env::args().nth(1) {
            schema::choose(number.parse().unwrap());
        }
        let small: Vec<_> = (2..5).map(is_small).collect();
        let classes: Vec<_> = [0, 2, 4, 10, 11].into_iter().map(class).collect();
        let pair = replaced(Pair { left: 1, right: 2 });
        let opaque = [true, false].map(|there| opaque(there).is_some());
        println!("{small:?} {classes:?} {} {} {opaque:?}", pair.left, pair.right);
    }
"#;
/// The card as it is: no mutation has this number.
const NONE: usize = usize::MAX;

fn mutations() -> Vec<Mutation> {
    list::read(LIST).unwrap()
}

fn generated(without: &[usize]) -> (String, Vec<usize>) {
    let list = mutations();
    let path = Path::new("src/lib.rs");
    let file = parse(path, SOURCE).unwrap();
    let all: Vec<_> = list.iter().collect();
    let gone = not_shipped(&file, &all);
    let wanted = |mutation: &&Mutation| {
        !gone.contains(&mutation.number) && !without.contains(&mutation.number)
    };
    let wanted: Vec<_> = list.iter().filter(wanted).collect();
    let switched = place_all(path, &file, &wanted, "crate").unwrap();
    (switched.text, switched.placed)
}

/// The compiler on one file, and what it says as JSON.
fn rustc(folder: &Path, text: &str) -> Result<(), String> {
    std::fs::write(folder.join("main.rs"), format!("{text}{MAIN}")).unwrap();
    std::fs::write(folder.join("schema.rs"), SCHEMA).unwrap();
    let output = Command::new("rustc")
        .current_dir(folder)
        .args(["--edition", "2024", "-A", "warnings", "--error-format"])
        .args(["json", "main.rs"])
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

fn answer(folder: &Path, number: usize) -> String {
    let mut program = Command::new(folder.join("main"));
    let output = program.arg(number.to_string()).output().unwrap();
    assert!(output.status.success(), "{number}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_list_is_read_with_names_that_survive_a_new_line() {
    let list = mutations();
    assert_eq!(list.len(), 22);
    assert_eq!(list[6].key, "src/lib.rs: replace < with <= in is_small");
    assert_eq!(list[17].genre, Genre::StructField);
    let keys: BTreeSet<_> = list.iter().map(|mutation| &mutation.key).collect();
    assert_eq!(keys.len(), list.len());
    // The same name twice: they are told apart.
    let twice = format!("[{0},{0}]", &LIST[1..LIST.rfind(']').unwrap()].trim())
        .replace("}\n  },\n  {", "}},{");
    let list = list::read(&twice).unwrap();
    assert_eq!(list.len(), 44);
    assert_eq!(list[22].key, format!("{} #2", list[0].key));
}

#[test]
fn what_only_ties_a_chosen_defect_is_not_of_a_shipped_card() {
    let list = mutations();
    let file = parse(Path::new("src/lib.rs"), SOURCE).unwrap();
    let all: Vec<_> = list.iter().collect();
    let gone: BTreeSet<_> = not_shipped(&file, &all).into_iter().collect();
    // The guard that only the defect opens, and the operators beside two more.
    assert_eq!(gone, BTreeSet::from([12, 13, 14, 15, 20]));
}

#[test]
fn each_switch_does_what_its_mutation_says_and_nothing_else() {
    // 16 and 19 need a default that there is not; 0 and 1 are of a constant.
    let (text, placed) = generated(&[16, 19]);
    assert_eq!(
        placed,
        [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 17, 18, 21],
        "{text}"
    );
    let folder = tempfile::tempdir().unwrap();
    rustc(folder.path(), &text).unwrap();
    let honest = answer(folder.path(), NONE);
    let plain = r#"[true, false, false] ["none", "few", "many", "many", "many"] 7 2 [true, false]"#;
    assert_eq!(honest.trim(), plain);
    for (number, small, classes, left, opaque) in [
        (2, "ttt", "none few few many many", 7, "tf"),
        (3, "fff", "none many many many many", 7, "tf"),
        (4, "ftf", "none many many many many", 7, "tf"),
        (5, "fft", "none many few many many", 7, "tf"),
        (6, "ttf", "none few many many many", 7, "tf"),
        (7, "tff", "    ", 7, "tf"),
        (8, "tff", "xyzzy xyzzy xyzzy xyzzy xyzzy", 7, "tf"),
        (9, "tff", "many few many many many", 7, "tf"),
        (10, "tff", "none few few many many", 7, "tf"),
        (11, "tff", "none many many many many", 7, "tf"),
        (17, "tff", "none few many many many", 1, "tf"),
        (18, "tff", "none few many many many", 7, "ff"),
        (21, "tff", "none few many many many", 7, "ft"),
    ] {
        let bools = |text: &str| text.chars().map(|c| c == 't').collect::<Vec<_>>();
        let classes: Vec<_> = classes.split(' ').collect();
        let (small, opaque) = (bools(small), bools(opaque));
        let expected = format!("{small:?} {classes:?} {left} 2 {opaque:?}");
        assert_eq!(answer(folder.path(), number).trim(), expected, "{number}");
    }
}

#[test]
fn whoever_does_not_compile_is_blamed_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut without = BTreeSet::new();
    loop {
        let (text, _) = generated(&without.iter().copied().collect::<Vec<_>>());
        let Err(said) = rustc(folder.path(), &text) else {
            break;
        };
        let messages = said
            .lines()
            .map(|line| format!("{{\"reason\":\"compiler-message\",\"message\":{line}}}\n"));
        let errors = errors(&messages.collect::<String>());
        let file = parse(Path::new("main.rs"), &text).unwrap();
        assert!(!errors.is_empty(), "{said}");
        for error in errors {
            without.insert(blame(&regions(&file), error.place, &without).unwrap());
        }
    }
    assert_eq!(without, BTreeSet::from([16, 19]));
}

/// `_ if …` counts as the arm for everything else, so that the arms beside it
/// are deleted too, and with all switches nothing is left: the last one goes.
#[test]
fn a_match_that_is_not_exhaustive_gives_up_its_last_arm_first() {
    let text = "fn f(n: bool) -> u8 { match n { _ if crate::schema::on(1) => 1, \
                true if !crate::schema::on(4) => 2, false if !crate::schema::on(5) => 3 } }";
    let regions = regions(&parse(Path::new("f.rs"), text).unwrap());
    let at = Place {
        line: 1,
        column: text.find("n {").unwrap() + 1,
    };
    assert_eq!(blame(&regions, at, &BTreeSet::new()), Some(5));
    assert_eq!(blame(&regions, at, &BTreeSet::from([5])), Some(4));
}

#[test]
fn the_diff_of_the_list_makes_the_same_change_alone() {
    let list = mutations();
    let honest = SOURCE.to_owned();
    for mutation in &list {
        let changed = patched(&honest, &mutation.diff).unwrap();
        assert_ne!(changed, honest, "{}", mutation.name);
        assert!(changed.contains("changed by cargo-mutants"));
    }
    let constant = patched(&honest, &list[0].diff).unwrap();
    assert!(constant.contains("LIMIT: u8 = 2 -"), "{constant}");
    // A source of another commit is refused, and not changed somewhere else.
    assert_eq!(
        patched(&honest.replace("LIMIT", "BOUND"), &list[0].diff),
        None
    );
}

#[test]
fn the_templates_of_the_workspace_parse() {
    parse(Path::new("runner"), RUNNER).unwrap();
    parse(Path::new("schema"), SCHEMA).unwrap();
}
