"""Does the comparison of runs see a regression that was planted, and none where nothing changed?

An imperfect model answers the shipped questions: it knows the evidence, reads what it is offered, and slips at
random (numbers altered, sentences confused, claims forgotten). Its slips differ from run to run, as those of a
sampled model do. 20 seeds; for each a base run, an unchanged rerun with other slips, and one run a regression.
"""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import suite
from eval.example import Example
from eval.gates import compared
from eval.judges.lexical import LexicalProxy
from eval.judges.remembered import Remembered
from eval.replay import Offered
from eval.run import Run, execute
from eval.scores import HEADLINE, Scored, measure, metrics
from eval.targets import COLLECTION, InProcess, services_for
from index.embed import Embedder
from qa_service.answering.protocol import DraftClaim, DraftConflict, DraftNone, Offer
from qa_service.answering.writing import ModelWriter
from qa_service.llm import Deadline, Finish, Message, Piece, Usage
from qa_service.services import Services
from qa_service.settings import Settings
from qa_service.wire import passage_json, span_json

EXAMPLES = Path(__file__).parents[2] / "examples"
SEEDS = range(20)
RERUN = 1_000
ALTERED, CONFUSED, FORGOTTEN = 0.15, 0.08, 0.05
GUESSES_WITHOUT_EVIDENCE = 0.1


class SlippingModel:
    """Answers one example from its evidence under the protocol of its system prompt, with random slips."""

    name = "slipping"

    def __init__(self, example: Example, seed: int, *, only_english: bool = False) -> None:
        self._example = example
        self._random = random.Random(f"{seed} {example.id}")  # noqa: S311 - a simulation
        self._only_english = only_english

    def stream(self, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline) -> Iterator[Piece]:
        offered = Offered.among(messages)
        knows_the_format = "[[" in messages[0].content
        for line in self._lines(offered):
            yield (line if knows_the_format else re.sub(r"\[\[.*?\]\] ?", "", line)) + "\n"
        yield Finish("stop", Usage(0, 0, 0.0), self.name)

    def _lines(self, offered: Offered) -> Iterator[str]:
        words = offered.words()
        known = [] if self._is_foreign else [offered.ids(each.quote) for each in self._example.evidence]
        found = [ids for ids in known if ids]
        if not found:
            if self._random.random() < GUESSES_WITHOUT_EVIDENCE or self._is_foreign:
                guess = self._random.choice(list(words))
                yield f"[[{guess}]] {words[guess]}"
            else:
                yield "[[NONE]] That is not said."
        elif self._example.kind == "conflict" and len(found) > 1:
            a, b = ",".join(found[0]), ",".join(found[1])
            yield f"[[CONFLICT {a} | {b}]] {words[found[0][0]]}"
        else:
            for ids in found:
                yield from self._claim(ids, words)

    @property
    def _is_foreign(self) -> bool:
        return self._only_english and self._example.language != "en"

    def _claim(self, ids: list[str], words: dict[str, str]) -> Iterator[str]:
        text, slip = " ".join(words[each] for each in ids), self._random.random()
        if slip < ALTERED:
            more = str(self._random.randint(2, 9))
            digits = re.search(r"\d+", text)
            text = (
                text[: digits.end()] + more + text[digits.end() :] if digits else f"{text[:-1]} in 187{more}."
            )
        elif slip < ALTERED + CONFUSED:
            ids = [self._random.choice(list(words))]
        elif slip < ALTERED + CONFUSED + FORGOTTEN:
            return
        yield f"[[{','.join(ids)}]] {text}"


class Slipping(InProcess):
    """This product with the imperfect model."""

    def __init__(self, services: Services, seed: int, *, only_english: bool = False, k: int = 20) -> None:
        super().__init__(services, k=k)
        self._seed, self._only_english = seed, only_english

    def model(self, example: Example) -> SlippingModel:
        return SlippingModel(example, self._seed, only_english=self._only_english)

    def ask(self, example: Example) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from self.events(self._services.answerer_with(self.model(example)), example.question)


class WithoutFormat(Slipping):
    """The same, with a system prompt that has lost its account of the protocol."""

    def model(self, example: Example) -> SlippingModel:
        inner = super().model(example)

        class Unprompted(SlippingModel):
            def stream(
                self, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline
            ) -> Iterator[Piece]:
                broken = [Message("system", "Answer from the passages."), *messages[1:]]
                return inner.stream(broken, max_tokens=max_tokens, deadline=deadline)

        return Unprompted(example, self._seed)


class Ungated(Slipping):
    """The same model, with its drafts sent as it wrote them: ids are looked up and nothing else is checked."""

    def ask(self, example: Example) -> Iterator[tuple[str, dict[str, Any]]]:
        services = self._services
        collection = services.catalog.collection(COLLECTION)
        found = services.retriever.search(collection, example.question, k=self._k)
        offer = Offer.of(found.passages, question=example.question)
        writer = ModelWriter(self.model(example), max_tokens=1_000)
        claims: list[dict[str, Any]] = []
        citations: list[dict[str, Any]] = []

        def add(text: str, ids: Sequence[str], side: str | None = None) -> None:
            numbers = []
            for offered in filter(None, map(offer.find, ids)):
                passage, sentence = offered.passage, offered.sentence
                citations.append(
                    {
                        "number": len(citations) + 1,
                        "document_id": passage.document_id,
                        "title": passage.title,
                        "source": passage.source,
                        "chunk_id": passage.chunk_id,
                        "span": span_json(sentence.span),
                        "quote": sentence.text,
                    }
                )
                numbers.append(len(citations))
            support = {"verdict": "unchecked", "method": "guards"}
            claims.append({"text": text, "citations": numbers, "support": support, "side": side})

        missing = False
        for draft in writer.begin(example.question, offer, deadline=Deadline(60)).drafts():
            if isinstance(draft, DraftClaim):
                add(draft.text, draft.ids)
            elif isinstance(draft, DraftConflict):
                add(draft.text, draft.a, "a")
                add(draft.text, draft.b, "b")
            missing = missing or isinstance(draft, DraftNone)
        status = "conflict" if any(each["side"] for each in claims) else "answered" if claims else "abstained"
        yield (
            "done",
            {
                "id": "ungated",
                "status": status,
                "reason": None if claims else "not_in_passages",
                "text": " ".join(each["text"] for each in claims),
                "claims": claims,
                "citations": citations,
                "passages": [passage_json(each) for each in found.passages],
                "model": "slipping",
                "usage": {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": 0.0},
                "timings_ms": {"retrieve": 0.0, "first_claim": None, "total": 0.0},
            },
        )


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("planted")
    with services_for(suite(EXAMPLES), Settings(), data_dir=folder, embedder=embedder) as services:
        yield services


@pytest.fixture(scope="module")
def judge() -> Remembered:
    return Remembered(LexicalProxy())


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_planted_is_called_regressed_and_an_unchanged_rerun_is_not(
    seed: int, services: Services, judge: Remembered, tmp_path: Path
) -> None:
    found = suite(EXAMPLES)

    def run(name: str, target: InProcess) -> tuple[Run, Scored]:
        done = execute(tmp_path / name, list(found.examples), {}, target)
        assert not done.failures
        return done, measure(done, judge, metrics(HEADLINE))

    def regressed(new: tuple[Run, Scored]) -> list[str]:
        comparisons = compared(base[1], new[1], new[0], metrics(HEADLINE))
        return [each.metric for each in comparisons if each.verdict == "regressed"]

    base = run("base", Slipping(services, seed))
    planted = {
        "k halved": Slipping(services, seed + RERUN, k=10),
        "gate off": Ungated(services, seed + RERUN),
        "prompt broken": WithoutFormat(services, seed + RERUN),
        "a model of the wrong language": Slipping(services, seed + RERUN, only_english=True),
    }
    seen = {name: regressed(run(name, target)) for name, target in planted.items()}
    unchanged = regressed(run("unchanged", Slipping(services, seed + RERUN)))
    print(seed, seen, unchanged)  # noqa: T201
    assert all(seen.values()), seen
    assert not unchanged
