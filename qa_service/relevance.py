"""Whether the passages found have anything to do with the question: decided before anybody writes.

A passage counts by how near its nearest sentence is to the question, and by the share of the question's terms,
weighted by their rarity, that it holds. Across languages only the first says anything.
"""

from collections.abc import Mapping
from math import inf

from index.document import Passage
from index.retrieve import Retrieved
from index.terms import content_terms
from qa_service.guards.text import comparable, language

_PASSAGES = 10

# Chosen on questions asked of documents that hold an answer against questions asked of others. Paraphrases are as far
# from their answers as chance neighbours are, and a wrong abstention is worse here than a wrong attempt, which the
# writer and the gate can still decline: so the thresholds keep nearly all answerable questions. The numbers belong to
# the local embedding model, whose cosines lie close together.
_COVERAGE_WEIGHT = 0.05
_SAME_LANGUAGE = 0.82
_OTHER_LANGUAGE = 0.77


def is_relevant(question: str, retrieved: Retrieved) -> bool:
    """Whether any passage is near enough to try an answer."""
    asked_in = language(question)
    for passage in retrieved.passages[:_PASSAGES]:
        nearness = max(passage.sentence_scores, default=0.0)
        if not comparable(asked_in, language(passage.text)):
            if nearness >= _OTHER_LANGUAGE:
                return True
        elif nearness + _COVERAGE_WEIGHT * coverage(retrieved.term_weights, passage) >= _SAME_LANGUAGE:
            return True
    return False


def coverage(term_weights: Mapping[str, float], passage: Passage) -> float:
    """The share of the question's terms that a passage and what stands above it hold, by weight, in [0, 1]."""
    rarest = max((weight for weight in term_weights.values() if weight < inf), default=1.0)
    held = {*content_terms(" ".join((passage.title, *passage.headings, passage.text)))}
    total = sum(min(weight, rarest) for weight in term_weights.values())
    return (
        sum(min(term_weights[term], rarest) for term in held & term_weights.keys()) / total if total else 0.0
    )
