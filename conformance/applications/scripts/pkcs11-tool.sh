# SPDX-License-Identifier: MIT OR Apache-2.0
# OpenSC's pkcs11-tool: lists, reads, signs, tests, and the life of the codes.
. "$SCRIPTS/lib.sh"

tool() { pkcs11-tool --module "$MODULE" "$@"; }
user() { tool --login --pin "$CIE_PIN" "$@"; }

does tool --list-slots
contains "CIE 3.0" said
does tool --list-objects
contains "label:          'NIS'" said
lacks "CIE authentication" said
does user --list-objects
for object in Certificate "Public Key" "Private Key"; do contains "$object Object" said; done
does tool --list-mechanisms
contains "SHA256-RSA-PKCS" said
lacks "PSS" said
ok "slots, objects and mechanisms"

read_certificate
openssl verify -CAfile "$CIE_CA_PEM" -purpose sslclient card.pem >said 2>&1 || fail "$(cat said)"
openssl x509 -in card.pem -noout -subject >said
contains "$CIE_CF" said
does tool --read-object --type data --label NIS --output-file nis
[ "$(cat nis)" = "$CIE_NIS" ] || fail "NIS: $(cat nis)"
ok "certificate and number for services"

printf 'a text\n' >text
for hash in 1 256 384 512; do
    does user --sign --mechanism "SHA$hash-RSA-PKCS" --input-file text --output-file signature
    does openssl dgst "-sha$hash" -verify key.pem -signature signature text
    # The same from a digest that the application made, as TLS and SSH do.
    openssl dgst "-sha$hash" -binary text >digest
    python3 - "$hash" digest block <<'END'
import sys
prefix = {"1": "3021300906052b0e03021a05000414", "256": "3031300d060960864801650304020105000420",
          "384": "3041300d060960864801650304020205000430", "512": "3051300d060960864801650304020305000440"}
hash, digest, block = sys.argv[1:]
open(block, "wb").write(bytes.fromhex(prefix[hash]) + open(digest, "rb").read())
END
    does user --sign --mechanism RSA-PKCS --input-file block --output-file signature2
    cmp signature signature2 || fail "SHA-$hash: two signatures"
    printf 'another text\n' >other
    refuses "Verification failure" openssl dgst "-sha$hash" -verify key.pem -signature signature other
done
ok "signatures with SHA-1, SHA-256, SHA-384, SHA-512"

openssl dgst -sha256 -binary text >digest
refuses CKR_MECHANISM_INVALID user --sign --mechanism RSA-PKCS-PSS --hash-algorithm SHA256 \
    --input-file digest --output-file pss
ok "no PSS"

does user --test
contains "No errors" said
ok "--test"

new=86420975
does tool --login --pin "$CIE_PIN" --change-pin --new-pin "$new"
refuses CKR_PIN_INCORRECT user --list-objects
does tool --list-slots
contains "user PIN count low" said
refuses CKR_PIN_INCORRECT user --list-objects
does tool --list-slots
contains "final user PIN try" said
does tool --login --pin "$new" --list-objects
does tool --list-slots
lacks "final user PIN try" said
ok "the PIN is changed, tries are counted"

for answer in CKR_PIN_INCORRECT CKR_PIN_INCORRECT CKR_PIN_LOCKED; do refuses "$answer" user --list-objects; done
refuses CKR_PIN_LOCKED tool --login --pin "$new" --list-objects
does tool --list-slots
contains "user PIN locked" said
does tool --login --login-type so --so-pin "$CIE_PUK" --init-pin --new-pin 97531864
does tool --login --pin 97531864 --list-objects
ok "blocked and unblocked"
