# SPDX-License-Identifier: MIT OR Apache-2.0
"""Chromium, with a window, logs in with the card. The page is looked at through
its remote control (a pipe: nothing listens); the dialogs are not pages, so they
are answered with keys, as a person does.

usage: chromium.py PROFILE SCREENSHOT URL WHAT

WHAT is `login` (the page must show the fiscal code), `wrong` (a wrong PIN first)
or `cancel` (the prompt is cancelled, so no page).
"""
import base64
import json
import os
import select
import signal
import subprocess
import sys
import time

profile, screenshot, url, what = sys.argv[1:]
PIN = os.environ["CIE_PIN"]
# The title of the dialog.
PROMPT = "Unlock Security Device"
# What is shown first. Keys go to the page: a Return does nothing there.
START = "data:text/html,<title>start</title>"
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))


class Pipe:
    """Messages are JSON, each ended by a zero byte, on descriptors 3 and 4."""

    def __init__(self):
        there, self.write = os.pipe()
        self.read, back = os.pipe()
        # Descriptors 3 and 4 of the browser, which are something else here.
        def place():
            spare = [os.dup(there), os.dup(back)]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)
        self.browser = subprocess.Popen(
            ["chromium", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--disable-gpu",
             "--disable-quic", "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
             "--password-store=basic", "--window-position=0,0", "--window-size=1000,800"]
            + (["--no-sandbox"] if os.getuid() == 0 else []) + [START],
            stdin=subprocess.DEVNULL, preexec_fn=place, close_fds=False)
        os.close(there)
        os.close(back)
        self.number = 0
        self.rest = b""

    def __call__(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60
        while True:
            while b"\0" not in self.rest:
                ready, _, _ = select.select([self.read], [], [], max(0, end - time.monotonic()))
                piece = os.read(self.read, 1 << 16) if ready else b""
                if not piece:
                    raise SystemExit(f"Chromium does not answer {method}")
                self.rest += piece
            line, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(line)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]


def xdotool(*words):
    done = subprocess.run(["xdotool", *words], capture_output=True, text=True)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


def windows():
    """What is on the screen: number and title of each window that is seen."""
    found = []
    for number in xdotool("search", "--onlyvisible", "--name", "."):
        found.append((number, " ".join(xdotool("getwindowname", number))))
    return found


def press(window, text, key):
    xdotool("windowfocus", "--sync", window)
    if text is not None:
        xdotool("type", text)
    xdotool("key", key)


pipe = Pipe()
try:
    print("version:", pipe("Browser.getVersion")["product"], flush=True)
    while not any(name.startswith("start") for _, name in windows()):
        time.sleep(0.1)
    page = next(t for t in pipe("Target.getTargets")["targetInfos"] if t["type"] == "page")
    session = pipe("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
    os.write(pipe.write, json.dumps({"id": 10 ** 6, "method": "Page.navigate", "sessionId": session,
                                     "params": {"url": url}}).encode() + b"\0")
    answers = {"login": [PIN], "wrong": ["13572468", PIN], "cancel": [None]}[what]
    answered = []
    end = time.monotonic() + 90
    title = "start"
    while time.monotonic() < end:
        # Evaluating anything in the page would wait for the answer to the prompt.
        title = next(t["title"] for t in pipe("Target.getTargets")["targetInfos"] if t["type"] == "page")
        if title not in ("", "start"):
            break
        seen = windows()
        for number in (number for number, name in seen if name == PROMPT and number not in answered):
            assert len(answered) < len(answers), "asked once more"
            answer = answers[len(answered)]
            answered.append(number)
            print("prompt:", PROMPT, flush=True)
            press(number, answer, "Escape" if answer is None else "Return")
        if len(answered) == len(answers) and not any(name == PROMPT for _, name in seen):
            # Which certificate: the only one is chosen already.
            for number, name in seen:
                if what != "cancel" and name.endswith("- Chromium"):
                    press(number, None, "Return")
        time.sleep(1)
    else:
        raise SystemExit(f"no page: {title}, windows: {windows()}")
    code, text = pipe("Runtime.evaluate", session, returnByValue=True, expression="""
        [document.getElementById("cf")?.textContent ?? null, document.body.innerText]""")["result"]["value"]
    print(text.strip(), flush=True)
    print("asked:", len(answered), flush=True)
    with open(screenshot, "wb") as file:
        file.write(base64.b64decode(pipe("Page.captureScreenshot", session)["data"]))
    assert len(answered) == len(answers), answered
    if what == "cancel":
        assert code is None and os.environ["CIE_CF"] not in text, text
    else:
        assert code == os.environ["CIE_CF"], code
    pipe("Browser.close")
    pipe.browser.wait(60)
finally:
    if pipe.browser.poll() is None:
        pipe.browser.kill()
        pipe.browser.wait()
