"""An index whose process is killed while it adds, replaces and deletes, and what has to be there after each kill."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WRITER = Path(__file__).with_name("writer.py")
_CHANGES = 4  # how many changes a process lives through, at most
_SECONDS = 0.06  # how long after the beginning of the next it is killed, at most
_EARLY = 0.1  # which share is killed while it opens what the one before has left


@dataclass
class WriterTrial:
    """A data directory and what should be in it: `texts` by source, and what the change under way makes of it."""

    data_dir: Path
    seed: int
    texts: dict[str, str] = field(default_factory=dict)
    under_way: dict[str, str | None] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ready_seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 - it chooses when to kill
        self._process = subprocess.Popen(
            [sys.executable, _WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        """End the process that begins the others."""
        self._process.communicate(timeout=60)

    def kill(self) -> None:
        """Have a process open the index, see that all is there, and kill it in the middle of a change."""
        wanted = {
            "data_dir": str(self.data_dir),
            "seed": self._dice.randrange(10**6),
            "gone": self.gone[-4:],
        }
        self._tell(wanted)
        pid = int(self._hear("begins")["pid"])
        if self.texts and self._dice.random() < _EARLY:
            time.sleep(self._dice.uniform(0, 1.5))
            self._end(pid, "opening")
            return
        opened = self._hear("opened")
        self.ready_seconds.append(opened["seconds"])
        self._compare(opened["texts"])
        for left in range(self._dice.randint(0, _CHANGES), -1, -1):
            self.under_way = self._hear("begins")["change"]
            if not left:
                break
            self._hear("done")
            self._settle(self.under_way)
        time.sleep(self._dice.uniform(0, _SECONDS))
        self._end(pid, self._kind())

    def _end(self, pid: int, kind: str) -> None:
        """Kill a process, and take in what it has said meanwhile."""
        os.kill(pid, signal.SIGKILL)
        while (said := self._hear())["event"] != "ended":
            assert said["event"] != "failed", said["why"]
            if said["event"] == "done":
                self._settle(self.under_way)
                kind = "after it was done"
            elif said["event"] == "begins":
                self.under_way, kind = said["change"], "the next change"
            elif said["event"] == "opened":
                self._compare(said["texts"])
        self.counts[kind] += 1

    def _kind(self) -> str:
        if None in self.under_way.values():
            return "deleting"
        return "replacing" if self.under_way.keys() & self.texts.keys() else "adding"

    def _compare(self, found: dict[str, str]) -> None:
        """Each document is as it was acknowledged, or as the change made it that nobody saw the end of."""
        for source in self.texts.keys() | found.keys() | self.under_way.keys():
            allowed = {self.texts.get(source), self.under_way.get(source, self.texts.get(source))}
            assert found.get(source) in allowed, f"{source} is {found.get(source)!r}, not one of {allowed}"
        self._settle({source: found.get(source) for source in self.under_way})

    def _settle(self, change: dict[str, str | None]) -> None:
        for source, text in change.items():
            before = self.texts.pop(source, None)
            if before is not None and before != text:
                self.gone.append(before.partition(".")[0].rpartition(" ")[2])
            if text is not None:
                self.texts[source] = text
        self.under_way = {}

    def _tell(self, wanted: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()

    def _hear(self, event: str | None = None) -> dict[str, Any]:
        assert self._process.stdout
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert event in (None, said["event"]), said.get("why", said)
        return said
