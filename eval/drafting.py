"""Drafts of examples, written by a model from a corpus, for a person to accept.

The model never types a quote: it names numbered sentences, and the quotes are cut from the documents. What it
writes is checked before a person sees it: ids that were not given, answers with numbers, dates or names that the
named sentences lack, nuggets that the answer does not say, questions that speak of "the text", and questions that
are there already are refused, with the reason.
"""

import json
import random
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

from eval.datasets import files
from eval.doctor import near_duplicates
from eval.errors import DatasetError
from eval.example import Evidence, Example, Nugget
from eval.metrics.words import words
from index.document import Span
from index.errors import LoadError
from index.load import load
from index.sentences import sentences
from prompts import prompt
from qa_service.guards import check
from qa_service.llm import ChatModel, Deadline, Message, whole
from qa_service.plain import defuse

Kind = Literal["lookup", "numeric", "multi_hop", "paraphrase"]
KINDS: dict[Kind, str] = {
    "lookup": "a fact that one sentence gives",
    "numeric": "a number, an amount or a date",
    "multi_hop": "an answer that needs two sentences or more together",
    "paraphrase": "asked in other words than those of the excerpt, as far from them as people would",
}
"""What can be drafted from one excerpt; the other kinds need to know what the rest of the corpus says."""

_EXCERPT_CHARACTERS = 2_500
_LEAST_CHARACTERS = 200
_QUESTION_CHARACTERS = 300
_SAID_SHARE = 0.5
_OF_THE_TEXT = re.compile(
    r"\b(?:this|the|given|above) (?:excerpt|passage|text|document)\b"
    r"|\b(?:diese[rsmn]?|im|dem|der) (?:Auszug|Abschnitt|Text|Dokument)\b"
    r"|\b(?:этот|этом|данн\w+) (?:отрыв\w+|текст\w*|документ\w*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some sentences of a document that follow each other; `document` is its path in the corpus."""

    document: str
    title: str
    text: str
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """What a model wrote that is no draft, and why."""

    line: str
    reason: str


def excerpts(corpus: Path, *, seed: int = 0) -> list[Excerpt]:
    """The documents of a corpus in pieces, shuffled so that each document's turn comes before any's second.

    Documents that can't be read are passed over. Raises `DatasetError` where nothing can.
    """
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    by_document = []
    for path in files(corpus):
        try:
            parsed = load(path.read_bytes(), name=path.name)
        except LoadError:
            continue
        name = path.relative_to(corpus).as_posix()
        found = sentences(parsed.text, parsed.blocks)
        pieces = [
            Excerpt(name, parsed.title or path.stem, parsed.text, tuple(each)) for each in _pieces(found)
        ]
        rng.shuffle(pieces)
        by_document.append(pieces)
    rng.shuffle(by_document)
    turns = max(map(len, by_document), default=0)
    found_all = [pieces[turn] for turn in range(turns) for pieces in by_document if turn < len(pieces)]
    if not found_all:
        raise DatasetError(f"{corpus} has no document with {_LEAST_CHARACTERS} characters that can be read")
    return found_all


def draft(
    model: ChatModel,
    excerpt: Excerpt,
    *,
    kinds: Sequence[Kind],
    language: str,
    most: int = 2,
    max_tokens: int = 2_000,
    seconds: float = 60.0,
) -> Iterator[Example | Refused]:
    """What a model makes of an excerpt: examples without an id, and what was refused.

    Raises `qa_service.errors.ModelError` where the model fails.
    """
    key = _key(excerpt)
    by_id = {f"{key}{at}": span for at, span in enumerate(excerpt.sentences, start=1)}
    listed = [{"id": name, "text": defuse(span.of(excerpt.text))} for name, span in by_id.items()]
    described = [f"- {kind}: {KINDS[kind]}" for kind in kinds]
    messages = [
        Message(
            "system", prompt("draft.system").render(key=key, language=language, kinds=described, count=most)
        ),
        Message("user", prompt("draft.user").render(title=defuse(excerpt.title), sentences=listed)),
    ]
    text, _ = whole(model, messages, max_tokens=max_tokens, deadline=Deadline(seconds))
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("{"):
            yield _read(line, excerpt, by_id, kinds, language)


def new_ones(drafts: Iterable[Example], existing: Sequence[Example]) -> Iterator[Example | Refused]:
    """The drafts that ask what is not asked already."""
    asked = [(each.id, each.question) for each in existing]
    for found in drafts:
        other = next(near_duplicates([("", found.question)], asked), None)
        if other:
            yield Refused(found.question, f"it asks what {other[1]} asks")
        else:
            asked.append((f"the draft {found.question!r}", found.question))
            yield found


def numbered(example: Example, prefix: str, existing: Iterable[Example]) -> Example:
    """The example under the next free id with that prefix: `lookup-07`."""
    taken = {each.id for each in existing}
    return replace(example, id=next(name for n in count(1) if (name := f"{prefix}-{n:02}") not in taken))


def _pieces(found: Sequence[Span]) -> Iterator[list[Span]]:
    piece: list[Span] = []
    for span in found:
        if piece and span.end - piece[0].start > _EXCERPT_CHARACTERS:
            yield piece
            piece = []
        piece.append(span)
    if piece and piece[-1].end - piece[0].start >= _LEAST_CHARACTERS:
        yield piece


def _key(excerpt: Excerpt) -> str:
    text = excerpt.text[excerpt.sentences[0].start : excerpt.sentences[-1].end].lower()
    while (key := secrets.token_hex(3) + "s") in text:
        continue
    return key


def _read(
    line: str, excerpt: Excerpt, by_id: dict[str, Span], kinds: Sequence[Kind], language: str
) -> Example | Refused:
    try:
        row = json.loads(line)
        question, answer, kind = (_plain(row[name]) for name in ("question", "answer", "kind"))
        nuggets = tuple(Nugget(_plain(each)) for each in row["nuggets"])
        ids = [str(each) for each in row["evidence"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Refused(line, f"it is not of the shape asked for ({type(error).__name__})")
    quotes = [by_id[each].of(excerpt.text) for each in ids if each in by_id]
    if unknown := set(ids) - by_id.keys():
        return Refused(line, f"it names {min(unknown)}, which was not given")
    if reason := _wrong(question, answer, kind, nuggets, quotes, kinds):
        return Refused(line, reason)
    return Example(
        id="",
        question=question,
        kind=kind,
        language=language,
        answer=answer,
        nuggets=nuggets,
        evidence=tuple(Evidence(excerpt.document, quote) for quote in dict.fromkeys(quotes)),
    )


def _wrong(
    question: str,
    answer: str,
    kind: str,
    nuggets: Sequence[Nugget],
    quotes: Sequence[str],
    kinds: Sequence[Kind],
) -> str:
    if kind not in kinds:
        return f"{kind!r} is none of the kinds asked for"
    if not (question and answer and nuggets and quotes):
        return "it lacks a question, an answer, a nugget or evidence"
    if len(question) > _QUESTION_CHARACTERS:
        return f"the question has over {_QUESTION_CHARACTERS} characters"
    if _OF_THE_TEXT.search(question):
        return "the question speaks of the text, which who asks has not seen"
    if faults := check(answer, " ".join(quotes), question=question):
        return f"the named sentences do not carry the answer: {faults[0].message}"
    said = set(words(answer)) | set(words(" ".join(quotes)))
    for nugget in nuggets:
        wanted = set(words(nugget.text))
        if not wanted or len(wanted & said) < _SAID_SHARE * len(wanted):
            return f"neither the answer nor its evidence says {nugget.text!r}"
    return ""


def _plain(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a string is wanted")
    return " ".join(value.split())
