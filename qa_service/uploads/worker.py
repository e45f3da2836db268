"""The thread that indexes acknowledged uploads, and moves collections to another embedding model."""

import errno
import logging
import threading
from collections import Counter

from structlog.contextvars import bound_contextvars

from index.catalog import Collection, check_model
from index.errors import (
    CatalogError,
    DiskFull,
    EmbeddingError,
    FollowerError,
    FollowerUnreachable,
    InternalError,
    ParserUnavailable,
    QAError,
)
from index.ingest import OnEmbedded
from index.jobs import Delay, Queued
from index.upload import Outcome
from qa_service.services import Services
from qa_service.telemetry.observing import indexing
from qa_service.uploads.at_hand import AtHand
from qa_service.uploads.deaths import Deaths

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
    has died five times in a row. One that is cancelled is given up before its next batch of text is embedded.
    """

    def __init__(self, services: Services, *, pause_seconds: float = 1.0) -> None:
        self.delay: Delay | None = None
        self._services = services
        self._pause_seconds = pause_seconds
        self._attempts: Counter[int] = Counter()
        self._faults: Counter[int] = Counter()
        self._failures = 0
        self._leads = False
        self._watched = services.settings.data_dir / "indexing.json"
        self._deaths = Deaths(self._watched)
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
            except _DeposedError:
                continue
            except QAError as error:
                self._pause(error)
            except Exception:
                log.exception("the queue of uploads can't be worked on")
                self._pause(InternalError("the uploads can't be worked on; the log says why"))
            else:
                self._wake.wait()

    def _work(self) -> None:
        """Index what is queued, where this is the process that does; raises where that has to wait."""
        if not self._begin():
            return
        for item_id in sorted(self._services.jobs.queued(), key=self._tried):
            if self._stop.is_set():
                raise _StoppedError
            if not self._begin():
                return
            if self._services.followers.are_shared:
                self._services.followers.look()  # before anything is embedded that could not be written
            if item := self._services.jobs.take(item_id):  # else its document was deleted
                with bound_contextvars(job_id=item.job_id):
                    self._finish(item)
            del self._attempts[item_id], self._faults[item_id]
            self._failures = 0
            self.delay = None

    def _begin(self) -> bool:
        """Whether uploads are for this process; when it comes to that, nothing is under way yet."""
        if not self._services.followers.leads():
            self._leads, self.delay = False, None
            return False
        if not self._leads:
            self._services.jobs.rest()
            self._deaths = Deaths(self._watched)
            self._leads = True
        return True

    def _end(
        self, item_id: int, outcome: Outcome, error: QAError | None = None, *, chunks: int | None = None
    ) -> None:
        """Record how an upload ended, unless another process has come to work on it."""
        if not self._services.followers.leads():
            raise _DeposedError
        self._services.jobs.end(item_id, outcome, error, chunks=chunks)

    def _tried(self, item_id: int) -> int:
        return self._attempts[item_id] + self._deaths.deaths(item_id)

    def _finish(self, item: Queued) -> None:
        """Index one upload and record how it ended; raises where it is to be tried again."""
        jobs, item_id = self._services.jobs, item.item_id
        if self._deaths.deaths(item_id) >= _DEATHS:
            self._end(
                item_id, "failed", InternalError(f"the service died {_DEATHS} times while it was indexed")
            )
            return
        self._attempts[item_id] += 1
        at_hand = AtHand(jobs, item_id, give_up=self._services.loader.close)
        try:
            services = self._services
            with at_hand, self._deaths.over(item_id), indexing(services, _QUITS) as attempt:
                attempt.outcome, attempt.error = self._index(item, at_hand)
        except _CancelledError:
            return
        except (_StoppedError, _DeposedError, CatalogError, FollowerError, ParserUnavailable):
            raise
        except EmbeddingError as error:
            if not (self._can_embed() and self._is_at_fault(item_id)):
                raise
            self._end(item_id, "failed", error)
        except QAError as error:
            self._end(item_id, "failed", error)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _FULL:
                raise DiskFull(f"the disk is full ({error}): free some of it, and uploads go on") from error
            log.exception("item %d of a job can't be indexed", item_id)
            fault = InternalError("a fault of this service kept it from being indexed; the log says which")
            if not self._is_at_fault(item_id):
                raise fault from None
            self._end(item_id, "failed", fault)

    def _index(self, item: Queued, at_hand: AtHand) -> tuple[Outcome, QAError | None]:
        services = self._services
        collection = services.catalog.collection(item.collection)  # one that was deleted is not made again

        def go_on(_name: str, done: int, total: int) -> None:
            self._quit(at_hand)
            at_hand.embedded(done, total)
            self._quit(at_hand)

        if item.upload is None:
            return self._reindex(item, collection, go_on), None
        check_model(collection, services.embedder.name)
        try:
            (result,) = services.ingestor(collection).put([item.upload], on_embedded=go_on)
        except ParserUnavailable:
            self._quit(at_hand)  # for then the parser was ended on purpose
            raise
        if renamed := services.jobs.renamed(item):
            if result.error and (again := services.jobs.take(item.item_id)):
                return self._index(again, at_hand)
            if result.document_id:
                services.rename_document(collection, result.document_id, **renamed)
        self._end(item.item_id, result.outcome, result.error, chunks=result.chunks)
        return result.outcome, result.error

    def _quit(self, at_hand: AtHand) -> None:
        """Raise where the upload at hand is to be left."""
        if self._stop.is_set():
            raise _StoppedError
        if at_hand.is_cancelled:
            raise _CancelledError

    def _reindex(self, item: Queued, collection: Collection, go_on: OnEmbedded) -> Outcome:
        outcome: Outcome = "unchanged"
        if collection.embedding_model != self._services.embedder.name:
            self._services.reindex(collection, on_embedded=go_on)
            outcome = "replaced"
        chunks = self._services.catalog.counts()[collection.id].chunks
        self._end(item.item_id, outcome, chunks=chunks)
        return outcome

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
        if isinstance(error, FollowerUnreachable):  # looking again costs nothing
            seconds = self._pause_seconds
        else:
            self._failures += 1
        log.warning("uploads wait %.1f s: %s", seconds, error)
        self.delay = Delay(error, seconds)
        self._leads = False  # what was under way is not any more
        self._stop.wait(seconds)


class _CancelledError(Exception):
    """The upload at hand is not wanted any more."""


class _StoppedError(Exception):
    """The worker is to end: what is at hand is left for the next start."""


class _DeposedError(Exception):
    """Another process leads now, and works on the queue."""


_QUITS = (_CancelledError, _StoppedError, _DeposedError)
