"""What this process holds open: files, and connections to servers."""

from contextlib import suppress
from pathlib import Path


def files_under(folder: Path) -> set[str]:
    """The files below a folder that are open, by name."""
    return {name for name in _opened() if name.startswith(f"{folder}/")}


def connections_to(port: int) -> int:
    """How many connections to a port of loopback are open on our side."""
    ours = {
        name.removeprefix("socket:[").removesuffix("]") for name in _opened() if name.startswith("socket:")
    }
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[9] in ours for row in rows)


def _opened() -> set[str]:
    """What the descriptors of this process stand for, as Linux names it."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists the folder
            found.add(str(each.readlink()))
    return found
