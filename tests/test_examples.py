"""The shipped documents and questions: what one says of the other is so."""

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import examples
from index.load import load

Row = dict[str, Any]

FOLDER = Path(__file__).parents[1] / "examples"
DOCUMENTS = FOLDER / "documents"
PATHS = sorted(path.relative_to(DOCUMENTS).as_posix() for path in DOCUMENTS.rglob("*.*"))
QUESTIONS: list[Row] = [
    json.loads(line) for line in (FOLDER / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]

FORMATS = {".docx": "docx", ".html": "html", ".md": "markdown", ".pdf": "pdf", ".txt": "text"}
ANSWERABLE = {"lookup", "numeric", "multi_hop", "paraphrase", "cross_lingual", "conflict", "noisy_text"}
NOT_ANSWERABLE = {"unanswerable", "false_premise"}
SETTLEMENTS = ("Settled by date: ", "Unsettled: ")
LOOK_ALIKE = "Looks like a conflict: "


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The text of each document as it is loaded, with white space folded."""
    return {path: fold(load((DOCUMENTS / path).read_bytes(), name=path).text) for path in PATHS}


@pytest.fixture
def readme() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")


def fold(text: str) -> str:
    return " ".join(text.split())


def quotes(question: Row) -> list[dict[str, str]]:
    """What is quoted for or against the question."""
    return [*question["evidence"], *question.get("refuted_by", ())]


def count(field: str) -> Counter[str]:
    return Counter(question[field] for question in QUESTIONS)


def words(text: str) -> frozenset[str]:
    return frozenset("".join(c if c.isalnum() else " " for c in text.casefold()).split())


@pytest.mark.parametrize("path", PATHS)
def test_a_document_loads_as_what_its_name_says(path: str) -> None:
    parsed = load((DOCUMENTS / path).read_bytes(), name=path)
    assert parsed.format == FORMATS[Path(path).suffix]


@pytest.mark.parametrize("path", PATHS)
def test_a_document_is_asked_about(path: str) -> None:
    assert any(each["doc"] == path for question in QUESTIONS for each in quotes(question))


def test_the_evaluation_suite_reads_the_questions() -> None:
    read = examples(FOLDER / "questions.jsonl")
    assert [example.id for example in read] == [question["id"] for question in QUESTIONS]


def test_every_quote_stands_in_its_document(texts: dict[str, str]) -> None:
    missing = [
        (question["id"], each)
        for question in QUESTIONS
        for each in quotes(question)
        if fold(each["quote"]) not in texts[each["doc"]]
    ]
    assert missing == []


def test_ids_are_unique_and_name_the_kind() -> None:
    assert max(count("id").values()) == 1
    assert all(question["id"].startswith(question["kind"] + "-") for question in QUESTIONS)


def test_kinds_and_languages_are_known() -> None:
    assert set(count("kind")) == ANSWERABLE | NOT_ANSWERABLE
    assert set(count("lang")) == {"en", "de", "ru"}


def test_evidence_is_there_exactly_where_there_is_an_answer() -> None:
    wrong = [
        question["id"]
        for question in QUESTIONS
        if bool(question["evidence"]) != (question["kind"] in ANSWERABLE)
    ]
    assert wrong == []


def test_a_question_without_an_answer_has_a_reason() -> None:
    assert all(question["why"] for question in QUESTIONS if question["kind"] in NOT_ANSWERABLE)


def test_a_false_premise_and_nothing_else_is_refuted() -> None:
    wrong = [
        question["id"]
        for question in QUESTIONS
        if bool(question.get("refuted_by")) != (question["kind"] == "false_premise")
    ]
    assert wrong == []


def test_a_conflict_quotes_two_documents_and_says_whether_it_is_settled() -> None:
    for question in QUESTIONS:
        if question["kind"] == "conflict":
            assert len({each["doc"] for each in question["evidence"]}) > 1, question["id"]
            assert question["why"].startswith(SETTLEMENTS), question["id"]


def test_at_least_eight_questions_only_look_like_a_conflict() -> None:
    alike = [question for question in QUESTIONS if question.get("why", "").startswith(LOOK_ALIKE)]
    assert len(alike) >= 8
    assert {question["kind"] for question in alike} <= ANSWERABLE - {"conflict"}


def test_what_must_not_be_said_is_neither_a_nugget_nor_in_the_answer() -> None:
    for question in QUESTIONS:
        assert question["nuggets"], question["id"]
        assert question["must_not"], question["id"]
        for forbidden in map(str.casefold, question["must_not"]):
            assert forbidden not in question["answer"].casefold(), question["id"]
            for nugget in map(str.casefold, question["nuggets"]):
                assert forbidden not in nugget, question["id"]
                assert nugget not in forbidden, question["id"]


def test_no_two_questions_are_nearly_the_same() -> None:
    asked = [(question["id"], words(question["question"])) for question in QUESTIONS]
    near = [
        (one, other)
        for (one, first), (other, second) in combinations(asked, 2)
        if len(first & second) > 0.6 * len(first | second)
    ]
    assert near == []


def test_there_are_enough_questions_of_each_kind_and_language() -> None:
    kinds, languages = count("kind"), count("lang")
    assert min(kinds.values()) >= 10
    assert sum(kinds[kind] for kind in NOT_ANSWERABLE) >= 22
    assert min(languages.values()) >= 20


def test_the_readme_counts_the_questions_right(readme: str) -> None:
    assert f"{len(QUESTIONS)} questions" in readme
    for kind, number in count("kind").items():
        assert f"| `{kind}` | {number} |" in readme


def test_the_readme_names_every_document(readme: str) -> None:
    assert [path for path in PATHS if f"| `{path}` |" not in readme] == []
