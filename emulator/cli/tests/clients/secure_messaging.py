#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""From the key agreement to a command in secure messaging, with pyscard.

Nothing of the project's own code is used: the arithmetic is Python's, 3DES is
OpenSSL's, the reader is libpcsclite's. A single DES key k is the two-key 3DES
key k‖k, so OpenSSL needs no legacy provider for the retail MAC.
"""

import hashlib
import os
import subprocess
import sys

from smartcard.CardConnection import CardConnection
from smartcard.System import readers


def tdes(key, data, decrypt=False):
    """Two-key 3DES in CBC mode with a zero IV, no padding."""
    direction = ["-d"] if decrypt else ["-e"]
    command = ["openssl", "enc", "-des-ede-cbc", "-nopad", "-K", key.hex(), "-iv", "0" * 16]
    return subprocess.run(command + direction, input=data, stdout=subprocess.PIPE, check=True).stdout


def pad(data):
    data += b"\x80"
    return data + b"\x00" * (-len(data) % 8)


def unpad(data):
    return data[: data.rindex(b"\x80")]


def retail_mac(key, data):
    """ISO/IEC 9797-1 algorithm 3 over padded data."""
    first, second = key[:8], key[8:]
    last = tdes(first * 2, data)[-8:]
    opened = tdes(second * 2, last, decrypt=True)
    return tdes(first * 2, opened)


def tlv(tag, value):
    length = len(value)
    if length < 0x80:
        head = bytes([length])
    elif length < 0x100:
        head = bytes([0x81, length])
    else:
        head = bytes([0x82, length >> 8, length & 0xFF])
    return bytes.fromhex(tag) + head + value


def find(data, tag):
    """The value of the first object with this one-byte tag, at any depth."""
    at = 0
    while at < len(data):
        start = at
        first = data[at]
        at += 1
        if first & 0x1F == 0x1F:
            while data[at] & 0x80:
                at += 1
            at += 1
        length = data[at]
        at += 1
        if length > 0x80:
            count = length - 0x80
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        value = data[at : at + length]
        if first == tag and data[start : start + 1] == bytes([tag]):
            return value
        if first & 0x20:
            inner = find(value, tag)
            if inner is not None:
                return inner
        at += length
    return None


class Card:
    def __init__(self, connection):
        self.connection = connection

    def send(self, command):
        data, sw1, sw2 = self.connection.transmit(list(command))
        data = bytes(data)
        while sw1 == 0x61:
            more, sw1, sw2 = self.connection.transmit([0x00, 0xC0, 0x00, 0x00, sw2])
            data += bytes(more)
        return data, sw1 << 8 | sw2

    def ok(self, command):
        data, sw = self.send(command)
        assert sw == 0x9000, f"{bytes(command).hex()} -> {sw:04x}"
        return data


def main():
    name = os.environ["CIE_READER"]
    reader = next(r for r in readers() if str(r) == name)
    connection = reader.createConnection()
    connection.connect(CardConnection.T1_protocol)
    card = Card(connection)

    card.ok(bytes.fromhex("00A4040C0DA0000000308000000009816001"))
    card.ok(bytes.fromhex("00A4040C06A00000000039"))
    component = lambda tag: card.ok(bytes.fromhex("00CB3FFF0C4D0A7008BFA10104A302%02X00" % tag))
    g, p, q = (int.from_bytes(find(component(t), t), "big") for t in (0x97, 0x98, 0x99))

    # The terminal's half of the key agreement.
    secret = int.from_bytes(os.urandom(31), "big") | 1
    public = pow(g, secret, p).to_bytes(256, "big")
    template = bytes.fromhex("80019B830181") + tlv("91", public)
    card.ok(bytes([0x10, 0x22, 0x41, 0xA6, 255]) + template[:255])
    card.ok(bytes([0x00, 0x22, 0x41, 0xA6, len(template) - 255]) + template[255:])
    answer = card.ok(bytes.fromhex("00CB3FFF064D04A6029100"))
    card_public = int.from_bytes(find(answer, 0x91), "big")
    assert pow(card_public, q, p) == 1, "the card's public value is not in the subgroup"
    shared = pow(card_public, secret, p).to_bytes(256, "big")
    enc, mac = (hashlib.sha256(shared + bytes([0, 0, 0, n])).digest()[:16] for n in (1, 2))

    # READ BINARY of EF.ID_Servizi by SFI, 12 bytes, in secure messaging.
    counter = 2
    header = bytes.fromhex("0CB08100")
    le = tlv("97", b"\x0c")
    checksum = retail_mac(mac, pad(pad(counter.to_bytes(8, "big") + header) + le))
    body = le + tlv("8E", checksum)
    response = card.ok(header + bytes([len(body)]) + body + b"\x00")
    counter += 1
    cryptogram, status = find(response, 0x87), find(response, 0x99)
    assert status == b"\x90\x00", status.hex()
    protected = tlv("87", cryptogram) + tlv("99", status)
    expected = retail_mac(mac, pad(counter.to_bytes(8, "big") + protected))
    assert find(response, 0x8E) == expected, "the card's checksum is wrong"
    assert cryptogram[:1] == b"\x01"
    nis = unpad(tdes(enc, cryptogram[1:], decrypt=True)).decode()
    assert nis == os.environ["CIE_NIS"], nis
    print(f"NIS in secure messaging: {nis}")
    connection.disconnect()


if __name__ == "__main__":
    sys.exit(main())
