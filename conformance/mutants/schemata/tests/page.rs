// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/cargo-mutants.md`: its numbers fit together, its rate is high enough,
//! and every survivor has a verdict with a reason.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests

use cie_schemata::campaign::checkout;
use cie_schemata::page::{SURVIVORS, Totals, groups, render, survivors};
use cie_schemata::result::{Campaign, Fate, Row, read};

const PAGE: &str = include_str!("../../../../docs/cargo-mutants.md");
const MUTANTS: &str = include_str!("../../../../docs/mutants.md");

/// The number in the row of the page that starts like this.
fn told(start: &str) -> usize {
    let row = PAGE.lines().find(|line| line.starts_with(start)).unwrap();
    let cell = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
    cell.parse().unwrap()
}

#[test]
fn the_numbers_of_the_page_fit_together_and_are_enough() {
    let totals = Totals {
        listed: told("| listed"),
        not_shipped: told("| not tried: they change"),
        does_not_compile: told("| not tried: do not compile"),
        killed: told("| killed by a case"),
        taken_down: told("| killed by taking"),
        survived: told("| survived"),
    };
    let all = totals.not_shipped + totals.does_not_compile + totals.tried();
    assert_eq!(all, totals.listed);
    assert_eq!(
        told("| … equivalent") + told("| … a missing"),
        totals.survived
    );
    let (found, tried) = (totals.found(), totals.tried());
    let said = format!("**{found} of {tried} killed, {}.**", totals.rate());
    assert!(PAGE.contains(&said), "{said}");
    assert!(found * 100 >= tried * 85, "{}", totals.rate());
    let said = format!("{found} of {tried} killed, {}", totals.rate());
    assert!(MUTANTS.contains(&said), "docs/mutants.md: {said}");

    // The table by file has the same sums.
    let files = PAGE.lines().filter(|line| line.starts_with("| emulator/"));
    let sums = files.fold([0; 6], |mut sums, line| {
        let cells = line.trim_matches('|').split('|').skip(1);
        for (sum, cell) in sums.iter_mut().zip(cells) {
            *sum += cell.trim().parse::<usize>().unwrap();
        }
        sums
    });
    let Totals {
        listed,
        not_shipped,
        does_not_compile,
        survived,
        ..
    } = totals;
    assert_eq!(
        sums,
        [
            listed,
            not_shipped,
            does_not_compile,
            tried,
            found,
            survived
        ]
    );
}

#[test]
fn every_survivor_of_the_page_has_a_verdict_with_a_reason() {
    let groups = groups(SURVIVORS).unwrap();
    let table = survivors(&groups);
    assert!(
        PAGE.ends_with(&table),
        "the page and survivors.toml differ; run `ci/mutants page FILE… > docs/cargo-mutants.md`"
    );
    let rows: Vec<_> = table.lines().skip(5).collect();
    assert_eq!(rows.len(), told("| survived"));
    for row in rows {
        let verdict = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let (what, why) = verdict.split_once(": ").unwrap();
        assert!(["equivalent", "missing case"].contains(&what), "{row}");
        assert!(why.split(' ').count() >= 4, "no reason: {row}");
    }
}

/// A function that is gone cannot have survived: the page is old.
#[test]
fn every_survivor_is_of_a_function_that_there_is() {
    for key in groups(SURVIVORS)
        .unwrap()
        .iter()
        .flat_map(|group| &group.mutations)
    {
        let (file, text) = key.split_once(": ").unwrap();
        let source = std::fs::read_to_string(checkout().join(file)).unwrap();
        let value = text.strip_prefix("replace ").unwrap_or("");
        let function = match text.rsplit_once(" in ") {
            Some((_, function)) => function.split(" #").next().unwrap(),
            None => value.split(" -> ").next().unwrap(),
        };
        let function = function.split(" with ").next().unwrap();
        let name = function.rsplit("::").next().unwrap();
        assert!(source.contains(&format!("fn {name}")), "{key}");
    }
}

fn row(number: usize, fate: Fate) -> Row {
    Row {
        number,
        file: "emulator/card/src/codes.rs".to_owned(),
        line: 3,
        key: format!("emulator/card/src/codes.rs: mutation {number}"),
        alone: false,
        fate,
    }
}

fn campaign() -> Campaign {
    let undecided = Vec::new();
    let (family, case) = ("gemalto".to_owned(), "CIE_IAS_PIN_001".to_owned());
    let verdict = "fail".to_owned();
    let killed = Fate::Killed {
        family: family.clone(),
        case,
        verdict,
    };
    let fates = [
        Fate::NotShipped,
        Fate::DoesNotCompile,
        killed,
        Fate::Hang { family },
        Fate::Survived { undecided },
    ];
    Campaign {
        cargo_mutants: "cargo-mutants 1".to_owned(),
        rustc: "rustc 1".to_owned(),
        seed: 1,
        families: vec!["gemalto".to_owned()],
        listed: fates.len(),
        rows: fates
            .into_iter()
            .enumerate()
            .map(|(n, f)| row(n, f))
            .collect(),
    }
}

const VERDICT: &str = "[[group]]\nverdict = \"equivalent\"\nreason = \"nobody can see a | b\"\n\
                       mutations = [\"emulator/card/src/codes.rs: mutation 4\"]\n";

#[test]
fn what_does_not_compile_or_ship_is_not_counted_as_killed() {
    let page = render(&campaign(), &groups(VERDICT).unwrap()).unwrap();
    assert!(page.contains("**2 of 3 killed, 66.6 %.**"), "{page}");
    assert!(!page.contains('{'), "{page}");
}

#[test]
fn no_page_without_a_verdict_on_each_survivor() {
    let campaign = campaign();
    assert!(render(&campaign, &[]).is_err());
    let of_killed = groups(&VERDICT.replace("mutation 4", "mutation 2")).unwrap();
    assert!(render(&campaign, &of_killed).is_err());
    assert!(groups(&VERDICT.replace("nobody can see a | b", " ")).is_err());
    assert!(groups(&format!("{VERDICT}{VERDICT}")).is_err());
}

#[test]
fn the_files_of_all_shards_make_one_campaign_and_no_less() {
    let folder = tempfile::tempdir().unwrap();
    let whole = campaign();
    let part = |name: &str, wanted: &dyn Fn(usize) -> bool, seed| {
        let mut part = whole.clone();
        part.seed = seed;
        part.rows.retain(|row| wanted(row.number));
        let path = folder.path().join(name);
        std::fs::write(&path, serde_json::to_string(&part).unwrap()).unwrap();
        path
    };
    let odd = part("odd", &|number| number % 2 == 1, 1);
    let even = part("even", &|number| number % 2 == 0, 1);
    let other = part("other", &|number| number % 2 == 0, 2);
    assert_eq!(read(&[&odd, &even]).unwrap(), whole);
    assert!(read(&[&odd]).is_err());
    assert!(read(&[&odd, &even, &odd]).is_err());
    assert!(read(&[&odd, &other]).is_err());
}
