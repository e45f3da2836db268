"""A library that is written straight to the catalog, for measuring searches at sizes that take long to index."""

import random
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np

from eval.bench.corpus import Fact
from index.catalog import Catalog, Collection, Database, NewVersion, sqlite_url
from index.document import Chunk, Parsed, Span
from index.vectors import Vectors, quantise

DIMENSION = 384
CHUNKS_A_DOCUMENT = 40
SHARES = (2, 10, 100)
"""The library's labels: of `of-10`, each value is that of a tenth of the documents; `0` comes first."""

_SENTENCES_A_CHUNK = 6
_DOCUMENTS_A_COMMIT = 25


def label(share: int) -> str:
    """The key of a label that has so many values."""
    return f"of-{share}"


def documents(known: Sequence[Fact], *, seed: int) -> Iterator[NewVersion]:
    """Documents without end: sentences that are drawn from the facts, with random vectors of unit length."""
    choose = random.Random(seed)  # noqa: S311 - no secret hangs on it
    noise = np.random.default_rng(seed)
    for number in count():
        texts = [
            [fact.sentence for fact in choose.choices(known, k=_SENTENCES_A_CHUNK)]
            for _ in range(CHUNKS_A_DOCUMENT)
        ]
        text = "\n\n".join(" ".join(sentences) for sentences in texts)
        chunks = _chunks(texts)
        yield NewVersion(
            document_id=None,
            source=f"record-{number:07}.txt",
            origin="",
            title=f"Record {number}",
            metadata={label(share): str(number % share) for share in SHARES},
            raw_sha256="0" * 64,
            parsed=Parsed(text, "text", blocks=tuple(chunk.span for chunk in chunks)),
            chunks=chunks,
            vectors=_unit(noise, len(chunks)),
            sentence_vectors=tuple(quantise(_unit(noise, _SENTENCES_A_CHUNK)) for _ in chunks),
        )


def grow(catalog: Catalog, collection: Collection, new: Iterator[NewVersion], *, chunks: int) -> int:
    """Store and publish documents until there are `chunks` chunks more, or a few above; gives how many came."""
    wanted = [*islice(new, -(-chunks // CHUNKS_A_DOCUMENT))]
    for at in range(0, len(wanted), _DOCUMENTS_A_COMMIT):
        pending = catalog.add_pending(collection, wanted[at : at + _DOCUMENTS_A_COMMIT])
        catalog.publish([each.version_id for each in pending if each])
    return sum(len(each.chunks) for each in wanted)


def open_catalog(folder: Path) -> Database:
    """The catalog's database in a folder."""
    folder.mkdir(exist_ok=True)
    return Database(sqlite_url(folder / "catalog.sqlite3"))


def _chunks(texts: Sequence[Sequence[str]]) -> tuple[Chunk, ...]:
    found, at = [], 0
    for ordinal, sentences in enumerate(texts):
        start, spans = at, []
        for sentence in sentences:
            spans.append(Span(at, at + len(sentence)))
            at += len(sentence) + 1
        found.append(Chunk(ordinal, Span(start, at - 1), tuple(spans)))
        at += 1  # the empty line between
    return tuple(found)


def _unit(noise: np.random.Generator, rows: int) -> Vectors:
    vectors = noise.standard_normal((rows, DIMENSION), dtype=np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
