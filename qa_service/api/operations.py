"""The table of what the API can do: an entry for each endpoint, which the document and its page are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from index.catalog.names import NAME_PATTERN
from qa_service import requests, responses
from qa_service.openai import requests as openai_requests
from qa_service.openai import responses as openai_responses

Tag = Literal[
    "Answers",
    "Documents",
    "Collections",
    "Conversations",
    "Feedback",
    "Keys",
    "OpenAI shape",
    "Service",
    "Pages",
]

TAGS: Mapping[Tag, str] = {
    "Answers": "Questions, searches, and what has become of citations.",
    "Documents": "Documents, and the jobs that index them.",
    "Collections": "Documents that are searched together; keys and documents belong to them.",
    "Conversations": "Questions that follow each other.",
    "Feedback": "What people say of answers.",
    "Keys": "Who may do what.",
    "OpenAI shape": "The same answers for clients of OpenAI's interface.",
    "Service": "Is it alive, is it ready, and what it can do.",
    "Pages": "Pages for people and the files that they are made of.",
}

EVENTS = "text/event-stream"
HTML = "text/html"

_AWAY = ("catalog_unusable", "catalog_unreachable", "starting_up", "shutting_down", "overloaded")
_ANY = ("internal", *_AWAY, "rate_limited")
_KEYED = ("unauthorized", "forbidden", *_ANY)
_BODY = ("invalid_request", "request_too_large", "unsupported_media_type", "request_too_slow", "http_error")
_WRITE = ("disk_full",)
_FETCH = ("urls_disabled", "url_refused", "url_unreachable", "document_too_large")
_SEARCH = ("not_found", "embedding_mismatch", "embedding_failed", "search_failed", "search_unreachable")
_ANSWER = ("model_failed", "conversation_full", *_SEARCH, *_WRITE)


@dataclass(frozen=True, slots=True)
class Operation:
    """What one endpoint takes and gives.

    `errors` are codes; one that others are made more precise of stands for these too. `reply` is None where
    the good reply has no body, or one of another `media` type than JSON; `events` are those of a stream by
    name, nameless ones as `message`. `form` is the schema of a form that is taken beside a JSON body.
    """

    tag: Tag
    summary: str
    errors: tuple[str, ...]
    description: str = ""
    status: int = 200
    reply: Any = None
    media: tuple[str, ...] = ()
    events: Mapping[str, Any] = field(default_factory=dict)
    body: type[BaseModel] | None = None
    body_required: bool = True
    form: Mapping[str, Any] | None = None
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    other: Mapping[int, Any] = field(default_factory=dict)
    shape: Literal["problem", "openai"] = "problem"


_FILES = {
    "type": "object",
    "description": "Files with what is said of them.",
    "properties": {
        "file": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "format": "binary"},
            "description": "A file; its name is a label, never a path.",
        },
        "source": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 1000},
            "description": "What identifies each document: once for each file, or not at all.",
        },
        "origin": {"type": "string", "maxLength": 4000, "description": "The folder that they come from."},
        "metadata": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "An object of strings, for all of them, as JSON.",
        },
        "collection": {"type": "string", "pattern": NAME_PATTERN, "default": "default"},
    },
    "required": ["file"],
    "additionalProperties": False,
}

OPERATIONS: Mapping[str, Operation] = {
    "answers.answer": Operation(
        "Answers",
        "Answer a question",
        (*_KEYED, *_BODY, *_ANSWER),
        "Every sentence of the answer cites stored text. With `stream`, or `Accept: text/event-stream`, it is sent "
        "as it is made: `retrieval`, then a `claim` for each sentence, then `done`, which is the whole answer, or "
        "`error`. While nothing happens a comment is sent. A stream that ends without `done` is not complete.",
        reply=responses.Answer,
        events={"retrieval": responses.Retrieval, "claim": responses.StreamedClaim, "done": responses.Answer},
        body=requests.AnswerRequest,
        example={"question": "How many beds does the guest house have?"},
    ),
    "answers.search": Operation(
        "Answers",
        "Find the passages for a query",
        (*_KEYED, *_BODY, *_SEARCH),
        reply=responses.Passages,
        body=requests.SearchRequest,
        example={"query": "cancelling", "k": 3},
    ),
    "citations.verify": Operation(
        "Answers",
        "Verify saved citations",
        (*_KEYED, *_BODY),
        "Up to 1,000 citations as they came with answers. `valid`: the text at the span is the quote. `changed`: the "
        "document is there and the text is another; `moved_to` is where the quote stands now, if it stands there "
        "once. `gone`: there is no such document, or it is not the key's.",
        reply=responses.CitationVerdicts,
        body=requests.VerifyRequest,
        example={
            "citations": [
                {
                    "document_id": "c0d7ba333632a3ae3678ef46",
                    "span": {"start": 0, "end": 13},
                    "quote": "Visitors park",
                }
            ]
        },
    ),
    "documents.add": Operation(
        "Documents",
        "Hand documents over to be indexed",
        (*_KEYED, *_BODY, *_WRITE, *_FETCH, "not_found", "embedding_mismatch", "idempotency_key_reused"),
        "A text or an address as JSON, or files as a form. They are on disk when the reply comes, and are indexed "
        "after that; the job says how far they are. Another document from the same source replaces the one before.",
        headers={
            "Idempotency-Key": "Of 1 to 255 visible ASCII characters: what comes once more with the same key within "
            "24 hours gets the same reply, and nothing is done for it."
        },
        status=202,
        reply=responses.Accepted,
        body=requests.DocumentRequest,
        form=_FILES,
        example={
            "title": "Parking",
            "text": "Visitors park behind the boathouse.",
            "source": "notes/parking",
        },
    ),
    "documents.listed": Operation(
        "Documents",
        "List documents",
        (*_KEYED, "invalid_request", "not_found"),
        "In the order of their ids; `next` is the value of `after` for the next page, null on the last.",
        reply=responses.Documents,
        query=requests.ListRequest,
    ),
    "documents.one": Operation(
        "Documents", "Describe a document", (*_KEYED, "not_found"), reply=responses.Document
    ),
    "documents.text": Operation(
        "Documents",
        "Read a document's text",
        (*_KEYED, "invalid_request", "not_found"),
        "The text as it is stored, or the stretch from `start` to `end` of it: what a citation points at.",
        reply=responses.Text,
        query=requests.TextRequest,
    ),
    "documents.delete": Operation(
        "Documents",
        "Delete a document",
        (*_KEYED, *_WRITE, "not_found", "search_failed", "search_unreachable"),
        "With all that was made of it.",
        status=204,
    ),
    "documents.rename": Operation(
        "Documents",
        "Rename a document",
        (*_KEYED, *_BODY, *_WRITE, "not_found", "source_taken", "search_failed", "search_unreachable"),
        "Another title or source; nothing is embedded for that.",
        reply=responses.Document,
        body=requests.RenameRequest,
        example={"title": "Parking for visitors"},
    ),
    "jobs.listed": Operation(
        "Documents",
        "List jobs",
        (*_KEYED, "invalid_request"),
        "The newest first.",
        reply=responses.Jobs,
        query=requests.PageRequest,
    ),
    "jobs.one": Operation("Documents", "Follow a job", (*_KEYED, "not_found"), reply=responses.Job),
    "jobs.cancel": Operation(
        "Documents",
        "Cancel a job",
        (*_KEYED, *_WRITE, "not_found"),
        "What waits or is under way is given up; what has ended stays.",
        reply=responses.Job,
    ),
    "collections.create": Operation(
        "Collections",
        "Make a collection",
        (*_KEYED, *_BODY, *_WRITE, "collection_exists"),
        "Empty, for the embedding model that is in use. Handing over a document makes one too.",
        status=201,
        reply=responses.Collection,
        body=requests.NewCollectionRequest,
        example={"name": "handbook"},
    ),
    "collections.listed": Operation(
        "Collections", "List collections", _KEYED, "Those that the key is for.", reply=responses.Collections
    ),
    "collections.one": Operation(
        "Collections", "Describe a collection", (*_KEYED, "not_found"), reply=responses.Collection
    ),
    "collections.delete": Operation(
        "Collections",
        "Delete a collection",
        (*_KEYED, *_WRITE, "not_found", "search_failed", "search_unreachable"),
        "With its documents, their texts, vectors and jobs, and the feedback on answers from it.",
        status=204,
    ),
    "collections.reindex": Operation(
        "Collections",
        "Reindex a collection",
        (*_KEYED, *_WRITE, "not_found"),
        "Embeds its chunks again with the embedding model that is in use; the job says how far that is. Repeated while "
        "it waits, it is the same job.",
        status=202,
        reply=responses.AcceptedJob,
    ),
    "conversations.create": Operation(
        "Conversations",
        "Begin a conversation",
        (*_KEYED, *_BODY, *_WRITE),
        status=201,
        reply=responses.NewConversation,
        body=requests.NewConversationRequest,
        body_required=False,
    ),
    "conversations.listed": Operation(
        "Conversations",
        "List conversations",
        (*_KEYED, "invalid_request"),
        "The caller's, the newest first.",
        reply=responses.Conversations,
        query=requests.ConversationsRequest,
    ),
    "conversations.export": Operation(
        "Conversations", "Export a conversation", (*_KEYED, "not_found"), reply=responses.WholeConversation
    ),
    "conversations.delete": Operation(
        "Conversations", "Delete a conversation", (*_KEYED, *_WRITE, "not_found"), status=204
    ),
    "feedback.add": Operation(
        "Feedback",
        "Rate an answer",
        (*_KEYED, *_BODY, *_WRITE, "not_found"),
        "By whoever asked; the last word counts.",
        status=204,
        body=requests.FeedbackRequest,
        example={
            "answer_id": "cf47b933fb227279ab86ae38",
            "rating": "down",
            "reason": "That is the old building.",
        },
    ),
    "feedback.listed": Operation(
        "Feedback",
        "List feedback",
        (*_KEYED, "invalid_request"),
        "The newest first.",
        reply=responses.Feedback,
        query=requests.PageRequest,
    ),
    "keys.create": Operation(
        "Keys",
        "Make a key",
        (*_KEYED, *_BODY, *_WRITE),
        "Its text stands in the reply and nowhere else. Keys are managed with a key that has all scopes and "
        "collections.",
        status=201,
        reply=responses.ShownKey,
        body=requests.NewKeyRequest,
        example={
            "name": "site",
            "kind": "publishable",
            "collections": ["handbook"],
            "origins": ["https://www.example.com"],
        },
    ),
    "keys.listed": Operation("Keys", "List keys", _KEYED, "Without their texts.", reply=responses.Keys),
    "keys.rotate": Operation(
        "Keys",
        "Give a key a new text",
        (*_KEYED, *_WRITE, "not_found"),
        "The old one, and what was made with it, is refused from now on.",
        reply=responses.ShownKey,
    ),
    "keys.revoke": Operation("Keys", "Revoke a key", (*_KEYED, *_WRITE, "not_found"), status=204),
    "sessions.create": Operation(
        "Keys",
        "Make a session token",
        (*_KEYED, *_BODY),
        "From the publishable key that is shown, for pages of the request's `Origin` that need not hold the key.",
        status=201,
        reply=responses.Session,
        body=requests.NewSessionRequest,
        body_required=False,
    ),
    "openai.chat": Operation(
        "OpenAI shape",
        "Complete a chat",
        (*_KEYED, *_BODY, *_ANSWER),
        "`model` names a collection. Fields that are not named here are taken and change nothing. A stream is of "
        "nameless events, chunks, and ends with `[DONE]`.",
        reply=openai_responses.ChatCompletion,
        events={"message": openai_responses.ChatChunk},
        body=openai_requests.ChatRequest,
        example={
            "model": "default",
            "messages": [{"role": "user", "content": "How many beds does the guest house have?"}],
        },
        shape="openai",
    ),
    "openai.models": Operation(
        "OpenAI shape",
        "List collections as models",
        _KEYED,
        reply=openai_responses.Models,
        shape="openai",
    ),
    "health.livez": Operation("Service", "Is the process alive?", ("shutting_down",), reply=responses.Alive),
    "health.readyz": Operation(
        "Service",
        "Can requests be served?",
        (),
        reply=responses.Ready,
        other={503: responses.NotReady},
    ),
    "metrics.show": Operation(
        "Service",
        "Metrics for Prometheus",
        _KEYED,
        "As text or, where `Accept` prefers it, as OpenMetrics.",
        media=("text/plain", "application/openmetrics-text"),
    ),
    "reference.openapi": Operation(
        "Service", "This document", _ANY, "OpenAPI 3.1.", media=("application/json",)
    ),
    "reference.page": Operation("Service", "This document as a page", _ANY, media=(HTML,)),
    "pages.index": Operation("Pages", "The page to ask from", _ANY, media=(HTML,)),
    "pages.document": Operation(
        "Pages", "A document with a quote marked", _ANY, "Where the `url` of a citation leads.", media=(HTML,)
    ),
    "pages.static": Operation(
        "Pages",
        "The files of the pages",
        (*_ANY, "not_found"),
        media=("text/css", "text/javascript", "image/svg+xml", HTML),
    ),
    "widget.script": Operation(
        "Pages", "The chat widget", _ANY, "For pages anywhere.", media=("text/javascript",)
    ),
    "widget.description": Operation(
        "Pages", "The tag that brings the widget to a page", _ANY, reply=responses.WidgetTag
    ),
}
"""By the endpoint's name in Flask; tests hold it against the routes."""

OUTSIDE = frozenset({"agents.call"})
"""Endpoints with a protocol of their own, which describes itself: the Model Context Protocol."""
