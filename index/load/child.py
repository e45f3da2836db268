"""Files parsed in a child process, so that one that crashes, loops or fills the memory fails alone.

with ChildLoader(seconds=20, megabytes=512) as load:
    parsed = load(data, name="report.pdf")
"""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import BinaryIO, Literal, Self, cast

from index.document import Parsed
from index.errors import LoadError, ParserCrashed, ParserUnavailable, ParsingTimeout
from index.load.limits import DEFAULT_LIMITS, Limits, check_size
from index.load.wire import READY, GarbledReply, Reply, read_reply, write_request

_START_SECONDS = 60.0
_READY_SECONDS = 2.0  # between two files a child only takes away the first
_END_SECONDS = 2.0
_CODE = "import sys; from index.load.served import serve; serve(sys.argv[1])"
# Of the environment, what an interpreter needs: keys and passwords of the service are not for a parser.
_KEPT = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "SYSTEMROOT", "TMPDIR", "TZ")
# One more arena takes 64 MiB of addresses, and so does each thread of numpy, which openpyxl imports.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}

log = logging.getLogger(__name__)


class ChildLoader:
    """Loads files one at a time in one child process, which is started at the first and replaced as needed.

    A file may take `seconds` of time and `megabytes` (MiB) of memory beyond the 90 of an idle child. The child
    has no network, starts no process, writes no file and reads those of the program alone, see
    `index.load.confine`; what it says is checked, and can't run code here. Safe to use from many threads: who
    comes second waits.
    """

    def __init__(
        self, *, seconds: float = 20.0, megabytes: int = 512, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._seconds = seconds
        self._memory_bytes = megabytes * 2**20
        self._limits = limits
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def __call__(self, data: bytes, *, name: str) -> Parsed:
        """The text and layout of a file, as `index.load.load` gives it and with the same errors.

        Raises also `ParsingFailed`, of which `ParsingTimeout`, `ParsingOutOfMemory` and `ParserCrashed` are kinds;
        and `ParserUnavailable`, which is not the file's fault, where no child can be started, or where `close`
        was called meanwhile.
        """
        check_size(data, name=name, limits=self._limits)
        with self._turn:
            reply = self._parse(self._ready_child(), data, name)
        for warning in reply.warnings:
            log.warning("%s", warning)
        if isinstance(reply.result, LoadError):
            raise reply.result
        return reply.result

    def close(self) -> None:
        """End the child at once; a file that it is parsing is given up. A later call starts another."""
        child = self._child
        if child is None:
            return
        child.kill("closed")
        if self._turn.acquire(
            timeout=_END_SECONDS
        ):  # who waits for the child stops waiting, and takes it away
            try:
                if self._child is child:
                    self._drop(child)
            finally:
                self._turn.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The id of the child's process; None while there is none."""
        child = self._child
        return child.process.pid if child else None

    def _ready_child(self) -> "_Child":
        """A child that takes a request; one that has done its share, or has been killed, is replaced."""
        if self._child is not None:
            if self._child.is_ready(min(self._seconds, _READY_SECONDS)):
                return self._child
            self._drop(self._child)
        try:
            child = self._child = _Child(self._arguments())
        except OSError as error:
            raise _unavailable(f"could not be started: {error.strerror}") from error
        if child.is_ready(_START_SECONDS):
            return child
        code = self._drop(child)
        if child.reason == "closed":
            raise _unavailable("was stopped")
        raise _unavailable(f"ended as it was started ({_ending(code)})")

    def _parse(self, child: "_Child", data: bytes, name: str) -> Reply:
        try:
            with child.killed_after(self._seconds):
                return child.parse(
                    data,
                    name=name,
                    memory_bytes=self._memory_bytes,
                    max_text_chars=self._limits.max_text_chars,
                )
        except (OSError, EOFError):
            code = self._drop(child)
        except GarbledReply as error:
            child.kill("closed")
            self._drop(child)
            raise _crashed(name, f"it answered what is no document, {error}") from error
        except BaseException:  # its answer is still to come, and would be taken for that to the next file
            child.kill("closed")
            self._drop(child)
            raise
        if child.reason == "closed":
            raise _unavailable("was stopped")
        if child.reason == "time" or code == -signal.SIGXCPU:
            raise ParsingTimeout(
                f"{name!r} takes longer than {self._seconds:g} s to parse: split it, or raise QA_PARSE_SECONDS"
            )
        raise _crashed(name, _ending(code))

    def _drop(self, child: "_Child") -> int:
        self._child = None
        return child.end()

    def _arguments(self) -> str:
        return json.dumps(
            {"limits": asdict(self._limits), "seconds": self._seconds, "memory_bytes": self._memory_bytes}
        )


class _Child:
    """A process that parses files; `reason` says why it was killed, where we did."""

    def __init__(self, arguments: str) -> None:
        self.reason: Literal["time", "closed"] | None = None
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self.process = subprocess.Popen(  # noqa: S603 - our own
            # -P: the folder that the command is called in is no place to import from.
            [sys.executable, "-P", "-c", _CODE, arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what a parser prints may be what a file says
            env={**kept, **_ENVIRONMENT},
            bufsize=0,
        )
        self._requests = cast("BinaryIO", self.process.stdin)
        self._replies = io.BufferedReader(cast("io.FileIO", self.process.stdout))

    def is_ready(self, seconds: float) -> bool:
        """Whether it takes a request, which a new one does after its imports; it is killed if not in `seconds`."""
        with self.killed_after(seconds):
            said = self._replies.read(len(READY))
        return said == READY and self.process.poll() is None  # it may have died since it said so

    def parse(self, data: bytes, *, name: str, memory_bytes: int, max_text_chars: int) -> Reply:
        """Its answer; `OSError` or `EOFError` where it has gone, `GarbledReply` where it is none."""
        write_request(self._requests, data, name=name)
        return read_reply(self._replies, memory_bytes=memory_bytes, max_text_chars=max_text_chars)

    @contextmanager
    def killed_after(self, seconds: float) -> Iterator[None]:
        """Kill it, and so end all waiting for it, unless the block has ended in that time."""
        timer = threading.Timer(seconds, self.kill, ("time",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def kill(self, reason: Literal["time", "closed"]) -> None:
        """End it now."""
        self.reason = self.reason or reason
        self.process.kill()

    def end(self) -> int:
        """Take it away: its exit code, negative for the signal that ended it."""
        try:
            code = self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # it has said that it is at its end, and is not
            self.process.kill()
            code = self.process.wait()
        self._requests.close()
        self._replies.close()
        return code


def _crashed(name: str, how: str) -> ParserCrashed:
    return ParserCrashed(f"{name!r} crashed the parser ({how}): save it in another format and try again")


def _unavailable(what: str) -> ParserUnavailable:
    return ParserUnavailable(
        f"the process that parses files {what}; see that this machine has memory and processes left, "
        "and index the file again"
    )


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
