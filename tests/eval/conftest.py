"""What tests of the suite share: a small suite on disk, and runs of it by a target that needs no model."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eval.datasets import Suite, suite
from eval.errors import TargetError
from eval.example import Example
from eval.run import Run, execute

TEXTS = {
    "leave.md": "Employees have 25 days of leave a year. Parental leave lasts 12 weeks.",
    "pets.txt": "Dogs may come to the office on Fridays. Cats may not come at all.",
}
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "leave",
        "question": "How long is parental leave?",
        "kind": "lookup",
        "lang": "en",
        "answer": "12 weeks",
        "nuggets": ["12 weeks"],
        "must_not": ["25 weeks"],
        "evidence": [{"doc": "leave.md", "quote": "Parental leave lasts 12 weeks."}],
    },
    {
        "id": "dogs",
        "question": "When may dogs come to the office?",
        "kind": "lookup",
        "lang": "en",
        "answer": "On Fridays",
        "nuggets": ["Fridays"],
        "evidence": [{"doc": "pets.txt", "quote": "Dogs may come to the office on Fridays."}],
    },
    {
        "id": "cats",
        "question": "Dürfen Katzen ins Büro kommen?",
        "kind": "cross_lingual",
        "lang": "de",
        "answer": "Nein",
        "nuggets": ["may not come"],
        "evidence": [{"doc": "pets.txt", "quote": "Cats may not come at all."}],
    },
    {"id": "pay", "question": "What is the pay of a director?", "kind": "unanswerable", "lang": "en"},
]


def write_suite(folder: Path, questions: list[dict[str, Any]]) -> Suite:
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for name, text in TEXTS.items():
        (folder / "documents" / name).write_text(text)
    lines = (json.dumps(each, ensure_ascii=False) + "\n" for each in questions)
    (folder / "questions.jsonl").write_text("".join(lines))
    return suite(folder)


class Quoting:
    """A target that quotes the evidence; `spoil` changes the answer to an example, or raises."""

    def __init__(
        self, spoil: Callable[[Example, dict[str, Any]], None] = lambda _example, _answer: None
    ) -> None:
        self.asked: list[str] = []
        self._spoil = spoil

    @property
    def about(self) -> dict[str, Any]:
        return {"target": {"kind": "quoting"}, "settings": {}, "versions": {}}

    def ask(self, example: Example) -> Iterator[tuple[str, dict[str, Any]]]:
        self.asked.append(example.id)
        answer = quoted(example)
        self._spoil(example, answer)
        yield "retrieval", {"passages": answer["passages"]}
        for claim in answer["claims"]:
            yield "claim", claim
        yield "done", answer

    def text(self, document_id: str) -> str | None:
        return TEXTS[document_id]


def quoted(example: Example) -> dict[str, Any]:
    """The answer that consists of the example's evidence."""
    citations = [
        {
            "number": number,
            "document_id": each.document,
            "source": f"documents/{each.document}",
            "span": span(TEXTS[each.document], each.quote),
            "quote": each.quote,
            "chunk_id": each.document,
        }
        for number, each in enumerate(example.evidence, start=1)
    ]
    return {
        "status": "answered" if citations else "abstained",
        "claims": [{"text": each["quote"], "citations": [each["number"]]} for each in citations],
        "citations": citations,
        "passages": [
            {
                "rank": rank,
                "text": text,
                "chunk_id": name,
                "document_id": name,
                "source": f"documents/{name}",
                "span": {"start": 0, "end": len(text)},
            }
            for rank, (name, text) in enumerate(TEXTS.items(), start=1)
        ],
        "timings_ms": {"retrieve": 1.0, "first_claim": 2.0, "total": 3.0},
        "usage": {"cost_usd": 0.0},
    }


def span(text: str, quote: str) -> Mapping[str, int]:
    start = text.index(quote)
    return {"start": start, "end": start + len(quote)}


def failing(*ids: str) -> Quoting:
    """A target that can't answer some examples."""

    def spoil(example: Example, answer: dict[str, Any]) -> None:
        if example.id in ids:
            raise TargetError("out of order")

    return Quoting(spoil)


@pytest.fixture
def world() -> SimpleNamespace:
    """The texts and questions of the small suite, and the targets that can be asked."""
    return SimpleNamespace(
        TEXTS=TEXTS, QUESTIONS=QUESTIONS, Quoting=Quoting, failing=failing, write_suite=write_suite
    )


@pytest.fixture
def small(tmp_path: Path) -> Suite:
    """Four questions over two documents."""
    return write_suite(tmp_path / "small", QUESTIONS)


@pytest.fixture
def run_of(small: Suite, tmp_path: Path) -> Callable[..., Run]:
    """Runs the small suite by a target, into a folder of that name."""

    def run(target: Quoting, name: str = "run", **options: Any) -> Run:
        about = {
            "suite": {"name": "small", "sha256": small.sha256},
            "corpus": {"sha256": small.corpus_sha256},
        }
        return execute(tmp_path / name, small.examples, about, target, **options)

    return run
