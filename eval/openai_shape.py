"""An answer in the OpenAI shape as our answer: claims from sentences, citations from annotations and `[n]` marks.

Services of this shape tell their sources in many ways, and all of these are read: `annotations` of the message
(`url_citation`, `file_citation`), and numbered sources under `citations`, `sources`, `search_results`,
`documents` or `context`, at the top or in the message, as URLs, texts or objects. A citation's quote is what
the service gives as quoted, else the source's whole text; where it gives neither, there is no quote, and the
citation counts as one that can't be checked. A list of sources that the text ends with is left out. No status
is told: metrics of abstention and conflict are undefined.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from eval.errors import TargetError
from eval.jsonl import JSON
from index.document import Span
from index.sentences import sentences

_LISTS = ("citations", "sources", "search_results", "documents", "context", "results", "source_documents")
_TEXT = ("content", "text", "snippet", "page_content", "chunk")
_NAME = ("source", "url", "filepath", "file_name", "filename", "file_id", "title", "name", "id")
_QUOTE = ("quote", "cited_text")
_MARK = re.compile(r"[ \t]*(?:\[\^?(?:doc)?(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]|【(\d{1,3})[^】]*】)")
_SOURCES_HEADING = re.compile(r"(?:#+ *)?\**(?:Sources|References|Citations):?\**:?")
_SOURCES_LINE = re.compile(r"\s*(?:[-*] +)?\[\^?\d{1,3}\]")
_TAIL = 10
_ENDED = re.compile(r"[.!?…。！？][\"'»”’)]*\s*\Z")


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    text: str
    quote: str


def answer_json(reply: Any, *, total_ms: float | None = None) -> JSON:
    """Our answer from a reply to `/chat/completions`; raises `TargetError` where it is of no such shape."""
    message = _message(reply)
    content = message.get("content")
    text = _without_sources(content) if isinstance(content, str) else ""
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


def _without_sources(text: str) -> str:
    """A text without the list of its sources, which is for people to see and claims nothing."""
    lines = text.rstrip().split("\n")
    at = len(lines) - 1
    while at > 0 and (not lines[at].strip() or _SOURCES_LINE.match(lines[at])):
        at -= 1
    is_list = at < len(lines) - 1 and _SOURCES_HEADING.fullmatch(lines[at].strip())
    return "\n".join(lines[:at]) if is_list else text


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
    for line in re.finditer(r"[^\n]+", text):
        inside = [(at - line.start(), number) for at, number in marks if line.start() < at <= line.end()]
        yield from _claims_of_line(line[0], inside)


def _claims_of_line(line: str, marks: Sequence[tuple[int, int]]) -> Iterator[tuple[str, list[int]]]:
    bare, placed, cuts, end = "", [], [0], 0
    removed: list[tuple[int, int]] = []
    for found in _MARK.finditer(line):
        bare += line[end : found.start()]
        end = found.end()
        removed.append(found.span())
        placed += [(len(bare), int(number)) for number in re.findall(r"\d+", found[1] or found[2])]
        if _ENDED.search(bare[-_TAIL:]):
            cuts.append(len(bare))  # a mark behind the end of a sentence says that it is one
    bare += line[end:]
    for at, number in marks:
        placed.append((at - sum(min(stop, at) - start for start, stop in removed if start < at), number))
    bounds = list(dict.fromkeys([*cuts, len(bare)]))
    parts = [Span(start, stop) for start, stop in pairwise(bounds)]
    spans = [each for each in sentences(bare, parts) if any(map(str.isalnum, each.of(bare)))]
    numbers: list[list[int]] = [[] for _ in spans]
    starts = [each.start for each in spans]
    for at, number in placed if spans else ():
        numbers[max(0, bisect_left(starts, at) - 1)].append(number)
    for each, found_numbers in zip(spans, numbers, strict=True):
        yield " ".join(each.of(bare).split()), list(dict.fromkeys(found_numbers))


def _first(value: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((value[name] for name in names if isinstance(value.get(name), str) and value[name]), "")
