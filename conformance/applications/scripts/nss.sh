# SPDX-License-Identifier: MIT OR Apache-2.0
# NSS, the library of Firefox and Chromium: modutil adds the module to a
# database, certutil lists, tstclnt logs in.
. "$SCRIPTS/lib.sh"
. "$SCRIPTS/serve.sh"

mkdir db
: >empty
printf '%s\n' "$CIE_PIN" >pin
printf '13572468\n' >wrong
does certutil -N -d sql:db --empty-password
does modutil -dbdir sql:db -force -add CIE -libfile "$MODULE"
does modutil -dbdir sql:db -list
contains "token: CIE 3.0" said
ok "modutil adds and lists"

does certutil -K -d sql:db -h "CIE 3.0" -f pin
contains "CIE authentication" said
does certutil -L -d sql:db -h "CIE 3.0" -f pin
contains "CIE 3.0:CIE authentication" said
contains "u,u,u" said
does certutil -L -d sql:db -h "CIE 3.0" -f pin -n "CIE 3.0:CIE authentication" -a
grep -v '^$' said >card.pem
does openssl verify -CAfile "$CIE_CA_PEM" card.pem
ok "certutil lists key and certificate"

refuses "SEC_ERROR_BAD_PASSWORD" certutil -K -d sql:db -h "CIE 3.0" -f wrong
pkcs11-tool --module "$MODULE" --list-slots >said
grep -o 'user PIN count low\|final user PIN try\|user PIN locked' said >tries || fail "nothing was tried"
ok "certutil with a wrong PIN: $(tr '\n' ';' <tries)"

make_authorities --seed "$SEED"
does certutil -A -d sql:db -n server -t CT,, -i server/ca.pem
printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' >request
login() {
    tstclnt -4 -h localhost -a localhost -p "$port" -d sql:db -n "CIE 3.0:CIE authentication" -W pin -A request "$@" </dev/null
}
serve twelve TLSv1.2
login -V tls1.2:tls1.2 >page 2>errors || { cat errors >&2; fail "tstclnt"; }
contains "<dd id=\"cf\">$CIE_CF</dd>" page
ok "tstclnt at the server's defaults (all signatures offered): logged in"
login -V tls1.2:tls1.3 >page 2>errors || { cat errors >&2; fail "tstclnt"; }
contains "<dd id=\"cf\">$CIE_CF</dd>" page
ok "tstclnt offers TLS 1.3 to a server with TLS 1.2: logged in"
serve thirteen TLSv1.3
login -V tls1.2:tls1.3 >page 2>errors && { cat page; fail "logged in with TLS 1.3"; }
lacks "$CIE_CF" page
ok "TLS 1.3 only: $(grep -o 'SSL_ERROR[A-Z0-9_]*' errors | head -n1) $(tail -n1 errors)"
