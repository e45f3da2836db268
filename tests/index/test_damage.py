"""Followers whose files were damaged in any way: the answers are right, and nothing is embedded to make them so."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = ("truncated", "bits flipped", "two swapped", "garbage databases", "a file for all")


@pytest.fixture(scope="module")
def library(
    tmp_path_factory: pytest.TempPathFactory, tiny: ModuleType
) -> tuple[Path, dict[str, str], list[str]]:
    """A data directory in which documents were added, replaced and deleted: its texts, and words that are gone."""
    data_dir = tmp_path_factory.mktemp("library") / "data"
    with tiny.opened_index(data_dir, tiny.TinyEmbedder()) as index:
        for version in ("old", "new"):
            texts = {
                f"s{at}": f"The {version} secret of s{at} is w{at}{version}x.\n\n"
                + "\n\n".join(f"Line {n} of s{at} tells of number {n * at}." for n in range(40))
                for at in range(8)
            }
            index.put(**texts)
        index.put(extra="The extra secret is wextrax.")
        index.delete("extra")
    return data_dir, texts, ["wextrax", "w1oldx", "w7oldx"]


def open_damaged(
    library: tuple[Path, dict[str, str], list[str]],
    data_dir: Path,
    tiny: ModuleType,
    hurt: Callable[[Path], None],
) -> None:
    """Open a copy of the library that was hurt, and see that all is right, that it can be written to, and stays so."""
    source, texts, gone = library
    tiny.copy(source, data_dir)
    hurt(data_dir / "followers")
    embedder = tiny.TinyEmbedder()
    index: Any = tiny.open_index(data_dir, embedder)
    try:
        assert embedder.calls == 0
        tiny.check(index, texts, gone=gone)
        index.put(s1="The third secret of s1 is w1thirdx.")
        index.delete("s2")
        texts = {source: text for source, text in texts.items() if source != "s2"}
        texts["s1"] = "The third secret of s1 is w1thirdx."
        tiny.check(index, texts, gone=[*gone, "w1newx", "w2newx"])
    finally:
        index.close()
    with tiny.opened_index(data_dir, embedder) as again:
        tiny.check(again, texts, gone=gone)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in (1, 2))])
@pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.soak)
        for name in (
            *("truncated", "emptied", "all emptied", "bits flipped", "removed", "overwritten", "appended to"),
            *("garbage databases", "truncated vectors", "a folder removed", "all removed", "two swapped"),
            *("folders for files", "a file for a folder", "a file for all"),
        )
    ],
)
def test_damaged_followers_are_healed_without_embedding(
    library: tuple[Path, dict[str, str], list[str]],
    tmp_path: Path,
    tiny: ModuleType,
    damage: ModuleType,
    name: str,
    seed: int,
) -> None:
    open_damaged(library, tmp_path / "data", tiny, lambda followers: damage.hurt(followers, name, seed))


def test_every_damage_is_tried(damage: ModuleType) -> None:
    marks = test_damaged_followers_are_healed_without_embedding.pytestmark  # type: ignore[attr-defined]
    tried = {
        getattr(each, "values", (each,))[0]
        for mark in marks
        if mark.args[0] == "name"
        for each in mark.args[1]
    }
    assert tried == set(damage.DAMAGE)


@pytest.mark.soak
def test_followers_of_another_data_directory_are_made_again(
    library: tuple[Path, dict[str, str], list[str]], tmp_path: Path, tiny: ModuleType, damage: ModuleType
) -> None:
    with tiny.opened_index(tmp_path / "other", tiny.TinyEmbedder()) as other:
        for version in range(30):
            other.put(s1=f"The secret of another s1 is wother{version}x.")
    open_damaged(
        library,
        tmp_path / "data",
        tiny,
        lambda followers: damage.replace_by(followers, tmp_path / "other" / "followers"),
    )


@pytest.mark.soak
def test_followers_that_collections_have_swapped_are_made_again(tmp_path: Path, tiny: ModuleType) -> None:
    embedder = tiny.TinyEmbedder()
    texts = {name: f"The secret of {name} is w{name}x." for name in ("one", "two")}
    for name in texts:
        index = tiny.open_index(tmp_path / "data", embedder, name=name)
        index.put(**{name: texts[name]})
        index.close()
    first, second = sorted((tmp_path / "data" / "followers" / "tantivy").iterdir())
    first.rename(tmp_path / "aside")
    second.rename(first)
    (tmp_path / "aside").rename(second)
    calls = embedder.calls
    for name in texts:
        index = tiny.open_index(tmp_path / "data", embedder, name=name)
        assert embedder.calls == calls
        tiny.check(index, {name: texts[name]}, gone=[f"w{other}x" for other in texts if other != name])
        calls = embedder.calls
        index.close()
