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
from eval.bench.rival import example
from eval.bench.search import Measured
from eval.bench.serving_process import Process
from eval.bench.stock import documents, grow, open_catalog
from eval.cli import main
from index.catalog import Catalog
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


def test_bench_search_measures_every_system_at_each_size_in_order(bench: Any) -> None:
    result, written = bench("search", "--size", "300", "--size", "50", "--questions", "5", "-k", "5")
    small, large = written["figures"]["sizes"]
    assert (small["chunks"], large["chunks"]) == (80, 320)
    for size in (small, large):
        for name in ("ours", "chroma", "llama_index"):
            assert size[name]["n"] == 5
            assert size[name]["p50_ms"] > 0
        assert size["p50_ratio"] == pytest.approx(
            size["ours"]["p50_ms"] / size["chroma"]["p50_ms"], abs=0.001
        )
        assert [each["share"] for each in size["filtered"]] == [0.5, 0.1, 0.01]
        assert 0 < size["opening_seconds"] < size["first_search_seconds"]
        assert 50 < size["memory_mib"] < size["memory_with_model_mib"]
    assert written["figures"]["embed_query"]["p50_ms"] > 0
    assert written["figures"]["million"]["memory_mib"] > large["memory_mib"]
    assert "A million chunks" in result.stdout


def test_a_size_that_goals_are_set_for_is_held_against_them() -> None:
    took = {
        "ours": Spread(5.0, 9.0, 100),
        "chroma": Spread(2.0, 3.0, 100),
        "llama_index": Spread(9.0, 9.0, 9),
    }
    process = Process(2.5, 3.0, 800.0, 1000.0)
    filtered = dict.fromkeys((2, 10, 100), took)
    assert Measured(9_999, took, filtered, process).goals == []
    assert [goal.value for goal in Measured(10_000, took, filtered, process).goals] == [2.5, 3.0]
    held = Measured(100_000, took, filtered, process).goals
    assert [(goal.limit, goal.is_met) for goal in held] == [
        *((2.0, False), (4.0, True)),
        *((0.2, False),) * 3,
        *((2.0, False), (900.0, True)),
    ]


def test_a_library_grows_by_documents_that_are_live_and_say_what_they_are_cut_from(tmp_path: Path) -> None:
    database = open_catalog(tmp_path)
    catalog = Catalog(database)
    collection = catalog.ensure_collection("default", embedding_model="any", dimension=384)
    assert grow(catalog, collection, documents(facts(50), seed=3), chunks=41) == 80
    (one, two) = catalog.live_versions(collection)
    for chunk in catalog.version_chunks(collection, one):
        text = catalog.text(chunk.document_id).text
        assert chunk.span.of(text) == chunk.text
        assert all(span.of(text).endswith(".") for span in chunk.sentences)
        assert len(chunk.sentences) == len(chunk.sentence_vectors) == 6
        assert np.linalg.norm(chunk.vector) == pytest.approx(1, abs=1e-5)
    assert set(catalog.live_versions(collection, metadata={"of-2": ["1"]})) == {max(one, two)}
    database.close()


def test_bench_index_measures_every_system_at_each_size_and_the_local_model(bench: Any) -> None:
    result, written = bench("index", "--size", "120", "--size", "40", "--embedded", "2")
    small, large = written["figures"]["growth"]
    assert 80 <= small["chunks"] < large["chunks"] < 260
    for growth in (small, large):
        ours = growth["seconds"].pop("ours")
        assert set(growth["seconds"]) == {"texts", "vectors", "llama_index"}
        for name, seconds in growth["seconds"].items():
            assert growth["ratios"][name] == pytest.approx(ours / seconds, abs=0.02, rel=0.1)
    assert [goal["limit"] for goal in written["goals"]] == [1.0, 1 / 1.3, 1.0, 1 / 1.3, 44.4]
    assert "LlamaIndex on Chroma" in result.stdout
    model = written["figures"]["local_model"]
    assert 110 <= model["words_per_passage"] <= 130
    assert 0 < model["cpu_ms_per_sentence"] < model["cpu_ms_per_passage"]
    assert model["chunks_per_second"] > 0


def test_what_llama_index_keeps_in_chroma_is_found_again(tmp_path: Path) -> None:
    module = example("chroma_vector_store")
    kept = module.collection(tmp_path, "kept")
    index = module.index_over(kept)
    vectors = RandomUnit(8).embed(["one", "other"])
    index.insert_nodes(
        [
            module.node(name, vector.tolist(), identifier=name, metadata={"start": 7})
            for name, vector in zip(("one", "other"), vectors, strict=True)
        ]
    )
    assert kept.count() == 2
    found = index.vector_store.query(module.VectorStoreQuery(vectors[1].tolist(), similarity_top_k=1))
    assert [(each.text, each.metadata["start"]) for each in found.nodes] == [("other", 7)]
