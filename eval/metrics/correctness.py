"""Does the answer say what it should, and nothing that it must not? By words alone: a proxy for a reader.

All of these compare folded words (`eval.metrics.words`), so they understate an answer that says the same in
other words or in another language. They are undefined for questions that have no answer in the documents
(`answerable` is False); an answerable question that is not answered counts as 0.
"""

import re
import string
from collections import Counter

from eval.example import Nugget
from eval.metrics.measurement import UNDEFINED, Measurement, ratio, share, yes_or_no
from eval.metrics.words import fold, holds, is_negated, says
from eval.records import Record


def vital_nuggets(record: Record) -> Measurement:
    """Vital nuggets that the answer states / vital nuggets: the strict vital recall.

    Pradeep et al.: Initial Nugget Evaluation Results for the TREC 2024 RAG Track (arXiv 2411.09607). There a
    model assigns nuggets; here a nugget is stated where one claim, or the answer as a whole, holds all of its
    content words.
    """
    return _nugget_recall(record, [nugget for nugget in record.example.nuggets if nugget.vital])


def all_nuggets(record: Record) -> Measurement:
    """Nuggets that the answer states, vital or not / nuggets: the strict recall over all."""
    return _nugget_recall(record, record.example.nuggets)


def exact_match(record: Record) -> Measurement:
    """1 where the answer, normalised as for SQuAD, is one of the aliases.

    Rajpurkar et al.: SQuAD (arXiv 1606.05250): without case, punctuation, English articles and extra white
    space. Undefined unless there is one short answer.
    """
    answers = record.example.short_answers
    if record.example.answerable is False or len(answers) != 1:
        return UNDEFINED
    said = _squad(record.answer.text)
    return yes_or_no(any(_squad(alias) == said for alias in answers[0]))


def token_f1(record: Record) -> Measurement:
    """The best F1 of the answer's words with an alias, or the reference answer where there is none.

    Rajpurkar et al.: SQuAD (arXiv 1606.05250). `2 * common / (words said + words wanted)`, counting repeats.
    Undefined where there are several short answers, or nothing to compare with.
    """
    example = record.example
    wanted = example.short_answers or (((example.answer,),) if example.answer else ())
    if example.answerable is False or len(wanted) != 1:
        return UNDEFINED
    said = Counter(_squad(record.answer.text).split())
    best: tuple[int, int] = (0, 1)
    for alias in wanted[0]:
        gold = Counter(_squad(alias).split())
        total = said.total() + gold.total()
        found = (2 * (said & gold).total(), total) if total else (1, 1)
        best = max(best, found, key=lambda pair: pair[0] / pair[1])
    return ratio(*best)


def contains(record: Record) -> Measurement:
    """Short answers of which an alias stands in the answer, word by word / short answers.

    The STR-EM of Stelmakh et al.: ASQA (arXiv 2204.06092), with the bounds of words: `art` is not in `party`.
    """
    if record.example.answerable is False:
        return UNDEFINED
    return share(
        any(says(record.answer.text, alias) for alias in aliases) for aliases in record.example.short_answers
    )


def first_claim_contains(record: Record) -> Measurement:
    """Short answers of which an alias stands in the answer's first claim / short answers.

    What a reader meets first; where a question has one short answer, the share of questions that it settles.
    """
    if record.example.answerable is False:
        return UNDEFINED
    first = record.answer.claims[0].text if record.answer.claims else ""
    return share(any(says(first, alias) for alias in aliases) for aliases in record.example.short_answers)


def must_not(record: Record) -> Measurement:
    """Statements that must not be made and are / such statements; undefined where the example names none.

    A statement is made where one claim holds all of its content words; a claim with a negation does not make
    a statement that has none.
    """
    return share(
        any(
            holds(claim.text, statement) and (is_negated(statement) or not is_negated(claim.text))
            for claim in record.answer.claims
        )
        for statement in record.example.must_not
    )


def _nugget_recall(record: Record, nuggets: tuple[Nugget, ...] | list[Nugget]) -> Measurement:
    if record.example.answerable is False:
        return UNDEFINED
    texts = [*(claim.text for claim in record.answer.claims), record.answer.text]
    return share(any(holds(text, nugget.text) for text in texts) for nugget in nuggets)


def _squad(text: str) -> str:
    plain = "".join(
        letter for letter in fold(text) if letter not in string.punctuation + "¿¡«»„“”‘’–—…。、「」"
    )
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())
