"""Suites from disk: questions with their evidence over a folder of documents, and BEIR-shaped folders."""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval import jsonl
from eval.errors import DatasetError
from eval.example import Evidence, Example, Nugget
from eval.jsonl import JSON

_QUESTIONS = "questions.jsonl"
_DOCUMENTS = "documents"
# An answer of more words is a text to compare with, not a thing that an answer must name.
_SHORT_ANSWER_WORDS = 8


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document of a BEIR corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Suite:
    """Examples and where their corpus is: a folder of files, or a BEIR folder (`is_beir`).

    `sha256` is of what the examples say, `corpus_sha256` of the corpus' files and their names; both are the
    same on every machine.
    """

    name: str
    examples: tuple[Example, ...]
    corpus: Path
    is_beir: bool
    sha256: str
    corpus_sha256: str


def suite(path: Path, corpus: Path | None = None) -> Suite:
    """The suite at a path.

    A folder with `corpus.jsonl` and `queries.jsonl` is BEIR-shaped; a folder with `questions.jsonl`, or a
    JSONL file itself, holds examples over the documents in `corpus`: by default the folder `documents` beside
    the questions. Raises `DatasetError`.
    """
    if path.is_dir() and (path / "corpus.jsonl").is_file() and (path / "queries.jsonl").is_file():
        found = beir_examples(path)
        folder = corpus or path
        return Suite(path.resolve().name, found, folder, True, fingerprint(found), _beir_sha256(folder))
    questions = path / _QUESTIONS if path.is_dir() else path
    if not questions.is_file():
        raise DatasetError(
            f"{path} is no suite: name a JSONL file of questions, a folder with {_QUESTIONS}, or a BEIR "
            f"folder with corpus.jsonl, queries.jsonl and qrels.tsv"
        )
    folder = corpus or questions.parent / _DOCUMENTS
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder: name the documents of {questions} with --corpus")
    found = tuple(examples(questions))
    name = path.resolve().name if path.is_dir() else questions.resolve().parent.name + "/" + questions.stem
    return Suite(name, found, folder, False, fingerprint(found), _folder_sha256(folder))


def examples(path: Path) -> list[Example]:
    """Questions with evidence, one JSON object a line.

    A question without evidence is unanswerable; one that the documents refute (`refuted_by`) is neither, since a
    good answer says what they hold instead. A field `answerable` says so itself. Raises `DatasetError`.
    """
    found = [(at, example_from(row, at)) for at, row in jsonl.rows(path, DatasetError)]
    return _each_once(found, path)


def beir_corpus(folder: Path) -> list[CorpusDocument]:
    """`corpus.jsonl` of a BEIR folder."""
    return [
        CorpusDocument(_text(row, "_id", at), str(row.get("title") or ""), _text(row, "text", at))
        for at, row in jsonl.rows(folder / "corpus.jsonl", DatasetError)
    ]


def beir_examples(folder: Path) -> tuple[Example, ...]:
    """The queries of a BEIR folder as examples; those that `qrels.tsv` does not name are left out.

    Beyond BEIR's fields, `answers` (aliases of a short answer, or one long reference), `answerable`, `kind`
    and `lang` are read where queries have them, and pieces of evidence from a file `spans.jsonl`. Questions
    on one document make a cluster.
    """
    grades = _qrels(folder / "qrels.tsv")
    spans = folder / "spans.jsonl"
    evidence = {
        _text(row, "_id", at): _evidence(row, "evidence", at)
        for at, row in (jsonl.rows(spans, DatasetError) if spans.is_file() else ())
    }
    found = []
    for at, row in jsonl.rows(folder / "queries.jsonl", DatasetError):
        identifier, answers = _text(row, "_id", at), _texts(row, "answers", at)
        answerable = _answerable(row, at, default=True)
        if identifier not in grades and answerable:
            continue
        relevant = grades.get(identifier, {})
        short = tuple(each for each in answers if len(each.split()) <= _SHORT_ANSWER_WORDS)
        is_short = bool(short) and len(short) == len(answers)
        example = Example(
            id=identifier,
            question=_text(row, "text", at),
            kind=str(row.get("kind") or ("query" if answerable else "unanswerable")),
            language=str(row.get("lang") or "und"),
            answer=answers[0] if answers else "",
            short_answers=(short,) if is_short else (),
            evidence=evidence.get(identifier, ()),
            answerable=answerable,
            relevant=relevant if answerable else {},
            cluster=next(iter(relevant)) if len(relevant) == 1 else "",
        )
        found.append((at, example))
    return tuple(_each_once(found, folder))


def example_from(row: Mapping[str, Any], at: str) -> Example:
    """An example from its JSON object; `at` is its place, for messages."""
    evidence, refuting = _evidence(row, "evidence", at), _evidence(row, "refuted_by", at)
    answerable: bool | None = bool(evidence)
    relevant = row.get("relevant") or {}
    if not isinstance(relevant, dict) or any(type(grade) is not int for grade in relevant.values()):
        raise DatasetError(f"{at}: the field 'relevant' should be an object of whole numbers by document")
    return Example(
        id=_text(row, "id", at),
        question=_text(row, "question", at),
        kind=_text(row, "kind", at),
        language=_text(row, "lang", at),
        answer=str(row.get("answer") or ""),
        short_answers=tuple(
            (each,) if isinstance(each, str) else tuple(each) for each in _list(row, "short_answers", at)
        ),
        nuggets=tuple(_nugget(each, at) for each in _list(row, "nuggets", at)),
        must_not=_texts(row, "must_not", at),
        evidence=evidence,
        answerable=_answerable(row, at, default=None if refuting and not evidence else answerable),
        relevant=relevant,
        cluster=str(row.get("cluster") or ""),
    )


def example_json(example: Example) -> JSON:
    """An example as the JSON object that `example_from` reads, without what is empty."""
    row: JSON = {
        "id": example.id,
        "question": example.question,
        "kind": example.kind,
        "lang": example.language,
        "answer": example.answer,
        "short_answers": [list(each) for each in example.short_answers],
        "nuggets": [
            each.text if each.vital else {"text": each.text, "vital": False} for each in example.nuggets
        ],
        "must_not": list(example.must_not),
        "evidence": [{"doc": each.document, "quote": each.quote} for each in example.evidence],
        "relevant": dict(example.relevant),
        "cluster": example.cluster,
    }
    return {**{name: value for name, value in row.items() if value}, "answerable": example.answerable}


def fingerprint(examples: Iterable[Example]) -> str:
    """The sha256 of what examples say, whatever file they were read from."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(jsonl.line(example_json(example)).encode())
    return digest.hexdigest()


def files(corpus: Path) -> Iterator[Path]:
    """The files of a corpus folder in order, without hidden ones."""
    for path in sorted(corpus.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(corpus).parts):
            yield path


def _folder_sha256(corpus: Path) -> str:
    digest = hashlib.sha256()
    for path in files(corpus):
        name = path.relative_to(corpus).as_posix()
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _beir_sha256(folder: Path) -> str:
    return hashlib.sha256((folder / "corpus.jsonl").read_bytes()).hexdigest()


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file, delimiter="\t"), start=1):
                if number == 1 and row[:1] == ["query-id"]:
                    continue
                if len(row) != 3 or not re.fullmatch(r"-?[0-9]+", row[2]):
                    raise DatasetError(f"{path}:{number}: a row is query id, document id and a whole number")
                if int(row[2]) > 0:
                    grades.setdefault(row[0], {})[row[1]] = int(row[2])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} could not be read: {error}") from error
    return grades


def _each_once(found: Sequence[tuple[str, Example]], path: Path) -> list[Example]:
    if not found:
        raise DatasetError(f"{path} holds no examples")
    places: dict[str, str] = {}
    for at, example in found:
        if example.id in places:
            raise DatasetError(f"{at}: the id {example.id!r} is that of {places[example.id]} already")
        places[example.id] = at
    return [example for _, example in found]


def _answerable(row: Mapping[str, Any], at: str, *, default: bool | None) -> bool | None:
    value = row.get("answerable", default)
    if value not in (True, False, None):
        raise DatasetError(f"{at}: the field 'answerable' is {value!r}: it should be true, false or null")
    return value if value is None else bool(value)


def _nugget(value: Any, at: str) -> Nugget:
    if isinstance(value, str):
        return Nugget(value)
    if not isinstance(value, dict):
        raise DatasetError(f"{at}: a nugget is a string, or an object with 'text' and 'vital'")
    return Nugget(_text(value, "text", at), bool(value.get("vital", True)))


def _evidence(row: Mapping[str, Any], name: str, at: str) -> tuple[Evidence, ...]:
    pieces = _list(row, name, at)
    if not all(isinstance(each, dict) for each in pieces):
        raise DatasetError(f"{at}: the field {name!r} is a list of objects with 'doc' and 'quote'")
    return tuple(Evidence(_text(each, "doc", at), _text(each, "quote", at)) for each in pieces)


def _texts(row: Mapping[str, Any], name: str, at: str) -> tuple[str, ...]:
    found = _list(row, name, at)
    if not all(isinstance(each, str) for each in found):
        raise DatasetError(f"{at}: the field {name!r} should be a list of strings")
    return tuple(found)


def _list(row: Mapping[str, Any], name: str, at: str) -> list[Any]:
    value = row.get(name) or []
    if not isinstance(value, list):
        raise DatasetError(f"{at}: the field {name!r} should be a list")
    return value


def _text(row: Mapping[str, Any], name: str, at: str) -> str:
    return jsonl.text(row, name, at, DatasetError)
