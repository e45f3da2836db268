"""The time to the first verified claim, with a model that answers at once; LlamaIndex's engine beside it.

Both systems are called in this process, one after the other for each question, and share the model's endpoint,
the embedding model, the chunks and their vectors. For ours the clock stops at the first claim that the gate lets
through, for theirs at the answer whose `[n]` marks have been resolved to their sources: it sends nothing before.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eval.bench.corpus import facts, uploads
from eval.bench.embedders import Composed, Timed
from eval.bench.figures import Found, Goal, Spread, ms
from eval.bench.library import COLLECTION, fill, library, local_embedder
from eval.bench.probe import Probe, probing
from eval.bench.provider import Quoting, playing
from eval.bench.rival import engines
from eval.errors import EvalError
from qa_service.answering.answer import Answerer, ClaimMade, Finished, Question
from qa_service.llm import LiteLLMModel, Timeouts

FACTS = 3000
DEFAULT_SOURCES = 2
"""What CitationQueryEngine retrieves where it is not told."""

_WARM_UP = 5
_RATIO, _TAIL = 0.35, 2.0
_NOTE = (
    "The corpus is generated; a chunk has the mean of its sentences' vectors, and questions are embedded by the "
    "local model. Theirs searches LlamaIndex's SimpleVectorStore, its default."
)
_STAGES = ("total", "embed", "search", "write")


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one answer: to its first claim, and of that embedding, searching, and writing."""

    total: float
    embed: float
    search: float

    @property
    def write(self) -> float:
        """From the passages to the first claim: prompt, model, reading, and for ours the gate."""
        return self.total - self.embed - self.search


def measure(*, chunks: int, questions: int, k: int, seed: int) -> Found:
    """Ask questions of about `chunks` chunks; `k` passages are retrieved for an answer."""
    known = facts(FACTS, seed=seed)
    choose = random.Random(seed)  # noqa: S311 - no secret hangs on it
    asked = [fact.question for fact in choose.sample(known, questions + _WARM_UP)]
    with local_embedder() as local, playing(Quoting()) as url:
        composed = Composed(local)
        composed.learn([fact.sentence for fact in known])
        embedder = Timed(composed)
        with library(embedder) as services:
            held = fill(services, uploads(known, seed=seed), chunks=chunks).chunks
            model = LiteLLMModel("openai/scripted", timeouts=Timeouts(), api_base=url, api_key="none")
            model.warm()
            answerer = services.answerer_with(model)
            ks = (k, DEFAULT_SOURCES)
            with engines(services, COLLECTION, embedder, url, *ks) as (same, usual), probing() as probe:
                systems: dict[str, Callable[[str], Timing]] = {
                    "ours": lambda question: _ours(answerer, embedder, question, k),
                    "theirs": lambda question: _theirs(same, embedder, question),
                    "theirs_default": lambda question: _theirs(usual, embedder, question),
                }
                times = _in_turns(systems, asked)
    return _found(times, probe, chunks=held, questions=questions, k=k)


def _in_turns(
    systems: Mapping[str, Callable[[str], Timing]], asked: Sequence[str]
) -> dict[str, list[Timing]]:
    """What each system took for each question but the first few, which warm them up."""
    times: dict[str, list[Timing]] = {name: [] for name in systems}
    for at, question in enumerate(asked):
        turn = at % len(systems)  # whoever comes first finds the processor's caches cold
        for name in [*systems][turn:] + [*systems][:turn]:
            times[name].append(systems[name](question))
    return {name: timings[_WARM_UP:] for name, timings in times.items()}


def _ours(answerer: Answerer, embedder: Timed, question: str, k: int) -> Timing:
    embedded = embedder.query_seconds
    begin = time.perf_counter()
    first = 0.0
    for event in answerer.answer(Question(question, collection=COLLECTION, k=k)):
        if isinstance(event, ClaimMade) and not first:
            first = (time.perf_counter() - begin) * 1000
        if isinstance(event, Finished):
            answer = event.answer
    if not first:
        raise EvalError(f"there was no claim ({answer.reason}) to measure: {question}")
    embed = (embedder.query_seconds - embedded) * 1000
    return Timing(first, embed, answer.timings.retrieve - embed)


def _theirs(engine: "object", embedder: Timed, question: str) -> Timing:
    embedded = embedder.query_seconds
    begin = time.perf_counter()
    answer = engine.answer(question)  # type: ignore[attr-defined]  # of the example, which is no package
    total = (time.perf_counter() - begin) * 1000
    if not answer["citations"]:
        raise EvalError(f"the CitationQueryEngine cited nothing: {question}")
    embed = (embedder.query_seconds - embedded) * 1000
    return Timing(total, embed, answer["timings_ms"]["retrieve"] - embed)


def _found(times: dict[str, list[Timing]], probe: Probe, *, chunks: int, questions: int, k: int) -> Found:
    spreads = {
        name: {stage: Spread.of([getattr(each, stage) for each in timings]) for stage in _STAGES}
        for name, timings in times.items()
    }
    ours, theirs, default = (spreads[name]["total"] for name in times)
    titles = {
        "ours": f"this product, {k} passages",
        "theirs": f"CitationQueryEngine, {k} sources",
        "theirs_default": f"CitationQueryEngine, {DEFAULT_SOURCES} sources (its default)",
    }
    rows = [
        [titles[name], ms(of["total"].p50), ms(of["total"].p95), *(ms(of[each].p50) for each in _STAGES[1:])]
        for name, of in spreads.items()
    ]
    return Found(
        name="answer",
        title=f"First verified claim in ms, {chunks:,} chunks, {questions} questions, a model that answers at once",
        header=["", "p50", "p95", *(f"{stage} p50" for stage in _STAGES[1:])],
        rows=rows,
        figures={
            "chunks": chunks,
            "questions": questions,
            "k": k,
            "probe": probe.took.json if probe.took else None,
            "ratio_p50": round(ours.p50 / theirs.p50, 3),
            "ratio_p95": round(ours.p95 / theirs.p95, 3),
            "ratio_p50_to_default": round(ours.p50 / default.p50, 3),
            "stages": {
                name: {stage: spread.json for stage, spread in of.items()} for name, of in spreads.items()
            },
        },
        goals=(
            Goal("ours / theirs, p50", ours.p50 / theirs.p50, _RATIO),
            Goal("ours / theirs at its default, p50", ours.p50 / default.p50, _RATIO),
            Goal("p95 / p50 of ours", ours.p95 / ours.p50, _TAIL),
        ),
        notes=(_NOTE, str(probe)),
    )
