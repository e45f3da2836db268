"""What requests may hold, validated where they come in: over HTTP and from the command line."""

import unicodedata
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from index.errors import InvalidRequest
from index.retrieve import MAX_K

_MAX_SHOWN = 100
_MESSAGES = {"extra_forbidden": "there is no such field", "missing": "it is missing"}

MAX_PAGE = 1000
"""The most documents that are listed at once."""


def _visible(value: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValueError("it has control characters")
    return value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _whole(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("send a whole number")
    return value


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,63}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    AfterValidator(_visible),
]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_visible),
]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_visible)]
Value = Annotated[str, StringConstraints(max_length=1000)]
Values = Annotated[list[Value], BeforeValidator(_listed), Field(max_length=100)]
Digits = Annotated[int, BeforeValidator(_whole)]
Metadata = Annotated[dict[Key, Value], Field(max_length=100)]


class Request(BaseModel):
    """What a request holds: an unknown field is an error, so that a misspelt one is not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Search(Request):
    collection: Name = "default"
    filter: Annotated[dict[Key, Values], Field(max_length=20)] | None = None


class AnswerRequest(_Search):
    """`POST /v1/answers`."""

    question: Text
    k: Annotated[int, Field(ge=1, le=MAX_K)] | None = None
    stream: bool = False


class SearchRequest(_Search):
    """`POST /v1/search`."""

    query: Text
    k: Annotated[int, Field(ge=1, le=MAX_K)] = 10


class DocumentRequest(Request):
    """`POST /v1/documents` with a text; without a source, the same text twice is one document."""

    title: Title
    text: str
    source: Label | None = None
    metadata: Metadata = Field(default_factory=dict)
    collection: Name = "default"


class FilesRequest(Request):
    """The fields beside the files of `POST /v1/documents`; `sources` is empty or has one for each file.

    `origin` is the folder that a client synchronises the files from.
    """

    names: list[Label] = Field(min_length=1)
    sources: list[Label] = []
    origin: Annotated[str, StringConstraints(max_length=4000)] = ""
    metadata: Metadata = Field(default_factory=dict)
    collection: Name = "default"


class ListRequest(Request):
    """The query of `GET /v1/documents`."""

    collection: Name = "default"
    limit: Annotated[Digits, Field(ge=1, le=MAX_PAGE)] = 100
    after: str = ""
    source: str | None = None


class TextRequest(Request):
    """The query of `GET /v1/documents/{id}/text`: a stretch `[start, end)` in code points."""

    start: Digits = 0
    end: Digits | None = None


def explain(error: ValidationError) -> InvalidRequest:
    """A validation error as ours, naming the field; the value that was sent is not repeated."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"] if part != "[key]")[:_MAX_SHOWN] or "body"
    message = _MESSAGES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return InvalidRequest(f"{field}: {message}")
