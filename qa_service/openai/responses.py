"""What replies in the shape of OpenAI's hold, as the API's document describes them: the types of `wire`."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from qa_service.answering.answer import Reason, Status
from qa_service.responses import Count, Id, Number, Span, closed


@closed
class ChatCitation(TypedDict):
    """What a mark of the content cites, and where the mark stands in it, in code points."""

    number: Number
    document_id: Id
    title: str
    source: str
    span: Span
    quote: str
    page: NotRequired[Number]
    slide: NotRequired[Number]
    sheet: NotRequired[Number]
    line: NotRequired[Number]
    url: str
    start_index: Count
    end_index: Count


@closed
class Annotation(TypedDict):
    """An annotation of the content."""

    type: Literal["url_citation"]
    url_citation: ChatCitation


@closed
class ChatReply(TypedDict):
    """The answer: claims with their marks, and a list of sources."""

    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[Annotation]


@closed
class ChatChoice(TypedDict):
    """The one choice; `length` where the answer was cut short."""

    index: Literal[0]
    message: ChatReply
    logprobs: None
    finish_reason: Literal["stop", "length"]


@closed
class ChatUsage(TypedDict):
    """What the answer consumed."""

    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count


@closed
class ChatAbout(TypedDict):
    """What this shape has no words for."""

    answer_id: Id
    status: Status
    reason: NotRequired[Reason]
    failure: NotRequired[str]
    missing: list[str]


@closed
class ChatCompletion(TypedDict):
    """An answer in the shape of OpenAI's chat completions."""

    id: str
    created: Annotated[int, Field(description="A Unix time in seconds.")]
    model: str
    object: Literal["chat.completion"]
    choices: list[ChatChoice]
    usage: ChatUsage
    qa: ChatAbout


@closed
class ChatDelta(TypedDict):
    """What a chunk adds."""

    role: NotRequired[Literal["assistant"]]
    content: NotRequired[str]
    annotations: NotRequired[list[Annotation]]


@closed
class ChunkChoice(TypedDict):
    """The one choice of a chunk."""

    index: Literal[0]
    delta: ChatDelta
    logprobs: None
    finish_reason: Literal["stop", "length"] | None


@closed
class ChatChunk(TypedDict):
    """The data of an event of a stream in OpenAI's shape, which ends with `[DONE]`."""

    id: str
    created: int
    model: str
    object: Literal["chat.completion.chunk"]
    choices: list[ChunkChoice]
    usage: NotRequired[ChatUsage | None]
    qa: NotRequired[ChatAbout]


@closed
class Model(TypedDict):
    """A collection as a model."""

    id: str
    object: Literal["model"]
    created: Annotated[int, Field(description="A Unix time in seconds.")]
    owned_by: str


@closed
class Models(TypedDict):
    """The collections that the key may ask."""

    object: Literal["list"]
    data: list[Model]


@closed
class ChatFault(TypedDict):
    """An error in OpenAI's shape, with the `code` of the problem document that it is made of."""

    message: str
    type: Literal[
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "rate_limit_error",
        "server_error",
    ]
    param: str | None
    code: str


@closed
class ChatProblem(TypedDict):
    """The error document of the addresses in OpenAI's shape."""

    error: ChatFault
