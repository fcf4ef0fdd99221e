# SPDX-License-Identifier: MIT OR Apache-2.0
# Java's SunPKCS11: keytool lists, a small program signs.
. "$SCRIPTS/lib.sh"

cat >cie.cfg <<END
name = CIE
library = $MODULE
slotListIndex = 0
END
does keytool -J-Duser.home="$HOME" -list -keystore NONE -storetype PKCS11 -storepass "$CIE_PIN" \
    -addprovider SunPKCS11 -providerarg cie.cfg
contains "PrivateKeyEntry" said
contains "CIE authentication" said
ok "keytool lists: $(grep PrivateKeyEntry said)"
refuses "CKR_PIN_INCORRECT" keytool -J-Duser.home="$HOME" -list -keystore NONE -storetype PKCS11 -storepass 13572468 \
    -addprovider SunPKCS11 -providerarg cie.cfg -v
ok "a wrong PIN"

read_certificate
printf 'a text\n' >text
mkdir signatures
does java -Duser.home="$HOME" "$SCRIPTS/Sign.java" cie.cfg text signatures
contains "$CIE_CF" said
contains "no PSS" said
for hash in sha1 sha256 sha384 sha512; do
    does openssl dgst "-$hash" -verify key.pem -signature "signatures/$hash" text
done
ok "signatures with SHA-1, SHA-256, SHA-384, SHA-512, verified by Java and OpenSSL"
