// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page in a browser that nobody looks at (Chromium, driven by
//! chromedriver over the WebDriver protocol), from disk.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use cie_applications::have;
use cie_conformance::catalogue::card_cases;
use cie_conformance::ours;
use cie_conformance::report::{Report, Target, html};
use cie_conformance::verdict::Verdict;
use cie_personalisation::FAMILIES;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A chromedriver with one browser.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    fn start(folder: &Path) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                let line = line.unwrap();
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .unwrap();
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
        };
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        // Continuous integration is root, as whom there is no sandbox; the
        // page is ours and the network is not asked.
        let options = json!({ "args": ["--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", profile] });
        let capabilities =
            json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let reply = browser.post(
            "/session",
            &json!({ "capabilities": { "alwaysMatch": capabilities } }),
        );
        let session = reply["sessionId"].as_str().unwrap();
        browser.session = format!("/session/{session}");
        browser
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reply = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reply.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reply.read_exact(&mut body).unwrap();
        let mut reply: Value = serde_json::from_slice(&body).unwrap();
        let value = reply["value"].take();
        assert!(value["error"].is_null(), "{path}: {value}");
        value
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", path, &body.to_string())
    }

    fn open(&self, url: &str) {
        self.post(&format!("{}/url", self.session), &json!({ "url": url }));
    }

    fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.post(&format!("{}/execute/sync", self.session), &body)
    }

    fn keys(&self, keys: &str) {
        let mut actions = Vec::new();
        for key in keys.chars() {
            actions.push(json!({ "type": "keyDown", "value": key.to_string() }));
            actions.push(json!({ "type": "keyUp", "value": key.to_string() }));
        }
        let body = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.post(&format!("{}/actions", self.session), &body);
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.post(&format!("{}/goog/cdp/execute", self.session), &body)
    }

    fn view(&self, width: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &scheme);
    }

    /// A picture for a person, among cargo's temporary files.
    fn picture(&self, name: &str) {
        let reply = self.devtools("Page.captureScreenshot", &json!({ "format": "png" }));
        use base64ct::{Base64, Encoding as _};
        let bytes = Base64::decode_vec(reply["data"].as_str().unwrap()).unwrap();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(path, bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            self.request("DELETE", &self.session, "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

const HOSTILE: &str = "</script><script>document.title='owned'</script>\
    <img src=x onerror=\"document.title='owned'\">\" onfocus=\"document.title='owned'\" x=\"\u{202e}";

/// All cases, with faults that no card had.
fn report() -> Report {
    let family = &FAMILIES[0];
    let (specimen, ics) = (ours::specimen(family, 1).unwrap(), ours::ics(family));
    let jobs = NonZeroUsize::new(2).unwrap();
    let (mut results, times) =
        cie_conformance::card::run(&specimen, &card_cases(), &ics, jobs, &|_| {});
    for (result, verdict) in results.iter_mut().step_by(100).zip(Verdict::ALL) {
        result.verdict = verdict;
        result.reason = format!("made up: {HOSTILE}");
        result.title += HOSTILE;
        result.unit += HOSTILE;
        result.severity += HOSTILE;
        for exchange in &mut result.evidence {
            exchange.response += HOSTILE;
        }
    }
    let target = Target {
        kind: HOSTILE.to_owned(),
        name: format!("a card {HOSTILE}"),
        fingerprint: String::new(),
    };
    Report::new(target, 1, ics, results, times)
}

#[test]
fn the_page_works_from_disk_and_runs_nothing_of_the_card() {
    let needed = [
        ("chromium", "chromium"),
        ("chromedriver", "chromium-driver"),
    ];
    if !have(&needed).unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let report = report();
    std::fs::write(&page, html::report(&report, &card_cases(), &[]).unwrap()).unwrap();
    let url = format!("file://{}", page.display());
    let browser = Browser::start(folder.path());
    browser.view(1280, "light");
    browser.open(&url);
    let shown =
        || browser.run("return document.querySelectorAll('details.case:not([hidden])').length");
    assert_eq!(shown(), report.results.len());
    assert_eq!(
        browser.run("return document.getElementById('bar').hidden"),
        false
    );
    // The worst comes first, closed.
    let first = "document.querySelector('details.case')";
    assert_eq!(
        browser.run(&format!("return {first}.dataset.verdict")),
        "crash"
    );
    assert_eq!(
        browser.run("return document.querySelectorAll('details[open]').length"),
        0
    );
    browser.picture("report-light-wide.png");

    // Keys: to the search, a word, out; on to the next case, opened.
    browser.keys("/");
    assert_eq!(browser.run("return document.activeElement.id"), "search");
    browser.keys("CIE_IAS_PIN_00");
    assert_eq!(shown(), 9);
    browser.keys("\u{E00C}");
    assert_eq!(shown(), report.results.len());
    browser.keys("jj");
    let second =
        "return document.querySelectorAll('details.case')[1].contains(document.activeElement)";
    assert_eq!(browser.run(second), true);
    browser.keys("\u{E007}");
    assert_eq!(
        browser.run("return document.querySelectorAll('details.case')[1].open"),
        true
    );
    browser.picture("report-open-wide.png");
    browser.keys("k");
    assert_eq!(
        browser.run(&format!("return {first}.contains(document.activeElement)")),
        true
    );

    // Filters.
    browser.run("document.querySelector('input[value=pass]').click()");
    let passed = report.count(Verdict::Pass);
    assert_eq!(shown(), report.results.len() - passed);
    browser.run("document.querySelector('input[value=pass]').click()");
    browser.run(
        "const s = document.querySelector('select[name=unit]'); s.value = 'PIN'; s.dispatchEvent(new Event('change'))",
    );
    let pins = report
        .results
        .iter()
        .filter(|result| result.unit == "PIN")
        .count();
    assert_eq!(shown(), pins);

    // A case by its name.
    browser.open(&format!("{url}#CIE_IAS_PIN_007"));
    assert_eq!(
        browser.run("return document.getElementById('CIE_IAS_PIN_007').open"),
        true
    );
    let seen = "const b = document.querySelector('#CIE_IAS_PIN_007 > summary').getBoundingClientRect();\
        const top = document.elementFromPoint(b.x + b.width / 2, b.y + 3);\
        return top !== null && top.closest('#CIE_IAS_PIN_007') !== null";
    let mut tries = 0;
    while browser.run(seen) != true {
        tries += 1;
        assert!(
            tries < 50,
            "something covers the case, or it is out of sight"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    browser.picture("report-named.png");

    // Nothing is wider than a telephone, even with a case open.
    for (width, scheme) in [(400, "light"), (400, "dark"), (1280, "dark")] {
        browser.view(width, scheme);
        browser.open(&url);
        browser.run("document.querySelectorAll('details.case')[0].open = true");
        let wide = browser.run("return document.documentElement.scrollWidth");
        assert!(wide.as_u64().unwrap() <= u64::from(width), "{wide}");
        browser.picture(&format!("report-{scheme}-{width}.png"));
    }

    // Everything opened at once: whatever the card said, none of it ran.
    browser.run("for (const d of document.querySelectorAll('details')) d.open = true");
    browser.run("for (const s of document.querySelectorAll('summary')) s.focus()");
    let title = browser.run("return document.title");
    assert!(
        title
            .as_str()
            .unwrap()
            .starts_with("Conformance of a card </script>"),
        "{title}"
    );
    let foreign = "return document.querySelectorAll('img, script, [onerror], [onfocus], iframe, link').length";
    assert_eq!(browser.run(foreign), 1, "the page's own script");
    let log = browser.post(
        &format!("{}/se/log", browser.session),
        &json!({ "type": "browser" }),
    );
    assert_eq!(log, json!([]), "no error, nothing that the policy stopped");
}

#[test]
fn the_specification_works_from_disk() {
    let needed = [
        ("chromium", "chromium"),
        ("chromedriver", "chromium-driver"),
    ];
    if !have(&needed).unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("cases.html");
    std::fs::write(&page, html::specification(&card_cases()).unwrap()).unwrap();
    let browser = Browser::start(folder.path());
    browser.view(1280, "light");
    browser.open(&format!("file://{}#CIE_IAS_PIN_007", page.display()));
    browser.picture("specification.png");
    browser.keys("/blocked");
    let shown =
        browser.run("return document.querySelectorAll('details.case:not([hidden])').length");
    let shown = shown.as_u64().unwrap();
    assert!(shown > 3 && shown < 400, "{shown}");
    let log = browser.post(
        &format!("{}/se/log", browser.session),
        &json!({ "type": "browser" }),
    );
    assert_eq!(log, json!([]));
}
