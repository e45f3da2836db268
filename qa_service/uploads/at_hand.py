"""The upload at hand: how far it is, as the catalog is told twice a second, and whether it is still wanted."""

import logging
import threading
from collections.abc import Callable
from typing import Self

from index.errors import QAError
from index.jobs import Jobs, Stage

_SECONDS = 0.5

log = logging.getLogger(__name__)


class AtHand:
    """While its block runs, tells `jobs` how far an upload is, and learns whether it was cancelled.

    Any process may watch and cancel, so both go through the catalog; what ends in half a second costs it
    nothing. `give_up` is called, in another thread, when an upload is no longer wanted while it is parsed.
    """

    def __init__(self, jobs: Jobs, item_id: int, *, give_up: Callable[[], None]) -> None:
        self.is_cancelled = False
        self._jobs = jobs
        self._item_id = item_id
        self._give_up = give_up
        self._now: tuple[Stage, int, int | None] = ("parsing", 0, None)
        self._told: tuple[Stage, int, int | None] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="at-hand", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def embedded(self, done: int, total: int) -> None:
        """So many of its chunks are embedded; when all are, it is asked for the last time whether it is wanted."""
        self._now = ("embedding" if done < total else "writing", done, total)
        if done == total and not self._jobs.is_wanted(self._item_id):
            self.is_cancelled = True

    def _run(self) -> None:
        while not self._over.wait(_SECONDS):
            try:
                self._tell()
            except QAError as error:  # the work itself will say what is wrong
                log.warning("how far an upload is can't be told: %s", error)

    def _tell(self) -> None:
        stage, embedded, chunks = now = self._now
        if not self.is_cancelled and not self._jobs.is_wanted(self._item_id):
            self.is_cancelled = True
            if stage == "parsing":
                self._give_up()
        elif now != self._told:
            self._jobs.note(self._item_id, stage, embedded=embedded, chunks=chunks)
            self._told = now
