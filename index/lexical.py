"""Search by terms (BM25): the tantivy follower. The one module that imports tantivy.

The number of the last applied change is a document of the index itself, written in the same commit as the
chunks: the two can't disagree after a crash.
"""

import shutil
import threading
from collections.abc import Iterable, Sequence
from math import inf, log
from pathlib import Path

import tantivy

from index.catalog import StoredChunk
from index.terms import content_terms, terms

_MARK = "applied"
_FORMAT = "lexical-1"
_HEAP_BYTES = 64 * 1024 * 1024
_HEADING_BOOST = 0.5


class LexicalFollower:
    """The terms of one collection in tantivy, under `path`; a damaged or older index there starts empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _named_errors():
            self._index = self._open()

    def applied(self) -> int:
        """The number of the last change that has been applied."""
        with _named_errors():
            return _applied(self._index)

    def apply(self, *, add: Sequence[StoredChunk], remove: Sequence[str], through: int) -> None:
        """Take chunks in and out and record change number `through`, in one commit; one caller at a time."""
        with _named_errors(), self._writer() as writer:
            for identifier in remove:
                writer.delete_documents_by_term("id", identifier)
            for chunk in add:
                writer.delete_documents_by_term("id", chunk.id)
                writer.add_document(
                    tantivy.Document(
                        id=chunk.id,
                        kind="chunk",
                        text=_joined(terms(chunk.text)),
                        above=_joined(terms(" ".join((chunk.title, *chunk.headings)))),
                    )
                )
            writer.delete_documents_by_term("kind", _MARK)
            writer.add_document(tantivy.Document(kind=_MARK, seq=through))
            writer.commit()
            writer.wait_merging_threads()
            self._index.reload()

    def clear(self) -> None:
        """Forget everything."""
        with _named_errors():
            shutil.rmtree(self._path, ignore_errors=True)
            self._index = self._open()

    def count(self) -> int:
        """How many chunks it holds."""
        with _named_errors():
            return _held(self._index).count or 0

    def ids(self) -> set[str]:
        """The ids of all chunks that it holds."""
        with _named_errors():
            searcher = self._index.searcher()
            hits = _held(self._index).hits
            return {str(searcher.doc(address)["id"][0]) for _, address in hits}

    def search(self, query: str, k: int) -> dict[str, float]:
        """The ids of the `k` chunks with the highest BM25 score, best first; no stop word is searched for."""
        wanted = list(dict.fromkeys(content_terms(query)))
        if k < 1 or not wanted:
            return {}
        searcher = self._index.searcher()
        hits = searcher.search(self._any_of(wanted), k, count=False).hits
        return {str(searcher.doc(address)["id"][0]): float(score) for score, address in hits}

    def term_weights(self, query: str) -> dict[str, float]:
        """The query's content terms with their inverse document frequency, as in BM25.

        idf = ln(1 + (N - n + 0.5) / (n + 0.5)), for n of N chunks (Robertson and Zaragoza, "The Probabilistic
        Relevance Framework: BM25 and Beyond", 2009). A term that no chunk holds weighs `math.inf`.
        """
        searcher = self._index.searcher()
        total = searcher.num_docs
        weights = {}
        for term in dict.fromkeys(content_terms(query)):
            holding = searcher.doc_freq("text", term)
            weights[term] = log(1 + (total - holding + 0.5) / (holding + 0.5)) if holding else inf
        return weights

    def _any_of(self, wanted: Iterable[str]) -> tantivy.Query:
        schema = self._index.schema
        clauses = []
        for term in wanted:
            text = tantivy.Query.term_query(schema, "text", term, index_option="freq")
            above = tantivy.Query.term_query(schema, "above", term, index_option="freq")
            clauses.append((tantivy.Occur.Should, text))
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(above, _HEADING_BOOST)))
        return tantivy.Query.boolean_query(clauses)

    def _open(self) -> tantivy.Index:
        place = self._path / _FORMAT
        place.mkdir(parents=True, exist_ok=True)
        try:
            return _words(tantivy.Index(_schema(), str(place)))
        except (ValueError, OSError):
            # A follower holds nothing that the catalog lacks: a damaged one is made again.
            shutil.rmtree(place)
            place.mkdir(parents=True)
            return _words(tantivy.Index(_schema(), str(place)))


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("seq", stored=True)
    for field in ("text", "above"):
        builder.add_text_field(field, tokenizer_name="terms", index_option="freq")
    return builder.build()


def _words(index: tantivy.Index) -> tantivy.Index:
    """The fields hold terms that are already made: they are only to be cut at the separator."""
    index.register_tokenizer("terms", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index


def _joined(words: Iterable[str]) -> str:
    return " ".join(words)
