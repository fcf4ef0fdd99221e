# SPDX-License-Identifier: MIT OR Apache-2.0
# OpenSSL 3.5 with pkcs11-provider: signatures, CAdES-BES, TLS with openssl and
# curl. What it made is verified by this system's OpenSSL, without the card.
. "$SCRIPTS/lib.sh"
. "$SCRIPTS/serve.sh"
. "$SCRIPTS/within.sh"

read_certificate
export PKCS11_PROVIDER_MODULE="$MODULE" OPENSSL_CONF="$SCRIPTS/provider.cnf"
key="pkcs11:token=CIE%203.0;object=CIE%20authentication;type=private"
pin="pin-value=$CIE_PIN"
# Verifying is the system's own OpenSSL's, which has no such provider.
plain() { OPENSSL_CONF=/dev/null openssl "$@"; }

does within openssl version
version=$(cat said)
does within openssl list -providers
contains "PKCS#11 Provider" said
ok "$version with pkcs11-provider"

printf 'a text\n' >text
for hash in sha1 sha256 sha384 sha512; do
    does within openssl dgst "-$hash" -sign "$key;$pin" -out signature text
    does plain dgst "-$hash" -verify key.pem -signature signature text
done
ok "dgst with SHA-1, SHA-256, SHA-384, SHA-512"

(umask 077 && printf %s "$CIE_PIN" >pin)
does within openssl dgst -sha256 -sign "$key;pin-source=file:$PWD/pin" -out signature text
does plain dgst -sha256 -verify key.pem -signature signature text
rm pin
ok "the PIN from a file"

rm -f never
refuses "rsa_padding_mode:pss" within openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sign "$key;$pin" -out never text
[ ! -s never ] || fail "a PSS signature"
ok "no PSS: $(head -n1 said)"

refuses "" within openssl dgst -sha256 -sign "$key;pin-value=13572468" -out never text
[ ! -s never ] || fail "signed with a wrong PIN"
mv said wrong
pkcs11-tool --module "$MODULE" --list-slots >said
contains "user PIN count low" said
lacks "final user PIN try" said
ok "a wrong PIN costs one try and signs nothing: $(head -n1 wrong)"

# With the right one the tries are all back.
does within openssl cms -sign -cades -binary -nodetach -md sha256 -in text -outform DER -out text.p7m \
    -signer card.pem -inkey "$key;$pin"
does plain cms -verify -cades -inform DER -CAfile "$CIE_CA_PEM" -purpose sslclient -in text.p7m -out content
cmp text content || fail "another content"
plain cms -cmsout -print -noout -inform DER -in text.p7m >printed
contains "id-smime-aa-signingCertificateV2" printed
python3 - <<'END'
data = bytearray(open("text.p7m", "rb").read())
data[-1] ^= 1
open("broken.p7m", "wb").write(data)
END
refuses "verification failure" plain cms -verify -cades -inform DER -CAfile "$CIE_CA_PEM" -purpose sslclient -in broken.p7m -out content
ok "CAdES-BES; one wrong bit refused"

(
    # The server is this system's and has its own configuration.
    unset OPENSSL_CONF PKCS11_PROVIDER_MODULE
    make_authorities --seed "$SEED"
)
OPENSSL_CONF=/dev/null serve twelve TLSv1.2
printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' >request
shakes_hands() {
    within openssl s_client -connect "127.0.0.1:$port" -servername localhost -CAfile server/ca.pem -verify_return_error \
        -cert card.pem -key "$key;$pin" -quiet "$@" <request >said 2>&1
}
shakes_hands || true
contains "<dd id=\"cf\">$CIE_CF</dd>" said
contains 'id="tls">TLSv1.2' said
ok "s_client logs in: $(grep -o 'id="tls">[^<]*' said)"

does within curl --silent --show-error --max-time 60 --cacert server/ca.pem --cert card.pem --key-type PROV --key "$key;$pin" "https://localhost:$port/"
contains "<dd id=\"cf\">$CIE_CF</dd>" said
version=$(within curl --version | head -n1 | cut -d' ' -f2)
ok "curl $version logs in"

OPENSSL_CONF=/dev/null serve thirteen TLSv1.3
refuses "certificate required" within curl --silent --show-error --max-time 60 --cacert server/ca.pem --cert card.pem --key-type PROV --key "$key;$pin" "https://localhost:$port/"
ok "TLS 1.3 only: $(grep -o 'curl: .*' said)"
