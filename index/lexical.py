"""Search by terms (BM25): the tantivy follower. The one module that imports tantivy.

The number of the last applied change is a document of the index itself, written in the same commit as the
chunks: the two can't disagree after a crash.

tantivy keeps the words of what was deleted until it merges the part of the index that they stand in, which may never
happen. So the index holds no words: it holds a keyed fingerprint of each term. Its key is a part of that document,
and new for each index.
"""

import hashlib
import json
import secrets
import struct
import zlib
from base64 import b85encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import inf, log
from pathlib import Path

import numpy as np
import tantivy

from index.catalog import StoredChunk
from index.durable import remove
from index.errors import FollowerError
from index.keys import NO_HITS, Hits, Keys, ids_of, keys_of_ids
from index.terms import content_terms, terms

_MARK = "applied"
_FORMAT = "lexical-3"
_HEAP_BYTES = 64 * 1024 * 1024
_HEADING_BOOST = 0.5
_FINGERPRINT_BYTES = 8  # of ten million terms, two have the same one with a probability of 3 in a million
_CACHED_FINGERPRINTS = 1 << 16
_SUMMED = ("idx", "pos", "term", "store", "fast", "fieldnorm")
_MAGIC = 1337


@dataclass(frozen=True, slots=True)
class _Mark:
    """What the index says of itself: the number of the last applied change, and the key of its fingerprints."""

    seq: int
    key: bytes

    def __str__(self) -> str:
        return f"{self.seq} {self.key.hex()} {self._digest()}"

    @classmethod
    def read(cls, text: str) -> "_Mark":
        """The mark that was written so; `ValueError` where it is another."""
        seq, key, _ = text.split(" ")
        mark = cls(int(seq), bytes.fromhex(key))
        if str(mark) != text:
            raise ValueError("the mark of the index is damaged")
        return mark

    def _digest(self) -> str:
        return hashlib.blake2b(f"{self.seq}".encode(), key=self.key, digest_size=8).hexdigest()


class LexicalFollower:
    """The terms of one collection in tantivy, under `path`; a damaged or older index there starts empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _named_errors():
            self._index, self._key = self._open()

    def applied(self) -> int:
        """The number of the last change that has been applied."""
        with _named_errors():
            mark = _mark(self._index)
        return mark.seq if mark else 0

    def apply(self, *, add: Sequence[StoredChunk], remove: Sequence[str], through: int) -> None:
        """Take chunks in and out and record change number `through`, in one commit; one caller at a time."""
        with _named_errors():
            writer = self._index.writer(_HEAP_BYTES, 1)
            try:
                # A commit that was cut off leaves files whose names the next commit wants for its own.
                writer.garbage_collect_files()
                added = keys_of_ids([chunk.id for chunk in add]).tolist()
                for key in (*keys_of_ids(remove).tolist(), *added):
                    writer.delete_documents_by_term("key", key)
                for key, chunk in zip(added, add, strict=True):
                    writer.add_document(self._document(key, chunk))
                writer.delete_documents_by_term("kind", _MARK)
                writer.add_document(tantivy.Document(kind=_MARK, mark=str(_Mark(through, self._key))))
                writer.commit()
                writer.wait_merging_threads()
            finally:
                # The writer's end gives its lock up; an error's traceback would keep it alive.
                del writer
            self._index.reload()

    def clear(self) -> None:
        """Forget everything."""
        with _named_errors():
            remove(self._path)
            self._index, self._key = self._open()

    def count(self) -> int:
        """How many chunks it holds."""
        with _named_errors():
            return int(self._index.searcher().num_docs) - (_mark(self._index) is not None)

    def ids(self) -> set[str]:
        """The ids of all chunks that it holds."""
        with _named_errors():
            searcher = self._index.searcher()
            query = tantivy.Query.term_query(self._index.schema, "kind", "chunk")
            hits = searcher.search(query, max(1, searcher.num_docs), count=False).hits
            return set(ids_of(_keys(searcher, hits)))

    def search(self, query: str, k: int) -> Hits:
        """The `k` chunks with the highest BM25 score; no stop word is searched for."""
        wanted = list(dict.fromkeys(content_terms(query)))
        if k < 1 or not wanted:
            return NO_HITS
        with _named_errors():
            searcher = self._index.searcher()
            hits = searcher.search(self._any_of(wanted), k, count=False).hits
            return Hits(_keys(searcher, hits), np.array([score for score, _ in hits], np.float64))

    def term_weights(self, query: str) -> dict[str, float]:
        """The query's content terms with their inverse document frequency, as in BM25.

        idf = ln(1 + (N - n + 0.5) / (n + 0.5)), for n of N chunks (Robertson and Zaragoza, "The Probabilistic
        Relevance Framework: BM25 and Beyond", 2009). A term that no chunk holds weighs `math.inf`.
        """
        weights = {}
        with _named_errors():
            searcher = self._index.searcher()
            total = searcher.num_docs
            for term in dict.fromkeys(content_terms(query)):
                # It counts chunks that have gone, too.
                holding = min(searcher.doc_freq("text", _fingerprint(self._key, term)), total)
                weights[term] = log(1 + (total - holding + 0.5) / (holding + 0.5)) if holding else inf
        return weights

    def _any_of(self, wanted: Iterable[str]) -> tantivy.Query:
        schema = self._index.schema
        clauses = []
        for term in (_fingerprint(self._key, each) for each in wanted):
            text = tantivy.Query.term_query(schema, "text", term, index_option="freq")
            above = tantivy.Query.term_query(schema, "above", term, index_option="freq")
            clauses.append((tantivy.Occur.Should, text))
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(above, _HEADING_BOOST)))
        return tantivy.Query.boolean_query(clauses)

    def _document(self, key: int, chunk: StoredChunk) -> tantivy.Document:
        above = " ".join((chunk.title, *chunk.headings))
        return tantivy.Document(
            key=key, kind="chunk", text=self._joined(terms(chunk.text)), above=self._joined(terms(above))
        )

    def _joined(self, words: Iterable[str]) -> str:
        return " ".join(_fingerprint(self._key, word) for word in words)

    def _open(self) -> tuple[tantivy.Index, bytes]:
        place = self._path / _FORMAT
        try:
            if not place.exists() or torn(self._path):
                remove(self._path)  # an older release's holds words
            with _no_panic():
                return _opened(place)
        except (ValueError, OSError):
            # A follower holds nothing that the catalog lacks: a damaged one is made again.
            remove(self._path)
            return _opened(place)


def torn(path: Path) -> str | None:
    """The name of a file of the index under `path` that is not as tantivy wrote it, None where all are.

    tantivy does not compare the CRC-32 that its files end with: a JSON object with the sum of what stands before, the
    length of that object, and a number that is always the same (tantivy 0.27). What a commit that was cut off has
    left belongs to no part of the index, and does not count.
    """
    place = path / _FORMAT
    if not place.exists():
        return None
    try:
        for file in _files(place):
            if not _is_whole(file.read_bytes()):
                return file.name
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return "meta.json"
    return None


def _files(place: Path) -> Iterator[Path]:
    """The files of an index that end with a sum, as its list of parts has them."""
    for segment in json.loads((place / "meta.json").read_text())["segments"]:
        name = segment["segment_id"].replace("-", "")
        yield from (place / f"{name}.{ending}" for ending in _SUMMED)
        if segment["deletes"]:
            yield place / f"{name}.{segment['deletes']['opstamp']}.del"


def _is_whole(content: bytes) -> bool:
    try:
        length, magic = struct.unpack("<II", content[-8:])
        summed = json.loads(content[-8 - length : -8])["crc"]
    except (struct.error, ValueError, KeyError, TypeError):
        return False
    return bool(magic == _MAGIC and summed == zlib.crc32(content[: -8 - length]))


def _opened(place: Path) -> tuple[tantivy.Index, bytes]:
    """The index in a folder, and the key of its fingerprints."""
    place.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(_schema(), str(place))
    # The fields hold fingerprints: they are only to be cut at the separator.
    words = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("terms", words)
    mark = _mark(index)  # some damage only shows at the first search
    return index, mark.key if mark else secrets.token_bytes(32)


def _mark(index: tantivy.Index) -> _Mark | None:
    searcher = index.searcher()
    hits = searcher.search(tantivy.Query.term_query(index.schema, "kind", _MARK), 1, count=False).hits
    return _Mark.read(str(searcher.doc(hits[0][1])["mark"][0])) if hits else None


def _keys(searcher: tantivy.Searcher, hits: Sequence[tuple[object, tantivy.DocAddress]]) -> Keys:
    """The keys of chunks, from the column that holds them: of each, its document would be unpacked."""
    found = searcher.fast_field_values("key", [address for _, address in hits])
    return np.array(found, np.int64)


@lru_cache(maxsize=_CACHED_FINGERPRINTS)
def _fingerprint(key: bytes, term: str) -> str:
    """What stands for a term in the index: a BLAKE2b hash with a key, in characters without a separator."""
    return b85encode(
        hashlib.blake2b(term.encode(), key=key, digest_size=_FINGERPRINT_BYTES).digest()
    ).decode()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("key", indexed=True, fast=True)
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("mark", stored=True, tokenizer_name="raw", index_option="basic")
    for field in ("text", "above"):
        builder.add_text_field(field, tokenizer_name="terms", index_option="freq")
    return builder.build()


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        with _no_panic():
            yield
    except (ValueError, TypeError, OSError) as error:
        raise FollowerError(
            f"the search by words failed: {error}; free the disk and try again; where that does not help, "
            "stop the service and call `qa doctor --repair`, which makes it again"
        ) from error


@contextmanager
def _no_panic() -> Iterator[None]:
    """Make an error of what is none to Python: the failed assertions of Rust, by which tantivy ends on some damage."""
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"tantivy failed on it: {error}") from error
