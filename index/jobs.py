"""Uploads, and moves of collections to another embedding model, as jobs: acknowledged when they are in the catalog.

What a crash has cut off is taken up again.

All that is known of a job stands in the catalog, so that any process can list, watch and cancel what another
one works on.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from index.catalog import Collection, Database
from index.catalog.statements import no_job, require, reserve
from index.catalog.tables import collections, documents, job_items, jobs, under_way, versions
from index.clock import now_ms
from index.errors import QAError
from index.once import Accepted, Once, fingerprint, recall, remember
from index.upload import Outcome, Upload

ItemStatus = Outcome | Literal["queued", "cancelled"]
JobStatus = Literal["running", "done", "failed", "cancelled"]
JobKind = Literal["index", "reindex"]
Stage = Literal["queued", "parsing", "embedding", "writing"]

Cursor = tuple[int, str]
"""A place in the list of jobs: the time and the id of the job before it."""

_SERVED = ("indexed", "replaced")

_NAME = collections.c.name.label("collection")
_JOBS = sa.select(jobs, _NAME).join(collections, collections.c.id == jobs.c.collection_id)
_JOB = _JOBS.where(jobs.c.id == sa.bindparam("its_id"))
_ITEMS_OF_JOB: sa.Select[Any] = (
    sa.select(
        job_items.c.document_id,
        job_items.c.source,
        job_items.c.name,
        job_items.c.state.label("status"),
        job_items.c.error_code,
        job_items.c.error_message,
        sa.func.coalesce(job_items.c.chunks, under_way.c.chunks).label("chunks"),
        sa.func.coalesce(under_way.c.stage, "queued").label("stage"),
        sa.func.coalesce(under_way.c.embedded, 0).label("embedded"),
    )
    .outerjoin(under_way, under_way.c.item_id == job_items.c.id)
    .where(job_items.c.job_id == sa.bindparam("its_id"))
    .order_by(job_items.c.id)
)
_WAITS = sa.and_(job_items.c.id == sa.bindparam("item"), job_items.c.state == "queued")
_WAITING = sa.select(job_items.c.id).where(_WAITS)
_TAKE = (
    sa.select(job_items, _NAME)
    .add_columns(jobs.c.kind)
    .join(jobs, jobs.c.id == job_items.c.job_id)
    .join(collections, collections.c.id == jobs.c.collection_id)
    .where(_WAITS)
)
_NAMES = sa.select(job_items.c.source, job_items.c.origin, job_items.c.title).where(
    job_items.c.id == sa.bindparam("item")
)
_NOTED = {
    "stage": sa.bindparam("now_stage", type_=sa.String),
    "embedded": sa.bindparam("now_embedded", type_=sa.Integer),
    "chunks": sa.bindparam("now_chunks", type_=sa.Integer),
}
_NOTE = under_way.update().where(under_way.c.item_id == sa.bindparam("item")).values(_NOTED)
_BEGIN = under_way.insert().from_select(
    ["item_id", *_NOTED], sa.select(job_items.c.id, *_NOTED.values()).where(_WAITS)
)


@dataclass(frozen=True, slots=True)
class JobItem:
    """One upload of a job, or the whole of a `reindex`; `status` is `queued` until it has ended.

    `stage` says what is being done with it until then, and `embedded` of how many `chunks` have been embedded.
    """

    document_id: str
    source: str
    name: str
    status: ItemStatus
    error_code: str | None = None
    error_message: str | None = None
    chunks: int | None = None
    stage: Stage = "queued"
    embedded: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """Uploads that were acknowledged together; `created_at` is a Unix time in milliseconds."""

    id: str
    collection: str
    created_at: int
    kind: JobKind
    items: tuple[JobItem, ...]

    @property
    def status(self) -> JobStatus:
        """What has become of it as a whole."""
        return _status(self.kind, (item.status for item in self.items))


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job as it is listed, with the number of its items by their status."""

    id: str
    collection: str
    created_at: int
    kind: JobKind
    counts: Mapping[ItemStatus, int]

    @property
    def status(self) -> JobStatus:
        """What has become of it as a whole."""
        return _status(self.kind, self.counts)


@dataclass(frozen=True, slots=True)
class Queued:
    """An upload that waits to be indexed; without an upload, a collection that waits to be reindexed."""

    job_id: str
    item_id: int
    collection: str
    upload: Upload | None


@dataclass(frozen=True, slots=True)
class Delay:
    """Why acknowledged uploads have to wait, and for how long until they are tried again."""

    error: QAError
    seconds: float


class Jobs:
    """The queue of uploads in the catalog's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(
        self, collection: Collection, uploads: Sequence[Upload], *, once: Once | None = None
    ) -> Accepted:
        """Acknowledge uploads: when this returns, they are on disk with the ids of their documents.

        What comes `once` more with the same key within 24 hours gets the same reply, and nothing is done for it.
        Raises `IdempotencyKeyReused` where something else came with that key, and `NotFound` where the collection
        has been deleted.
        """
        sha256 = (once.sha256 or fingerprint(uploads)) if once else ""
        with self._database.write() as connection:
            require(connection, collection)
            if once and (known := recall(connection, collection.id, once, sha256=sha256)):
                return known
            accepted = _insert(connection, collection, uploads)
            if once:
                remember(connection, collection.id, once, accepted, sha256=sha256)
        return accepted

    def reindex(self, collection: Collection) -> str:
        """Acknowledge that a collection is to move to another embedding model; gives the job's id.

        Where it waits for that already, it is the same job. Raises `NotFound` where the collection has been deleted.
        """
        waiting = (
            sa.select(jobs.c.id)
            .join(job_items, job_items.c.job_id == jobs.c.id)
            .where(
                jobs.c.collection_id == collection.id, jobs.c.kind == "reindex", job_items.c.state == "queued"
            )
        )
        with self._database.write() as connection:
            require(connection, collection)
            known: str | None = connection.execute(waiting).scalar()
            return known or _insert_reindexing(connection, collection)

    def accepted(self, collection: Collection, once: Once) -> Accepted | None:
        """What a request with that key and `sha256` was told in the last 24 hours; None where none came.

        Raises `IdempotencyKeyReused` where something else came with that key.
        """
        with self._database.write() as connection:
            return recall(connection, collection.id, once, sha256=once.sha256 or "")

    def get(self, job_id: str) -> Job:
        """A job; `NotFound` where there is none of that id."""
        with self._database.read() as connection:
            job = connection.execute(_JOB, {"its_id": job_id}).one_or_none()
            if job is None:
                raise no_job(job_id)
            rows = connection.execute(_ITEMS_OF_JOB, {"its_id": job_id}).all()
        return Job(job.id, job.collection, job.created_at, job.kind, tuple(_item(row) for row in rows))

    def page(
        self, *, limit: int = 100, before: Cursor | None = None, collections: Sequence[str] | None = None
    ) -> list[JobSummary]:
        """Jobs, the newest first, of some collections or of all; `before` is what the page follows."""
        query = _JOBS.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(sa.tuple_(jobs.c.created_at, jobs.c.id) < sa.tuple_(*map(sa.literal, before)))
        if collections is not None:
            query = query.where(_NAME.in_(collections))
        with self._database.read() as connection:
            found = connection.execute(query).all()
            counts = _counts(connection, query)
        return [
            JobSummary(row.id, row.collection, row.created_at, row.kind, counts.get(row.id, {}))
            for row in found
        ]

    def cancel(self, job_id: str) -> None:
        """Give up what waits or is under way of a job, and let its bytes go; `NotFound` where there is no job.

        What has ended stays, and what is given up keeps its name and source. What was served before of a document
        is still served; one of which nothing ever was goes.
        """
        its = job_items.c.job_id == job_id
        waiting = sa.and_(its, job_items.c.state == "queued")
        with self._database.write() as connection:
            if connection.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id)).first() is None:
                raise no_job(job_id)
            connection.execute(_rest(sa.select(job_items.c.id).where(waiting)))
            connection.execute(
                job_items.update()
                .where(waiting)
                .values(state="cancelled", payload=None, title=None, metadata={})
            )
            connection.execute(
                documents.delete().where(
                    documents.c.id.in_(
                        sa.select(job_items.c.document_id).where(its, job_items.c.state == "cancelled")
                    ),
                    ~sa.exists().where(versions.c.document_id == documents.c.id),
                    ~sa.exists().where(
                        job_items.c.document_id == documents.c.id, job_items.c.state != "cancelled"
                    ),
                )
            )
        self._database.scrub()

    # The queue

    def queued(self) -> list[int]:
        """The ids of all items that wait, oldest first."""
        query = sa.select(job_items.c.id).where(job_items.c.state == "queued").order_by(job_items.c.id)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def is_wanted(self, item_id: int) -> bool:
        """Whether an item still waits: it has not ended, was not cancelled, and its document was not deleted."""
        with self._database.read() as connection:
            return connection.execute(_WAITING, {"item": item_id}).first() is not None

    def take(self, item_id: int) -> Queued | None:
        """A waiting item with its bytes; None where it is no longer wanted."""
        with self._database.read() as connection:
            row = connection.execute(_TAKE, {"item": item_id}).one_or_none()
        return _queued(row) if row else None

    def renamed(self, item: Queued) -> dict[str, str]:
        """What a taken upload has been given since: `source`, `origin` and `title`, as far as they are others."""
        with self._database.read() as connection:
            row = connection.execute(_NAMES, {"item": item.item_id}).one_or_none()
        now: dict[str, str] = row._asdict() if row else {}
        return {name: now[name] for name in now if now[name] != getattr(item.upload, name)}

    def note(self, item_id: int, stage: Stage, *, embedded: int = 0, chunks: int | None = None) -> None:
        """Record how far the work on an item is; nothing where it is no longer wanted."""
        values = {"item": item_id, "now_stage": stage, "now_embedded": embedded, "now_chunks": chunks}
        with self._database.write() as connection:
            if not connection.execute(_NOTE, values).rowcount:
                connection.execute(_BEGIN, values)

    def rest(self) -> None:
        """Record that nothing is under way."""
        with self._database.write() as connection:
            connection.execute(under_way.delete())

    def end(
        self, item_id: int, outcome: Outcome, error: QAError | None = None, *, chunks: int | None = None
    ) -> None:
        """Record how a waiting item ended, and let its bytes go; nothing where it has ended already.

        One that was cancelled when its document was being written, so that it is served now, has not been
        cancelled in the end.
        """
        ended = ("queued", "cancelled") if outcome in _SERVED else ("queued",)
        with self._database.write() as connection:
            connection.execute(_rest([item_id]))
            connection.execute(
                job_items.update()
                .where(job_items.c.id == item_id, job_items.c.state.in_(ended))
                .values(
                    state=outcome,
                    payload=None,
                    chunks=chunks,
                    error_code=error.code if error else None,
                    error_message=str(error) if error else None,
                )
            )


def _item(row: Row[Any]) -> JobItem:
    return JobItem(**row._mapping)


def _counts(connection: Connection, listed: sa.Select[Any]) -> dict[str, dict[ItemStatus, int]]:
    """The number of items by status, of each job that is listed."""
    its = sa.select(listed.subquery().c.id)
    rows = connection.execute(
        sa.select(job_items.c.job_id, job_items.c.state, sa.func.count())
        .where(job_items.c.job_id.in_(its))
        .group_by(job_items.c.job_id, job_items.c.state)
        .order_by(job_items.c.state)
    )
    found: dict[str, dict[ItemStatus, int]] = {}
    for job_id, state, count in rows:
        found.setdefault(job_id, {})[state] = count
    return found


def _status(kind: JobKind, statuses: Iterable[ItemStatus]) -> JobStatus:
    """`running` while an item waits; then `cancelled` where one was, or else `done`.

    A collection is as a whole reindexed or not, so that a `reindex` may have `failed`.
    """
    found = set(statuses)
    if "queued" in found:
        return "running"
    if kind == "reindex" and "failed" in found:
        return "failed"
    return "cancelled" if "cancelled" in found else "done"


def _rest(item_ids: sa.Select[Any] | Sequence[int]) -> sa.Delete:
    return under_way.delete().where(under_way.c.item_id.in_(item_ids))


def _insert_job(connection: Connection, collection: Collection, kind: JobKind) -> str:
    job_id = secrets.token_hex(12)
    connection.execute(
        jobs.insert(),
        {"id": job_id, "collection_id": collection.id, "created_at": now_ms(), "kind": kind},
    )
    return job_id


def _insert(connection: Connection, collection: Collection, uploads: Sequence[Upload]) -> Accepted:
    job_id = _insert_job(connection, collection, "index")
    document_ids = tuple(
        reserve(connection, collection.id, source=upload.source, origin=upload.origin) for upload in uploads
    )
    items = [
        {
            "job_id": job_id,
            "document_id": document_id,
            "source": upload.source,
            "origin": upload.origin,
            "name": upload.name,
            "title": upload.title,
            "metadata": dict(upload.metadata),
            "state": "queued",
            "payload": upload.data,
        }
        for document_id, upload in zip(document_ids, uploads, strict=True)
    ]
    if items:
        connection.execute(job_items.insert(), items)
    return Accepted(job_id, document_ids)


def _insert_reindexing(connection: Connection, collection: Collection) -> str:
    job_id = _insert_job(connection, collection, "reindex")
    nothing = {"document_id": "", "source": "", "origin": "", "name": "", "metadata": {}}
    connection.execute(job_items.insert(), {"job_id": job_id, "state": "queued", **nothing})
    return job_id


def _queued(row: Row[Any]) -> Queued:
    metadata: Mapping[str, str] = row.metadata
    return Queued(
        job_id=row.job_id,
        item_id=row.id,
        collection=row.collection,
        upload=None
        if row.kind == "reindex"
        else Upload(
            source=row.source,
            name=row.name,
            data=row.payload,
            title=row.title,
            metadata=metadata,
            origin=row.origin,
            document_id=row.document_id,
        ),
    )
