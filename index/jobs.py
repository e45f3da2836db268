"""Uploads as jobs: acknowledged when they are in the catalog, and taken up again after a crash."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Row

from index.catalog import Collection, Database
from index.catalog.statements import now, reserve
from index.catalog.tables import collections, job_items, jobs
from index.errors import NotFound, QAError
from index.upload import Outcome, Upload

JobStatus = Literal["running", "done"]


@dataclass(frozen=True, slots=True)
class JobItem:
    """One upload of a job; `status` is `queued` until it has ended."""

    document_id: str
    source: str
    name: str
    status: Outcome | Literal["queued"]
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """Uploads that were acknowledged together; `created_at` is a Unix time in milliseconds."""

    id: str
    collection: str
    created_at: int
    items: tuple[JobItem, ...]

    @property
    def status(self) -> JobStatus:
        """`done` when every item has ended, each well or as failed."""
        return "running" if any(item.status == "queued" for item in self.items) else "done"


@dataclass(frozen=True, slots=True)
class Queued:
    """An upload that waits to be indexed."""

    item_id: int
    collection: str
    upload: Upload


@dataclass(frozen=True, slots=True)
class Delay:
    """Why acknowledged uploads have to wait, and for how long until they are tried again."""

    error: QAError
    seconds: float


class Jobs:
    """The queue of uploads in the catalog's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, collection: Collection, uploads: Sequence[Upload]) -> Job:
        """Acknowledge uploads: when this returns, they are on disk with the ids of their documents."""
        job_id = secrets.token_hex(12)
        with self._database.write() as connection:
            connection.execute(jobs.insert().values(id=job_id, collection_id=collection.id, created_at=now()))
            for upload in uploads:
                connection.execute(
                    job_items.insert().values(
                        job_id=job_id,
                        document_id=reserve(
                            connection, collection.id, source=upload.source, origin=upload.origin
                        ),
                        source=upload.source,
                        origin=upload.origin,
                        name=upload.name,
                        title=upload.title,
                        metadata=dict(upload.metadata),
                        state="queued",
                        payload=upload.data,
                    )
                )
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """A job; `NotFound` where there is none of that id."""
        with self._database.read() as connection:
            job = connection.execute(
                sa.select(jobs, collections.c.name.label("collection"))
                .join(collections, collections.c.id == jobs.c.collection_id)
                .where(jobs.c.id == job_id)
            ).one_or_none()
            if job is None:
                raise NotFound(f"there is no job {job_id!r}")
            rows = connection.execute(
                sa.select(
                    job_items.c.document_id,
                    job_items.c.source,
                    job_items.c.name,
                    job_items.c.state,
                    job_items.c.error_code,
                    job_items.c.error_message,
                )
                .where(job_items.c.job_id == job_id)
                .order_by(job_items.c.id)
            ).all()
        return Job(job.id, job.collection, job.created_at, tuple(JobItem(*row) for row in rows))

    def queued(self) -> list[int]:
        """The ids of all items that wait, oldest first."""
        query = sa.select(job_items.c.id).where(job_items.c.state == "queued").order_by(job_items.c.id)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def take(self, item_id: int) -> Queued | None:
        """A waiting item with its bytes; None where it has ended, or its document was deleted."""
        query = (
            sa.select(job_items, collections.c.name.label("collection"))
            .join(jobs, jobs.c.id == job_items.c.job_id)
            .join(collections, collections.c.id == jobs.c.collection_id)
            .where(job_items.c.id == item_id, job_items.c.state == "queued")
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return _queued(row) if row else None

    def end(self, item_id: int, outcome: Outcome, error: QAError | None = None) -> None:
        """Record how a waiting item ended, and let its bytes go; nothing where it has ended already."""
        with self._database.write() as connection:
            connection.execute(
                job_items.update()
                .where(job_items.c.id == item_id, job_items.c.state == "queued")
                .values(
                    state=outcome,
                    payload=None,
                    error_code=error.code if error else None,
                    error_message=str(error) if error else None,
                )
            )


def _queued(row: Row[tuple[object, ...]]) -> Queued:
    metadata: Mapping[str, str] = row.metadata
    return Queued(
        item_id=row.id,
        collection=row.collection,
        upload=Upload(
            source=row.source,
            name=row.name,
            data=row.payload,
            title=row.title,
            metadata=metadata,
            origin=row.origin,
            document_id=row.document_id,
        ),
    )
