"""The thread that indexes acknowledged uploads."""

import errno
import logging
import threading
from collections import Counter

from index.errors import (
    CatalogError,
    DiskFull,
    EmbeddingError,
    FollowerError,
    InternalError,
    ParserUnavailable,
    QAError,
)
from index.jobs import Delay, Queued
from qa_service.services import Services
from qa_service.watch import Watch

_FAULTS = 3
_FULL = (errno.ENOSPC, errno.EDQUOT)
_DEATHS = 5
_MAX_PAUSE_SECONDS = 60.0
_CLOSE_SECONDS = 10.0

log = logging.getLogger(__name__)


class Worker:
    """Indexes acknowledged uploads in a thread of its own, one by one, also those of before a crash.

    What is wrong with an upload is recorded in its job. Where something else fails, as a disk or an embedding
    model can, uploads wait, and are tried again after a pause that doubles from `pause_seconds` to a minute;
    those that have been tried less often come first. `delay` says so meanwhile. An upload that makes the
    embedding model fail, or this service, three times and alone, is failed, and so is one at which the process
    has died five times in a row.
    """

    def __init__(self, services: Services, *, pause_seconds: float = 1.0) -> None:
        self.delay: Delay | None = None
        self._services = services
        self._pause_seconds = pause_seconds
        self._attempts: Counter[int] = Counter()
        self._faults: Counter[int] = Counter()
        self._failures = 0
        self._watch = Watch(services.settings.data_dir / "indexing.json")
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index-worker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for uploads: a job has been added."""
        self._wake.set()

    def is_alive(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop before the next batch of text is embedded; what is not finished waits in the catalog.

        The file that is being parsed is given up.
        """
        self._stop.set()
        self._wake.set()
        self._services.loader.close()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self._work()
            except _StoppedError:
                return
            except QAError as error:
                self._pause(error)
            except Exception:
                log.exception("the queue of uploads can't be worked on")
                self._pause(InternalError("the uploads can't be worked on; the log says why"))
            else:
                self._wake.wait()

    def _work(self) -> None:
        """Index what is queued; raises where that has to wait."""
        for item_id in sorted(self._services.jobs.queued(), key=self._tried):
            if self._stop.is_set():
                raise _StoppedError
            if item := self._services.jobs.take(item_id):  # else its document was deleted
                self._finish(item)
            del self._attempts[item_id], self._faults[item_id]
            self._failures = 0
            self.delay = None

    def _tried(self, item_id: int) -> int:
        return self._attempts[item_id] + self._watch.deaths(item_id)

    def _finish(self, item: Queued) -> None:
        """Index one upload and record how it ended; raises where it is to be tried again."""
        jobs, item_id = self._services.jobs, item.item_id
        if self._watch.deaths(item_id) >= _DEATHS:
            jobs.end(
                item_id, "failed", InternalError(f"the service died {_DEATHS} times while it was indexed")
            )
            return
        self._attempts[item_id] += 1
        try:
            with self._watch.over(item_id):
                self._index(item)
        except ParserUnavailable:
            if self._stop.is_set():
                raise _StoppedError from None
            raise
        except (_StoppedError, CatalogError, FollowerError):
            raise
        except EmbeddingError as error:
            if not (self._can_embed() and self._is_at_fault(item_id)):
                raise
            jobs.end(item_id, "failed", error)
        except QAError as error:
            jobs.end(item_id, "failed", error)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _FULL:
                raise DiskFull(f"the disk is full ({error}): free some of it, and uploads go on") from error
            log.exception("document %s can't be indexed", item.upload.document_id)
            fault = InternalError("a fault of this service kept it from being indexed; the log says which")
            if not self._is_at_fault(item_id):
                raise fault from None
            jobs.end(item_id, "failed", fault)

    def _index(self, item: Queued) -> None:
        services = self._services
        ingestor = services.ingestor(services.collection(item.collection))
        (result,) = ingestor.put([item.upload], on_embedded=self._go_on)
        services.jobs.end(item.item_id, result.outcome, result.error)

    def _go_on(self, _name: str, _done: int, _total: int) -> None:
        if self._stop.is_set():
            raise _StoppedError

    def _is_at_fault(self, item_id: int) -> bool:
        """Count a failure that is the upload's own; whether there have been enough."""
        self._faults[item_id] += 1
        return self._faults[item_id] >= _FAULTS

    def _can_embed(self) -> bool:
        """Whether the embedding model takes another text, so that the fault lies with the upload."""
        try:
            self._services.embedder.embed_query("probe")
        except EmbeddingError:
            return False
        return True

    def _pause(self, error: QAError) -> None:
        seconds = min(self._pause_seconds * 2.0 ** min(self._failures, 20), _MAX_PAUSE_SECONDS)
        self._failures += 1
        log.warning("uploads wait %.1f s: %s", seconds, error)
        self.delay = Delay(error, seconds)
        self._stop.wait(seconds)


class _StoppedError(Exception):
    """The worker is to end: what is at hand is left for the next start."""
