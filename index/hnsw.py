"""Whether the files of a stored HNSW index fit together, as far as their lengths tell.

hnswlib, which Chroma searches with, writes four files in place and does not check what it reads: a file that
was cut off can end the process, or lose links without a word. The layout is that of chromadb 1.5.
"""

import struct
from pathlib import Path

# version, offset of level 0, capacity, count, bytes of an element, offsets of its label and its vector,
# highest level, entry point, links of an element above and on level 0, M, its scale, ef of construction
_HEADER = struct.Struct("<i6QiI3QdQ")
_LINKS = struct.Struct("<I")


def check(folder: Path) -> None:
    """Raise `ValueError`, naming the file, where the stored index in `folder` is cut off or torn."""
    header = (folder / "header.bin").read_bytes()
    if len(header) != _HEADER.size:
        raise ValueError(f"{folder / 'header.bin'} has {len(header)} bytes, not {_HEADER.size}")
    _, _, _, count, element_bytes, _, _, highest, _, links, *_ = _HEADER.unpack(header)
    _at_least(folder / "data_level0.bin", count * element_bytes)
    _at_least(folder / "length.bin", count * 4)
    _check_links(folder / "link_lists.bin", count, highest, level_bytes=4 + 4 * links)


def _at_least(path: Path, size: int) -> None:
    if path.stat().st_size < size:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, not {size}")


def _check_links(path: Path, count: int, highest: int, *, level_bytes: int) -> None:
    """The file holds, for each element, the length of its links above level 0 and the links themselves."""
    content = path.read_bytes()
    at = 0
    for _ in range(count):
        if at + _LINKS.size > len(content):
            raise ValueError(f"{path} ends after {len(content)} bytes, in the middle")
        (size,) = _LINKS.unpack_from(content, at)
        if size % level_bytes or size > max(highest, 0) * level_bytes:
            raise ValueError(f"{path} holds no links at byte {at}")
        at += _LINKS.size + size
    if at != len(content):
        raise ValueError(f"{path} has {len(content)} bytes, not {at}")
