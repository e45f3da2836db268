"""The file that is made once, checked at every opening, and rebuilt when damaged."""

import os
import time
from pathlib import Path

import pytest

from index.embed.cache import ensure
from index.errors import EmbeddingError


class Maker:
    """Makes the content, and counts how often."""

    def __init__(self, content: bytes = b"model") -> None:
        self.content = content
        self.calls = 0

    def __call__(self) -> bytes:
        self.calls += 1
        return self.content


def test_a_missing_file_is_made_with_its_folder(tmp_path: Path) -> None:
    ensure(tmp_path / "a" / "b" / "model", Maker())
    assert (tmp_path / "a" / "b" / "model").read_bytes().startswith(b"model")


def test_a_whole_file_is_not_made_again(tmp_path: Path) -> None:
    make = Maker()
    ensure(tmp_path / "model", make)
    ensure(tmp_path / "model", make)
    assert make.calls == 1


@pytest.mark.parametrize("content", [b"", b"x" * (1 << 20), b"x" * ((1 << 20) + 1)])
def test_a_file_of_any_size_is_known_to_be_whole(tmp_path: Path, content: bytes) -> None:
    make = Maker(content)
    ensure(tmp_path / "model", make)
    ensure(tmp_path / "model", make)
    assert make.calls == 1


@pytest.mark.parametrize("kept", [0, 1, 5, 80])
def test_a_truncated_file_is_made_again(tmp_path: Path, kept: int) -> None:
    make, path = Maker(), tmp_path / "model"
    ensure(path, make)
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    ensure(path, make)
    assert (make.calls, path.read_bytes()) == (2, whole)


def test_a_change_of_any_byte_is_noticed(tmp_path: Path) -> None:
    make, path = Maker(), tmp_path / "model"
    ensure(path, make)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        ensure(path, make)
        assert path.read_bytes() == whole


def test_an_appended_byte_is_noticed(tmp_path: Path) -> None:
    make, path = Maker(), tmp_path / "model"
    ensure(path, make)
    whole = path.read_bytes()
    path.write_bytes(whole + b"x")
    ensure(path, make)
    assert path.read_bytes() == whole


def test_a_failure_to_make_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise EmbeddingError("no weights")

    with pytest.raises(EmbeddingError, match="no weights"):
        ensure(tmp_path / "model", fail)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_kept(tmp_path: Path) -> None:
    abandoned, young = tmp_path / "model.abandoned.tmp", tmp_path / "model.young.tmp"
    abandoned.touch()
    young.touch()
    yesterday = time.time() - 86400
    os.utime(abandoned, (yesterday, yesterday))
    ensure(tmp_path / "model", Maker())
    assert {path.name for path in tmp_path.iterdir()} == {"model", "model.young.tmp"}


def test_a_folder_that_can_not_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddingError, match=r"can't be read or kept.*QA_EMBEDDING_MODEL"):
        ensure(tmp_path / "file" / "model", Maker())


def test_a_folder_in_the_files_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(EmbeddingError, match=r"can't be read or kept as .*user that the service runs as"):
        ensure(tmp_path / "model", Maker())
