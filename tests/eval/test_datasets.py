"""Suites on disk: read as they were meant, or refused with file and line."""

from pathlib import Path
from typing import Any

import pytest

from eval.datasets import Suite, beir_examples, example_from, example_json, examples, suite
from eval.errors import DatasetError
from eval.example import Evidence, Example, Nugget

FULL = Example(
    id="a",
    question="?",
    kind="lookup",
    language="en",
    answer="x",
    short_answers=(("x", "X"), ("y",)),
    nuggets=(Nugget("x"), Nugget("y", vital=False)),
    must_not=("z",),
    evidence=(Evidence("d.txt", "q"),),
    answerable=True,
    relevant={"d.txt": 2},
    cluster="c",
)
LINE = '{"id": "a", "question": "?", "kind": "lookup", "lang": "en"%s}\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(text)
    return path


def test_an_example_is_read_as_it_was_written() -> None:
    assert example_from(example_json(FULL), "here") == FULL


@pytest.mark.parametrize(
    ("more", "answerable"),
    [
        ("", False),
        (', "evidence": [{"doc": "d", "quote": "q"}]', True),
        (', "refuted_by": [{"doc": "d", "quote": "q"}]', None),
        (', "answerable": true', True),
    ],
)
def test_what_has_evidence_is_answerable(tmp_path: Path, more: str, answerable: bool | None) -> None:
    (example,) = examples(write(tmp_path, LINE % more))
    assert example.answerable is answerable


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no examples"),
        (LINE % "" + "{\n", ":2: this is no JSON"),
        (LINE % "" + "[]\n", ":2: this is no JSON object"),
        ('{"id": "a"}\n', ":1: the field 'question' is missing"),
        (LINE % "" + "\n" + LINE % "", r":3: the id 'a' is that of .*:1 already"),
        (LINE % ', "nuggets": "x"', ":1: the field 'nuggets' should be a list"),
        (LINE % ', "must_not": [1]', ":1: the field 'must_not' should be a list of strings"),
        (LINE % ', "evidence": ["x"]', ":1: the field 'evidence'"),
        (LINE % ', "evidence": [{"doc": "d"}]', ":1: the field 'quote'"),
        (LINE % ', "answerable": "yes"', ":1: the field 'answerable'"),
        (LINE % ', "relevant": {"d": "1"}', ":1: the field 'relevant'"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        examples(write(tmp_path, text))


def test_a_line_separator_inside_a_string_does_not_end_the_line(tmp_path: Path) -> None:
    (example,) = examples(write(tmp_path, LINE.replace("?", "one\u2028two") % ""))
    assert example.question == "one\u2028two"


def test_a_suite_is_the_same_by_folder_and_by_file(small: Suite) -> None:
    by_file = suite(small.corpus.parent / "questions.jsonl")
    assert (by_file.examples, by_file.sha256) == (small.examples, small.sha256)
    assert by_file.corpus_sha256 == small.corpus_sha256


def test_the_corpus_hash_changes_with_a_name_and_with_a_byte(small: Suite) -> None:
    root = small.corpus.parent
    (small.corpus / "pets.txt").rename(small.corpus / "animals.txt")
    renamed = suite(root).corpus_sha256
    (small.corpus / "animals.txt").write_text("Other.")
    assert len({small.corpus_sha256, renamed, suite(root).corpus_sha256}) == 3


def test_what_is_no_suite_is_named(tmp_path: Path, small: Suite) -> None:
    with pytest.raises(DatasetError, match="is no suite"):
        suite(tmp_path)
    with pytest.raises(DatasetError, match="--corpus"):
        suite(write(tmp_path, LINE % ""))


def beir(folder: Path, queries: str, qrels: str, **more: str) -> Path:
    files: dict[str, Any] = {
        "corpus.jsonl": '{"_id": "d1", "text": "x"}\n',
        "queries.jsonl": queries,
        "qrels.tsv": "query-id\tcorpus-id\tscore\n" + qrels,
        **{name.replace("_", "."): text for name, text in more.items()},
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_beir_query_has_its_grades_and_short_answers(tmp_path: Path) -> None:
    queries = (
        '{"_id": "q1", "text": "one?", "answers": ["308"]}\n'
        '{"_id": "q2", "text": "two?", "answers": ["a long answer that is a whole sentence of many words"]}\n'
        '{"_id": "q3", "text": "not judged"}\n'
        '{"_id": "q4", "text": "four?", "answerable": false}\n'
    )
    one, two, four = beir_examples(beir(tmp_path, queries, "q1\td1\t2\nq2\td1\t1\nq2\td2\t1\nq2\td3\t0\n"))
    assert (one.grades, one.short_answers, one.cluster) == ({"d1": 2}, (("308",),), "d1")
    assert (two.grades, two.short_answers, two.cluster) == ({"d1": 1, "d2": 1}, (), "")
    assert (four.id, four.answerable) == ("q4", False)


def test_spans_beside_beir_queries_are_evidence(tmp_path: Path) -> None:
    spans = '{"_id": "q1", "evidence": [{"doc": "d1", "quote": "x"}]}\n'
    folder = beir(tmp_path, '{"_id": "q1", "text": "one?"}\n', "q1\td1\t1\n", spans_jsonl=spans)
    assert beir_examples(folder)[0].evidence == (Evidence("d1", "x"),)


def test_a_judgement_that_is_no_number_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"qrels\.tsv:2"):
        beir_examples(beir(tmp_path, '{"_id": "q1", "text": "one?"}\n', "q1\td1\tyes\n"))
