"""10,000 readings during 200 replaces: none is empty, none is of two versions, none is of one that was replaced."""

from pathlib import Path
from types import ModuleType


def test_ten_thousand_readings_during_two_hundred_replaces_see_one_version_each(
    tmp_path: Path, tiny: ModuleType, reading: ModuleType
) -> None:
    with tiny.opened_index(tmp_path / "data", tiny.TinyEmbedder()) as index:
        seen = reading.watch(index, readings=10_000, replaces=200)
    print(f"{seen.count} readings, {seen.empty} empty, {len(seen.mixed)} mixed, {seen.stale} stale")  # noqa: T201
