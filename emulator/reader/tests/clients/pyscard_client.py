# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a Python program does with readers, told to the test line by line."""

import sys

from smartcard.CardRequest import CardRequest
from smartcard.CardType import AnyCardType
from smartcard.ExclusiveConnectCardConnection import ExclusiveConnectCardConnection
from smartcard.Exceptions import CardConnectionException, NoCardException
from smartcard.System import readers
from smartcard.scard import (
    INFINITE,
    SCARD_LEAVE_CARD,
    SCARD_PROTOCOL_ANY,
    SCARD_SCOPE_USER,
    SCARD_SHARE_DIRECT,
    SCARD_STATE_CHANGED,
    SCARD_STATE_EMPTY,
    SCARD_STATE_PRESENT,
    SCARD_STATE_UNAWARE,
    SCARD_S_SUCCESS,
    SCARD_W_REMOVED_CARD,
    SCardConnect,
    SCardDisconnect,
    SCardEstablishContext,
    SCardGetErrorMessage,
    SCardGetStatusChange,
    SCardListReaders,
    SCardReleaseContext,
    SCardTransmit,
)

ATR = [0x3B, 0x84, 0x80, 0x01] + list(b"TEST") + [0x13]
PNP = "\\\\?PnP?\\Notification"


def say(*words):
    print(*words, flush=True)


def check(result):
    assert result == SCARD_S_SUCCESS, SCardGetErrorMessage(result)


def until(context, reader, state, wanted):
    while not state & wanted:
        result, states = SCardGetStatusChange(context, INFINITE, [(reader, state)])
        check(result)
        state = states[0][1] & ~SCARD_STATE_CHANGED
    return state


say("readers", *(str(reader) for reader in readers()))
first, second = readers()

connection = first.createConnection()
connection.connect()
assert connection.getATR() == ATR
data, sw1, sw2 = connection.transmit([0x00, 0xB0, 0x00, 0x00, 0x10])
assert (data, sw1, sw2) == ([0] * 16, 0x90, 0x00)

exclusive = ExclusiveConnectCardConnection(first.createConnection())
try:
    exclusive.connect()
    say("exclusive beside another: granted")
except CardConnectionException as error:
    say("exclusive beside another:", "Sharing violation" in str(error))
connection.disconnect()
exclusive.connect()
other = first.createConnection()
try:
    other.connect()
    say("another beside exclusive: granted")
except CardConnectionException as error:
    say("another beside exclusive:", "Sharing violation" in str(error))
exclusive.disconnect()

try:
    second.createConnection().connect()
except NoCardException:
    say("second is empty")

say("waiting")
service = CardRequest(timeout=60, cardType=AnyCardType(), readers=[second]).waitforcard()
service.connection.connect()
assert service.connection.transmit([0xFF, 0x01, 0x02])[0] == [0x01, 0x02]
say("inserted")

result, context = SCardEstablishContext(SCARD_SCOPE_USER)
check(result)
name = str(second)
state = until(context, name, SCARD_STATE_UNAWARE, SCARD_STATE_PRESENT)
say("watching")
until(context, name, state, SCARD_STATE_EMPTY)
result, _ = SCardTransmit(service.connection.component.hcard, 2, [0xFF, 0x01])
say("removed", result == SCARD_W_REMOVED_CARD)
service.connection.disconnect()

def readers_once_there_are(count):
    """The library of Debian 12 only tells of changes after the call began, so it is asked again.

    Asked before the list is, as this binding hands out nonsense if readers come between its two
    calls for one list.
    """
    while True:
        SCardGetStatusChange(context, 1000, [(PNP, SCARD_STATE_UNAWARE)])
        result, names = SCardListReaders(context, [])
        check(result)
        if len(names) == count:
            return names


# Readers that come and go.
say("before the third")
names = readers_once_there_are(3)
say("readers", *names)
third = names[-1]
result, card, _ = SCardConnect(context, third, SCARD_SHARE_DIRECT, SCARD_PROTOCOL_ANY)
check(result)
say("before it goes")
say("readers", *readers_once_there_are(2))
check(SCardDisconnect(card, SCARD_LEAVE_CARD))
check(SCardReleaseContext(context))
say("done")
sys.stdin.read()
