"""The files of a stored HNSW index, whole and torn."""

import os
from pathlib import Path

import numpy as np
import pytest

from index.catalog import Collection, StoredChunk
from index.dense import DenseStore
from index.document import Span
from index.hnsw import check

FILES = ["header.bin", "data_level0.bin", "length.bin", "link_lists.bin"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index of 1,200 vectors, written by Chroma."""
    path = tmp_path_factory.mktemp("hnsw") / "chroma"
    vectors = np.random.default_rng(0).standard_normal((1200, 4)).astype(np.float32)
    none = np.zeros((0, 4), np.int8)
    chunks = [
        StoredChunk(1, at, "d", "t", "s", {}, Span(0, 1), "x", b"", (), None, vector, none)
        for at, vector in enumerate(vectors)
    ]
    store = DenseStore(path, trusted=True)
    store.follower(Collection(1, "uid", "c", "four", 4)).apply(add=chunks, remove=[], through=1)
    store.close()
    (header,) = path.rglob("header.bin")
    return header.parent


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_bytes((written / name).read_bytes())
    return tmp_path


def test_what_chroma_has_written_fits_together(folder: Path) -> None:
    check(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_a_file_that_is_cut_off_is_named(folder: Path, name: str, kept: float) -> None:
    os.truncate(folder / name, int((folder / name).stat().st_size * kept))
    with pytest.raises(ValueError, match=name):
        check(folder)


def test_links_of_another_index_are_found_out(folder: Path) -> None:
    links = folder / "link_lists.bin"
    links.write_bytes(bytes(links.stat().st_size))
    with pytest.raises(ValueError, match="link_lists"):
        check(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        check(folder)
