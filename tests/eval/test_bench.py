"""Benchmarks, small: what is generated, what the scripted model replies, and each command from end to end."""

import json
import time
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner, Result

from eval.bench.corpus import facts, uploads
from eval.bench.embedders import Composed, RandomUnit, Timed
from eval.bench.figures import Goal, Spread
from eval.bench.provider import Quoting, Trickling, playing
from eval.cli import main
from index.embed import Embedder
from qa_service.scripted import Reply, ScriptedProvider

OURS = """<passages>
Passage 1, from: Leave

[hztq1.1] # Leave
[hztq1.2] Employees have 25 days of leave.
[hztq1.3] Parental leave lasts 12 weeks.
</passages>

Question: How long does parental leave last?
"""
THEIRS = """Source 1:
The sky is red.
Query: When is water wet?
Now it's your turn. Below are several numbered sources of information:
------
Source 1:
Employees have 25 days of leave.

Source 2:
Dogs may come on Fridays. Parental leave
lasts 12 weeks.

------
Query: How long does parental leave last?
Answer: """


@pytest.fixture
def bench(model_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `qa-eval bench` with the converted model at hand; gives what it wrote with --out."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(model_cache)
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str) -> tuple[Result, dict[str, Any]]:
        out = tmp_path / "figures.json"
        result = CliRunner().invoke(main, ["bench", *arguments, "--out", str(out)])
        assert result.exit_code == 0, result.output
        return result, json.loads(out.read_text())

    return run


def chat(url: str, prompt: str, **options: Any) -> httpx.Response:
    body = {"model": "scripted", "messages": [{"role": "user", "content": prompt}], **options}
    return httpx.post(f"{url}/chat/completions", json=body, timeout=30, trust_env=False)


def test_equal_seeds_give_equal_corpora_and_others_give_others() -> None:
    assert facts(50, seed=1) == facts(50, seed=1) != facts(50, seed=2)
    texts = [each.data for each in islice(uploads(facts(50, seed=1), seed=1), 3)]
    assert texts == [each.data for each in islice(uploads(facts(50, seed=1), seed=1), 3)]
    assert len(set(texts)) == 3


def test_no_question_is_asked_twice() -> None:
    assert len({fact.question for fact in facts(2000)}) == 2000


def test_a_passage_has_the_mean_of_its_known_sentences(embedder: Embedder) -> None:
    composed = Composed(embedder)
    known = [fact.sentence for fact in facts(4)]
    composed.learn(known)
    passage = "Record 1\n" + known[0] + " " + known[1] + "\n\n" + known[2]
    (vector,) = composed.embed([passage])
    mean = embedder.embed(known[:3]).mean(axis=0)
    assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_a_composed_passage_lies_nearer_to_its_own_text_than_to_another(embedder: Embedder) -> None:
    composed = Composed(embedder)
    known = [fact.sentence for fact in facts(6)]
    composed.learn(known)
    own, other = " ".join(known[:3]), " ".join(known[3:])
    (vector,) = composed.embed([own])
    to_own, to_other = embedder.embed([own, other]) @ vector
    assert to_own > to_other


def test_a_passage_without_a_known_sentence_is_embedded_itself(embedder: Embedder) -> None:
    assert np.allclose(Composed(embedder).embed(["Something else."]), embedder.embed(["Something else."]))


def test_random_vectors_depend_on_the_text_alone_and_have_unit_length() -> None:
    one, other, again = RandomUnit().embed(["one", "other", "one"])
    assert np.array_equal(one, again)
    assert abs(float(one @ other)) < 0.3
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)


def test_the_time_spent_embedding_is_counted(embedder: Embedder) -> None:
    timed = Timed(embedder)
    begin = time.perf_counter()
    timed.embed_query("How long?")
    assert 0 < timed.query_seconds <= time.perf_counter() - begin
    assert timed.passage_seconds == 0


def test_the_scripted_model_cites_the_sentence_that_answers_in_our_protocol() -> None:
    with playing(Quoting()) as url:
        content = chat(url, OURS).json()["choices"][0]["message"]["content"]
    assert content == "[[hztq1.3]] Parental leave lasts 12 weeks.\n"


def test_the_scripted_model_cites_the_source_that_answers_in_theirs() -> None:
    with playing(Quoting()) as url:
        content = chat(url, THEIRS).json()["choices"][0]["message"]["content"]
    assert content == "Parental leave lasts 12 weeks [2]."


def test_a_trickling_model_writes_claims_of_different_sentences_word_by_word() -> None:
    with playing(Trickling(1000, claims=2)) as url:
        reply = chat(url, OURS, stream=True)
    deltas = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
    pieces = [each["choices"][0]["delta"].get("content", "") for each in deltas if each["choices"]]
    assert "".join(pieces) == (
        "[[hztq1.2]] Employees have 25 days of leave.\n[[hztq1.3]] Parental leave lasts 12 weeks.\n"
    )
    assert len([piece for piece in pieces if piece]) == 13


def test_pieces_leave_at_their_pace_from_the_request_on() -> None:
    arrived = []
    with ScriptedProvider([Reply("one two three four", pieces_per_second=20)]) as provider:
        body = {"model": "scripted", "messages": [], "stream": True}
        with httpx.stream("POST", f"{provider.url}/chat/completions", json=body, trust_env=False) as reply:
            arrived += [time.monotonic() for line in reply.iter_lines() if "content" in line][1:]
        begin = provider.requests[0].at
    assert len(arrived) == 4
    for number, at in enumerate(arrived, start=1):
        assert at - begin >= number / 20


def test_a_spread_is_the_median_and_the_95th_percentile() -> None:
    assert Spread.of([float(each) for each in range(1, 102)]) == Spread(51.0, 96.0, 101)


def test_a_goal_is_missed_above_its_limit_alone() -> None:
    assert Goal("ratio", 0.35, 0.35).is_met
    assert not Goal("ratio", 0.351, 0.35).is_met
    assert str(Goal("p95", 151.0, 150, " ms")) == "p95: 151.00 ms, goal <= 150 ms: MISSED"


def test_bench_answer_measures_both_systems_over_the_same_chunks(bench: Any) -> None:
    result, written = bench("answer", "--chunks", "40", "--questions", "3", "-k", "5")
    figures = written["figures"]
    assert 40 <= figures["chunks"] < 80
    assert figures["questions"] == 3
    ours, theirs = figures["stages"]["ours"], figures["stages"]["theirs"]
    for of in (ours, theirs):
        assert of["total"]["n"] == 3
        assert all(0 < of[stage]["p50_ms"] <= of["total"]["p50_ms"] for stage in ("embed", "search", "write"))
    assert figures["ratio_p50"] == pytest.approx(
        ours["total"]["p50_ms"] / theirs["total"]["p50_ms"], abs=0.001
    )
    assert {goal["limit"] for goal in written["goals"]} == {0.35, 2.0}
    assert written["machine"]["cores"] >= 1
    assert written["machine"]["versions"]["llama-index-core"]
    assert "CitationQueryEngine, 5 sources" in result.stdout


@pytest.mark.soak
def test_bench_streams_hears_every_claim_of_a_real_service(bench: Any) -> None:
    result, written = bench(
        "streams", "--streams", "3", "--tokens-per-second", "60", "--starts-per-second", "6"
    )
    figures = written["figures"]
    assert figures["streams"] == 3
    assert figures["cut"] == 0
    assert figures["claims_each"] >= 20
    assert figures["retrieval"]["p50_ms"] > 0
    assert figures["added"]["n"] == 3
    assert "streams cut: 0.00, goal <= 0: met" in result.stdout


def test_bench_search_measures_each_size_in_order(bench: Any) -> None:
    _, written = bench("search", "--size", "300", "--size", "50", "--questions", "5", "-k", "5")
    small, large = written["figures"]["sizes"]
    assert 40 <= small["chunks"] < 100
    assert 270 <= large["chunks"] < 400
    assert small["n"] == large["n"] == 5
    assert written["figures"]["embed_query"]["p50_ms"] > 0


def test_bench_index_tells_what_embedding_took(bench: Any) -> None:
    _, written = bench("index", "--chunks", "60", "--embedded", "5")
    figures = written["figures"]
    assert 0 < figures["local_model"]["embedding_share"] < 1
    assert figures["random_vectors"]["chunks"] >= 50
    assert figures["random_vectors"]["chunks_per_second"] > figures["local_model"]["chunks_per_second"]
