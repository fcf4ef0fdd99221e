// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands in `ci/bench` and in the documentation is what this program
//! takes.

use super::Arguments;
use cie_conformance::campaign::Campaign;
use clap::{CommandFactory as _, Parser as _};
use saphyr::{LoadableYamlNode as _, Yaml};
use std::fs;
use std::path::PathBuf;

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines that call the bench, with what a shell or a build server would
/// have put into them.
fn commands(text: &str) -> Vec<Vec<String>> {
    let values = [
        ("${{ matrix.shard }}", "2"),
        ("$((JOB_COMPLETION_INDEX + 1))", "2"),
        ("$JOB_COMPLETION_INDEX", "1"),
        ("$CI_NODE_INDEX", "2"),
        ("$CI_NODE_TOTAL", "4"),
    ];
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches(['#', ' ', '$']);
        if !line.starts_with("cie-conformance ") {
            continue;
        }
        let mut line = line.split(" ||").next().unwrap().to_owned();
        for end in ["  #", " >"] {
            line = line.split(end).next().unwrap().to_owned();
        }
        for (name, value) in values {
            line = line.replace(name, value);
        }
        assert!(!line.contains('$'), "nothing puts a value into {line}");
        let words = line.split_whitespace();
        found.push(
            words
                .map(|word| word.trim_matches('\'').to_owned())
                .collect(),
        );
    }
    found
}

fn parses(name: &str, command: &[String]) {
    if let Err(error) = Arguments::try_parse_from(command) {
        panic!("{name}: {command:?}: {error}");
    }
}

/// Every text of a document in order.
fn texts(node: &Yaml<'_>, found: &mut Vec<String>) {
    if let Some(text) = node.as_str() {
        found.push(text.to_owned());
    }
    for item in node.as_sequence().into_iter().flatten() {
        texts(item, found);
    }
    for (_, value) in node.as_mapping().into_iter().flatten() {
        texts(value, found);
    }
}

#[test]
fn the_recipes_are_yaml_and_their_commands_are_this_programs() {
    for (name, least) in [
        ("ci/bench/github-actions.yml", 2),
        ("ci/bench/gitlab-ci.yml", 2),
        ("ci/bench/kubernetes-job.yaml", 1),
    ] {
        let documents = Yaml::load_from_str(&file(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut found = Vec::new();
        for document in &documents {
            texts(document, &mut found);
        }
        let commands: Vec<_> = found.iter().flat_map(|text| commands(text)).collect();
        assert!(commands.len() >= least, "{name}: {commands:?}");
        for command in &commands {
            parses(name, command);
        }
    }
}

#[test]
fn the_container_starts_this_program_with_arguments_that_it_takes() {
    let text = file("ci/bench/Containerfile");
    let list = |key: &str| -> Vec<String> {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap();
        serde_json::from_str(line).unwrap()
    };
    let command: Vec<_> = [list("ENTRYPOINT "), list("CMD ")].concat();
    parses("Containerfile", &command);
    assert_eq!(command[0], Arguments::command().get_name());
}

#[test]
fn the_commands_of_the_documentation_are_this_programs() {
    for name in ["docs/bench.md", "ci/bench/campaign.toml"] {
        let text = file(name);
        let commands = commands(&text);
        assert!(!commands.is_empty(), "{name}");
        for command in &commands {
            parses(name, command);
        }
    }
    assert!(commands(&file("docs/bench.md")).len() > 8);
}

#[test]
fn the_campaign_can_be_run() {
    let today = "2027-01-01".parse().unwrap();
    let campaign = Campaign::parse(&file("ci/bench/campaign.toml"), today).unwrap();
    assert_eq!(campaign.run.len(), 2);
    for run in campaign.run {
        let family = run.family.unwrap();
        assert!(super::target::family(&family).is_ok(), "{family}");
    }
}
