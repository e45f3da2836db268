"""Feedback: what was answered, so that it can be rated, and what people said of it.

An answer is kept as far as an evaluation dataset needs it, under the id that was sent with it.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.catalog import Database
from index.catalog.tables import answers, collections, conversations, documents, feedback
from index.clock import now_ms
from index.errors import CatalogError, NotFound
from index.language import language
from qa_service.answering.answer import Answer
from qa_service.conversations.store import Caller
from qa_service.database import open_database
from qa_service.plain import visible
from qa_service.settings import Settings

log = logging.getLogger(__name__)

JSON = dict[str, Any]
Rating = Literal["up", "down"]

_MS_A_DAY = 24 * 60 * 60 * 1000
_MS_AN_HOUR = 60 * 60 * 1000
_ID = re.compile(r"[0-9a-f]{1,32}")
_LANGUAGES = ("en", "de", "ru")


@dataclass(frozen=True, slots=True)
class Rated:
    """An answer with what was said of it; `cited` are the document, source and quote of each citation.

    `query` is the question in full, where it followed others; `said` the claims; times as everywhere.
    """

    answer_id: str
    created_at: int
    rating: Rating
    reason: str
    corrected: str
    collection: str
    status: str
    question: str
    query: str
    said: str
    cited: tuple[JSON, ...]

    @property
    def cursor(self) -> "Cursor":
        """Its place in the list."""
        return (self.created_at, self.answer_id)


Cursor = tuple[int, str]
"""A place in the list of what was rated: when, and which answer."""


class Feedback:
    """The answers that can be rated, and their ratings, in the catalog's database.

    An answer can be rated for `days`, by whoever asked, and for others looks absent; where `days` is 0, none is
    kept. What was rated is kept until it is deleted, or its conversation is.
    """

    def __init__(self, database: Database, *, days: int) -> None:
        self._database = database
        self._kept_ms = days * _MS_A_DAY
        self._pruned_at = now_ms()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feedback")

    def keep(
        self, answer: Answer, caller: Caller, *, question: str, collection: str, conversation_id: str | None
    ) -> None:
        """Let an answer be rated. It is written in the background: no answer waits for whoever writes."""
        if not self._kept_ms:
            return
        cited = [
            {"document_id": each.document_id, "source": each.source, "quote": each.quote}
            for each in answer.citations
        ]
        row = {
            "id": answer.id,
            "owner": caller.key_id,
            "conversation_id": conversation_id,
            "collection": collection,
            "created_at": now_ms(),
            "status": answer.status,
            "question": visible(question),
            "query": visible(answer.query),
            "said": visible(" ".join(claim.text for claim in answer.claims)),
            "cited": cited,
        }
        self._writer.submit(self._write, row)

    def close(self) -> None:
        """Write what is not written yet."""
        self._writer.shutdown()

    def _write(self, row: JSON) -> None:
        of_it = sa.select(collections.c.id).where(collections.c.name == row["collection"])
        its = sa.select(conversations.c.id).where(conversations.c.id == row["conversation_id"])
        try:
            with self._database.write() as connection:
                self._prune(connection)
                if connection.execute(of_it).first() is None:
                    return  # deleted by now, and all that was asked of it
                if row["conversation_id"] and connection.execute(its).first() is None:
                    return  # deleted by now, and all that was said in it
                cited = {each["document_id"] for each in row["cited"]}
                stored = sa.select(documents.c.id).where(documents.c.id.in_(cited))
                if len(connection.execute(stored).all()) < len(cited):
                    return  # one of them was deleted meanwhile
                connection.execute(answers.insert().values(row))
        except CatalogError as error:
            log.warning("an answer can't be rated: %s", error)
        except Exception:
            log.exception("an answer can't be rated")

    def _settle(self) -> None:
        """Wait for what was kept before: there is one writer."""
        self._writer.submit(int).result()

    def rate(
        self, answer_id: str, caller: Caller, *, rating: Rating, reason: str = "", corrected: str = ""
    ) -> None:
        """Say what an answer was worth; another rating replaces it. `NotFound` where there is no such answer."""
        theirs = sa.true() if caller.is_operator else answers.c.owner.is_not_distinct_from(caller.key_id)
        live = answers.c.created_at >= now_ms() - self._kept_ms
        self._settle()
        with self._database.write() as connection:
            found = sa.select(answers.c.id).where(answers.c.id == answer_id, theirs, live)
            if not _ID.fullmatch(answer_id) or connection.execute(found).first() is None:
                raise NotFound(
                    f"there is no answer {answer_id!r} that could be rated: it is none of yours, or too old"
                )
            connection.execute(feedback.delete().where(feedback.c.answer_id == answer_id))
            connection.execute(
                feedback.insert().values(
                    answer_id=answer_id,
                    created_at=now_ms(),
                    rating=rating,
                    reason=visible(reason),
                    corrected=visible(corrected),
                )
            )

    def list(
        self, *, limit: int = 100, before: Cursor | None = None, collections: tuple[str, ...] | None = None
    ) -> list[Rated]:
        """What was rated, the newest first, in some collections or in all; `before` is what the page follows."""
        query = (
            sa.select(
                feedback,
                *(column for column in answers.c if column.name not in ("id", "created_at")),
            )
            .join(answers, answers.c.id == feedback.c.answer_id)
            .order_by(feedback.c.created_at.desc(), feedback.c.answer_id.desc())
            .limit(limit)
        )
        if before is not None:
            at, answer_id = before
            query = query.where(
                sa.or_(
                    feedback.c.created_at < at,
                    sa.and_(feedback.c.created_at == at, feedback.c.answer_id < answer_id),
                )
            )
        if collections is not None:
            query = query.where(answers.c.collection.in_(collections))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Rated(
                row.answer_id,
                row.created_at,
                row.rating,
                row.reason,
                row.corrected,
                row.collection,
                row.status,
                row.question,
                row.query,
                row.said,
                tuple(row.cited),
            )
            for row in rows
        ]

    def delete(self, answer_id: str) -> None:
        """Remove a rating with its answer. `NotFound` where there is none."""
        rated = sa.select(feedback.c.answer_id).where(feedback.c.answer_id == answer_id)
        with self._database.write() as connection:
            if not connection.execute(answers.delete().where(answers.c.id.in_(rated))).rowcount:
                raise NotFound(f"there is no feedback on {answer_id!r}")
        self._database.scrub()

    def delete_all(self) -> int:
        """Remove all ratings with their answers; how many there were."""
        rated = sa.select(feedback.c.answer_id)
        with self._database.write() as connection:
            count = connection.execute(answers.delete().where(answers.c.id.in_(rated))).rowcount
        self._database.scrub()
        return count

    def examples(self, rated: Iterable[Rated]) -> Iterator[JSON]:
        """Examples of an evaluation dataset, of each question the newest.

        A good answer is an example with what it cited as evidence; one that abstained, well so, of a question
        that is not answerable. A correction is the answer of an example without evidence, whose `answerable` is
        null until somebody adds where it stands. A bad answer that nobody corrected gives none.
        """
        seen: set[str] = set()
        for each in rated:
            asked = "".join(filter(str.isalnum, each.query.casefold()))
            if asked in seen or (each.rating == "down" and not each.corrected):
                continue
            seen.add(asked)
            yield self._example(each)

    def _example(self, rated: Rated) -> JSON:
        found = language(rated.query)
        is_good = rated.rating == "up" and rated.status != "abstained"
        evidence = self._evidence(rated.cited) if is_good else ()
        is_answerable = True if evidence else False if rated.rating == "up" and not rated.corrected else None
        return {
            "id": rated.answer_id,
            "question": rated.query,
            "kind": "feedback",
            "lang": found if found in _LANGUAGES else "und",
            "answer": rated.corrected or (rated.said if is_good else ""),
            "evidence": list(evidence),
            "answerable": is_answerable,
        }

    def _evidence(self, cited: tuple[JSON, ...]) -> tuple[JSON, ...]:
        ids = {each["document_id"] for each in cited}
        query = sa.select(documents.c.id, documents.c.origin).where(documents.c.id.in_(ids))
        with self._database.read() as connection:
            origins = {row.id: row.origin for row in connection.execute(query)}
        pieces: dict[tuple[str, str], JSON] = {}
        for each in cited:
            # A synchronised folder's name stands before what is below it, and a dataset names what is below.
            folder = origins.get(each["document_id"], "").replace("\\", "/").rstrip("/").rpartition("/")[2]
            source = each["source"].removeprefix(f"{folder}/") if folder else each["source"]
            pieces[source, each["quote"]] = {"doc": source, "quote": each["quote"]}
        return tuple(pieces.values())

    def forget(self, document_id: str) -> None:
        """Remove all answers that cite a document, with what was said of them."""
        citing = sa.cast(answers.c.cited, sa.Text).contains(document_id, autoescape=True)
        self._settle()
        with self._database.read() as connection:
            ids = list(connection.execute(sa.select(answers.c.id).where(citing)).scalars())
        if ids:
            with self._database.write() as connection:
                for answer_id in ids:
                    connection.execute(answers.delete().where(answers.c.id == answer_id))
            self._database.scrub()

    def prune(self) -> None:
        """Remove what has had its time and was not rated."""
        with self._database.read() as connection:
            expired = connection.execute(sa.select(answers.c.id).where(self._expired()).limit(1)).first()
        if expired:  # opening must not wait for a writer where there is nothing to remove
            with self._database.write() as connection:
                connection.execute(answers.delete().where(self._expired()))

    def _prune(self, connection: Connection) -> None:
        if now_ms() - self._pruned_at < _MS_AN_HOUR:
            return
        self._pruned_at = now_ms()
        connection.execute(answers.delete().where(self._expired()))

    def _expired(self) -> sa.ColumnElement[bool]:
        old = answers.c.created_at < now_ms() - self._kept_ms
        rated = sa.exists().where(feedback.c.answer_id == answers.c.id)
        return sa.and_(old, ~rated)


@contextmanager
def opened_feedback(settings: Settings) -> Iterator[Feedback]:
    """The feedback of a data directory, which another process may be serving."""
    database = open_database(settings)
    kept = Feedback(database, days=settings.feedback_days)
    try:
        yield kept
    finally:
        kept.close()
        database.close()
