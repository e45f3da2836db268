"""How fast documents are indexed: without the embedding, beside Chroma and LlamaIndex; and the local model alone.

Ours gets files, and ends when each of their chunks is served: parsed in the child process, split into chunks and
sentences, stored in the catalog, and taken by both followers. The others get the same chunks ready made, with
the same vectors, and store them in Chroma. All collections grow together from size to size, and whoever comes first
at one size comes last at the next.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from eval.bench.corpus import Fact, facts, uploads
from eval.bench.embedders import RandomUnit, Timed
from eval.bench.figures import Found, Goal, ms
from eval.bench.library import COLLECTION, fill, library, local_embedder
from eval.bench.probe import Probe, probing
from eval.bench.rival import example
from index.catalog import StoredChunk
from index.embed import Embedder
from qa_service.services import Services

_FACTS = 20_000
_WARM_UP_CHUNKS = 40
_PASSAGES, _SENTENCES, _WARM_UP = 60, 200, 8
_SENTENCES_A_PASSAGE = 10
_PASSAGE_CPU_MS = 2000 / 45  # what two cores may take for each of 45 passages a second
_RAW, _LLAMA_INDEX = 1.0, 1 / 1.3
_NAMES = {
    "ours": "this product",
    "texts": "Chroma, with texts",
    "llama_index": "LlamaIndex on Chroma",
    "vectors": "Chroma, vectors alone",
}
_OURS = (
    "Vectors are random units, made in microseconds: embedding is left out. Ours gets files: they are parsed in a "
    "child process, cut into chunks and sentences, committed to the catalog with a vector for each sentence too, and "
    "taken by Chroma and tantivy."
)
_THEIRS = (
    "The others get chunks ready made: Chroma's `add` in batches of 1,000, with the texts and metadata without which "
    "what is found can't be read; `VectorStoreIndex.insert_nodes`; and `add` of ids and vectors alone."
)


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of the clock, and of processor time in this process."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What each system took to grow to `total` chunks from the size before, by `chunks`."""

    total: int
    chunks: int
    took: Mapping[str, Took]

    def ratio(self, name: str) -> float:
        """Our time in terms of another's."""
        return self.took["ours"].seconds / self.took[name].seconds

    @property
    def json(self) -> dict[str, object]:
        """As JSON."""
        return {
            "chunks": self.total,
            "added": self.chunks,
            "seconds": {name: round(took.seconds, 3) for name, took in self.took.items()},
            "cpu_seconds": {name: round(took.cpu_seconds, 3) for name, took in self.took.items()},
            "ratios": {name: round(self.ratio(name), 3) for name in self.took if name != "ours"},
        }


@dataclass(frozen=True, slots=True)
class Pace:
    """How the local model embeds texts of one kind."""

    words: float
    per_second: float
    cpu_ms: float


def measure(*, sizes: Sequence[int], embedded: int, seed: int) -> Found:
    """Grow collections to each of `sizes` chunks, and index `embedded` chunks with the local model."""
    known = facts(_FACTS, seed=seed)
    with probing() as probe:
        growths = _growths(known, sorted(sizes), seed)
        with local_embedder() as local:
            passages, sentences = _paces(local, known)
            timed = Timed(local)
            with library(timed) as services:
                earnest = fill(services, uploads(known, seed=seed), chunks=embedded)
    return _found(growths, passages, sentences, earnest.chunks_per_second, probe)


def _growths(known: Sequence[Fact], sizes: Sequence[int], seed: int) -> list[Growth]:
    found: list[Growth] = []
    documents = uploads(known, seed=seed)
    with library(RandomUnit()) as services, _rivals() as rivals:
        held: set[int] = set()
        total = 0
        for size in (_WARM_UP_CHUNKS, *(_WARM_UP_CHUNKS + each for each in sizes)):
            if size <= total:
                continue
            took = {"ours": _took(partial(fill, services, documents, chunks=size - total))}
            new = _new_chunks(services, held)
            total += len(new)
            turn = len(found) % len(rivals)
            for name in [*rivals][turn:] + [*rivals][:turn]:
                took[name] = rivals[name](new)
            found.append(Growth(total, len(new), took))
    return found[1:]  # the first has loaded what is loaded once


def _new_chunks(services: Services, held: set[int]) -> list[StoredChunk]:
    """The chunks of versions that are not among `held`, which takes them up."""
    collection = services.catalog.collection(COLLECTION)
    versions = [each for each in services.catalog.live_versions(collection) if each not in held]
    held.update(versions)
    return [chunk for each in versions for chunk in services.catalog.version_chunks(collection, each)]


@contextmanager
def _rivals() -> Iterator[dict[str, Callable[[Sequence[StoredChunk]], Took]]]:
    """What stores chunks in the other systems, and tells the seconds that it took."""
    module = example("chroma_vector_store")
    with tempfile.TemporaryDirectory(prefix="qa-bench-") as folder:
        texts, vectors, nodes = (
            module.collection(Path(folder) / name, name) for name in ("texts", "vectors", "nodes")
        )
        index = module.index_over(nodes)

        def add_texts(chunks: Sequence[StoredChunk]) -> Took:
            ids, rows = [each.id for each in chunks], [each.vector for each in chunks]
            said, metadata = [each.text for each in chunks], [_metadata(each) for each in chunks]
            return _took(lambda: module.add(texts, ids, rows, texts=said, metadata=metadata))

        def add_vectors(chunks: Sequence[StoredChunk]) -> Took:
            ids, rows = [each.id for each in chunks], [each.vector for each in chunks]
            return _took(lambda: module.add(vectors, ids, rows))

        def insert_nodes(chunks: Sequence[StoredChunk]) -> Took:
            made = [
                module.node(each.text, each.vector.tolist(), identifier=each.id, metadata=_metadata(each))
                for each in chunks
            ]
            return _took(lambda: index.insert_nodes(made))

        yield {"texts": add_texts, "llama_index": insert_nodes, "vectors": add_vectors}


def _metadata(chunk: StoredChunk) -> dict[str, str | int]:
    return {"document_id": chunk.document_id, "source": chunk.source, "start": chunk.span.start}


def _took(work: Callable[[], object]) -> Took:
    begin, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - begin, time.process_time() - cpu)


def _paces(local: Embedder, known: Sequence[Fact]) -> tuple[Pace, Pace]:
    """The local model's pace with passages of about 120 words, and with sentences."""
    said = [fact.sentence for fact in known]
    passages = [
        " ".join(said[at : at + _SENTENCES_A_PASSAGE])
        for at in range(0, (_PASSAGES + _WARM_UP) * _SENTENCES_A_PASSAGE, _SENTENCES_A_PASSAGE)
    ]
    return _pace(local, passages), _pace(local, said[-_SENTENCES - _WARM_UP :])


def _pace(local: Embedder, texts: Sequence[str]) -> Pace:
    local.embed(texts[:_WARM_UP])
    measured = texts[_WARM_UP:]
    took = _took(lambda: local.embed(measured))
    words = sum(len(text.split()) for text in measured) / len(measured)
    return Pace(words, len(measured) / took.seconds, 1000 * took.cpu_seconds / len(measured))


def _found(
    growths: Sequence[Growth], passages: Pace, sentences: Pace, chunks_per_second: float, probe: Probe
) -> Found:
    rows = [
        [
            f"to {each.total:,} chunks, a second",
            *(f"{each.chunks / each.took[name].seconds:,.0f}" for name in _NAMES),
        ]
        for each in growths
    ]
    rows += [
        [f"to {each.total:,}, our time / theirs", "", *(f"{each.ratio(name):.2f}" for name in [*_NAMES][1:])]
        for each in growths
    ]
    goals = [
        Goal(f"our time / {_NAMES[name]}, to {each.total:,} chunks", each.ratio(name), limit)
        for each in growths
        for name, limit in (("texts", _RAW), ("llama_index", _LLAMA_INDEX))
    ]
    model = (
        f"the local model: {passages.per_second:.0f} passages of {passages.words:.0f} words a second, "
        f"{ms(passages.cpu_ms)} ms of processor time each; {sentences.per_second:.0f} sentences of "
        f"{sentences.words:.0f} words, {ms(sentences.cpu_ms)} ms each; {chunks_per_second:.1f} chunks a second from "
        "files to served, each with its sentences"
    )
    return Found(
        name="index",
        title="Indexing in chunks a second, embedding left out, as collections grow",
        header=["", *_NAMES.values()],
        rows=rows,
        figures={
            "growth": [each.json for each in growths],
            "local_model": {
                "passages_per_second": round(passages.per_second, 1),
                "cpu_ms_per_passage": round(passages.cpu_ms, 2),
                "words_per_passage": round(passages.words, 1),
                "sentences_per_second": round(sentences.per_second, 1),
                "cpu_ms_per_sentence": round(sentences.cpu_ms, 2),
                "chunks_per_second": round(chunks_per_second, 2),
            },
            "probe": probe.took.json if probe.took else None,
        },
        goals=(
            *goals,
            Goal("processor time of a passage", passages.cpu_ms, round(_PASSAGE_CPU_MS, 1), " ms"),
        ),
        notes=(model, _OURS, _THEIRS, str(probe)),
    )
