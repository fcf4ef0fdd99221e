// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card that is not proven to be ours: two PIN tries stay, the PUK is never
//! touched, nothing is written that the user did not name, and nothing about
//! its holder stands in a report.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use cie_card::image::CardState;
use cie_card::{Card, Event};
use cie_conformance::card::{One, judge};
use cie_conformance::catalogue::{Basis, card_cases};
use cie_conformance::edges::script::COMMANDS;
use cie_conformance::edges::{
    Allow, Alone, Ground, Link, Papers, Row, Single, Specimen, Start, units,
};
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::report::{Report, Target, Times};
use cie_conformance::verdict::Verdict;
use cie_personalisation::{FAMILIES, Persona, personalise};
use iso7816_wire::CardDoor;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// What happened to a card, as only the card can know: it tells of every write
/// in the midst of a command.
#[derive(Debug, Default)]
struct Seen {
    fewest_pin_tries: Option<u8>,
    fewest_puk_tries: Option<u8>,
    pins: Vec<String>,
    exchanges: usize,
    proofs: usize,
}

/// A software card that plays a physical one.
struct Physical {
    card: Card,
    seen: Arc<Mutex<Seen>>,
}

impl CardDoor for Physical {
    fn power_on(&mut self) -> Vec<u8> {
        self.card.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.card.reset()
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let answer = self.card.transmit(command);
        let mut seen = self.seen.lock().unwrap();
        seen.saw(&self.card.image().state);
        seen.exchanges += 1;
        seen.proofs += usize::from(command.get(1) == Some(&0x82));
        answer
    }
}

impl Seen {
    fn saw(&mut self, state: &CardState) {
        let least = |before: Option<u8>, now| Some(before.map_or(now, |b: u8| b.min(now)));
        self.fewest_pin_tries = least(self.fewest_pin_tries, state.pin_tries);
        self.fewest_puk_tries = least(self.fewest_puk_tries, state.puk_tries);
        let pin = state.pin.expose().to_owned();
        if !self.pins.contains(&pin) {
            self.pins.push(pin);
        }
    }
}

type Guarded = Single<Alone<Physical>>;

fn guarded(allow: Allow, pin: Option<&str>) -> (Guarded, Arc<Mutex<Seen>>, Specimen<Card>) {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let seen = Arc::<Mutex<Seen>>::default();
    let watch = Arc::clone(&seen);
    let watched = specimen.card.clone();
    let watched = watched.with_observer(Arc::new(move |event| {
        if let Event::MemoryWrite(state) = event {
            watch.lock().unwrap().saw(state);
        }
    }));
    let door = Alone(Physical {
        card: watched,
        seen: Arc::clone(&seen),
    });
    let papers = Papers {
        pin: pin.unwrap_or(&specimen.pin).to_owned(),
        puk: specimen.puk.clone(),
        nis: String::new(),
        serial: String::new(),
        certificate: Vec::new(),
        ..specimen.papers()
    };
    (Single::protected(door, papers, allow), seen, specimen)
}

const NOTHING: Allow = Allow {
    codes: false,
    tries: false,
    writes: false,
    refill: false,
    proofs: false,
};
/// What spends a try, and gives none back.
const SPENDING: Allow = Allow {
    codes: true,
    tries: true,
    writes: true,
    refill: false,
    proofs: false,
};
const ALL: Allow = Allow {
    refill: true,
    proofs: true,
    ..SPENDING
};

fn holds(seen: &Seen, allow: Allow, specimen: &Specimen<Card>) -> Result<(), String> {
    let tries = seen.fewest_pin_tries.unwrap_or(3);
    // Every code costs one while it is compared; to give one back costs another.
    let floor = match allow {
        Allow { codes: false, .. } => 3,
        Allow { refill: false, .. } => 2,
        Allow { refill: true, .. } => 1,
    };
    if seen.fewest_puk_tries.unwrap_or(10) < 10 || tries < floor {
        return Err(format!("not above {floor} tries: {seen:?}"));
    }
    if !allow.writes && seen.pins.iter().any(|pin| *pin != specimen.pin) {
        return Err(format!("another PIN without leave: {seen:?}"));
    }
    Ok(())
}

#[test]
fn every_row_of_the_catalogue_on_a_physical_card() {
    for (allow, pin) in [
        (NOTHING, None),
        (SPENDING, None),
        (ALL, None),
        (ALL, Some("11223344")),
    ] {
        let (mut single, seen, specimen) = guarded(allow, pin);
        if allow.codes {
            // As a run begins; a wrong PIN spends its try here.
            assert_eq!(single.learn().is_ok(), pin.is_none());
        }
        let costs = |row: &&Row| pin.is_none() || row.script.contains("PIN");
        for row in units().iter().flat_map(|unit| unit.rows).filter(costs) {
            single.outcome(row);
            holds(&seen.lock().unwrap(), allow, &specimen)
                .unwrap_or_else(|why| panic!("{}: {why}", row.script));
        }
        let left = single.counters().unwrap();
        assert_eq!(left.puk, 10);
        assert!(left.pin >= 2);
        if pin.is_none() {
            let full = if allow == SPENDING { 2 } else { 3 };
            assert_eq!(left.pin, full, "the right PIN gave back what was spent");
            assert_eq!(single.finish(), Ok(()));
            let now = single.door().0.card.image().state;
            assert_eq!(now.pin.expose(), specimen.pin, "changed back");
        }
        assert!(seen.lock().unwrap().exchanges > if pin.is_none() { 2000 } else { 100 });
    }
}

/// Whatever text a script may be.
fn step() -> impl Strategy<Value = String> {
    let named = prop::sample::select(COMMANDS).prop_map(|(name, ..)| name.to_owned());
    let codes = prop::sample::select(vec![
        "VERIFY-PIN",
        "WRONG-PIN",
        "VERIFY-PUK",
        "WRONG-PUK",
        "NEW-PIN",
        "RETRY",
        "00240081({PIN}{NEW})",
        "00240081({WRONG}{NEW})",
        "00200081({PIN}00)",
        "10200081({PIN:0..4})",
        "00200081({PIN:4..8})",
        "00200001({PIN})",
        "00D60000(00)",
        "00DB3FFF(7000)",
    ])
    .prop_map(str::to_owned);
    let bytes = (
        prop::sample::select(vec![0_u8, 0x0C, 0x10, 0x1C]),
        prop::sample::select(vec![0x20_u8, 0x21, 0x24, 0x2C, 0x2D, 0x26, 0xD6, 0xA4]),
        any::<u8>(),
        prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x02]),
        prop::collection::vec(any::<u8>(), 0..12),
    )
        .prop_map(|(cla, ins, p1, p2, data)| {
            format!("{cla:02X}{ins:02X}{p1:02X}{p2:02X}{}", hex::encode(data))
        });
    let how = prop::sample::select(vec![
        "",
        "",
        "sm ",
        "sm ",
        "sm ",
        "piece ",
        "all ",
        "forged wrong 8E: ",
        "forged nothing: ",
    ]);
    let others = prop::sample::select(vec!["replay", "reset", "power on", "power off"]);
    prop_oneof![
        4 => (how.clone(), codes).prop_map(|(how, command)| format!("{how}{command}")),
        3 => (how.clone(), named).prop_map(|(how, command)| format!("{how}{command}")),
        2 => (how, bytes).prop_map(|(how, command)| format!("{how}{command}")),
        1 => others.prop_map(str::to_owned),
    ]
}

fn leave() -> impl Strategy<Value = Allow> {
    any::<[bool; 5]>().prop_map(|[codes, tries, writes, refill, proofs]| Allow {
        codes,
        tries,
        writes,
        refill,
        proofs,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_script_says(
        allow in leave(),
        right in any::<bool>(),
        rows in prop::collection::vec(
            (prop::sample::select(Start::ALL.to_vec()), prop::collection::vec(step(), 1..12)),
            1..4,
        ),
    ) {
        let (mut single, seen, specimen) = guarded(allow, (!right).then_some("11223344"));
        for (start, steps) in rows {
            // An answer that always fits, where there is one.
            let script: Vec<_> = steps.iter().flat_map(|step| {
                ["9000", "63C2", "plain 6985"].map(|answer| format!("{step} = {answer}"))
            }).collect();
            for script in [script.join("; "), steps.join(" = 9000; ") + " = 9000"] {
                let row = Row {
                    number: 1,
                    situation: "any",
                    start,
                    script: Box::leak(script.into_boxed_str()),
                    ground: Ground::Choice(9),
                };
                single.outcome(&row);
                let kept = holds(&seen.lock().unwrap(), allow, &specimen);
                prop_assert!(kept.is_ok(), "{}: {kept:?}", row.script);
            }
        }
    }
}

/// Everything that must not be told, in the forms that it could take.
fn forms(value: &[u8]) -> Vec<String> {
    let mut forms = vec![hex::encode_upper(value), hex::encode(value)];
    if let Ok(text) = std::str::from_utf8(value) {
        forms.push(text.to_owned());
    }
    let bytes: Vec<_> = value.iter().map(|byte| byte.to_string()).collect();
    forms.push(bytes.join(","));
    forms.push(bytes.join(", "));
    forms
}

fn personal() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let persona = Persona::adult().unwrap().with_family(&FAMILIES[0]);
    let issued = personalise(&persona, 1).unwrap();
    let facts = &issued.facts;
    let whole = [
        issued.pin().expose(),
        issued.puk().expose(),
        &facts.nis,
        &facts.serial,
        &facts.fiscal_code,
        &facts.given_names,
        &facts.surname,
    ];
    let mut whole: Vec<Vec<u8>> = whole.iter().map(|text| text.as_bytes().to_vec()).collect();
    whole.push(issued.image.profile.sn_icc.to_vec());
    whole.push(hex::decode(&facts.nis).unwrap());
    let content = |fid| {
        let mut files = issued.image.profile.files.iter();
        files.find(|file| file.fid == fid).unwrap().content.clone()
    };
    let long = [0x1003, 0x1004, 0x1005, 0x1006, 0xD003].map(content);
    (whole, long.to_vec())
}

fn told(text: &str) -> Option<String> {
    let (whole, long) = personal();
    let pieces = long.iter().flat_map(|file| file.windows(8));
    let pieces = pieces.filter(|piece| piece.iter().any(|byte| *byte != piece[0]));
    for piece in pieces {
        let hex = hex::encode_upper(piece);
        if text.contains(&hex) || text.contains(&hex.to_lowercase()) {
            return Some(hex);
        }
    }
    let mut forms = whole.iter().flat_map(|value| forms(value));
    forms.find(|form| text.contains(form))
}

#[test]
fn a_report_tells_nothing_of_the_holder() {
    let (mut single, _, specimen) = guarded(ALL, None);
    single.learn().unwrap();
    assert_eq!(single.papers().serial, specimen.serial);
    assert_eq!(single.papers().certificate, specimen.certificate);
    let mut ics = Ics::of_a_stranger();
    ics.card.family = specimen.family;
    ics.card.root_by_aid = specimen.root_by_aid;
    ics.card.extended_length = specimen.extended_length;
    ics.terminal.knows_pin = true;
    ics.permit.codes = true;
    ics.permit.writes = true;
    ics.permit.pin_tries = 1;
    ics.permit.wrong_proofs = true;
    let mut subject = One::of(single);
    let cases = card_cases();
    let results: Vec<_> = cases
        .iter()
        .map(|case| judge(&mut subject, case, &ics))
        .collect();
    let target = Target {
        kind: "reader".to_owned(),
        name: "a reader".to_owned(),
        fingerprint: String::new(),
    };
    let report = Report::new(target, 1, ics, results, Times::default());
    for result in &report.results {
        let text = serde_json::to_string(result).unwrap();
        assert_eq!(told(&text), None, "{text}");
    }
    let bad: Vec<_> = report
        .results
        .iter()
        .filter(|r| r.verdict.is_bad())
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(report.count(Verdict::Pass) > 700, "{:?}", report.totals);
    // The search itself sees.
    assert!(told(&format!("x{}", specimen.nis)).is_some());
    assert!(told(&hex::encode(&specimen.certificate[100..120])).is_some());
}

#[test]
fn a_report_of_a_card_that_answers_otherwise_tells_nothing_either() {
    // Every read fails its row, so that what came is put into words.
    let (mut single, _, specimen) = guarded(ALL, None);
    single.learn().unwrap();
    let mut ics = Ics::of_a_stranger();
    ics.card.family = specimen.family;
    ics.terminal.knows_pin = true;
    ics.permit.codes = true;
    let mut subject = One::of(single);
    let mut found = 0;
    for row in units().iter().flat_map(|unit| unit.rows) {
        let script = row.script.replace(" 9000", " 6FFF");
        let row = Row {
            script: Box::leak(script.into_boxed_str()),
            ..*row
        };
        let outcome = cie_conformance::card::Subject::run(&mut subject, &row);
        let Err(reason) = outcome.result else {
            continue;
        };
        let words = reason.to_string();
        found += 1;
        assert_eq!(told(&words), None, "{words}");
    }
    assert!(found > 300, "{found}");
}

/// A way to a card outside of this process that ends the bench at one command.
struct Panics(Card);

impl CardDoor for Panics {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.0.reset()
    }

    fn power_off(&mut self) {
        self.0.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        assert_ne!(command.get(1), Some(&0x84), "a defect of the bench");
        self.0.transmit(command)
    }
}

impl Link for Panics {}

#[test]
fn a_panic_of_the_bench_is_no_crash_of_a_card_in_a_reader() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let papers = specimen.papers();
    let cases = card_cases();
    let case = cases
        .iter()
        .find(|case| case.id == "CIE_IAS_CHAL_001")
        .unwrap();
    let ics = Ics::of_ours(&papers.family, papers.root_by_aid, papers.extended_length);
    let outside = Single::ours(Panics(specimen.card.clone()), papers.clone(), None);
    let result = judge(&mut One::of(outside), case, &ics);
    assert_eq!(result.verdict, Verdict::Inconclusive, "{}", result.reason);
    assert!(
        result.reason.contains("the bench itself panicked"),
        "{}",
        result.reason
    );
    let inside = Single::ours(Alone(Panics(specimen.card)), papers, None);
    let result = judge(&mut One::of(inside), case, &ics);
    assert_eq!(result.verdict, Verdict::Crash, "{}", result.reason);
}

/// A card of quite another kind: it has power, and no application that is
/// asked for.
struct Other(&'static [u8]);

impl CardDoor for Other {
    fn power_on(&mut self) -> Vec<u8> {
        vec![0x3B, 0x80, 0x80, 0x01, 0x01]
    }

    fn reset(&mut self) -> Vec<u8> {
        self.power_on()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, _command: &[u8]) -> Vec<u8> {
        self.0.to_vec()
    }
}

#[test]
fn a_card_that_is_no_cie_is_not_blamed_for_it() {
    let verdicts = |word: &'static [u8]| {
        let single = Single::protected(Alone(Other(word)), Papers::default(), Allow::default());
        let mut subject = One::of(single);
        let ics = Ics::of_a_stranger();
        let each = |case| judge(&mut subject, &case, &ics);
        card_cases().into_iter().map(each).collect::<Vec<_>>()
    };
    for word in [&[0x6A, 0x82], &[0x6D, 0x00], &[0x6E, 0x00]] {
        let results = verdicts(word);
        let asked = results
            .iter()
            .filter(|result| result.verdict != Verdict::NotApplicable);
        let mut no_cie = 0;
        for result in asked {
            match result.verdict {
                // What every card owes, such as to be mute without power.
                Verdict::Pass if result.basis == Basis::Standard => {}
                Verdict::Inconclusive if result.reason.contains("is no CIE 3.0") => no_cie += 1,
                other => panic!("{}: {other:?}: {}", result.id, result.reason),
            }
        }
        assert!(no_cie > 500, "{no_cie}");
    }
    // One that is out of order may be a CIE.
    let results = verdicts(&[0x6F, 0x00]);
    assert!(results.iter().any(|result| result.verdict == Verdict::Fail));
}

/// A card that is no CIE, and that ends on a question for file control
/// information, until it is powered again.
struct Frail {
    alive: bool,
}

impl CardDoor for Frail {
    fn power_on(&mut self) -> Vec<u8> {
        self.alive = true;
        vec![0x3B, 0x80, 0x80, 0x01, 0x01]
    }

    fn reset(&mut self) -> Vec<u8> {
        self.power_on()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if let [_, 0xA4, _, p2, ..] = command
            && p2 & 0x0C != 0x0C
        {
            self.alive = false;
        }
        match self.alive {
            true => vec![0x6A, 0x82],
            false => Vec::new(),
        }
    }
}

#[test]
fn a_card_that_ended_on_a_question_is_asked_again_whether_it_is_a_cie() {
    let card = Alone(Frail { alive: false });
    let single = Single::protected(card, Papers::default(), Allow::default());
    let mut subject = One::of(single);
    let ics = Ics::of_a_stranger();
    for case in card_cases() {
        let result = judge(&mut subject, &case, &ics);
        assert!(
            result.verdict != Verdict::Fail || result.basis == Basis::Standard,
            "{}: {}",
            result.id,
            result.reason
        );
        let of_the_cie = ["CIE_IAS_SEL_005", "CIE_IAS_ROOT_009", "CIE_IAS_ACC_023"];
        if of_the_cie.contains(&result.id.as_str()) {
            assert!(result.reason.contains("is no CIE 3.0"), "{}", result.id);
        }
    }
}

#[test]
fn a_card_of_ours_has_to_be_a_cie() {
    let single = Single::ours(Alone(Other(&[0x6A, 0x82])), Papers::default(), None);
    let mut subject = One::of(single);
    let ics = Ics::of_ours("gemalto", true, true);
    let mut failed = |case| judge(&mut subject, &case, &ics).verdict == Verdict::Fail;
    assert!(card_cases().into_iter().any(&mut failed));
}
