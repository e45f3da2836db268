"""A query in, ranked passages out: by vector and by terms, rescored by the best sentence, fused, filtered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from index.catalog import Catalog, Collection, StoredChunk, check_model, chunk_id
from index.centroids import Centroids, Lift
from index.document import Passage, Sentence
from index.embed import Embedder
from index.followers import Followers, Pair
from index.fuse import fuse
from index.recent import RecentChunks
from index.vectors import Vector, cosines

Filter = Mapping[str, Sequence[str]]

MAX_K = 200
RANKING = 20
"""How many candidates are told of beside the passages, however few passages are asked for."""

_EXACT_CHUNKS = 2000
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


DEFAULT_WEIGHTS = Weights()


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


class Retriever:
    """Searches collections. Safe to use from many threads."""

    def __init__(
        self,
        catalog: Catalog,
        embedder: Embedder,
        followers: Followers,
        *,
        weights: Weights = DEFAULT_WEIGHTS,
        candidates: int = 100,
    ) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._followers = followers
        self._weights = weights
        self._candidates = candidates
        self._centroids = Centroids(catalog)
        self._recent = RecentChunks(catalog)

    def search(self, collection: Collection, query: str, *, k: int, only: Filter | None = None) -> Retrieved:
        """The `k` best passages for a query, best first; `only` keeps documents with one of the given values.

        Passages are cut from the catalog, so what has been removed or replaced is never among them.
        """
        check_model(collection, self._embedder.name)
        pair = self._followers.of(collection)
        vector = self._embedder.embed_query(query)
        term_weights = pair.lexical.term_weights(query)
        found, lexical = self._steady_candidates(
            collection, pair, query, vector, max(self._candidates, 2 * k), only
        )
        lifts = self._centroids.lifts(collection, vector)
        lift = {chunk.id: lifts.get(chunk.language, Lift()) for chunk in found}
        dense = {chunk.id: float(chunk.vector @ vector) + lift[chunk.id].chunk for chunk in found}
        by_sentence = {
            chunk.id: similarities + np.float32(lift[chunk.id].sentence)
            for chunk, similarities in zip(found, _by_sentence(found, vector), strict=True)
        }
        best = {key: float(scores.max(initial=-1.0)) for key, scores in by_sentence.items()}
        weights = self._weights
        fused = fuse(
            (dense, weights.chunk),
            (best, weights.sentence),
            ({key: lexical.get(key, 0.0) for key in dense}, weights.lexical * _known(term_weights)),
        )
        ranked = sorted(found, key=lambda chunk: (-fused[chunk.id], chunk.version_id, chunk.ordinal))
        passages = tuple(
            _passage(rank, chunk, fused[chunk.id], by_sentence[chunk.id])
            for rank, chunk in enumerate(ranked[:k], start=1)
        )
        ranking = tuple(
            Ranked(fused[chunk.id], best[chunk.id] - lift[chunk.id].sentence) for chunk in ranked[:RANKING]
        )
        return Retrieved(passages, term_weights, ranking)

    def _steady_candidates(
        self, collection: Collection, pair: Pair, query: str, vector: Vector, n: int, only: Filter | None
    ) -> tuple[list[StoredChunk], Mapping[str, float]]:
        """Candidates that no replacement has cut across: else a document could be missed, old and new."""
        for _ in range(_TRIES):
            change = self._catalog.last_change(collection)
            found = self._candidates_for(collection, pair, query, vector, n, only, change)
            if self._catalog.last_change(collection) == change:
                break
        return found

    def _candidates_for(
        self,
        collection: Collection,
        pair: Pair,
        query: str,
        vector: Vector,
        n: int,
        only: Filter | None,
        change: int,
    ) -> tuple[list[StoredChunk], Mapping[str, float]]:
        """Chunks worth scoring, and BM25 scores by chunk id."""
        if only is None:
            lexical = pair.lexical.search(query, n)
            ids = [*(pair.dense.search(vector, n) | lexical)]
            return self._recent.chunks(collection, ids, change=change), lexical
        allowed = self._catalog.live_versions(collection, metadata=only)
        lexical = pair.lexical.search(query, 10 * n)
        if sum(allowed.values()) <= _EXACT_CHUNKS:
            ids = [chunk_id(version, at) for version, count in allowed.items() for at in range(count)]
            found = self._catalog.chunks(collection, ids)
            return sorted(found, key=lambda chunk: -float(chunk.vector @ vector))[:n], lexical
        wanted = {*pair.dense.search(vector, 10 * n), *lexical}
        found = [c for c in self._catalog.chunks(collection, [*wanted]) if c.version_id in allowed]
        return found, lexical


def _by_sentence(found: Sequence[StoredChunk], query: Vector) -> Iterator[Vector]:
    """The cosines of each chunk's sentences, shape (sentences,), from one product for all of them."""
    if found:
        ends = np.cumsum([len(chunk.sentence_vectors) for chunk in found])
        yield from np.split(
            cosines(np.concatenate([chunk.sentence_vectors for chunk in found]), query), ends[:-1]
        )


def _known(term_weights: Mapping[str, float]) -> float:
    """The share of terms that stand in any chunk, in [0, 1]; 0 where there are none."""
    return sum(weight < inf for weight in term_weights.values()) / max(1, len(term_weights))


def _passage(rank: int, chunk: StoredChunk, score: float, sentence_scores: Vector) -> Passage:
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
        sentence_scores=tuple(np.round(sentence_scores, 4).tolist()),
        headings=chunk.headings,
        page=chunk.page,
        locator=chunk.locator,
        metadata=chunk.metadata,
    )
