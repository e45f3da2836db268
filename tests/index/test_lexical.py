"""The tantivy follower: search by words, and indexes that were damaged."""

import json
import math
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog, Collection, NewVersion, StoredChunk
from index.document import Span
from index.errors import FollowerError
from index.follow import catch_up, mend
from index.lexical import LexicalFollower


def stored(
    version_id: int, *texts: str, title: str = "", headings: tuple[str, ...] = ()
) -> list[StoredChunk]:
    nothing = np.zeros(8, np.float32), np.zeros((0, 8), np.int8)
    return [
        StoredChunk(version_id, at, "d", title, "s", {}, Span(0, 1), text, b"", headings, None, *nothing)
        for at, text in enumerate(texts)
    ]


@pytest.fixture
def follower(tmp_path: Path) -> LexicalFollower:
    return LexicalFollower(tmp_path / "tantivy")


def test_chunks_with_rare_words_of_the_query_come_first(follower: LexicalFollower) -> None:
    texts = ("penguins and seals", "seals and fish", "seals and boats", "nothing of it")
    follower.apply(add=stored(1, *texts), remove=[], through=1)
    found = follower.search("Are there seals and a penguin?", 10).by_id()
    assert next(iter(found)) == "1.0"
    assert set(found) == {"1.0", "1.1", "1.2"}
    assert sorted(found.values(), reverse=True) == list(found.values())
    assert list(follower.search("penguin seal", 1).by_id()) == ["1.0"]


def test_titles_and_headings_are_searched_too(follower: LexicalFollower) -> None:
    follower.apply(add=stored(1, "ten days", title="Parental leave"), remove=[], through=1)
    follower.apply(add=stored(2, "ten days", headings=("Sabbatical",)), remove=[], through=2)
    assert list(follower.search("parental", 5).by_id()) == ["1.0"]
    assert list(follower.search("sabbatical", 5).by_id()) == ["2.0"]


@pytest.mark.parametrize(
    "query",
    ["", "   ", "the of and", '"', "AND OR NOT", "a:b", "text:*", "(((", "\\", "\0", "🏠", "kind:applied"],
)
def test_no_query_is_syntax(follower: LexicalFollower, query: str) -> None:
    follower.apply(add=stored(1, "penguins"), remove=[], through=1)
    assert follower.search(query, 5).by_id() == {}


def test_the_mark_is_never_found(follower: LexicalFollower) -> None:
    follower.apply(add=stored(1, "applied chunk"), remove=[], through=1)
    assert set(follower.search("applied", 5).by_id()) == {"1.0"}
    assert follower.ids() == {"1.0"}
    assert follower.count() == 1


def test_a_k_of_zero_finds_nothing(follower: LexicalFollower) -> None:
    follower.apply(add=stored(1, "penguins"), remove=[], through=1)
    assert follower.search("penguins", 0).by_id() == {}


def test_a_term_that_no_chunk_holds_weighs_more_than_any(follower: LexicalFollower) -> None:
    follower.apply(add=stored(1, "seals", "seals fish"), remove=[], through=1)
    weights = follower.term_weights("seals fish walrus")
    assert sorted(weights, key=weights.__getitem__) == ["seal", "fish", "walrus"]
    assert weights["walrus"] == math.inf


def test_terms_of_chunks_that_were_replaced_many_times_weigh_no_less_than_nothing(
    follower: LexicalFollower,
) -> None:
    for through in range(1, 6):
        follower.apply(add=stored(through, "seals"), remove=[f"{through - 1}.0"], through=through)
    assert follower.term_weights("seals")["seal"] > 0


def test_the_writer_is_free_again_after_an_error(tmp_path: Path) -> None:
    folder, away = tmp_path / "tantivy", tmp_path / "away"
    follower = LexicalFollower(folder)
    follower.apply(add=stored(1, "seals"), remove=[], through=1)
    folder.rename(away)
    with pytest.raises(FollowerError, match="qa doctor --repair") as caught:
        follower.apply(add=stored(2, "fish"), remove=[], through=2)
    away.rename(folder)
    follower.apply(add=stored(2, "fish"), remove=[], through=2)
    assert caught.value.__traceback__ is not None  # still held, with all its frames
    assert follower.ids() == {"1.0", "2.0"}


def leave_as_cut_off(folder: Path, *, known: bool) -> None:
    """Leave files of the names that the next commit wants, as one that was cut off does; `known` to tantivy."""
    meta = json.loads(next(folder.rglob("meta.json")).read_text())
    listed = next(folder.rglob(".managed.json"))
    names = [
        f"{segment['segment_id'].replace('-', '')}.{meta['opstamp'] + step}.del"
        for segment in meta["segments"]
        for step in range(1, 20)
    ]
    for name in names:
        (listed.parent / name).write_bytes(b"half")
    if known:
        listed.write_text(json.dumps([*json.loads(listed.read_text()), *names]))


def test_what_a_commit_that_was_cut_off_has_left_is_cleared_away(tmp_path: Path) -> None:
    LexicalFollower(tmp_path).apply(add=stored(1, "seals", "fish"), remove=[], through=1)
    leave_as_cut_off(tmp_path, known=True)
    follower = LexicalFollower(tmp_path)
    follower.apply(add=[], remove=["1.0"], through=2)
    assert follower.ids() == {"1.1"}


def test_a_follower_that_cannot_go_on_is_made_again(
    tmp_path: Path, catalog: Catalog, collection: Collection, version: Callable[..., NewVersion]
) -> None:
    follower = LexicalFollower(tmp_path / "tantivy")
    (first,) = catalog.add_pending(collection, [version("a", ["seals", "fish"])])
    catch_up(catalog, collection, follower)
    leave_as_cut_off(tmp_path, known=False)
    assert first is not None
    catalog.delete(first.document_id)
    catalog.add_pending(collection, [version("b", ["orcas"])])
    follower = LexicalFollower(tmp_path / "tantivy")
    assert mend(catalog, collection, follower, thorough=False)
    assert list(follower.search("orcas seals", 5).by_id()) == sorted(follower.ids())


def test_searches_go_on_while_chunks_come_and_go(follower: LexicalFollower) -> None:
    follower.apply(add=stored(1, "seals"), remove=[], through=1)
    done = threading.Event()
    found: set[frozenset[str]] = set()

    def search() -> None:
        while not done.is_set():
            found.add(frozenset(follower.search("seals", 5).by_id()))

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(2, 10):
        follower.apply(add=stored(number, "seals"), remove=[f"{number - 1}.0"], through=number)
    done.set()
    for thread in threads:
        thread.join()
    assert found <= {frozenset({f"{number}.0"}) for number in range(1, 10)}
    assert len(found) > 1


def test_no_file_of_an_index_holds_a_word(tmp_path: Path) -> None:
    follower = LexicalFollower(tmp_path)
    text = "Zqkestrel nests behind the lighthouse"
    follower.apply(add=stored(1, text, "fish", title="Zqosprey", headings=("Zqheron",)), remove=[], through=1)
    assert set(follower.search("zqkestrel zqosprey zqheron lighthouse", 5).by_id()) == {"1.0", "1.1"}
    content = b"".join(path.read_bytes() for path in files(tmp_path)).lower()
    for word in (b"zqkestrel", b"zqosprey", b"zqheron", b"lighthous", b"nest", b"fish"):
        assert word not in content


def test_two_indexes_have_nothing_in_common_for_the_same_word(tmp_path: Path) -> None:
    for name in ("one", "two"):
        LexicalFollower(tmp_path / name).apply(add=stored(1, "seals"), remove=[], through=1)
    one, two = ({path.read_bytes() for path in (tmp_path / name).rglob("*.term")} for name in ("one", "two"))
    assert one.isdisjoint(two)


def test_an_index_finds_its_words_again_when_it_is_opened_again_and_when_it_was_cleared(
    tmp_path: Path,
) -> None:
    LexicalFollower(tmp_path).apply(add=stored(1, "seals"), remove=[], through=1)
    follower = LexicalFollower(tmp_path)
    assert list(follower.search("seals", 5).by_id()) == ["1.0"]
    follower.clear()
    follower.apply(add=stored(2, "seals"), remove=[], through=2)
    assert list(follower.search("seals", 5).by_id()) == ["2.0"]
    assert list(LexicalFollower(tmp_path).search("seals", 5).by_id()) == ["2.0"]


def test_the_index_of_an_older_release_is_removed(tmp_path: Path) -> None:
    (tmp_path / "lexical-1").mkdir()
    (tmp_path / "lexical-1" / "old.term").write_bytes(b"words")
    assert LexicalFollower(tmp_path).applied() == 0
    assert not (tmp_path / "lexical-1").exists()


def test_a_single_bit_that_was_flipped_anywhere_leaves_an_index_whole_or_empty(tmp_path: Path) -> None:
    dice = random.Random(1)  # noqa: S311 - it chooses the bit
    for at, path in enumerate(_written(tmp_path / "first")):
        for trial in range(3):
            folder = tmp_path / f"{at}.{trial}"
            hurt = _written(folder)[at]
            content = bytearray(hurt.read_bytes())
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
            hurt.write_bytes(content)
            try:
                follower = LexicalFollower(folder)
                found = (follower.applied(), set(follower.search("seals", 5).by_id()))
            except FollowerError:
                continue  # as it is made again then
            assert found in ((3, {"1.0", "1.1"}), (0, set())), (path.name, found)


def files(path: Path) -> list[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file() and each.stat().st_size)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "removed": Path.unlink,
    "overwritten": lambda path: path.write_bytes(b"\xff" * path.stat().st_size),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_index_is_whole_or_starts_empty(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    names = {path.suffix for path in _written(tmp_path / "first")}
    assert len(names) >= 6
    for at, _ in enumerate(_written(tmp_path / "again")):
        folder = tmp_path / str(at)
        damage(_written(folder)[at])
        follower = LexicalFollower(folder)
        whole = follower.applied() == 3
        assert whole or follower.applied() == 0
        assert follower.ids() == ({"1.0", "1.1"} if whole else set())
        assert len(follower.search("seals", 5).by_id()) == (2 if whole else 0)
        follower.apply(add=stored(9, "seals"), remove=[], through=4)
        assert "9.0" in follower.ids()


def _written(folder: Path) -> list[Path]:
    LexicalFollower(folder).apply(add=stored(1, "seals", "seals and fish"), remove=[], through=3)
    return files(folder)


def test_a_missing_folder_starts_empty(tmp_path: Path) -> None:
    assert LexicalFollower(tmp_path / "a" / "b").applied() == 0
