"""The Chroma follower: search by vector, and stores that were damaged."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from index.catalog import Collection, StoredChunk
from index.chroma_session import ChromaAddress
from index.dense import DenseStore
from index.document import Span
from index.errors import FollowerError
from index.vectors import Vector, Vectors

COLLECTION = Collection(7, "a1b2", "default", "sixteen", 16)


def unit(rows: int, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, 16)).astype(np.float32)
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def stored(version_id: int, vectors: Vectors) -> list[StoredChunk]:
    """Chunks of nothing but vectors."""
    none = np.zeros((0, 16), np.int8)
    return [
        StoredChunk(version_id, at, "d", "t", "s", {}, Span(0, 1), "x", b"", (), None, vector, none)
        for at, vector in enumerate(vectors)
    ]


def nearest(vectors: Vectors, query: Vector, k: int) -> list[str]:
    return [f"1.{at}" for at in np.argsort(-(vectors @ query))[:k]]


def test_the_nearest_chunks_come_first_with_their_cosine(tmp_path: Path) -> None:
    vectors, query = unit(300), unit(1, seed=1)[0]
    store = DenseStore(tmp_path / "chroma", trusted=True)
    follower = store.follower(COLLECTION)
    follower.apply(add=stored(1, vectors), remove=[], through=1)
    found = follower.search(query, 10).by_id()
    assert list(found) == nearest(vectors, query, 10)
    assert list(found.values()) == pytest.approx(np.sort(vectors @ query)[::-1][:10].tolist(), abs=1e-5)
    store.close()


def test_an_empty_collection_and_a_k_of_zero_find_nothing(tmp_path: Path) -> None:
    store = DenseStore(tmp_path / "chroma", trusted=True)
    follower = store.follower(COLLECTION)
    assert follower.search(unit(1)[0], 5).by_id() == {}
    follower.apply(add=stored(1, unit(3)), remove=[], through=1)
    assert follower.search(unit(1)[0], 0).by_id() == {}
    assert len(follower.search(unit(1)[0], 50).by_id()) == 3
    store.close()


def test_removed_chunks_are_not_found(tmp_path: Path) -> None:
    vectors = unit(20)
    store = DenseStore(tmp_path / "chroma", trusted=True)
    follower = store.follower(COLLECTION)
    follower.apply(add=stored(1, vectors), remove=[], through=1)
    follower.apply(add=[], remove=[f"1.{at}" for at in range(19)], through=2)
    assert list(follower.search(vectors[0], 20).by_id()) == ["1.19"]
    store.close()


def test_collections_and_embedding_models_are_kept_apart(tmp_path: Path) -> None:
    store = DenseStore(tmp_path / "chroma", trusted=True)
    first = store.follower(COLLECTION)
    first.apply(add=stored(1, unit(3)), remove=[], through=5)
    for other in (
        Collection(8, "c3d4", "other", "sixteen", 16),
        Collection(7, "c3d4", "default", "sixteen", 16),
        Collection(7, "a1b2", "default", "another", 16),
    ):
        follower = store.follower(other)
        assert (follower.applied(), follower.count(), follower.search(unit(1)[0], 5).by_id()) == (0, 0, {})
    store.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as a closed process leaves it, with enough vectors for Chroma to write its index to files."""
    path = tmp_path_factory.mktemp("written") / "chroma"
    store = DenseStore(path, trusted=True)
    store.follower(COLLECTION).apply(add=stored(1, unit(1500)), remove=[], through=9)
    store.close()
    return path


def copied(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "chroma"))


def test_a_store_that_is_whole_survives_its_probe(written: Path, tmp_path: Path) -> None:
    path = copied(written, tmp_path)
    store = DenseStore(path, trusted=False)
    follower = store.follower(COLLECTION)
    assert (follower.applied(), follower.count()) == (9, 1500)
    assert list(follower.search(unit(1500)[3], 1).by_id()) == ["1.3"]
    store.close()


TORN = ["data_level0.bin", "header.bin", "link_lists.bin", "length.bin"]


@pytest.mark.parametrize("name", TORN)
def test_a_store_with_a_file_cut_off_is_removed(written: Path, tmp_path: Path, name: str) -> None:
    path = copied(written, tmp_path)
    (file,) = path.rglob(name)
    os.truncate(file, file.stat().st_size // 2)
    store = DenseStore(path, trusted=False)
    follower = store.follower(COLLECTION)
    assert (follower.applied(), follower.count()) == (0, 0)
    store.close()


def test_a_store_that_ends_the_process_is_removed(written: Path, tmp_path: Path) -> None:
    path = copied(written, tmp_path)
    (data,) = path.rglob("data_level0.bin")
    data.write_bytes(np.random.default_rng(1).bytes(data.stat().st_size))
    store = DenseStore(path, trusted=False)
    assert store.follower(COLLECTION).applied() == 0
    store.close()


def test_a_store_that_hangs_is_removed_after_the_time_limit(written: Path, tmp_path: Path) -> None:
    path = copied(written, tmp_path)
    (header,) = path.rglob("header.bin")
    header.unlink()
    os.mkfifo(header)  # nobody ever writes into this pipe: who reads it, waits
    start = time.monotonic()
    store = DenseStore(path, trusted=False, probe_seconds=2)
    assert 2 <= time.monotonic() - start < 10
    assert store.follower(COLLECTION).applied() == 0
    store.close()


def test_the_probe_imports_nothing_from_where_the_command_is_called(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(written, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("index", "chromadb", "json", "numpy"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit('not to be imported')")
    monkeypatch.chdir(elsewhere)
    store = DenseStore(path, trusted=False)
    assert store.follower(COLLECTION).applied() == 9
    store.close()


def test_a_chroma_server_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with pytest.raises(FollowerError, match=r"http://127\.0\.0\.1:1 .*unset QA_CHROMA_URL"):
        DenseStore(tmp_path, server=ChromaAddress("http://127.0.0.1:1"), trusted=True).look()


def test_a_vector_of_another_length_is_a_follower_error(tmp_path: Path) -> None:
    store = DenseStore(tmp_path / "chroma", trusted=True)
    follower = store.follower(COLLECTION)
    follower.apply(add=stored(1, unit(3)), remove=[], through=1)
    with pytest.raises(FollowerError, match="dimension"):
        follower.search(np.ones(4, np.float32), 3)
    store.close()
