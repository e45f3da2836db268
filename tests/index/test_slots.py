"""The folders of several processes over one data directory."""

from pathlib import Path

from index.seal import seal, unseal
from index.slots import gather, spread, take_slot


def filled(path: Path) -> Path:
    """The followers of one process as it has closed them."""
    for kind in ("chroma", "tantivy", "matrix"):
        (path / kind).mkdir(parents=True)
        (path / kind / "file").write_text(kind)
    seal(path)
    return path


def test_the_first_of_several_has_what_one_had_and_it_is_trusted(tmp_path: Path) -> None:
    path = filled(tmp_path / "followers")

    assert spread(path)

    assert (path / "worker-1" / "tantivy" / "file").read_text() == "tantivy"
    assert unseal(path / "worker-1")
    assert (path / "chroma" / "file").exists()


def test_one_has_again_what_the_first_of_several_had(tmp_path: Path) -> None:
    path = filled(tmp_path / "followers")
    spread(path)
    (path / "worker-2" / "matrix").mkdir(parents=True)

    gather(path, intact=True)

    assert {each.name for each in path.iterdir()} == {"chroma", "tantivy", "matrix", "closed.json"}
    assert unseal(path)


def test_what_was_not_closed_cleanly_is_not_trusted(tmp_path: Path) -> None:
    for at, (is_sealed, is_intact) in enumerate([(False, True), (True, False)]):
        path = filled(tmp_path / f"followers{at}")
        spread(path)
        if not is_sealed:
            unseal(path / "worker-1")

        gather(path, intact=is_intact)

        assert not unseal(path)


def test_each_process_takes_a_folder_that_no_other_has(tmp_path: Path) -> None:
    first, lease = take_slot(tmp_path)
    second, other = take_slot(tmp_path)
    lease.release()
    third, again = take_slot(tmp_path)

    assert (first.name, second.name, third.name) == ("worker-1", "worker-2", "worker-1")
    for each in (other, again):
        each.release()


def test_what_a_gathering_that_was_cut_off_has_left_goes_with_the_next_one(tmp_path: Path) -> None:
    path = filled(tmp_path / "followers")
    unseal(path)
    (path / "worker-2" / "matrix").mkdir(parents=True)

    gather(path, intact=True)

    assert {each.name for each in path.iterdir()} == {"chroma", "tantivy", "matrix"}
    assert not unseal(path)
