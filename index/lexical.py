"""Search by terms (BM25): the tantivy follower. The one module that imports tantivy.

The number of the last applied change is a document of the index itself, written in the same commit as the
chunks: the two can't disagree after a crash.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf, log
from pathlib import Path

import tantivy

from index.catalog import StoredChunk
from index.errors import FollowerError
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
        with _named_errors():
            writer = self._index.writer(_HEAP_BYTES, 1)
            try:
                # A commit that was cut off leaves files whose names the next commit wants for its own.
                writer.garbage_collect_files()
                for identifier in (*remove, *(chunk.id for chunk in add)):
                    writer.delete_documents_by_term("id", identifier)
                for chunk in add:
                    writer.add_document(_document(chunk))
                writer.delete_documents_by_term("kind", _MARK)
                writer.add_document(tantivy.Document(kind=_MARK, seq=through))
                writer.commit()
                writer.wait_merging_threads()
            finally:
                # The writer's end gives its lock up; an error's traceback would keep it alive.
                del writer
            self._index.reload()

    def clear(self) -> None:
        """Forget everything."""
        with _named_errors():
            shutil.rmtree(self._path, ignore_errors=True)
            self._index = self._open()

    def count(self) -> int:
        """How many chunks it holds."""
        with _named_errors():
            return int(self._index.searcher().num_docs) - bool(_applied(self._index))

    def ids(self) -> set[str]:
        """The ids of all chunks that it holds."""
        with _named_errors():
            searcher = self._index.searcher()
            query = tantivy.Query.term_query(self._index.schema, "kind", "chunk")
            hits = searcher.search(query, max(1, searcher.num_docs), count=False).hits
            return {str(searcher.doc(address)["id"][0]) for _, address in hits}

    def search(self, query: str, k: int) -> dict[str, float]:
        """The ids of the `k` chunks with the highest BM25 score, best first; no stop word is searched for."""
        wanted = list(dict.fromkeys(content_terms(query)))
        if k < 1 or not wanted:
            return {}
        with _named_errors():
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
            holding = min(searcher.doc_freq("text", term), total)  # it counts chunks that have gone, too
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
        try:
            return _opened(place)
        except (ValueError, OSError):
            # A follower holds nothing that the catalog lacks: a damaged one is made again.
            shutil.rmtree(self._path, ignore_errors=True)
            return _opened(place)


def _opened(place: Path) -> tantivy.Index:
    place.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(_schema(), str(place))
    # The fields hold terms that are already made: they are only to be cut at the separator.
    words = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("terms", words)
    _applied(index)  # some damage only shows at the first search
    return index


def _document(chunk: StoredChunk) -> tantivy.Document:
    above = " ".join((chunk.title, *chunk.headings))
    return tantivy.Document(
        id=chunk.id, kind="chunk", text=_joined(terms(chunk.text)), above=_joined(terms(above))
    )


def _applied(index: tantivy.Index) -> int:
    searcher = index.searcher()
    hits = searcher.search(tantivy.Query.term_query(index.schema, "kind", _MARK), 1, count=False).hits
    return int(searcher.doc(hits[0][1])["seq"][0]) if hits else 0


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("seq", stored=True)
    for field in ("text", "above"):
        builder.add_text_field(field, tokenizer_name="terms", index_option="freq")
    return builder.build()


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        raise FollowerError(
            f"the search by words failed: {error}; free the disk and try again; where that does not help, "
            "stop the service and remove the folder `followers` in the data directory: it is made again"
        ) from error


def _joined(words: Iterable[str]) -> str:
    return " ".join(words)
