"""An answer's events as server-sent events, with a comment now and then while nothing happens."""

import contextvars
import json
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from flask import Response

from index.errors import InternalError, QAError
from qa_service.answering.answer import Event
from qa_service.errors import Overloaded, ShuttingDown
from qa_service.replies import problem_json
from qa_service.telemetry.observing import Ending, ending
from qa_service.wire import JSON, event_json

Complete = Callable[[JSON], JSON]

_END_SECONDS = 2
"""How long clients may take to be sent the end of their streams, and what makes these to come to its own."""

log = logging.getLogger(__name__)


class Encoding(Protocol):
    """What an answer's events are sent as. It is given them in their order, by one thread at a time."""

    def frames(self, event: Event) -> str:
        """The frames of an event, each with the empty line that ends it."""
        ...

    def error(self, error: QAError) -> str:
        """The last frame of a stream that fails."""
        ...


class NamedEvents:
    """Our own events: `retrieval`, `claim`, `done` and `error`, each one frame.

    `complete` is given the data of each before it is sent.
    """

    def __init__(self, complete: Complete = lambda data: data) -> None:
        self._complete = complete

    def frames(self, event: Event) -> str:
        """One frame."""
        name, data = event_json(event)
        return _named(name, self._complete(data))

    def error(self, error: QAError) -> str:
        """The problem document that a failed request would have had."""
        return _named("error", problem_json(error))


def frame(data: Mapping[str, object]) -> str:
    """An event without a name."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _named(name: str, data: Mapping[str, object]) -> str:
    return f"event: {name}\n{frame(data)}"


class Streams:
    """The answers that are being streamed: at most `places` at once, since each has a thread of its own.

    `count` is told how many there are whenever that changes.
    """

    def __init__(
        self, *, places: int, heartbeat_seconds: float, count: Callable[[int], object] = lambda _: None
    ) -> None:
        self._count = count
        self._places = threading.BoundedSemaphore(places)
        self._heartbeat_seconds = heartbeat_seconds
        self._running: set[_Stream] = set()
        self._counting = threading.Lock()
        self._sent = threading.Condition()
        self._sending = 0

    def __len__(self) -> int:
        """The answers under way, those included whose client has left."""
        return len(self._running)

    def respond(
        self,
        events: Iterator[Event],
        *,
        gone: threading.Event | None = None,
        encoding: Encoding | None = None,
    ) -> Response:
        """The response that sends events as they happen.

        The first event is awaited before the response begins, so that what fails at once is an ordinary
        problem response. What fails later is sent as an error, the last of the frames. A stream keeps its place
        until its answer has ended, also where its client has left. `gone` ends it: whoever sets it says that
        nobody waits, and it is set when the response has ended. `encoding` is `NamedEvents` by default.
        """
        gone = gone or threading.Event()
        if not self._places.acquire(blocking=False):
            gone.set()
            raise Overloaded("as many answers are streamed as this service can: try again")
        # The events are made in a thread of their own, so that a comment can be sent while it waits; what it logs
        # and traces belongs to the request.
        run = contextvars.copy_context().run
        try:
            stream = _Stream(events, self._heartbeat_seconds, gone, encoding or NamedEvents())
            threading.Thread(target=run, args=(self._run, stream), name="answer", daemon=True).start()
        except BaseException:
            gone.set()
            self._places.release()
            raise
        response = Response(
            stream.frames(),
            headers={"X-Accel-Buffering": "no"},
            content_type="text/event-stream; charset=utf-8",
        )
        with self._sent:
            self._sending += 1
        response.call_on_close(gone.set)  # also where no frame was ever asked for
        response.call_on_close(self._was_sent)
        return response

    def end(self) -> None:
        """End every stream with an error, since the service shuts down, and see that it is sent, and logged."""
        for stream in list(self._running):
            stream.end(ShuttingDown("the service is shutting down: ask again when it is back"))
        with self._sent:
            self._sent.wait_for(lambda: not self._sending and not self._running, _END_SECONDS)

    def _was_sent(self) -> None:
        with self._sent:
            self._sending -= 1
            self._sent.notify_all()

    def _run(self, stream: "_Stream") -> None:
        ending.set(stream.ending)
        self._note(stream, self._running.add)
        try:
            stream.run()
        finally:
            self._note(stream, self._running.discard)
            self._places.release()
            with self._sent:
                self._sent.notify_all()

    def _note(self, stream: "_Stream", how: Callable[["_Stream"], None]) -> None:
        with self._counting:
            how(stream)
            self._count(len(self._running))


class _Stream:
    def __init__(
        self,
        events: Iterator[Event],
        heartbeat_seconds: float,
        gone: threading.Event,
        encoding: Encoding,
    ) -> None:
        self._events = events
        self._heartbeat_seconds = heartbeat_seconds
        self._gone = gone
        self._encoding = encoding
        self.ending = Ending()
        self._frames: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._frames.put(encoding.frames(next(events)))

    def run(self) -> None:
        """Make the events until they end or nobody waits for them."""
        try:
            for event in self._events:
                if self._gone.is_set():
                    break
                self._frames.put(self._encoding.frames(event))
        except QAError as error:
            self.end(error)
        except Exception:
            log.exception("an answer failed")
            self.end(InternalError("something went wrong here; the log says what"))
        else:
            self._frames.put(None)
        finally:
            del self._events  # nobody else holds it, so this closes it, and with it the model's stream

    def end(self, error: QAError) -> None:
        """Send an error, and nothing after it; where the client is still there, it is why the answer ends."""
        if not self._gone.is_set():
            self.ending.code = error.code
        self._gone.set()
        self._frames.put(self._encoding.error(error))
        self._frames.put(None)

    def frames(self) -> Iterator[str]:
        """What is sent, as it comes, and a comment whenever nothing came for a while."""
        try:
            while True:
                try:
                    frames = self._frames.get(timeout=self._heartbeat_seconds)
                except queue.Empty:
                    frames = ": waiting\n\n"
                if frames is None:
                    return
                yield frames
        finally:
            self._gone.set()
