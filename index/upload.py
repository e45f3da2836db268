"""What is to be indexed, and what became of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from index.errors import InvalidRequest, QAError

Outcome = Literal["indexed", "replaced", "unchanged", "failed"]

_SOURCE_BYTES = 2000
TITLE_CHARACTERS = 500
"""The longest title that is kept."""

_METADATA_ENTRIES = 100
_KEY_BYTES = 200
_VALUE_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Upload:
    """A document as it comes in: its bytes, its name for people, and its source, which identifies it.

    A second upload from the same source is a new version. `origin` is the folder that it is synchronised
    from. `document_id` is that of an upload that has been acknowledged: where its document has been deleted
    since, nothing is stored.

    Raises `InvalidRequest` for a source over 2,000 bytes of UTF-8, a title over 500 characters, metadata over
    100 entries, 200 bytes a key or 1,000 characters a value, and for text that not every database takes.
    """

    source: str
    name: str
    data: bytes
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    document_id: str | None = None

    def __post_init__(self) -> None:
        for text in (
            self.source,
            self.name,
            self.title or "",
            self.origin,
            *self.metadata,
            *self.metadata.values(),
        ):
            _require_text(text)
        if not 0 < len(self.source.encode()) <= _SOURCE_BYTES:
            raise InvalidRequest(
                f"a source has 1 to {_SOURCE_BYTES:,} bytes, not {len(self.source.encode()):,}"
            )
        if len(self.title or "") > TITLE_CHARACTERS:
            raise InvalidRequest(f"the title of {self.source!r} has over {TITLE_CHARACTERS} characters")
        if (
            len(self.metadata) > _METADATA_ENTRIES
            or any(len(key.encode()) > _KEY_BYTES for key in self.metadata)
            or any(len(value) > _VALUE_CHARACTERS for value in self.metadata.values())
        ):
            raise InvalidRequest(
                f"the metadata of {self.source!r} is too long: {_METADATA_ENTRIES} entries, {_KEY_BYTES} "
                f"bytes a key and {_VALUE_CHARACTERS:,} characters a value are taken"
            )

    @property
    def sha256(self) -> str:
        """The hash of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one upload; where it failed, `error` says why and what was served before still is."""

    source: str
    outcome: Outcome
    document_id: str | None
    chunks: int = 0
    error: QAError | None = None


def _require_text(value: object) -> None:
    """Raise `InvalidRequest` unless it is a text that every database takes: a string of UTF-8 without NUL."""
    try:
        if isinstance(value, str) and b"\0" not in value.encode():
            return
    except UnicodeEncodeError:
        pass
    raise InvalidRequest(f"{value!r} is no text: send strings of valid Unicode, without NUL")
