"""Documents in, by the real embedding model: what is indexed, left alone, refused and replaced."""

import io
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from docx import Document as Docx
from pypdf import PdfWriter

from index.catalog import Catalog, Collection, Database, sqlite_url
from index.embed import Embedder, Vectors
from index.errors import EmbeddingError, InvalidRequest, NotFound
from index.followers import Followers
from index.ingest import Ingestor
from index.retrieve import Retriever
from index.upload import Result, Upload
from tests.counting import Counting

PENGUINS = b"# Penguins\n\nPenguins live in Antarctica. They eat krill.\n\n# Seals\n\nSeals rest on the ice."


class Broken(Counting):
    """An embedding model that fails."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        raise EmbeddingError(f"{len(texts)} texts are too many")


@dataclass(frozen=True, slots=True)
class Shop:
    """All that documents are indexed and searched with."""

    catalog: Catalog
    followers: Followers
    embedder: Counting
    retriever: Retriever

    def collection(self, name: str) -> Collection:
        return self.catalog.ensure_collection(
            name, embedding_model=self.embedder.name, dimension=self.embedder.dimension
        )

    def ingestor(self, name: str = "default") -> Ingestor:
        return Ingestor(self.catalog, self.collection(name), self.embedder, self.followers)

    def put(self, *uploads: Upload, collection: str = "default") -> list[Result]:
        return list(self.ingestor(collection).put(uploads))

    def found(self, query: str, collection: str = "default") -> list[str]:
        passages = self.retriever.search(self.collection(collection), query, k=5).passages
        return [passage.text for passage in passages]


@pytest.fixture
def opened(tmp_path: Path, embedder: Embedder) -> Iterator[Callable[[], Shop]]:
    """Opens a data directory; a second call closes the first shop and opens the same directory again."""
    closing: list[Callable[[], None]] = []

    def close() -> None:
        while closing:
            closing.pop()()

    def open_again() -> Shop:
        close()
        database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
        closing.append(database.close)
        catalog, counting = Catalog(database), Counting(embedder)
        followers = Followers(tmp_path / "followers", catalog)
        closing.append(followers.close)
        return Shop(catalog, followers, counting, Retriever(catalog, counting, followers))

    yield open_again
    close()


@pytest.fixture
def shop(opened: Callable[[], Shop]) -> Shop:
    return opened()


def test_an_indexed_document_is_found_and_cut_from_the_catalog(shop: Shop) -> None:
    (result,) = shop.put(Upload("a.md", "a.md", PENGUINS))
    assert (result.source, result.outcome, result.error) == ("a.md", "indexed", None)
    passages = shop.retriever.search(shop.collection("default"), "where do penguins live?", k=5).passages
    text = shop.catalog.text(passages[0].document_id).text
    assert "Penguins live in Antarctica." in passages[0].text
    for passage in passages:
        assert passage.span.of(text) == passage.text
        for sentence in passage.sentences:
            assert sentence.span.of(text) == sentence.text


def test_the_vectors_are_those_of_the_model(shop: Shop) -> None:
    shop.put(Upload("a.md", "a.md", PENGUINS))
    collection = shop.collection("default")
    (version,) = shop.catalog.live_versions(collection)
    for chunk in shop.catalog.version_chunks(collection, version):
        assert np.linalg.norm(chunk.vector) == pytest.approx(1, abs=1e-5)
        assert len(chunk.sentence_vectors) == len(chunk.sentences)
        whole = shop.embedder.embed(
            [sentence.of(shop.catalog.text(chunk.document_id).text) for sentence in chunk.sentences]
        )
        rows = chunk.sentence_vectors.astype(np.float32)
        cosines = (rows * whole).sum(axis=1) / np.linalg.norm(rows, axis=1)
        assert cosines.min() > 0.999


def test_an_unchanged_upload_embeds_and_changes_nothing(shop: Shop) -> None:
    upload = Upload("a.md", "a.md", PENGUINS, metadata={"k": "v"})
    (first,) = shop.put(upload)
    embedded, last = shop.embedder.texts, shop.catalog.last_change(shop.collection("default"))
    (second,) = shop.put(upload)
    assert (second.outcome, second.document_id) == ("unchanged", first.document_id)
    assert shop.embedder.texts == embedded
    assert shop.catalog.last_change(shop.collection("default")) == last


@pytest.mark.parametrize(
    "changed",
    [
        Upload("a.md", "a.md", PENGUINS + b" Also orcas."),
        Upload("a.md", "a.md", PENGUINS, title="Another"),
        Upload("a.md", "a.md", PENGUINS, metadata={"k": "w"}),
    ],
    ids=["bytes", "title", "metadata"],
)
def test_an_upload_that_differs_replaces_the_document(shop: Shop, changed: Upload) -> None:
    (first,) = shop.put(Upload("a.md", "a.md", PENGUINS, metadata={"k": "v"}))
    (second,) = shop.put(changed)
    assert (second.outcome, second.document_id) == ("replaced", first.document_id)
    assert len(shop.catalog.documents(shop.collection("default"))) == 1


def pdf(*, password: str = "") -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password)
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def docx(text: str) -> bytes:
    content = io.BytesIO()
    document = Docx()
    document.add_paragraph(text)
    document.save(content)
    return content.getvalue()


UNREADABLE = {
    "empty": (b"", "empty_document"),
    "blank": (b" \n\t\n", "empty_document"),
    "without text": (pdf(), "empty_document"),
    "encrypted": (pdf(password="secret"), "encrypted_document"),
    "damaged": (docx("Penguins")[:-200], "damaged_document"),
    "program": (b"\x7fELF" + bytes(200), "unsupported_format"),
}


@pytest.mark.parametrize(("data", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_is_named_and_the_old_version_still_served(
    shop: Shop, data: bytes, code: str
) -> None:
    shop.put(Upload("a", "a.md", PENGUINS))
    failed, fine = shop.put(Upload("a", "a.md", data), Upload("b", "b.md", b"Orcas hunt."))
    assert failed.outcome == "failed"
    assert failed.error is not None
    assert failed.error.code == code
    assert "a.md" in str(failed.error)
    assert fine.outcome == "indexed"
    assert any("Penguins live" in text for text in shop.found("penguins"))


def test_a_new_file_that_cannot_be_read_leaves_no_document(shop: Shop) -> None:
    (result,) = shop.put(Upload("a", "a.md", b""))
    assert (result.outcome, result.document_id) == ("failed", None)
    assert shop.catalog.documents(shop.collection("default")) == []


def test_a_model_that_fails_leaves_what_was_served_and_nothing_pending(shop: Shop) -> None:
    shop.put(Upload("a", "a.md", PENGUINS))
    collection = shop.collection("default")
    broken = Ingestor(shop.catalog, collection, Broken(shop.embedder), shop.followers)
    with pytest.raises(EmbeddingError):
        list(broken.put([Upload("a", "a.md", b"Orcas."), Upload("b", "b.md", b"Orcas.")]))
    assert [each.source for each in shop.catalog.documents(collection)] == ["a"]
    assert shop.catalog.pending(collection) == []
    assert any("Penguins live" in text for text in shop.found("penguins"))


def test_a_deleted_document_is_not_found_any_more(shop: Shop) -> None:
    (result,) = shop.put(Upload("a", "a.md", PENGUINS))
    assert result.document_id is not None
    shop.ingestor().delete(result.document_id)
    assert shop.found("penguins") == []
    with pytest.raises(NotFound):
        shop.ingestor().delete(result.document_id)


def test_a_document_of_another_collection_cannot_be_deleted_by_mistake(shop: Shop) -> None:
    (result,) = shop.put(Upload("a", "a.md", PENGUINS))
    assert result.document_id is not None
    with pytest.raises(NotFound):
        shop.ingestor("other").delete(result.document_id)
    assert shop.found("penguins") != []


def test_collections_do_not_find_each_others_documents(shop: Shop) -> None:
    shop.put(Upload("a", "a.md", PENGUINS), collection="one")
    shop.put(Upload("a", "a.md", b"Orcas hunt seals."), collection="two")
    assert all("Orcas" not in text for text in shop.found("orcas", "one"))
    assert shop.found("penguins", "two") == ["Orcas hunt seals."]


def test_an_upload_whose_document_was_deleted_meanwhile_is_not_stored(shop: Shop) -> None:
    (first,) = shop.put(Upload("a", "a.md", PENGUINS))
    assert first.document_id is not None
    ingestor = shop.ingestor()

    def delete(_name: str, _done: int, _total: int) -> None:
        ingestor.delete(first.document_id or "")

    (late,) = ingestor.put([Upload("a", "a.md", b"Orcas.")], on_embedded=delete)
    (later,) = shop.put(Upload("a", "a.md", b"Orcas.", document_id=first.document_id))
    for result in (late, later):
        assert result.outcome == "failed"
        assert isinstance(result.error, NotFound)
    assert shop.catalog.documents(shop.collection("default")) == []


def test_the_last_of_two_uploads_from_one_source_is_served(shop: Shop) -> None:
    first, second = shop.put(Upload("a", "a.md", b"Orcas."), Upload("a", "a.md", b"Narwhals."))
    assert (first.outcome, second.outcome) == ("failed", "indexed")
    assert shop.found("whales") == ["Narwhals."]


def test_lost_followers_are_made_again_without_the_model(tmp_path: Path, opened: Callable[[], Shop]) -> None:
    shop = opened()
    shop.put(Upload("a", "a.md", PENGUINS))
    before = shop.found("penguins")
    shop.followers.close()
    shutil.rmtree(tmp_path / "followers")
    (tmp_path / "followers").mkdir()
    shop = opened()
    assert shop.embedder.texts == 0
    assert shop.found("penguins") == before
    assert shop.embedder.texts == 0


def test_a_search_sees_a_document_before_or_after_its_replacement_and_never_not_at_all(shop: Shop) -> None:
    def numbered(number: int) -> Upload:
        return Upload(
            "a", "a.md", f"# Penguins\n\nVersion {number} of penguins.\n\nPenguins {number}.".encode()
        )

    shop.put(numbered(0), Upload("b", "b.md", b"Seals rest on the ice."))
    done = threading.Event()
    seen: list[set[str]] = []

    def search() -> None:
        while not done.is_set():
            texts = shop.found("penguins")
            seen.append({word for text in texts for word in text.split() if word.strip(".").isdigit()})

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 9):
        shop.put(numbered(number))
    done.set()
    for thread in threads:
        thread.join()
    assert seen
    assert all(len({word.strip(".") for word in words}) == 1 for words in seen)


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": ""},
        {"source": "x" * 2001},
        {"source": "é" * 1001},
        {"source": "a\0b"},
        {"source": "a\udcff"},
        {"name": "a\0"},
        {"title": "\ud800"},
        {"title": "t" * 501},
        {"origin": "/\0"},
        {"metadata": {"k": "\0"}},
        {"metadata": {"\udc00": "v"}},
        {"metadata": {"k": "v" * 1001}},
        {"metadata": {"k" * 201: "v"}},
        {"metadata": {"k": 1}},
        {"metadata": {str(at): "v" for at in range(101)}},
    ],
    ids=str,
)
def test_an_upload_that_no_database_takes_is_refused(wrong: dict[str, object]) -> None:
    fields: dict[str, object] = {"source": "s", "name": "n", "data": b"x", **wrong}
    with pytest.raises(InvalidRequest):
        Upload(**fields)  # type: ignore[arg-type]


def test_a_result_is_given_when_its_document_is_served_though_more_are_to_come(shop: Shop) -> None:
    given = threading.Event()

    def uploads() -> Iterator[Upload]:
        for at in range(300):
            if at == 20:
                assert given.wait(60)
            yield Upload(f"s{at}", f"s{at}.md", f"Penguin number {at}.".encode())

    results = shop.ingestor().put(uploads())
    first = next(results)
    assert first.document_id in [each.id for each in shop.catalog.documents(shop.collection("default"))]
    given.set()
    rest = list(results)
    assert [each.source for each in (first, *rest)] == [f"s{at}" for at in range(300)]
    assert len(shop.catalog.live_versions(shop.collection("default"))) == 300
