"""An index beside a dictionary: whatever is added, replaced, deleted, restarted, cut off and damaged, they agree."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import ClassVar

from damage import DAMAGE, hurt
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tiny import Index, TinyEmbedder, check, open_index

SOURCES = ("otter", "kiln", "harbour", "violin", "glacier", "ledger")
_GONE = 6


class Machine(RuleBasedStateMachine):
    """Documents in a data directory of their own, and the texts that should be in it.

    A crash is the state of the disk at that moment: a copy of all files, made with everything open. Every version of
    a text has a word that stands in no other.
    """

    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.embedder = TinyEmbedder()
        self.home = Path(tempfile.mkdtemp(prefix="machine", dir=_fast()))
        self.data_dir = self.home / "0"
        self.index: Index = open_index(self.data_dir, self.embedder)
        self.texts: dict[str, str] = {}
        self.gone: list[str] = []
        self.number = 0

    @rule(sources=st.sets(st.sampled_from(SOURCES), min_size=1, max_size=3), lines=st.integers(1, 4))
    def put(self, sources: set[str], lines: int) -> None:
        """Add or replace some documents in one batch."""
        new = {source: self._text(source, lines) for source in sorted(sources)}
        for source in new:
            self._forget(source)
        self.index.put(**new)
        self.texts |= new

    @rule(source=st.sampled_from(SOURCES))
    def put_again(self, source: str) -> None:
        """Store a document as it is."""
        if source in self.texts:
            embedded = self.embedder.calls
            self.index.put(**{source: self.texts[source]})
            assert self.embedder.calls == embedded

    @precondition(lambda self: self.texts)
    @rule(at=st.integers(0, 5))
    def delete(self, at: int) -> None:
        """Remove a document."""
        source = sorted(self.texts)[at % len(self.texts)]
        self._forget(source)
        del self.texts[source]
        self.index.delete(source)

    @rule()
    def restart(self) -> None:
        """Close cleanly, and open again."""
        self.index.close()
        self._open()

    @rule(then=st.sampled_from(("nothing", *DAMAGE)), seed=st.integers(0, 2**32), chance=st.integers(0, 15))
    def crash(self, then: str, seed: int, chance: int) -> None:
        """Go on from the files as they are while everything is open, and as some damage leaves them."""
        if chance:  # opening after a crash takes a second
            return
        copy = self.home / str(int(self.data_dir.name) + 1)
        shutil.copytree(self.data_dir, copy)
        self.index.close()
        shutil.rmtree(self.data_dir)
        self.data_dir = copy
        if then != "nothing":
            hurt(self.data_dir / "followers", then, seed)
        self.counts[then] += 1
        self._open()

    @invariant()
    def agrees(self) -> None:
        """The index holds what the dictionary holds."""
        self.counts["steps"] += 1
        check(self.index, self.texts, gone=self.gone)

    def teardown(self) -> None:
        self.index.close()
        shutil.rmtree(self.home)
        self.counts["runs"] += 1

    def _open(self) -> None:
        embedded = self.embedder.calls
        self.index = open_index(self.data_dir, self.embedder)
        assert self.embedder.calls == embedded, "opening embeds"

    def _text(self, source: str, lines: int) -> str:
        self.number += 1
        word = f"{source}{self.number}x"
        more = (f"Line {at} of {word} tells of the {source}." for at in range(lines))
        return "\n\n".join((f"The secret of the {source} is {word}.", *more))

    def _forget(self, source: str) -> None:
        if source in self.texts:
            word = self.texts[source].partition(".")[0].rpartition(" ")[2]
            self.gone = [*self.gone, word][-_GONE:]


def _fast() -> Path | None:
    """A file system in memory where there is one: what is lost with the power is not what is tried here."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder that is made in it is our own
    return memory if memory.is_dir() else None
