# SPDX-License-Identifier: MIT OR Apache-2.0
# curl, whose certificate and key are the card's, through OpenSSL's engine.
# CITIZEN is fresh, expired or revoked.
. "$SCRIPTS/lib.sh"
. "$SCRIPTS/serve.sh"

read_certificate
make_authorities --seed "$SEED"
serve twelve TLSv1.2
export PKCS11_MODULE_PATH="$MODULE"
key="pkcs11:token=CIE%203.0;object=CIE%20authentication;type=private"
login() {
    curl --silent --show-error --max-time 60 --cacert server/ca.pem --cert card.pem \
        --engine pkcs11 --key-type ENG --key "$key;pin-value=$CIE_PIN" "$@"
}

case "$CITIZEN" in
fresh)
    does login "https://localhost:$port/"
    contains "<dd id=\"cf\">$CIE_CF</dd>" said
    contains 'id="tls">TLSv1.2' said
    ok "logged in: $(grep -o 'id="tls">[^<]*' said)"
    for hash in sha256 sha384 sha512; do
        sed -i '/^SSLOpenSSLConfCmd/d' server/twelve/conf
        serve "$hash" TLSv1.2 "SSLOpenSSLConfCmd ClientSignatureAlgorithms RSA+$hash"
        does login "https://localhost:$port/"
        contains "<dd id=\"cf\">$CIE_CF</dd>" said
    done
    ok "rsa_pkcs1_sha256, rsa_pkcs1_sha384, rsa_pkcs1_sha512"

    refuses "" curl --silent --show-error --max-time 60 --cacert server/ca.pem "https://localhost:$port/"
    contains "SSL" said
    ok "nobody without a certificate: $(tail -n1 said)"

    refuses "" login --key "$key;pin-value=13572468" "https://localhost:$port/"
    lacks "$CIE_CF" said
    ok "a wrong PIN: $(tail -n1 said)"

    # TLS 1.3 has no rsa_pkcs1 signatures of clients.
    serve thirteen TLSv1.3
    refuses "" login "https://localhost:$port/"
    lacks "$CIE_CF" said
    ok "TLS 1.3 only: $(tail -n1 said)"

    # Both offered: OpenSSL takes 1.3, and the server asks for a signature that the card cannot make.
    serve both "TLSv1.2 TLSv1.3"
    refuses "" login "https://localhost:$port/"
    ok "1.2 and 1.3 offered: $(tail -n1 said)"
    does login --tls-max 1.2 "https://localhost:$port/"
    contains "<dd id=\"cf\">$CIE_CF</dd>" said
    ok "1.2 and 1.3 offered, --tls-max 1.2: logged in"
    ;;
expired | revoked)
    refuses "" login "https://localhost:$port/"
    lacks "$CIE_CF" said
    contains "certificate $CITIZEN" said
    contains "certificate" server/twelve/log
    grep -q "$CITIZEN" server/twelve/log || { cat server/twelve/log; fail "the server does not say why"; }
    ok "refused: $(tail -n1 said)"
    ;;
esac
