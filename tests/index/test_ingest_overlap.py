"""Loading, embedding and writing overlap: what comes when, how much at once, and what is left when it ends early."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from eval.bench.corpus import facts
from eval.bench.embedders import RandomUnit
from index.catalog import Catalog, Collection, Database, sqlite_url
from index.document import Parsed
from index.embed import Vectors
from index.errors import EmbeddingError, ParserUnavailable
from index.followers import Followers
from index.ingest import Ingestor
from index.load import Loader, load
from index.upload import Upload

SENTENCES = [fact.sentence for fact in facts(600)]


@dataclass(frozen=True, slots=True)
class Shop:
    """What documents are written into."""

    catalog: Catalog
    collection: Collection
    followers: Followers

    def ingestor(self, embedder: RandomUnit | None = None, load: Loader = load) -> Ingestor:
        return Ingestor(self.catalog, self.collection, embedder or RandomUnit(32), self.followers, load=load)

    def sources(self) -> list[str]:
        return sorted(each.source for each in self.catalog.documents(self.collection))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    catalog = Catalog(database)
    collection = catalog.ensure_collection("default", embedding_model=RandomUnit.name, dimension=32)
    followers = Followers(tmp_path / "followers", catalog)
    yield Shop(catalog, collection, followers)
    assert threads() == []
    followers.close()
    database.close()


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name in ("index-reading", "index-writing")]


def upload(number: int) -> Upload:
    return Upload(f"s{number}", f"s{number}.txt", f"Penguin number {number} rests.".encode())


def endless() -> Iterator[Upload]:
    number = 0
    while True:
        yield upload(number)
        number += 1
        time.sleep(0.05)


class Waiting(RandomUnit):
    """Embeds nothing before it is told to."""

    def __init__(self) -> None:
        super().__init__(32)
        self.go_on = threading.Event()

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not self.go_on.wait(30):
            raise EmbeddingError("nobody said go on")
        return super().embed(texts)


def test_a_document_is_loaded_while_the_one_before_it_is_embedded(shop: Shop) -> None:
    embedder = Waiting()

    def load_and_tell(data: bytes, *, name: str) -> Parsed:
        if name == "s1.txt":
            embedder.go_on.set()
        return load(data, name=name)

    results = shop.ingestor(embedder, load_and_tell).put([upload(0), upload(1)])
    assert [each.outcome for each in results] == ["indexed", "indexed"]


def test_a_result_does_not_wait_for_the_next_upload(shop: Shop) -> None:
    given = threading.Event()

    def uploads() -> Iterator[Upload]:
        yield upload(0)
        assert given.wait(30)
        yield upload(1)

    results = shop.ingestor().put(uploads())
    assert next(results).source == "s0"
    assert shop.sources() == ["s0"]
    given.set()
    assert [each.source for each in results] == ["s1"]


def test_an_iteration_that_is_given_up_leaves_no_thread_and_nothing_half_written(shop: Shop) -> None:
    results = shop.ingestor().put(endless())
    first = next(results)
    assert threads() != []
    results.close()
    assert threads() == []
    assert first.source in shop.sources()
    assert shop.catalog.pending(shop.collection) == []


def test_who_hears_of_progress_may_end_the_work(shop: Shop) -> None:
    class Enough(Exception):
        pass

    def stop(_name: str, _done: int, _total: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        raise Enough

    with pytest.raises(Enough):
        list(shop.ingestor().put(endless(), on_embedded=stop))
    assert threads() == []
    assert shop.catalog.pending(shop.collection) == []


def test_uploads_that_fail_end_the_work(shop: Shop) -> None:
    def uploads() -> Iterator[Upload]:
        yield upload(0)
        raise OSError("the disk has gone")

    with pytest.raises(OSError, match="the disk has gone"):
        list(shop.ingestor().put(uploads()))
    assert threads() == []


def test_a_parser_that_cannot_be_had_ends_the_work(shop: Shop) -> None:
    def none(data: bytes, *, name: str) -> Parsed:
        raise ParserUnavailable(f"{name} can't be parsed")

    with pytest.raises(ParserUnavailable):
        list(shop.ingestor(load=none).put(endless()))
    assert threads() == []


def test_a_collection_that_goes_meanwhile_ends_the_work(shop: Shop) -> None:
    results = shop.ingestor().put(endless())
    next(results)
    shop.catalog.delete_collection(shop.collection)
    with pytest.raises(Exception, match="there is no"):
        list(results)
    assert threads() == []


def test_only_so_much_is_read_ahead(shop: Shop) -> None:
    taken: list[int] = []
    text = "\n\n".join(" ".join(SENTENCES[at : at + 6]) for at in range(0, 600, 6)) * 6

    def uploads() -> Iterator[Upload]:
        for number in range(30):
            taken.append(number)
            yield Upload(f"s{number}", f"s{number}.txt", text.encode())

    with closing(shop.ingestor().put(uploads())) as results:
        first = next(results)
        assert first.chunks >= 600
        time.sleep(0.5)
        # Five are under way and one is being read; of those before, some were written at once with the first.
        assert len(taken) <= 15


def test_of_three_uploads_of_one_source_the_last_is_served(shop: Shop) -> None:
    said = [Upload("a", "a.txt", text) for text in (b"Orcas hunt.", b"Seals rest.", b"Orcas hunt.")]
    list(shop.ingestor().put(said[:1]))
    list(shop.ingestor().put(said[1:]))
    (document,) = shop.catalog.documents(shop.collection)
    assert shop.catalog.text(document.id).text == "Orcas hunt."
