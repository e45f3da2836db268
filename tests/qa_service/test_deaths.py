from pathlib import Path

import pytest

from qa_service.uploads.deaths import Deaths


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "indexing.json"


def die(path: Path, item_id: int) -> None:
    """What a process leaves that dies at an upload."""
    watch = Deaths(path)
    with watch.over(item_id):
        left = path.read_text()
    path.write_text(left)


def test_at_first_nothing_has_died(path: Path) -> None:
    assert Deaths(path).deaths(1) == 0


def test_a_death_is_that_of_the_upload_at_hand(path: Path) -> None:
    die(path, 1)
    assert (Deaths(path).deaths(1), Deaths(path).deaths(2)) == (1, 0)


def test_deaths_in_a_row_are_counted(path: Path) -> None:
    for _ in range(3):
        die(path, 1)
    assert Deaths(path).deaths(1) == 3


def test_the_death_of_another_ends_the_row(path: Path) -> None:
    for item_id in (1, 1, 2, 1):
        die(path, item_id)
    assert Deaths(path).deaths(1) == 1


def test_what_was_left_well_is_no_death(path: Path) -> None:
    with Deaths(path).over(1):
        pass
    with pytest.raises(KeyboardInterrupt), Deaths(path).over(1):
        raise KeyboardInterrupt
    assert Deaths(path).deaths(1) == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"item_id": null}', '{"item_id": 1, "deaths": "x"}'])
def test_a_file_that_was_not_written_whole_says_nothing(path: Path, text: str) -> None:
    path.write_text(text)
    assert Deaths(path).deaths(1) == 0
