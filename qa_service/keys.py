"""Secret keys for the HTTP interface: shown once, stored hashed, compared in constant time."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from index.catalog import Database
from index.catalog.tables import keys
from index.errors import InvalidRequest, NotFound
from qa_service.database import open_database
from qa_service.settings import Settings

_PREFIX = "sk_"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is listed; `created_at` is a Unix time in milliseconds."""

    id: str
    name: str
    created_at: int


class Keys:
    """The keys in the catalog's database.

    A key is `sk_<id>_<secret>`: it is found by its id and compared by the SHA-256 of the whole, which 256
    random bits need no slow hash for.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str) -> tuple[Key, str]:
        """A new key and its text, which is not stored and can't be shown again."""
        if not name.strip() or len(name) > 63 or not name.isprintable():
            raise InvalidRequest("a key needs a name of 1 to 63 characters that can be printed")
        key = Key(secrets.token_hex(8), name, time.time_ns() // 1_000_000)
        text = f"{_PREFIX}{key.id}_{secrets.token_urlsafe(32)}"
        with self._database.write() as connection:
            if connection.execute(sa.select(keys.c.id).where(keys.c.name == name)).first():
                raise InvalidRequest(
                    f"there is a key {name!r} already: choose another name, or revoke it first"
                )
            connection.execute(
                keys.insert().values(id=key.id, name=key.name, sha256=_hash(text), created_at=key.created_at)
            )
        return key, text

    def list(self) -> list[Key]:
        """All keys, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(keys).order_by(keys.c.created_at, keys.c.id)).all()
        return [Key(row.id, row.name, row.created_at) for row in rows]

    def exist(self) -> bool:
        """Whether any key has been made."""
        with self._database.read() as connection:
            return connection.execute(sa.select(keys.c.id).limit(1)).first() is not None

    def verify(self, text: str) -> Key | None:
        """The key of that text, or None where it is none of ours."""
        if not text.startswith(_PREFIX) or not text.isascii():
            return None
        identifier = text.removeprefix(_PREFIX).partition("_")[0]
        with self._database.read() as connection:
            row = connection.execute(sa.select(keys).where(keys.c.id == identifier)).one_or_none()
        if row is None or not hmac.compare_digest(row.sha256, _hash(text)):
            return None
        return Key(row.id, row.name, row.created_at)

    def revoke(self, name: str) -> None:
        """Remove the key of that name; it is refused from now on. `NotFound` where there is none."""
        with self._database.write() as connection:
            if not connection.execute(keys.delete().where(keys.c.name == name)).rowcount:
                raise NotFound(f"there is no key {name!r}")


@contextmanager
def opened_keys(settings: Settings) -> Iterator[Keys]:
    """The keys of a data directory, which another process may be serving."""
    database = open_database(settings)
    try:
        yield Keys(database)
    finally:
        database.close()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
