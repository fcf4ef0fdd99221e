# SPDX-License-Identifier: MIT OR Apache-2.0
"""python-pkcs11 with the card: lists, a wrong PIN, signatures of a file."""
import os
import sys

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

text = open(sys.argv[1], "rb").read()
library = pkcs11.lib(os.environ["MODULE"])
token = library.get_token(token_label="CIE 3.0")
print("token:", token.label, token.serial.decode())
try:
    token.open(user_pin="13572468")
    raise SystemExit("a wrong PIN was taken")
except pkcs11.PinIncorrect as error:
    print("wrong PIN:", type(error).__name__)
with token.open(user_pin=os.environ["CIE_PIN"]) as session:
    holder = next(session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.LABEL: "CIE authentication"}))
    assert os.environ["CIE_CF"].encode() in holder[Attribute.SUBJECT]
    print("subject has", os.environ["CIE_CF"])
    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA)
    public = session.get_key(object_class=ObjectClass.PUBLIC_KEY, key_type=KeyType.RSA)
    assert key.key_length == 2048 and key[Attribute.ID] == holder[Attribute.ID]
    for name in ("sha1", "sha256", "sha384", "sha512"):
        mechanism = Mechanism[f"{name.upper()}_RSA_PKCS"]
        signature = key.sign(text, mechanism=mechanism)
        assert public.verify(text, signature, mechanism=mechanism)
        assert not public.verify(text + b".", signature, mechanism=mechanism)
        open(f"python_pkcs11.{name}", "wb").write(signature)
    assert len(session.generate_random(128)) == 16
