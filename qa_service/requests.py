"""What requests may hold, validated where they come in: over HTTP and from the command line."""

import re
import unicodedata
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from index.catalog.names import NAME_PATTERN, NAME_RULE
from index.errors import InvalidRequest
from index.retrieve import MAX_K
from qa_service.access.keys import Scope
from qa_service.conversations.messages import Role

_MAX_SHOWN = 100
_PLACE = re.compile(r"[0-9a-f]{1,15}-[0-9a-f]{1,32}")
_CONVERSATION = re.compile(r"[0-9a-f]{28}")
# By pydantic's type of error; what stands in braces is its context.
_MESSAGES = {
    "bool_type": "send true or false",
    "dict_type": "send an object",
    "extra_forbidden": "there is no such field",
    "greater_than_equal": "send {ge} or more",
    "int_from_float": "send a whole number",
    "int_parsing": "send a whole number",
    "int_type": "send a whole number",
    "json_invalid": "this is no JSON: {error}",
    "less_than_equal": "send {le} or less",
    "list_type": "send a list",
    "missing": "it is missing",
    "model_type": "send an object",
    # Names of collections alone have a pattern.
    "string_pattern_mismatch": f"send {NAME_RULE}",
    "string_too_long": "it has more than {max_length} characters",
    "string_too_short": "it is empty",
    "string_type": "send a string",
    "too_long": "send {max_length} or fewer",
    "too_short": "send {min_length} or more",
}

MAX_PAGE = 1000
"""The most documents or conversations that are listed at once."""

MAX_SAVED = 1000
"""The most citations that are verified at once."""

MAX_MESSAGES = 200
"""The most messages that a history may have; what is carried along is trimmed further, by `QA_HISTORY_TOKENS`."""


def _visible(value: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValueError("it has control characters")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("it is empty")
    return value


def _place(value: str) -> str:
    if not _PLACE.fullmatch(value):
        raise ValueError("send what was given as `next`")
    return value


def _conversation(value: str) -> str:
    if not _CONVERSATION.fullmatch(value):
        raise ValueError("send what was given as `next`")
    return value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _whole(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("send a whole number that is not negative")
    return value


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
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
Url = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_visible)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_visible)]
Value = Annotated[str, StringConstraints(max_length=1000)]
Values = Annotated[
    list[Value],
    BeforeValidator(_listed, json_schema_input_type=Value | Annotated[list[Value], Field(max_length=100)]),
    Field(max_length=100),
]
Digits = Annotated[int, BeforeValidator(_whole)]
Offset = Annotated[int, Field(ge=0, lt=2**31)]
Metadata = Annotated[dict[Key, Value], Field(max_length=100)]


class Request(BaseModel):
    """What a request holds: an unknown field is an error, so that a misspelt one is not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_WHERE = "Where to search; a key for one collection need not name it."


class _Saved(Request):
    # A citation is sent as it was saved, with its title, address, page ...
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Search(Request):
    collection: Name = Field("default", description=_WHERE)
    filter: Annotated[dict[Key, Values], Field(max_length=20)] | None = Field(
        None,
        description="Keeps documents by their metadata, or by `document_id`, `source` or `title`: all names must fit, "
        "one value of each.",
    )


class Message(Request):
    """A message of a history: a question, or the text of an answer, which is empty where there was none."""

    role: Role
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]


class AskRequest(_Search):
    """A question that stands alone, as agents ask it."""

    question: Annotated[Text, Field(description="Up to `QA_MAX_QUESTION_CHARACTERS`.")]
    k: Annotated[int, Field(ge=1, le=MAX_K)] | None = Field(
        None, description="Passages to answer from; `QA_PASSAGES` where it is not sent."
    )


class AnswerRequest(AskRequest):
    """`POST /v1/answers`; what was said before is a kept conversation or the messages of a history."""

    conversation_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None, description="A conversation to go on with; the turn is kept in it."
    )
    history: Annotated[list[Message], Field(max_length=MAX_MESSAGES)] | None = Field(
        None, description="Or what was said before, oldest first; nothing is kept."
    )
    stream: bool = Field(False, description="Send events as the answer is made.")

    @model_validator(mode="after")
    def _has_one_history(self) -> Self:
        if self.conversation_id is not None and self.history is not None:
            raise ValueError("send conversation_id or history, not both: a conversation has its own history")
        return self


class SearchRequest(_Search):
    """`POST /v1/search`."""

    query: Text
    k: Annotated[int, Field(ge=1, le=MAX_K)] = 10


_TEXT_OR_URL: list[JsonValue] = [
    {
        "required": ["text", "title"],
        "properties": {"text": {"type": "string"}, "title": {"type": "string"}, "url": {"type": "null"}},
    },
    {"required": ["url"], "properties": {"url": {"type": "string"}, "text": {"type": "null"}}},
]


class DocumentRequest(Request):
    """`POST /v1/documents` with a text and its title, or with the address of a document, which need not have one.

    Without a source, an address is the source, and the same text twice is one document.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": _TEXT_OR_URL})

    title: Title | None = Field(
        None, description="What people know it by; without one, that of the document at the address."
    )
    text: Annotated[str, AfterValidator(_not_blank)] | None = Field(None, description="Read as Markdown.")
    url: Url | None = Field(
        None,
        description="Where the document stands, on a host of `QA_URL_HOSTS`. It is fetched before the reply comes; "
        "its content says what format it has.",
    )
    source: Label | None = Field(
        None, description="What identifies the document: another one from the same source replaces it."
    )
    metadata: Metadata = Field(default_factory=dict, description="Strings by name, to filter by.")
    collection: Name = Field("default", description="It is made where it does not exist.")

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if (self.text is None) == (self.url is None):
            raise ValueError("send a text with its title, or a url, one of both")
        if self.text is not None and self.title is None:
            raise ValueError("send the title of the text")
        return self


class FilesRequest(Request):
    """The fields beside the files of `POST /v1/documents`; `sources` is empty or has one for each file.

    `origin` is the folder that a client synchronises the files from.
    """

    names: list[Label] = Field(min_length=1)
    sources: list[Label] = []
    origin: Annotated[str, StringConstraints(max_length=4000)] = ""
    metadata: Metadata = Field(default_factory=dict)
    collection: Name = "default"


class RenameRequest(Request):
    """`PATCH /v1/documents/{id}`: what is to be changed; `origin` as in `FilesRequest`."""

    title: Title | None = None
    source: Label | None = None
    origin: Annotated[str, StringConstraints(max_length=4000)] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.title is None and self.source is None and self.origin is None:
            raise ValueError("send a title, a source, or both")
        return self


class ListRequest(Request):
    """The query of `GET /v1/documents`."""

    collection: Name = "default"
    limit: Annotated[Digits, Field(ge=1, le=MAX_PAGE)] = 100
    after: str = ""
    source: str | None = None


class ConversationsRequest(Request):
    """The query of `GET /v1/conversations`."""

    limit: Annotated[Digits, Field(ge=1, le=MAX_PAGE)] = 100
    after: Annotated[str, AfterValidator(_conversation)] | None = None


class NewConversationRequest(Request):
    """`POST /v1/conversations`: nothing is asked for yet."""


class NewCollectionRequest(Request):
    """`POST /v1/collections`."""

    name: Name


class SavedSpan(_Saved):
    """The span of a saved citation, in code points."""

    start: Offset
    end: Offset


class SavedCitation(_Saved):
    """A citation as it came with an answer; what is not named here is not read."""

    document_id: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_visible)]
    span: SavedSpan
    quote: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class VerifyRequest(Request):
    """`POST /v1/citations/verify`."""

    citations: Annotated[list[SavedCitation], Field(min_length=1, max_length=MAX_SAVED)]


class NewSessionRequest(Request):
    """`POST /v1/sessions`: nothing is asked for yet."""


class NewKeyRequest(Request):
    """`POST /v1/keys`; without scopes a secret key has all, without collections it is for all."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=63), AfterValidator(_visible)]
    kind: Literal["secret", "publishable"] = "secret"
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=5)] | None = None
    collections: Annotated[list[Name], Field(min_length=1, max_length=100)] | None = None
    origins: Annotated[list[Label], Field(max_length=100)] = []
    days: Annotated[int, Field(ge=1, le=36500)] | None = None


class FeedbackRequest(Request):
    """`POST /v1/feedback`, on an answer by the id that came with it."""

    answer_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    rating: Literal["up", "down"]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] = ""
    corrected: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)] = ""


class PageRequest(Request):
    """The query of a list by time; `after` is what a page before gave as `next`."""

    limit: Annotated[Digits, Field(ge=1, le=MAX_PAGE)] = 100
    after: Annotated[str, AfterValidator(_place)] | None = None

    @property
    def cursor(self) -> tuple[int, str] | None:
        """The place that the page follows."""
        if self.after is None:
            return None
        at, _, last_id = self.after.partition("-")
        return int(at, 16), last_id


class TextRequest(Request):
    """The query of `GET /v1/documents/{id}/text`: a stretch `[start, end)` in code points."""

    start: Digits = 0
    end: Digits | None = None


def explain(error: ValidationError, *, within: str = "") -> InvalidRequest:
    """A validation error as ours, naming the field (in that `within`); the value that was sent is not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    path = [within, *(str(part) for part in first["loc"] if part != "[key]")]
    field = ".".join(filter(None, path))[:_MAX_SHOWN] or "body"
    message = _MESSAGES.get(first["type"], "").format_map(first.get("ctx", {}))
    message = message or first["msg"].removeprefix("Value error, ")
    return InvalidRequest(f"{field}: {message}")
