"""Suites and runs in the formats of others."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import Suite, suite
from eval.doctor import corpus, examine
from eval.errors import DatasetError
from eval.example import Example
from eval.formats import exported_run, exported_suite, imported, promptfoo, rows, squad
from eval.judges.lexical import LexicalProxy
from eval.run import Run
from eval.scores import measure

RunOf = Callable[..., Run]

SQUAD = {
    "data": [
        {
            "title": "Leave",
            "paragraphs": [
                {
                    "context": "Leave is 25 days. Parental leave lasts 12 weeks. Ask in time.",
                    "qas": [
                        {
                            "id": "q1",
                            "question": "How long?",
                            "answers": [{"text": "12 weeks", "answer_start": 39}],
                        },
                        {"id": "q2", "question": "How much?", "is_impossible": True, "answers": []},
                    ],
                }
            ],
        }
    ]
}


def test_squad_gives_the_sentence_of_the_answer_as_evidence() -> None:
    (answered, declined), (document,) = squad(SQUAD, language="en")
    assert answered.short_answers == (("12 weeks",),)
    assert answered.evidence[0].quote == "Parental leave lasts 12 weeks."
    assert answered.evidence[0].document == f"{document.id}.txt"
    assert (answered.answerable, declined.answerable) == (True, False)


def in_order(found: Suite, small: Suite) -> bool:
    """Whether the suite asks what the small one asks, and its quotes are where it says."""
    answerable = {example.question: example.answerable for example in small.examples}
    assert {example.question: example.answerable for example in found.examples} == answerable
    return not [each for each in examine(found, corpus(found)) if each.severity == "error"]


def test_a_suite_goes_to_squad_and_back(small: Suite, tmp_path: Path) -> None:
    exported_suite("squad", small, tmp_path / "squad.json")
    assert imported("squad", tmp_path / "squad.json", tmp_path / "back") == (4, 2)
    assert in_order(suite(tmp_path / "back"), small)


def test_a_suite_goes_to_beir_and_is_run_from_there(small: Suite, tmp_path: Path) -> None:
    exported_suite("beir", small, tmp_path / "beir")
    assert in_order(suite(tmp_path / "beir"), small)


def test_a_run_goes_to_ragas_and_comes_back_as_a_suite(world: Any, run_of: RunOf, tmp_path: Path) -> None:
    run = run_of(world.Quoting())
    exported_run("ragas", run, measure(run, LexicalProxy()), tmp_path / "samples.jsonl")
    sample = json.loads((tmp_path / "samples.jsonl").read_text().splitlines()[0])
    assert sample["response"] == "Parental leave lasts 12 weeks."
    assert len(sample["retrieved_contexts"]) == 2
    assert imported("ragas", tmp_path / "samples.jsonl", tmp_path / "back") == (4, 3)
    assert suite(tmp_path / "back").examples[0].evidence[0].quote == "Parental leave lasts 12 weeks."


def test_promptfoo_tests_say_what_must_be_contained() -> None:
    test = {
        "vars": {"question": "How long?"},
        "assert": [
            {"type": "icontains-any", "value": ["12 weeks", "twelve weeks"]},
            {"type": "contains", "value": "leave"},
            {"type": "not-contains", "value": "13"},
            {"type": "llm-rubric", "value": "is polite"},
        ],
    }
    (example,) = promptfoo([("here", test)])
    assert example.short_answers == (("12 weeks", "twelve weeks"), ("leave",))
    assert example.must_not == ("13",)


def test_the_tests_of_a_promptfoo_configuration_are_read_as_yaml(tmp_path: Path) -> None:
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text(
        "prompts: [x]\ntests:\n  - vars: {question: 'How long is the leave?'}\n"
        "    assert:\n      - {type: contains, value: 12 weeks}\n"
    )
    assert imported("promptfoo", config, tmp_path / "suite") == (1, 0)
    assert "12 weeks" in (tmp_path / "suite" / "questions.jsonl").read_text()
    config.write_text("tests: !!python/object/apply:os.system [exit]")
    with pytest.raises(DatasetError, match="could not be read as YAML"):
        imported("promptfoo", config, tmp_path / "other")


def test_a_suite_goes_to_promptfoo_and_back(small: Suite, tmp_path: Path) -> None:
    exported_suite("promptfoo", small, tmp_path / "tests.json")
    assert imported("promptfoo", tmp_path / "tests.json", tmp_path / "back") == (4, 0)
    assert suite(tmp_path / "back").examples[0].short_answers == (("12 weeks",),)


def test_a_table_has_a_row_for_each_example_and_a_column_for_each_metric(world: Any, run_of: RunOf) -> None:
    run = run_of(world.failing("dogs"))
    table = rows(run, measure(run, LexicalProxy()))
    assert [row["id"] for row in table] == ["leave", "dogs", "cats", "pay"]
    assert {tuple(row) for row in table} == {tuple(table[0])}
    assert table[0]["validity"] == 1
    assert (table[1]["validity"], table[1]["error"]) == (None, "target: out of order")


def test_no_cell_is_a_formula(world: Any, run_of: RunOf, tmp_path: Path) -> None:
    def spoil(example: Example, answer: dict[str, Any]) -> None:
        answer["claims"] = [{"text": "=HYPERLINK(1)", "citations": [1]}]

    run = run_of(world.Quoting(spoil))
    exported_run("csv", run, measure(run, LexicalProxy()), tmp_path / "run.csv")
    with (tmp_path / "run.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["answer"] == "'=HYPERLINK(1)"


def test_a_suite_is_not_written_over_another(small: Suite, tmp_path: Path) -> None:
    (tmp_path / "squad.json").write_text(json.dumps(SQUAD))
    with pytest.raises(DatasetError, match="holds a suite already"):
        imported("squad", tmp_path / "squad.json", small.corpus.parent)


def test_a_document_id_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "../x", "text": "x"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "x?"}\n')
    (tmp_path / "qrels.tsv").write_text("q\t../x\t1\n")
    with pytest.raises(DatasetError, match="can't be a file's name"):
        imported("beir", tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("squad", '{"data": [{}]}', "is no SQuAD JSON: 'paragraphs'"),
        ("squad", "[", "could not be read as JSON"),
        ("ragas", '[{"response": "x"}]', "item 1: the field 'user_input'"),
        ("promptfoo", '{"tests": [{"vars": {}}]}', "item 1: its vars have no 'question'"),
        ("promptfoo", '"x"', "should be a list"),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path: Path, format: str, text: str, message: str) -> None:  # noqa: A002
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        imported(format, tmp_path / "file.json", tmp_path / "out")
