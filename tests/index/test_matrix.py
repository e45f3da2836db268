"""The vectors of a collection in files: what they score like, and what crashes and damage leave of them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.catalog import Catalog, Collection, NewVersion, StoredChunk, chunk_id
from index.document import Span
from index.errors import FollowerError
from index.follow import catch_up
from index.keys import keys_of_ids
from index.matrix import Matrix
from index.matrix_files import MatrixFollower
from index.vectors import Vectors, cosines, quantise

MakeVersion = Callable[..., NewVersion]

DIMENSION = 8
COLLECTION = Collection(1, "uid", "default", "eight", DIMENSION)


def unit(seed: int, rows: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, DIMENSION)).astype(np.float32)
    of_length_one: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return of_length_one


def chunk(version: int, ordinal: int, *, sentences: int = 2, seed: int | None = None) -> StoredChunk:
    vectors = unit(1000 * version + ordinal if seed is None else seed, sentences + 1)
    return StoredChunk(
        *(version, ordinal, "d", "t", "s", {}, Span(0, 1), "x", b"", (), None),
        vector=vectors[0],
        sentence_vectors=quantise(vectors[1:]),
        language="ru" if version % 2 else "en",
    )


def opened(path: Path, *, trusted: bool = False) -> MatrixFollower:
    return MatrixFollower(path / "matrix", COLLECTION, trusted=trusted)


def assert_holds(follower: MatrixFollower, chunks: list[StoredChunk]) -> None:
    assert follower.ids() == {each.id for each in chunks}
    assert follower.count() == len(chunks)
    assert all(follower.holds(each) for each in chunks)
    matrix, query = follower.snapshot, unit(7, 1)[0]
    places = matrix.places(keys_of_ids([each.id for each in chunks]))
    assert matrix.ids(places) == [each.id for each in chunks]
    assert np.allclose(matrix.cosines(places, query), [each.vector @ query for each in chunks], atol=1e-6)
    scores, bounds = matrix.sentence_cosines(places, query)
    for at, each in enumerate(chunks):
        found = scores[bounds[at] : bounds[at + 1]]
        assert np.allclose(found, cosines(each.sentence_vectors, query), atol=1e-6)


@pytest.fixture
def three(tmp_path: Path) -> list[StoredChunk]:
    """Three chunks, applied as change 5."""
    chunks = [chunk(1, 0), chunk(1, 1, sentences=0), chunk(3, 0, sentences=5)]
    opened(tmp_path).apply(add=chunks, remove=[], through=5)
    return chunks


def test_what_was_applied_is_there_after_opening_again(tmp_path: Path, three: list[StoredChunk]) -> None:
    for trusted in (True, False):
        again = opened(tmp_path, trusted=trusted)
        assert again.fault is None
        assert again.applied() == 5
        assert_holds(again, three)


def test_a_vector_that_is_none_is_far_from_everything(tmp_path: Path) -> None:
    follower = opened(tmp_path)
    none = replace(chunk(2, 0), vector=np.full(DIMENSION, np.nan, np.float32))
    follower.apply(add=[chunk(1, 0), none], remove=[], through=1)
    matrix = follower.snapshot
    assert matrix.cosines(matrix.everywhere, chunk(1, 0).vector).tolist() == pytest.approx([1, -1])


def test_a_version_is_found_by_its_id_and_a_stranger_by_none(
    tmp_path: Path, three: list[StoredChunk]
) -> None:
    matrix = opened(tmp_path).snapshot
    assert matrix.ids(matrix.of_versions([3, 2, 1])) == [each.id for each in three]
    assert matrix.ids(matrix.of_versions([3])) == ["3.0"]
    assert matrix.of_versions([]).tolist() == []
    assert matrix.places(keys_of_ids(["2.0", "3.0", "3.1", "999999999.999999999"])).tolist() == [
        -1,
        2,
        -1,
        -1,
    ]


def test_no_byte_of_a_removed_chunk_is_left_in_any_file(tmp_path: Path, three: list[StoredChunk]) -> None:
    follower = opened(tmp_path)
    follower.apply(add=[], remove=["3.0", "7.7"], through=6)
    assert_holds(follower, three[:2])
    content = b"".join(path.read_bytes() for path in (tmp_path / "matrix").iterdir())
    gone = three[2]
    for vector in (gone.vector, *gone.sentence_vectors):
        assert vector.tobytes() not in content
    assert three[0].vector.tobytes() in content


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"\xff", b"9" * 6000, b"[" * 100_000, b'{"rows":' * 2000]
)
def test_a_state_that_is_none_starts_empty_and_is_told(
    tmp_path: Path, three: list[StoredChunk], content: bytes
) -> None:
    assert opened(tmp_path).count() == len(three)
    (tmp_path / "matrix" / "state.json").write_bytes(content)
    follower = opened(tmp_path, trusted=True)
    assert follower.fault
    assert follower.count() == follower.applied() == 0


def test_a_snapshot_stays_as_it_is_while_more_is_applied(tmp_path: Path, three: list[StoredChunk]) -> None:
    follower = opened(tmp_path)
    before = follower.snapshot
    follower.apply(add=[chunk(9, 0)], remove=["1.0"], through=6)
    follower.clear()
    assert before.ids(before.everywhere) == [each.id for each in three]
    assert before.applied == 5
    kept = before.places(keys_of_ids(["3.0"]))
    assert np.array_equal(before.chunk_vectors(kept)[0], three[2].vector)
    assert follower.count() == follower.applied() == 0


def test_files_that_are_mostly_zeros_are_written_anew_and_hold_the_same(tmp_path: Path) -> None:
    follower = opened(tmp_path)
    chunks = [chunk(version, at) for version in range(1, 31) for at in range(50)]
    follower.apply(add=chunks, remove=[], through=1)
    before = sum(path.stat().st_size for path in (tmp_path / "matrix").iterdir())
    kept = [each for each in chunks if each.version_id % 4 == 0]
    follower.apply(add=[], remove=[each.id for each in chunks if each.version_id % 4], through=2)
    assert sum(path.stat().st_size for path in (tmp_path / "matrix").iterdir()) < before / 3
    for each in (follower, opened(tmp_path), opened(tmp_path, trusted=True)):
        assert_holds(each, kept)
        assert each.applied() == 2
    follower.apply(add=[chunk(50, 0)], remove=[], through=3)
    assert_holds(opened(tmp_path), [*kept, chunk(50, 0)])


def test_a_chunk_that_comes_again_with_other_vectors_takes_the_place_of_the_first(
    tmp_path: Path, three: list[StoredChunk]
) -> None:
    follower = opened(tmp_path)
    other = chunk(1, 0, sentences=4, seed=77)
    follower.apply(add=[other], remove=[], through=6)
    assert_holds(follower, [other, *three[1:]])
    assert_holds(opened(tmp_path), [other, *three[1:]])


def test_vectors_of_another_model_or_dimension_are_not_taken_for_ours(
    tmp_path: Path, three: list[StoredChunk]
) -> None:
    for other in (Collection(1, "uid", "d", "other", DIMENSION), Collection(1, "uid", "d", "eight", 4)):
        copy = tmp_path / "copy" / "matrix"
        shutil.copytree(tmp_path / "matrix", copy)
        follower = MatrixFollower(copy, other, trusted=True)
        assert (follower.applied(), follower.ids()) == (0, set())
        shutil.rmtree(copy)


def test_vectors_of_another_length_are_refused_and_what_was_there_stays(
    tmp_path: Path, three: list[StoredChunk]
) -> None:
    follower = MatrixFollower(tmp_path / "matrix", COLLECTION, trusted=True)
    long = StoredChunk(
        *(9, 0, "d", "t", "s", {}, Span(0, 1), "x", b"", (), None),
        vector=np.ones(9, np.float32),
        sentence_vectors=np.ones((1, 9), np.int8),
    )
    with pytest.raises(FollowerError):
        follower.apply(add=[long], remove=[], through=9)
    assert_holds(opened(tmp_path), three)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_files_that_are_cut_off_filled_up_or_altered_are_whole_or_start_empty(
    tmp_path: Path, data: st.DataObject
) -> None:
    shutil.rmtree(tmp_path / "matrix", ignore_errors=True)
    chunks = [chunk(version, at) for version in (1, 2, 3) for at in range(3)]
    follower = opened(tmp_path)
    follower.apply(add=chunks, remove=[], through=1)
    follower.apply(add=[], remove=["2.1"], through=2)
    kept = [each for each in chunks if each.id != "2.1"]
    path = data.draw(st.sampled_from(sorted((tmp_path / "matrix").iterdir())))
    content = bytearray(path.read_bytes())
    match data.draw(st.sampled_from(["cut", "grown", "altered", "lost"])):
        case "cut":
            path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        case "grown":
            path.write_bytes(content + data.draw(st.binary(min_size=1, max_size=100)))
        case "altered":
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
            path.write_bytes(content)
        case _:
            path.unlink()
    again = opened(tmp_path)
    assert again.applied() in (0, 2)
    assert_holds(again, kept if again.applied() else [])
    again.apply(add=[chunk(8, 0)], remove=[], through=3)
    assert chunk_id(8, 0) in opened(tmp_path).ids()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    steps=st.lists(
        st.tuples(
            st.sets(st.integers(1, 6), max_size=3), st.sets(st.integers(1, 6), max_size=3), st.booleans()
        ),
        max_size=8,
    ),
    torn=st.sampled_from(["vectors", "sentences", "rows"]),
)
def test_it_holds_what_a_dictionary_holds_and_a_write_that_was_cut_off_changes_nothing(
    tmp_path: Path, steps: list[tuple[set[int], set[int], bool]], torn: str
) -> None:
    shutil.rmtree(tmp_path / "matrix", ignore_errors=True)
    follower, held = opened(tmp_path), dict[str, StoredChunk]()
    for number, (add, remove, crash) in enumerate(steps, start=1):
        new = [chunk(version, at, seed=number) for version in sorted(add) for at in range(2)]
        gone = [chunk_id(version, at) for version in remove - add for at in range(2)]
        follower.apply(add=new, remove=gone, through=number)
        held = {key: each for key, each in held.items() if key not in gone} | {each.id: each for each in new}
        if crash:
            with next((tmp_path / "matrix").glob(f"{torn}-*")).open("ab") as behind:
                behind.write(bytes(range(50)))
            follower = opened(tmp_path)
            assert follower.fault is None
        assert follower.applied() == number
        assert_holds(follower, [*held.values()])


@given(
    vectors=arrays(np.float32, (40, 3), elements=st.floats(-1, 1, width=32)),
    wanted=st.lists(st.integers(0, 39), unique=True, min_size=1),
    n=st.integers(1, 40),
)
def test_the_nearest_are_those_with_the_highest_products(vectors: Vectors, wanted: list[int], n: int) -> None:
    every = np.arange(40)
    matrix = Matrix(
        *(1, every << 32, every[::-1].copy(), every, every * 0, (every * 0).astype(np.uint32)),
        vectors=vectors,
        sentences=np.zeros((0, 3), np.int8),
    )
    query = np.array([1, 0, 0], np.float32)
    scores = vectors[::-1][wanted, 0]
    found = matrix.nearest(np.array(wanted), query, n)
    assert len(found) == min(n, len(wanted))
    assert sorted(vectors[::-1][found, 0]) == sorted(scores)[-len(found) :]


def test_it_follows_a_catalog_through_replacing_and_renaming(
    tmp_path: Path, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    follower = MatrixFollower(tmp_path / "matrix", collection, trusted=True)
    for lines in (["one", "two"], ["three"]):
        (pending,) = catalog.add_pending(collection, [version("a", lines)])
        assert pending is not None
        catalog.publish([pending.version_id])
        catch_up(catalog, collection, follower)
    (live,) = catalog.live_versions(collection)
    before = follower.snapshot
    catalog.rename(catalog.documents(collection)[0].id, title="Another")
    catch_up(catalog, collection, follower)
    assert follower.applied() == catalog.last_change(collection) > before.applied
    assert follower.ids() == {chunk_id(live, 0)}
    assert np.array_equal(before.chunk_vectors(before.everywhere), follower.snapshot.vectors[-1:])
