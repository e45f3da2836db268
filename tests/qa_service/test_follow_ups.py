"""Follow-up questions over the sample documents: does their evidence come up, as asked and put in full?

`pytest tests/qa_service/test_follow_ups.py -s` prints the figures and each query.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.embed import Embedder
from index.load import load
from index.sync import sync
from qa_service.answering.answer import Answer, Finished, Question
from qa_service.clients.local_shelf import LocalShelf
from qa_service.conversations.history import Turn
from qa_service.services import Services, opened
from qa_service.settings import Settings

DOCUMENTS = Path(__file__).parents[2] / "examples" / "documents"
FOLLOW_UPS: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("follow_ups.jsonl").read_text(encoding="utf-8").splitlines()
]
FIRST = 5


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path, embedder: Embedder
) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("follow-ups")
    (folder / "models").symlink_to(model_cache)
    with opened(Settings(data_dir=folder), command="pytest", embedder=embedder) as services:
        shelf = LocalShelf(services, "default", on_embedded=lambda _name, _done, _total: None)
        assert all(each.outcome == "indexed" for each in sync(shelf, DOCUMENTS))
        yield services


def folded(text: str) -> str:
    return " ".join(text.split())


def ask(services: Services, text: str, history: tuple[Turn, ...] = ()) -> Answer:
    (finished,) = (
        event
        for event in services.answerer.answer(Question(text, history=history))
        if isinstance(event, Finished)
    )
    return finished.answer


def talk(services: Services, questions: list[str]) -> tuple[Turn, ...]:
    """The turns that the questions make, each answered after those before it."""
    history: tuple[Turn, ...] = ()
    for text in questions:
        answer = ask(services, text, history)
        said = " ".join(claim.text for claim in answer.claims)
        history += (Turn(text, said, answer.query),)
    return history


def is_found(answer: Answer, wanted: dict[str, Any]) -> bool:
    """Whether one of the first passages holds some evidence."""
    return any(
        passage.source.endswith(each["doc"]) and each["quote"] in folded(passage.text)
        for passage in answer.passages[:FIRST]
        for each in wanted["evidence"]
    )


def is_cited(answer: Answer, wanted: dict[str, Any]) -> bool:
    """Whether a citation holds some evidence, or a part of it that is a sentence."""
    return any(
        citation.source.endswith(each["doc"])
        and (each["quote"] in folded(citation.quote) or folded(citation.quote) in each["quote"])
        for citation in answer.citations
        for each in wanted["evidence"]
    )


@pytest.mark.parametrize("wanted", FOLLOW_UPS, ids=lambda each: str(each["question"]))
def test_the_evidence_of_a_follow_up_stands_in_its_document(wanted: dict[str, Any]) -> None:
    for each in wanted["evidence"]:
        path = DOCUMENTS / each["doc"]
        assert each["quote"] in folded(load(path.read_bytes(), name=path.name).text)


def test_the_evidence_of_follow_ups_is_found_where_they_are_put_in_full(services: Services) -> None:
    counts = dict.fromkeys(("found as asked", "found in full", "cited as asked", "cited in full"), 0)
    lines = []
    for wanted in FOLLOW_UPS:
        answers = {
            "as asked": ask(services, wanted["question"]),
            "in full": ask(services, wanted["question"], talk(services, wanted["before"])),
        }
        for name, answer in answers.items():
            counts[f"found {name}"] += is_found(answer, wanted)
            counts[f"cited {name}"] += is_cited(answer, wanted)
        marks = "".join(
            ".+"[is_found(each, wanted)] + ".+"[is_cited(each, wanted)] for each in answers.values()
        )
        lines.append(f"{marks}  {wanted['question']}  ->  {answers['in full'].query}\n")
    sys.stdout.write(f"\n{''.join(lines)}{len(FOLLOW_UPS)} follow-ups: {counts}\n")
    assert counts["found in full"] >= 0.85 * len(FOLLOW_UPS)
    assert counts["found in full"] > counts["found as asked"]
    assert counts["cited in full"] > counts["cited as asked"]
