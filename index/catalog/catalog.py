"""Documents, their versions and chunks, and the log of changes that the followers repeat.

A version is written as pending with all its chunks and vectors in one transaction; the followers take it;
`publish` makes it live and removes the version before it in one more. So a reader sees the old version or the
new one, a crash leaves nothing half-written, and whatever is in the database is complete.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.catalog import statements
from index.catalog.database import Database
from index.catalog.names import is_name, is_new_name, no_name
from index.catalog.records import (
    Change,
    ChunkText,
    Collection,
    Counts,
    Document,
    DocumentText,
    FormerCollection,
    NewVectors,
    NewVersion,
    Pending,
    StoredChunk,
    StoredVectors,
    Stretch,
    parse_chunk_id,
)
from index.catalog.rows import (
    EQUAL_CONTENT,
    chunk_query,
    cut_query,
    cut_values,
    document_query,
    listing_query,
    stretch_query,
    text_query,
    to_chunk,
    to_chunk_text,
    to_collection,
    to_document,
    to_text,
)
from index.catalog.tables import (
    answers,
    changes,
    collections,
    documents,
    former_collections,
    job_items,
    jobs,
    labels,
    versions,
)
from index.clock import now_ms
from index.document import Span
from index.errors import CatalogError, CollectionExists, EmbeddingMismatch, InvalidRequest, NotFound

_UNLIMITED = 2**62
_BATCH = 250  # chunks in a statement, of two bound values each: every SQLite build takes 999
_MAX_FILTER_VALUES = 1000
_LAST_CHANGE = sa.select(sa.func.max(changes.c.seq)).where(
    changes.c.collection_id == sa.bindparam("collection_id")
)
_COLLECTION_NAMED = sa.select(collections).where(collections.c.name == sa.bindparam("its_name"))
_COLLECTION_OF = (
    sa.select(collections)
    .join(documents, documents.c.collection_id == collections.c.id)
    .where(documents.c.id == sa.bindparam("document_id"))
)
_TEXT_OF = (
    sa.select(versions, documents.c.source)
    .join(documents, documents.c.live_version == versions.c.id)
    .where(documents.c.id == sa.bindparam("of_document"))
)


class Catalog:
    """The documents in a `Database`. Safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Collections

    def collections(self) -> list[Collection]:
        """All collections, by name."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(collections).order_by(collections.c.name)).all()
        return [to_collection(row) for row in rows]

    def collection(self, name: str) -> Collection:
        """The collection of that name; `NotFound` where there is none."""
        found = self._find_collection(name)
        if found is None:
            raise statements.no_collection(name)
        return found

    def ensure_collection(self, name: str, *, embedding_model: str, dimension: int) -> Collection:
        """The collection of that name, made where it does not exist.

        Raises `EmbeddingMismatch` where it was indexed with another model: their vectors can't be compared.
        """
        found = self._find_collection(name)
        if found is None:
            with suppress(CollectionExists):  # somebody else has made it in this moment
                self.create_collection(name, embedding_model=embedding_model, dimension=dimension)
            found = self.collection(name)
        check_model(found, embedding_model)
        return found

    def create_collection(self, name: str, *, embedding_model: str, dimension: int) -> Collection:
        """A new, empty collection; `CollectionExists` where there is one of that name."""
        if not is_new_name(name):
            raise no_name(name)
        with self._database.write() as connection:
            if connection.execute(_COLLECTION_NAMED, {"its_name": name}).first():
                raise CollectionExists(
                    f"there is a collection {name!r} already: choose another name, or delete it first"
                )
            connection.execute(
                collections.insert(),
                {
                    "uid": secrets.token_hex(8),
                    "name": name,
                    "embedding_model": embedding_model,
                    "dimension": dimension,
                    "created_at": now_ms(),
                },
            )
            row = connection.execute(_COLLECTION_NAMED, {"its_name": name}).one()
        return to_collection(row)

    def delete_collection(self, collection: Collection) -> list[str]:
        """Remove a collection with its documents, chunks, vectors and jobs, and the answers from it that can be rated.

        Gives the ids of its documents; `NotFound` where it has gone. Its number is never used again.
        """
        its = collections.c.id == collection.id
        held = sa.select(documents.c.id).where(documents.c.collection_id == collection.id)
        with self._database.write() as connection:
            ids = list(connection.execute(held).scalars())
            if not connection.execute(collections.delete().where(its)).rowcount:
                raise statements.no_collection(collection.name)
            statements.remember(connection, collection)
            connection.execute(changes.delete().where(changes.c.collection_id == collection.id))
            connection.execute(answers.delete().where(answers.c.collection == collection.name))
        self._database.scrub()
        return ids

    def change_model(
        self,
        collection: Collection,
        moved: Collection,
        vectors: Iterable[NewVectors],
        *,
        versions_seen: Iterable[int],
    ) -> None:
        """Put the vectors of another embedding model in the place of all that a collection has, in one transaction.

        `moved` is what the collection is then. Its `uid` is a new one, so that nothing that was made of the old
        vectors passes for its own. Raises `NotFound` where it has gone, and `CatalogError` where it has versions
        that are not among those seen: nothing is changed then.
        """
        held = (
            sa.select(versions.c.id)
            .join(documents, documents.c.id == versions.c.document_id)
            .where(documents.c.collection_id == collection.id)
        )
        with self._database.write() as connection:
            statements.require(connection, collection)
            if set(connection.execute(held).scalars()).difference(versions_seen):
                raise CatalogError(
                    f"documents have come into collection {collection.name!r} meanwhile, and it is as it was: "
                    "stop what indexes them and call `qa reindex` again, which goes on from here"
                )
            statements.replace_vectors(connection, vectors)
            connection.execute(
                collections.update()
                .where(collections.c.id == collection.id)
                .values(uid=moved.uid, embedding_model=moved.embedding_model, dimension=moved.dimension)
            )
            statements.remember(connection, collection)
        self._database.scrub()

    def former_collections(self) -> list[FormerCollection]:
        """The collections that have gone, and that Chroma may still hold."""
        with self._database.read() as connection:
            return [FormerCollection(*row) for row in connection.execute(sa.select(former_collections))]

    def forget_former(self, former: FormerCollection) -> None:
        """Chroma holds nothing of a collection that has gone."""
        with self._database.write() as connection:
            connection.execute(former_collections.delete().where(former_collections.c.uid == former.uid))

    def require(self, collection: Collection) -> None:
        """Raise `NotFound` where a collection has been deleted, also where another has its name now."""
        with self._database.read() as connection:
            statements.require(connection, collection)

    def counts(self) -> dict[int, Counts]:
        """How much each collection holds, by the collection's number."""
        query = (
            sa.select(
                collections.c.id,
                sa.func.count(documents.c.id).label("documents"),
                sa.func.coalesce(sa.func.sum(versions.c.chunk_count), 0).label("chunks"),
            )
            .outerjoin(documents, documents.c.collection_id == collections.c.id)
            .outerjoin(versions, versions.c.id == documents.c.live_version)
            .group_by(collections.c.id)
        )
        with self._database.read() as connection:
            return {row.id: Counts(row.documents, row.chunks) for row in connection.execute(query)}

    def collection_of(self, document_id: str) -> Collection:
        """The collection that holds a document; `NotFound` where there is no such document."""
        with self._database.read() as connection:
            row = connection.execute(_COLLECTION_OF, {"document_id": document_id}).one_or_none()
        if row is None:
            raise statements.no_document(document_id)
        return to_collection(row)

    def _find_collection(self, name: str) -> Collection | None:
        if not is_name(name):  # PostgreSQL takes no NUL, not even to look for it
            return None
        with self._database.read() as connection:
            row = connection.execute(_COLLECTION_NAMED, {"its_name": name}).one_or_none()
        return to_collection(row) if row else None

    # Writing documents

    def add_pending(self, collection: Collection, new: Sequence[NewVersion]) -> list[Pending | None]:
        """Store versions with their chunks and vectors, complete but not yet served.

        Gives None for one whose document has been deleted meanwhile: nothing is stored of it. A pending
        version of the same document gives way. Raises `NotFound` where the collection has been deleted.
        """
        stored: list[Pending | None] = []
        with self._database.write() as connection:
            statements.require(connection, collection)
            for version in new:
                document_id = version.document_id
                if document_id is None:
                    document_id = statements.reserve(
                        connection, collection.id, source=version.source, origin=version.origin
                    )
                elif statements.exists(connection, document_id):
                    statements.set_origin(connection, document_id, version.origin)
                else:
                    stored.append(None)
                    continue
                statements.drop_pending(connection, collection.id, document_id)
                version_id = statements.insert_version(connection, collection.id, document_id, version)
                stored.append(Pending(document_id, version_id))
        return stored

    def publish(self, version_ids: Sequence[int]) -> list[int]:
        """Make pending versions live and remove those before them, all in one transaction.

        Gives the ids of those that are live now: the others were deleted, or gave way to a newer one.
        """
        with self._database.write() as connection:
            return [each for each in version_ids if statements.make_live(connection, each)]

    def pending(self, collection: Collection) -> list[int]:
        """The ids of versions that are stored but not yet live, as a crash leaves them for `publish`."""
        query = (
            sa.select(versions.c.id)
            .join(documents, documents.c.id == versions.c.document_id)
            .where(documents.c.collection_id == collection.id)
            .where(sa.or_(documents.c.live_version.is_(None), documents.c.live_version != versions.c.id))
            .order_by(versions.c.id)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def delete(self, document_id: str) -> None:
        """Remove a document with all its versions, chunks, vectors and uploads; `NotFound` where there is none."""
        with self._database.write() as connection:
            found = connection.execute(
                sa.select(documents).where(documents.c.id == document_id)
            ).one_or_none()
            if found is None:
                raise statements.no_document(document_id)
            statements.drop_versions(connection, found.collection_id, document_id)
            connection.execute(job_items.delete().where(job_items.c.document_id == document_id))
            connection.execute(_cancelled_under(found.source, found.collection_id))
            connection.execute(documents.delete().where(documents.c.id == document_id))
        self._database.scrub()

    def set_origin(self, document_id: str, origin: str) -> None:
        """Record the folder that a document is now synchronised from; empty for none."""
        with self._database.write() as connection:
            statements.set_origin(connection, document_id, origin)

    def rename(
        self,
        document_id: str,
        *,
        source: str | None = None,
        origin: str | None = None,
        title: str | None = None,
    ) -> None:
        """Give a document another source, origin or title; its text, chunks and vectors stay as they are.

        Raises `NotFound` where there is none, and `SourceTaken` where another one has that source.
        """
        its = documents.c.id == document_id
        places = {
            name: value for name, value in (("source", source), ("origin", origin)) if value is not None
        }
        with self._database.write() as connection:
            found = connection.execute(sa.select(documents).where(its)).one_or_none()
            if found is None:
                raise statements.no_document(document_id)
            if source is not None:
                statements.require_free(connection, found.collection_id, source, document_id)
            if places:
                connection.execute(documents.update().where(its).values(places))
            if said := {**places, **({} if title is None else {"title": title})}:
                # An upload that waits finds its document by these, and would undo them; one that has ended would
                # still have the old ones.
                uploads = job_items.c.document_id == document_id
                connection.execute(job_items.update().where(uploads).values(said))
            if found.live_version is None or (source is None and title is None):
                return
            if title is not None:
                live = versions.c.id == found.live_version
                connection.execute(versions.update().where(live).values(title=title))
            statements.take_again(connection, found.collection_id, found.live_version)

    # Reading documents

    def documents(
        self, collection: Collection, *, limit: int | None = None, after: str = "", source: str | None = None
    ) -> list[Document]:
        """Documents in the order of their ids, those behind `after`; `source` picks one by its source."""
        values = {
            "collection_id": collection.id,
            "after": after,
            "limit": _UNLIMITED if limit is None else limit,
            **({} if source is None else {"source": source}),
        }
        with self._database.read() as connection:
            rows = connection.execute(listing_query(by_source=source is not None), values).all()
        return [to_document(row) for row in rows]

    def document(self, collection: Collection, document_id: str) -> Document:
        """One document; `NotFound` where the collection has none of that id."""
        query = document_query().where(
            documents.c.id == document_id, documents.c.collection_id == collection.id
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise statements.no_document(document_id)
        return to_document(row)

    def text(self, document_id: str) -> DocumentText:
        """The canonical text of a document's live version; `NotFound` where it has none."""
        with self._database.read() as connection:
            row = connection.execute(_TEXT_OF, {"of_document": document_id}).one_or_none()
        if row is None:
            raise NotFound(f"there is no indexed document {document_id!r}")
        return to_text(row)

    def cut(self, version_id: int, spans: Sequence[Span]) -> list[str] | None:
        """The stored text of each span, as far as it lies in the text; None where it is not served."""
        found: list[str] = []
        with self._database.read() as connection:
            for at in range(0, max(1, len(spans)), _BATCH):
                batch = spans[at : at + _BATCH]
                values = {"version_id": version_id}
                for i, span in enumerate(batch):
                    values |= cut_values(i, span)
                row = connection.execute(cut_query(len(batch)), values).one_or_none()
                if row is None:
                    return None
                found.extend(row[1:])
        return found

    def stretches(self, wanted: Sequence[tuple[str, Span]]) -> list[Stretch | None]:
        """The text of documents at spans, as far as it lies in the text, all of one moment; None where none is served.

        For each one the database reads the text: of many in one document, `text` is less work.
        """
        found: list[Stretch | None] = [None] * len(wanted)
        with self._database.read() as connection:
            for at in range(0, len(wanted), _BATCH):
                batch = wanted[at : at + _BATCH]
                values: dict[str, Any] = {}
                for i, (document_id, span) in enumerate(batch):
                    values |= {f"document_{i}": document_id, **cut_values(i, span)}
                for i, *stretch in connection.execute(stretch_query(len(batch)), values):
                    found[at + i] = Stretch(*stretch)
        return found

    # Chunks

    def chunks(self, collection: Collection, ids: Sequence[str]) -> tuple[list[ChunkText], int]:
        """The live chunks among `ids`, in no particular order, and the number of the collection's last change then.

        Those that have gone are left out. Their vectors are not read.
        """
        pairs: set[tuple[int, int]] = set()
        for value in ids:
            with suppress(ValueError):  # what is no id names no chunk
                pairs.add(parse_chunk_id(value))
        wanted = sorted(pairs)
        found: list[ChunkText] = []
        with self._database.read() as connection:
            for at in range(0, len(wanted), _BATCH):
                batch = wanted[at : at + _BATCH]
                values = {"collection_id": collection.id}
                for i, (version_id, ordinal) in enumerate(batch):
                    values[f"version_{i}"], values[f"ordinal_{i}"] = version_id, ordinal
                found.extend(map(to_chunk_text, connection.execute(text_query(len(batch)), values)))
            return found, _last_change(connection, collection)

    def version_chunks(self, collection: Collection, version_id: int) -> list[StoredChunk]:
        """All chunks of a live or pending version, in order; none where the version has gone."""
        values = {"collection_id": collection.id, "version_id": version_id}
        with self._database.read() as connection:
            return [to_chunk(row) for row in connection.execute(chunk_query(), values)]

    def stored_vectors(self, content_hashes: Sequence[bytes]) -> dict[bytes, list[StoredVectors]]:
        """By their hash the vectors of stored chunks with that content: some of the newest, where there are many."""
        found: dict[bytes, list[StoredVectors]] = {}
        wanted = [*dict.fromkeys(content_hashes)]
        with self._database.read() as connection:
            for at in range(0, len(wanted), _BATCH):
                rows = connection.execute(EQUAL_CONTENT, {"hashes": wanted[at : at + _BATCH]})
                for content_hash, *values in rows:
                    title, headings, vector, sentence_vectors = values
                    equal = StoredVectors(title, tuple(headings), vector, sentence_vectors)
                    found.setdefault(content_hash, []).append(equal)
        return found

    def live_versions(
        self, collection: Collection, *, metadata: Mapping[str, Sequence[str]] | None = None
    ) -> dict[int, int]:
        """Live version ids with their chunk counts; with `metadata`, those whose values are among the given.

        The keys `document_id`, `source` and `title` stand for the document's own fields. Raises
        `InvalidRequest` for more than 1,000 values.
        """
        if sum(len(values) for values in (metadata or {}).values()) > _MAX_FILTER_VALUES:
            raise InvalidRequest(f"the filter has more than {_MAX_FILTER_VALUES:,} values: send fewer")
        query = (
            sa.select(versions.c.id, versions.c.chunk_count)
            .join(documents, documents.c.live_version == versions.c.id)
            .where(documents.c.collection_id == collection.id)
        )
        own = {"document_id": documents.c.id, "source": documents.c.source, "title": versions.c.title}
        for key, values in (metadata or {}).items():
            if key in own:
                query = query.where(own[key].in_(values))
            else:
                labelled = sa.select(labels.c.version_id).where(
                    labels.c.key == key, labels.c.value.in_(values)
                )
                query = query.where(versions.c.id.in_(labelled))
        with self._database.read() as connection:
            return {row.id: row.chunk_count for row in connection.execute(query)}

    def held_versions(self, collection: Collection) -> dict[int, int]:
        """Version ids with their chunk counts, live and pending: what the followers should hold."""
        query = (
            sa.select(versions.c.id, versions.c.chunk_count)
            .join(documents, documents.c.id == versions.c.document_id)
            .where(documents.c.collection_id == collection.id)
        )
        with self._database.read() as connection:
            return {row.id: row.chunk_count for row in connection.execute(query)}

    # Changes

    def last_change(self, collection: Collection) -> int:
        """The number of the collection's last change; 0 where nothing has changed yet."""
        with self._database.read() as connection:
            return _last_change(connection, collection)

    def last_changes(self) -> dict[int, int]:
        """The number of the last change of each collection, by the collection's number."""
        last = sa.select(sa.func.max(changes.c.seq)).where(changes.c.collection_id == collections.c.id)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(collections.c.id, last.scalar_subquery())).all()
        return {collection_id: seq or 0 for collection_id, seq in rows}

    def changes_after(self, collection: Collection, seq: int, *, limit: int = 256) -> list[Change]:
        """The collection's changes behind number `seq`, in order, at most `limit`."""
        query = (
            sa.select(changes.c.seq, changes.c.kind, changes.c.version_id, changes.c.chunk_count)
            .where(changes.c.collection_id == collection.id, changes.c.seq > seq)
            .order_by(changes.c.seq)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Change(*row) for row in connection.execute(query)]


def _cancelled_under(source: str, collection_id: int) -> sa.Delete:
    """Remove the uploads under a source that were cancelled before they came to have a document."""
    its = sa.select(jobs.c.id).where(jobs.c.collection_id == collection_id)
    return job_items.delete().where(
        job_items.c.state == "cancelled",
        job_items.c.source == source,
        job_items.c.job_id.in_(its),
        ~sa.exists().where(documents.c.id == job_items.c.document_id),
    )


def _last_change(connection: Connection, collection: Collection) -> int:
    return connection.execute(_LAST_CHANGE, {"collection_id": collection.id}).scalar() or 0


def check_model(collection: Collection, embedding_model: str) -> None:
    """Raise `EmbeddingMismatch` unless the collection was indexed with `embedding_model`."""
    if collection.embedding_model != embedding_model:
        raise EmbeddingMismatch(
            f"collection {collection.name!r} was indexed with {collection.embedding_model!r}, not "
            f"{embedding_model!r}: run `qa reindex` to embed it again, or set "
            "QA_EMBEDDING_MODEL back"
        )


def mismatches(collections: Iterable[Collection], embedding_model: str) -> list[EmbeddingMismatch]:
    """An error for each collection that was indexed with another model than `embedding_model`."""
    found = []
    for collection in collections:
        try:
            check_model(collection, embedding_model)
        except EmbeddingMismatch as error:
            found.append(error)
    return found
