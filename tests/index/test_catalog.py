"""The catalog on real databases: what is served, what is replaced and removed, and what is logged."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from index.catalog import (
    Catalog,
    Collection,
    Database,
    NewVersion,
    Stretch,
    check_model,
    chunk_id,
    parse_chunk_id,
    sqlite_url,
)
from index.catalog.tables import chunks, collections, documents, labels, metadata, versions
from index.document import Heading, Span
from index.errors import EmbeddingMismatch, InvalidRequest, NotFound
from index.jobs import Jobs
from index.upload import Upload

MakeVersion = Callable[..., NewVersion]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = sqlite_url(tmp_path / "catalog.sqlite3")
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    yield database
    database.close()


def put(catalog: Catalog, collection: Collection, *new: NewVersion) -> list[int]:
    """Store and publish versions; gives their ids."""
    pending = catalog.add_pending(collection, new)
    return catalog.publish([each.version_id for each in pending if each])


def served(catalog: Catalog, collection: Collection) -> dict[str, list[str]]:
    """The lines of every live document by source, read by way of chunk ids."""
    found: dict[str, list[str]] = {}
    for version, count in catalog.live_versions(collection).items():
        ids = [chunk_id(version, at) for at in range(count)]
        lines = sorted(catalog.chunks(collection, ids)[0], key=lambda chunk: chunk.ordinal)
        found[lines[0].source] = [chunk.text for chunk in lines]
    return found


def rows(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


# Collections


def test_a_collection_is_made_once(catalog: Catalog, collection: Collection) -> None:
    assert catalog.ensure_collection("default", embedding_model="eight", dimension=8) == collection
    assert catalog.collections() == [collection]


def test_a_collection_that_does_not_exist_is_named(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="'other'"):
        catalog.collection("other")


@pytest.mark.parametrize(
    "name", ["", "a b", "../x", "é", "a" * 64, 'x"; DROP TABLE documents', "a\0", "-", "_a", "--help"]
)
def test_a_name_that_cannot_be_a_collection_is_refused(catalog: Catalog, name: str) -> None:
    with pytest.raises(InvalidRequest, match="63 ASCII letters"):
        catalog.ensure_collection(name, embedding_model="m", dimension=8)


@pytest.mark.parametrize("name", ["_old", "-", "--help"])
def test_a_collection_of_before_whose_name_begins_with_a_mark_is_found(
    catalog: Catalog, collection: Collection, database: Database, name: str
) -> None:
    with database.write() as connection:
        connection.execute(collections.update().values(name=name))
    assert catalog.collection(name) == replace(collection, name=name)
    assert catalog.ensure_collection(name, embedding_model="eight", dimension=8).name == name


def test_another_embedding_model_is_refused_with_the_way_out(
    catalog: Catalog, collection: Collection
) -> None:
    with pytest.raises(EmbeddingMismatch, match=r"'eight', not 'nine'.*set QA_EMBEDDING_MODEL back"):
        catalog.ensure_collection("default", embedding_model="nine", dimension=9)
    with pytest.raises(EmbeddingMismatch):
        check_model(collection, "nine")


def test_many_threads_make_one_collection(catalog: Catalog) -> None:
    def make() -> None:
        catalog.ensure_collection("c", embedding_model="m", dimension=1)

    run([make] * 8)
    assert [each.name for each in catalog.collections()] == ["c"]


# What is served


def test_a_version_is_served_only_when_it_is_published(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    (pending,) = catalog.add_pending(collection, [version("s", ["one", "two"])])
    assert pending is not None
    assert served(catalog, collection) == {}
    assert catalog.chunks(collection, [chunk_id(pending.version_id, 0)])[0] == []
    assert catalog.cut(pending.version_id, [Span(0, 3)]) is None
    with pytest.raises(NotFound):
        catalog.text(pending.document_id)
    assert [each.status for each in catalog.documents(collection)] == ["queued"]
    assert catalog.publish([pending.version_id]) == [pending.version_id]
    assert served(catalog, collection) == {"s": ["one", "two"]}


def test_a_document_reads_back_as_it_was_stored(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    new = version("Ordner/Straße 🏠.md", ["Grüße 👋", "日本語"], title="T", metadata={"a": "ä"}, origin="/o")
    headings = (Heading(1, "Grüße", Span(0, 5)),)
    new = replace(new, parsed=replace(new.parsed, headings=headings, pages=(0, 8)))
    put(catalog, collection, new)
    (document,) = catalog.documents(collection)
    assert (document.source, document.title, document.origin) == (new.source, "T", "/o")
    assert (document.status, document.metadata, document.characters) == ("indexed", {"a": "ä"}, 11)
    text = catalog.text(document.id)
    assert (text.text, text.headings, text.pages) == (new.parsed.text, headings, (0, 8))
    held = catalog.version_chunks(collection, text.version_id)
    for chunk, wanted, vector in zip(held, new.chunks, new.vectors, strict=True):
        assert (chunk.span, chunk.sentences) == (wanted.span, wanted.sentences)
        assert chunk.text == wanted.span.of(text.text)
        assert np.array_equal(chunk.vector, vector)
        assert np.array_equal(chunk.sentence_vectors, new.sentence_vectors[chunk.ordinal])


def test_a_document_of_another_collection_is_not_found(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    other = catalog.ensure_collection("other", embedding_model="eight", dimension=8)
    (live,) = put(catalog, other, version("s", ["one"]))
    (document,) = catalog.documents(other)
    assert catalog.collection_of(document.id) == other
    assert catalog.chunks(collection, [chunk_id(live, 0)])[0] == []
    assert catalog.version_chunks(collection, live) == []
    assert catalog.live_versions(collection) == {}
    assert catalog.documents(collection) == []
    assert catalog.changes_after(collection, 0) == []
    with pytest.raises(NotFound):
        catalog.document(collection, document.id)


def test_the_same_source_in_two_collections_is_two_documents(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    other = catalog.ensure_collection("other", embedding_model="eight", dimension=8)
    put(catalog, collection, version("s", ["one"]))
    put(catalog, other, version("s", ["two"]))
    assert served(catalog, collection) == {"s": ["one"]}
    assert served(catalog, other) == {"s": ["two"]}


def test_documents_are_listed_in_pages(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    put(catalog, collection, *(version(f"s{at}", ["x"]) for at in range(7)))
    paged: list[str] = []
    while page := catalog.documents(collection, limit=3, after=paged[-1] if paged else ""):
        paged += [each.id for each in page]
    assert paged == [each.id for each in catalog.documents(collection)]
    assert len(paged) == 7


# Replacing and removing


def test_replacing_leaves_nothing_of_the_version_before(
    database: Database, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    (old,) = put(catalog, collection, version("s", ["one", "two"], metadata={"k": "v"}))
    (new,) = put(catalog, collection, version("s", ["three"]))
    assert served(catalog, collection) == {"s": ["three"]}
    assert catalog.chunks(collection, [chunk_id(old, 0), chunk_id(new, 0)])[0][0].text == "three"
    assert [rows(database, table) for table in (documents, versions, chunks, labels)] == [1, 1, 1, 0]


def test_deleting_leaves_no_row_but_the_log(
    database: Database, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    accepted = Jobs(database).accept(collection, [Upload("s", "s", b"x")])
    put(catalog, collection, version("s", ["one"], metadata={"k": "v"}))
    catalog.add_pending(collection, [version("s", ["two"])])
    catalog.delete(accepted.document_ids[0])
    kept = {"collections", "changes", "jobs"}
    assert {table.name for table in metadata.sorted_tables if rows(database, table)} == kept
    assert [change.kind for change in catalog.changes_after(collection, 0)] == [
        "add",
        "add",
        "remove",
        "remove",
    ]
    with pytest.raises(NotFound):
        catalog.delete(accepted.document_ids[0])


def test_a_version_of_a_document_that_was_deleted_meanwhile_is_not_stored(
    database: Database, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    put(catalog, collection, version("s", ["one"]))
    (document,) = catalog.documents(collection)
    catalog.delete(document.id)
    late = version("s", ["two"], document_id=document.id)
    assert catalog.add_pending(collection, [late, version("t", ["x"])])[0] is None
    assert [rows(database, table) for table in (documents, versions)] == [1, 1]


def test_a_pending_version_that_was_deleted_is_not_published(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    (pending,) = catalog.add_pending(collection, [version("s", ["one"])])
    assert pending is not None
    catalog.delete(pending.document_id)
    assert catalog.publish([pending.version_id]) == []
    assert catalog.documents(collection) == []


def test_a_pending_version_gives_way_to_a_newer_one(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    (first,) = catalog.add_pending(collection, [version("s", ["one"])])
    (second,) = catalog.add_pending(collection, [version("s", ["two"])])
    assert first is not None
    assert second is not None
    assert catalog.pending(collection) == [second.version_id]
    assert catalog.publish([first.version_id, second.version_id]) == [second.version_id]
    assert served(catalog, collection) == {"s": ["two"]}


def test_publishing_twice_changes_nothing(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    live = put(catalog, collection, version("s", ["one"]))
    before = catalog.last_change(collection)
    assert catalog.publish(live) == live
    assert catalog.last_change(collection) == before
    assert catalog.pending(collection) == []


def test_readers_see_the_old_version_or_the_new_one_and_never_a_mix(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    def numbered(number: int) -> NewVersion:
        # Longer or shorter each time, over more statements than one.
        return version("s", [f"v{number} line {at}" for at in range(200 + 150 * (number % 2))])

    put(catalog, collection, numbered(0))
    document_id = catalog.documents(collection)[0].id
    done = threading.Event()
    wrong: list[str] = []
    reads = [0]

    def write() -> None:
        for number in range(1, 13):
            put(catalog, collection, numbered(number))
        done.set()

    def read() -> None:
        while not done.is_set():
            text = catalog.text(document_id).text.split("\n")
            number = text[0].split()[0]
            if any(not line.startswith(f"{number} ") for line in text):
                wrong.append("text mixes versions")
            held = catalog.live_versions(collection)
            ids = [chunk_id(version_id, at) for version_id in held for at in range(350)]
            found, _ = catalog.chunks(collection, ids)
            if len(held) != 1 or len(found) not in (0, 200, 350):  # 0: replaced between the two calls
                wrong.append(f"{len(held)} versions, {len(found)} chunks")
            if len({chunk.text.split()[0] for chunk in found}) > 1:
                wrong.append("chunks mix versions")
            reads[0] += 1

    run([write, read, read, read])
    assert wrong == []
    assert reads[0] > 3


def test_threads_that_put_and_delete_the_same_documents_leave_a_catalog_that_agrees_with_its_log(
    database: Database, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    def put_and_delete(thread: int) -> None:
        for at in range(8):
            put(catalog, collection, version(f"s{at % 3}", [f"{thread} {at}"] * (1 + at)))
            for document in catalog.documents(collection)[thread % 2 : 1]:
                try:
                    catalog.delete(document.id)
                except NotFound:
                    continue

    run([partial(put_and_delete, thread) for thread in range(4)])
    logged: set[int] = set()
    for change in catalog.changes_after(collection, 0, limit=10_000):
        (logged.add if change.kind == "add" else logged.remove)(change.version_id)
    assert logged == set(catalog.held_versions(collection)) == set(catalog.live_versions(collection))
    assert rows(database, versions) == len(logged)
    assert catalog.pending(collection) == []


# What is asked for


def test_what_is_no_chunk_id_names_no_chunk(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    (live,) = put(catalog, collection, version("s", ["one"]))
    hostile = [
        "x",
        "",
        "1",
        "1.2.3",
        "-1.0",
        f"{live}.0'",
        f" {live}.0",
        "1_0.0",
        "１.0",
        "9" * 40 + ".0",
        "\0.1",
    ]
    found, _ = catalog.chunks(collection, [*hostile, chunk_id(live, 0), chunk_id(live, 0), chunk_id(live, 1)])
    assert [chunk.id for chunk in found] == [chunk_id(live, 0)]


def test_more_chunks_than_one_statement_takes_are_found_once_each(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    (live,) = put(catalog, collection, version("s", [str(at) for at in range(1200)]))
    ids = [chunk_id(live, at) for at in range(1200)]
    assert sorted(chunk.id for chunk in catalog.chunks(collection, ids * 2)[0]) == sorted(ids)


def test_reading_chunks_costs_the_same_in_a_collection_of_any_size(
    tmp_path: Path, version: MakeVersion
) -> None:
    def steps(size: int) -> int:
        """How many hundreds of steps SQLite's machine makes to read two chunks."""
        database = Database(sqlite_url(tmp_path / f"{size}.sqlite3"))
        catalog = Catalog(database)
        collection = catalog.ensure_collection("default", embedding_model="eight", dimension=8)
        live = put(catalog, collection, *(version(f"s{at}", ["x"]) for at in range(size)))
        made: list[int] = []
        with database.read() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.set_progress_handler(lambda: made.append(1), 100)
        assert len(catalog.chunks(collection, [chunk_id(live[0], 0), chunk_id(live[-1], 0)])[0]) == 2
        database.close()
        return len(made)

    assert steps(300) <= 2 * steps(20)


@pytest.mark.parametrize(
    "key", ["plain", 'a"b', "a'b", "a.b", "$", "$.a", "a[0]", "", "日本", "\\", "%", "key"]
)
def test_a_filter_finds_by_any_key_and_value(
    catalog: Catalog, collection: Collection, version: MakeVersion, key: str
) -> None:
    (first, second, _) = put(
        catalog,
        collection,
        version("a", ["x"], metadata={key: "v'\"1"}),
        version("b", ["x"], metadata={key: "é", "other": "v'\"1"}),
        version("c", ["x"]),
    )
    assert set(catalog.live_versions(collection, metadata={key: ["v'\"1"]})) == {first}
    assert set(catalog.live_versions(collection, metadata={key: ["v'\"1", "é"]})) == {first, second}
    assert set(catalog.live_versions(collection, metadata={key: ["é"], "other": ["x"]})) == set()
    assert set(catalog.live_versions(collection, metadata={key: []})) == set()


def test_a_filter_finds_by_the_documents_own_fields(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    first, _ = put(catalog, collection, version("a", ["x"], title="A"), version("b", ["x"], title="B"))
    document_id = catalog.documents(collection, source="a")[0].id
    for wanted in ({"source": ["a"]}, {"title": ["A"]}, {"document_id": [document_id]}):
        assert set(catalog.live_versions(collection, metadata=wanted)) == {first}


def test_a_filter_of_too_many_values_is_refused(catalog: Catalog, collection: Collection) -> None:
    with pytest.raises(InvalidRequest, match="1,000"):
        catalog.live_versions(collection, metadata={"k": ["v"] * 1001})
    assert catalog.live_versions(collection, metadata={"k": [str(at) for at in range(1000)]}) == {}


def test_a_cut_is_the_text_of_its_span_and_nothing_beyond_the_text(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    text = "Aé👋日\nend"
    (live,) = put(catalog, collection, version("s", text.split("\n")))
    whole = [Span(start, end) for start in range(len(text)) for end in range(start, len(text) + 1)]
    assert catalog.cut(live, whole) == [span.of(text) for span in whole]
    assert catalog.cut(live, [Span(6, 2**70), Span(-5, 1), Span(3, 1), Span(99, 100)]) == ["nd", "A", "", ""]
    assert catalog.cut(live, []) == []
    assert len(catalog.cut(live, [Span(0, 1)] * 3000) or []) == 3000
    assert catalog.cut(live + 1, [Span(0, 1)]) is None
    assert catalog.cut(live, [Span(2**31 - 1, 0), Span(2**70, 2**71)]) == ["", ""]


def test_stretches_are_of_many_documents_as_they_are_served(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    texts = {f"s{n}": f"é{n} 👋 end" for n in range(300)}
    put(catalog, collection, *(version(source, [text]) for source, text in texts.items()))
    its = {each.source: each for each in catalog.documents(collection)}
    spans = {source: Span(1, len(text) - 2) for source, text in texts.items()}
    found = catalog.stretches([(its[source].id, span) for source, span in spans.items()])
    assert found == [
        Stretch("default", str(its[source].text_sha256), len(text), spans[source].of(text))
        for source, text in texts.items()
    ]


def test_a_stretch_beyond_the_text_is_empty_and_one_of_what_is_not_served_none(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    put(catalog, collection, version("s", ["end"]))
    catalog.add_pending(collection, [version("waits", ["later"])])
    its = {each.source: each.id for each in catalog.documents(collection)}
    spans = [Span(1, 2**70), Span(-5, 1), Span(2, 1), Span(2**31 - 1, 0), Span(2**70, 2**71)]
    found = catalog.stretches([(its["s"], span) for span in spans])
    assert [each and each.text for each in found] == ["nd", "e", "", "", ""]
    assert catalog.stretches([("nosuch", Span(0, 1)), (its["waits"], Span(0, 1))]) == [None, None]
    assert catalog.stretches([]) == []


def test_a_collection_that_has_moved_to_another_model_is_to_be_asked_again(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    moved = replace(collection, uid="0" * 16, embedding_model="nine")
    catalog.change_model(collection, moved, [], versions_seen=[])
    for refused in (
        lambda: catalog.require(collection),
        lambda: catalog.add_pending(collection, [version("s", ["one"])]),
    ):
        with pytest.raises(NotFound, match=r"^collection 'default' has just moved .*: ask again$"):
            refused()
    catalog.delete_collection(moved)
    with pytest.raises(NotFound, match="there is no collection 'default'"):
        catalog.require(collection)


# Ids


@given(st.integers(0, 10**9 - 1), st.integers(0, 10**9 - 1))
def test_a_chunk_id_names_its_version_and_ordinal(version_id: int, ordinal: int) -> None:
    assert parse_chunk_id(chunk_id(version_id, ordinal)) == (version_id, ordinal)


@given(st.text())
def test_any_text_is_a_chunk_id_or_refused(value: str) -> None:
    try:
        version_id, ordinal = parse_chunk_id(value)
    except ValueError:
        return
    assert float(f"{version_id}.{ordinal}") == float(value)


def run(tasks: Sequence[Callable[[], None]]) -> None:
    """Run tasks in threads of their own; pytest reports what they raise."""
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_vectors_are_found_by_the_hash_of_their_content_those_of_the_newest_chunks(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    for number in range(6):
        hashes = (b"first" * 3 + b"!", b"%016d" % number)
        new = version(f"s{number}", ["Orcas hunt.", f"Seals {number}."], content_hashes=hashes)
        catalog.publish([each.version_id for each in catalog.add_pending(collection, [new]) if each])
    found = catalog.stored_vectors([b"first" * 3 + b"!", b"%016d" % 2, b"unknown hash...."])
    assert {each.title for each in found[b"first" * 3 + b"!"]} == {"s2", "s3", "s4", "s5"}
    (one,) = found[b"%016d" % 2]
    assert (one.title, one.headings, len(one.vector)) == ("s2", (), 4 * 8)
    assert len(found) == 2


def test_vectors_of_a_deleted_document_are_not_found_by_their_hash(
    catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    (pending,) = catalog.add_pending(collection, [version("a", ["Orcas."], content_hashes=(b"0" * 16,))])
    assert pending is not None
    assert catalog.stored_vectors([b"0" * 16])
    catalog.delete(pending.document_id)
    assert catalog.stored_vectors([b"0" * 16]) == {}
