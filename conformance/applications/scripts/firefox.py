# SPDX-License-Identifier: MIT OR Apache-2.0
"""Firefox, headless, logs in with the card: driven by Marionette, its own remote
control, over a socket of the loopback. The PIN prompt is answered as a person
answers it: in the dialog.

usage: firefox.py PROFILE SCREENSHOT URL WHAT

WHAT is `login` (the page must show the fiscal code), `wrong` (a wrong PIN first),
`cancel` (nobody answers the prompt) or `refused` (no page).
"""
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time

profile, screenshot, url, what = sys.argv[1:]
# So that Firefox is ended with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))


class Marionette:
    """A message is its length in digits, a colon, and JSON: [0, id, command,
    parameters] there, [1, id, error, result] back."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=45)
        self.number = 0
        self.hello = self.receive()

    def receive(self):
        length = b""
        while (byte := self.socket.recv(1)) != b":":
            if not byte:
                raise EOFError("Firefox is gone")
            length += byte
        data = b""
        while len(data) < int(length):
            piece = self.socket.recv(int(length) - len(data))
            if not piece:
                raise EOFError("Firefox is gone")
            data += piece
        return json.loads(data)

    def start(self, command, **parameters):
        self.number += 1
        message = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))

    def finish(self):
        _, number, error, result = self.receive()
        assert number == self.number, (number, self.number)
        return error, result

    def __call__(self, command, **parameters):
        self.start(command, **parameters)
        error, result = self.finish()
        if error:
            raise RuntimeError(f"{command}: {error['error']}: {error['message']}")
        return result.get("value") if isinstance(result, dict) else result


def port_of(folder):
    """Firefox writes the port that it chose into its profile."""
    path = os.path.join(folder, "MarionetteActivePort")
    for _ in range(600):
        try:
            return int(open(path).read())
        except (OSError, ValueError):
            time.sleep(0.1)
    raise SystemExit("Firefox did not start")


firefox = subprocess.Popen(
    ["firefox-esr", "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile],
    stdin=subprocess.DEVNULL)
try:
    browser = Marionette(port_of(profile))
    browser("WebDriver:NewSession", capabilities={"alwaysMatch": {
        "unhandledPromptBehavior": "ignore", "pageLoadStrategy": "none"}})
    
    def chrome(script, *args):
        browser("Marionette:SetContext", value="chrome")
        try:
            return browser("WebDriver:ExecuteScript", script=script, args=list(args), sandbox="system")
        finally:
            browser("Marionette:SetContext", value="content")

    # While a prompt is open the window behind it answers nothing, so who types
    # is set down beforehand: a PIN and the first button, or None and the second.
    answers = {"login": [os.environ["CIE_PIN"]], "wrong": ["13572468", os.environ["CIE_PIN"]],
               "cancel": [None], "refused": [os.environ["CIE_PIN"]]}[what]
    chrome("""
        const answers = [...arguments[0]];
        const {setInterval, clearInterval} = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
        const asked = [];
        Services.obs.addObserver(dialog => {
            const {args, ui} = dialog.Dialog;
            asked.push([args.promptType, args.text]);
            Services.prefs.setStringPref("cie.asked", JSON.stringify(asked));
            if (!answers.length) { args.promptType == "promptPassword" && ui.button1.click(); return; }
            const answer = answers.shift();
            if (answer !== null) ui.password1Textbox.value = answer;
            const button = answer === null ? ui.button1 : ui.button0;
            const timer = setInterval(() => {
                if (button.disabled) return;
                clearInterval(timer);
                button.click();
            }, 50);
        }, "common-dialog-loaded");
        return 0;""", answers)

    def asked():
        return json.loads(chrome("return Services.prefs.getStringPref('cie.asked', '[]');"))

    # Not by WebDriver's Navigate, which does not return while a prompt is open.
    chrome("""
        const [url] = arguments;
        const {setTimeout} = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
        setTimeout(() => gBrowser.selectedBrowser.fixupAndLoadURIString(url, {
            triggeringPrincipal: Services.scriptSecurityManager.getSystemPrincipal() }), 100);
        return 0;""", url)
    end = time.monotonic() + 90
    while time.monotonic() < end:
        # The page is asked only when it is there: until then it may not answer.
        loading, where = chrome("""
            const tab = gBrowser.selectedBrowser;
            return [tab.webProgress.isLoadingDocument, tab.documentURI?.spec ?? ""];""")
        if where.startswith("about:neterror") or (where.startswith("https:") and not loading):
            break
        time.sleep(0.2)
    else:
        raise SystemExit(f"no page: {where}, loading: {loading}")
    code, text = None, ""
    if where.startswith("https:"):
        code, text = browser("WebDriver:ExecuteScript", args=[], script="""
            return [document.getElementById("cf")?.textContent ?? null, document.body.innerText];""")
    for kind, words in asked():
        print("prompt:", kind, "-", words.replace("\n", " "), flush=True)
    print("page:", where, flush=True)
    if where.startswith("about:"):
        print("error:", browser("WebDriver:ExecuteScript", args=[], sandbox="system", script="""
            return document.getNetErrorInfo().errorCodeString;"""), flush=True)
    print(text.strip(), flush=True)
    with open(screenshot, "wb") as file:
        file.write(base64.b64decode(browser("WebDriver:TakeScreenshot", full=False)))
    print("version:", chrome("return Services.appinfo.version"), flush=True)
    if what in ("login", "wrong"):
        assert code == os.environ["CIE_CF"], code
        assert len(asked()) == len(answers), asked()
    else:
        assert code is None, code
        assert os.environ["CIE_CF"] not in text, text
    browser.start("Marionette:Quit", flags=["eForceQuit"])
    firefox.wait(60)
finally:
    if firefox.poll() is None:
        firefox.kill()
        firefox.wait()
