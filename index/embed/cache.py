"""A model file that is made once and checked at every opening.

The file ends in a seal, the SHA-256 of all that is before it. The seal is written as one more metadata entry
of an ONNX model, so that the sealed file still is one, and onnxruntime can open it by its path.

A reader sees a whole file or none: it is written under another name, flushed to the disk, and renamed. Two
processes that find no file both make it, and the later rename replaces the earlier file by an equal one.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from index.embed.remedy import REMEDY
from index.errors import EmbeddingError

# protobuf: field 14 of ModelProto (metadata_props), 74 bytes; in it key (6 bytes) and value (64 bytes)
_SEAL_START = b"\x72\x4a\x0a\x06sha256\x12\x40"
_SEAL_BYTES = len(_SEAL_START) + 64
_READ_BYTES = 1 << 20
_ABANDONED_SECONDS = 3600.0


def ensure(path: Path, make: Callable[[], bytes]) -> None:
    """Sees to it that the file is there and whole: it is made where it is missing or damaged.

    Raises `EmbeddingError` where it can't be read or stored, and what `make` raises.
    """
    try:
        if not _is_whole(path):
            _write(path, make())
    except OSError as error:
        raise EmbeddingError(
            f"the converted embedding model can't be read or kept as {path} ({error.strerror or error}): give the "
            f"folder and its files to the user that the service runs as, and free 100 MB there, {REMEDY}"
        ) from error


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            unread = os.fstat(file.fileno()).st_size - _SEAL_BYTES
            while unread > 0 and (part := file.read(min(unread, _READ_BYTES))):
                digest.update(part)
                unread -= len(part)
            return file.read() == _seal(digest.hexdigest())
    except FileNotFoundError:
        return False


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.write(_seal(hashlib.sha256(content).hexdigest()))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _seal(digest: str) -> bytes:
    return _SEAL_START + digest.encode()


def _remove_abandoned(path: Path) -> None:
    """Removes what writers that were killed have left behind; a living writer's file is younger."""
    for temporary in path.parent.glob(f"{path.name}.*.tmp"):
        with suppress(FileNotFoundError):
            if time.time() - temporary.stat().st_mtime > _ABANDONED_SECONDS:
                temporary.unlink()
