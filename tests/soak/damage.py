"""What can become of the files of followers, whatever followers there are: each damage takes them all alike."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, random.Random], None]


def _files(followers: Path) -> list[Path]:
    return sorted(path for path in followers.rglob("*") if path.is_file() and path.stat().st_size)


def _some(files: list[Path], dice: random.Random) -> list[Path]:
    return dice.sample(files, dice.randint(1, max(1, len(files) // 3))) if files else []


def truncate_some(followers: Path, dice: random.Random) -> None:
    for path in _some(_files(followers), dice):
        os.truncate(path, dice.randrange(path.stat().st_size))


def empty_some(followers: Path, dice: random.Random) -> None:
    for path in _some(_files(followers), dice):
        os.truncate(path, 0)


def empty_all(followers: Path, _dice: random.Random) -> None:
    for path in _files(followers):
        os.truncate(path, 0)


def flip_some(followers: Path, dice: random.Random) -> None:
    for path in _some(_files(followers), dice):
        content = bytearray(path.read_bytes())
        for _ in range(dice.randint(1, 8)):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(content)


def remove_some(followers: Path, dice: random.Random) -> None:
    for path in _some(_files(followers), dice):
        path.unlink()


def overwrite_some(followers: Path, dice: random.Random) -> None:
    for path in _some(_files(followers), dice):
        path.write_bytes(dice.randbytes(path.stat().st_size))


def append_to_some(followers: Path, dice: random.Random) -> None:
    for path in _some(_files(followers), dice):
        with path.open("ab") as output:
            output.write(dice.randbytes(dice.randint(1, 5000)))


def garbage_databases(followers: Path, dice: random.Random) -> None:
    for path in followers.rglob("*.sqlite3"):
        path.write_bytes(dice.randbytes(20_000))


def truncate_vectors(followers: Path, dice: random.Random) -> None:
    for path in followers.rglob("*.bin"):
        if path.stat().st_size:
            os.truncate(path, dice.randrange(path.stat().st_size))


def remove_a_folder(followers: Path, dice: random.Random) -> None:
    folders = sorted(path for path in followers.rglob("*") if path.is_dir())
    if folders:
        shutil.rmtree(dice.choice(folders))


def remove_all(followers: Path, _dice: random.Random) -> None:
    shutil.rmtree(followers)


def swap_two_files(followers: Path, dice: random.Random) -> None:
    files = _files(followers)
    if len(files) > 1:
        one, two = dice.sample(files, 2)
        first, second = one.read_bytes(), two.read_bytes()
        one.write_bytes(second)
        two.write_bytes(first)


def folders_for_files(followers: Path, dice: random.Random) -> None:
    for path in _some(_files(followers), dice):
        path.unlink()
        path.mkdir()


def file_for_a_folder(followers: Path, dice: random.Random) -> None:
    folders = [followers, *sorted(path for path in followers.rglob("*") if path.is_dir())]
    chosen = dice.choice(folders)
    shutil.rmtree(chosen)
    chosen.write_bytes(dice.randbytes(100))


def file_for_all(followers: Path, _dice: random.Random) -> None:
    shutil.rmtree(followers)
    followers.write_text("x")


def replace_by(followers: Path, others: Path) -> None:
    shutil.rmtree(followers)
    shutil.copytree(others, followers)


DAMAGE: dict[str, Damage] = {
    "truncated": truncate_some,
    "emptied": empty_some,
    "all emptied": empty_all,
    "bits flipped": flip_some,
    "removed": remove_some,
    "overwritten": overwrite_some,
    "appended to": append_to_some,
    "garbage databases": garbage_databases,
    "truncated vectors": truncate_vectors,
    "a folder removed": remove_a_folder,
    "all removed": remove_all,
    "two swapped": swap_two_files,
    "folders for files": folders_for_files,
    "a file for a folder": file_for_a_folder,
    "a file for all": file_for_all,
}


def hurt(followers: Path, damage: str, seed: int) -> None:
    """Do a damage of `DAMAGE` to the files of all followers; the same seed does the same to the same files."""
    DAMAGE[damage](followers, random.Random(seed))  # noqa: S311 - it chooses what is hurt
