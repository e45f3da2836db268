"""An answer in the OpenAI shape as our answer: claims from sentences, citations from annotations and `[n]` marks.

Services of this shape tell their sources in many ways, and all of these are read: `annotations` of the message
(`url_citation`, `file_citation`), and numbered sources under `citations`, `sources`, `search_results`,
`documents` or `context`, at the top or in the message, as URLs, texts or objects. A citation's quote is what
the service gives as quoted, else the source's whole text; where it gives neither, there is no quote, and the
citation counts as one that can't be checked. No status is told: metrics of abstention and conflict are undefined.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.errors import TargetError
from eval.jsonl import JSON

_LISTS = ("citations", "sources", "search_results", "documents", "context", "results", "source_documents")
_TEXT = ("content", "text", "snippet", "page_content", "chunk")
_NAME = ("source", "url", "filepath", "file_name", "filename", "file_id", "title", "name", "id")
_QUOTE = ("quote", "cited_text")
_MARK = re.compile(r"\s*(?:\[\^?(?:doc)?(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]|【(\d{1,3})[^】]*】)")
_SENTENCE_END = re.compile(
    r"(?:[.!?…。！？]+[\"'»”’)]*(?:\s*(?:\[[^\[\]]{1,20}\]|【[^【】]{1,40}】))*|\n+)(?:\s+|$)|\n+"
)


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    text: str
    quote: str


def answer_json(reply: Any, *, total_ms: float | None = None) -> JSON:
    """Our answer from a reply to `/chat/completions`; raises `TargetError` where it is of no such shape."""
    message = _message(reply)
    content = message.get("content")
    text = content if isinstance(content, str) else ""
    numbered = _numbered(reply, message)
    marks, sources = _annotations(message, numbered)
    claims = [{"text": words, "citations": numbers} for words, numbers in _claims(text, marks)]
    usage = reply.get("usage")
    tokens = usage if isinstance(usage, dict) else {}
    return {
        "claims": claims,
        "citations": [
            {"number": number, "source": each.name, "quote": each.quote or each.text or None}
            for number, each in enumerate(sources, start=1)
            if any(number in claim["citations"] for claim in claims)
        ],
        "passages": [
            {"rank": rank, "text": each.text or each.quote, "source": each.name}
            for rank, each in enumerate(sources, start=1)
            if each.text or each.quote
        ],
        "model": reply.get("model"),
        "usage": {
            name: tokens[name]
            for name in ("prompt_tokens", "completion_tokens")
            if type(tokens.get(name)) is int
        },
        "timings_ms": {} if total_ms is None else {"total": round(total_ms, 1)},
    }


def _message(reply: Any) -> Mapping[str, Any]:
    try:
        message = reply["choices"][0]["message"]
    except (KeyError, IndexError, TypeError):
        message = None
    if not isinstance(reply, dict) or not isinstance(message, dict):
        raise TargetError("the reply has no choices[0].message: it is not of the OpenAI shape")
    return message


def _numbered(reply: Mapping[str, Any], message: Mapping[str, Any]) -> list[_Source]:
    """The sources that `[1]`, `[2]`, ... stand for: the first list of some that holds any."""
    context = message.get("context")
    for holder in (context, message, reply, reply.get("metadata")):
        if not isinstance(holder, dict):
            continue
        for name in _LISTS:
            found = holder.get(name)
            if isinstance(found, list) and found:
                return [_source(each) for each in found]
    return []


def _source(value: Any) -> _Source:
    if isinstance(value, str):
        return _Source(value, "", "") if re.match(r"\w+://|\S+$", value) else _Source("", value, "")
    if not isinstance(value, dict):
        return _Source("", "", "")
    nested = (value.get(name) for name in ("metadata", "document", "node"))
    inner: Mapping[str, Any] = next((each for each in nested if isinstance(each, dict)), {})
    both = {**inner, **value}
    return _Source(_first(both, _NAME), _first(both, _TEXT), _first(both, _QUOTE))


def _annotations(
    message: Mapping[str, Any], numbered: Sequence[_Source]
) -> tuple[list[tuple[int, int]], list[_Source]]:
    """Where the annotations end in the text with the number of their source, and all sources."""
    sources = list(numbered)
    marks: list[tuple[int, int]] = []
    annotations = message.get("annotations")
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, dict):
            continue
        kind = annotation.get("type")
        inner = annotation.get(kind) if isinstance(kind, str) else None
        value = {**annotation, **(inner if isinstance(inner, dict) else {})}
        found = _source({name: each for name, each in value.items() if name != "type"})
        number = _place(sources, found)
        if number is None:
            sources.append(found)
            number = len(sources)
        end = value.get("end_index")
        if type(end) is int:
            marks.append((end, number))
    return marks, sources


def _place(sources: Sequence[_Source], wanted: _Source) -> int | None:
    for number, source in enumerate(sources, start=1):
        if source.name == wanted.name and wanted.quote in ("", source.quote, source.text):
            return number
    return None


def _claims(text: str, marks: Sequence[tuple[int, int]]) -> Iterator[tuple[str, list[int]]]:
    """The sentences of a text without their marks, each with the numbers that are marked in it or at its end."""
    start = 0
    for end in [*(found.end() for found in _SENTENCE_END.finditer(text)), len(text)]:
        sentence = text[start:end]
        numbers = [
            int(number)
            for found in _MARK.finditer(sentence)
            for number in re.findall(r"\d+", found[1] or found[2])
        ]
        numbers += [number for at, number in marks if start < at <= end]
        words = " ".join(_MARK.sub("", sentence).split())
        start = end
        if any(map(str.isalnum, words)):
            yield words, list(dict.fromkeys(numbers))


def _first(value: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((value[name] for name in names if isinstance(value.get(name), str) and value[name]), "")
