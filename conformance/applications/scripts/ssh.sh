# SPDX-License-Identifier: MIT OR Apache-2.0
# OpenSSH: the card's public key by ssh-keygen -D, and a login at a server of
# our own on the loopback. SSHD names its program, in a folder with an unpacked
# package if need be.
. "$SCRIPTS/lib.sh"

# Where ssh asks for the PIN if there is no terminal; each question is counted.
cat >askpass <<'END'
#!/bin/sh
printf '%s\n' "$1" >>"$HOME/asked"
printf '%s\n' "${SSH_PIN:-$CIE_PIN}"
END
chmod 700 askpass
export SSH_ASKPASS="$PWD/askpass" SSH_ASKPASS_REQUIRE=force

# Without a PIN there is no certificate and so no key, unless it was given.
read_certificate
does ssh-keygen -i -m PKCS8 -f key.pem
cut -d' ' -f1,2 said >wanted
CIE_PKCS11_CERT="$PWD/card.pem" ssh-keygen -D "$MODULE" >listed 2>errors || { cat errors >&2; fail "ssh-keygen -D"; }
cut -d' ' -f1,2 listed >keys
cmp -s keys wanted || { cat listed; fail "another key, or more than one"; }
[ ! -e "$HOME/asked" ] || fail "ssh-keygen asked for a PIN"
ok "ssh-keygen -D with the certificate given: $(cut -d' ' -f1,3- listed | head -n1)"
does ssh-keygen -D "$MODULE"
cut -d' ' -f1,2 said >keys
cmp -s keys wanted || { cat said; fail "another key, or more than one"; }
[ "$(cat "$HOME/asked")" = "Enter PIN for 'CIE 3.0': " ] || { cat "$HOME/asked"; fail "asked something else"; }
ok "ssh-keygen -D without it asks for the PIN"
rm "$HOME/asked"

mkdir -p server
port=$(free_port)
ssh-keygen -q -t ed25519 -N '' -f server/host
cp wanted server/authorized
cat >server/config <<END
Port $port
ListenAddress 127.0.0.1
HostKey $PWD/server/host
AuthorizedKeysFile $PWD/server/authorized
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
END
if [ "$(id -u)" = 0 ]; then
    # As root it wants a folder and a user for itself; both only in its namespace.
    cp /etc/passwd passwd
    grep -q '^sshd:' passwd || echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin' >>passwd
    unshare --mount sh -c "mount --bind passwd /etc/passwd && mount -t tmpfs none /run &&
        mkdir -m 755 /run/sshd && exec '$SSHD' -D -e -f '$PWD/server/config'" 2>server/log &
else
    "$SSHD" -D -e -f "$PWD/server/config" 2>server/log &
fi
server=$!
stop() { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
trap stop EXIT
later grep -q 'Server listening' server/log

printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 server/host.pub)" >known
# ssh takes the home folder from the password file, so each file is named.
login() {
    ssh -F none -o UserKnownHostsFile="$PWD/known" -o StrictHostKeyChecking=yes \
        -o IdentityFile=none -o PreferredAuthentications=publickey -o IdentityAgent=none \
        -p "$port" -o PKCS11Provider="$MODULE" "$@" "$(id -un)@127.0.0.1" 'echo "here with $((6 * 7))"'
}
export CIE_PKCS11_CERT="$PWD/card.pem"
does login
contains "here with 42" said
contains "Accepted publickey" server/log
contains "RSA SHA256:" server/log
[ "$(wc -l <"$HOME/asked")" -eq 1 ] || { cat "$HOME/asked"; fail "not asked once"; }
ok "login, asked for the PIN once: $(grep -o 'Accepted publickey.*' server/log | sed 's/ port .* ssh2: / /')"
for kind in rsa-sha2-256 rsa-sha2-512; do
    does login -o PubkeyAcceptedAlgorithms=$kind
    contains "here with 42" said
done
ok "rsa-sha2-256, rsa-sha2-512"

unset CIE_PKCS11_CERT
rm "$HOME/asked"
does login
contains "here with 42" said
ok "login without the certificate given, asked $(wc -l <"$HOME/asked") times"

export SSH_PIN=13572468
refuses "Permission denied" login
lacks "here with 42" said
pkcs11-tool --module "$MODULE" --list-slots >said
contains "user PIN count low" said
ok "a wrong PIN is refused: $(grep -o 'user PIN count low\|final user PIN try\|user PIN locked' said | tr '\n' ';')"

ssh-keygen -q -t rsa -b 2048 -N '' -f other
cp other.pub server/authorized
unset SSH_PIN
refuses "Permission denied" login
ok "another key on the server: refused"
