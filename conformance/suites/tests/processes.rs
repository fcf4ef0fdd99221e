// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a module does stays in its case: processes that it starts end with it,
//! also if the bench itself is ended, and a neighbour's are left alone.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use cie_conformance::catalogue::middleware_cases;
use cie_conformance::ics::Ics;
use cie_conformance::middleware::{Effort, Scene, Setup, judge};
use cie_conformance::report::CaseResult;
use cie_conformance::verdict::Verdict;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STATEMENT: &str = include_str!("../../pkcs11/ics.toml");

/// Nothing here takes as long.
const GUARD: Duration = Duration::from_secs(60);

/// Answers as a module in front of an empty reader.
const ANSWERS: &str = r#"while read -r line; do case "$line" in
*slots*) echo '{"slots":[]}';; *) echo '"done"';; esac; done"#;

fn bench() -> PathBuf {
    assert_cmd::cargo::cargo_bin("cie-conformance")
}

/// A setup whose driver is this script.
fn scripted(script: &str) -> Setup {
    Setup {
        module: "/nonexistent/module.so".into(),
        driver: "/bin/sh".into(),
        driver_arguments: vec!["-c".into(), script.into()],
        supervisor: vec![bench().into(), "supervise".into()],
        seed: 1,
        patience: Duration::from_secs(20),
        environment: Vec::new(),
        effort: Effort::default(),
        scene: Scene::default(),
    }
}

fn run(script: &str, id: &str) -> CaseResult {
    let ics = Ics::parse(STATEMENT).unwrap();
    let cases = middleware_cases();
    let case = cases.iter().find(|case| case.id == id).unwrap();
    judge(&scripted(script), case, &ics)
}

/// Starts a process with a session of its own, whose parent has ended, and waits
/// until its number is in this file.
fn daemon(numbers: &Path) -> String {
    let numbers = numbers.display();
    format!(
        "(setsid sh -c 'sleep 600 & echo $! >> {numbers}; wait' &)
         while [ ! -s {numbers} ]; do sleep 0.01; done; "
    )
}

/// The numbers in this file.
fn numbers(file: &Path) -> Vec<i32> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect()
}

/// Whether that is a process that sleeps on.
fn runs(pid: i32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    name.contains("(sleep)") && !name.contains(") Z")
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + GUARD;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_a_module_leaves_running_ends_with_its_case_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers");
    let result = run(&(daemon(&file) + ANSWERS), "CIE_MW_SLOT_02");
    assert_eq!(result.verdict, Verdict::Pass, "{}", result.reason);
    let started = numbers(&file);
    assert!(!started.is_empty());
    for pid in started {
        assert!(!runs(pid), "{pid}");
    }
    let [told] = result.evidence.as_slice() else {
        panic!("{:?}", result.evidence)
    };
    assert_eq!(told.command, "processes left running");
    assert!(told.response.contains("sh, sleep"), "{}", told.response);
}

#[test]
fn a_module_without_other_processes_is_told_nothing_of() {
    let result = run(ANSWERS, "CIE_MW_SLOT_02");
    assert_eq!(result.verdict, Verdict::Pass, "{}", result.reason);
    assert!(result.evidence.is_empty(), "{:?}", result.evidence);
}

#[test]
fn what_a_neighbour_has_started_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
    let go = folder.path().join("go");
    let waits = format!("while [ ! -e {} ]; do sleep 0.01; done; ", go.display());
    let script = daemon(&theirs) + &waits + ANSWERS;
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| run(&script, "CIE_MW_SLOT_02"));
        eventually("the neighbour", || !numbers(&theirs).is_empty());
        let result = run(&(daemon(&ours) + ANSWERS), "CIE_MW_SLOT_02");
        let theirs_run = runs(numbers(&theirs)[0]);
        std::fs::write(&go, "").unwrap();
        assert!(theirs_run && !runs(numbers(&ours)[0]));
        assert_eq!(result.verdict, Verdict::Pass, "{}", result.reason);
        let neighbour = neighbour.join().unwrap();
        assert_eq!(neighbour.verdict, Verdict::Pass, "{}", neighbour.reason);
    });
    assert!(!runs(numbers(&theirs)[0]));
}

/// A process that lives on has the output of the one that crashed.
#[test]
fn a_crash_is_a_crash_whatever_is_left_running() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers");
    let script = format!("read -r line; {} kill -SEGV $$", daemon(&file));
    let result = run(&script, "CIE_MW_LOGIN_01");
    assert_eq!(result.verdict, Verdict::Crash, "{}", result.reason);
    assert!(result.reason.contains("signal 11"), "{}", result.reason);
    assert!(!runs(numbers(&file)[0]));
    let last = result.evidence.last().unwrap();
    assert_eq!(last.command, "processes left running");
}

/// A module may send signals to its own group.
#[test]
fn a_signal_to_the_own_group_is_the_module_s_own_end() {
    let result = run("read -r line; kill -TERM 0; cat", "CIE_MW_LOGIN_01");
    assert_eq!(result.verdict, Verdict::Crash, "{}", result.reason);
    assert!(result.reason.contains("signal 15"), "{}", result.reason);
}

#[test]
fn a_driver_that_cannot_be_started_says_nothing_about_a_module() {
    let mut setup = scripted("");
    setup.driver = "/nonexistent/driver".into();
    let cases = middleware_cases();
    let case = cases.iter().find(|c| c.id == "CIE_MW_LOGIN_01").unwrap();
    let result = judge(&setup, case, &Ics::parse(STATEMENT).unwrap());
    assert_eq!(result.verdict, Verdict::Inconclusive, "{}", result.reason);
    let why = "the driver could not be started: ";
    assert!(result.reason.contains(why), "{}", result.reason);
}

/// A bench whose module has a daemon and does not answer.
struct Hanging {
    child: Child,
    folders: tempfile::TempDir,
    numbers: PathBuf,
}

impl Hanging {
    fn start(folders: tempfile::TempDir, name: &str) -> Self {
        let numbers = folders.path().join(name);
        let script = folders.path().join(format!("{name}.sh"));
        let text = daemon(&numbers) + "sleep 600 & echo $! >> \"$0.hung\"; wait";
        std::fs::write(&script, text).unwrap();
        let temporary = folders.path().join("tmp");
        std::fs::create_dir_all(&temporary).unwrap();
        // Nobody loads it, but it has to look as if it could be loaded.
        let module = bench();
        let statement = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pkcs11/ics.toml");
        let mut command = Command::new(bench());
        command.args(["middleware", "--case", "CIE_MW_SLOT_02"]);
        command.args(["--module".as_ref(), module.as_os_str()]);
        command.args(["--ics".as_ref(), statement.as_os_str()]);
        command.args(["--under", &format!("/bin/sh {}", script.display())]);
        command.env("TMPDIR", &temporary);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet.spawn().unwrap();
        let hung = PathBuf::from(format!("{}.hung", script.display()));
        eventually("it hangs", || !self::numbers(&hung).is_empty());
        Self {
            child,
            folders,
            numbers,
        }
    }

    fn folders(&self) -> usize {
        let entries = std::fs::read_dir(self.folders.path().join("tmp")).unwrap();
        entries.count()
    }

    fn end(&mut self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        self.child.wait().unwrap();
    }

    fn nothing_runs(&self) {
        let entries = std::fs::read_dir(self.folders.path()).unwrap().flatten();
        let files = entries.map(|entry| entry.path());
        let of_it: Vec<_> = files
            .filter(|path| *path == self.numbers || path.extension().is_some_and(|e| e == "hung"))
            .collect();
        assert_eq!(of_it.len(), 2);
        for file in of_it {
            eventually("they end", || numbers(&file).iter().all(|pid| !runs(*pid)));
        }
    }
}

#[test]
fn a_bench_that_is_ended_leaves_no_process_and_no_folder() {
    for signal in [Signal::KILL, Signal::TERM, Signal::INT] {
        let mut bench = Hanging::start(tempfile::tempdir().unwrap(), "numbers");
        assert_eq!(bench.folders(), 1);
        bench.end(signal);
        bench.nothing_runs();
        eventually("no folder", || bench.folders() == 0);
    }
}

#[test]
fn the_next_bench_removes_the_folder_of_one_that_could_not() {
    let mut bench = Hanging::start(tempfile::tempdir().unwrap(), "numbers");
    // The one that would remove it.
    let own = i32::try_from(bench.child.id()).unwrap();
    let sweeper = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .find_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let read = |name| std::fs::read_to_string(entry.path().join(name)).ok();
            let (_, rest) = read("stat")?
                .rsplit_once(") ")
                .map(|(a, b)| (a.to_owned(), b.to_owned()))?;
            let parent: i32 = rest.split_whitespace().nth(1)?.parse().ok()?;
            (parent == own && read("cmdline")?.ends_with("supervise\0")).then_some(pid)
        });
    kill_process(Pid::from_raw(sweeper.unwrap()).unwrap(), Signal::KILL).unwrap();
    bench.end(Signal::KILL);
    bench.nothing_runs();
    assert_eq!(bench.folders(), 1);
    let before: Vec<_> = std::fs::read_dir(bench.folders.path().join("tmp"))
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    let folders = std::mem::replace(&mut bench.folders, tempfile::tempdir().unwrap());
    let mut next = Hanging::start(folders, "next");
    assert!(!before[0].exists());
    // Its own is there.
    assert_eq!(next.folders(), 1);
    next.end(Signal::TERM);
    eventually("no folder", || next.folders() == 0);
}
