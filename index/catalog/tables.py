"""The catalog's tables, for SQLite and PostgreSQL."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", String(16), nullable=False, unique=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("embedding_model", String(255), nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

# Those that were deleted, or moved to another embedding model, as long as Chroma may hold what was made of them.
former_collections = Table(
    "former_collections",
    metadata,
    Column("uid", String(16), primary_key=True),
    Column("embedding_model", String(255), nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("source", Text, nullable=False),
    Column("origin", Text, nullable=False, default=""),
    Column("live_version", Integer),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("collection_id", "source"),
)

# A row is written once; only its title may change. A version is live where its document names it as `live_version`,
# and pending until then; the one before it is removed in the transaction that makes it live. The long columns
# stand last, so that listing versions does not read through their texts.
versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("raw_sha256", String(64), nullable=False),
    Column("text_sha256", String(64), nullable=False),
    Column("characters", Integer, nullable=False),
    Column("chunk_count", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("pages", JSON, nullable=False),
    Column("headings", JSON, nullable=False),
    Column("repairs", JSON, nullable=False, server_default="{}"),
    Column("text", Text, nullable=False),
    Index("ix_versions_document_id", "document_id"),
    sqlite_autoincrement=True,
)

# The version's metadata once more, a row for each entry, to filter by: keys are the users' and can hold
# anything, which paths into JSON can't.
labels = Table(
    "labels",
    metadata,
    Column("key", Text, primary_key=True),
    Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
    Column("value", Text, nullable=False),
    Index("ix_labels_version_id", "version_id"),
)

# `text` repeats the version's text[start:end], so that ranking need not read whole documents.
# `sentences` packs little-endian int32 pairs (start, end); `sentence_vectors` packs int8 rows.
# `content_hash` is of the collection, its model, the text and the sentences; null where that is not known.
chunks = Table(
    "chunks",
    metadata,
    Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("headings", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("sentences", LargeBinary, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("sentence_vectors", LargeBinary, nullable=False),
    Column("language", String(7), nullable=False),
    Column("content_hash", LargeBinary(16)),
    Index("ix_chunks_content_hash", "content_hash", "version_id", "ordinal"),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("collection_id", Integer, nullable=False),
    Column("kind", String(6), nullable=False),
    Column("version_id", Integer, nullable=False),
    Column("chunk_count", Integer, nullable=False),
    Index("ix_changes_collection_id_seq", "collection_id", "seq"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("kind", String(7), nullable=False, server_default="index"),
    Index("ix_jobs_created_at", "created_at", "id"),
)

# `payload` holds the uploaded bytes until the item has ended: an acknowledged upload survives a crash. A job of the
# kind `reindex` has one item, of no document.
job_items = Table(
    "job_items",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("document_id", String(32), nullable=False),
    Column("source", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text),
    Column("metadata", JSON, nullable=False),
    Column("state", String(9), nullable=False),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("payload", LargeBinary),
    Column("chunks", Integer),
    Index("ix_job_items_state", "state"),
    Index("ix_job_items_job_id", "job_id"),
    Index("ix_job_items_document_id", "document_id"),
    sqlite_autoincrement=True,
)

# How far the items under way are. It stands apart from them: a row is written anew as a whole, with its payload.
under_way = Table(
    "under_way",
    metadata,
    Column("item_id", ForeignKey("job_items.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("stage", String(9), nullable=False),
    Column("embedded", Integer, nullable=False),
    Column("chunks", Integer),
)

# Requests by the key that their caller chose for them, to give a repeated one the reply that the first one got.
# `caller` is the id of a key, empty for whoever calls without one; `sha256` is of all that the request says.
# `job_id` is no reference: a reply is the same when its job has gone.
idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", String(16), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("job_id", String(32), nullable=False),
    Column("document_ids", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_idempotency_created_at", "created_at"),
)

# `collections` is null where the key is for all; the defaults are what keys of the first release were for.
keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("sha256", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("kind", String(11), nullable=False, server_default="secret"),
    Column("scopes", JSON, nullable=False, server_default='["ask", "search", "write", "admin"]'),
    Column("collections", JSON(none_as_null=True)),
    Column("origins", JSON, nullable=False, server_default="[]"),
    Column("expires_at", BigInteger),
)

# What this installation signs with, by purpose; as secret as the database is.
signing = Table(
    "signing",
    metadata,
    Column("purpose", String(16), primary_key=True),
    Column("secret", String(64), nullable=False),
)

# `owner` is the id of the key that made it, null where none was asked for. It is no reference: when a key is
# revoked, what was asked with it stays until it is deleted or has had its time.
conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(16)),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_conversations_owner_id", "owner", "id"),
    Index("ix_conversations_updated_at", "updated_at"),
)

# `said` repeats the claims of `answer`, so that a follow-up question need not read the passages of earlier ones.
turns = Table(
    "turns",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("question", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("answer", JSON, nullable=False),
)

# What was answered, so that it can be rated; it goes with its conversation. `said` and `cited` are what an
# evaluation dataset takes of the answer. What was rated is kept, the rest for `QA_FEEDBACK_DAYS`.
answers = Table(
    "answers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(16)),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE")),
    Column("collection", String(63), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("question", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("cited", JSON, nullable=False),
    Index("ix_answers_conversation_id", "conversation_id"),
    Index("ix_answers_created_at", "created_at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("rating", String(4), nullable=False),
    Column("reason", Text, nullable=False),
    Column("corrected", Text, nullable=False),
    Index("ix_feedback_created_at", "created_at", "answer_id"),
)

# `owner` is the id of a key, empty for whoever calls without one; `day` is a UTC date. A reservation stands for a
# call under way; one that has expired is of a process that died.
spending = Table(
    "spending",
    metadata,
    Column("owner", String(16), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("tokens", BigInteger, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(16), nullable=False),
    Column("day", String(10), nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_reservations_owner_day", "owner", "day"),
    Index("ix_reservations_expires_at", "expires_at"),
)
