"""Is a dataset fit to measure with? Its quotes are located in its corpus as our loaders read it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from eval.datasets import Suite, beir_corpus, files
from eval.example import Example
from eval.metrics.retrieval import located
from eval.metrics.words import fold, words
from eval.records import names

_NEAR = 0.8
_SHORT_QUOTE = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with an example; an error spoils figures, a warning is for a person to look at."""

    severity: Literal["error", "warning"]
    example: str
    message: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """The canonical text of each document by its name, and why the others could not be read."""

    texts: Mapping[str, str]
    unreadable: Mapping[str, str]


def corpus(suite: Suite) -> Corpus:
    """The corpus of a suite, as it is indexed; a BEIR document's name is its id."""
    from index.errors import LoadError
    from index.load import load

    if suite.is_beir:
        return Corpus({each.id: each.text for each in beir_corpus(suite.corpus)}, {})
    texts, unreadable = {}, {}
    for path in files(suite.corpus):
        name = path.relative_to(suite.corpus).as_posix()
        try:
            texts[name] = load(path.read_bytes(), name=path.name).text
        except LoadError as error:
            unreadable[name] = str(error)
    return Corpus(texts, unreadable)


def examine(suite: Suite, held: Corpus, *, against: Sequence[Example] = ()) -> list[Finding]:
    """All findings: errors first, then warnings, in the order of the examples.

    `against` are the examples of another split, which must not be among these. A near-duplicate shares four
    fifths of its words with another question (Jaccard).
    """
    found = [Finding("error", name, f"can't be read: {why}") for name, why in held.unreadable.items()]
    for example in suite.examples:
        found += _quotes(example, held)
        found += _consistency(example)
    found += _duplicates(suite.examples)
    found += _leaks(suite.examples, against)
    return sorted(found, key=lambda each: each.severity)


def counts(examples: Sequence[Example]) -> dict[str, Counter[str]]:
    """How many examples there are of each kind, by language."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        table[example.kind][example.language] += 1
    return dict(table)


def near_duplicates(
    questions: Sequence[tuple[str, str]], others: Sequence[tuple[str, str]] | None = None
) -> Iterator[tuple[str, str, float]]:
    """Pairs of ids whose questions share at least four fifths of their words, with that share.

    `questions` and `others` are ids with texts; without `others`, pairs within `questions`. Two sets that are
    so alike share one of their rarest words (the prefix filter of Chaudhuri, Ganti, Kaushik: A Primitive
    Operator for Similarity Joins in Data Cleaning, ICDE 2006), so that few pairs are looked at.
    """
    mine = [(identifier, frozenset(words(text))) for identifier, text in questions]
    theirs = mine if others is None else [(identifier, frozenset(words(text))) for identifier, text in others]
    frequency = Counter(word for _, each in (*mine, *theirs) for word in each)
    by_word: dict[str, list[int]] = defaultdict(list)
    for at, (_, each) in enumerate(theirs):
        for word in _rarest(each, frequency):
            by_word[word].append(at)
    for place, (identifier, one) in enumerate(mine):
        near = {at for word in _rarest(one, frequency) for at in by_word[word]}
        for at in sorted(near):
            other = theirs[at][1]
            if others is None and at <= place:
                continue
            alike = len(one & other) / len(one | other)
            if alike >= _NEAR:
                yield identifier, theirs[at][0], alike


def _rarest(of: frozenset[str], frequency: Mapping[str, int]) -> list[str]:
    ordered = sorted(of, key=lambda word: (frequency[word], word))
    return ordered[: len(of) - ceil(_NEAR * len(of)) + 1]


def _quotes(example: Example, held: Corpus) -> Iterator[Finding]:
    for each in example.evidence:
        documents = [name for name in held.texts if names(name, each.document)]
        if not documents:
            yield Finding("error", example.id, f"the corpus has no document {each.document!r}")
            continue
        places = sum(len(located(held.texts[name], each.quote)) for name in documents)
        if not places:
            yield Finding("error", example.id, f"{each.document} does not hold the quote {each.quote!r}")
        elif places > 1 and len(each.quote) < _SHORT_QUOTE:
            yield Finding(
                "warning", example.id, f"the quote {each.quote!r} stands {places} times in {each.document}"
            )
    for document in example.relevant:
        if not any(names(name, document) for name in held.texts):
            yield Finding("error", example.id, f"the corpus has no relevant document {document!r}")


def _consistency(example: Example) -> Iterator[Finding]:
    if example.answerable and not example.grades:
        yield Finding("error", example.id, "it is answerable, and nothing says where the answer stands")
    if example.answerable is False and example.evidence:
        yield Finding("error", example.id, "it is not answerable, and has evidence")
    if example.answerable and not (example.answer or example.nuggets or example.short_answers):
        yield Finding("warning", example.id, "it has no answer: correctness is not measured")


def _duplicates(examples: Sequence[Example]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for example in examples:
        other = first.setdefault(fold(example.question), example.id)
        if other != example.id:
            yield Finding("error", example.id, f"asks the same as {other}")
    for one, other, alike in near_duplicates([(each.id, each.question) for each in examples]):
        if alike < 1:
            yield Finding("warning", one, f"shares {alike:.0%} of its words with {other}")


def _leaks(examples: Sequence[Example], against: Sequence[Example]) -> Iterator[Finding]:
    asked = [(each.id, each.question) for each in examples]
    for one, other, alike in near_duplicates(asked, [(each.id, each.question) for each in against]):
        severity: Literal["error", "warning"] = "error" if alike == 1 else "warning"
        yield Finding(severity, one, f"shares {alike:.0%} of its words with {other} of the other split")
    quoted = {
        (each.document, " ".join(each.quote.split())): other.id
        for other in against
        for each in other.evidence
    }
    for example in examples:
        for each in example.evidence:
            if other_id := quoted.get((each.document, " ".join(each.quote.split()))):
                yield Finding("warning", example.id, f"rests on the quote of {other_id} of the other split")
