"""Indexing as it is shown in a terminal: a progress bar while it runs, a line of counts at the end."""

from collections import Counter
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from index.sync import Synced
from qa_service.terminal import printable

_WORDS = {
    "indexed": "indexed",
    "replaced": "replaced",
    "unchanged": "unchanged, not embedded again",
    "removed": "removed",
    "failed": "failed",
    "skipped": "skipped (links, or of other formats)",
}


class Progress:
    """Counts files as they end; draws a bar where `stream` is a terminal, and nothing where it is not."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._failed: list[Synced] = []
        self._counts: Counter[str] = Counter()
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
            disable=not stream.isatty(),
        )
        self._task = self._bar.add_task("reading", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def embedded(self, name: str, done: int, total: int) -> None:
        """Chunks of the document at hand have been embedded."""
        self._bar.update(self._task, description=f"embedding {escape(printable(name))} {done}/{total}")

    def ended(self, synced: Synced) -> None:
        """A file has ended."""
        self._counts[synced.outcome] += 1
        if synced.outcome == "failed":
            self._failed.append(synced)
        if synced.outcome not in ("removed", "skipped"):
            self._bar.advance(self._task)

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
