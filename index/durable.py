"""Writing and mapping files of which it has to be known what is on the disk."""

import mmap
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Piece: TypeAlias = tuple[int, bytes]
"""What is written to a file, and at which offset."""


def write(path: Path, pieces: Iterable[Piece]) -> None:
    """Write each piece at its offset, in a file that is made where there is none; it is on the disk then."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for start, content in pieces:
            at, rest = start, memoryview(content)
            while rest:
                written = os.pwrite(descriptor, rest, at)
                at, rest = at + written, rest[written:]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a folder with all that is in it, or a file that stands where one should be, as far as that goes."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()


def cut(path: Path, size: int) -> None:
    """Cut away what lies behind `size` bytes; `ValueError` where there are fewer."""
    found = path.stat().st_size
    if found < size:
        raise ValueError(f"{path.name} is cut off")
    if found > size:
        os.truncate(path, size)


def mapped(path: Path, of: np.dtype[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """The beginning of a file as an array that is read when it is used, and shows what is written to it."""
    if not all(shape):
        return np.zeros(shape, of)
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), shape[0] * shape[1] * of.itemsize, access=mmap.ACCESS_READ)
    return np.frombuffer(pages, of).reshape(shape)


def sync_folder(folder: Path) -> None:
    """Make what was renamed or removed in a folder outlive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
