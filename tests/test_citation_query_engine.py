"""The adapter in `examples/citation_query_engine.py`, as a process, measured beside this product."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from eval.bench.provider import Quoting, playing
from eval.cli import main
from eval.datasets import examples
from eval.run import Run, read
from qa_service.scripted import Reply, ScriptedProvider

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "citation_query_engine.py"
DOCUMENTS = ("handbook/05-seawater-system.md", "guests/faq.html", "policies/diving-policy-v4.0.pdf")


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six of the shipped questions over three of the shipped documents."""
    folder = tmp_path_factory.mktemp("suite")
    for name in DOCUMENTS:
        (folder / "documents" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "documents" / name).write_bytes((ROOT / "examples/documents" / name).read_bytes())
    rows = map(json.loads, (ROOT / "examples/questions.jsonl").read_text(encoding="utf-8").splitlines())
    asked = (
        row
        for row in rows
        if row["lang"] == "en"
        and row["evidence"]
        and {each["doc"] for each in row["evidence"]} <= {*DOCUMENTS}
    )
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in islice(asked, 6)]
    (folder / "questions.jsonl").write_text("".join(lines), encoding="utf-8")
    assert len(lines) == 6
    return folder


@pytest.fixture(scope="module")
def quoting() -> Iterator[str]:
    """The address of a model that quotes, in either system's way."""
    with playing(Quoting()) as url:
        yield url


@pytest.fixture(scope="module")
def theirs(suite: Path, quoting: str, model_cache: Path) -> Iterator[str]:
    """The address of the adapter over the suite's documents."""
    yield from served(suite / "documents", quoting, model_cache)


def served(folder: Path, model_url: str, model_cache: Path) -> Iterator[str]:
    options = ["--model", "scripted", "--api-base", model_url, "--port", "0", "--cache-dir", str(model_cache)]
    command = [sys.executable, str(EXAMPLE), str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert "serving http://127.0.0.1:" in line
            yield line.split()[-1]
        finally:
            process.kill()


def qa_eval(*arguments: object, **settings: str) -> str:
    result = CliRunner().invoke(main, [str(each) for each in arguments], env=settings)
    assert result.exit_code == 0, result.output
    return result.stdout


def figure(scores: str, metric: str) -> str:
    """A metric's value in what `qa-eval score` printed."""
    return next(line.split()[1] for line in scores.splitlines() if line.startswith(f"  {metric} "))


@pytest.fixture
def run_of_theirs(suite: Path, theirs: str, tmp_path: Path) -> Run:
    qa_eval("run", suite, "--target", theirs, "--out", tmp_path / "theirs")
    return read(tmp_path / "theirs")


def test_every_question_is_answered_with_sources_that_stand_in_the_documents(run_of_theirs: Run) -> None:
    records = [*run_of_theirs.records.values()]
    assert len(records) == 6
    for record in records:
        assert record.answer.claims
        for claim in record.answer.claims:
            (citation,) = record.cited(claim)
            assert citation
            assert citation.span
            assert citation.quote == record.texts[citation.source][citation.span.start : citation.span.end]
            assert record.is_valid(citation)


def test_no_status_is_made_up(run_of_theirs: Run) -> None:
    assert {record.answer.status for record in run_of_theirs.records.values()} == {None}


def test_documents_are_named_as_the_questions_name_them(run_of_theirs: Run) -> None:
    examples_asked = {example.id: example for example in examples(run_of_theirs.folder / "examples.jsonl")}
    hits = [
        {each.document for each in examples_asked[name].evidence} & {p.source for p in record.answer.passages}
        for name, record in run_of_theirs.records.items()
    ]
    assert sum(map(bool, hits)) >= 4


def test_both_systems_stand_in_one_report(
    suite: Path, run_of_theirs: Run, quoting: str, data_dir: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "ours"
    model = {"QA_MODEL": "openai/scripted", "QA_MODEL_API_BASE": quoting, "OPENAI_API_KEY": "none"}
    qa_eval("run", suite, "--out", ours, "--data-dir", data_dir, **model)
    for folder in (ours, run_of_theirs.folder):
        assert figure(qa_eval("score", folder), "validity") == "1.000"
    compared = qa_eval("diff", run_of_theirs.folder, ours)
    assert "evidence_recall" in compared
    page = qa_eval("report", ours, run_of_theirs.folder, "--out", tmp_path / "both.html").strip()
    html = Path(page).read_text(encoding="utf-8")
    assert "openai/scripted" in html
    assert run_of_theirs.about["target"]["url"] in html


def test_a_mark_without_a_source_counts_as_a_citation_that_is_not_valid(
    suite: Path, model_cache: Path, tmp_path: Path
) -> None:
    with ScriptedProvider(lambda _: Reply("The intake lies at a depth of 12 metres [9].")) as provider:
        for url in served(suite / "documents", provider.url, model_cache):
            qa_eval("run", suite, "--target", url, "--limit", 1, "--out", tmp_path / "run")
    assert figure(qa_eval("score", tmp_path / "run"), "leak_rate") == "1.000"
    (record,) = read(tmp_path / "run").records.values()
    assert record.answer.claims[0].citations == (9,)
    assert record.cited(record.answer.claims[0]) == (None,)


def test_a_model_that_fails_is_an_error_of_the_example_and_not_an_answer(
    suite: Path, model_cache: Path, tmp_path: Path
) -> None:
    with ScriptedProvider(lambda _: Reply(fault="server_error")) as provider:
        for url in served(suite / "documents", provider.url, model_cache):
            command = ["run", str(suite), "--target", url, "--limit", "1", "--out", str(tmp_path / "run")]
            assert CliRunner().invoke(main, command).exit_code == 1
    (why,) = read(tmp_path / "run").failures.values()
    assert "scripted did not answer" in why


def test_it_refuses_what_is_no_question(theirs: str) -> None:
    reply = httpx.post(f"{theirs}/v1/answers", content=b"[]")
    assert reply.status_code == 400
    assert "question" in reply.json()["detail"]
