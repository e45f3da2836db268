"""Claims with a premise and a person's label, to calibrate judges with."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.judges.judge import Label
from eval.metrics.words import content

_LABELS: dict[str, Label] = {
    "supported": "supported",
    "partially_supported": "partial",
    "not_supported": "not",
}


class BadLabels(ValueError):
    """A file of labelled claims can't be read; the message names file and line."""


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A premise, a claim, and how well people say that the premise carries it."""

    premise: str
    claim: str
    label: Label


def wice(path: Path, *, passage_sentences: int = 8) -> list[LabelledPair]:
    """The labelled claims of a WiCE file (Kamoi et al., EMNLP 2023, arXiv 2303.01432), with short premises.

    A line is an object with `claim`, `label`, `evidence` (the sentences of a page) and `supporting_sentences`
    (sets of indexes; each set carries the claim as far as the label says). A page is much longer than what a
    citation quotes, so the premise is the first supporting set, filled up to `passage_sentences` with the
    sentences that share most words with the claim, in the order of the page; where nothing supports, it is
    only these: what a search would have brought.

    Raises `BadLabels`.
    """
    return [_pair(row, place, passage_sentences) for place, row in _rows(path)]


def _pair(row: Any, place: str, length: int) -> LabelledPair:
    if not isinstance(row, dict):
        raise BadLabels(f"{place}: this is no JSON object")
    claim, label, evidence = (row.get(name) for name in ("claim", "label", "evidence"))
    if not isinstance(claim, str) or not claim.strip():
        raise BadLabels(f"{place}: the field 'claim' is missing or not a string")
    if label not in _LABELS:
        raise BadLabels(f"{place}: label is {label!r}: it should be one of {', '.join(_LABELS)}")
    if not isinstance(evidence, list) or not all(isinstance(each, str) for each in evidence):
        raise BadLabels(f"{place}: the field 'evidence' is missing or not a list of strings")
    chosen = set(_first_set(row.get("supporting_sentences"), len(evidence), place))
    wanted = set(content(claim))
    nearest = sorted(range(len(evidence)), key=lambda at: (-len(wanted & set(content(evidence[at]))), at))
    for at in nearest:
        if len(chosen) >= length:
            break
        chosen.add(at)
    return LabelledPair("\n".join(evidence[at] for at in sorted(chosen)), claim, _LABELS[label])


def _first_set(sets: Any, sentences: int, place: str) -> list[int]:
    if not isinstance(sets, list) or not all(isinstance(each, list) for each in sets):
        raise BadLabels(f"{place}: the field 'supporting_sentences' is missing or not a list of lists")
    first: list[Any] = sets[0] if sets else []
    for at in first:
        if type(at) is not int or not 0 <= at < sentences:
            raise BadLabels(f"{place}: supporting sentence {at!r} is none of the {sentences} of the evidence")
    return first


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        # Only at line feeds: other separators may stand inside a JSON string.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadLabels(f"{path} could not be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield f"{path}:{number}", json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadLabels(f"{path}:{number}: this is no JSON: {error}") from error
