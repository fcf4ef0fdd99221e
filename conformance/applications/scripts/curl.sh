# SPDX-License-Identifier: MIT OR Apache-2.0
# curl, whose certificate and key are the card's, through OpenSSL's engine.
# CITIZEN is fresh, expired or revoked.
. "$SCRIPTS/lib.sh"
. "$SCRIPTS/serve.sh"

read_certificate
make_authorities --seed "$SEED"
export PKCS11_MODULE_PATH="$MODULE"
conf=
key="pkcs11:token=CIE%203.0;object=CIE%20authentication;type=private"
login() {
    ${conf:+env OPENSSL_CONF=$conf} curl --silent --show-error --max-time 60 --cacert server/ca.pem --cert card.pem \
        --engine pkcs11 --key-type ENG --key "$key;pin-value=$CIE_PIN" "$@" "https://localhost:$port/"
}
logged_in() { contains "<dd id=\"cf\">$CIE_CF</dd>" said; }
reason() { grep -o 'curl: .*' said; }

# A server that asks for signatures the card can make, and one that asks the
# responder instead of the lists.
pkcs1='SSLOpenSSLConfCmd ClientSignatureAlgorithms RSA+SHA256:RSA+SHA384:RSA+SHA512'
serve twelve TLSv1.2 "$pkcs1"
lists=$port
answer_ocsp
serve ocsp TLSv1.2 "$pkcs1" "SSLCARevocationCheck none" "SSLOCSPEnable leaf" \
    "SSLOCSPDefaultResponder http://127.0.0.1:$responder/" "SSLOCSPOverrideResponder on" "SSLOCSPUseRequestNonce off"
asking=$port
port=$lists

case "$CITIZEN" in
fresh)
    does login
    logged_in
    contains 'id="tls">TLSv1.2' said
    port=$asking
    does login
    logged_in
    contains "certificate status: good" server/ocsp/log
    port=$lists
    ok "logged in, by the lists and by OCSP: $(grep -o 'id="tls">[^<]*' said)"

    refuses "alert" curl --silent --show-error --max-time 60 --cacert server/ca.pem "https://localhost:$port/"
    ok "nobody without a certificate: $(reason)"

    refuses "failed to load private key" login --key "$key;pin-value=13572468"
    ok "a wrong PIN: $(reason)"
    does login
    logged_in

    for hash in SHA256 SHA384 SHA512; do
        serve "$hash" TLSv1.2 "SSLOpenSSLConfCmd ClientSignatureAlgorithms RSA+$hash"
        does login
        logged_in
    done
    ok "rsa_pkcs1_sha256, rsa_pkcs1_sha384, rsa_pkcs1_sha512"

    # With defaults on both sides, OpenSSL chooses PSS in TLS 1.2 too.
    serve defaults TLSv1.2
    refuses "Mechanism invalid" login
    ok "TLS 1.2, all signatures offered: $(reason)"
    conf=$SCRIPTS/openssl.cnf
    does login
    logged_in
    ok "TLS 1.2, all signatures offered, openssl.cnf with ClientSignatureAlgorithms: logged in"

    # TLS 1.3 has no PKCS #1 v1.5 signatures of clients.
    serve thirteen TLSv1.3
    refuses "certificate required" login
    ok "TLS 1.3 only: $(reason)"
    serve both "+TLSv1.2 +TLSv1.3"
    refuses "certificate required" login
    ok "TLS 1.2 and 1.3 offered: $(reason)"
    does login --tls-max 1.2
    logged_in
    ok "TLS 1.2 and 1.3 offered, --tls-max 1.2: logged in"
    conf=
    serve thirteen-defaults TLSv1.3
    refuses "Mechanism invalid" login
    ok "TLS 1.3 only, without openssl.cnf: $(reason)"
    ;;
expired | revoked)
    case "$CITIZEN" in
    expired) verdict="certificate has expired" ;;
    revoked) verdict="certificate revoked" ;;
    esac
    # curl has the alert "certificate expired" as a trouble of the server's
    # certificate; the server says what it was.
    refuses "certificate" login
    grep -o 'Error ([0-9]*): [a-z ]*' server/twelve/log >why
    contains "$verdict" why
    if [ "$CITIZEN" = revoked ]; then
        port=$asking
        refuses "alert" login
        contains "certificate status: revoked" server/ocsp/log
    fi
    ok "refused: $(reason); the server's log: $(head -n1 why)"
    ;;
*) fail "no such citizen: $CITIZEN" ;;
esac
