"""The rows that relevance is calibrated on: one for each question that was asked of a corpus, without any text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from eval import jsonl
from eval.errors import EvalError
from eval.jsonl import JSON
from qa_service.answering.relevance import Group, Signs

ROWS = Path(__file__).with_name("relevance.jsonl")
"""The committed rows."""

NONSENSE = "nonsense"
"""What stands for the suite of a question that means nothing."""

_DIGITS = 4


class RowsError(EvalError):
    """The rows can't be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question of the suite `asked` put to the corpus of the suite `corpus`.

    `answered` says whether that corpus holds an answer; `is_near` that it is about the question's subject all the same:
    a question without an answer that was written for this corpus.
    """

    embedding_model: str
    corpus: str
    asked: str
    example: str
    answered: bool
    is_near: bool
    signs: Signs


def read(path: Path = ROWS) -> list[Row]:
    """The rows of a file; `RowsError` where it holds something else."""
    return [_row(value, at) for at, value in jsonl.rows(path, RowsError)]


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows."""
    jsonl.write(path, map(_json, rows))


def in_group(rows: Sequence[Row], group: Group) -> list[Row]:
    """The rows that a group's model is fitted on.

    That of few candidates goes without the tail of the ranking, so that all rows across languages tell for it, and
    those without a known term, which are so for the most part. It has no sign of what means nothing.
    """
    if group != "across_languages_few":
        return [row for row in rows if row.signs.group == group]
    wanted = ("across_languages", "across_languages_few", "unknown_terms")
    return [row for row in rows if row.signs.group in wanted and row.asked != NONSENSE]


def _json(row: Row) -> JSON:
    return {
        "model": row.embedding_model,
        "corpus": row.corpus,
        "asked": row.asked,
        "example": row.example,
        "answered": row.answered,
        "near": row.is_near,
        "group": row.signs.group,
        "similarity": round(row.signs.similarity, _DIGITS),
        "coverage": round(row.signs.coverage, _DIGITS),
        "margin": round(row.signs.margin, _DIGITS),
        "contrast": round(row.signs.contrast, _DIGITS),
    }


def _row(value: JSON, at: str) -> Row:
    try:
        group = value["group"]
        if group not in get_args(Group):
            raise ValueError(f"{group!r} is no group")
        return Row(
            embedding_model=str(value["model"]),
            corpus=str(value["corpus"]),
            asked=str(value["asked"]),
            example=str(value["example"]),
            answered=bool(value["answered"]),
            is_near=bool(value["near"]),
            signs=Signs(
                group, *(float(value[name]) for name in ("similarity", "coverage", "margin", "contrast"))
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RowsError(
            f"{at}: this is no row of signs ({error}): make it with qa-eval abstention collect"
        ) from error
