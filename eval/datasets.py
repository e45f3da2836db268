"""Evaluation data from disk: BEIR-shaped folders, and questions with their evidence over a folder of documents."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.example import Evidence, Example, Nugget
from index.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document of a BEIR corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a BEIR set: the ids of its relevant documents, and short answers where the set gives them."""

    id: str
    text: str
    relevant: frozenset[str]
    answers: tuple[str, ...] = ()


def beir_corpus(folder: Path) -> list[CorpusDocument]:
    """`corpus.jsonl` of a BEIR folder."""
    return [
        CorpusDocument(_field(row, "_id", at), row.get("title", ""), _field(row, "text", at))
        for at, row in _rows(folder / "corpus.jsonl")
    ]


def beir_queries(folder: Path) -> list[Query]:
    """`queries.jsonl` of a BEIR folder, with `qrels.tsv`; queries without a relevant document are left out."""
    relevant: dict[str, set[str]] = {}
    path = folder / "qrels.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t"), start=1):
            if number == 1 and row[:1] == ["query-id"]:
                continue
            if len(row) != 3 or not row[2].lstrip("-").isdigit():
                raise InvalidRequest(f"{path}:{number}: a row is query id, document id and a whole number")
            if int(row[2]) > 0:
                relevant.setdefault(row[0], set()).add(row[1])
    return [
        Query(
            identifier,
            _field(row, "text", at),
            frozenset(relevant[identifier]),
            tuple(row.get("answers", ())),
        )
        for at, row in _rows(folder / "queries.jsonl")
        if (identifier := _field(row, "_id", at)) in relevant
    ]


def examples(path: Path) -> list[Example]:
    """Questions with evidence, one JSON object a line.

    A question without evidence is unanswerable; one that the documents refute (`refuted_by`) is neither, since a
    good answer says what they hold instead.
    """
    return [_example(row, at) for at, row in _rows(path)]


def _example(row: dict[str, Any], at: str) -> Example:
    evidence, refuting = _evidence(row, "evidence", at), _evidence(row, "refuted_by", at)
    answerable: bool | None = bool(evidence)
    return Example(
        id=_field(row, "id", at),
        question=_field(row, "question", at),
        kind=_field(row, "kind", at),
        language=_field(row, "lang", at),
        answer=row.get("answer") or "",
        nuggets=tuple(Nugget(nugget) for nugget in row.get("nuggets", ())),
        must_not=tuple(row.get("must_not", ())),
        evidence=evidence,
        answerable=None if refuting and not evidence else answerable,
    )


def _evidence(row: dict[str, Any], name: str, at: str) -> tuple[Evidence, ...]:
    return tuple(Evidence(_field(each, "doc", at), _field(each, "quote", at)) for each in row.get(name, ()))


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line's object with its place, as `file:line`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} could not be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidRequest(f"{path}:{number}: this is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise InvalidRequest(f"{path}:{number}: this is no JSON object")
        yield f"{path}:{number}", row


def _field(row: dict[str, Any], name: str, place: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{place}: the field {name!r} is missing or not a string")
    return value
