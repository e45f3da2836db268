"""Whether a folder is as it was closed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from index.errors import FollowerError
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


@contextmanager
def another_user(folder: Path) -> Iterator[Path]:
    """Be the user nobody in a folder that everybody may enter, where the process may become another at all."""
    if os.geteuid() != 0:
        yield folder
        return
    before = Path.cwd()
    os.chdir(folder)  # its parents are for their owner alone
    folder.chmod(0o777)
    os.seteuid(65534)
    try:
        yield Path()
    finally:
        os.seteuid(0)
        os.chdir(before)


@pytest.mark.parametrize("name", ["deep", "deep/file", "closed.json"])
def test_what_this_process_may_not_use_is_named_with_what_to_do_and_the_seal_is_kept(
    folder: Path, name: str
) -> None:
    seal(folder)
    for path in folder.rglob("*"):
        path.chmod(0o777)
    (folder / name).chmod(0)
    with another_user(folder) as seen:
        message = f"{name} may not be read and written by this process: give .* to the user"
        with pytest.raises(FollowerError, match=message):
            unseal(seen)
    (folder / name).chmod(0o777)
    assert unseal(folder)


def test_a_seal_that_can_not_be_read_is_named(folder: Path) -> None:
    (folder / "closed.json").mkdir()
    with pytest.raises(FollowerError, match=r"closed\.json can't be read or removed .*check its disk"):
        unseal(folder)
