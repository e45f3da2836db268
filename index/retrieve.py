"""A query in, ranked passages out: by vector and by terms, rescored by the best sentence, fused, filtered."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalog, ChunkText, Collection, check_model
from index.centroids import Centroids
from index.document import Passage, Sentence
from index.embed import Embedder
from index.errors import FollowerError
from index.followers import Group
from index.fuse import blend
from index.keys import Hits, Keys, keys_of_ids, versions_of
from index.lexical import LexicalFollower
from index.matrix import Matrix, Places, where_in
from index.vectors import Vector

Filter = Mapping[str, Sequence[str]]
T = TypeVar("T")

MAX_K = 200
RANKING = 20
"""How many candidates are told of beside the passages, however few passages are asked for."""

EXACT_CHUNKS = 20_000
"""Up to so many chunks all are looked at: their product with a query takes less time than Chroma does, and misses
none."""

_OVERFETCHED = 10
_THREADS = 2
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each ranking counts: chunk vector, best sentence vector, BM25.

    The weight of BM25 is scaled by the share of the query's terms that the collection knows, so that a
    question in another language than the documents is ranked by vectors alone.
    """

    chunk: float = 0.4
    sentence: float = 0.3
    lexical: float = 0.3


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate as it was ranked: its fused score in [0, 1], and the cosine of the sentence nearest to the query.

    The cosine is as the vectors have it, not made comparable across languages.
    """

    score: float
    similarity: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages for one query, and the query's content terms with their inverse document frequencies.

    A term that no chunk of the collection holds weighs `math.inf`. `ranking` holds the first `RANKING`
    candidates, best first, whatever the number of passages: how much the best stand out is told by the others.
    """

    passages: tuple[Passage, ...]
    term_weights: Mapping[str, float]
    ranking: tuple[Ranked, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Chunks worth scoring, at ascending places of `matrix`, and the BM25 score of each, shape (n,)."""

    matrix: Matrix
    places: Places
    lexical: NDArray[np.float64]

    def without(self, gone: Keys) -> "_Candidates":
        """The candidates without all chunks of the versions that these chunks are of."""
        kept = ~np.isin(versions_of(self.matrix.keys[self.places]), versions_of(gone))
        return _Candidates(self.matrix, self.places[kept], self.lexical[kept])


@dataclass(frozen=True, slots=True)
class _Scored:
    """Scores of candidates, and their positions by `fused`, best first; of equals, the one that stands first.

    `similarities` are the cosines of their nearest sentences, not lifted; `sentences` has the lifted ones of all
    sentences, those of one candidate between two `bounds`.
    """

    fused: NDArray[np.float64]
    similarities: Vector
    sentences: Vector
    bounds: Places
    order: Places

    def ranked(self, at: int) -> Ranked:
        """A candidate as it was ranked."""
        return Ranked(float(self.fused[at]), float(self.similarities[at]))

    def sentence_scores(self, at: int) -> tuple[float, ...]:
        """A score for each sentence of a candidate."""
        return tuple(self.sentences[self.bounds[at] : self.bounds[at + 1]].tolist())


class Searched(Protocol):
    """What a search needs of the followers."""

    @property
    def are_shared(self) -> bool:
        """Whether other processes may work on the same catalog."""
        ...

    def see(self, collection: Collection, change: int) -> None:
        """Bring what this process has for itself in step with the catalog up to a change that others may have made."""
        ...

    def of(self, collection: Collection) -> Group:
        """The followers of a collection; `NotFound` where it has been deleted."""
        ...


class Retriever:
    """Searches collections. Safe to use from many threads."""

    def __init__(
        self,
        catalog: Catalog,
        embedder: Embedder,
        followers: Searched,
        *,
        candidates: int = 100,
        exact_chunks: int = EXACT_CHUNKS,
    ) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._followers = followers
        self._candidates = candidates
        self._exact_chunks = exact_chunks
        self._centroids = Centroids()
        self._changes: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="search")  # its threads end with it

    def search(self, collection: Collection, query: str, *, k: int, only: Filter | None = None) -> Retrieved:
        """The `k` best passages for a query, best first; `only` keeps documents with one of the given values.

        Passages are cut from the catalog, so what has been removed or replaced is never among them. Raises
        `NotFound` where the collection is deleted meanwhile.
        """
        try:
            found = self._search(collection, query, k, only)
        except FollowerError:
            self._catalog.require(collection)
            raise
        if not found.ranking:
            self._catalog.require(collection)
        return found

    def forget(self, collection: Collection) -> None:
        """Keep nothing of a collection in memory, which has been deleted."""
        self._centroids.forget(collection)
        self._changes.pop(collection.uid, None)

    def _search(self, collection: Collection, query: str, k: int, only: Filter | None) -> Retrieved:
        check_model(collection, self._embedder.name)
        group = self._followers.of(collection)
        n = max(self._candidates, 2 * k)
        vector: Vector | None = None
        # A replacement that cuts across a search could hide a document from it, old and new.
        for _ in range(_TRIES):
            change = self._last_change(collection)
            self._followers.see(collection, change)
            by_terms = self._beside(
                partial(_by_terms, group.lexical, query, n if only is None else _OVERFETCHED * n)
            )
            if vector is None:
                vector = self._embedder.embed_query(query)
            matrix, near, allowed = self._near(collection, group, vector, n, only)
            term_weights, hits = by_terms()
            lexical_weight = WEIGHTS.lexical * _known(term_weights)
            candidates = _candidates(matrix, near, hits, allowed, n)
            scored, best, now = self._served(collection, candidates, vector, lexical_weight, max(k, RANKING))
            self._changes[collection.uid] = now
            if now == change:
                break
        ranking = [scored.ranked(at) for at in scored.order[: len(best)].tolist()]
        passages = tuple(
            _passage(rank, chunk, ranking[rank - 1].score, scored.sentence_scores(scored.order[rank - 1]))
            for rank, chunk in enumerate(best[:k], start=1)
        )
        return Retrieved(passages, term_weights, tuple(ranking[:RANKING]))

    def _last_change(self, collection: Collection) -> int:
        """The number of the collection's last change, now or when it was last searched.

        Numbers only grow: where that is still the last one behind a search, nothing has changed in the course of it.
        """
        known = None if self._followers.are_shared else self._changes.get(collection.uid)
        return self._catalog.last_change(collection) if known is None else known

    def _near(
        self, collection: Collection, group: Group, vector: Vector, n: int, only: Filter | None
    ) -> tuple[Matrix, Places, Places | None]:
        """The matrix, the places of the chunks nearest to the query, and those of all that `only` allows, ascending."""
        matrix = group.matrix.snapshot
        if only is not None:
            allowed = matrix.of_versions(self._catalog.live_versions(collection, metadata=only))
            return matrix, matrix.nearest(allowed, vector, n), allowed
        if len(matrix) <= self._exact_chunks:
            return matrix, matrix.nearest(matrix.everywhere, vector, n), None
        near = matrix.places(group.dense.search(vector, n).keys)
        return matrix, near[near >= 0], None

    def _beside(self, call: Callable[[], T]) -> Callable[[], T]:
        """Make a call in another thread, if one is free before its result is asked for, and else in this one then."""
        future = self._pool.submit(copy_context().run, call)
        return lambda: call() if future.cancel() else future.result()

    def _served(
        self, collection: Collection, candidates: _Candidates, vector: Vector, lexical_weight: float, n: int
    ) -> tuple[_Scored, list[ChunkText], int]:
        """Scores of the candidates that may be shown, as far as the `n` best tell, and the texts of those, in order.

        The last is the number of the collection's last change when these were read. Followers have chunks of versions
        that are not live yet, or not any more; they are left out, and all others scored again.
        """
        while True:
            scored = self._scored(collection, candidates, vector, lexical_weight)
            best = candidates.matrix.ids(candidates.places[scored.order[:n]])
            chunks, change = self._catalog.chunks(collection, best)
            texts = {chunk.id: chunk for chunk in chunks}
            if len(texts) == len(best):
                return scored, [texts[each] for each in best], change
            candidates = candidates.without(keys_of_ids([each for each in best if each not in texts]))

    def _scored(
        self, collection: Collection, candidates: _Candidates, vector: Vector, lexical_weight: float
    ) -> _Scored:
        matrix, places, weights = candidates.matrix, candidates.places, WEIGHTS
        lifts = self._centroids.lifts(collection, matrix, vector)
        of_chunk, of_sentence = np.array([(each.chunk, each.sentence) for each in lifts]).T[
            :, matrix.languages[places]
        ]
        flat, bounds = matrix.sentence_cosines(places, vector)
        similarities = _highest(flat, bounds)
        fused = blend(
            (matrix.cosines(places, vector) + of_chunk, weights.chunk),
            (similarities + of_sentence, weights.sentence),
            (candidates.lexical, lexical_weight),
        )
        lifted = flat + np.repeat(of_sentence, np.diff(bounds))
        return _Scored(fused, similarities, np.round(lifted, 4), bounds, np.argsort(-fused, kind="stable"))


def _by_terms(lexical: LexicalFollower, query: str, n: int) -> tuple[Mapping[str, float], Hits]:
    return lexical.term_weights(query), lexical.search(query, n)


def _candidates(matrix: Matrix, near: Places, hits: Hits, allowed: Places | None, n: int) -> _Candidates:
    """The chunks nearest to the query, and the `n` with the highest BM25 scores of those that are allowed."""
    by_terms = matrix.places(hits.keys)
    known = (by_terms if allowed is None else where_in(allowed, by_terms)) >= 0
    by_terms, scores = by_terms[known], hits.scores[known]
    places = np.unique(np.concatenate((near, by_terms[:n])))
    lexical, at = np.zeros(len(places)), where_in(places, by_terms)
    lexical[at[at >= 0]] = scores[at >= 0]
    return _Candidates(matrix, places, lexical)


def _highest(scores: Vector, bounds: Places) -> Vector:
    """The highest of each stretch of `scores`, shape (n,); -1 where it has none."""
    found = np.full(len(bounds) - 1, -1.0, np.float32)
    some = np.flatnonzero(np.diff(bounds))
    if len(some):
        found[some] = np.maximum.reduceat(scores, bounds[some])
    return found


def _known(term_weights: Mapping[str, float]) -> float:
    """The share of terms that stand in any chunk, in [0, 1]; 0 where there are none."""
    return sum(weight < inf for weight in term_weights.values()) / max(1, len(term_weights))


def _passage(rank: int, chunk: ChunkText, score: float, sentence_scores: tuple[float, ...]) -> Passage:
    offset = chunk.span.start
    return Passage(
        rank=rank,
        score=round(score, 4),
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        title=chunk.title,
        source=chunk.source,
        span=chunk.span,
        text=chunk.text,
        sentences=tuple(
            Sentence(span, chunk.text[span.start - offset : span.end - offset]) for span in chunk.sentences
        ),
        sentence_scores=sentence_scores,
        headings=chunk.headings,
        page=chunk.page,
        locator=chunk.locator,
        metadata=chunk.metadata,
    )
