"""Collecting the rows: each suite's questions are asked of its own corpus, and of the others, which hold no answer.

Of each corpus questions are asked, too, that mean nothing.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eval.calibration.nonsense import nonsense
from eval.calibration.rows import NONSENSE, Row
from eval.datasets import Suite
from eval.example import Example

if TYPE_CHECKING:
    from index.embed import Embedder
    from qa_service.services import Services

_K = 10


def collect(
    suites: Sequence[Suite],
    *,
    own: int,
    foreign: int,
    data_dir: Path | None = None,
    embedder: "Embedder | None" = None,
    on_done: Callable[[], None] = lambda: None,
) -> Iterator[Row]:
    """Rows of every pair of a suite and a corpus; at most `own` or `foreign` questions of a suite, drawn at random.

    As many questions that mean nothing as `foreign` ones of a suite are asked of each corpus.

    Suites over the same corpus share it. Questions to which answering and declining are both right are left out.
    `data_dir` keeps the indexes for the next time; an `embedder` that is given takes the place of the settings' own.
    """
    from eval.targets import services_for
    from qa_service.settings import load_settings

    corpora = {suite.corpus_sha256: suite for suite in reversed(suites)}
    for sha256, holder in corpora.items():
        folder = data_dir / sha256[:12] if data_dir else None
        with services_for(holder, load_settings(), data_dir=folder, embedder=embedder) as services:
            for suite in suites:
                is_own = suite.corpus_sha256 == sha256
                asked = [each for each in suite.examples if each.answerable is not None or not is_own]
                for example in _drawn(asked, own if is_own else foreign):
                    yield _row(services, holder.name, suite.name, example, is_own=is_own)
            for example in nonsense(foreign):
                yield _row(services, holder.name, NONSENSE, example, is_own=False)
            on_done()


def _drawn(examples: Sequence[Example], count: int) -> list[Example]:
    return random.Random(0).sample(  # noqa: S311 - a sample, no secret
        list(examples), min(count, len(examples))
    )


def _row(services: "Services", corpus: str, asked: str, example: Example, *, is_own: bool) -> Row:
    from eval.targets import COLLECTION
    from qa_service.answering.relevance import signs

    held = services.catalog.collection(COLLECTION)
    found = services.retriever.search(held, example.question, k=_K)
    answered = is_own and bool(example.answerable)
    return Row(
        embedding_model=services.embedder.name,
        corpus=corpus,
        asked=asked,
        example=example.id,
        answered=answered,
        is_near=is_own and not answered,
        signs=signs(example.question, found),
    )
