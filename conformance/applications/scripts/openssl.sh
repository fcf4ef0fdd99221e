# SPDX-License-Identifier: MIT OR Apache-2.0
# OpenSSL with the engine of libp11: signatures of files and CMS (CAdES-BES),
# verified by OpenSSL without the card.
. "$SCRIPTS/lib.sh"

export PKCS11_MODULE_PATH="$MODULE"
key="pkcs11:token=CIE%203.0;object=CIE%20authentication;type=private"
with_card() {
    command=$1
    shift
    openssl "$command" -engine pkcs11 -keyform engine "$@"
}

read_certificate
printf 'a text\n' >text
for hash in sha1 sha256 sha384 sha512; do
    does with_card dgst "-$hash" -sign "$key;pin-value=$CIE_PIN" -out signature text
    does openssl dgst "-$hash" -verify key.pem -signature signature text
done
ok "dgst with SHA-1, SHA-256, SHA-384, SHA-512"

# Where the PIN comes from: a file, as long as it is needed.
(umask 077 && printf %s "$CIE_PIN" >pin)
does with_card dgst -sha256 -sign "$key;pin-source=file:$PWD/pin" -out signature2 text
does openssl dgst -sha256 -verify key.pem -signature signature2 text
rm pin
ok "the PIN from a file"

refuses "Mechanism invalid" with_card dgst -sha256 -sigopt rsa_padding_mode:pss -sign "$key;pin-value=$CIE_PIN" -out never text
ok "no PSS"

refuses "PIN incorrect" with_card dgst -sha256 -sign "$key;pin-value=13572468" -out never text
[ ! -s never ] || fail "signed with a wrong PIN"
pkcs11-tool --module "$MODULE" --list-slots >said
contains "user PIN count low" said
lacks "final user PIN try" said
ok "a wrong PIN costs one try and signs nothing"
does with_card dgst -sha256 -sign "$key;pin-value=$CIE_PIN" -out signature text

# CAdES-BES: a CMS signature with the signing certificate's hash among the
# signed attributes (ETSI EN 319 122-1).
does with_card cms -sign -cades -binary -nodetach -md sha256 -in text -outform DER -out text.p7m \
    -signer card.pem -certfile "$CIE_CA_PEM" -inkey "$key;pin-value=$CIE_PIN"
verify="openssl cms -verify -inform DER -CAfile $CIE_CA_PEM -purpose sslclient"
does $verify -cades -in text.p7m -out content
cmp text content || fail "another content"
openssl cms -cmsout -print -noout -inform DER -in text.p7m >printed
contains "id-smime-aa-signingCertificateV2" printed
contains "$CIE_CF" printed
ok "CAdES-BES with content"

# The certificate is for TLS clients; who asks for an S/MIME certificate is told so.
refuses "unsuitable certificate purpose" openssl cms -verify -inform DER -CAfile "$CIE_CA_PEM" -in text.p7m -out content
ok "not for S/MIME: its extended key usage says TLS client"

does with_card cms -sign -cades -binary -md sha512 -in text -outform DER -out text.p7s \
    -signer card.pem -inkey "$key;pin-value=$CIE_PIN"
does $verify -cades -binary -content text -in text.p7s -out content
printf 'another text\n' >other
refuses "verification failure" $verify -cades -binary -content other -in text.p7s -out content
ok "CAdES-BES beside the file, another file refused"

# One bit of the signature: the last byte of the file is of the signature.
python3 - <<'END'
data = bytearray(open("text.p7m", "rb").read())
data[-1] ^= 1
open("broken.p7m", "wb").write(data)
END
refuses "verification failure" $verify -cades -in broken.p7m -out content
ok "one wrong bit refused"

does with_card req -new -x509 -subj /CN=request -key "$key;pin-value=$CIE_PIN" -out own.pem
does openssl verify -CAfile own.pem own.pem
ok "a certificate signed by the card"
