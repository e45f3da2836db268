"""The keys of the HTTP interface and the tokens made from them: shown once, stored hashed."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import sqlalchemy as sa

from index.catalog import Database
from index.catalog.names import is_name, no_name
from index.catalog.statements import no_key
from index.catalog.tables import keys, signing
from index.clock import now_ms
from index.errors import InvalidRequest
from qa_service.access.origins import origin_of
from qa_service.database import open_database
from qa_service.settings import Settings

Kind = Literal["secret", "publishable"]
Scope = Literal["ask", "search", "write", "admin", "metrics"]
Form = Literal["key", "session", "link"]

SCOPES: tuple[Scope, ...] = ("ask", "search", "write", "admin")
"""All that a key is for unless it is restricted; `metrics` is a part of `admin`, for who may read nothing else."""

LINK_SECONDS = 24 * 60 * 60
"""How long the link to a document works that is given with a citation to whoever asked with a publishable key."""

_PREFIXES: dict[Kind, str] = {"secret": "sk", "publishable": "pk"}
_TOKENS: dict[str, Form] = {"st": "session", "dl": "link"}
_UNKNOWN = "0" * 64

_KEY = sa.select(keys).where(keys.c.id == sa.bindparam("its_id"))
_KEY_NAMED = sa.select(keys).where(keys.c.name == sa.bindparam("its_name"))
_ANY_KEY = sa.select(keys.c.id).limit(1)
_HASH = sa.select(keys.c.sha256).where(keys.c.id == sa.bindparam("its_id"))
_ORIGINS = sa.select(keys.c.origins).where(
    keys.c.kind == "publishable",
    sa.or_(keys.c.expires_at.is_(None), keys.c.expires_at > sa.bindparam("now")),
)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a key is for.

    A `secret` key has all scopes and collections unless it is restricted; `collections` is None for all. A
    `publishable` one may only ask, in the collections that it names, from pages of the `origins` that it names.
    From `expires_at`, a Unix time in milliseconds, it is refused.
    """

    kind: Kind = "secret"
    scopes: tuple[Scope, ...] = SCOPES
    collections: tuple[str, ...] | None = None
    origins: tuple[str, ...] = ()
    expires_at: int | None = None

    @classmethod
    def publishable(
        cls, collections: tuple[str, ...], origins: tuple[str, ...], expires_at: int | None = None
    ) -> "Rights":
        """Those of a key that can stand in a page."""
        return cls("publishable", ("ask",), collections, origins, expires_at)

    def checked(self) -> "Rights":
        """The same, with origins as browsers write them; `InvalidRequest` where they make no sense."""
        if self.kind == "publishable" and (self.scopes != ("ask",) or not self.collections):
            raise InvalidRequest("a publishable key may only ask, and names the collections that it is for")
        if self.kind == "secret" and self.origins:
            raise InvalidRequest("a secret key is for no page: origins are for publishable keys")
        if not self.scopes or self.collections == ():
            raise InvalidRequest("a key is for one scope and one collection at least")
        for name in self.collections or ():
            if not is_name(name):
                raise no_name(name)
        origins = tuple(dict.fromkeys(origin_of(each) for each in self.origins))
        scopes = tuple(each for each in get_args(Scope) if each in self.scopes)
        return replace(self, scopes=scopes, origins=origins)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is listed; `created_at` is a Unix time in milliseconds."""

    id: str
    name: str
    created_at: int
    rights: Rights = Rights()

    @property
    def beginning(self) -> str:
        """The part of its text that is no secret."""
        return f"{_PREFIXES[self.rights.kind]}_{self.id}"

    def reaches(self, collection: str) -> bool:
        """Whether it is for a collection."""
        return self.rights.collections is None or collection in self.rights.collections


@dataclass(frozen=True, slots=True)
class Grant:
    """What a caller has shown: a key, or a token that was made from one and has at most its rights.

    A `session` may what its key may, on pages of the one origin that it was made for. A `link` may read one
    document. `origins` are those of the pages that it works on, where its key is publishable.
    """

    key: Key
    form: Form
    is_expired: bool
    origins: tuple[str, ...] = ()


class Keys:
    """The keys in the catalog's database.

    A key is `sk_<id>_<secret>` or `pk_<id>_<secret>`: it is found by its id and compared by the SHA-256 of the
    whole, which 256 random bits need no slow hash for. A token is `st_` (session) or `dl_` (link to a document)
    with the key's id, the time of its end in hexadecimal and an HMAC-SHA-256 over all that it stands for, the
    key's hash and a session's origin among it: it ends with the key, or when the key is rotated. Nothing is kept in
    memory but the secret of that HMAC, so whatever is done to a key counts from the next request on, in every process.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._signing: bytes | None = None

    def create(self, name: str, rights: Rights | None = None) -> tuple[Key, str]:
        """A new key and its text, which is not stored and can't be shown again.

        Without `rights`, it is a secret key for everything.
        """
        if not name.strip() or len(name) > 63 or not name.isprintable():
            raise InvalidRequest("a key needs a name of 1 to 63 characters that can be printed")
        key = Key(secrets.token_hex(8), name, now_ms(), (rights or Rights()).checked())
        text = _text(key)
        with self._database.write() as connection:
            if connection.execute(_KEY_NAMED, {"its_name": name}).first():
                raise InvalidRequest(
                    f"there is a key {name!r} already: choose another name, or revoke it first"
                )
            connection.execute(
                keys.insert(),
                {
                    "id": key.id,
                    "name": key.name,
                    "sha256": _hash(text),
                    "created_at": key.created_at,
                    "kind": key.rights.kind,
                    "scopes": list(key.rights.scopes),
                    "collections": None if key.rights.collections is None else list(key.rights.collections),
                    "origins": list(key.rights.origins),
                    "expires_at": key.rights.expires_at,
                },
            )
        return key, text

    def list(self) -> list[Key]:
        """All keys, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(keys).order_by(keys.c.created_at, keys.c.id)).all()
        return [_key(row) for row in rows]

    def exist(self) -> bool:
        """Whether any key has been made."""
        with self._database.read() as connection:
            return connection.execute(_ANY_KEY).first() is not None

    def verify(self, text: str, *, document_id: str = "") -> Grant | None:
        """What the text of a key or a token grants, also where its time is over; None where it is none of ours.

        `document_id` is the document that is asked for: a link is for one.
        """
        if not text.isascii():
            return None
        prefix, _, rest = text.partition("_")
        identifier, _, rest = rest.partition("_")
        with self._database.read() as connection:
            row = connection.execute(_KEY, {"its_id": identifier}).one_or_none()
        stored = row.sha256 if row else _UNKNOWN  # what is not there takes as long to refuse
        if form := _TOKENS.get(prefix):
            until, _, signature = rest.partition("_")
            signed = (document_id,) if form == "link" else _origins_signed(row)
            about = self._about(form, until, signature, stored, among=signed)
        else:
            form, until = "key", ""
            about = "" if hmac.compare_digest(stored, _hash(text)) else None
        if row is None or about is None:
            return None
        key = _key(row)
        ends = (key.rights.expires_at, int(until, 16) if until else None)
        is_expired = any(each is not None and each <= now_ms() for each in ends)
        if form != "session":
            return Grant(key, form, is_expired, key.rights.origins)
        return Grant(key, form, is_expired or not about, (about,) if about else key.rights.origins)

    def session(self, key: Key, *, origin: str, seconds: float) -> tuple[str, int]:
        """A token with the rights of a key on pages of an origin, and the time of its end in milliseconds."""
        until = now_ms() + round(seconds * 1000)
        return self._token("st", key, until)(origin), until

    def links(self, key: Key) -> Callable[[str], str]:
        """What makes the token that lets a document be read, by its id, for `LINK_SECONDS` from now."""
        return self._token("dl", key, now_ms() + LINK_SECONDS * 1000)

    def rotate(self, name: str) -> tuple[Key, str]:
        """A new text for a key, which keeps its id and its rights; the old one is refused from now on.

        Raises `NotFound` where there is no key of that name.
        """
        _require_printable(name)
        with self._database.write() as connection:
            row = connection.execute(_KEY_NAMED, {"its_name": name}).one_or_none()
            if row is None:
                raise no_key(name)
            key = _key(row)
            text = _text(key)
            connection.execute(keys.update().where(keys.c.id == key.id).values(sha256=_hash(text)))
        return key, text

    def revoke(self, name: str) -> None:
        """Remove the key of that name; it is refused from now on. `NotFound` where there is none."""
        _require_printable(name)
        with self._database.write() as connection:
            if not connection.execute(keys.delete().where(keys.c.name == name)).rowcount:
                raise no_key(name)

    def list_origin(self, origin: str) -> bool:
        """Whether any publishable key, whose time is not over, lists an origin."""
        with self._database.read() as connection:
            listed = connection.execute(_ORIGINS, {"now": now_ms()}).scalars()
            return any(origin in origins for origins in listed)

    def _token(self, prefix: str, key: Key, until: int) -> Callable[[str], str]:
        with self._database.read() as connection:
            stored = connection.execute(_HASH, {"its_id": key.id}).scalar()
        if stored is None:
            raise no_key(key.name)
        return lambda about: (
            f"{prefix}_{key.id}_{until:x}_{self._signature(_TOKENS[prefix], f'{until:x}', about, stored)}"
        )

    def _about(
        self, form: Form, until: str, signature: str, stored: str, *, among: tuple[str, ...]
    ) -> str | None:
        """Which of some things a signature was made for; None where it is not ours."""
        for about in among:
            if hmac.compare_digest(signature, self._signature(form, until, about, stored)):
                return about
        return None

    def _signature(self, form: Form, until: str, about: str, stored: str) -> str:
        message = "\n".join((form, until, about, stored))
        digest = hmac.digest(self._signing_secret(), message.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _signing_secret(self) -> bytes:
        if self._signing is None:
            mine = sa.select(signing.c.secret).where(signing.c.purpose == "tokens")
            with self._database.read() as connection:
                found = connection.execute(mine).scalar()
            if found is None:
                with self._database.write() as connection:
                    found = connection.execute(mine).scalar()  # another process may have been first
                    if found is None:
                        found = secrets.token_hex(32)
                        connection.execute(signing.insert(), {"purpose": "tokens", "secret": found})
            self._signing = bytes.fromhex(found)
        return self._signing


@contextmanager
def opened_keys(settings: Settings) -> Iterator[Keys]:
    """The keys of a data directory, which another process may be serving."""
    database = open_database(settings)
    try:
        yield Keys(database)
    finally:
        database.close()


def _require_printable(name: str) -> None:
    if not name.isprintable():  # no key is called so, and PostgreSQL takes no NUL
        raise no_key(name)


def _text(key: Key) -> str:
    return f"{key.beginning}_{secrets.token_urlsafe(32)}"


def _key(row: sa.Row[Any]) -> Key:
    collections = None if row.collections is None else tuple(row.collections)
    rights = Rights(row.kind, tuple(row.scopes), collections, tuple(row.origins), row.expires_at)
    return Key(row.id, row.name, row.created_at, rights)


def _origins_signed(row: sa.Row[Any] | None) -> tuple[str, ...]:
    """What a session may be signed for; empty are those from before they had an origin, whose time is over."""
    return (*(row.origins if row else ()), "")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
