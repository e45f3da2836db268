"""Which files of a folder are to be indexed."""

import os
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from index.errors import InvalidRequest
from index.walk import Selection, walk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")


def found(root: Path, *, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[str]:
    selection = Selection(include=include, exclude=exclude)
    return [path.relative_to(root).as_posix() for path in walk(root, selection).files]


def test_excluded_are_the_files_and_folders_that_match(root: Path) -> None:
    write(root, "a.md", "b.txt", "drafts/c.md", "deep/drafts/d.md", "deep/e.md")
    assert found(root, exclude=["*.txt", "drafts/"]) == ["a.md", "deep/e.md"]
    assert found(root, exclude=["/drafts/"]) == ["a.md", "b.txt", "deep/e.md", "deep/drafts/d.md"]
    assert found(root, exclude=["*.md", "!a.md"]) == ["a.md", "b.txt"]


def test_included_are_only_the_files_that_match(root: Path) -> None:
    write(root, "a.md", "b.txt", "handbook/c.md", "handbook/d.txt")
    assert found(root, include=["*.md"]) == ["a.md", "handbook/c.md"]
    assert found(root, include=["handbook/"]) == ["handbook/c.md", "handbook/d.txt"]
    assert found(root, include=["*.md"], exclude=["c.*"]) == ["a.md"]
    assert found(root, include=["*.docx"]) == []


def test_an_ignore_file_counts_for_its_folder_and_those_below(root: Path) -> None:
    write(root, "a.md", "secret.md", "deep/secret.md", "deep/b.md", "deep/er/b.md", "deep/er/c.md")
    (root / ".qaignore").write_text("# what is not for everybody\nsecret.md\n")
    assert found(root) == ["a.md", "deep/b.md", "deep/er/b.md", "deep/er/c.md"]
    (root / "deep" / ".qaignore").write_text("/b.md\r\n!secret.md\r\n")
    assert found(root) == ["a.md", "deep/secret.md", "deep/er/b.md", "deep/er/c.md"]


def test_the_locks_of_office_programs_are_hidden_files(root: Path) -> None:
    write(root, "plan.docx", "~$plan.docx", ".~lock.plan.docx#", "deep/~$b.xlsx", "~draft.md", "$a.md")
    assert found(root) == ["$a.md", "plan.docx", "~draft.md"]
    assert walk(root).skipped == []


def test_what_lies_in_a_folder_that_is_left_out_can_not_be_taken_in_again(root: Path) -> None:
    write(root, "drafts/a.md", "drafts/b.md")
    (root / ".qaignore").write_text("drafts/\n!drafts/a.md\n")
    assert found(root) == []


def test_patterns_of_the_command_go_before_those_of_ignore_files(root: Path) -> None:
    write(root, "a.md", "b.md")
    (root / ".qaignore").write_text("a.md\n")
    assert found(root, exclude=["!a.md", "b.md"]) == ["a.md"]


def test_gitignore_files_are_not_looked_at(root: Path) -> None:
    write(root, "report.pdf")
    (root / ".gitignore").write_text("*.pdf\n")
    assert found(root) == ["report.pdf"]


def test_a_name_is_matched_however_the_file_system_spells_its_accents(root: Path) -> None:
    write(root, unicodedata.normalize("NFD", "résumé.md"))
    assert found(root, exclude=[unicodedata.normalize("NFC", "résumé.md")]) == []
    assert found(root, exclude=[unicodedata.normalize("NFD", "résumé.md")]) == []


@pytest.mark.parametrize("content", [b"\xff\xfe*", b"!", b"[z-a]", b"x" * (2**20 + 1)])
def test_a_folder_whose_ignore_file_can_not_be_read_is_not_looked_into(root: Path, content: bytes) -> None:
    write(root, "a.md", "deep/b.md", "deep/er/c.md")
    (root / "deep" / ".qaignore").write_bytes(content)
    walked = walk(root)
    assert walked.files == [root / "a.md"]
    assert list(walked.unlisted) == [root / "deep"]
    assert ".qaignore could not be read" in walked.unlisted[root / "deep"]


def test_an_ignore_file_that_is_a_link_or_a_pipe_is_not_waited_for(root: Path, tmp_path: Path) -> None:
    write(root, "one/a.md", "two/b.md")
    os.mkfifo(root / "one" / ".qaignore")
    (root / "two" / ".qaignore").symlink_to(tmp_path / "elsewhere")
    walked = walk(root)
    assert (walked.files, sorted(walked.unlisted)) == ([], [root / "one", root / "two"])


def test_a_file_that_is_named_itself_is_matched_by_its_name(root: Path) -> None:
    write(root, "a.md")
    (root / ".qaignore").write_text("a.md\n")
    assert walk(root / "a.md").files == [root / "a.md"]
    assert walk(root / "a.md", Selection(exclude=["*.md"])).files == []


def test_folders_that_are_apart_are_not_entered(root: Path) -> None:
    write(root, "a.md", "data/followers/meta.json")
    assert walk(root, Selection(apart=[root / "data"])).files == [root / "a.md"]


@pytest.mark.parametrize("pattern", ["!", "a\\"])
def test_what_is_no_pattern_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(InvalidRequest, match="Invalid git pattern"):
        Selection(include=[pattern])


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("*a" * 30 + "*b", "a" * 200 + "b", "a" * 200 + ".md"),
        ("/x/" + "**/a/" * 30 + "b", "x/" + "a/" * 600 + "b", "x/" + "a/" * 600 + "c"),
        ("**/*a*a*/" * 10 + "b", "aaaaaaaa/" * 100 + "b", "aaaaaaaa/" * 100 + "c"),
    ],
)
def test_no_pattern_takes_long_whatever_it_is_compared_with(pattern: str, fits: str, fits_not: str) -> None:
    selection = Selection(exclude=[pattern])
    before = time.process_time()
    assert (selection.takes(fits), selection.takes(fits_not)) == (False, True)
    assert time.process_time() - before < 2


@given(
    pattern=st.text(alphabet="ab*?/", min_size=1, max_size=16).filter(lambda text: text.strip("/")),
    path=st.text(alphabet="ab/", min_size=1, max_size=16).filter(
        lambda text: "//" not in text and text[0] != "/"
    ),
)
def test_patterns_fit_what_they_fit_for_git(pattern: str, path: str) -> None:
    wanted = GitIgnoreSpec.from_lines([pattern]).check_file(path).include is None
    assert Selection(exclude=[pattern]).takes(path) is wanted
