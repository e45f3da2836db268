"""Where each of several processes over one data directory keeps the followers that are its own.

Chroma is shared; of the others each process has a folder, which one that takes a dead one's place takes over. The
first has what a single process would have: `spread` gives it to it, `gather` puts it back.
"""

import shutil
from itertools import count
from pathlib import Path

from index.durable import remove
from index.lease import FileLease
from index.seal import seal, unseal

LOCAL = ("tantivy", "matrix")
"""The folders of followers whose files belong to one process alone, whatever Chroma is."""

_NAME = "worker-"


def spread(path: Path) -> bool:
    """Make ready for several processes; whether the files under `path` are as one process has left them."""
    gather(path)
    first = path / f"{_NAME}1"
    path.mkdir(parents=True, exist_ok=True)
    is_intact = unseal(path)
    first.mkdir()
    for kind in LOCAL:
        if (path / kind).exists():
            (path / kind).rename(first / kind)
    if is_intact:
        seal(first)
    return is_intact


def gather(path: Path, *, intact: bool = False) -> None:
    """Make ready for one process, when no other runs; what is shared is `intact` where it was closed cleanly."""
    folders = list(path.glob(f"{_NAME}*"))
    if not folders:
        return
    first = path / f"{_NAME}1"
    is_sealed = first.exists() and unseal(first)
    for kind in LOCAL:
        if (first / kind).exists():
            shutil.rmtree(path / kind, ignore_errors=True)
            (first / kind).rename(path / kind)
    for folder in folders:
        remove(folder)
    if is_sealed and intact:
        seal(path)


def take_slot(path: Path) -> tuple[Path, FileLease]:
    """The first folder that no other process has, and what holds it until it is released or the process ends."""
    for number in count(1):
        folder = path / f"{_NAME}{number}"
        folder.mkdir(parents=True, exist_ok=True)
        lease = FileLease(folder / "lease")
        if lease.held():
            return folder, lease
    raise AssertionError
