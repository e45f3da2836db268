"""What a process that parses files of strangers gives up before it reads the first one.

Four walls, the first three held by the kernel: limits on what it takes (`setrlimit`); no file but those that a program
is made of (`index.load.landlock`); no network, no other process and no writing (`index.load.syscalls`); and the same by
Python's own audit hook. The hook alone would be no sandbox, as native code passes it by; it says early and in words
what is refused, and is there on every system.
"""

import logging
import os
import resource
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from index.load.landlock import allow_reading_only
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
    *("fcntl.", "resource.prlimit", "sqlite3."),
    *("os.chflags", "os.chmod", "os.chown", "os.link", "os.lockf", "os.mkdir", "os.putenv", "os.remove"),
    *("os.rename", "os.rmdir", "os.setxattr", "os.removexattr", "os.symlink", "os.truncate", "os.utime"),
)


_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
_TIME_ZONES = ("/usr/share/zoneinfo", "/etc/localtime")

log = logging.getLogger(__name__)


class Forbidden(PermissionError):
    """Code that parses a file reached for what it was to leave alone."""


def confine(*, start: Callable[[], None] | None = None) -> None:
    """Give up network, processes, writing, precedence and all files but those of the program, for good.

    `start` starts the threads that this process needs: one that was there before could open what it likes, and
    there is none afterwards. What the system has no wall for is logged.
    """
    readable = tuple(sorted(set(_program_files())))
    address_space()  # opens what it reads
    with suppress(OSError):  # where memory runs out, this is what the kernel ends, not the service
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(_NICE)
    walled = allow_reading_only(readable)
    if start:
        start()
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(limit, (most, most))
    sys.dont_write_bytecode = True  # of what is only imported when it is needed
    filtered = refuse_calls()
    for holds, wall in ((walled, "Landlock"), (filtered, "seccomp")):
        if sys.platform == "linux" and not holds:
            log.warning(
                "this kernel has no %s, which is to hold what parses files: it is less confined", wall
            )
    sys.addaudithook(_forbidding(readable))


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
    if (sizes := _sizes()) is None:
        return 0
    return int(os.pread(sizes, 100, 0).split()[0]) * resource.getpagesize()


@cache
def _sizes() -> int | None:
    """What tells the sizes of this process: kept open, as nothing in /proc can be opened later."""
    try:
        return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _program_files() -> Iterator[str]:
    """The files and folders that a program is made of, links followed: those of Python, packages and libraries."""
    prefixes = {os.path.realpath(it) for it in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    found = [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [str(Path(prefix, folder)) for prefix in prefixes for folder in ("lib", "lib64", "DLLs")]
    # Not all of the path: the folder of a checkout may be on it, and keys may lie there.
    found += [it for it in sys.path if Path(it).name in {"site-packages", "dist-packages"}]
    for name, module in tuple(sys.modules.items()):
        if "." not in name and name != "__main__":
            found += getattr(module, "__path__", ())
    found += [*_LIBRARIES, *_TIME_ZONES, *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)]
    for path in found:
        real = os.path.realpath(path)
        if path and real != os.path.realpath(os.sep) and real not in prefixes:
            yield real


def _is_beneath(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _forbidding(readable: tuple[str, ...]) -> Callable[[str, tuple[Any, ...]], None]:
    """The audit hook; `readable` are the files and folders that may be read."""

    def forbid(event: str, details: tuple[Any, ...]) -> None:
        if event.startswith(_FORBIDDEN):
            raise Forbidden(f"{event} is not for what parses files")
        if event == "open":
            _, mode, flags = details
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (
                isinstance(flags, int) and flags & _WRITES
            ):
                raise Forbidden("opening a file to write is not for what parses files")
        if event in {"open", "os.listdir", "os.scandir"} and not isinstance(details[0], int):
            real = os.path.realpath(os.fsdecode(details[0] or "."))
            if not any(real == it or _is_beneath(real, it) for it in readable):
                raise Forbidden("reading other files than those of the program is not for what parses files")

    return forbid
