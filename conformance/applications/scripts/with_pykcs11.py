# SPDX-License-Identifier: MIT OR Apache-2.0
"""PyKCS11 with the card: lists, a wrong PIN, signatures of a file."""
import os
import sys

import PyKCS11
from PyKCS11 import PyKCS11Error

text = open(sys.argv[1], "rb").read()
library = PyKCS11.PyKCS11Lib()
library.load(os.environ["MODULE"])
slot = library.getSlotList(tokenPresent=True)[0]
info = library.getTokenInfo(slot)
print("token:", info.label.strip(), info.serialNumber.strip())
session = library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION)
try:
    session.login("13572468")
    raise SystemExit("a wrong PIN was taken")
except PyKCS11Error as error:
    assert error.value == PyKCS11.CKR_PIN_INCORRECT, error
    print("wrong PIN:", error)
session.login(os.environ["CIE_PIN"])
certificates = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_CERTIFICATE)])
labels = [session.getAttributeValue(each, [PyKCS11.CKA_LABEL, PyKCS11.CKA_SUBJECT]) for each in certificates]
holder = next(bytes(subject) for label, subject in labels if label.startswith("CIE authentication"))
assert os.environ["CIE_CF"].encode() in holder
print("subject has", os.environ["CIE_CF"])
key = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY)])[0]
public = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PUBLIC_KEY)])[0]
for name, mechanism in {"sha1": PyKCS11.CKM_SHA1_RSA_PKCS, "sha256": PyKCS11.CKM_SHA256_RSA_PKCS,
                        "sha384": PyKCS11.CKM_SHA384_RSA_PKCS, "sha512": PyKCS11.CKM_SHA512_RSA_PKCS}.items():
    mechanism = PyKCS11.Mechanism(mechanism, None)
    signature = bytes(session.sign(key, text, mechanism))
    assert session.verify(public, text, signature, mechanism)
    assert not session.verify(public, text + b".", signature, mechanism)
    open(f"pykcs11.{name}", "wb").write(signature)
assert len(bytes(session.generateRandom(16))) == 16
digest = bytes(session.digest(text, PyKCS11.Mechanism(PyKCS11.CKM_SHA256, None)))
assert len(digest) == 32
session.logout()
session.closeSession()
