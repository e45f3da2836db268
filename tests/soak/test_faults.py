"""Sixteen faults of a provider, before and after the first token, as JSON and as a stream, twenty times each."""

from pathlib import Path
from types import ModuleType

import pytest

from index.embed import Embedder

pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")


def test_no_fault_passes_for_an_answer_or_takes_too_long_or_costs_twice(
    data_dir: Path, embedder: Embedder, faults: ModuleType
) -> None:
    rows = faults.play(data_dir, embedder, times=20)
    print("", *rows, sep="\n")  # noqa: T201
    faults.check(rows, times=20)
