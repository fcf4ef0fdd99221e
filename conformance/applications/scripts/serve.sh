# SPDX-License-Identifier: MIT OR Apache-2.0
# Sourced after lib.sh: a TLS server that lets in citizens with a CIE, as
# services do at level 3. Apache from Debian, in the foreground, on the loopback.

# make_authorities: the test authority's lists and certificates in ./pki, and a
# server certificate of an authority of its own in ./server.
make_authorities() {
    does "$CIE" pki pki "$@"
    mkdir -p server
    does openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=TEST server CA' \
        -addext keyUsage=critical,keyCertSign -keyout server/ca.key -out server/ca.pem
    does openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server/key.pem -out server/request.pem
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >server/extensions
    does openssl x509 -req -in server/request.pem -CA server/ca.pem -CAkey server/ca.key -days 30 \
        -extfile server/extensions -out server/cert.pem
}

# serve NAME PROTOCOL [LINE...]: starts a server with the protocol (TLSv1.2,
# TLSv1.3) and further lines of configuration; sets `port` and `server`, its
# process. `stop_servers` ends all.
servers=
serve() {
    name=$1 protocol=$2
    shift 2
    port=$(free_port)
    mkdir -p "server/$name/pages"
    # The workers are not root.
    chmod 755 . server "server/$name" "server/$name/pages"
    # What a service learns: the fiscal code is the first half of the subject's
    # common name, and its serialNumber.
    cat >"server/$name/pages/index.shtml" <<'END'
<!doctype html>
<html lang="it"><meta charset="utf-8"><title>Entra con CIE</title>
<style>body{font:18px sans-serif;margin:3em;color:#17324d}h1{color:#06c}dt{color:#5b6f82}dd{margin:0 0 .6em;font-weight:bold}</style>
<h1>Entra con CIE &ndash; test</h1>
<p>The server knows who you are: TLS client authentication, level 3.</p>
<dl>
<dt>Fiscal code</dt><dd id="cf"><!--#if expr="$SSL_CLIENT_S_DN_CN = /^([A-Z0-9]+)/" --><!--#set var="cf" value="$1" --><!--#echo var="cf" --><!--#endif --></dd>
<dt>Certificate of</dt><dd id="dn"><!--#echo var="SSL_CLIENT_S_DN" --></dd>
<dt>Issued by</dt><dd><!--#echo var="SSL_CLIENT_I_DN_CN" --></dd>
<dt>Connection</dt><dd id="tls"><!--#echo var="SSL_PROTOCOL" -->, <!--#echo var="SSL_CIPHER" --></dd>
</dl>
</html>
END
    modules=/usr/lib/apache2/modules
    {
        for module in mpm_event authz_core dir mime include ssl socache_shmcb; do
            echo "LoadModule ${module}_module $modules/mod_$module.so"
        done
        cat <<END
ServerRoot $PWD/server/$name
ServerName localhost
Listen 127.0.0.1:$port
PidFile $PWD/server/$name/pid
ErrorLog $PWD/server/$name/log
DefaultRuntimeDir $PWD/server/$name
LogLevel info ssl:info
StartServers 1
TypesConfig /dev/null
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
DirectoryIndex index.shtml
DocumentRoot $PWD/server/$name/pages
<Directory $PWD/server/$name/pages>
    Options +Includes
    SSILegacyExprParser on
    SSLOptions +StdEnvVars
</Directory>
SSLEngine on
SSLCertificateFile $PWD/server/cert.pem
SSLCertificateKeyFile $PWD/server/key.pem
SSLProtocol $protocol
SSLVerifyClient require
SSLVerifyDepth 3
SSLCACertificateFile $PWD/pki/ca.pem
SSLCARevocationFile $PWD/server/$name/crl.pem
SSLCARevocationCheck chain
END
        [ "$(id -u)" != 0 ] || printf 'User nobody\nGroup nogroup\n'
        for line in "$@"; do printf '%s\n' "$line"; done
    } >"server/$name/conf"
    cat pki/root.crl.pem pki/sub-ca.crl.pem >"server/$name/crl.pem"
    PATH="$PATH:/usr/sbin" apache2 -f "$PWD/server/$name/conf" -D FOREGROUND >"server/$name/out" 2>&1 &
    server=$!
    servers="$servers $server"
    trap stop_servers EXIT
    later grep -q 'resuming normal operations' "server/$name/log"
}

# answer_ocsp: a responder for the cards in ./pki; sets `responder`, its port.
answer_ocsp() {
    responder=$(free_port)
    for certificate in pki/citizens/*.cert.pem; do
        serial=$(openssl x509 -in "$certificate" -noout -serial | cut -d= -f2)
        case "$certificate" in
        *-cert-revoked.*) printf 'R\t591231235959Z\t251231000000Z\t%s\tunknown\t/CN=%s\n' "$serial" "$serial" ;;
        *) printf 'V\t591231235959Z\t\t%s\tunknown\t/CN=%s\n' "$serial" "$serial" ;;
        esac
    done >server/index.txt
    python3 "$SCRIPTS/responder.py" "$responder" server/index.txt pki/sub-ca.cert.pem \
        pki/ocsp-signer.cert.pem pki/keys/ocsp-signer.key.pem >server/responder.out 2>&1 &
    servers="$servers $!"
    trap stop_servers EXIT
    later python3 -c "import socket; socket.create_connection(('127.0.0.1', $responder))"
}

stop_servers() {
    for one in $servers; do
        kill "$one" 2>/dev/null || true
        wait "$one" 2>/dev/null || true
    done
    servers=
}
