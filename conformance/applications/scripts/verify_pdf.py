# SPDX-License-Identifier: MIT OR Apache-2.0
"""What pyHanko says of a signed PDF: verify_pdf.py AUTHORITIES FILE. The card's
certificate is for digital signatures, not for non-repudiation; the caller says so."""
import sys

from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

authorities, file = sys.argv[1:]
trust = list(load_certs_from_pemder([authorities]))
with open(file, "rb") as data:
    signature = PdfFileReader(data).embedded_signatures[0]
    status = validate_pdf_signature(
        signature,
        ValidationContext(trust_roots=trust, allow_fetching=False),
        key_usage_settings=KeyUsageConstraints(key_usage={"digital_signature"}))
words = [
    "intact" if status.intact else "not intact",
    "valid" if status.valid else "not valid",
    "trusted" if status.trusted else "not trusted",
]
if status.bottom_line:
    print("valid and trusted,", status.signing_cert.subject.human_friendly)
else:
    sys.exit(", ".join(words))
