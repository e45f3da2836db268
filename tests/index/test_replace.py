"""Replacing is atomic: who searches meanwhile sees one version, whole; `make soak` searches longer."""

from pathlib import Path
from types import ModuleType


def test_a_document_is_never_missing_and_never_of_two_versions_while_it_is_replaced(
    tmp_path: Path, tiny: ModuleType, reading: ModuleType
) -> None:
    with tiny.opened_index(tmp_path / "data", tiny.TinyEmbedder()) as index:
        reading.watch(index, readings=60, replaces=6)
