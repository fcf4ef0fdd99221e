# SPDX-License-Identifier: MIT OR Apache-2.0
# Sourced after lib.sh: programs of a newer Debian. NEWER is its root folder, or
# empty where this system is as new; SITE is a folder of Python packages.

# within COMMAND...: runs it there, with this working folder, the module, the
# scripts and the private PC/SC socket at the same paths.
within() {
    if [ -z "$NEWER" ]; then
        env PYTHONPATH="$SITE" "$@"
        return
    fi
    # What is mounted there is seen by nobody else, and ends with the command.
    unshare --mount sh -c '
        set -eu
        root=$1
        shift
        for folder in /proc /dev "$PWD" "$SITE" "$SCRIPTS" "${MODULE%/*}" "${PCSCLITE_CSOCK_NAME%/*}" "${CIE_CA_PEM%/*}"; do
            mkdir -p "$root$folder"
            mount --rbind "$folder" "$root$folder"
        done
        export PYTHONPATH="$SITE"
        exec chroot "$root" sh -c "cd \"\$1\"; shift; exec \"\$@\"" sh "$PWD" "$@"
    ' sh "$NEWER" "$@"
}
