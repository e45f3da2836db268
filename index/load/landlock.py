"""A wall in the kernel around the files that a process can open (Landlock; Linux from 5.13)."""

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the calls, with the same numbers on every machine
_ASK_VERSION, _BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
# By the version that brought it: how many rights on files there are then, on TCP, and scopes (which are
# abstract sockets, and signals to processes outside).
_FILE_RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))
_TCP_SINCE, _TCP = 4, 0b11
_SCOPES_SINCE, _SCOPES = 6, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def allow_reading_only(paths: Iterable[str]) -> bool:
    """Let the kernel refuse this thread, and those that it starts, all files but those at and beneath `paths`.

    These can be read alone. What is open already stays so. Whether the kernel does: it refuses nothing where the
    system is no Linux, or has no Landlock. What is missing of `paths` is left out.
    """
    if sys.platform != "linux":
        return False
    libc, number = ctypes.CDLL(None, use_errno=True), ctypes.c_ulong
    call = libc.syscall
    call.restype = ctypes.c_long
    version: int = call(number(_CREATE), None, number(0), number(_ASK_VERSION))
    if version < 1:
        return False
    wanted = _ruleset(version)
    # The kernel takes a longer structure than it knows if the rest is zero.
    ruleset: int = call(number(_CREATE), ctypes.byref(wanted), number(ctypes.sizeof(wanted)), number(0))
    if ruleset < 0:
        return False
    try:
        for path in paths:
            with suppress(OSError):
                _allow(call, ruleset, path)
        libc.prctl(_NO_NEW_PRIVILEGES, number(1), number(0), number(0), number(0))
        done: int = call(number(_RESTRICT), number(ruleset), number(0))
    finally:
        os.close(ruleset)
    return done == 0


def _ruleset(version: int) -> _Ruleset:
    rights = max(count for since, count in _FILE_RIGHTS if version >= since)
    return _Ruleset(
        (1 << rights) - 1,
        _TCP if version >= _TCP_SINCE else 0,
        _SCOPES if version >= _SCOPES_SINCE else 0,
    )


def _allow(call: "ctypes._NamedFuncPointer", ruleset: int, path: str) -> None:
    number = ctypes.c_ulong
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        rule = _Beneath(_READ_FILE | _READ_FOLDER if is_folder else _READ_FILE, opened)
        call(number(_ADD), number(ruleset), number(_BENEATH), ctypes.byref(rule), number(0))
    finally:
        os.close(opened)
