"""Services over a generated corpus, in a temporary folder."""

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from eval.errors import EvalError
from index.embed import Embedder, open_embedder
from index.upload import Upload
from qa_service.services import Services, opened
from qa_service.settings import Settings, load_settings

COLLECTION = "default"


@dataclass(frozen=True, slots=True)
class Filled:
    """What was indexed, and the seconds that it took."""

    chunks: int
    documents: int
    seconds: float

    @property
    def chunks_per_second(self) -> float:
        """The pace."""
        return self.chunks / self.seconds


@contextmanager
def local_embedder() -> Iterator[Embedder]:
    """The local embedding model, loaded; its converted weights are those of the data directory."""
    embedder = open_embedder(None, cache_dir=model_cache())
    try:
        embedder.embed_query("load")
        yield embedder
    finally:
        embedder.close()


def model_cache() -> Path:
    """Where the local model's converted weights are kept."""
    return load_settings().data_dir / "models"


@contextmanager
def fresh() -> Iterator[Settings]:
    """The default settings, and none of the environment's, with their data in a folder that is gone afterwards.

    It shares the converted model of the data directory.
    """
    cache = model_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qa-bench-") as folder:
        (Path(folder) / "models").symlink_to(cache)
        defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
        yield Settings.model_construct(**{**defaults, "data_dir": Path(folder)})


@contextmanager
def library(embedder: Embedder) -> Iterator[Services]:
    """Empty services that are gone afterwards."""
    with fresh() as settings, opened(settings, command="qa-eval bench", embedder=embedder) as services:
        yield services


def fill(services: Services, uploads: Iterator[Upload], *, chunks: int) -> Filled:
    """Index documents of equal length until there are about `chunks` chunks more: no document is cut."""
    ingestor = services.ingestor(services.collection(COLLECTION))
    begin = time.perf_counter()
    results = [*ingestor.put(islice(uploads, 1))]
    documents = math.ceil(chunks / max(1, results[0].chunks))
    results += ingestor.put(islice(uploads, documents - 1))
    for result in results:
        if result.error:
            raise EvalError(f"{result.source} could not be indexed: {result.error}")
    return Filled(sum(each.chunks for each in results), len(results), time.perf_counter() - begin)
