"""What a process that parses files of strangers gives up before it reads the first one.

Three walls, the first two held by the kernel: limits on what it takes (`setrlimit`); no network, no other process and
no writing (`index.load.syscalls`); and the same by Python's own audit hook. The hook alone would
be no sandbox, as native code passes it by; it says early and in words what is refused, and is there on every system.
"""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from index.load.syscalls import refuse_calls

_OPEN_FILES = 32
_NICE = 10  # on two busy cores a search is 2 % slower beside it, at 5 it is 10 to 20 %

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = (
    *(
        "socket.",
        "subprocess.",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.system",
    ),
    *("pty.", "os.kill", "os.pidfd_", "signal.pthread_kill", "ctypes.", "mmap.", "shutil.", "tempfile."),
    *("os.chflags", "os.chmod", "os.chown", "os.link", "os.lockf", "os.mkdir", "os.putenv", "os.remove"),
    *("os.rename", "os.rmdir", "os.setxattr", "os.removexattr", "os.symlink", "os.truncate", "os.utime"),
)


class Forbidden(PermissionError):
    """Code that parses a file reached for what it was to leave alone."""


def confine() -> None:
    """Give up network, processes, writing and precedence, for good."""
    with suppress(OSError):  # where memory runs out, this is what the kernel ends, not the service
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(_NICE)
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(limit, (most, most))
    sys.dont_write_bytecode = True  # of what is only imported when it is needed
    refuse_calls()
    sys.addaudithook(_forbid)


def limit_memory(more_bytes: int) -> int:
    """Allow `more_bytes` of address space beyond what is taken now, which is returned."""
    taken = address_space()
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (taken + more_bytes, taken + more_bytes))
    return taken


def limit_cpu(seconds: float) -> None:
    """Allow so many seconds of computing from now on; then the kernel ends the process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def address_space() -> int:
    """The bytes of address space that this process takes; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def _forbid(event: str, details: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise Forbidden(f"{event} is not for what parses files")
    if event == "open":
        _, mode, flags = details
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (
            isinstance(flags, int) and flags & _WRITES
        ):
            raise Forbidden("opening a file to write is not for what parses files")
