"""The root of the product's error tree, and the errors of indexing and searching.

    QAError
    ├── LoadError                a file or an upload could not be turned into text
    │   ├── UnsupportedFormat    its content is of no format that we read
    │   ├── EmptyDocument        it holds no text
    │   ├── EncryptedDocument    it needs a password
    │   ├── DamagedDocument      its structure could not be read
    │   ├── DocumentTooLarge     it is over a limit
    │   └── ParsingFailed        the parser failed on it
    │       ├── ParsingTimeout       it took longer than it may
    │       ├── ParsingOutOfMemory   it took more memory than it may
    │       └── ParserCrashed        it ended the process that parsed it
    ├── ParserUnavailable        the process that parses files is missing
    ├── EmbeddingError           the embedding model is missing or failed
    ├── FollowerError            a search structure made from the catalog failed
    │   └── FollowerUnreachable  the server that holds it does not answer
    ├── CatalogError             the data directory or its database can't be used
    │   ├── CatalogUnreachable   the database server does not answer
    │   ├── DiskFull             there is no room left to write to it
    │   ├── DataDirectoryInUse   another process owns the data directory
    │   ├── CatalogMissing       the database is not there, and what was made from it is
    │   ├── NewerSchema          the database was written by a newer release
    │   └── EmbeddingMismatch    the collection was indexed with another embedding model
    ├── NotFound                 no such document, collection or job
    ├── CollectionExists         a collection of that name has been made already
    ├── SourceTaken              another document of the collection has that source
    ├── IdempotencyKeyReused     the key of a request came before with another one
    ├── InvalidRequest           the caller's words are off
    └── InternalError            something failed that should not; the log says what

Each error has a stable `code` for programs, an HTTP `status`, and a message for people that says
what happened, to which thing, and what to do.
"""

from typing import ClassVar


class QAError(Exception):
    """Base of every error that this product raises on purpose."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    told: ClassVar[str | None] = None
    """What callers over HTTP are told, where the message is for whoever runs the service: it may name paths, addresses
    and accounts."""

    @property
    def public(self) -> str:
        """What anybody may read."""
        return self.told or str(self)


class LoadError(QAError):
    """A file or an upload could not be turned into text; the others are not affected."""

    code = "unreadable_document"
    status = 422


class UnsupportedFormat(LoadError):
    """The content is of no format that we read."""

    code = "unsupported_format"
    status = 415


class EmptyDocument(LoadError):
    """The document holds no text."""

    code = "empty_document"


class EncryptedDocument(LoadError):
    """The document needs a password."""

    code = "encrypted_document"


class DamagedDocument(LoadError):
    """The document's structure could not be read."""

    code = "damaged_document"


class DocumentTooLarge(LoadError):
    """The document, or what it unpacks to, is over a limit."""

    code = "document_too_large"
    status = 413


class ParsingFailed(LoadError):
    """The parser failed on the document, by a fault of its own or because the document is made to harm."""

    code = "parsing_failed"


class ParsingTimeout(ParsingFailed):
    """Parsing the document took longer than it may."""

    code = "parsing_timeout"


class ParsingOutOfMemory(ParsingFailed):
    """Parsing the document took more memory than it may."""

    code = "parsing_out_of_memory"


class ParserCrashed(ParsingFailed):
    """The document ended the process that parsed it."""

    code = "parser_crashed"


class ParserUnavailable(QAError):
    """The process that parses files could not be started, or was stopped: no fault of a document."""

    code = "parser_unavailable"
    status = 503


class EmbeddingError(QAError):
    """The embedding model is missing or failed."""

    code = "embedding_failed"
    status = 503


class FollowerError(QAError):
    """A search structure made from the catalog failed."""

    code = "search_failed"
    status = 503
    told = "what this service searches with has failed: try again in a moment; its log says more"
    retry_after_seconds: ClassVar[float] = 1.0


class FollowerUnreachable(FollowerError):
    """The server that holds a search structure does not answer, or not to this service; it heals by itself."""

    code = "search_unreachable"
    told = "what this service searches with does not answer: try again in a moment"


class CatalogError(QAError):
    """The data directory or its database can't be used."""

    code = "catalog_unusable"
    told: ClassVar[str | None] = (
        "the database of this service can't be used: its log says why, for whoever runs it"
    )


class CatalogUnreachable(CatalogError):
    """The database server does not answer, or a lock in it was not to be had in time."""

    code = "catalog_unreachable"
    status = 503
    told = "the database of this service does not answer: try again in a moment"
    retry_after_seconds: ClassVar[float] = 2.0


class DiskFull(CatalogError):
    """There is no room left to write to the database; what was acknowledged before is kept, and reads go on."""

    code = "disk_full"
    status = 507
    told = (
        "the disk of this service is full, and nothing was written: whoever runs it has to free some; what was stored "
        "before is kept, and can be read"
    )


class DataDirectoryInUse(CatalogError):
    """Another process owns the data directory."""

    code = "data_directory_in_use"
    status = 503


class CatalogMissing(CatalogError):
    """The database is not there, and what was made from it is."""

    code = "catalog_missing"


class NewerSchema(CatalogError):
    """The database was written by a newer release."""

    code = "newer_schema"


class EmbeddingMismatch(CatalogError):
    """The collection was indexed with another embedding model."""

    code = "embedding_mismatch"
    status = 409
    told = None


class NotFound(QAError):
    """There is no such document, collection or job."""

    code = "not_found"
    status = 404


class CollectionExists(QAError):
    """A collection of that name has been made already."""

    code = "collection_exists"
    status = 409


class SourceTaken(QAError):
    """Another document of the collection has that source."""

    code = "source_taken"
    status = 409


class IdempotencyKeyReused(QAError):
    """The key that is to tell a repeated request came before with another one."""

    code = "idempotency_key_reused"
    status = 422


class InvalidRequest(QAError):
    """The caller's words are off: a value is missing, too long or of the wrong kind."""

    code = "invalid_request"
    status = 400


class InternalError(QAError):
    """Something failed that should not; the log says what."""
