# SPDX-License-Identifier: MIT OR Apache-2.0
# Python: PyKCS11 and python-pkcs11 list and sign. PYTHON is the interpreter of
# an environment with requirements.txt.
. "$SCRIPTS/lib.sh"

read_certificate
printf 'a text\n' >text
for program in pykcs11 python_pkcs11; do
    does "$PYTHON" "$SCRIPTS/with_$program.py" text
    contains "$CIE_CF" said
    contains "wrong PIN" said
    for hash in sha1 sha256 sha384 sha512; do
        does openssl dgst "-$hash" -verify key.pem -signature "$program.$hash" text
    done
    ok "$program: signatures with SHA-1, SHA-256, SHA-384, SHA-512"
done
