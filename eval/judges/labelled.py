"""Claims with a premise and a person's label, to calibrate judges with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval import jsonl
from eval.errors import DatasetError
from eval.judges.judge import LABELS, Label
from eval.metrics.words import content

_WICE_LABELS: dict[str, Label] = {
    "supported": "supported",
    "partially_supported": "partial",
    "not_supported": "not",
}


class BadLabels(DatasetError):
    """A file of labelled claims can't be read; the message names file and line."""


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A premise, a claim, and how well people say that the premise carries it."""

    premise: str
    claim: str
    label: Label


def pairs(path: Path) -> list[LabelledPair]:
    """The labelled pairs of a file: a line is an object with `premise`, `claim` and `label`.

    Labels are `supported`, `partial` and `not`. Raises `BadLabels`.
    """
    found = []
    for at, row in jsonl.rows(path, BadLabels):
        label = row.get("label")
        if label not in LABELS:
            raise BadLabels(f"{at}: label is {label!r}: it should be one of {', '.join(LABELS)}")
        premise, claim = (jsonl.text(row, name, at, BadLabels) for name in ("premise", "claim"))
        found.append(LabelledPair(premise, claim, label))
    return _some(found, path)


def wice(path: Path, *, passage_sentences: int = 8) -> list[LabelledPair]:
    """The labelled claims of a WiCE file (Kamoi et al., EMNLP 2023, arXiv 2303.01432), with short premises.

    A line is an object with `claim`, `label`, `evidence` (the sentences of a page) and `supporting_sentences`
    (sets of indexes; each set carries the claim as far as the label says). A page is much longer than what a
    citation quotes, so the premise is the first supporting set, filled up to `passage_sentences` with the
    sentences that share most words with the claim, in the order of the page; where nothing supports, it is
    only these: what a search would have brought.

    Raises `BadLabels`.
    """
    return _some([_pair(row, at, passage_sentences) for at, row in jsonl.rows(path, BadLabels)], path)


def _some(found: list[LabelledPair], path: Path) -> list[LabelledPair]:
    if not found:
        raise BadLabels(f"{path} holds no labelled pairs: a judge can't be measured by it")
    return found


def _pair(row: jsonl.JSON, place: str, length: int) -> LabelledPair:
    claim = jsonl.text(row, "claim", place, BadLabels)
    label, evidence = row.get("label"), row.get("evidence")
    if label not in _WICE_LABELS:
        raise BadLabels(f"{place}: label is {label!r}: it should be one of {', '.join(_WICE_LABELS)}")
    if not isinstance(evidence, list) or not all(isinstance(each, str) for each in evidence):
        raise BadLabels(f"{place}: the field 'evidence' is missing or not a list of strings")
    chosen = set(_first_set(row.get("supporting_sentences"), len(evidence), place))
    wanted = set(content(claim))
    nearest = sorted(range(len(evidence)), key=lambda at: (-len(wanted & set(content(evidence[at]))), at))
    for at in nearest:
        if len(chosen) >= length:
            break
        chosen.add(at)
    return LabelledPair("\n".join(evidence[at] for at in sorted(chosen)), claim, _WICE_LABELS[label])


def _first_set(sets: Any, sentences: int, place: str) -> list[int]:
    if not isinstance(sets, list) or not all(isinstance(each, list) for each in sets):
        raise BadLabels(f"{place}: the field 'supporting_sentences' is missing or not a list of lists")
    first: list[Any] = sets[0] if sets else []
    for at in first:
        if type(at) is not int or not 0 <= at < sentences:
            raise BadLabels(f"{place}: supporting sentence {at!r} is none of the {sentences} of the evidence")
    return first
