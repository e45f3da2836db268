"""Whether a folder is as it was closed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from index.seal import seal, unseal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"content")
    (tmp_path / "other").write_bytes(b"")
    return tmp_path


def test_an_empty_folder_is_to_be_trusted(tmp_path: Path) -> None:
    assert unseal(tmp_path)


def test_a_folder_that_was_never_sealed_is_not(folder: Path) -> None:
    assert not unseal(folder)


def test_a_sealed_folder_is_as_it_was_once(folder: Path) -> None:
    seal(folder)
    assert unseal(folder)
    assert not unseal(folder)


CHANGES: dict[str, Callable[[Path], object]] = {
    "cut off": lambda folder: os.truncate(folder / "deep" / "file", 3),
    "rewritten": lambda folder: (folder / "deep" / "file").write_bytes(b"another"),
    "removed": lambda folder: (folder / "other").unlink(),
    "added": lambda folder: (folder / "new").touch(),
    "moved": lambda folder: (folder / "other").rename(folder / "deep" / "other"),
    "seal cut off": lambda folder: os.truncate(folder / "closed.json", 9),
    "seal empty": lambda folder: os.truncate(folder / "closed.json", 0),
    "seal no text": lambda folder: (folder / "closed.json").write_bytes(b"\xff\xfe"),
    "seal no object": lambda folder: (folder / "closed.json").write_text("[]"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_folder_that_has_changed_is_not_to_be_trusted(
    folder: Path, change: Callable[[Path], object]
) -> None:
    seal(folder)
    change(folder)
    assert not unseal(folder)
    seal(folder)
    assert unseal(folder)
