// SPDX-License-Identifier: MIT OR Apache-2.0
//! Campaigns and their bundles.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod spoiled;

use assert_cmd::Command;
use cie_card::Card;
use cie_conformance::campaign::{Campaign, CampaignError};
use cie_conformance::catalogue::Basis;
use cie_conformance::ics::Ics;
use cie_conformance::report::waiver::split;
use cie_conformance::report::{CaseResult, Report, Target, Times};
use cie_conformance::verdict::Verdict;
use cie_personalisation::{Persona, personalise};
use cie_reader::{Place, ReaderServer, ReaderSpec};
use serde_json::Value;
use sha2::{Digest, Sha256};
use spoiled::library;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const RUN: &str = "version = 1\nname = \"a test\"\n[[run]]\nname = \"one\"\ntarget = \"card\"\n\
    family = \"gemalto\"\nseed = 3\ncases = [\"*_ROOT_*\"]\n";

fn waiver(expires: &str) -> String {
    format!(
        "{RUN}[[waiver]]\ncase = \"CIE_IAS_ROOT_*\"\nreason = \"a reason\"\n\
         owner = \"somebody\"\nexpires = \"{expires}\"\n"
    )
}

fn campaign(folder: &Path, text: &str, out: &str) -> assert_cmd::assert::Assert {
    std::fs::write(folder.join("campaign.toml"), text).unwrap();
    let mut command = Command::cargo_bin("cie-conformance").unwrap();
    command.current_dir(folder);
    command
        .args(["campaign", "campaign.toml", "--out", out])
        .assert()
}

#[test]
fn a_bundle_holds_inputs_reports_hashes_and_waivers() {
    let folder = tempfile::tempdir().unwrap();
    let ics = toml::to_string(&Ics::of_a_stranger()).unwrap();
    std::fs::write(folder.path().join("statement.toml"), &ics).unwrap();
    let second = "[[run]]\nname = \"two\"\ntarget = \"card\"\nfamily = \"nxp\"\nseed = 4\n\
        cases = [\"*_PIN_*\"]\nics = \"statement.toml\"\n";
    let text = waiver("9999-12-31").replace("[[waiver]]", &format!("{second}[[waiver]]"));
    campaign(folder.path(), &text, "bundle").success();
    let out = folder.path().join("bundle");
    let read = |name: &str| std::fs::read(out.join(name)).unwrap();
    assert_eq!(read("campaign.toml"), text.as_bytes());
    assert_eq!(read("runs/two/ics.toml"), ics.as_bytes());
    let manifest: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    assert_eq!(manifest["runs"][0]["seed"], 3);
    assert_eq!(manifest["runs"][1]["name"], "two");
    assert_eq!(manifest["unused_waivers"][0]["owner"], "somebody");
    assert_eq!(manifest["program"].as_str().unwrap().len(), 64);
    let sums = String::from_utf8(read("SHA256SUMS")).unwrap();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        assert_eq!(sum, hex::encode(Sha256::digest(read(name))), "{name}");
    }
    for file in [
        "report.json",
        "junit.xml",
        "report.sarif",
        "report.html",
        "summary.txt",
    ] {
        for run in ["one", "two"] {
            assert!(
                sums.contains(&format!("  runs/{run}/{file}\n")),
                "{run} {file}"
            );
        }
    }
    // By its statement nothing may be sent to the second card.
    let second = String::from_utf8(read("runs/two/report.json")).unwrap();
    let second = Report::parse(&second).unwrap();
    assert!(second.count(Verdict::NotApplicable) > 50);
    // A bundle is never written over.
    campaign(folder.path(), &text, "bundle").code(125);
}

#[test]
fn an_expired_waiver_stops_the_campaign_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let failed = campaign(folder.path(), &waiver("2001-01-01"), "bundle").code(2);
    let text = String::from_utf8(failed.get_output().stderr.clone()).unwrap();
    assert!(
        text.contains("somebody") && text.contains("expired on 2001-01-01"),
        "{text}"
    );
    assert!(!folder.path().join("bundle").exists());
}

#[test]
fn what_is_no_campaign_is_refused() {
    let today = "2027-01-01".parse().unwrap();
    let parse = |text: &str| Campaign::parse(text, today);
    assert!(parse(RUN).is_ok());
    assert!(matches!(
        parse("version = 1\nname = \"\"\n"),
        Err(CampaignError::Empty)
    ));
    let second = RUN.replace("version = 1", "version = 2");
    assert_eq!(parse(&second).unwrap().run, parse(RUN).unwrap().run);
    for (version, number) in [("version = 0", 0), ("version = 3", 3)] {
        let later = RUN.replace("version = 1", version);
        assert!(matches!(parse(&later), Err(CampaignError::Version(n)) if n == number));
    }
    let module = second
        .replace("target = \"card\"\nfamily = \"gemalto\"\n", "")
        .replace("seed", "target.module.path = \"x.so\"\nseed");
    assert!(parse(&module).is_ok());
    let early = module.replace("version = 2", "version = 1");
    assert!(matches!(parse(&early), Err(CampaignError::Target(_))));
    for text in [
        RUN.replace("family = \"gemalto\"\n", ""),
        module.replace("seed", "family = \"gemalto\"\nseed"),
    ] {
        assert!(
            matches!(parse(&text), Err(CampaignError::Family(_))),
            "{text}"
        );
    }
    for wrong in [
        "target.module.way = 1",
        "target.reader.name = \"y\"",
        "socket = \"z\"",
    ] {
        let text = module.replace("seed", &format!("{wrong}\nseed"));
        assert!(
            matches!(parse(&text), Err(CampaignError::Toml(_))),
            "{text}"
        );
    }
    for name in ["../one", "", "One", "a/b", ".."] {
        let text = RUN.replace("\"one\"", &format!("{name:?}"));
        assert!(
            matches!(parse(&text), Err(CampaignError::Name(_))),
            "{name}"
        );
    }
    let twice = format!(
        "{RUN}{}",
        RUN.split_once("[[run]]")
            .map(|(_, r)| format!("[[run]]{r}"))
            .unwrap()
    );
    assert!(matches!(parse(&twice), Err(CampaignError::Name(_))));
    let stray = waiver("2027-01-01").replace("reason =", "run = \"three\"\nreason =");
    assert!(matches!(parse(&stray), Err(CampaignError::NoRun { .. })));
    assert!(matches!(
        parse(&RUN.replace("seed", "sead")),
        Err(CampaignError::Toml(_))
    ));
}

/// A card in this process, one in a reader and a module, from one file with
/// paths beside it.
#[test]
fn a_campaign_tests_cards_readers_and_modules() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let closed = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder.path(), closed).unwrap();
    std::fs::copy(library(), at("module.so")).unwrap();
    let statement = include_str!("../../pkcs11/ics.toml");
    std::fs::write(at("module.toml"), statement).unwrap();
    let issued = personalise(&Persona::adult().unwrap(), 1).unwrap();
    let card = Card::in_memory(issued.image, issued.card_seed).unwrap();
    let place = Place::At(at("pcscd.comm"));
    let reader = ReaderSpec::with_card("Desk Reader 00 00", Box::new(card));
    let server = ReaderServer::bind(&place, vec![reader])
        .unwrap()
        .spawn()
        .unwrap();
    let text = RUN.replace("version = 1", "version = 2")
        + "[[run]]\nname = \"reader\"\nseed = 3\ncases = [\"CIE_IAS_SEL_00?\"]\n\
            target.reader = { name = \"Desk\", socket = \"pcscd.comm\", time-limit = 30 }\n\
            [[run]]\nname = \"module\"\nseed = 3\nics = \"module.toml\"\n\
            cases = [\"CIE_MW_LOGIN_01\", \"CIE_MW_ENROL_01\"]\n\
            target.module = { path = \"module.so\" }\n";
    campaign(folder.path(), &text, "bundle").success();
    drop(server);
    let manifest = std::fs::read(at("bundle/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let of = |run: usize, what: &str| manifest["runs"][run][what].clone();
    let kinds: Vec<_> = (0..3).map(|run| of(run, "kind")).collect();
    assert_eq!(kinds, ["in-process", "reader", "module"]);
    let module = hex::encode(Sha256::digest(std::fs::read(library()).unwrap()));
    assert_eq!(of(2, "sha256"), module);
    assert_eq!(of(0, "sha256"), Value::Null);
    assert_eq!(of(2, "totals")["pass"], 1);
    assert_eq!(of(2, "totals")["not-applicable"], 1);
    assert!(of(1, "totals")["pass"].as_u64().unwrap() > 3, "{manifest}");
    assert_eq!(
        std::fs::read_to_string(at("bundle/runs/module/ics.toml")).unwrap(),
        statement
    );
    // Nothing is run if one of the modules is not there.
    std::fs::remove_file(at("module.so")).unwrap();
    campaign(folder.path(), &text, "again").code(2);
    assert!(!at("again").exists());
}

/// The same settings as on the command line, and so the same report.
#[test]
fn a_campaign_says_how_a_module_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(library(), at("module.so")).unwrap();
    let statement = include_str!("../../pkcs11/ics.toml");
    std::fs::write(at("module.toml"), statement).unwrap();
    let text = "version = 2\nname = \"settings\"\n[[run]]\nname = \"module\"\nseed = 3\n\
        ics = \"module.toml\"\ncases = [\"CIE_MW_SEQ_01\", \"CIE_MW_LOGIN_01\"]\n\
        [run.target.module]\npath = \"module.so\"\nsequences = 2\ndraws = 3\npatience = 45\n\
        under = \"env\"\nenv = { GATE_TOKEN = \"geheim\", CIE_PKCS11_LOG = \"module.log\" }\n";
    let log = at("module.log");
    let text = text.replace("module.log", &log.display().to_string());
    campaign(folder.path(), &text, "bundle").success();
    // The variables were there.
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    let report = std::fs::read(at("bundle/runs/module/report.json")).unwrap();
    let campaigns: Report = serde_json::from_slice(&report).unwrap();
    let mut command = Command::cargo_bin("cie-conformance").unwrap();
    command.current_dir(folder.path());
    command.args([
        "middleware",
        "--module",
        "module.so",
        "--ics",
        "module.toml",
    ]);
    command.args([
        "--seed",
        "3",
        "--only",
        "CIE_MW_SEQ_01",
        "--only",
        "CIE_MW_LOGIN_01",
    ]);
    command.args(["--sequences", "2", "--draws", "3", "--patience", "45"]);
    command.args(["--under", "env", "--env", "GATE_TOKEN=geheim", "--env"]);
    command.arg(format!("CIE_PKCS11_LOG={}", log.display()));
    command.args(["--json", "report.json"]).assert().success();
    let lines = std::fs::read(at("report.json")).unwrap();
    let lines: Report = serde_json::from_slice(&lines).unwrap();
    let settings = campaigns.settings.as_ref().unwrap();
    assert_eq!(settings.environment["GATE_TOKEN"], None);
    assert_eq!(settings.sequences.unwrap().get(), 2);
    assert_eq!(campaigns.settings, lines.settings);
    assert_eq!(campaigns.results, lines.results);
    for file in ["report.json", "report.html", "junit.xml", "report.sarif"] {
        let text = std::fs::read_to_string(at("bundle/runs/module").join(file)).unwrap();
        assert!(!text.contains("geheim"), "{file}");
    }
    // What cannot be is refused before anything runs.
    let today = "2027-01-01".parse().unwrap();
    for (right, wrong) in [
        ("sequences = 2", "sequences = 0"),
        ("draws = 3", "draws = -1"),
        ("GATE_TOKEN = \"geheim\"", "GATE_TOKEN = 1"),
    ] {
        assert!(text.contains(right));
        let text = text.replace(right, wrong);
        assert!(
            matches!(Campaign::parse(&text, today), Err(CampaignError::Toml(_))),
            "{wrong}"
        );
    }
    for wrong in ["\"\"", "\"A=B\"", "\"A\\u0000\""] {
        let text = text.replace("GATE_TOKEN", wrong);
        let parsed = Campaign::parse(&text, today);
        assert!(
            matches!(parsed, Err(CampaignError::Variable { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn a_waived_fault_is_told_apart_and_only_that_one() {
    let fail = |id: &str| CaseResult {
        id: id.into(),
        version: 1,
        title: String::new(),
        unit: "ROOT".into(),
        requirement: String::new(),
        clause: String::new(),
        basis: Basis::Standard,
        severity: "major".into(),
        verdict: Verdict::Fail,
        reason: String::new(),
        evidence: Vec::new(),
    };
    let target = Target {
        kind: String::new(),
        name: String::new(),
        fingerprint: String::new(),
    };
    let results = vec![fail("CIE_IAS_ROOT_001"), fail("CIE_IAS_SEL_001")];
    let report = Report::new(target, 1, Ics::of_a_stranger(), results, Times::default());
    let today = "2027-01-01".parse().unwrap();
    let text = waiver("2027-01-01").replace("reason =", "run = \"one\"\nreason =");
    let campaign = Campaign::parse(&text, today).unwrap();
    let (open, waived) = split(&report, "one", &campaign.waiver);
    assert_eq!((open.len(), waived.len()), (1, 1));
    assert_eq!(open[0].id, "CIE_IAS_SEL_001");
    let (open, waived) = split(&report, "two", &campaign.waiver);
    assert_eq!((open.len(), waived.len()), (2, 0));
}
