"""Uploads as jobs: acknowledged, ended, and taken up again after a crash."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.audit import audit_catalog
from index.catalog import Catalog, Collection, Database, NewVersion, sqlite_url
from index.errors import EmptyDocument, IdempotencyKeyReused, InvalidRequest, NotFound
from index.jobs import Job, Jobs
from index.once import Once
from index.upload import Upload
from qa_service.services import Services, opened
from qa_service.settings import Settings

MakeVersion = Callable[..., NewVersion]


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


UPLOADS = (
    Upload("a", "a.md", b"# A\n\nPenguins.", title="T", metadata={"k": "v"}, origin="/o"),
    Upload("b", "b.md", bytes(range(256))),
)


def added(jobs: Jobs, collection: Collection, uploads: Sequence[Upload]) -> Job:
    """The job of uploads that have just been accepted."""
    return jobs.get(jobs.accept(collection, uploads).job_id)


def test_an_acknowledged_upload_has_its_documents_id_and_waits(
    jobs: Jobs, catalog: Catalog, collection: Collection
) -> None:
    job = added(jobs, collection, UPLOADS)
    assert jobs.get(job.id) == job
    assert (job.status, job.collection) == ("running", "default")
    assert [item.status for item in job.items] == ["queued", "queued"]
    listed = {document.id: document for document in catalog.documents(collection)}
    assert [listed[item.document_id].status for item in job.items] == ["queued", "queued"]
    assert [listed[item.document_id].title for item in job.items] == ["T", "b.md"]


def test_an_upload_is_taken_as_it_came(jobs: Jobs, collection: Collection) -> None:
    job = added(jobs, collection, UPLOADS)
    taken = [jobs.take(item_id) for item_id in jobs.queued()]
    for item, queued, upload in zip(job.items, taken, UPLOADS, strict=True):
        assert queued is not None
        assert queued.upload is not None
        assert (queued.upload.source, queued.upload.name, queued.upload.data) == (
            upload.source,
            upload.name,
            upload.data,
        )
        assert (queued.upload.title, queued.upload.origin) == (upload.title, upload.origin)
        assert queued.upload.metadata == upload.metadata
        assert queued.upload.document_id == item.document_id


def test_an_item_that_has_ended_is_not_taken_again_and_its_bytes_are_gone(
    tmp_path: Path, jobs: Jobs, collection: Collection, database: Database
) -> None:
    job = added(jobs, collection, [Upload("a", "a", b"0123456789abcdef" * 8)])
    (item_id,) = jobs.queued()
    jobs.end(item_id, "indexed")
    assert jobs.queued() == []
    assert jobs.take(item_id) is None
    assert jobs.get(job.id).status == "done"
    database.close()
    assert b"0123456789abcdef" not in (tmp_path / "catalog.sqlite3").read_bytes()


def test_a_failure_is_told_with_the_job_and_with_the_document(
    jobs: Jobs, catalog: Catalog, collection: Collection
) -> None:
    job = added(jobs, collection, [Upload("a", "a", b"")])
    jobs.end(jobs.queued()[0], "failed", EmptyDocument("'a' holds no text"))
    (item,) = jobs.get(job.id).items
    assert (item.status, item.error_code, item.error_message) == (
        "failed",
        "empty_document",
        "'a' holds no text",
    )
    (document,) = catalog.documents(collection)
    assert (document.status, document.error_code) == ("failed", "empty_document")


def test_the_last_upload_of_a_document_counts(jobs: Jobs, catalog: Catalog, collection: Collection) -> None:
    added(jobs, collection, [Upload("a", "a", b"")])
    jobs.end(jobs.queued()[0], "failed", EmptyDocument("'a' holds no text"))
    added(jobs, collection, [Upload("a", "a", b"x")])
    (document,) = catalog.documents(collection)
    assert (document.status, document.error_code) == ("queued", None)


def test_an_upload_whose_document_is_deleted_does_not_wait_any_more(
    jobs: Jobs, catalog: Catalog, collection: Collection
) -> None:
    job = added(jobs, collection, UPLOADS[:1])
    (item_id,) = jobs.queued()
    catalog.delete(job.items[0].document_id)
    assert jobs.queued() == []
    assert jobs.take(item_id) is None
    assert jobs.get(job.id).status == "done"
    jobs.end(item_id, "indexed")


def test_a_document_that_is_renamed_while_it_waits_is_indexed_under_its_new_names(
    jobs: Jobs, catalog: Catalog, collection: Collection
) -> None:
    (item,) = added(jobs, collection, [Upload("old.md", "old.md", b"Orcas hunt.", "Old")]).items
    catalog.rename(item.document_id, source="new.md", title="New")
    taken = jobs.take(jobs.queued()[0])
    assert taken
    assert taken.upload
    assert (taken.upload.source, taken.upload.title) == ("new.md", "New")
    assert taken.upload.document_id == item.document_id


def test_an_acknowledged_upload_is_still_there_in_another_process(
    tmp_path: Path, jobs: Jobs, collection: Collection
) -> None:
    job = added(jobs, collection, UPLOADS)
    # Nothing is closed before: this is what a crash leaves.
    other = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    assert Jobs(other).get(job.id) == job
    assert Jobs(other).queued() == jobs.queued()
    other.close()


def test_what_a_crash_left_undone_is_indexed_once(settings: Settings) -> None:
    with opened(settings, command="first") as services:
        job = added(services.jobs, services.collection("default"), UPLOADS[:1])
        # The crash comes after the document is served, before its item has ended.
        _index(services, services.jobs.queued()[0])
    with opened(settings, command="second") as services:
        (item_id,) = services.jobs.queued()
        assert _index(services, item_id) == "unchanged"
        services.jobs.end(item_id, "unchanged")
        assert services.jobs.get(job.id).status == "done"
        collection = services.collection("default")
        assert [each.id for each in services.catalog.documents(collection)] == [job.items[0].document_id]


def _index(services: Services, item_id: int) -> str:
    queued = services.jobs.take(item_id)
    assert queued is not None
    assert queued.upload is not None
    (result,) = services.ingestor(services.collection(queued.collection)).put([queued.upload])
    return result.outcome


def test_a_job_that_does_not_exist_is_named(jobs: Jobs) -> None:
    with pytest.raises(NotFound, match="'nope'"):
        jobs.get("nope")


def test_a_job_of_nothing_is_done(jobs: Jobs, collection: Collection) -> None:
    assert added(jobs, collection, []).status == "done"


def test_a_job_is_acknowledged_as_a_whole_or_not_at_all(
    jobs: Jobs, catalog: Catalog, collection: Collection
) -> None:
    def uploads() -> list[Upload]:
        return [UPLOADS[0], Upload("b", "b\0", b"x")]

    with pytest.raises(InvalidRequest):
        added(jobs, collection, uploads())
    assert catalog.documents(collection) == []


# What is left of the names of what has gone

CANARY = "zqkestrel"


def rows_with(database: Database, word: str) -> list[str]:
    """The rows of uploads in which a word stands."""
    with database.read() as connection:
        rows = connection.execute(sa.text("SELECT * FROM job_items")).all()
    return [str(row) for row in rows if word in str(row)]


def files_with(folder: Path, word: str) -> list[str]:
    """The database's files in which a word stands."""
    return [path.name for path in folder.glob("catalog.sqlite3*") if word.encode() in path.read_bytes()]


def upload(text: bytes = b"Orcas hunt.") -> Upload:
    return Upload(f"{CANARY}/a", f"{CANARY}.md", text, f"{CANARY} title", {"bird": CANARY})


def publish(catalog: Catalog, collection: Collection, document_id: str, version: MakeVersion) -> None:
    new = version("a", ["Orcas hunt."], document_id=document_id, title=f"{CANARY} title")
    stored = catalog.add_pending(collection, [new])
    assert catalog.publish([each.version_id for each in stored if each])


@pytest.mark.parametrize("renamed", ["never", "while it waits", "afterwards"])
@pytest.mark.parametrize("ends", ["not", "indexed", "failed"])
def test_of_a_deleted_document_no_upload_keeps_the_title_or_the_name(
    tmp_path: Path,
    database: Database,
    jobs: Jobs,
    catalog: Catalog,
    collection: Collection,
    version: MakeVersion,
    renamed: str,
    ends: str,
) -> None:
    (item,) = added(jobs, collection, [upload()]).items
    (item_id,) = jobs.queued()
    assert rows_with(database, CANARY)
    if renamed == "while it waits":
        catalog.rename(item.document_id, source="b", title=f"{CANARY} anew")
    if ends == "indexed":
        publish(catalog, collection, item.document_id, version)
        jobs.end(item_id, "indexed")
    elif ends == "failed":
        jobs.end(item_id, "failed", EmptyDocument(f"{CANARY!r} holds no text"))
    if renamed == "afterwards":
        catalog.rename(item.document_id, source="b", title=f"{CANARY} anew")
    catalog.delete(item.document_id)
    assert (rows_with(database, CANARY), files_with(tmp_path, CANARY)) == ([], [])


@pytest.mark.parametrize("ends", ["not", "indexed", "failed", "cancelled"])
def test_of_a_renamed_document_no_upload_keeps_the_old_title_or_source(
    database: Database,
    jobs: Jobs,
    catalog: Catalog,
    collection: Collection,
    version: MakeVersion,
    ends: str,
) -> None:
    job = added(jobs, collection, [Upload("a", "a.md", b"Orcas hunt.", f"{CANARY} title")])
    (item,), (item_id,) = job.items, jobs.queued()
    if ends in ("indexed", "cancelled"):
        publish(catalog, collection, item.document_id, version)
    if ends == "cancelled":
        jobs.cancel(job.id)
    elif ends != "not":
        jobs.end(item_id, ends, EmptyDocument("no text") if ends == "failed" else None)  # type: ignore[arg-type]
    catalog.rename(item.document_id, source="b", title="Orcas")
    assert rows_with(database, CANARY) == []
    assert [each.title for each in catalog.documents(collection)] == ["Orcas"]
    assert [each.source for each in jobs.get(job.id).items] == ["b"]


def test_a_document_that_is_deleted_takes_with_it_what_was_cancelled_under_its_source(
    tmp_path: Path, database: Database, jobs: Jobs, catalog: Catalog, collection: Collection
) -> None:
    cancelled = added(jobs, collection, [upload(b"Old.")])
    jobs.cancel(cancelled.id)
    (item,) = added(jobs, collection, [upload()]).items
    assert item.document_id != cancelled.items[0].document_id
    catalog.delete(item.document_id)
    assert (rows_with(database, CANARY), files_with(tmp_path, CANARY)) == ([], [])


# On both databases


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each sort."""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    else:
        url = sqlite_url(tmp_path / "either.sqlite3")
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def here(either: Database) -> Collection:
    return Catalog(either).ensure_collection("here", embedding_model="m", dimension=4)


def test_what_comes_once_more_is_recognised_and_nothing_is_stored_for_it(
    either: Database, here: Collection
) -> None:
    jobs, once = Jobs(either), Once("key", "caller")
    first = jobs.accept(here, UPLOADS, once=once)
    assert jobs.accept(here, UPLOADS, once=once) == first
    assert jobs.accept(here, UPLOADS, once=Once("key", "other")).job_id != first.job_id
    assert len(jobs.page()) == 2
    with pytest.raises(IdempotencyKeyReused, match="'key' came with another request"):
        jobs.accept(here, UPLOADS[:1], once=once)


def test_repeats_from_many_threads_are_one_job(either: Database, here: Collection) -> None:
    start = threading.Barrier(20)

    def accept(_: int) -> str:
        start.wait()
        return Jobs(either).accept(here, UPLOADS, once=Once("key")).job_id

    with ThreadPoolExecutor(20) as threads:
        assert len(set(threads.map(accept, range(20)))) == 1
    assert len(Jobs(either).page()) == 1
    assert len(Catalog(either).documents(here)) == len(UPLOADS)


def test_a_list_of_jobs_has_pages_and_only_the_collections_that_are_asked_for(
    either: Database, here: Collection
) -> None:
    jobs = Jobs(either)
    there = Catalog(either).ensure_collection("there", embedding_model="m", dimension=4)
    made = [added(jobs, here if at % 2 else there, UPLOADS[: at % 3]).id for at in range(7)]
    whole = jobs.page()
    assert {each.id for each in whole} == set(made)
    assert whole == sorted(whole, key=lambda each: (each.created_at, each.id), reverse=True)
    first = jobs.page(limit=3)
    rest = jobs.page(before=(first[-1].created_at, first[-1].id))
    assert first + rest == whole
    assert [each.collection for each in jobs.page(collections=["there"])] == ["there"] * 4
    assert jobs.page(collections=[]) == []
    assert {each.id: dict(each.counts) for each in whole}[made[2]] == {"queued": 2}


def test_what_is_under_way_is_told_until_it_ends(either: Database, here: Collection) -> None:
    jobs = Jobs(either)
    job = added(jobs, here, UPLOADS)
    first, second = jobs.queued()
    jobs.note(first, "parsing")
    assert jobs.get(job.id).items[0].stage == "parsing"
    jobs.note(first, "embedding", embedded=3, chunks=9)
    item, other = Jobs(either).get(job.id).items
    assert (item.stage, item.embedded, item.chunks) == ("embedding", 3, 9)
    assert (other.stage, other.embedded, other.chunks) == ("queued", 0, None)
    jobs.end(first, "indexed", chunks=9)
    jobs.note(first, "writing", embedded=9, chunks=9)  # too late
    item, _ = jobs.get(job.id).items
    assert (item.status, item.stage, item.chunks) == ("indexed", "queued", 9)
    jobs.note(second, "parsing")
    jobs.rest()
    assert [each.stage for each in jobs.get(job.id).items] == ["queued", "queued"]


def test_what_is_cancelled_waits_no_more_and_what_has_ended_stays(either: Database, here: Collection) -> None:
    jobs, catalog = Jobs(either), Catalog(either)
    job = added(jobs, here, UPLOADS)
    first, second = jobs.queued()
    jobs.end(first, "failed", EmptyDocument("'a' holds no text"))
    jobs.note(second, "embedding", embedded=1, chunks=2)
    jobs.cancel(job.id)
    cancelled = jobs.get(job.id)
    assert (cancelled.status, [item.status for item in cancelled.items]) == (
        "cancelled",
        ["failed", "cancelled"],
    )
    assert (jobs.queued(), jobs.take(second), jobs.is_wanted(second)) == ([], None, False)
    assert [(each.source, each.status) for each in catalog.documents(here)] == [("a", "failed")]
    jobs.end(second, "failed", EmptyDocument("'b' holds no text"))
    assert jobs.get(job.id) == cancelled
    with pytest.raises(NotFound, match="'nope'"):
        jobs.cancel("nope")


def test_of_what_is_cancelled_no_byte_stays_and_nothing_is_found_wrong(
    tmp_path: Path, database: Database, jobs: Jobs, collection: Collection
) -> None:
    job = added(jobs, collection, [Upload("a", "a", b"0123456789abcdef" * 8)])
    jobs.cancel(job.id)
    for path in tmp_path.glob("catalog.sqlite3*"):
        assert b"0123456789abcdef" not in path.read_bytes()
    assert [each for each in audit_catalog(database) if each.state == "broken"] == []


def test_a_document_that_another_job_wants_outlives_a_cancelled_one(
    either: Database, here: Collection
) -> None:
    jobs, catalog = Jobs(either), Catalog(either)
    first, second = added(jobs, here, UPLOADS[:1]), added(jobs, here, UPLOADS[:1])
    jobs.cancel(second.id)
    (document,) = catalog.documents(here)
    assert (document.id, document.status) == (first.items[0].document_id, "queued")
    jobs.cancel(first.id)
    assert catalog.documents(here) == []


def test_what_was_being_written_when_it_was_cancelled_is_told_as_it_is_served(
    either: Database, here: Collection
) -> None:
    jobs = Jobs(either)
    job = added(jobs, here, UPLOADS[:1])
    (item_id,) = jobs.queued()
    jobs.cancel(job.id)
    jobs.end(item_id, "replaced", chunks=1)
    assert (jobs.get(job.id).status, jobs.get(job.id).items[0].status) == ("done", "replaced")
