"""What a judge of support is, and one that asks another only once."""

from dataclasses import dataclass
from typing import Literal, Protocol

Label = Literal["supported", "partial", "not"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well a premise carries a claim.

    `score` in [0, 1] orders judgements of one `method`; `cost_usd` is what this judgement took.
    """

    label: Label
    score: float
    method: str
    cost_usd: float = 0.0

    @property
    def is_full(self) -> bool:
        """Whether the claim is supported, not only in part."""
        return self.label == "supported"


class SupportJudge(Protocol):
    """Says how well a premise, alone, carries a claim."""

    @property
    def method(self) -> str:
        """The name under which its figures are reported: the judge, its version, its thresholds."""
        ...

    def judge(self, premise: str, claim: str) -> Judgement:
        """The judgement; the same for the same premise and claim as far as the judge can hold to that."""
        ...


class Remembered:
    """A judge that asks another once for each pair, and adds up what that took. For one thread.

    An empty premise or claim is not asked about: nothing supports it.
    """

    def __init__(self, judge: SupportJudge) -> None:
        self._judge = judge
        self._known: dict[tuple[str, str], Judgement] = {}

    @property
    def method(self) -> str:
        """The name of the judge that is asked."""
        return self._judge.method

    @property
    def cost_usd(self) -> float:
        """What all judgements took, in US dollars."""
        return sum(judgement.cost_usd for judgement in self._known.values())

    def judge(self, premise: str, claim: str) -> Judgement:
        """The judgement, from memory where it was made before."""
        if not premise.strip() or not claim.strip():
            return Judgement("not", 0.0, self.method)
        if (premise, claim) not in self._known:
            self._known[premise, claim] = self._judge.judge(premise, claim)
        return self._known[premise, claim]
