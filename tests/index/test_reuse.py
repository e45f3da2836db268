"""Equal content is embedded once, as long as a document holds it; vectors without meaning will do for that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from eval.bench.corpus import facts
from eval.bench.embedders import RandomUnit
from index.catalog import Catalog, Collection, Database, StoredChunk, sqlite_url
from index.embed import Vectors
from index.followers import Followers
from index.ingest import Ingestor
from index.upload import Result, Upload

SENTENCES = [fact.sentence for fact in facts(1200)]
PARAGRAPHS = [" ".join(SENTENCES[at : at + 6]) for at in range(0, 1200, 6)]


def document(paragraphs: Sequence[str]) -> bytes:
    return "\n\n".join(paragraphs).encode()


class Counting(RandomUnit):
    """Keeps the texts that it has embedded."""

    def __init__(self) -> None:
        super().__init__(32)
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return super().embed(texts)


@dataclass(frozen=True, slots=True)
class Shop:
    """A catalog with its followers, and a model that counts."""

    database: Database
    catalog: Catalog
    followers: Followers
    embedder: Counting

    def collection(self, name: str) -> Collection:
        return self.catalog.ensure_collection(name, embedding_model=self.embedder.name, dimension=32)

    def ingestor(self, name: str = "default") -> Ingestor:
        return Ingestor(self.catalog, self.collection(name), self.embedder, self.followers)

    def put(self, *uploads: Upload, name: str = "default") -> list[Result]:
        """Index the uploads; `embedder.texts` are those of this call."""
        self.embedder.texts.clear()
        return list(self.ingestor(name).put(uploads))

    def chunks(self) -> list[StoredChunk]:
        collection = self.collection("default")
        versions = self.catalog.live_versions(collection)
        return [each for version in versions for each in self.catalog.version_chunks(collection, version)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    catalog = Catalog(database)
    followers = Followers(tmp_path / "followers", catalog)
    yield Shop(database, catalog, followers, Counting())
    followers.close()
    database.close()


def test_a_changed_paragraph_of_200_chunks_embeds_only_the_chunk_that_holds_it(shop: Shop) -> None:
    (first,) = shop.put(Upload("a", "a.txt", document(PARAGRAPHS)))
    assert first.chunks >= 200
    assert len(shop.embedder.texts) == 200 + 1200
    changed = [*PARAGRAPHS[:90], "Only this is new. It replaces a paragraph.", *PARAGRAPHS[91:]]
    (second,) = shop.put(Upload("a", "a.txt", document(changed)))
    assert second.outcome == "replaced"
    assert 3 <= len(shop.embedder.texts) <= 30
    assert "Only this is new." in shop.embedder.texts


def test_vectors_that_are_taken_from_the_catalog_are_those_that_would_be_made(shop: Shop) -> None:
    uploads = [
        Upload("a", "a.txt", document(PARAGRAPHS[:20])),
        Upload("b", "a.txt", document(PARAGRAPHS[:20])),
    ]
    for upload in uploads:
        shop.put(upload)
    made, taken = ([each for each in shop.chunks() if each.source == source] for source in ("a", "b"))
    assert len(made) == len(taken) == 20
    for one, other in zip(made, taken, strict=True):
        np.testing.assert_array_equal(one.vector, other.vector)
        np.testing.assert_array_equal(one.sentence_vectors, other.sentence_vectors)


def test_an_identical_file_from_another_source_embeds_nothing(shop: Shop) -> None:
    shop.put(Upload("a/x", "x.txt", document(PARAGRAPHS[:20])))
    (second,) = shop.put(Upload("b/x", "x.txt", document(PARAGRAPHS[:20])))
    assert second.outcome == "indexed"
    assert shop.embedder.texts == []


def test_under_another_title_each_chunk_is_embedded_and_no_sentence(shop: Shop) -> None:
    shop.put(Upload("a", "a.txt", document(PARAGRAPHS[:20]), title="One"))
    shop.put(Upload("a", "a.txt", document(PARAGRAPHS[:20]), title="Another"))
    assert len(shop.embedder.texts) == 20
    assert all(text.startswith("Another\n") for text in shop.embedder.texts)


def test_equal_files_that_come_together_are_embedded_once(shop: Shop) -> None:
    uploads = [Upload(f"{at}/x", "x.txt", document(PARAGRAPHS[:5])) for at in range(6)]
    results = shop.put(*uploads)
    assert [each.outcome for each in results] == ["indexed"] * 6
    assert len(shop.embedder.texts) == len(set(shop.embedder.texts)) == 5 + 30


def test_collections_take_nothing_from_each_other(shop: Shop) -> None:
    upload = Upload("a", "a.txt", document(PARAGRAPHS[:5]))
    shop.put(upload, name="one")
    shop.put(upload, name="two")
    assert len(shop.embedder.texts) == 5 + 30


def test_what_was_deleted_with_its_last_document_is_embedded_again(shop: Shop) -> None:
    (first,) = shop.put(Upload("a", "a.txt", document(PARAGRAPHS[:5])))
    shop.ingestor().delete(first.document_id or "")
    shop.put(Upload("a", "a.txt", document(PARAGRAPHS[:5])))
    assert len(shop.embedder.texts) == 5 + 30


@pytest.mark.parametrize("damage", ["zeroblob(128)", "x'00'"], ids=["zeros", "cut"])
def test_a_damaged_vector_is_not_taken(shop: Shop, damage: str) -> None:
    shop.put(Upload("a", "x.txt", document(PARAGRAPHS[:5])))
    with shop.database.write() as connection:
        connection.execute(sa.text(f"UPDATE chunks SET vector = {damage}, sentence_vectors = x'00'"))  # noqa: S608
    shop.put(Upload("b", "x.txt", document(PARAGRAPHS[:5])))
    assert len(shop.embedder.texts) == 5 + 30


def test_chunks_from_before_there_were_hashes_are_embedded_again(shop: Shop) -> None:
    shop.put(Upload("a", "x.txt", document(PARAGRAPHS[:5])))
    with shop.database.write() as connection:
        connection.execute(sa.text("UPDATE chunks SET content_hash = NULL"))
    shop.put(Upload("b", "x.txt", document(PARAGRAPHS[:5])))
    assert len(shop.embedder.texts) == 5 + 30
