"""Streams at once on one real `qa serve` worker, from a model that trickles its tokens.

Streams begin one after the other at a steady pace, and each goes on until after the last has begun, so that all of
them run at once. A line is held back until it is whole and its claim has passed the gate, so the first that a
client reads is the first claim. What the service adds is the time from the question to that claim, less the
time that the model's own pace makes it wait: the line's tokens divided by the tokens a second. Question, queue,
embedding, search, prompt, model's door, gate and both sockets are in it, and so is the lateness of the model's process.
"""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from eval.bench.corpus import Fact, facts, uploads
from eval.bench.embedders import Composed
from eval.bench.figures import Found, Goal, Spread, ms
from eval.bench.library import fill, fresh, local_embedder
from eval.bench.probe import Probe, probing
from eval.bench.provider import Trickling, playing
from eval.bench.served import Served, serving
from eval.errors import EvalError
from qa_service.clients.client import Client
from qa_service.errors import ServiceError
from qa_service.services import opened
from qa_service.settings import Settings

_FACTS = 500
_CHUNKS = 300
_TOKENS_A_CLAIM = 12
_OVERLAP_SECONDS = 4.0
_ALONE = 8
_WARM_UP = 2
_GOAL_MS = 150.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One stream as its client heard it: what was added to the first claim, its claims, and how it ended."""

    added_ms: float
    retrieval_ms: float
    claims: int
    end: str


def measure(*, streams: int, tokens_per_second: float, starts_per_second: float, seed: int) -> Found:
    """Run `streams` streams at once, and some alone before them."""
    seconds = streams / starts_per_second + _OVERLAP_SECONDS
    claims = math.ceil(seconds * tokens_per_second / _TOKENS_A_CLAIM)
    known = facts(_FACTS, seed=seed)
    asked = [fact.question for fact in known]
    short = Trickling(tokens_per_second, claims=1)
    long = Trickling(tokens_per_second, claims=claims)
    settings = {
        "QA_MODEL": "openai/scripted",
        "OPENAI_API_KEY": "none",
        "QA_THREADS": str(streams + 16),
        "QA_ANSWER_SECONDS": str(math.ceil(4 * seconds) + 60),
    }
    with fresh() as place, playing(short) as alone_url, playing(long) as url:
        _index(place, known, seed)
        with serving(place.data_dir, {**settings, "QA_MODEL_API_BASE": alone_url}) as served:
            alone = [_hear(served, question, tokens_per_second) for question in asked[: _ALONE + _WARM_UP]]
        with serving(place.data_dir, {**settings, "QA_MODEL_API_BASE": url}) as served:
            _hear(served, asked[0], tokens_per_second)  # loads what the first answer loads
            with probing() as probe:
                cpu, begin = served.cpu_seconds, time.perf_counter()
                heard = _hear_at_once(served, asked, streams, tokens_per_second, 1 / starts_per_second)
                wall, spent = time.perf_counter() - begin, served.cpu_seconds
    cores = None if cpu is None or spent is None else (spent - cpu) / wall
    return _found(alone[_WARM_UP:], heard, cores, wall, probe, claims=claims, rate=tokens_per_second)


def _index(settings: Settings, known: Sequence[Fact], seed: int) -> None:
    with local_embedder() as local:
        composed = Composed(local)
        composed.learn([fact.sentence for fact in known])
        with opened(settings, command="qa-eval bench", embedder=composed) as services:
            fill(services, uploads(known, seed=seed), chunks=_CHUNKS)


def _hear_at_once(
    served: Served, questions: Sequence[str], streams: int, rate: float, pause_seconds: float
) -> list[Heard]:
    heard: list[Heard] = []

    def hear(question: str) -> None:
        heard.append(_hear(served, question, rate))

    threads = [
        threading.Thread(target=hear, args=(questions[at % len(questions)],), name=f"stream-{at}")
        for at in range(streams)
    ]
    begin = time.perf_counter()
    for at, thread in enumerate(threads):
        time.sleep(max(0.0, begin + at * pause_seconds - time.perf_counter()))
        thread.start()
    for thread in threads:
        thread.join()
    return heard


def _hear(served: Served, question: str, rate: float) -> Heard:
    added, retrieval, claims, end = math.inf, math.inf, 0, "cut"
    with Client(served.url) as client:
        begin = time.perf_counter()
        try:
            for name, data in client.answer({"question": question, "k": 20}):
                now = time.perf_counter() - begin
                if name == "retrieval":
                    retrieval = now * 1000
                elif name == "claim":
                    claims += 1
                    tokens = len(data["text"].split()) + 1  # the ids in front are one
                    added = (now - tokens / rate) * 1000 if claims == 1 else added
                else:
                    end = data["status"] if name == "done" else name
        except ServiceError as error:
            end = f"{error}"
    return Heard(added, retrieval, claims, end)


def _found(
    alone: Sequence[Heard],
    heard: Sequence[Heard],
    cores: float | None,
    wall: float,
    probe: Probe,
    *,
    claims: int,
    rate: float,
) -> Found:
    whole = [each for each in heard if each.end == "answered" and each.claims == claims]
    if not whole or not all(each.end == "answered" for each in alone):
        ends = sorted({f"{each.end}, {each.claims} claims" for each in (*alone, *heard)})
        raise EvalError(f"no stream came to its end with {claims} claims: {'; '.join(ends)}")
    cut = len(heard) - len(whole)
    one, many = (Spread.of([each.added_ms for each in some]) for some in (alone, whole))
    search_one, search_many = (Spread.of([each.retrieval_ms for each in some]) for some in (alone, whole))
    figures = {
        "streams": len(heard),
        "cut": cut,
        "tokens_per_second": rate,
        "claims_each": claims,
        "added_alone": one.json,
        "added": many.json,
        "retrieval_alone": search_one.json,
        "retrieval": search_many.json,
        "service_cores": None if cores is None else round(cores, 2),
        "seconds": round(wall, 1),
        "probe": probe.took.json if probe.took else None,
    }
    return Found(
        name="streams",
        title=f"{len(heard)} streams at once, {rate:g} tokens a second each, {claims} claims each, {wall:.0f} s in all",
        header=["ms", "p50", "p95"],
        rows=[
            ["added to the first claim, alone", ms(one.p50), ms(one.p95)],
            [f"added to the first claim, of {len(heard)}", ms(many.p50), ms(many.p95)],
            ["question to passages, alone", ms(search_one.p50), ms(search_one.p95)],
            [f"question to passages, of {len(heard)}", ms(search_many.p50), ms(search_many.p95)],
        ],
        figures=figures,
        goals=(
            Goal("streams cut", cut, 0),
            Goal("p95 added to the first claim", many.p95, _GOAL_MS, " ms"),
        ),
        notes=(
            *([f"the service took {cores:.2f} cores on average"] if cores is not None else []),
            str(probe),
            *sorted({f"cut: {each.end}, {each.claims} claims" for each in heard if each not in whole}),
        ),
    )
