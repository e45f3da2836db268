"""What a judge of support is, what it says, and what its judgements take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

Label = Literal["supported", "partial", "not"]
LABELS: tuple[Label, ...] = ("supported", "partial", "not")


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well a premise carries a claim.

    `score` in [0, 1] orders judgements of one `method`. `cost_usd` is what this judgement took in US dollars,
    None where the price is not known; the tokens are those of all calls that it took, 0 without a model.
    """

    label: Label
    score: float
    method: str
    cost_usd: float | None = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0

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


@dataclass(frozen=True, slots=True)
class Expense:
    """What judgements took: their number, tokens and US dollars. `unpriced` of them have no known price."""

    judgements: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    @classmethod
    def of(cls, judgements: Iterable[Judgement]) -> "Expense":
        """What these judgements took together."""
        made = list(judgements)
        return cls(
            len(made),
            sum(each.prompt_tokens for each in made),
            sum(each.completion_tokens for each in made),
            sum(each.cost_usd or 0.0 for each in made),
            sum(each.cost_usd is None for each in made),
        )

    def __str__(self) -> str:
        tokens = f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens"
        if self.unpriced:
            return f"{self.judgements:,} judgements, {tokens}, price not known for {self.unpriced:,} of them"
        return f"{self.judgements:,} judgements, {tokens}, ${self.cost_usd:,.4f}"
