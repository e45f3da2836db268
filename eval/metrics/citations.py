"""Citation recall and precision as ALCE defines them, at two sizes of what is cited.

Gao, Yen, Yu, Chen: Enabling Large Language Models to Generate Text with Citations, EMNLP 2023 (arXiv
2305.14627), section 3. Where its published code differs from its definitions, these are the definitions: the
whole answer counts and not its first line, all citations of a sentence and not the first three, and a number
that is not in the answer supports nothing (there, 0 was taken for the last passage).

A claim is a sentence. `phi(premise, claim)` is 1 where the judge says `supported`; `partial` is 0, as in the
paper. At `quote` level the premise is the cited quotes, at `chunk` level the titles and texts of the passages
that they lie in, each once. A citation that is not valid is an empty premise.

Nothing to count: without claims, an answer that abstains (or that tells no status) is left out, and one that
does not is 0. An answer with claims and no citation has recall 0 and, as in ALCE, precision 0: not citing is
no way to be precise.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from eval.judges.judge import SupportJudge
from eval.metrics.measurement import NOTHING, UNDEFINED, Measurement, ratio, share
from eval.records import Citation, Claim, Record

Level = Literal["quote", "chunk"]
LEVELS: tuple[Level, ...] = ("quote", "chunk")


def recall(record: Record, judge: SupportJudge, level: Level) -> Measurement:
    """Claims that their citations together support / claims.

    `rec(s) = 1 iff C(s) is not empty and phi(concat C(s), s) = 1`.
    """
    if not record.answer.claims:
        return without_claims(record)
    return share(_is_supported(record, claim, judge, level) for claim in record.answer.claims)


def precision(record: Record, judge: SupportJudge, level: Level) -> Measurement:
    """Citations that are relevant, of claims that are supported / citations of claims.

    `c` is irrelevant iff `phi(c, s) = 0 and phi(concat C(s) without c, s) = 1`;
    `prec(c) = 1 iff rec(s) = 1 and c is not irrelevant`. A number that a claim repeats counts once.
    """
    if not record.answer.claims:
        return without_claims(record)
    hits: list[bool] = []
    for claim in record.answer.claims:
        cited = record.cited(claim)
        if _is_supported(record, claim, judge, level):
            hits += [not _is_irrelevant(record, claim, at, judge, level) for at in range(len(cited))]
        else:
            hits += [False] * len(cited)
    return share(hits) if hits else NOTHING


def f1(record: Record, judge: SupportJudge, level: Level) -> Measurement:
    """The harmonic mean of the answer's citation recall and precision, `2PR / (P + R)`; 0 if both are."""
    found = (recall(record, judge, level).value, precision(record, judge, level).value)
    if found[0] is None or found[1] is None:
        return UNDEFINED
    return ratio(2 * found[0] * found[1], found[0] + found[1]) if any(found) else NOTHING


def premise(record: Record, citations: Sequence[Citation | None], level: Level) -> str:
    """What the citations say together, in their order; one that is not valid says nothing."""
    valid = [citation for citation in citations if citation is not None and record.is_valid(citation)]
    if level == "quote":
        return "\n".join(citation.quote or "" for citation in valid)
    passages = dict.fromkeys(passage for each in valid if (passage := record.passage(each)))
    return "\n".join(f"{passage.title}\n{passage.text}".strip() for passage in passages)


def without_claims(record: Record) -> Measurement:
    """A share of claims where there are none: 0 if the service says that it answered, else undefined."""
    return NOTHING if record.answer.abstained is False else UNDEFINED


def _is_supported(record: Record, claim: Claim, judge: SupportJudge, level: Level) -> bool:
    return supports(judge, premise(record, record.cited(claim), level), claim.text)


def _is_irrelevant(record: Record, claim: Claim, at: int, judge: SupportJudge, level: Level) -> bool:
    cited = record.cited(claim)
    alone = premise(record, cited[at : at + 1], level)
    rest = premise(record, [*cited[:at], *cited[at + 1 :]], level)
    return not supports(judge, alone, claim.text) and supports(judge, rest, claim.text)


def supports(judge: SupportJudge, text: str, claim: str) -> bool:
    """Whether the judge says that the text fully supports the claim; an empty text supports nothing."""
    return bool(text.strip()) and judge.judge(text, claim).is_full


def at_level(
    measure: Callable[[Record, SupportJudge, Level], Measurement], level: Level
) -> Callable[[Record, SupportJudge], Measurement]:
    """The measure at one level."""
    return lambda record, judge: measure(record, judge, level)
