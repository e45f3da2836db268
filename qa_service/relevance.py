"""Whether the passages found have anything to do with the question: decided before anybody writes.

A passage counts by how near its nearest sentence is to the question, and by the share of the question's terms,
weighted by their rarity, that it holds. Across languages only the first says anything.
"""

from collections.abc import Mapping
from math import inf

from index.document import Passage
from index.language import comparable, language
from index.retrieve import Retrieved
from index.terms import content_terms

_PASSAGES = 10

# Chosen on questions asked of documents that hold an answer against questions asked of others. Paraphrases are as far
# from their answers as chance neighbours are, and a wrong abstention is worse here than a wrong attempt, which the
# writer and the gate can still decline: so the thresholds keep nearly all answerable questions. The numbers belong to
# the local embedding model, whose cosines lie close together.
_COVERAGE_WEIGHT = 0.05
_NEAR = 0.825
_NEAR_ACROSS_LANGUAGES = 0.77


def is_relevant(question: str, retrieved: Retrieved) -> bool:
    """Whether any passage is near enough to try an answer."""
    passages = retrieved.passages[:_PASSAGES]
    asked_in = language(question)
    same = [comparable(asked_in, language(passage.text)) for passage in passages]
    # Where the collection holds much of the question's language, the similarities of others are lifted to it.
    near = _NEAR if 2 * sum(same) >= len(same) else _NEAR_ACROSS_LANGUAGES
    return any(
        max(passage.sentence_scores, default=0.0)
        + (_COVERAGE_WEIGHT * coverage(retrieved.term_weights, passage) if is_same else 0.0)
        >= near
        for passage, is_same in zip(passages, same, strict=True)
    )


def coverage(term_weights: Mapping[str, float], passage: Passage) -> float:
    """The share of the question's terms that a passage and what stands above it hold, by weight, in [0, 1]."""
    rarest = max((weight for weight in term_weights.values() if weight < inf), default=1.0)
    held = {*content_terms(" ".join((passage.title, *passage.headings, passage.text)))}
    total = sum(min(weight, rarest) for weight in term_weights.values())
    return (
        sum(min(term_weights[term], rarest) for term in held & term_weights.keys()) / total if total else 0.0
    )
