// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands in `ci/bench` and in the documentation is what this program
//! takes.

use super::Arguments;
use cie_conformance::campaign::Campaign;
use clap::{CommandFactory as _, Parser as _};
use saphyr::{LoadableYamlNode as _, Yaml};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

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
        ("ci/bench/github-actions.yml", 3),
        ("ci/bench/gitlab-ci.yml", 3),
        ("ci/bench/kubernetes-job.yaml", 2),
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
        for word in ["card", "middleware"] {
            let has = |command: &Vec<String>| command.get(1).is_some_and(|first| first == word);
            assert!(commands.iter().any(has), "{name} runs no {word}");
        }
    }
}

/// The exit code of a line of a recipe if the bench ends with `code`.
fn exit_code(line: &str, code: u8) -> Option<i32> {
    let folder = tempfile::tempdir().unwrap();
    let stub = folder.path().join("cie-conformance");
    fs::write(&stub, format!("#!/bin/sh\nexit {code}\n")).unwrap();
    fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
    let status = Command::new("/bin/sh")
        // As build servers do.
        .args(["-e", "-c", line])
        .env("PATH", folder.path())
        .env("CI_NODE_INDEX", "2")
        .env("CI_NODE_TOTAL", "4")
        .env("JOB_COMPLETION_INDEX", "1")
        .status();
    status.unwrap().code()
}

#[test]
fn a_shard_fails_where_the_bench_did_and_not_by_its_verdicts() {
    for (name, count) in [
        ("ci/bench/github-actions.yml", 1),
        ("ci/bench/gitlab-ci.yml", 1),
        // The Job of the module has no report to compare with.
        ("ci/bench/kubernetes-job.yaml", 2),
    ] {
        let mut found = Vec::new();
        for document in &Yaml::load_from_str(&file(name)).unwrap() {
            texts(document, &mut found);
        }
        found.retain(|text| text.starts_with("cie-conformance ") && text.contains("||"));
        assert_eq!(found.len(), count, "{name}");
        for line in &found {
            // The build server puts this in, and not the shell.
            let line = line.replace("${{ matrix.shard }}", "2");
            for (code, passes) in [(0, true), (1, true), (2, false), (3, true), (125, false)] {
                let came = exit_code(&line, code);
                assert_eq!(came == Some(0), passes, "{name}: {code} gives {came:?}");
            }
        }
    }
}

/// The node behind these keys; the first document has it.
fn at<'a>(documents: &'a [Yaml<'a>], keys: &[&str]) -> &'a Yaml<'a> {
    let first = documents.first().unwrap();
    keys.iter().fold(first, |node, key| {
        node.as_mapping_get(key)
            .unwrap_or_else(|| panic!("no {key} of {keys:?}"))
    })
}

#[test]
fn the_image_is_used_so_that_it_can_write() {
    let container = file("ci/bench/Containerfile");
    let user = container
        .lines()
        .find_map(|line| line.strip_prefix("USER "))
        .unwrap();
    let (user, group) = user.split_once(':').unwrap();
    for line in container.lines().filter(|line| line.contains("docker run")) {
        let caller = r#"--user "$(id -u):$(id -g)""#;
        assert!(line.contains(caller), "{line}");
    }
    let pod = file("ci/bench/kubernetes-job.yaml");
    let jobs = Yaml::load_from_str(&pod).unwrap();
    assert_eq!(jobs.len(), 2);
    for job in jobs.chunks(1) {
        let number = |key| {
            let keys = ["spec", "template", "spec", "securityContext", key];
            at(job, &keys).as_integer().unwrap().to_string()
        };
        assert_eq!(number("fsGroup"), group);
        assert_eq!(number("runAsUser"), user);
    }
    let text = file("ci/bench/gitlab-ci.yml");
    let pipeline = Yaml::load_from_str(&text).unwrap();
    let entry = at(&pipeline, &["default", "image", "entrypoint"]);
    let words: Vec<_> = entry.as_sequence().unwrap().iter().collect();
    assert!(matches!(words.as_slice(), [word] if word.as_str() == Some("")));
    // What the cases of documents and of TLS start.
    for package in ["libpcsclite1", "openssl", "libengine-pkcs11-openssl"] {
        for recipe in ["Containerfile", "github-actions.yml"] {
            let text = file(&format!("ci/bench/{recipe}"));
            assert!(text.contains(package), "{recipe}: {package}");
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
