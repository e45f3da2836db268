"""How searching goes with the size of a collection, beside what a user would write instead.

Ours is the hybrid search: by vector, by terms, scored by sentences, and the passages read from the catalog. Chroma's
own query, and LlamaIndex's retriever on Chroma, search the same vectors with default settings, and read the ten texts
that they find. All are asked the same questions in turn, so that what else the machine does hits them alike.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from typing import Any

from eval.bench.corpus import facts
from eval.bench.embedders import RandomUnit
from eval.bench.figures import Found, Goal, Spread, ms
from eval.bench.library import COLLECTION, local_embedder
from eval.bench.probe import Probe, probing
from eval.bench.rival import example
from eval.bench.serving_process import Process, observe
from eval.bench.stock import DIMENSION, SHARES, documents, grow, label, open_catalog
from index.catalog import Catalog, Collection, NewVersion, StoredChunk
from index.followers import Followers
from index.retrieve import Retriever
from index.vectors import Vector

_FACTS = 20_000
_WARM_UP = 5
_FILTERED = 20
_THEIRS = 10
_P50, _P95, _FILTER = 2.0, 4.0, 0.2
_HELD_FROM, _LARGE = 10_000, 100_000
_OPENING_SECONDS, _MEMORY_MIB = 2.0, 900.0
_MILLION = 1_000_000
_SYSTEMS = {"ours": "this product", "chroma": "Chroma's query", "llama_index": "LlamaIndex on Chroma"}
_RIVALS = (
    f"Ours is hybrid; the others search by vector alone, for {_THEIRS} texts, with Chroma's default settings. Vectors "
    "are random units and made beforehand: what the local model takes for a question is measured apart."
)
_MEMORY = (
    "Memory is of a process that has the library open and has searched it, without the embedding model / with it; "
    "mapped files count as far as they were read, though the system can take those pages back."
)

Asked = Callable[[Vector, str], object]


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures at one size; `filtered` has ours and Chroma's with a filter, by how many it lets one of through."""

    chunks: int
    times: Mapping[str, Spread]
    filtered: Mapping[int, Mapping[str, Spread]]
    process: Process

    @property
    def p50_ratio(self) -> float:
        """Our median in terms of that of Chroma's query."""
        return self.times["ours"].p50 / self.times["chroma"].p50

    @property
    def p95_ratio(self) -> float:
        """Our 95th percentile in terms of that of Chroma's query."""
        return self.times["ours"].p95 / self.times["chroma"].p95

    def filter_ratio(self, share: int) -> float:
        """Our median with a filter in terms of that of Chroma's `where`."""
        return self.filtered[share]["ours"].p50 / self.filtered[share]["chroma"].p50

    @property
    def goals(self) -> list[Goal]:
        """What is held against limits at this size."""
        at = f"at {self.chunks:,} chunks"
        found = []
        if self.chunks >= _HELD_FROM:
            found += [
                Goal(f"search / Chroma's query, p50 {at}", self.p50_ratio, _P50),
                Goal(f"search / Chroma's query, p95 {at}", self.p95_ratio, _P95),
            ]
        if self.chunks >= _LARGE:
            found += [
                Goal(f"filter 1 in {share} / Chroma's `where`, p50 {at}", self.filter_ratio(share), _FILTER)
                for share in SHARES
            ]
            found += [
                Goal(f"opening {at}", self.process.opening_seconds, _OPENING_SECONDS, " s"),
                Goal(f"memory {at}", self.process.memory_mib, _MEMORY_MIB, " MiB"),
            ]
        return found

    @property
    def json(self) -> dict[str, Any]:
        """As JSON."""
        process = self.process
        return {
            "chunks": self.chunks,
            **{name: spread.json for name, spread in self.times.items()},
            "p50_ratio": round(self.p50_ratio, 3),
            "p95_ratio": round(self.p95_ratio, 3),
            "filtered": [
                {
                    "share": 1 / share,
                    **{name: spread.json for name, spread in of_it.items()},
                    "p50_ratio": round(self.filter_ratio(share), 3),
                }
                for share, of_it in self.filtered.items()
            ],
            "opening_seconds": round(process.opening_seconds, 3),
            "first_search_seconds": round(process.first_search_seconds, 3),
            "memory_mib": round(process.memory_mib),
            "memory_with_model_mib": round(process.memory_with_model_mib),
        }


def measure(*, sizes: Sequence[int], questions: int, k: int, seed: int) -> Found:
    """Search a collection that grows to each of `sizes` chunks."""
    known = facts(_FACTS, seed=seed)
    choose = random.Random(seed)  # noqa: S311 - no secret hangs on it
    asked = [fact.question for fact in choose.sample(known, questions + _WARM_UP)]
    with tempfile.TemporaryDirectory(prefix="qa-bench-") as folder, probing() as probe:
        measured = [*_grown(Path(folder), documents(known, seed=seed), sorted(set(sizes)), asked, k)]
        with local_embedder() as embedder:

            def embed(_vector: Vector, question: str) -> object:
                return embedder.embed_query(question)

            systems: dict[str, Asked] = {"embed": embed}
            embedding = _in_turn(systems, asked)
    return _found(measured, embedding["embed"], probe, questions=questions, k=k)


def _grown(
    folder: Path, new: Iterator[NewVersion], sizes: Sequence[int], asked: Sequence[str], k: int
) -> Iterator[Measured]:
    rivals, held = _Rivals(folder / "chroma"), 0
    with closing(open_catalog(folder)) as database:
        catalog = Catalog(database)
        collection = catalog.ensure_collection(
            COLLECTION, embedding_model=RandomUnit.name, dimension=DIMENSION
        )
        for size in sizes:
            before = set(catalog.live_versions(collection))
            held += grow(catalog, collection, new, chunks=size - held)
            for version in catalog.live_versions(collection):
                if version not in before:
                    rivals.add(catalog.version_chunks(collection, version))
            rivals.flush()
            Followers(folder / "followers", catalog).close()
            process = observe(folder, asked, k=k)
            with closing(Followers(folder / "followers", catalog)) as followers:
                search = partial(_search, Retriever(catalog, RandomUnit(), followers), collection, k)
                yield _measured(held, search, rivals, asked, process)


def _measured(
    held: int, search: Callable[..., object], rivals: "_Rivals", asked: Sequence[str], process: Process
) -> Measured:
    filtered = {}
    for share in SHARES:
        only = {label(share): ["0"]}
        filtered[share] = _in_turn(
            {"ours": partial(search, only=only), "chroma": partial(rivals.query, where={label(share): "0"})},
            asked[: _FILTERED + _WARM_UP],
        )
    systems: dict[str, Asked] = {
        "ours": search,
        "chroma": rivals.query,
        "llama_index": rivals.retrieve,
    }
    return Measured(held, _in_turn(systems, asked), filtered, process)


def _search(
    retriever: Retriever,
    collection: Collection,
    k: int,
    _vector: Vector,
    question: str,
    *,
    only: Mapping[str, Sequence[str]] | None = None,
) -> object:
    return retriever.search(collection, question, k=k, only=only)


class _Rivals:
    """The same chunks in Chroma, and in LlamaIndex on Chroma."""

    def __init__(self, folder: Path) -> None:
        self._module = example("chroma_vector_store")
        self._texts = self._module.collection(folder / "texts", "texts")
        self._index = self._module.index_over(self._module.collection(folder / "nodes", "nodes"))
        self._retriever = self._index.as_retriever(similarity_top_k=_THEIRS)
        self._waiting: list[StoredChunk] = []

    def add(self, chunks: Sequence[StoredChunk]) -> None:
        """Take chunks, some thousand at once."""
        self._waiting += chunks
        if len(self._waiting) >= 1000:
            self.flush()

    def flush(self) -> None:
        """Store what was taken."""
        chunks, self._waiting = self._waiting, []
        if not chunks:
            return
        ids, vectors = [chunk.id for chunk in chunks], [chunk.vector for chunk in chunks]
        texts, metadata = [chunk.text for chunk in chunks], [dict(chunk.metadata) for chunk in chunks]
        self._module.add(self._texts, ids, vectors, texts=texts, metadata=metadata)
        self._index.insert_nodes(
            [
                self._module.node(
                    chunk.text, chunk.vector.tolist(), identifier=chunk.id, metadata=chunk.metadata
                )
                for chunk in chunks
            ]
        )

    def query(self, vector: Vector, _question: str, *, where: Mapping[str, str] | None = None) -> object:
        """Chroma's own query."""
        return self._texts.query(query_embeddings=vector[None], n_results=_THEIRS, where=where)

    def retrieve(self, vector: Vector, question: str) -> object:
        """LlamaIndex's retriever, which is given the vector and embeds nothing."""
        return self._retriever.retrieve(self._module.question(question, vector.tolist()))


def _in_turn(systems: Mapping[str, Asked], asked: Sequence[str]) -> dict[str, Spread]:
    """What each question takes in each system; who begins changes with the question."""
    embedder, names = RandomUnit(DIMENSION), [*systems]
    times: dict[str, list[float]] = {name: [] for name in names}
    for at, question in enumerate(asked):
        vector = embedder.embed_query(question)
        for name in names[at % len(names) :] + names[: at % len(names)]:
            begin = time.perf_counter()
            systems[name](vector, question)
            times[name].append((time.perf_counter() - begin) * 1000)
    return {name: Spread.of(took[_WARM_UP:]) for name, took in times.items()}


def _found(measured: Sequence[Measured], embedding: Spread, probe: Probe, *, questions: int, k: int) -> Found:
    rows = [
        *(
            [f"{name}, p50 / p95", *(_pair(each.times[system]) for each in measured)]
            for system, name in _SYSTEMS.items()
        ),
        ["ours / Chroma's query, p50", *(f"{each.p50_ratio:.2f}" for each in measured)],
        ["ours / Chroma's query, p95", *(f"{each.p95_ratio:.2f}" for each in measured)],
    ]
    for share in SHARES:
        rows += [
            [f"filter 1 in {share}, p50", *(ms(each.filtered[share]["ours"].p50) for each in measured)],
            ["  Chroma's `where`", *(ms(each.filtered[share]["chroma"].p50) for each in measured)],
            ["  ours / Chroma's", *(f"{each.filter_ratio(share):.3f}" for each in measured)],
        ]
    rows += [
        ["opening, s", *(f"{each.process.opening_seconds:.2f}" for each in measured)],
        ["  to the first search, s", *(f"{each.process.first_search_seconds:.2f}" for each in measured)],
        ["memory, MiB", *(_memory(each.process) for each in measured)],
    ]
    million = _extrapolated(measured)
    return Found(
        name="search",
        title=f"Search in ms by chunks, {k} passages, {questions} questions",
        header=["", *(f"{each.chunks:,}" for each in measured)],
        rows=rows,
        figures={
            "k": k,
            "sizes": [each.json for each in measured],
            "embed_query": embedding.json,
            "million": million,
            "probe": probe.took.json if probe.took else None,
        },
        goals=[goal for each in measured for goal in each.goals],
        notes=(
            _RIVALS,
            _MEMORY,
            f"Embedding a question with the local model: {_pair(embedding)} ms.",
            *_million_note(million),
            str(probe),
        ),
    )


def _extrapolated(measured: Sequence[Measured]) -> dict[str, float]:
    """What a million chunks would take, if it goes on as between the two largest sizes; nothing for one size."""
    if len(measured) < 2:
        return {}
    before, last = measured[-2:]

    def at_a_million(of_before: float, of_last: float) -> float:
        power = log(of_last / of_before) / log(last.chunks / before.chunks)
        return float(of_last * (_MILLION / last.chunks) ** power)

    def search(of_before: Mapping[str, Spread], of_last: Mapping[str, Spread], name: str) -> float:
        return round(at_a_million(of_before[name].p50, of_last[name].p50), 1)

    slope = (last.process.memory_mib - before.process.memory_mib) / (last.chunks - before.chunks)
    return {
        "search_p50_ms": search(before.times, last.times, "ours"),
        "chroma_p50_ms": search(before.times, last.times, "chroma"),
        **{
            f"filter_1_in_{share}_p50_ms": search(before.filtered[share], last.filtered[share], "ours")
            for share in SHARES
        },
        "opening_seconds": round(
            at_a_million(before.process.opening_seconds, last.process.opening_seconds), 1
        ),
        "memory_mib": round(last.process.memory_mib + slope * (_MILLION - last.chunks)),
    }


def _million_note(million: Mapping[str, float]) -> Iterator[str]:
    if million:
        yield (
            f"A million chunks, if it goes on as between the two largest sizes: search {million['search_p50_ms']:,.0f} "
            f"ms (Chroma's query {million['chroma_p50_ms']:,.0f}), with a filter of 1 in {SHARES[0]} "
            f"{million[f'filter_1_in_{SHARES[0]}_p50_ms']:,.0f} ms and of 1 in {SHARES[-1]} "
            f"{million[f'filter_1_in_{SHARES[-1]}_p50_ms']:,.0f} ms, opening {million['opening_seconds']:,.1f} s, "
            f"memory {million['memory_mib']:,.0f} MiB."
        )


def _pair(spread: Spread) -> str:
    return f"{ms(spread.p50)} / {ms(spread.p95)}"


def _memory(process: Process) -> str:
    return f"{process.memory_mib:,.0f} / {process.memory_with_model_mib:,.0f}"
