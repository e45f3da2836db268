"""An answer's events in the shape of OpenAI's chat completions: whole, in chunks, and its errors."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from index.catalog import Collection
from index.document import LOCATORS
from qa_service.answering.answer import Event, Finished, PassagesFound
from qa_service.answering.asides import NOTES, SIDES
from qa_service.plain import clean
from qa_service.wire import JSON, event_json

_SOURCES = "\n\nSources:\n"
_SOURCE = re.compile(r"\[\d+\] ")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_json(problem: Mapping[str, Any]) -> JSON:
    """A problem document as an error of this shape. All that can be missing here is the model."""
    status, code = problem["status"], problem["code"]
    is_unknown = code == "not_found"
    return {
        "error": {
            "message": problem["detail"],
            "type": _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
            "param": "model" if is_unknown else None,
            "code": "model_not_found" if is_unknown else code,
        }
    }


def models_json(collections: Iterable[Collection]) -> JSON:
    """Collections as models; `created` is in seconds here."""
    data = [
        {
            "id": each.name,
            "object": "model",
            "created": each.created_at // 1000,
            "owned_by": "qa-service",
        }
        for each in collections
    ]
    return {"object": "list", "data": data}


def without_sources(text: str) -> str:
    """An earlier reply without the list of sources that it ended with."""
    before, heading, listed = text.rpartition(_SOURCES)
    is_list = heading and all(map(_SOURCE.match, listed.rstrip().split("\n")))
    return before if is_list else text


class Completion:
    """One completion, folded from an answer's events.

    The content is the claims with their marks, `It is so. [1] [2]`, where the documents disagree with words
    that say so, where something is missing with a sentence that says so, and with `has_sources` a list of what
    is cited. Each mark has an annotation; its indices are code points of the content, `[start, end)`. `site` is
    the address that those of citations are relative to, and `complete` is given an event's data before it is used.
    """

    def __init__(
        self,
        completion_id: str,
        *,
        model: str,
        created: int,
        site: str,
        has_sources: bool = True,
        complete: Callable[[JSON], JSON] = lambda data: data,
    ) -> None:
        self._head: JSON = {"id": completion_id, "created": created, "model": model}
        self._site = site
        self._has_sources = has_sources
        self._complete = complete
        self._content = ""
        self._annotations: list[JSON] = []
        self._side: str | None = None
        self._end: JSON = {}

    def whole(self, events: Iterable[Event]) -> JSON:
        """The completion of all events of an answer."""
        for event in events:
            self._take(event)
        message = {
            "role": "assistant",
            "content": self._content,
            "refusal": None,
            "annotations": self._annotations,
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish_reason}
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": self._usage,
            "qa": self._about,
        }

    def chunks(self, event: Event, *, include_usage: bool = False) -> Iterator[JSON]:
        """The chunks that an event becomes; the last event's end the completion."""
        added = self._take(event)
        usage: JSON = {"usage": None} if include_usage else {}
        if isinstance(event, PassagesFound):
            yield {**self._chunk({"role": "assistant", "content": ""}), **usage}
        if added:
            yield {**self._chunk({"content": added}), **usage}
        if isinstance(event, Finished):
            last = self._chunk({"annotations": self._annotations}, self._finish_reason)
            yield {**last, **usage, "qa": self._about}
            if include_usage:
                yield {
                    **self._head,
                    "object": "chat.completion.chunk",
                    "choices": [],
                    "usage": self._usage,
                }

    def _chunk(self, delta: JSON, finish_reason: str | None = None) -> JSON:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _take(self, event: Event) -> str:
        """What an event adds to the content."""
        name, data = event_json(event)
        data = self._complete(data)
        before = len(self._content)
        if name == "claim":
            self._add_claim(data)
        elif name == "done":
            self._end = data
            self._add_end(data)
        return self._content[before:]

    def _add_claim(self, claim: JSON) -> None:
        side = claim.get("side")
        said = SIDES[side] if side and side != self._side else ""
        self._side = side
        self._content += f"{' ' if self._content else ''}{said}{claim['text']}"
        for citation in claim["citations"]:
            self._content += " "
            start = len(self._content)
            self._content += f"[{citation['number']}]"
            self._annotations.append(self._annotation(citation, start, len(self._content)))

    def _add_end(self, answer: JSON) -> None:
        if note := NOTES.get(answer.get("reason", "")):
            self._content += f"{' ' if self._content else ''}{note}"
        if self._has_sources and answer["citations"]:
            self._content += _SOURCES + "\n".join(map(self._line, answer["citations"]))

    def _annotation(self, citation: JSON, start: int, end: int) -> JSON:
        ours = {name: value for name, value in citation.items() if name != "chunk_id"}
        cited = {**ours, "start_index": start, "end_index": end, "url": self._url(citation)}
        return {"type": "url_citation", "url_citation": cited}

    def _line(self, citation: JSON) -> str:
        places = [f", {name} {citation[name]}" for name in LOCATORS if name in citation]
        # Clients show it as Markdown, and a title is a stranger's: it must be no image and no link.
        return f"[{citation['number']}] {clean(citation['title'])}{''.join(places)}: {self._url(citation)}"

    def _url(self, citation: JSON) -> str:
        return urljoin(self._site, str(citation["url"]))

    @property
    def _finish_reason(self) -> str:
        return "length" if self._end.get("reason") == "incomplete" else "stop"

    @property
    def _usage(self) -> JSON:
        usage = self._end["usage"]
        prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    @property
    def _about(self) -> JSON:
        """What this shape has no words for."""
        told = ("status", "reason", "failure", "missing")
        return {
            "answer_id": self._end["id"],
            **{name: self._end[name] for name in told if name in self._end},
        }
