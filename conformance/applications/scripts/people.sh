# SPDX-License-Identifier: MIT OR Apache-2.0
# The commands for people against other programs: who signs, who verifies, and a
# login at Apache. CITIZEN is fresh, expired or revoked. PYTHON has
# requirements.txt.
. "$SCRIPTS/lib.sh"
. "$SCRIPTS/serve.sh"

make_authorities --seed "$SEED"
sign() { "$CIE" sign --pin-env CIE_PIN --ca "$CIE_CA_PEM" "$@"; }
verify() { "$CIE" verify --ca "$CIE_CA_PEM" --crl pki/root.crl --crl pki/sub-ca.crl "$@"; }
login() { "$CIE" login-test --pin-env CIE_PIN --ca server/ca.pem "$@" "https://localhost:$port/"; }
printf 'a text\n' >text
"$PYTHON" "$SCRIPTS/page.py" page.pdf
does sign text
does sign --detached text
does sign page.pdf
openssl="openssl cms -verify -inform DER -CAfile $CIE_CA_PEM -purpose sslclient -cades"
by_pyhanko() { "$PYTHON" "$SCRIPTS/verify_pdf.py" "$CIE_CA_PEM" "$1"; }
serve twelve TLSv1.2

case "$CITIZEN" in
fresh)
    does $openssl -in text.p7m -out content
    cmp text content || fail "another content"
    does $openssl -binary -content text -in text.p7s -out content
    does by_pyhanko page-signed.pdf
    contains "valid and trusted" said
    does sign page-signed.pdf --out twice.pdf
    does by_pyhanko twice.pdf
    mkdir nss
    : >empty
    certutil -N -d sql:nss --empty-password
    certutil -A -d sql:nss -n root -t CT,CT,CT -i "$CIE_CA_PEM"
    does pdfsig -nssdir sql:nss twice.pdf
    [ "$(grep -c 'Signature is Valid' said)" = 2 ] || fail "pdfsig: not twice valid"
    ok "signed by cie, verified by OpenSSL, pyHanko and pdfsig"

    read_certificate
    export PKCS11_MODULE_PATH="$MODULE"
    by_openssl() {
        does openssl cms -engine pkcs11 -keyform engine -sign -binary -in text -outform DER -signer card.pem \
            -inkey "pkcs11:object=CIE%20authentication;type=private;pin-value=$CIE_PIN" "$@"
    }
    by_openssl -cades -nodetach -out one.p7m
    # In pieces of indefinite length, as OpenSSL streams.
    by_openssl -cades -nodetach -stream -out streamed.p7m
    by_openssl -cades -md sha512 -out text.p7s
    by_openssl -nodetach -noattr -out bare.p7m
    openssl base64 -in one.p7m -out armoured.p7m
    for file in one.p7m streamed.p7m text.p7s bare.p7m armoured.p7m; do
        does verify "$file"
        contains "$CIE_CF" said
    done
    by_openssl -nodetach -md sha1 -out weak.p7m
    refuses "SHA-1" verify weak.p7m
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
END
    chmod 600 pyhanko.yml
    pyhanko="$PYTHON -m pyhanko"
    $pyhanko --version >said 2>&1 || pyhanko="$(dirname "$PYTHON")/pyhanko"
    addsig() { $pyhanko --config pyhanko.yml sign addsig --field "$1" --use-pades pkcs11 --p11-setup cie "$2" "$3"; }
    does addsig Sig1 page.pdf theirs.pdf
    does verify theirs.pdf
    # Each after the other's.
    does addsig Sig2 page-signed.pdf ours-theirs.pdf
    does verify ours-theirs.pdf
    contains "only signatures came later" said
    does sign theirs.pdf --out theirs-ours.pdf
    does verify theirs-ours.pdf
    does by_pyhanko theirs-ours.pdf
    ok "signed by OpenSSL and pyHanko, verified by cie, alone and with its own"
    "$PYTHON" - <<'END'
data = open("theirs.pdf", "rb").read()
at = data.index(b"A page")
open("broken.pdf", "wb").write(data[:at] + b"B page" + data[at + 6:])
END
    refuses "changed after it was signed" verify broken.pdf
    ok "broken, refused by cie"

    does login
    contains "$CIE_CF" said
    contains rsa_pkcs1_sha said
    ok "cie logs in at Apache: $(grep -o 'signed .*' said)"
    serve sha512 TLSv1.2 "SSLOpenSSLConfCmd ClientSignatureAlgorithms RSA+SHA512"
    does login
    contains rsa_pkcs1_sha512 said
    serve pss TLSv1.2 "SSLOpenSSLConfCmd ClientSignatureAlgorithms RSA-PSS+SHA256"
    refuses "no signature that the card can make" login
    serve thirteen TLSv1.3
    refuses "does not speak TLS 1.2" login
    ok "SHA-512, only PSS, only TLS 1.3"
    serve nobody TLSv1.2 "SSLVerifyClient none"
    refuses "did not ask for one" login
    refuses "not to be trusted" "$CIE" login-test --pin-env CIE_PIN --ca "$CIE_CA_PEM" "https://localhost:$port/"
    ok "no certificate asked for, a server of nobody's"
    ;;
expired | revoked)
    case "$CITIZEN" in
    expired) ours="expired on" theirs="it has expired" ;;
    revoked) ours="was revoked on" theirs="it is revoked" ;;
    esac
    for file in text.p7m text.p7s page-signed.pdf; do
        refuses "$ours" verify "$file"
    done
    refuses "$theirs" login
    ok "$ours, and at Apache: $(grep -o 'refused .*' said)"
    ;;
esac
stop_servers
