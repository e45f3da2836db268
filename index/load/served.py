"""What a child process does that parses files for its parent: it reads one, answers, and reads the next."""

import gc
import json
import logging
import os
import signal
import sys
from importlib import import_module
from typing import BinaryIO, get_args

from index.document import Format
from index.errors import LoadError, ParsingFailed, ParsingOutOfMemory
from index.lifeline import end_with_parent
from index.load import load
from index.load.confine import address_space, confine, limit_cpu, limit_memory
from index.load.limits import Limits
from index.load.wire import READY, Reply, encoded_reply, read_request

_FILES = 1000  # after so many, a child makes room for a new one
_GROWN = 8  # so does one whose memory has grown by this part of its limit, and stays so
# A parser makes many objects and keeps most: to look through them as often as is usual takes half of its time.
_COLLECTING = (50_000, 20, 100)

_Message = tuple[bytes, ...]


class _Heard(logging.Handler):
    """Keeps the warnings that come up while a file is parsed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def serve(arguments: str) -> None:
    """Parse what comes in by standard input until it ends or this process has done its share.

    `arguments` is JSON: `limits`, the fields of `Limits`; `seconds` of computing a file may take; `memory_bytes`
    it may take in addition to what an idle process does.
    """
    wanted = json.loads(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, with whom this ends
    requests, replies = sys.stdin.buffer, _own_output()
    heard = _Heard()
    logging.getLogger().addHandler(heard)
    for name in get_args(Format):
        import_module(f"index.load.{name}")
    gc.freeze()
    gc.set_threshold(*_COLLECTING)
    heard.messages.clear()
    confine(start=end_with_parent)
    base = limit_memory(wanted["memory_bytes"])
    for _ in range(_FILES):
        _send(replies, READY)
        if (request := read_request(requests)) is None:
            return
        limit_cpu(wanted["seconds"])
        message = _message(request, Limits(**wanted["limits"]), heard)
        if message is None:
            _send(replies, *encoded_reply(Reply(_out_of_memory(request[1], wanted["memory_bytes"]))))
            return
        _send(replies, *message)
        del message, request
        heard.messages.clear()
        gc.collect()
        if address_space() > base + wanted["memory_bytes"] // _GROWN:
            return


def _message(request: tuple[bytes, str], limits: Limits, heard: _Heard) -> _Message | None:
    """The reply to a request; None where there is not enough memory for it."""
    data, name = request
    try:
        try:
            return encoded_reply(Reply(load(data, name=name, limits=limits), heard.messages))
        except LoadError as error:
            return encoded_reply(Reply(error, heard.messages))
    except MemoryError:
        return None
    except Exception as error:  # noqa: BLE001  whatever it is, it is this file's
        failure = ParsingFailed(
            f"{name!r} could not be parsed ({type(error).__name__}: {error}), which is a fault of the parser: "
            "save it in another format and try again"
        )
        return encoded_reply(Reply(failure, heard.messages))


def _out_of_memory(name: str, memory_bytes: int) -> ParsingOutOfMemory:
    return ParsingOutOfMemory(
        f"{name!r} takes more than {memory_bytes // 2**20:,} MiB of memory to parse: split it, "
        "or raise QA_PARSE_MEGABYTES"
    )


def _own_output() -> BinaryIO:
    """Standard output, for our replies alone: what a library prints goes where errors go."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


def _send(stream: BinaryIO, *parts: bytes) -> None:
    for part in parts:
        stream.write(part)
    stream.flush()
