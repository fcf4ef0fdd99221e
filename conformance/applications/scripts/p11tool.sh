# SPDX-License-Identifier: MIT OR Apache-2.0
# GnuTLS: p11tool lists, exports and signs.
. "$SCRIPTS/lib.sh"

tool() { p11tool --provider "$MODULE" --batch "$@"; }
export GNUTLS_PIN="$CIE_PIN"
does tool --list-tokens
contains "token=CIE%203.0" said
token=$(grep -o 'pkcs11:.*token=CIE%203.0' said | head -n1)
does tool --list-all "$token"
lacks "CIE%20authentication" said
does tool --login --list-all "$token"
contains "Private key" said
contains "X.509 Certificate" said
does tool --login --list-all-privkeys "$token"
contains "Private key" said
does tool --login --list-all-certs "$token"
contains "CIE authentication" said
does tool --list-mechanisms "$token"
contains CKM_SHA256_RSA_PKCS said
ok "lists"

key="$token;object=CIE%20authentication"
does tool --login --export "$key;type=cert" --outfile card.pem
openssl verify -CAfile "$CIE_CA_PEM" card.pem >said 2>&1 || fail "$(cat said)"
ok "certificate"

does tool --login --test-sign "$key;type=private"
contains "Verifying against public key in the token... ok" said
ok "--test-sign"

GNUTLS_PIN=13572468
refuses "wrong password" tool --login --test-sign "$key;type=private"
pkcs11-tool --module "$MODULE" --list-slots >said
contains "user PIN count low" said
lacks "final user PIN try" said
ok "a wrong PIN costs one try"
