"""The conversations that are kept: made, continued, listed, exported and deleted in the catalog's database."""

import re
import secrets
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.catalog import Database
from index.catalog.tables import conversations, documents, turns
from index.clock import now_ms
from index.errors import NotFound
from qa_service.conversations.history import Turn
from qa_service.conversations.redaction import documents_of, without
from qa_service.database import open_database
from qa_service.errors import ConversationFull
from qa_service.plain import visible
from qa_service.settings import Settings

JSON = dict[str, Any]

MAX_TURNS = 100
"""The most turns that a conversation takes."""

_MS_A_DAY = 24 * 60 * 60 * 1000
_RECENT = 20
_TITLE_CHARACTERS = 100
_ID = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose conversations are meant: those made with a key, or without one; the operator sees all.

    Who calls with a publishable key has a budget of its own.
    """

    key_id: str | None = None
    is_operator: bool = False
    is_publishable: bool = False


OPERATOR = Caller(is_operator=True)
"""Whoever holds the data directory."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it is listed: `title` is the beginning of its first question; times as everywhere."""

    id: str
    created_at: int
    updated_at: int
    turns: int
    title: str


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A question, the query that was searched for, and the answer as it was sent."""

    question: str
    query: str
    created_at: int
    answer: JSON


class Conversations:
    """The conversations in the catalog's database, each for `days` after its last turn.

    Those of others look absent: `NotFound`. What has had its time is shown to nobody, and is removed when the
    store is opened and with every write. Ids begin with the time, so that they are in the order of making.
    """

    def __init__(self, database: Database, *, days: int) -> None:
        self._database = database
        self._kept_ms = days * _MS_A_DAY

    def create(self, caller: Caller) -> Conversation:
        """A new conversation, without turns."""
        now = now_ms()
        made = Conversation(f"{now:012x}{secrets.token_hex(8)}", now, now, 0, "")
        with self._database.write() as connection:
            self._prune(connection)
            connection.execute(
                conversations.insert().values(id=made.id, owner=caller.key_id, created_at=now, updated_at=now)
            )
        return made

    def history(self, conversation_id: str, caller: Caller) -> tuple[Turn, ...]:
        """The newest turns, oldest first; `NotFound`, or `ConversationFull` where it takes no more."""
        newest = (
            sa.select(turns.c.ordinal, turns.c.question, turns.c.query, turns.c.said)
            .where(turns.c.conversation_id == conversation_id)
            .order_by(turns.c.ordinal.desc())
            .limit(_RECENT)
        )
        with self._database.read() as connection:
            self._require(connection, conversation_id, caller)
            rows = connection.execute(newest).all()
        if rows and rows[0].ordinal >= MAX_TURNS:
            raise ConversationFull(
                f"the conversation {conversation_id} has its {MAX_TURNS} turns: begin another"
            )
        return tuple(Turn(row.question, row.said, row.query) for row in reversed(rows))

    def append(
        self, conversation_id: str, caller: Caller, *, question: str, query: str, said: str, answer: JSON
    ) -> None:
        """Keep a turn: it is on the disk when this returns. `NotFound` where the conversation has gone.

        Nothing is kept of documents that were deleted while it was answered.
        """
        now = now_ms()
        last = sa.select(sa.func.max(turns.c.ordinal)).where(turns.c.conversation_id == conversation_id)
        with self._database.write() as connection:
            self._prune(connection)
            self._require(connection, conversation_id, caller)
            shown = documents_of(answer)
            stored = sa.select(documents.c.id).where(documents.c.id.in_(shown))
            gone = shown - set(connection.execute(stored).scalars())
            kept = _without(question, query, said, answer, gone)
            connection.execute(
                turns.insert().values(
                    conversation_id=conversation_id,
                    ordinal=(connection.execute(last).scalar() or 0) + 1,
                    created_at=now,
                    question=visible(question),
                    **kept,
                )
            )
            connection.execute(
                conversations.update().where(conversations.c.id == conversation_id).values(updated_at=now)
            )

    def forget_all(self, document_ids: Set[str]) -> None:
        """Take what stands of many documents out of all answers that are kept, in one pass over them."""
        if not document_ids:
            return
        key = (turns.c.conversation_id, turns.c.ordinal)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(*key, turns.c.answer))
            keys = [tuple(row[:2]) for row in rows if documents_of(row.answer) & document_ids]
        with self._database.write() as connection:
            for conversation_id, ordinal in keys:
                _redact(
                    connection,
                    (turns.c.conversation_id == conversation_id) & (turns.c.ordinal == ordinal),
                    document_ids,
                )
        self._database.scrub()

    def forget(self, document_id: str) -> None:
        """Take what stands of a document out of all answers that are kept; the questions stay as they were asked."""
        of_it = sa.cast(turns.c.answer, sa.Text).contains(document_id, autoescape=True)
        key = (turns.c.conversation_id, turns.c.ordinal)
        with self._database.read() as connection:
            if not connection.execute(sa.select(*key).where(of_it).limit(1)).first():
                return
        with self._database.write() as connection:
            _redact(connection, of_it, {document_id})
        self._database.scrub()

    def list(self, caller: Caller, *, limit: int = 100, before: str | None = None) -> list[Conversation]:
        """The conversations, newest first; `before` is the id that the page follows."""
        query = _listed().where(self._seen_by(caller)).order_by(conversations.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(conversations.c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_conversation(row) for row in rows]

    def export(self, conversation_id: str, caller: Caller) -> tuple[Conversation, tuple[StoredTurn, ...]]:
        """A conversation with all its turns, oldest first; `NotFound` where there is none."""
        query = sa.select(turns).where(turns.c.conversation_id == conversation_id).order_by(turns.c.ordinal)
        with self._database.read() as connection:
            self._require(connection, conversation_id, caller)
            row = connection.execute(_listed().where(conversations.c.id == conversation_id)).one()
            rows = connection.execute(query).all()
        kept = tuple(StoredTurn(each.question, each.query, each.created_at, each.answer) for each in rows)
        return _conversation(row), kept

    def delete(self, conversation_id: str, caller: Caller) -> None:
        """Remove a conversation with all its turns; `NotFound` where there is none."""
        with self._database.write() as connection:
            self._require(connection, conversation_id, caller)
            connection.execute(conversations.delete().where(conversations.c.id == conversation_id))
        self._database.scrub()

    def delete_all(self, caller: Caller) -> int:
        """Remove all conversations of the caller; how many there were."""
        with self._database.write() as connection:
            count = connection.execute(conversations.delete().where(self._seen_by(caller))).rowcount
        self._database.scrub()
        return count

    def prune(self) -> None:
        """Remove what has had its time."""
        with self._database.read() as connection:
            expired = connection.execute(
                sa.select(conversations.c.id).where(self._expired()).limit(1)
            ).first()
        if expired:  # opening must not wait for a writer where there is nothing to remove
            with self._database.write() as connection:
                self._prune(connection)

    def _prune(self, connection: Connection) -> None:
        connection.execute(conversations.delete().where(self._expired()))

    def _expired(self) -> sa.ColumnElement[bool]:
        return conversations.c.updated_at < now_ms() - self._kept_ms

    def _seen_by(self, caller: Caller) -> sa.ColumnElement[bool]:
        live = ~self._expired()
        if caller.is_operator:
            return live
        return live & conversations.c.owner.is_not_distinct_from(caller.key_id)

    def _require(self, connection: Connection, conversation_id: str, caller: Caller) -> None:
        found = sa.select(conversations.c.id).where(
            conversations.c.id == conversation_id, self._seen_by(caller)
        )
        if not _ID.fullmatch(conversation_id) or connection.execute(found).first() is None:
            raise NotFound(f"there is no conversation {conversation_id!r}: it was deleted, or never made")


@contextmanager
def opened_conversations(settings: Settings) -> Iterator[Conversations]:
    """The conversations of a data directory, which another process may be serving."""
    database = open_database(settings)
    try:
        yield Conversations(database, days=settings.conversation_days)
    finally:
        database.close()


def _redact(connection: Connection, which: sa.ColumnElement[bool], document_ids: Set[str]) -> None:
    """Take what stands of documents out of some turns."""
    for row in connection.execute(sa.select(turns).where(which)).all():
        kept = _without(row.question, row.query, row.said, row.answer, set(document_ids))
        this = (turns.c.conversation_id == row.conversation_id) & (turns.c.ordinal == row.ordinal)
        connection.execute(turns.update().where(this).values(**kept))


def _without(question: str, query: str, said: str, answer: JSON, gone: set[str]) -> JSON:
    """The columns of a turn in which nothing stands of the documents that have `gone`."""
    if gone:
        answer = without(answer, gone)
    if answer.get("reason") == "document_deleted":
        # The query may have been put in the words of what was answered.
        said, query, answer = "", question, {**answer, "query": question}
    return {"query": visible(query), "said": visible(said), "answer": answer}


def _listed() -> sa.Select[Any]:
    of_it = turns.c.conversation_id == conversations.c.id
    count = sa.select(sa.func.count()).where(of_it).scalar_subquery()
    first = sa.select(turns.c.question).where(of_it, turns.c.ordinal == 1).scalar_subquery()
    columns = conversations.c
    return sa.select(
        columns.id, columns.created_at, columns.updated_at, count.label("turns"), first.label("first")
    )


def _conversation(row: sa.Row[Any]) -> Conversation:
    title = " ".join((row.first or "").split())[:_TITLE_CHARACTERS]
    return Conversation(row.id, row.created_at, row.updated_at, row.turns, title)
