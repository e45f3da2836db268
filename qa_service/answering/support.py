"""From guards to a verdict: how well does the cited text support a claim?"""

from index.language import comparable, language
from index.terms import content_terms
from qa_service.answering.claims import Support
from qa_service.guards import Fault, check

_ENOUGH = 0.5
"""The least share of its content words that a supported claim shares with the text, in the same language."""


def assess(claim: str, cited: str, *, context: str, question: str) -> Support | tuple[Fault, ...]:
    """The support of a claim sentence by the text that it cites, or the faults that the guards found.

    `context` is what stands beside the cited text; `question` is the user's words.
    """
    if faults := check(claim, cited, context=context, question=question):
        return faults
    if not comparable(language(claim), language(cited)):
        return Support("partial", "numbers_and_dates")
    said = set(content_terms(claim))
    if not said:
        return Support("unchecked", "guards")
    score = len(said & set(content_terms(cited))) / len(said)
    return Support("supported" if score >= _ENOUGH else "partial", "guards", round(score, 2))
