"""Indexing as it is shown in a terminal: a progress bar while it runs, a line of counts at the end."""

import time
from collections import Counter
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from index.sync import Ahead, Synced
from qa_service.commands.pace import Pace
from qa_service.printable import printable

_WORDS = {
    "indexed": "indexed",
    "replaced": "replaced",
    "moved": "moved, not embedded again",
    "unchanged": "unchanged, not embedded again",
    "removed": "removed",
    "excluded": "removed as they are excluded now",
    "failed": "failed",
    "skipped": "skipped (links, or of other formats)",
}
_READ = ("indexed", "replaced", "failed")


class Progress:
    """Counts files as they end; draws a bar where `stream` is a terminal, and nothing where it is not.

    What a plan has ahead is known when all `paths` have been compared; until then, no time is shown that is left.
    """

    def __init__(self, paths: int, stream: TextIO) -> None:
        self._failed: list[Synced] = []
        self._counts: Counter[str] = Counter()
        self._unplanned = paths
        self._pace = Pace(now=time.monotonic())
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[files]}"),
            _PaceColumn(self),
            console=Console(file=stream),
            transient=True,
            disable=not stream.isatty(),
        )
        self._task = self._bar.add_task("comparing", total=None, files="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def planned(self, ahead: Ahead) -> None:
        """One of the paths has been compared with what is indexed."""
        self._unplanned -= 1
        self._pace.plan(ahead.files, ahead.size)
        self._show("reading" if ahead.files else "comparing")

    def embedded(self, name: str, done: int, total: int) -> None:
        """Chunks of a document at hand have been embedded."""
        self._pace.embedded(name, done, total, now=time.monotonic())
        self._show(f"embedding {escape(printable(name))} {done}/{total}")

    def ended(self, synced: Synced) -> None:
        """A file has ended."""
        self._counts[synced.outcome] += 1
        if synced.outcome == "failed":
            self._failed.append(synced)
        if synced.outcome in _READ:
            name = synced.source.rpartition("/")[2]
            self._pace.ended(name, size=synced.size, chunks=synced.chunks, now=time.monotonic())
            self._show()

    def pace(self) -> str:
        """Such as `57 passages/s, 4:10 left`, as far as it is known."""
        now = time.monotonic()
        rate = self._pace.rate(now=now)
        left = None if self._unplanned else self._pace.seconds_left(now=now)
        shown = [] if rate is None else [f"{rate:.0f} passages/s" if rate >= 10 else f"{rate:.1f} passages/s"]
        return ", ".join(shown + ([] if left is None else [f"{_clock(left)} left"]))

    def summary(self) -> str:
        """One line, such as `18 indexed, 2 failed`."""
        counted = [
            f"{self._counts[outcome]} {word}" for outcome, word in _WORDS.items() if self._counts[outcome]
        ]
        return ", ".join(counted) or "there is nothing to index here"

    @property
    def failures(self) -> list[str]:
        """A line for each file that failed: its source and why."""
        return [printable(f"  {synced.source}: {synced.error}") for synced in self._failed]

    def _show(self, description: str | None = None) -> None:
        left = None if self._unplanned else self._pace.left()
        self._bar.update(
            self._task,
            description=description,
            completed=self._pace.done,
            total=None if left is None else self._pace.done + left,
            files=f"{self._pace.files}/{self._pace.files_ahead}" if self._pace.files_ahead else "",
        )


class _PaceColumn(ProgressColumn):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        super().__init__()

    def render(self, task: Task) -> Text:
        """The pace now: it drops while nothing comes."""
        return Text(self._progress.pace())


def _clock(seconds: float) -> str:
    """Such as `0:07`, `4:10` or `1:02:33`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
