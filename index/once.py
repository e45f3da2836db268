"""Requests that are carried out once: by the key that their caller chose, a repeated one is recognised."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.catalog.tables import idempotency
from index.clock import now_ms
from index.errors import IdempotencyKeyReused
from index.upload import Upload

KEPT_HOURS = 24
"""How long a key is remembered."""

_FORGET = idempotency.delete().where(idempotency.c.created_at <= sa.bindparam("before"))
_KNOWN = sa.select(idempotency).where(
    idempotency.c.caller == sa.bindparam("caller"),
    idempotency.c.collection_id == sa.bindparam("collection_id"),
    idempotency.c.key == sa.bindparam("key"),
)


@dataclass(frozen=True, slots=True)
class Once:
    """The key of a request, and who chose it: the id of a key of ours, empty for whoever calls without one.

    `sha256` stands for what was asked where that is not what the uploads say, but how they were come by.
    """

    key: str
    caller: str = ""
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Uploads that are on disk: their job, and the ids of their documents in the order of the uploads."""

    job_id: str
    document_ids: tuple[str, ...]


def recall(connection: Connection, collection_id: int, once: Once, *, sha256: str) -> Accepted | None:
    """What a request with that key was told before; None where none came in the last 24 hours.

    Forgets the keys that are older. Raises `IdempotencyKeyReused` where what came was another request.
    """
    connection.execute(_FORGET, {"before": now_ms() - KEPT_HOURS * 3_600_000})
    row = connection.execute(
        _KNOWN, {"caller": once.caller, "collection_id": collection_id, "key": once.key}
    ).one_or_none()
    if row is None:
        return None
    if row.sha256 != sha256:
        raise IdempotencyKeyReused(
            f"Idempotency-Key: {once.key!r} came with another request in the last {KEPT_HOURS} hours: "
            "send that one unchanged, or this one with a key of its own"
        )
    return Accepted(row.job_id, tuple(row.document_ids))


def remember(
    connection: Connection, collection_id: int, once: Once, accepted: Accepted, *, sha256: str
) -> None:
    """Keep what a request was told, in the transaction that carries it out."""
    connection.execute(
        idempotency.insert(),
        {
            "caller": once.caller,
            "collection_id": collection_id,
            "key": once.key,
            "sha256": sha256,
            "job_id": accepted.job_id,
            "document_ids": list(accepted.document_ids),
            "created_at": now_ms(),
        },
    )


def fingerprint(uploads: Sequence[Upload]) -> str:
    """A SHA-256 of all that uploads say, whatever the form was in which they came."""
    said = [
        [each.source, each.name, each.sha256, each.title, sorted(each.metadata.items()), each.origin]
        for each in uploads
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
