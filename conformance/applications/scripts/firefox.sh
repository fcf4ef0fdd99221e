# SPDX-License-Identifier: MIT OR Apache-2.0
# Firefox logs in. CITIZEN is fresh, expired or revoked.
. "$SCRIPTS/lib.sh"
. "$SCRIPTS/serve.sh"

make_authorities --seed "$SEED"
serve twelve TLSv1.2
twelve=$port

# profile NAME: a new one with the module and the server's authority, as a
# person adds them in the settings.
profile() {
    mkdir "$1"
    : >"$1/empty"
    does certutil -N -d "sql:$1" --empty-password
    does modutil -dbdir "sql:$1" -force -add CIE -libfile "$MODULE"
    does certutil -A -d "sql:$1" -n server -t CT,, -i server/ca.pem
    cat >"$1/user.js" <<'END'
user_pref("marionette.port", 0);
user_pref("security.default_personal_cert", "Select Automatically");
// Nothing of this browser's own goes out.
user_pref("network.proxy.type", 0);
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,none");
// A button of a dialog may be pressed at once.
user_pref("security.dialog_enable_delay", 0);
user_pref("toolkit.telemetry.enabled", false);
END
}
export MOZ_DISABLE_AUTO_SAFE_MODE=1 MOZ_CRASHREPORTER_DISABLE=1 MOZ_HEADLESS_WIDTH=1000 MOZ_HEADLESS_HEIGHT=520
visit() {
    profile "$1"
    python3 "$SCRIPTS/firefox.py" "$PWD/$1" "$PWD/$1.png" "https://localhost:$port/" "$2" >"$1.out" 2>"$1.err" ||
        { cat "$1.out" "$1.err"; fail "$1"; }
}

said_of() { grep "^$2" "$1.out" || true; }

case "$CITIZEN" in
fresh)
    visit first login
    contains "prompt: promptPassword - Please authenticate to the security device (CIE 3.0)." first.out
    [ "$(grep -c '^prompt' first.out)" -eq 1 ] || fail "asked more than once"
    ok "logged in, asked for the PIN once, $(said_of first version)"
    [ -z "${SCREENSHOT:-}" ] || cp first.png "$SCREENSHOT"

    visit wrong wrong
    [ "$(grep -c '^prompt' wrong.out)" -eq 2 ] || { cat wrong.out; fail "not asked twice"; }
    ok "a wrong PIN, then the right one: logged in"

    visit cancel cancel
    contains "page: about:neterror" cancel.out
    ok "the prompt cancelled: $(said_of cancel error)"

    serve thirteen TLSv1.3
    visit thirteen refused
    contains "page: about:neterror" thirteen.out
    ok "TLS 1.3 only: $(said_of thirteen error), asked $(grep -c '^prompt' thirteen.out) times"
    ;;
expired | revoked)
    visit "$CITIZEN" refused
    contains "page: about:neterror" "$CITIZEN.out"
    case "$CITIZEN" in
    # Firefox offers no certificate that has expired.
    expired) verdict="peer did not return a certificate" ;;
    revoked) verdict="Error (23): certificate revoked" ;;
    esac
    contains "$verdict" server/twelve/log
    ok "refused: $(said_of "$CITIZEN" error); the server's log: $verdict"
    ;;
*) fail "no such citizen: $CITIZEN" ;;
esac
