"""Does the cited text speak of what the claim says at all?

The share of a claim's content terms that the cited text or its context holds. It catches claims that are made
up; a claim that changes one word of its source keeps almost all of them, so nothing can be concluded from a
high share. Terms of the question count for neither side: an answer repeats them whatever the source says.
Numbers that are not found are left to the guards for numbers and dates.
"""

from collections.abc import Iterator

from index.terms import content_terms
from qa_service.guards.fault import Fault

FLOOR = 0.3
"""The least share of a claim's content terms that must be found. Calibrated on claims with known evidence."""

_FEWEST_TERMS = 5  # of fewer terms a share says nothing


def coverage(claim: str, cited: str, context: str = "", question: str = "") -> float:
    """The share in [0, 1] of the claim's content terms that `cited` or `context` holds; 1 for very few."""
    given = set(content_terms(cited)) | set(content_terms(context))
    wanted = {term for term in content_terms(claim) if term in given or not any(map(str.isdigit, term))}
    asked = wanted - given
    wanted -= asked & set(content_terms(question))
    if len(wanted) < _FEWEST_TERMS:
        return 1.0
    return len(wanted & given) / len(wanted)


def faults(claim: str, cited: str, context: str, question: str) -> Iterator[Fault]:
    """The fault of a claim of which the evidence says hardly anything."""
    if coverage(claim, cited, context, question) < FLOOR:
        yield Fault("overlap", claim)
