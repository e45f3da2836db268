"""Which files of a folder are to be indexed: patterns, ignore files, and what is left alone anyway."""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from index.errors import InvalidRequest
from index.files import read
from index.load import SUFFIXES

IGNORE_NAME = ".qaignore"
"""The file of patterns that counts for the folder that it is in, and for those below."""

_IGNORE_BYTES = 2**16
_HIDDEN = (".", "~$")  # Word and LibreOffice put ~$x.docx and .~lock.x.odt# beside what they have open

_BETWEEN = "(?:/.+)?"
_ANYWHERE = "^(?:.+/)?"
_STAR = re.compile(r"\[\^/\]\*((?:\[\^/\]|[^/])*?)(?=\[\^/\]\*)")
"""What the package makes of `/**`, of `**/` in front, and of a `*` with what stands before the next one."""


class Selection:
    """Which files are wanted: gitignore-style patterns, relative to the folder that is synchronised.

    Without `include` all files are, or else those that match one of its patterns; what `exclude` matches is
    not, and neither is what the ignore files of the folders leave out. Of patterns the last that matches
    decides; those of `exclude` before those of ignore files, those of a deeper folder before those above it.
    What lies in a folder that is left out can't be taken in again. Folders in `apart` are never entered.

    Raises `InvalidRequest` for what is no pattern.
    """

    def __init__(
        self, *, include: Sequence[str] = (), exclude: Sequence[str] = (), apart: Iterable[Path] = ()
    ) -> None:
        self._include = _spec(include) if include else None
        self._rules = (_Rules("", _spec(exclude)),) if exclude else ()
        self._apart = {path.resolve() for path in apart}

    def enters(self, path: str, folder: Path, ignored: "tuple[_Rules, ...]") -> bool:
        """Whether the files of a folder may be wanted; `path` is relative, with `/` at its end."""
        return not _leaves_out(path, (*ignored, *self._rules)) and folder not in self._apart

    def takes(self, path: str, ignored: "tuple[_Rules, ...]" = ()) -> bool:
        """Whether a file is wanted, by its relative path."""
        if _leaves_out(path, (*ignored, *self._rules)):
            return False
        return self._include is None or self._include.match_file(_composed(path))


EVERYTHING = Selection()
"""All files but those that ignore files leave out."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """Patterns of one place, which count for paths that begin with `within`."""

    within: str
    spec: GitIgnoreSpec

    def leave_out(self, path: str) -> bool | None:
        """Whether the last pattern that matches leaves a path out or takes it in; None where none does."""
        return self.spec.check_file(_composed(path.removeprefix(self.within))).include


@dataclass(slots=True)
class Walked:
    """The files to index, those to leave alone as links or of other formats, and folders that could not be looked into.

    Those have the reason with them. What patterns leave out stands nowhere.
    """

    files: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    unlisted: dict[Path, str] = field(default_factory=dict)


def walk(root: Path, selection: Selection = EVERYTHING) -> Walked:
    """The files below `root`, or `root` itself, sorted and without hidden ones and locks of Office programs.

    Links are not followed: a link can lead out of the folder, or round in it. A folder whose ignore file can't
    be read is one that can't be looked into: what it leaves out is not known.
    """
    walked = Walked()
    if root.is_file():
        walked.files += [root] if selection.takes(root.name) else []
        return walked

    def note(error: OSError) -> None:
        walked.unlisted[Path(error.filename)] = f"could not be listed: {error.strerror or 'unknown error'}"

    ignored: dict[Path, tuple[_Rules, ...]] = {root: ()}
    for name, names, files in os.walk(root, onerror=note):
        folder = Path(name)
        above = ignored.pop(folder)
        within = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
        try:
            rules = (*above, *_ignore_file(folder, within)) if IGNORE_NAME in files else above
        except (OSError, InvalidRequest, UnicodeDecodeError) as error:
            walked.unlisted[folder] = f"its {IGNORE_NAME} could not be read: {error}"
            names.clear()
            continue
        names[:] = sorted(
            each
            for each in names
            if not each.startswith(".") and selection.enters(f"{within}{each}/", folder / each, rules)
        )
        ignored |= {folder / each: rules for each in names}
        for each in sorted(files):
            if not each.startswith(_HIDDEN) and selection.takes(within + each, rules):
                path = folder / each
                (walked.files if is_ours(path) else walked.skipped).append(path)
    return walked


def is_ours(path: Path) -> bool:
    """Whether a path is a file with the ending of a format that is read, and no link."""
    return path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()


def _ignore_file(folder: Path, within: str) -> Iterator[_Rules]:
    text = read(folder / IGNORE_NAME, max_bytes=_IGNORE_BYTES).decode("utf-8-sig")
    yield _Rules(within, _spec(line.removesuffix("\r") for line in text.split("\n")))


def _leaves_out(path: str, rules: Sequence[_Rules]) -> bool:
    for each in reversed(rules):
        if (found := each.leave_out(path)) is not None:
            return found
    return False


def _spec(patterns: Iterable[str]) -> GitIgnoreSpec:
    lines = [_composed(each) for each in patterns]
    try:
        return GitIgnoreSpec.from_lines(lines, _Pattern)
    except (ValueError, re.error) as error:
        raise InvalidRequest(f"{error}; patterns are those of .gitignore files") from None


class _Pattern(GitIgnoreSpecPattern):
    """A pattern that is matched in a time that does not grow with a power of how many `*` it has."""

    __slots__ = ()

    @classmethod
    def pattern_to_regex(cls, pattern: Any) -> tuple[Any, bool | None]:
        """The regular expression, and whether what it matches is left out."""
        regex, include = super().pattern_to_regex(pattern)
        return regex and _tried_once(regex), include


def _tried_once(regex: str) -> str:
    """The same pattern, in which what stands between two stars is looked for once, where it is first.

    If the rest does not fit behind that, it does not fit behind a later place either.
    """
    *before, last = _STAR.sub(r"(?>[^/]*?\1)", regex).split(_BETWEEN)
    if not before:
        return last
    first, *middle = before
    if first.startswith(_ANYWHERE):
        first = f"^(?>(?:.+?/)??{first.removeprefix(_ANYWHERE)}(?=/))"
    return "".join((first, *(f"(?>(?:/.+?)??{each}(?=/))" for each in middle), _BETWEEN, last))


def _composed(text: str) -> str:
    """A name as one writes it: file systems may keep its accents apart."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
