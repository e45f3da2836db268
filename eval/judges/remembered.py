"""A judge that asks another once for each pair, and a file that keeps its judgements for the next time."""

import hashlib
import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from eval import jsonl
from eval.errors import JudgeError
from eval.judges.judge import LABELS, Expense, Judgement, SupportJudge

JUDGEMENTS = "judgements.jsonl"
"""The file in a run's folder."""


class Journal:
    """Judgements in a file, a line each, which is only ever added to.

    A line has the `key` of method, premise and claim, not their texts, and the judgement. A last line that a
    kill left torn is cut off. Raises `JudgeError` for a file that is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        jsonl.mend(path)
        self.known: Mapping[str, Judgement] = read(path)

    def add(self, key: str, judgement: Judgement) -> None:
        """Write a judgement down; it is on disk when this returns."""
        jsonl.append(
            self._path,
            {
                "key": key,
                "method": judgement.method,
                "label": judgement.label,
                "score": judgement.score,
                "prompt_tokens": judgement.prompt_tokens,
                "completion_tokens": judgement.completion_tokens,
                "cost_usd": judgement.cost_usd,
            },
        )


def read(path: Path) -> dict[str, Judgement]:
    """The judgements of a journal by key; of two with one key the first. Nothing where there is no file."""
    found: dict[str, Judgement] = {}
    for at, row in jsonl.rows(path, JudgeError, torn=True) if path.exists() else ():
        found.setdefault(jsonl.text(row, "key", at, JudgeError), _judgement(row, at))
    return found


def expenses(path: Path) -> dict[str, Expense]:
    """What the judgements of a journal took, by the judge's method."""
    judgements = read(path).values()
    methods = dict.fromkeys(each.method for each in judgements)
    return {method: Expense.of(each for each in judgements if each.method == method) for method in methods}


def key_of(method: str, premise: str, claim: str) -> str:
    """The sha256 that stands for a pair and who judges it."""
    return hashlib.sha256(json.dumps([method, premise, claim]).encode()).hexdigest()


class Remembered:
    """A judge that asks another once for each pair; may be shared between threads.

    With a journal, what it holds is not asked again, and what is asked is added to it. With `replay`, nothing
    is asked: a pair that the journal lacks raises `JudgeError`. An empty premise or claim is not asked about:
    nothing supports it.
    """

    def __init__(self, judge: SupportJudge, journal: Journal | None = None, *, replay: bool = False) -> None:
        self._judge = judge
        self._journal = journal
        self._replay = replay
        self._lock = threading.Lock()
        self._made: dict[str, Future[Judgement]] = {}
        self._asked: list[Judgement] = []

    @property
    def method(self) -> str:
        """The name of the judge that is asked."""
        return self._judge.method

    @property
    def used(self) -> Expense:
        """What the judgements that were given out took, whenever they were made; each pair counts once."""
        with self._lock:
            made = [each.result() for each in self._made.values() if each.done() and not each.exception()]
        return Expense.of(made)

    @property
    def asked(self) -> Expense:
        """What was asked for by this object, not taken from a journal."""
        with self._lock:
            return Expense.of(self._asked)

    def judge(self, premise: str, claim: str) -> Judgement:
        """The judgement, from memory where it was made before."""
        if not premise.strip() or not claim.strip():
            return Judgement("not", 0.0, self.method)
        key = key_of(self.method, premise, claim)
        with self._lock:
            made = self._made.get(key)
            if is_first := made is None:
                made = self._made[key] = Future()
        if is_first:
            try:
                made.set_result(self._recalled(key) or self._ask(key, premise, claim))
            except BaseException as error:
                with self._lock:
                    del self._made[key]  # whoever comes later may ask again
                made.set_exception(error)
                raise
        return made.result()

    def _recalled(self, key: str) -> Judgement | None:
        return self._journal.known.get(key) if self._journal else None

    def _ask(self, key: str, premise: str, claim: str) -> Judgement:
        if self._replay:
            raise JudgeError(
                f"no judgement by {self.method} is kept for the claim {claim!r} and what it cites: "
                "score without replaying, so that the judge is asked"
            )
        judgement = self._judge.judge(premise, claim)
        with self._lock:
            if self._journal:
                self._journal.add(key, judgement)
            self._asked.append(judgement)
        return judgement


def _judgement(row: jsonl.JSON, at: str) -> Judgement:
    label = row.get("label")
    if label not in LABELS:
        raise JudgeError(f"{at}: label is {label!r}: it should be one of {', '.join(LABELS)}")
    cost = row.get("cost_usd")
    return Judgement(
        label,
        _number(row.get("score"), "score", at),
        jsonl.text(row, "method", at, JudgeError),
        None if cost is None else _number(cost, "cost_usd", at),
        int(_number(row.get("prompt_tokens"), "prompt_tokens", at)),
        int(_number(row.get("completion_tokens"), "completion_tokens", at)),
    )


def _number(value: Any, name: str, at: str) -> float:
    if type(value) not in (int, float) or not 0 <= value < float("inf"):
        raise JudgeError(f"{at}: {name} is {value!r}: it should be a number of at least 0")
    return float(value)
