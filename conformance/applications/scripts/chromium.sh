# SPDX-License-Identifier: MIT OR Apache-2.0
# Chromium logs in, with a window on a screen of its own. WHAT is login, wrong or cancel.
. "$SCRIPTS/lib.sh"
. "$SCRIPTS/serve.sh"

make_authorities --seed "$SEED"
serve twelve TLSv1.2

# As a person adds them; Chromium looks nowhere else.
store="sql:$HOME/.pki/nssdb"
mkdir -p "$HOME/.pki/nssdb"
does certutil -N -d "$store" --empty-password
does modutil -dbdir "$store" -force -add CIE -libfile "$MODULE"
does certutil -A -d "$store" -n server -t CT,, -i server/ca.pem

# Nothing listens on the network; the number of the screen is the server's choice.
Xvfb -displayfd 1 -screen 0 1000x800x24 -nolisten tcp >display 2>xvfb.err &
servers="$servers $!"
later grep -q . display
DISPLAY=:$(cat display)
export DISPLAY
python3 "$SCRIPTS/chromium.py" "$PWD/profile" "$PWD/$WHAT.png" "https://localhost:$port/" "$WHAT" >out 2>err ||
    { tail -n 30 out err >&2; fail "$WHAT"; }
case "$WHAT" in
login) asked=1 ;;
wrong) asked=2 ;;
cancel) asked=1 ;;
esac
contains "asked: $asked" out
ok "$WHAT, asked for the PIN $asked times, $(grep '^version' out), $(grep -o 'ERR_[A-Z_]*' out || grep -c "^$CIE_CF" out)"
