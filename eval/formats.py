"""Suites and runs in the formats of others: BEIR, SQuAD, ragas, promptfoo, and flat tables.

A suite that is imported is a folder with `questions.jsonl` and `documents/`, one text file a document. What a
format can't hold is left out: none of these know vital nuggets, statements that must not be made, or conflicts.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval import jsonl
from eval.datasets import CorpusDocument, Suite, beir_corpus, beir_examples, example_json
from eval.doctor import corpus
from eval.errors import DatasetError
from eval.example import Evidence, Example
from eval.jsonl import JSON
from eval.metrics.retrieval import located
from eval.records import names
from eval.run import Run
from eval.scores import Scored

_CONTAINS = ("contains", "icontains", "contains-any", "icontains-any", "contains-all", "icontains-all")
_ANY = ("contains-any", "icontains-any")
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = re.compile(r"^[=+\-@\t\r]")


def imported(format: str, source: Path, folder: Path, *, language: str = "und") -> tuple[int, int]:  # noqa: A002
    """Make a suite of a data set; gives the counts of examples and documents. Raises `DatasetError`."""
    if (folder / "questions.jsonl").exists():
        raise DatasetError(f"{folder} holds a suite already: name another folder, or remove it")
    match format:
        case "beir":
            examples, documents = _from_beir(source)
        case "squad":
            examples, documents = squad(_json(source), language=language, at=str(source))
        case "ragas":
            examples, documents = ragas(_rows(source), language=language)
        case _:
            examples, documents = promptfoo(_rows(source), language=language), []
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for document in documents:
        path = folder / "documents" / f"{document.id}.txt"
        path.write_text(document.text, encoding="utf-8", newline="\n")
    jsonl.write(folder / "questions.jsonl", map(example_json, examples))
    return len(examples), len(documents)


def exported_suite(format: str, suite: Suite, destination: Path) -> int:  # noqa: A002
    """Write a suite as `beir` (a folder), `squad` or `promptfoo` (a JSON file); gives the count of examples."""
    if format == "promptfoo":
        _write(destination, [_promptfoo_test(example) for example in suite.examples])
        return len(suite.examples)
    texts = corpus(suite).texts
    if format == "squad":
        _write(destination, _to_squad(suite, texts))
    else:
        _to_beir(suite, texts, destination)
    return len(suite.examples)


def exported_run(format: str, run: Run, scored: Scored, destination: Path) -> int:  # noqa: A002
    """Write a run as `csv` or `jsonl` (a row an example) or as `ragas` samples; gives the count of rows."""
    if format == "ragas":
        jsonl.write(destination, (_ragas_sample(run, each) for each in run.records))
        return len(run.records)
    table = rows(run, scored)
    if format == "jsonl":
        jsonl.write(destination, table)
    else:
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in table)
        destination.write_text(file.getvalue(), encoding="utf-8", newline="")
    return len(table)


def rows(run: Run, scored: Scored) -> list[JSON]:
    """A flat row for each example, all with the same columns: what it is, what was said, each metric's value.

    `pandas.DataFrame(rows(run, scored))` and `pandas.read_json(path, lines=True)` read them as they are.
    """
    metrics = list(dict.fromkeys(name for measured in scored.scores.values() for name in measured))
    table = []
    for identifier, example in run.examples.items():
        record = run.records.get(identifier)
        answer = record.answer if record else None
        measured = scored.scores.get(identifier, {})
        row: JSON = {
            "id": identifier,
            "kind": example.kind,
            "language": example.language,
            "question": example.question,
            "reference": example.answer,
            "status": answer.status if answer else None,
            "answer": answer.text if answer else None,
            "claims": len(answer.claims) if answer else None,
            "citations": len(answer.citations) if answer else None,
            "error": run.failures.get(identifier),
        }
        table.append(
            {**row, **{name: measured[name].value if name in measured else None for name in metrics}}
        )
    return table


def squad(
    value: Any, *, language: str = "und", at: str = "squad"
) -> tuple[list[Example], list[CorpusDocument]]:
    """SQuAD 1.1 and 2.0 and XQuAD: a document for each paragraph, the sentence line of the answer as evidence.

    A question that `is_impossible` is not answerable. Raises `DatasetError`.
    """
    examples: list[Example] = []
    documents: list[CorpusDocument] = []
    try:
        for article in value["data"]:
            for paragraph in article["paragraphs"]:
                text = paragraph["context"]
                name = f"paragraph-{len(documents) + 1:05}"
                documents.append(CorpusDocument(name, str(article.get("title") or ""), text))
                examples += [_squad_example(qa, f"{name}.txt", text, language) for qa in paragraph["qas"]]
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{at} is no SQuAD JSON: {error} is missing or of another kind") from error
    return examples, documents


def ragas(
    samples: Iterable[tuple[str, JSON]], *, language: str = "und"
) -> tuple[list[Example], list[CorpusDocument]]:
    """Samples of ragas (`user_input`, `reference`, `reference_contexts`): each context is a document."""
    examples: list[Example] = []
    documents: dict[str, str] = {}
    for number, (at, row) in enumerate(samples, start=1):
        contexts = row.get("reference_contexts") or []
        if not isinstance(contexts, list) or not all(isinstance(each, str) for each in contexts):
            raise DatasetError(f"{at}: the field 'reference_contexts' should be a list of strings")
        for text in contexts:
            documents.setdefault(text, f"context-{len(documents) + 1:05}")
        examples.append(
            Example(
                id=f"ragas-{number:05}",
                question=jsonl.text(row, "user_input", at, DatasetError),
                kind=str(row.get("synthesizer_name") or "query"),
                language=language,
                answer=str(row.get("reference") or ""),
                evidence=tuple(Evidence(f"{documents[text]}.txt", text) for text in contexts),
                answerable=bool(contexts) or None,
            )
        )
    return examples, [CorpusDocument(name, "", text) for text, name in documents.items()]


def promptfoo(tests: Iterable[tuple[str, JSON]], *, language: str = "und") -> list[Example]:
    """Tests of promptfoo: `vars.question` (or `query`, `prompt`), and what an answer must or must not contain.

    `contains-any` gives aliases of one short answer, `contains` and `contains-all` a short answer each,
    `equals` the reference, `not-contains` what must not be said; asserts of other types are left out.
    """
    examples = []
    for number, (at, row) in enumerate(tests, start=1):
        variables = row.get("vars")
        asserts = row.get("assert") or []
        if not isinstance(variables, dict) or not isinstance(asserts, list):
            raise DatasetError(f"{at}: a test is an object with 'vars' and a list 'assert'")
        question = next(
            (variables[name] for name in ("question", "query", "prompt") if name in variables), None
        )
        if not isinstance(question, str) or not question.strip():
            raise DatasetError(f"{at}: its vars have no 'question', 'query' or 'prompt'")
        short: list[tuple[str, ...]] = []
        must_not: list[str] = []
        answer = ""
        for each in asserts:
            kind = each.get("type") if isinstance(each, dict) else None
            values = _strings(each.get("value")) if isinstance(each, dict) else []
            if kind in _ANY:
                short.append(tuple(values))
            elif kind in _CONTAINS:
                short += [(value,) for value in values]
            elif kind in ("not-contains", "not-icontains"):
                must_not += values
            elif kind == "equals" and values:
                answer = values[0]
        examples.append(
            Example(
                id=f"promptfoo-{number:05}",
                question=question,
                kind="query",
                language=language,
                answer=answer,
                short_answers=tuple(short),
                must_not=tuple(must_not),
                answerable=True if short or answer else None,
            )
        )
    return examples


def _from_beir(folder: Path) -> tuple[Sequence[Example], list[CorpusDocument]]:
    return beir_examples(folder), [
        CorpusDocument(_file_name(each.id), each.title, each.text) for each in beir_corpus(folder)
    ]


def _file_name(identifier: str) -> str:
    """The id as a name of a file; raises `DatasetError` for one that would lead elsewhere."""
    if not re.fullmatch(r"[\w.\-]{1,200}", identifier) or identifier.startswith("."):
        raise DatasetError(
            f"the document id {identifier!r} can't be a file's name: run the BEIR folder itself"
        )
    return identifier


def _squad_example(qa: Mapping[str, Any], document: str, text: str, language: str) -> Example:
    answers = [] if qa.get("is_impossible") else list(qa.get("answers") or [])
    starts = [(int(each["answer_start"]), str(each["text"])) for each in answers]
    quotes = dict.fromkeys(_line(text, start, start + len(answer)) for start, answer in starts)
    return Example(
        id=str(qa["id"]),
        question=str(qa["question"]),
        kind="query" if answers else "unanswerable",
        language=language,
        short_answers=(tuple(dict.fromkeys(answer for _, answer in starts)),) if starts else (),
        evidence=tuple(Evidence(document, quote) for quote in list(quotes)[:1]),
        answerable=bool(answers),
        cluster=document,
    )


def _line(text: str, start: int, end: int) -> str:
    """The stretch between two ends of sentences around `[start, end)`."""
    before = max((found.end() for found in re.finditer(r"[.!?]\s+|\n", text[:start])), default=0)
    after = re.search(r"[.!?](?=\s|$)|\n", text[end:])
    return text[before : end + after.end() if after else len(text)].strip()


def _to_squad(suite: Suite, texts: Mapping[str, str]) -> JSON:
    """Each document as one paragraph; a quote is the answer's place, as SQuAD wants spans of the context."""
    paragraphs = {name: {"context": text, "qas": []} for name, text in texts.items()}
    for example in suite.examples:
        places = [
            (name, spans[0])
            for each in example.evidence
            for name in texts
            if names(name, each.document) and (spans := located(texts[name], each.quote))
        ]
        name = places[0][0] if places else next(iter(texts))
        qa = {
            "id": example.id,
            "question": example.question,
            "is_impossible": example.answerable is False,
            "answers": [
                {"text": texts[name][span.start : span.end], "answer_start": span.start}
                for place, span in places
                if place == name
            ],
        }
        paragraphs[name]["qas"].append(qa)  # type: ignore[attr-defined]  # the list made above
    data = [{"title": name, "paragraphs": [paragraph]} for name, paragraph in paragraphs.items()]
    return {"version": "v2.0", "data": data}


def _to_beir(suite: Suite, texts: Mapping[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    jsonl.write(
        folder / "corpus.jsonl", ({"_id": name, "title": "", "text": text} for name, text in texts.items())
    )
    jsonl.write(
        folder / "queries.jsonl",
        (
            {
                "_id": example.id,
                "text": example.question,
                "lang": example.language,
                "kind": example.kind,
                "answers": [example.answer] if example.answer else [],
                "answerable": example.answerable,
            }
            for example in suite.examples
        ),
    )
    grades = [
        f"{example.id}\t{name}\t{grade}\n"
        for example in suite.examples
        for document, grade in example.grades.items()
        for name in texts
        if names(name, document)
    ]
    jsonl.replace(folder / "qrels.tsv", "".join(["query-id\tcorpus-id\tscore\n", *grades]))


def _promptfoo_test(example: Example) -> JSON:
    asserts: list[JSON] = [
        {"type": "icontains-any", "value": list(aliases)} for aliases in example.short_answers
    ]
    asserts += [{"type": "icontains", "value": nugget.text} for nugget in example.nuggets if nugget.vital]
    asserts += [{"type": "not-icontains", "value": statement} for statement in example.must_not]
    return {"description": example.id, "vars": {"question": example.question}, "assert": asserts}


def _ragas_sample(run: Run, identifier: str) -> JSON:
    record = run.records[identifier]
    return {
        "user_input": record.example.question,
        "response": record.answer.text,
        "retrieved_contexts": [passage.text for passage in record.answer.passages],
        "reference": record.example.answer,
        "reference_contexts": [each.quote for each in record.example.evidence],
    }


def _rows(source: Path) -> Iterable[tuple[str, JSON]]:
    """The objects of a JSONL file, or of a JSON or YAML list, by itself or under `tests` or `samples`."""
    if source.suffix.lower() == ".jsonl":
        yield from jsonl.rows(source, DatasetError)
        return
    value = _yaml(source) if source.suffix.lower() in (".yaml", ".yml") else _json(source)
    if isinstance(value, dict):
        value = value.get("tests") or value.get("samples")
    if not isinstance(value, list):
        raise DatasetError(f"{source} should be a list of objects, or have one under 'tests' or 'samples'")
    for number, each in enumerate(value, start=1):
        if not isinstance(each, dict):
            raise DatasetError(f"{source}, item {number}: this is no object")
        yield f"{source}, item {number}", each


def _json(source: Path) -> Any:
    try:
        return json.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{source} could not be read as JSON: {error}") from error


def _yaml(source: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise DatasetError(f"{source} could not be read as YAML: {error}") from error


def _write(destination: Path, value: Any) -> None:
    jsonl.replace(destination, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _strings(value: Any) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _cell(value: Any) -> Any:
    """A value that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
