"""How searching and indexing go with the size of a collection.

Vectors are random units: neither the vector search, nor the terms, nor the catalog look at their meaning. What the
local model takes for a question or a chunk is measured apart, on real text.
"""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

from eval.bench.corpus import facts, uploads
from eval.bench.embedders import RandomUnit, Timed
from eval.bench.figures import Found, Spread, ms
from eval.bench.library import COLLECTION, Filled, fill, library, local_embedder

_FACTS = 20_000
_WARM_UP = 5
_RANDOM = "Vectors are random units: the question's embedding is measured apart, in the last line."


def search(*, sizes: tuple[int, ...], questions: int, k: int, seed: int) -> Found:
    """Search times in a collection that grows to each of `sizes` chunks."""
    known = facts(_FACTS, seed=seed)
    choose = random.Random(seed)  # noqa: S311 - no secret hangs on it
    asked = [fact.question for fact in choose.sample(known, questions + _WARM_UP)]
    rows, figures = [], []
    documents = uploads(known, seed=seed)
    held = 0
    with library(RandomUnit()) as services:
        for size in sorted(sizes):
            held += fill(services, documents, chunks=size - held).chunks if size > held else 0
            collection = services.catalog.collection(COLLECTION)
            spread = _times(partial(services.retriever.search, collection, k=k), asked)
            rows.append([f"{held:,}", ms(spread.p50), ms(spread.p95)])
            figures.append({"chunks": held, **spread.json})
    with local_embedder() as embedder:
        spread = _times(embedder.embed_query, asked)
    rows.append(["embedding a question, local model", ms(spread.p50), ms(spread.p95)])
    return Found(
        name="search",
        title=f"Search in ms, {k} passages, {questions} questions",
        header=["chunks", "p50", "p95"],
        rows=rows,
        figures={"k": k, "sizes": figures, "embed_query": spread.json},
        notes=(_RANDOM,),
    )


def index(*, chunks: int, embedded: int, seed: int) -> Found:
    """Chunks a second: `embedded` with the local model, and `chunks` with random vectors, for all but embedding."""
    known = facts(_FACTS, seed=seed)
    with local_embedder() as local:
        timed = Timed(local)
        with library(timed) as services:
            earnest = fill(services, uploads(known, seed=seed), chunks=embedded)
    share = timed.passage_seconds / earnest.seconds
    with library(RandomUnit()) as services:
        stored = fill(services, uploads(known, seed=seed), chunks=chunks)
    rows = [_row("local model", earnest, f"{share:.0%}"), _row("random vectors", stored, "-")]
    return Found(
        name="index",
        title="Indexing: load, split, embed, catalog, Chroma and tantivy",
        header=["", "chunks", "documents", "seconds", "chunks/s", "spent embedding"],
        rows=rows,
        figures={
            "local_model": {**_figures(earnest), "embedding_share": round(share, 3)},
            "random_vectors": _figures(stored),
        },
        notes=("With random vectors it is the pace of everything but the embedding model.",),
    )


def _times(work: Callable[[str], object], texts: Sequence[str]) -> Spread:
    times = []
    for text in texts:
        begin = time.perf_counter()
        work(text)
        times.append((time.perf_counter() - begin) * 1000)
    return Spread.of(times[_WARM_UP:])


def _row(name: str, filled: Filled, share: str) -> list[str]:
    return [
        name,
        f"{filled.chunks:,}",
        str(filled.documents),
        f"{filled.seconds:.1f}",
        f"{filled.chunks_per_second:,.0f}",
        share,
    ]


def _figures(filled: Filled) -> dict[str, float]:
    return {
        "chunks": filled.chunks,
        "documents": filled.documents,
        "seconds": round(filled.seconds, 2),
        "chunks_per_second": round(filled.chunks_per_second, 1),
    }
