"""What is wrong with a catalog, and which of it can be put right without its documents."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from index.catalog import Database
from index.catalog.tables import chunks, collections, documents, job_items, metadata, versions

State = Literal["ok", "repaired", "broken", "unchecked"]

_SHOWN = 5
_UNIT = 1e-2
_CHUNKS = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """How one check came out; `detail` says how much was checked, or what is wrong with which."""

    check: str
    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class _Faults:
    """What a check has found: so many things were looked at, and these are wrong."""

    checked: int
    wrong: Sequence[str]

    def finding(self, check: str, things: str, remedy: str) -> Finding:
        if not self.wrong:
            return Finding(check, "ok", f"{self.checked:,} {things}")
        more = f" and {len(self.wrong) - _SHOWN:,} more" if len(self.wrong) > _SHOWN else ""
        return Finding(check, "broken", f"{'; '.join(self.wrong[:_SHOWN])}{more}: {remedy}")


_REINDEX = "index the document again, or restore a backup"
_RESTORE = "restore a backup"


def audit_catalog(database: Database, *, repair: bool = False) -> Iterator[Finding]:
    """The findings on the database, its texts, chunks, vectors, and what a crash may have left behind.

    With `repair`, what is left over is removed; nothing else of a catalog can be made again from itself.
    Raises `CatalogError` where it can't be read.
    """
    with database.read() as connection:
        yield _integrity(connection)
        yield _texts(connection).finding("texts", "texts as they were frozen", _REINDEX)
        spans, vectors = _chunks(connection)
        yield spans.finding("chunks", "chunks and their sentences inside their texts", _REINDEX)
        yield vectors.finding("vectors", "vectors of the right size", _REINDEX)
        yield _references(connection).finding(
            "references", "documents that point at their versions", _REINDEX
        )
    yield _left_over(database, repair=repair)


def _integrity(connection: Connection) -> Finding:
    if connection.dialect.name != "sqlite":
        return Finding("database", "unchecked", "a database server checks itself")
    found = list(connection.exec_driver_sql(f"PRAGMA integrity_check({_SHOWN})").scalars())
    if found == ["ok"]:
        found = [
            f"row {row[1]} of {row[0]} belongs to no row of {row[2]}"
            for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
        ]
    return _Faults(1, found).finding("database", "file that SQLite finds whole", _RESTORE)


def _texts(connection: Connection) -> _Faults:
    query = sa.select(
        versions.c.id, versions.c.text, versions.c.text_sha256, versions.c.characters, documents.c.source
    ).join(documents, documents.c.id == versions.c.document_id)
    checked, wrong = 0, []
    for row in connection.execute(query.execution_options(yield_per=10)):
        checked += 1
        digest = hashlib.sha256(row.text.encode(errors="surrogatepass")).hexdigest()
        if digest != row.text_sha256 or len(row.text) != row.characters:
            wrong.append(f"the text of {row.source!r} is not the one that was hashed")
    return _Faults(checked, wrong)


def _chunks(connection: Connection) -> tuple[_Faults, _Faults]:
    """What is wrong with chunks, and with their vectors."""
    query: sa.Select[Any] = (
        sa.select(
            chunks.c.version_id,
            chunks.c.ordinal,
            chunks.c.start,
            chunks.c.end,
            chunks.c.text,
            chunks.c.sentences,
            chunks.c.vector,
            chunks.c.sentence_vectors,
            documents.c.source,
            collections.c.dimension,
        )
        .join(versions, versions.c.id == chunks.c.version_id)
        .join(documents, documents.c.id == versions.c.document_id)
        .join(collections, collections.c.id == documents.c.collection_id)
        .order_by(chunks.c.version_id, chunks.c.ordinal)
    )
    checked, text, at_hand = 0, "", None
    spans: list[str] = []
    vectors: list[str] = []
    counts: dict[int, int] = {}
    for row in connection.execute(query.execution_options(yield_per=_CHUNKS)):
        checked += 1
        if row.version_id != at_hand:
            at_hand = row.version_id
            text = connection.execute(
                sa.select(versions.c.text).where(versions.c.id == row.version_id)
            ).scalar_one()
        counts[row.version_id] = counts.get(row.version_id, 0) + 1
        where = f"chunk {row.version_id}.{row.ordinal} of {row.source!r}"
        if not _lies_in(row, text):
            spans.append(f"{where} does not lie in its text")
        if fault := _vector_fault(row):
            vectors.append(f"{where} has {fault}")
    stated = connection.execute(sa.select(versions.c.id, versions.c.chunk_count))
    spans += [
        f"version {each.id} has {counts.get(each.id, 0)} chunks, not {each.chunk_count}"
        for each in stated
        if each.chunk_count != counts.get(each.id, 0)
    ]
    return _Faults(checked, spans), _Faults(checked, vectors)


def _lies_in(row: Row[Any], text: str) -> bool:
    if not 0 <= row.start < row.end <= len(text) or text[row.start : row.end] != row.text:
        return False
    if not row.sentences or len(row.sentences) % 8:
        return False
    edges = np.frombuffer(row.sentences, "<i4")
    inside = row.start <= edges[0] and edges[-1] <= row.end
    # Each sentence ends behind its start, and none starts before the one before it has ended.
    return bool(inside and (edges[0::2] < edges[1::2]).all() and (edges[1:-1:2] <= edges[2::2]).all())


def _vector_fault(row: Row[Any]) -> str | None:
    if len(row.vector) != 4 * row.dimension:
        return f"a vector of {len(row.vector)} bytes, not {4 * row.dimension}"
    vector = np.frombuffer(row.vector, "<f4")
    if not np.isfinite(vector).all():
        return "a vector with numbers that are none"
    if abs(float(np.linalg.norm(vector)) - 1) > _UNIT:
        return "a vector that is not of unit length"
    if len(row.sentence_vectors) != len(row.sentences) // 8 * row.dimension:
        return "other sentence vectors than sentences"
    return None


def _references(connection: Connection) -> _Faults:
    count = connection.execute(sa.select(sa.func.count()).select_from(documents)).scalar_one()
    query = (
        sa.select(documents.c.source)
        .outerjoin(
            versions, (versions.c.id == documents.c.live_version) & (versions.c.document_id == documents.c.id)
        )
        .where(documents.c.live_version.is_not(None), versions.c.id.is_(None))
    )
    lost = [f"{source!r} has lost its version" for source in connection.execute(query).scalars()]
    return _Faults(count, lost)


# What is left over


@dataclass(frozen=True, slots=True)
class _Remainder:
    """Rows that nothing needs any more, and the statement that removes them."""

    name: str
    count: sa.Select[Any]
    remove: sa.Update | sa.Delete


def _remainders() -> list[_Remainder]:
    ended = (job_items.c.state != "queued") & job_items.c.payload.is_not(None)
    # What was cancelled before any of it was served has no document, and stays in its job.
    gone = (job_items.c.state != "cancelled") & job_items.c.document_id.not_in(sa.select(documents.c.id))
    empty = (
        documents.c.live_version.is_(None)
        & documents.c.id.not_in(sa.select(versions.c.document_id))
        & documents.c.id.not_in(sa.select(job_items.c.document_id))
    )
    total = sa.func.count()
    return [
        _Remainder(
            "the bytes of uploads that have ended",
            sa.select(total).select_from(job_items).where(ended),
            job_items.update().where(ended).values(payload=None),
        ),
        _Remainder(
            "uploads of documents that have gone",
            sa.select(total).select_from(job_items).where(gone),
            job_items.delete().where(gone),
        ),
        _Remainder(
            "documents without a version or an upload",
            sa.select(total).select_from(documents).where(empty),
            documents.delete().where(empty),
        ),
    ]


def _left_over(database: Database, *, repair: bool) -> Finding:
    remainders = _remainders()
    with database.read() as connection:
        found = [
            f"{count:,} {each.name}"
            for each in remainders
            if (count := connection.execute(each.count).scalar())
        ]
    if not found:
        return Finding("left over", "ok", "nothing of uploads and documents that have ended")
    if not repair:
        return Finding("left over", "broken", f"{'; '.join(found)}: `qa doctor --repair` removes them")
    with database.write() as connection:
        for each in remainders:
            connection.execute(each.remove)
    return Finding("left over", "repaired", f"{'; '.join(found)}: removed")


# A text that should be nowhere


def tables_with(database: Database, needles: Sequence[bytes]) -> list[str]:
    """The tables and columns that hold any of `needles` (UTF-8), each with the number of rows."""
    found = []
    with database.read() as connection:
        holds = _holder(connection, needles)
        for table in metadata.sorted_tables:
            for column in table.columns:
                query = sa.select(sa.func.count()).select_from(table).where(holds(column))
                if count := connection.execute(query).scalar():
                    found.append(f"{table.name}.{column.name} ({count} rows)")
    return found


def _holder(
    connection: Connection, needles: Sequence[bytes]
) -> Callable[[sa.Column[Any]], sa.ColumnElement[bool]]:
    if connection.dialect.name == "sqlite":
        return lambda column: sa.or_(
            *(sa.func.instr(sa.cast(column, sa.LargeBinary), needle) > 0 for needle in needles)
        )
    texts = [
        form for needle in needles for form in (needle.decode(), needle.hex())
    ]  # bytes are shown as hex there
    return lambda column: sa.or_(
        *(sa.cast(column, sa.Text).contains(form, autoescape=True) for form in texts)
    )
