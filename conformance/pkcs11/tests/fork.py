# SPDX-License-Identifier: MIT OR Apache-2.0
"""A process with a logged-in session forks: the child is not initialised,
initialises, logs in and ends; the parent goes on.

Arguments: the library, the PIN. Needs no package: ctypes only.
"""

import ctypes
import os
import sys

OK, NOT_INITIALIZED, NOT_LOGGED_IN, USER_ALREADY = 0, 0x190, 0x101, 0x100
USER, SERIAL_RW = 1, 0x6

library = ctypes.CDLL(sys.argv[1])
pin = sys.argv[2].encode()
ulong = ctypes.c_ulong


def slots():
    count = ulong(0)
    assert library.C_GetSlotList(1, None, ctypes.byref(count)) == OK
    table = (ulong * max(1, count.value))()
    assert library.C_GetSlotList(1, table, ctypes.byref(count)) == OK
    return list(table[: count.value])


def logged_in():
    session = ulong(0)
    answer = library.C_OpenSession(
        ulong(slots()[0]), ulong(SERIAL_RW), None, None, ctypes.byref(session)
    )
    assert answer == OK, hex(answer)
    answer = library.C_Login(session, ulong(USER), pin, ulong(len(pin)))
    assert answer == OK, hex(answer)
    return session


def random(session):
    data = ctypes.create_string_buffer(16)
    return library.C_GenerateRandom(session, data, ulong(16))


assert random(ulong(1)) == NOT_INITIALIZED
assert library.C_Initialize(None) == OK
session = logged_in()
child = os.fork()
if child == 0:
    try:
        assert random(session) == NOT_INITIALIZED
        assert library.C_Finalize(None) == NOT_INITIALIZED
        assert library.C_Initialize(None) == OK
        own = logged_in()
        assert random(own) == OK
        assert library.C_Finalize(None) == OK
        os._exit(0)
    except BaseException as error:
        print("child:", repr(error), file=sys.stderr, flush=True)
        os._exit(1)
status = os.waitpid(child, 0)[1]
assert status == 0, status
# The parent's connection lives; its login was ended by the child's.
assert random(session) == OK
answer = library.C_Login(session, ulong(USER), pin, ulong(len(pin)))
assert answer == OK, hex(answer)
assert library.C_Finalize(None) == OK
