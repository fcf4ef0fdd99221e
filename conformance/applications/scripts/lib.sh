# SPDX-License-Identifier: MIT OR Apache-2.0
# Sourced by the scripts of this folder, which run inside `cie run`. They find
# in the environment what `cie run` sets, and MODULE (libcie_pkcs11.so), CIE
# (the program cie), SCRIPTS (this folder) and HOME (empty and temporary); the
# working folder is temporary too.
set -eu

# Says what was seen. The tests count these lines, so that a script which ends
# too early is no success.
ok() { printf 'ok: %s\n' "$*"; }

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# contains TEXT FILE: the file has the text.
contains() {
    grep -qF -- "$1" "$2" && return
    cat "$2" >&2
    fail "no '$1' in $2"
}

# lacks TEXT FILE: the file does not have the text.
lacks() {
    ! grep -qF -- "$1" "$2" && return
    cat "$2" >&2
    fail "'$1' in $2"
}

# does COMMAND...: it succeeds; what it prints stands in the file `said`.
does() {
    "$@" >said 2>&1 </dev/null && return
    code=$?
    cat said >&2
    fail "$* (exit code $code)"
}

# refuses TEXT COMMAND...: it fails by itself, and what it prints has the text.
refuses() {
    text=$1
    shift
    code=0
    "$@" >said 2>&1 </dev/null || code=$?
    [ "$code" -ne 0 ] || { cat said >&2; fail "$* succeeded"; }
    # Not by a signal, not for want of the program or of time.
    case $code in
    124 | 126 | 127 | 13? | 14?)
        cat said >&2
        fail "$* (exit code $code)"
        ;;
    esac
    contains "$text" said
}

# The card's certificate as card.pem, its public key as key.pem.
read_certificate() {
    does pkcs11-tool --module "$MODULE" --login --pin "$CIE_PIN" \
        --read-object --type cert --label 'CIE authentication' --output-file card.der
    openssl x509 -inform der -in card.der -out card.pem
    openssl x509 -in card.pem -noout -pubkey >key.pem
}

# later COMMAND...: waits until it succeeds, at most half a minute.
later() {
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "in vain: $*"
}

# A port of the loopback that nobody has now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
