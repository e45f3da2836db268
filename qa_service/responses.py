"""What replies hold, as the API's document describes them: the types of what `wire` makes.

They are typed dictionaries, since a field that may be missing is no field that may be null. Tests hold the
replies of every endpoint against them.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from index.catalog.records import DocumentStatus
from index.document import Format, Repair
from index.jobs import ItemStatus, JobKind, JobStatus, Stage
from qa_service.access.keys import Kind, Scope
from qa_service.answering.answer import Reason, Status
from qa_service.answering.claims import Method, Verdict

closed = with_config(ConfigDict(extra="forbid"))

Milliseconds = Annotated[int, Field(description="A Unix time in milliseconds.")]
Id = Annotated[str, Field(description="An id: letters and digits that mean nothing by themselves.")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Number = Annotated[int, Field(ge=1, description="Counted from 1.")]


@closed
class Span(TypedDict):
    """A half-open range `[start, end)` of Unicode code points in a document's text."""

    start: Count
    end: Count


@closed
class Citation(TypedDict):
    """From a claim to a span of a document: in its text, `text[start:end] == quote`."""

    number: Number
    document_id: Id
    title: str
    source: str
    chunk_id: str
    span: Span
    quote: Annotated[str, Field(description="Cut from the stored text.")]
    page: NotRequired[Number]
    slide: NotRequired[Number]
    sheet: NotRequired[Number]
    line: NotRequired[Number]
    url: Annotated[str, Field(description="Where people read it, relative to this service.")]


@closed
class Passage(TypedDict):
    """A stretch of a document as it was retrieved for a question."""

    rank: Number
    score: Annotated[
        float, Field(description="Orders the passages of one question; says nothing across questions.")
    ]
    chunk_id: str
    document_id: Id
    title: str
    source: str
    span: Span
    text: str
    headings: list[str]
    page: NotRequired[Number]
    slide: NotRequired[Number]
    sheet: NotRequired[Number]
    line: NotRequired[Number]
    url: str


@closed
class Support(TypedDict):
    """How well the cited text carries a claim, and how that was found; never a verdict of truth."""

    verdict: Verdict
    method: Method
    score: NotRequired[float]


@closed
class Claim(TypedDict):
    """One sentence of an answer with the numbers of its citations; the sides of a conflict are `a` and `b`."""

    text: str
    citations: Annotated[list[Number], Field(min_length=1)]
    support: Support
    side: NotRequired[Literal["a", "b"]]


@closed
class StreamedClaim(TypedDict):
    """The data of a `claim` event: a claim with its citations whole, since it stands alone."""

    text: str
    citations: Annotated[list[Citation], Field(min_length=1)]
    support: Support
    side: NotRequired[Literal["a", "b"]]


@closed
class Retrieval(TypedDict):
    """The data of a `retrieval` event: what was searched for, and what was found."""

    query: str
    passages: list[Passage]


@closed
class Usage(TypedDict):
    """What the answer consumed; the cost is null where no price is known."""

    prompt_tokens: Count
    completion_tokens: Count
    cost_usd: float | None


@closed
class Timings(TypedDict):
    """Durations in milliseconds, from the request on."""

    retrieve: float
    first_claim: float | None
    total: float


@closed
class Relevance(TypedDict):
    """The probability that the passages hold an answer; below the threshold nobody writes."""

    score: float
    threshold: float
    method: str


@closed
class Debug(TypedDict):
    """What was dropped by which check, and which prompts were sent."""

    dropped: dict[str, int]
    prompts: dict[str, str]
    unverified: NotRequired[str]
    relevance: NotRequired[Relevance]


@closed
class Answer(TypedDict):
    """A whole answer. Every claim has a citation, and every citation points at stored text."""

    id: Id
    query: Annotated[str, Field(description="What was searched for: the question, put in full.")]
    status: Status
    reason: NotRequired[Reason | Literal["document_deleted"]]
    failure: NotRequired[Annotated[str, Field(description="The code of the error that cut it short.")]]
    text: Annotated[str, Field(description="The claims joined, with marks such as [1].")]
    claims: list[Claim]
    citations: list[Citation]
    missing: list[str]
    passages: list[Passage]
    model: str
    usage: Usage
    timings_ms: Timings
    debug: Debug


@closed
class Passages(TypedDict):
    """The passages for a query, the best first."""

    passages: list[Passage]


@closed
class Failure(TypedDict):
    """Why a document could not be indexed."""

    code: str
    message: str


@closed
class Document(TypedDict):
    """A document as it is listed; `sha256` is that of its bytes."""

    id: Id
    title: str
    source: str
    origin: NotRequired[
        Annotated[str, Field(description="The folder that it comes from; told to the owner.")]
    ]
    status: DocumentStatus
    metadata: dict[str, str]
    format: Format | None
    sha256: Sha256 | None
    characters: Count
    chunks: Count
    repairs: NotRequired[dict[Repair, int]]
    created_at: Milliseconds
    updated_at: Milliseconds
    error: NotRequired[Failure]


@closed
class Documents(TypedDict):
    """A page of documents; `next` is the value of `after` for the next one."""

    documents: list[Document]
    next: str | None


@closed
class Text(TypedDict):
    """A stretch of a document's text; `sha256` and `characters` are those of the whole."""

    document_id: Id
    title: str
    source: str
    sha256: Sha256
    characters: Count
    start: Count
    end: Count
    text: str


@closed
class AcceptedDocument(TypedDict):
    """A document that was handed over."""

    id: Id
    title: str
    status: Literal["queued"]


@closed
class Accepted(TypedDict):
    """Documents that are on disk and will be indexed."""

    job_id: Id
    documents: list[AcceptedDocument]


@closed
class Delay(TypedDict):
    """Why uploads have to wait, and when they are tried again."""

    code: str
    message: str
    retry_seconds: float


@closed
class JobDocument(TypedDict):
    """What has become of one document of a job; while it is under way, how far it is."""

    id: Id
    name: str
    source: str
    status: ItemStatus
    stage: NotRequired[Stage]
    embedded: NotRequired[Annotated[int, Field(ge=0, description="How many of its chunks are embedded.")]]
    chunks: NotRequired[Number]
    error: NotRequired[Failure]


@closed
class JobReindexing(TypedDict):
    """How far a collection's move to another embedding model is, or what has become of it."""

    status: ItemStatus
    stage: NotRequired[Stage]
    embedded: NotRequired[Annotated[int, Field(ge=0, description="How many of its chunks are embedded.")]]
    chunks: NotRequired[Number]
    error: NotRequired[Failure]


@closed
class Job(TypedDict):
    """Documents that were handed over together, or a collection that is reindexed; `running` until each has ended."""

    id: Id
    collection: str
    kind: JobKind
    status: JobStatus
    created_at: Milliseconds
    delay: NotRequired[Delay]
    documents: list[JobDocument]
    reindexing: NotRequired[JobReindexing]


@closed
class AcceptedJob(TypedDict):
    """Work that is written down and will be done."""

    job_id: Id


@closed
class JobSummary(TypedDict):
    """A job as it is listed, with the number of its documents by their status; a collection's own counts as one."""

    id: Id
    collection: str
    kind: JobKind
    status: JobStatus
    created_at: Milliseconds
    counts: dict[ItemStatus, Number]


@closed
class Jobs(TypedDict):
    """A page of jobs, the newest first; `next` is the value of `after` for the next one."""

    jobs: list[JobSummary]
    next: str | None


@closed
class Collection(TypedDict):
    """Documents that are searched together; `documents` counts those that wait or have failed too."""

    name: str
    documents: Count
    chunks: Count
    embedding_model: str
    created_at: Milliseconds


@closed
class Collections(TypedDict):
    """The collections that the key is for, by name."""

    collections: list[Collection]


@closed
class CitationVerdict(TypedDict):
    """What has become of a saved citation; `sha256` is that of the document's text as it is now."""

    status: Literal["valid", "changed", "gone"]
    moved_to: NotRequired[Span]
    sha256: NotRequired[Sha256]


@closed
class CitationVerdicts(TypedDict):
    """A verdict for each citation that was sent, in their order."""

    citations: list[CitationVerdict]


@closed
class NewConversation(TypedDict):
    """A conversation that has begun."""

    id: Id
    created_at: Milliseconds


@closed
class Conversation(TypedDict):
    """A conversation as it is listed; `turns` is their number."""

    id: Id
    title: str
    turns: Count
    created_at: Milliseconds
    updated_at: Milliseconds


@closed
class Conversations(TypedDict):
    """A page of conversations, the newest first; `next` is the value of `after` for the next one."""

    conversations: list[Conversation]
    next: str | None


@closed
class Turn(TypedDict):
    """A question of a conversation with its answer as it was sent."""

    question: str
    query: str
    created_at: Milliseconds
    answer: Answer


@closed
class WholeConversation(TypedDict):
    """A conversation with all its turns."""

    id: Id
    title: str
    turns: list[Turn]
    created_at: Milliseconds
    updated_at: Milliseconds


@closed
class Cited(TypedDict):
    """What an answer that was rated cited."""

    document_id: Id
    source: str
    quote: str


@closed
class Rated(TypedDict):
    """An answer with what was said of it."""

    answer_id: Id
    created_at: Milliseconds
    rating: Literal["up", "down"]
    reason: str
    corrected: str
    collection: str
    status: Status
    question: str
    query: str
    answer: str
    cited: list[Cited]


@closed
class Feedback(TypedDict):
    """A page of what was said of answers, the newest first; `next` is the value of `after` for the next one."""

    feedback: list[Rated]
    next: str | None


@closed
class Key(TypedDict):
    """A key without its text; null stands for all collections, and for no end."""

    id: Id
    name: str
    kind: Kind
    scopes: list[Scope]
    collections: list[str] | None
    origins: list[str]
    created_at: Milliseconds
    expires_at: Milliseconds | None


@closed
class ShownKey(Key):
    """A key with its text, which is shown this once."""

    key: str


@closed
class Keys(TypedDict):
    """All keys, the oldest first."""

    keys: list[Key]


@closed
class Session(TypedDict):
    """A token with the rights of a publishable key."""

    token: str
    expires_at: Milliseconds


@closed
class Alive(TypedDict):
    """The process answers."""

    status: Literal["alive"]


@closed
class Ready(TypedDict):
    """Requests can be served; `checks` has the state of each thing that they need."""

    status: Literal["ready"]
    checks: dict[str, str]


@closed
class NotReady(TypedDict):
    """Requests can't be served, and why; while the service comes up, nothing is checked yet."""

    status: Literal["not ready"]
    reason: str
    checks: NotRequired[dict[str, str]]


@closed
class WidgetTag(TypedDict):
    """The hash of the widget's file, and the tag that brings exactly this file to a page."""

    integrity: str
    tag: str
