// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie readers`, `cie run|serve --reader-profile` and `--reader-timing`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use serde_json::Value;
use std::io::{BufRead, BufReader};

fn cie(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("cie").unwrap();
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn rows() -> Vec<Value> {
    let output = cie(&["readers", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What a shell script prints that runs with these readers.
fn run(arguments: &[&str], script: &str) -> String {
    let arguments = [&["run"], arguments, &["--", "sh", "-c", script]].concat();
    text(&cie(&arguments).stdout)
}

#[test]
fn profiles_for_programs() {
    let rows = rows();
    assert!(rows.len() >= 12, "{} profiles", rows.len());
    for row in &rows {
        let facts = row["evidence"].as_object().unwrap();
        assert_eq!(facts.len(), 7, "{row}");
        for fact in facts.values() {
            let ground = fact["ground"].as_str().unwrap();
            assert!(["R", "C", "I", "choice"].contains(&ground), "{row}");
            assert!(!fact["source"].as_str().unwrap().is_empty(), "{row}");
        }
        let holders = row["slots"].as_array().unwrap().iter();
        let holders = holders.filter(|slot| slot["holds_card"] == true).count();
        let contact_only = row["cie"] == "no: contacts only";
        assert_eq!(holders, usize::from(!contact_only), "{row}");
    }
    let readable = rows.iter().filter(|row| row["reads_cie"] == true).count();
    assert!(readable >= 8, "{readable} readers that read a CIE");
}

#[test]
fn profiles_for_people() {
    let output = text(&cie(&["readers"]).stdout);
    for words in [
        "acr1252u",
        "PICC*+SAM",
        "ICC+PICC*+SAM",
        "no: contacts only",
        "24 profiles",
    ] {
        assert!(output.contains(words), "{words} not in:\n{output}");
    }
}

#[test]
fn an_unknown_profile_is_named() {
    for command in [&["run"][..], &["serve"]] {
        let arguments = [command, &["--reader-profile", "acme"]].concat();
        let end: &[&str] = if command == ["run"] { &["true"] } else { &[] };
        let output = cie(&[&arguments[..], end].concat());
        assert_eq!(output.status.code(), Some(125));
        let error = text(&output.stderr);
        assert!(
            error.contains("\"acme\"") && error.contains("utrust-3700f"),
            "{error}"
        );
    }
}

#[test]
fn options_that_do_not_go_together() {
    for arguments in [
        &["--reader-profile", "acr122u", "--readers", "2"][..],
        &["--reader-timing", "real"],
    ] {
        let output = cie(&[&["run"], arguments, &["--", "true"]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    // Seventeen slots: five times three and two.
    let mut many = vec!["run"];
    for id in ["acr1281u"; 5] {
        many.extend(["--reader-profile", id]);
    }
    many.extend(["--reader-profile", "acr1252u", "--", "true"]);
    let output = cie(&many);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("17 slots"));
}

/// Two tools that others wrote, over two readers with slots and names of their own.
#[test]
fn public_tools_see_the_readers() {
    let readers = [
        "--reader-profile",
        "acr1252u",
        "--reader-profile",
        "utrust-4701f",
    ];
    let names = [
        "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00",
        "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00",
        "Identiv Identiv uTrust 4701 F Dual Interface Reader [uTrust 4701 F Contact Reader] (55040000000001) 02 00",
        "Identiv Identiv uTrust 4701 F Dual Interface Reader [uTrust 4701 F CL Reader] (55040000000001) 03 00",
    ];
    let tool = run(&readers, "opensc-tool --list-readers");
    let listed: Vec<_> = tool.lines().skip(2).collect();
    assert_eq!(listed.len(), names.len(), "{tool}");
    for (number, (line, name)) in listed.iter().zip(names).enumerate() {
        let card = if number == 0 { "Yes" } else { "No" };
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[1], card, "{tool}");
        assert!(line.ends_with(name), "{tool}");
    }
    // pcsc_scan goes on until it is stopped.
    let scan = run(&readers, "timeout 2 pcsc_scan -n");
    for (number, name) in names.iter().enumerate() {
        assert!(scan.contains(&format!(" Reader {number}: ")), "{scan}");
        assert!(scan.contains(name), "{scan}");
    }
    assert_eq!(scan.matches("Card inserted").count(), 1, "{scan}");
    assert!(
        scan.contains("3B 8F 80 01 80 31 80 65 B0 85 04 00 11 12 0F FF 82 90 00 8A"),
        "{scan}"
    );
}

#[test]
fn the_variable_names_the_slot_with_the_card() {
    let script = r#"echo "$CIE_READER"; opensc-tool --atr --reader "$CIE_READER" 2>/dev/null"#;
    for row in rows() {
        let id = string(&row["id"]);
        let seen = run(&["--reader-profile", &id], script);
        let mut lines = seen.lines();
        let slots = row["slots"].as_array().unwrap();
        let holder = slots.iter().find(|slot| slot["holds_card"] == true);
        let name = holder.map(|slot| string(&slot["name"])).unwrap_or_default();
        assert_eq!(lines.next(), Some(&*name), "{id}");
        let atr = lines.next().map(|line| line.replace(':', ""));
        let atr = atr.filter(|atr| !atr.is_empty());
        let expected = match string(&row["atr"]).as_str() {
            _ if holder.is_none() => None,
            "none" => None,
            "whole ATS" => Some("3b8e8001147877b10280318065b085040011d3"),
            "type B" => Some("3b888001e1f35e117781b50017"),
            "whole ATQB" => Some("3b8c8001"),
            _ => Some("3b8f800180318065b085040011120fff8290008a"),
        };
        match expected {
            Some(expected) => assert!(atr.is_some_and(|atr| atr.starts_with(expected)), "{id}"),
            None => assert_eq!(atr, None, "{id}"),
        }
    }
}

#[test]
fn a_reader_without_antenna() {
    let arguments = ["run", "--reader-profile", "minilector-evo", "--"];
    let script = r#"echo "[${CIE_READER-unset}]"; opensc-tool --atr"#;
    let output = Command::cargo_bin("cie")
        .unwrap()
        .env("CIE_READER", "of somebody else")
        .args([&arguments[..], &["sh", "-c", script]].concat())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(text(&output.stdout), "[unset]\n");
    let errors = text(&output.stderr);
    assert!(errors.contains("none of these readers can hold the card"));
    assert!(errors.contains("Card not present"), "{errors}");
    // Beside one that has an antenna, the card is there.
    let readers = [
        "--reader-profile",
        "minilector-evo",
        "--reader-profile",
        "acr122u",
    ];
    let reader = run(&readers, r#"echo "$CIE_READER""#);
    assert_eq!(reader, "ACS ACR122U PICC Interface 01 00\n");
}

/// With the reader's own timing the card is not there at first, and an
/// insertion is seen. How long it takes is not looked at.
#[test]
fn a_card_that_comes_later() {
    let script = r#"exec /usr/bin/python3 -c '
import os
from smartcard.scard import *
result, context = SCardEstablishContext(SCARD_SCOPE_USER)
name = os.environ["CIE_READER"]
before = None
while True:
    state = SCARD_STATE_UNAWARE if before is None else before
    result, states = SCardGetStatusChange(context, 20000, [(name, state)])
    assert result == SCARD_S_SUCCESS, hex(result)
    before = states[0][1]
    if before & SCARD_STATE_PRESENT:
        break
print(before >> 16, bytes(states[0][2])[:4].hex())
'"#;
    // The network reader is polled, so it is the slowest.
    for id in ["android-vpcd", "acr1252u", "acr122u"] {
        let readers = ["--reader-profile", id, "--reader-timing", "real"];
        assert_eq!(run(&readers, script), "1 3b8f8001\n", "{id}");
    }
    let ideal = run(&["--reader-profile", "android-vpcd"], script);
    assert_eq!(ideal, "0 3b8f8001\n", "there from the start");
    // Nobody waited for it.
    let status = cie(&[
        "run",
        "--reader-profile",
        "android-vpcd",
        "--reader-timing",
        "real",
        "--",
        "true",
    ]);
    assert!(status.status.success(), "{}", text(&status.stderr));
}

#[test]
fn a_too_long_command_is_not_transacted() {
    let script = r#"exec /usr/bin/python3 -c '
import os
from smartcard.scard import *
result, context = SCardEstablishContext(SCARD_SCOPE_USER)
result, card, protocol = SCardConnect(context, os.environ["CIE_READER"], SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1)
for length in (260, 261, 262, 300):
    data = length - 9
    apdu = [0, 0xCB, 0x3F, 0xFF, 0, data >> 8, data & 255] + [0] * data + [0, 0]
    result, response = SCardTransmit(card, SCARD_PCI_T1, apdu)
    print(length, hex(result & 0xFFFFFFFF), bytes(response).hex())
result, response = SCardTransmit(card, SCARD_PCI_T1, [0, 0xA4, 0, 0])
print(hex(result & 0xFFFFFFFF), bytes(response).hex()[-4:])
'"#;
    // This family does not take extended length, and says so where it is asked.
    let seen = run(&["--reader-profile", "acr122u"], script);
    assert_eq!(
        seen,
        "260 0x0 6700\n261 0x0 6700\n262 0x80100016 \n300 0x80100016 \n0x0 9000\n"
    );
    let seen = run(&["--reader-profile", "utrust-3700f"], script);
    assert_eq!(
        seen,
        "260 0x0 6700\n261 0x0 6700\n262 0x0 6700\n300 0x0 6700\n0x0 9000\n"
    );
}

#[test]
fn reports_and_traces_name_the_readers() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.txt");
    let output = cie(&[
        "run",
        "--reader-profile",
        "acr122u",
        "--reader-profile",
        "scl011",
        "--reader-timing",
        "real",
        "--trace",
        trace.to_str().unwrap(),
        "--",
        "false",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(trace.contains("acr122u,scl011"), "{trace}");
    let artifacts = folder.path().join("artifacts");
    let output = cie(&[
        "run",
        "--reader-profile",
        "acr1281u-b",
        "--artifacts",
        artifacts.to_str().unwrap(),
        "--",
        "true",
    ]);
    assert!(output.status.success());
    let replay = std::fs::read_to_string(artifacts.join("replay.sh")).unwrap();
    assert!(
        replay.contains("cie run --seed 1 --reader-profile acr1281u-b -- 'true'"),
        "{replay}"
    );
}

#[test]
fn serve_takes_profiles() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("private/socket");
    let mut server = std::process::Command::new(assert_cmd::cargo::cargo_bin("cie"))
        .args(["serve", "--json", "--reader-profile", "acr1281u", "--pcsc"])
        .arg(&socket)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let readers = told["readers"].as_array().unwrap();
    assert_eq!(readers.len(), 1);
    assert_eq!(readers[0]["name"], "ACS ACR1281 1S Dual Reader 00 01");
    let tool = std::process::Command::new("opensc-tool")
        .arg("--list-readers")
        .env("PCSCLITE_CSOCK_NAME", &socket)
        .output()
        .unwrap();
    assert!(text(&tool.stdout).contains("ACS ACR1281 1S Dual Reader 00 02"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(server.wait().unwrap().success());
}

#[test]
fn serve_needs_a_slot_for_every_card() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let socket = socket.to_str().unwrap();
    let serve = [
        "serve",
        "--pcsc",
        socket,
        "--reader-profile",
        "minilector-evo",
    ];
    let output = cie(&serve);
    assert_eq!(output.status.code(), Some(125));
    let error = text(&output.stderr);
    assert!(error.contains("1 card(s) and 0 slot(s)"), "{error}");
}

fn longest(slot: &Value) -> String {
    slot["longest_apdu"]
        .as_u64()
        .map_or("any".to_owned(), |bytes| bytes.to_string())
}

fn or_none(value: &Value) -> String {
    value.as_str().unwrap_or("–").to_owned()
}

/// The lines of the documentation for one profile, table by table.
fn documented(row: &Value) -> Vec<String> {
    let id = string(&row["id"]);
    let ground = |of: &str| string(&row["evidence"][of]["ground"]);
    let mut lines = vec![format!(
        "| `{id}` | {} | {} {} | {} {} | {} {} | {} ms {} |",
        string(&row["name"]),
        string(&row["interfaces"]).replace('*', "\\*"),
        ground("slots"),
        string(&row["cie"]),
        ground("cie"),
        string(&row["atr"]),
        ground("atr"),
        row["noticed_ms"],
        ground("detection"),
    )];
    for slot in row["slots"].as_array().unwrap() {
        let protocols = slot["protocols"].as_array().unwrap();
        let protocols: Vec<_> = protocols.iter().map(string).collect();
        lines.push(format!(
            "| `{id}` | `{}` {} | {} {} | {} | {} | {} | {} | {} |",
            string(&slot["name"]),
            ground("name"),
            string(&slot["exchange"]),
            ground("exchange"),
            protocols.join(", "),
            slot["max_input"],
            longest(slot),
            string(&slot["noticed"]),
            string(&slot["vacant"]),
        ));
    }
    lines.push(format!(
        "| `{id}` | {} | {} | {} | {} | {} |",
        or_none(&row["vendor"]),
        or_none(&row["usb"]),
        string(&row["version"]),
        or_none(&row["serial"]),
        ground("attributes"),
    ));
    for other in row["elsewhere"].as_array().unwrap() {
        let names = other["names"].as_array().unwrap();
        let names: Vec<_> = names.iter().map(|n| format!("`{}`", string(n))).collect();
        lines.push(format!(
            "| `{id}` | {} | {} | {} | {} |",
            string(&other["system"]),
            names.join(", "),
            string(&other["ground"]),
            string(&other["source"]),
        ));
    }
    for fact in [
        "name",
        "slots",
        "attributes",
        "exchange",
        "detection",
        "atr",
        "cie",
    ] {
        let of = &row["evidence"][fact];
        lines.push(format!(
            "| `{id}` | {fact} | {} | {} |",
            string(&of["ground"]),
            string(&of["source"]),
        ));
    }
    lines
}

/// The documentation has every row as the program has it, and no other.
#[test]
fn the_documentation_has_the_same_tables() {
    let documentation = include_str!("../../../docs/readers.md");
    let mut expected = 0;
    for row in rows() {
        for line in documented(&row) {
            expected += 1;
            assert!(
                documentation.lines().any(|documented| documented == line),
                "not in docs/readers.md:\n{line}"
            );
        }
    }
    let lines = documentation.lines().filter(|l| l.starts_with("| `"));
    assert_eq!(lines.count(), expected);
}
