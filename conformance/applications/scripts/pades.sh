# SPDX-License-Identifier: MIT OR Apache-2.0
# Who signs, who verifies: PDFs (PAdES) by pyHanko, files (CAdES) by OpenSSL,
# and what everybody says of a broken signature. CITIZEN is fresh or expired.
# PYTHON has requirements.txt.
. "$SCRIPTS/lib.sh"

read_certificate
pyhanko="$PYTHON -m pyhanko"
$pyhanko --version >said 2>&1 || pyhanko="$(dirname "$PYTHON")/pyhanko"
cat >pyhanko.yml <<END
pkcs11-setups:
  cie:
    module-path: $MODULE
    token-criteria:
      label: CIE 3.0
    cert-label: CIE authentication
    key-label: CIE authentication
    user-pin: "$CIE_PIN"
    other-certs: $CIE_CA_PEM
validation-contexts:
  cie:
    trust: $CIE_CA_PEM
    trust-replace: true
    signer-key-usage: digital_signature
    signer-key-usage-policy:
      key-usage: digital_signature
END
chmod 600 pyhanko.yml
"$PYTHON" "$SCRIPTS/page.py" page.pdf
does $pyhanko --config pyhanko.yml sign addsig --field Sig1 --use-pades pkcs11 --p11-setup cie page.pdf signed.pdf
"$PYTHON" - <<'END'
data = open("signed.pdf", "rb").read()
assert b"ETSI.CAdES.detached" in data
at = data.index(b"A page")
open("broken.pdf", "wb").write(data[:at] + b"B page" + data[at + 6:])
END
ok "pyHanko signs (ETSI.CAdES.detached)"

verify() { "$PYTHON" "$SCRIPTS/verify_pdf.py" "$CIE_CA_PEM" "$1"; }
mkdir nss
: >empty
certutil -N -d sql:nss --empty-password
certutil -A -d sql:nss -n root -t CT,CT,CT -i "$CIE_CA_PEM"
case "$CITIZEN" in
fresh)
    does verify signed.pdf
    contains "valid and trusted" said
    contains "$CIE_CF" said
    ok "signed by pyHanko, verified by pyHanko: $(head -n1 said)"
    does pdfsig -nssdir sql:nss signed.pdf
    contains "Signature is Valid" said
    ok "signed by pyHanko, verified by pdfsig: $(grep -o 'Signature Validation: .*' said), $(grep -o 'Certificate Validation: .*' said)"
    refuses "not intact" verify broken.pdf
    ok "broken, verified by pyHanko: $(tail -n1 said)"
    pdfsig -nssdir sql:nss broken.pdf >said 2>&1 || true
    contains "Digest Mismatch" said
    ok "broken, verified by pdfsig: $(grep -o 'Signature Validation: .*' said)"
    ;;
expired)
    refuses "not trusted" verify signed.pdf
    ok "expired, verified by pyHanko: $(tail -n1 said)"
    pdfsig -nssdir sql:nss signed.pdf >said 2>&1 || true
    contains "Signature is Valid" said
    lacks "Certificate is Trusted" said
    ok "expired, verified by pdfsig: $(grep -o 'Certificate Validation: .*' said)"
    printf 'a text\n' >text
    does env PKCS11_MODULE_PATH="$MODULE" openssl cms -engine pkcs11 -keyform engine -sign -cades -binary -nodetach \
        -in text -outform DER -out text.p7m -signer card.pem -certfile "$CIE_CA_PEM" \
        -inkey "pkcs11:object=CIE%20authentication;type=private;pin-value=$CIE_PIN"
    refuses "certificate has expired" openssl cms -verify -inform DER -CAfile "$CIE_CA_PEM" -purpose sslclient \
        -in text.p7m -out content
    ok "expired, verified by OpenSSL: certificate has expired"
    ;;
*) fail "no such citizen: $CITIZEN" ;;
esac
