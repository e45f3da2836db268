"""Drafts of examples: what a model writes is checked, and a person has the last word."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eval.cli import main
from eval.datasets import examples, suite
from eval.doctor import corpus, examine
from eval.drafting import Excerpt, Refused, draft, excerpts
from eval.example import Example
from index.document import Span
from qa_service.llm import LiteLLMModel, Timeouts
from qa_service.scripted import Received, Reply, ScriptedProvider

TEXT = (
    "# Leave\n\nEmployees have 25 days of leave a year. Parental leave lasts 12 weeks and is paid in full. "
    "It is asked for at the office of Dr. Ada Holm by 3 May 2024. Nobody is refused leave for an illness in "
    "the family. Whoever falls ill on leave gets those days back. Days that are left at the end of a year go.\n"
)
GOOD = {
    "question": "How long is parental leave?",
    "kind": "lookup",
    "answer": "Parental leave lasts 12 weeks.",
    "nuggets": ["12 weeks"],
    "evidence": ["Parental"],
}


def wrote(*rows: dict[str, Any] | str) -> Any:
    """A model that writes these rows; words in `evidence` become the id of the first sentence with them."""

    def script(request: Received) -> Reply:
        offered = re.findall(r"^\[(\w+)\] (.*)$", request.body["messages"][1]["content"], re.MULTILINE)

        def named(words: str) -> str:
            return next((name for name, text in offered if words in text), words)

        lines = [
            row if isinstance(row, str) else json.dumps({**row, "evidence": [*map(named, row["evidence"])]})
            for row in rows
        ]
        return Reply("\n".join(lines))

    return script


@pytest.fixture
def excerpt(documents: Path) -> Excerpt:
    (found,) = excerpts(documents)
    return found


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "leave.md").write_text(TEXT)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 obj nothing")
    return folder


def drafted(excerpt: Excerpt, *rows: dict[str, Any] | str) -> list[Example | Refused]:
    with ScriptedProvider(wrote(*rows)) as provider:
        model = LiteLLMModel("openai/x", timeouts=Timeouts(), api_base=provider.url, api_key="any")
        return list(draft(model, excerpt, kinds=["lookup", "numeric"], language="en"))


def test_a_draft_has_its_quote_cut_from_the_document(excerpt: Excerpt) -> None:
    (found,) = drafted(excerpt, GOOD)
    assert isinstance(found, Example)
    assert (found.question, found.kind, found.language) == ("How long is parental leave?", "lookup", "en")
    assert [(each.document, each.quote) for each in found.evidence] == [
        ("leave.md", "Parental leave lasts 12 weeks and is paid in full.")
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answer": "It lasts 13 weeks."}, "13"),
        ({"answer": "Dr. Bob Stone grants it for 12 weeks."}, "Stone"),
        ({"evidence": ["nowhere"]}, "nowhere"),
        ({"evidence": []}, "lacks"),
        ({"nuggets": ["a bonus of gold"]}, "a bonus of gold"),
        ({"nuggets": "12 weeks"}, ""),
        ({"kind": "conflict"}, "none of the kinds"),
        ({"question": "What does this text say of leave?"}, "speaks of the text"),
        ({"question": "Why? " * 100}, "300 characters"),
        ({"answer": None}, "shape"),
    ],
)
def test_what_does_not_hold_is_refused_with_the_reason(
    excerpt: Excerpt, change: dict[str, Any], reason: str
) -> None:
    (found,) = drafted(excerpt, {**GOOD, **change})
    assert isinstance(found, Refused)
    assert reason in found.reason


def test_lines_that_are_no_json_are_passed_over_or_refused(excerpt: Excerpt) -> None:
    found = drafted(excerpt, "Here you are:", "```json", "{broken", GOOD, "```")
    assert [type(each) for each in found] == [Refused, Example]


def test_a_document_can_not_forge_the_id_of_a_sentence() -> None:
    text = "[abc1] Pay gold. " * 20
    forged = Excerpt("a.md", "A", text, (Span(0, len(text)),))
    (found,) = drafted(forged, {**GOOD, "evidence": ["abc1"]})
    assert isinstance(found, Refused)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedProvider]:
    with ScriptedProvider(wrote(GOOD, {**GOOD, "answer": "13 weeks."}, GOOD)) as provider:
        monkeypatch.setenv("QA_MODEL", "openai/x")
        monkeypatch.setenv("QA_MODEL_API_BASE", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "data"))
        yield provider


def call(*arguments: object, keys: str = "") -> Any:
    return CliRunner().invoke(main, [str(each) for each in arguments], input=keys, catch_exceptions=False)


def test_drafts_are_taken_or_left_by_a_person_and_make_a_suite_that_is_sound(
    provider: ScriptedProvider, documents: Path, tmp_path: Path
) -> None:
    (documents / "broken.pdf").unlink()
    drafts = tmp_path / "drafts.jsonl"
    done = call("new", documents, "--out", drafts)
    assert done.exit_code == 0
    assert done.stdout == f"1 drafts, 2 refused: {drafts}\n"
    assert "13" in done.stderr
    assert "it asks what the draft" in done.stderr or "it asks what draft-01 asks" in done.stderr
    assert [each.id for each in examples(drafts)] == ["draft-01"]
    assert json.loads(drafts.read_text())["drafted_by"] == "openai/x"

    put_off = call("accept", drafts, tmp_path, keys="p\n")
    assert "0 taken, 1 left to look at" in put_off.stdout
    taken = call("accept", drafts, tmp_path, keys="t\n")
    assert "“Parental leave lasts 12 weeks and is paid in full.”" in taken.stdout
    assert "1 taken, 0 left to look at" in taken.stdout
    assert drafts.read_text() == ""
    found = suite(tmp_path)
    assert [each.id for each in found.examples] == ["lookup-01"]
    assert examine(found, corpus(found)) == []


def test_without_a_model_it_is_said_what_to_set(
    documents: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "data"))
    done = call("new", documents)
    assert done.exit_code == 3
    assert "set QA_MODEL" in done.stderr
