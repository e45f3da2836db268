"""The judge on the command line: which one, what it costs, how far it is trusted, and rates corrected by that."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eval.cli import main
from eval.errors import CalibrationError
from eval.judges.calibration_file import COMMITTED, known, read
from eval.judges.judge import Label
from eval.judges.lexical import LexicalProxy
from eval.metrics.registry import METRICS
from eval.reporting import report_data
from eval.run import Run, execute
from eval.run import read as read_run
from eval.scores import read as read_scores
from qa_service.llm import LiteLLMModel, Timeouts
from qa_service.scripted import Received, Reply, ScriptedProvider

RunOf = Callable[..., Run]
MODEL = "openai/gpt-4o-mini"  # one with a price
PROXY = LexicalProxy().method


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("QA_JUDGE_MODEL", raising=False)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    LiteLLMModel(MODEL, timeouts=Timeouts()).warm()


@pytest.fixture
def agreeing() -> Iterator[ScriptedProvider]:
    """A model that supports what says nothing of `not`."""

    def script(request: Received) -> Reply:
        asked = request.body["messages"][1]["content"]
        found = re.search(r"^<text (\w+)>$", asked, re.MULTILINE)
        assert found
        claim = asked.split("<claim")[1].split("</claim")[0]
        return Reply(f"{found[1]} {'not' if 'never' in claim else 'supported'}", usage=(1_000, 10))

    with ScriptedProvider(script) as provider:
        yield provider


@pytest.fixture
def run(world: Any, run_of: RunOf) -> Path:
    return run_of(world.Quoting()).folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)


def by_model(provider: ScriptedProvider) -> tuple[str, ...]:
    return ("--judge", "model", "--judge-model", MODEL, "--judge-api-base", provider.url)


def labelled(path: Path, *, right: int = 40, wrong: int = 10) -> Path:
    """Pairs where the lexical proxy is right about so many of each label, and wrong about the others."""
    cases: list[tuple[str, Label, int]] = [
        ("The lamp was lit.", "supported", right),
        ("Birds nest there.", "supported", wrong),
        ("Birds nest there.", "not", right),
        ("The lamp was lit.", "partial", wrong),
    ]
    rows = (
        {"premise": premise, "claim": "The lamp was lit.", "label": label}
        for premise, label, count in cases
        for _ in range(count)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


# A model that judges


def test_a_model_judges_a_run_and_its_cost_stands_apart(agreeing: ScriptedProvider, run: Path) -> None:
    done = call("score", run, *by_model(agreeing))
    assert done.exit_code == 0
    asked = len(agreeing.requests)
    assert asked > 0
    assert "  citation_recall@quote*        1.000" in done.stdout
    assert f"judge's own cost, which is in no figure: {asked} judgements, {asked * 1000:,} + " in done.stdout
    assert re.search(r"  cost_usd +0\.00000 ", done.stdout)
    assert set(read_scores(run).judges.values()) == {
        json.loads((run / "judgements.jsonl").read_text().splitlines()[0])["method"]
    }


def test_scoring_again_asks_nothing_and_gives_the_same_figures(agreeing: ScriptedProvider, run: Path) -> None:
    assert call("score", run, *by_model(agreeing)).exit_code == 0
    scores, asked = (run / "scores.jsonl").read_bytes(), len(agreeing.requests)
    again = call("score", run, *by_model(agreeing), "--judge-replay")
    assert again.exit_code == 0
    assert "asked for now: nothing, all of it was kept" in again.stdout
    assert len(agreeing.requests) == asked
    assert (run / "scores.jsonl").read_bytes() == scores


def test_replaying_a_run_that_was_never_judged_ends_with_3(agreeing: ScriptedProvider, run: Path) -> None:
    done = call("score", run, *by_model(agreeing), "--judge-replay")
    assert done.exit_code == 3
    assert "no judgement by model:openai/gpt-4o-mini" in done.stderr
    assert not agreeing.requests


def test_the_model_of_the_environment_judges(
    agreeing: ScriptedProvider, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_JUDGE_MODEL", "openai/gpt-4o")
    done = call("score", run, "--judge", "model", "--judge-api-base", agreeing.url)
    assert done.exit_code == 0
    assert "* judged by model:openai/gpt-4o#" in done.stdout


def test_a_gate_and_a_baseline_take_what_the_model_said_before(
    agreeing: ScriptedProvider, run: Path, tmp_path: Path
) -> None:
    assert call("score", run, *by_model(agreeing)).exit_code == 0
    asked = len(agreeing.requests)
    assert call("baseline", run, tmp_path / "base", *by_model(agreeing)).exit_code == 0
    done = call("gate", run, "--baseline", tmp_path / "base", *by_model(agreeing))
    assert done.exit_code == 0
    assert "the judge's own cost" in done.stdout
    assert len(agreeing.requests) == asked


def test_a_model_that_refuses_ends_with_3_and_keeps_what_was_judged(run: Path) -> None:
    def script(request: Received) -> Reply:
        if len(provider.requests) > 2:
            return Reply(fault="unauthorized")
        found = re.search(r"^<text (\w+)>$", request.body["messages"][1]["content"], re.MULTILINE)
        assert found
        return Reply(f"{found[1]} supported")

    with ScriptedProvider(script) as provider:
        done = call("score", run, *by_model(provider), "--judge-jobs", 1)
    assert done.exit_code == 3
    assert "did not accept the key" in done.stderr
    assert len((run / "judgements.jsonl").read_text().splitlines()) == 2
    assert not (run / "scores.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--judge", "model"), "QA_JUDGE_MODEL"),
        (("--judge-model", MODEL), "go with --judge model"),
        (("--judge-replay",), "go with --judge model"),
    ],
)
def test_options_of_the_judge_that_do_not_fit_end_with_2(
    options: tuple[str, ...], said: str, run: Path
) -> None:
    done = call("score", run, *options)
    assert done.exit_code == 2
    assert said in done.stderr


# How far a judge is trusted


def test_a_judge_is_measured_on_labelled_pairs(tmp_path: Path) -> None:
    done = call("calibrate", labelled(tmp_path / "labels.jsonl"), "--out", tmp_path / "c.json")
    assert done.exit_code == 0
    rows = {line[:17].strip(): line[17:].split() for line in done.stdout.splitlines()}
    assert rows["sensitivity"] == ["0.800", "0.670", "to", "0.888", "50"]
    assert rows["specificity"] == ["0.800", "0.670", "to", "0.888", "50"]
    assert rows["balanced accuracy"][0] == "0.800"
    assert rows["kappa"][0] == "0.600"
    kept = read(tmp_path / "c.json")
    assert (kept.calibration.method, kept.source.name) == (PROXY, "labels.jsonl")
    assert kept.calibration.sensitivity.value == 0.8
    assert "lamp" not in (tmp_path / "c.json").read_text()


def test_a_model_is_measured_and_its_judgements_are_kept(agreeing: ScriptedProvider, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    rows = [("The lamp was lit.", "supported"), ("The lamp was never lit.", "not")]
    path.write_text(
        "".join(
            json.dumps({"premise": "It was lit.", "claim": c, "label": label}) + "\n" for c, label in rows
        )
    )
    arguments = ("calibrate", path, "--judgements", tmp_path / "j.jsonl", *by_model(agreeing))
    done = call(*arguments)
    assert done.exit_code == 0
    assert "2 judgements, 2,000 + 20 tokens, $0.0003" in done.stdout
    assert call(*arguments, "--judge-replay").exit_code == 0
    assert len(agreeing.requests) == 2


def test_claims_of_wice_are_read_if_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "dev.jsonl"
    row = {"claim": "A lamp.", "label": "supported", "supporting_sentences": [[0]], "evidence": ["A lamp."]}
    path.write_text(json.dumps(row) + "\n")
    assert call("calibrate", path, "--wice").exit_code == 0
    plain = call("calibrate", path)
    assert plain.exit_code == 3
    assert "dev.jsonl:1: the field 'premise' is missing" in plain.stderr


# Corrected rates


def test_the_corrected_rate_stands_beside_the_raw_one(run: Path, tmp_path: Path) -> None:
    call("calibrate", labelled(tmp_path / "labels.jsonl"), "--out", tmp_path / "c.json")
    done = call("score", run, "--calibration", tmp_path / "c.json")
    (header,) = (line for line in done.stdout.splitlines() if "95 % interval" in line)
    assert "corrected" in header
    (line,) = (line for line in done.stdout.splitlines() if "citation_recall@quote" in line)
    # by hand: (1 + .8 - 1) / (.8 + .8 - 1) = 1.33, so 1, and its low end is still below 1
    value, low, _, high, fixed, fixed_low, _, fixed_high, count = line.split()[1:]
    assert (value, high, fixed, fixed_high, count) == ("1.000", "1.000", "1.000", "1.000", "3")
    assert 0 < float(fixed_low) < 1
    assert float(low) < 1
    (other,) = (line for line in done.stdout.splitlines() if "  mrr" in line)
    assert len(other.split()) == 6
    assert "sensitivity 0.800 (0.670 to 0.888) over 50 pairs" in " ".join(done.stdout.split())


def test_the_report_shows_the_correction_that_the_run_was_scored_with(run: Path, tmp_path: Path) -> None:
    call("calibrate", labelled(tmp_path / "labels.jsonl"), "--out", tmp_path / "c.json")
    call("score", run, "--calibration", tmp_path / "c.json")
    assert call("report", run).exit_code == 0
    page = (run / "report.html").read_text()
    assert "corrected for the judge's errors: 1 " in page
    assert "over 50 pairs" in page


def test_the_report_says_what_judging_cost(agreeing: ScriptedProvider, run: Path) -> None:
    call("score", run, *by_model(agreeing))
    call("report", run)
    page = (run / "report.html").read_text()
    assert f"{len(agreeing.requests)} judgements, " in page
    assert "whose errors were not measured" in page


def test_each_metric_of_a_report_names_the_judge_that_measured_it(
    agreeing: ScriptedProvider, run: Path
) -> None:
    call("score", run)
    call("score", run, "--metric", "faithfulness", *by_model(agreeing))
    shown = {row.metric.name: row.judge for row in report_data(read_run(run), read_scores(run)).metrics}
    assert shown["faithfulness"].startswith("model:")
    assert shown["citation_recall@quote"] == PROXY
    assert shown["validity"] == ""


def test_a_calibration_of_another_judge_is_refused_before_anything_is_asked(
    agreeing: ScriptedProvider, run: Path, tmp_path: Path
) -> None:
    call("calibrate", labelled(tmp_path / "labels.jsonl"), "--out", tmp_path / "c.json")
    done = call("score", run, "--calibration", tmp_path / "c.json", *by_model(agreeing))
    assert done.exit_code == 3
    assert f"is a calibration of {PROXY}, and the judge is model:{MODEL}" in done.stderr
    assert not agreeing.requests


def test_a_file_that_is_no_calibration_is_named_with_the_field(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"format": 1, "method": "m"}')
    done = call("score", run, "--calibration", path)
    assert done.exit_code == 3
    assert f"{path} is no calibration (source: Field required" in done.stderr


def test_a_calibration_in_a_run_goes_before_the_committed_one(run: Path, tmp_path: Path) -> None:
    assert known(run)[PROXY].source.name.startswith("WiCE dev")
    call("calibrate", labelled(tmp_path / "labels.jsonl"), "--out", tmp_path / "c.json", "--source", "ours")
    call("score", run, "--calibration", tmp_path / "c.json")
    assert known(run)[PROXY].source.name == "ours"


def test_the_default_judge_has_a_committed_calibration_without_texts(tmp_path: Path) -> None:
    files = sorted(COMMITTED.glob("*.json"))
    assert PROXY in {read(path).calibration.method for path in files}
    for path in files:
        assert path.stat().st_size < 2_000


def test_a_run_whose_claims_are_not_like_the_labels_has_no_corrected_rate(
    world: Any, run_of: RunOf, tmp_path: Path
) -> None:
    questions = [{**world.QUESTIONS[0], "id": f"leave-{n}", "question": f"Leave {n}?"} for n in range(60)]
    suite = world.write_suite(tmp_path / "sixty", questions)
    folder = tmp_path / "sixty-run"
    execute(folder, suite.examples, {"suite": {}, "corpus": {}}, world.Quoting())
    call("calibrate", labelled(tmp_path / "l.jsonl", right=400, wrong=100), "--out", tmp_path / "c.json")
    done = call("score", folder, "--calibration", tmp_path / "c.json")
    assert "no corrected rate follows" in " ".join(done.stdout.split())
    call("report", folder)
    assert "none follows" in (folder / "report.html").read_text()


def test_what_can_t_be_read_as_a_calibration_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="could not be read"):
        read(tmp_path / "none.json")


def test_only_rates_of_yes_and_no_are_corrected(run: Path) -> None:
    call("score", run)
    rows = report_data(read_run(run), read_scores(run), chosen=METRICS).metrics
    assert {row.metric.name for row in rows if row.corrected} == {
        "citation_recall@quote",
        "citation_precision@quote",
        "citation_recall@chunk",
        "citation_precision@chunk",
        "faithfulness",
    }
