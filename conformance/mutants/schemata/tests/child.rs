// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a judge ends is part of what it found, and an end that says nothing is
//! not taken for a kill.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // helpers of tests

use cie_schemata::campaign::Shard;
use cie_schemata::child::{Ended, Question, ask};
use cie_schemata::error::SchemataError;
use std::os::unix::fs::PermissionsExt;

/// A judge that is a script. One for all, told what to do by the family: a
/// program that was written a moment ago may be "busy" while others start.
fn end(script: &str, seconds: u64) -> Result<Ended, SchemataError> {
    let folder = tempfile::tempdir().unwrap();
    let judge = folder.path().join("judge");
    std::fs::write(&judge, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&judge, PermissionsExt::from_mode(0o755)).unwrap();
    let question = Question {
        judge: &judge,
        number: 4,
        family: "gemalto",
        seed: 1,
        seconds,
    };
    loop {
        match ask(&question) {
            Err(SchemataError::Program { error, .. })
                if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
            ended => return ended,
        }
    }
}

#[test]
fn what_the_judge_says_is_what_it_found() {
    let killed = r#"echo '{"outcome":"killed","case":"CIE_IAS_SM_001","verdict":"fail"}'"#;
    let case = "CIE_IAS_SM_001".to_owned();
    let verdict = "fail".to_owned();
    assert_eq!(end(killed, 60).unwrap(), Ended::Killed { case, verdict });
    let survived = r#"echo '{"outcome":"survived","undecided":[]}'"#;
    let undecided = Vec::new();
    assert_eq!(end(survived, 60).unwrap(), Ended::Survived { undecided });
    // It is told the number, the family, the seed and its limit.
    let told = r#"echo "{\"outcome\":\"refused\",\"why\":\"$*\"}""#;
    let crash = Ended::Crash("no card: 4 gemalto 1 60".to_owned());
    assert_eq!(end(told, 60).unwrap(), crash);
}

#[test]
fn a_process_that_is_taken_down_or_never_ends_is_a_kill() {
    assert_eq!(
        end("exit 101", 60).unwrap(),
        Ended::Crash("panic".to_owned())
    );
    let abort = Ended::Crash("signal 6".to_owned());
    assert_eq!(end("kill -ABRT $$", 60).unwrap(), abort);
    assert_eq!(end("kill -XCPU $$", 60).unwrap(), Ended::Hang);
    assert_eq!(end("exec sleep 600", 0).unwrap(), Ended::Hang);
}

#[test]
fn an_end_that_says_nothing_about_the_card_is_no_kill() {
    for script in ["exit 2", "kill -KILL $$", "echo nothing"] {
        let ended = end(script, 60);
        assert!(
            matches!(ended, Err(SchemataError::Judge { .. })),
            "{script}"
        );
    }
}

#[test]
fn shards_are_all_of_it_and_share_nothing() {
    let shards: Vec<Shard> = (1..=3)
        .map(|index| format!("{index}/3").parse().unwrap())
        .collect();
    for number in 0..20 {
        let having = shards.iter().filter(|shard| shard.has(number));
        assert_eq!(having.count(), 1, "{number}");
        assert!(Shard::WHOLE.has(number));
    }
    for wrong in ["0/3", "4/3", "1/0", "1", "a/b", ""] {
        assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
    }
}
