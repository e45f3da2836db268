"""An answer's events as server-sent events, with a comment now and then while nothing happens."""

import json
import logging
import queue
import threading
from collections.abc import Iterator

from flask import Response

from index.errors import QAError
from qa_service.answer import Event
from qa_service.api.problems import problem_json
from qa_service.wire import event_json

HEARTBEAT_SECONDS = 15.0

log = logging.getLogger(__name__)


def event_stream(events: Iterator[Event]) -> Response:
    """The response that sends events as they happen.

    The first event is awaited before the response begins, so that what fails at once is an ordinary problem
    response. What fails later is sent as an `error` event; a stream without `done` is not complete.
    """
    first = next(events)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(_frames(first, events), headers=headers, content_type="text/event-stream; charset=utf-8")


def _frames(first: Event, events: Iterator[Event]) -> Iterator[str]:
    waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    gone = threading.Event()

    def run() -> None:
        try:
            for event in events:
                waiting.put(_frame(*event_json(event)))
                if gone.is_set():
                    break
        except QAError as error:
            waiting.put(_frame("error", problem_json(error)))
        finally:
            waiting.put(None)

    yield _frame(*event_json(first))
    # The events are made in a thread of their own: while it waits, the client hears that we are still here.
    threading.Thread(target=run, name="answer", daemon=True).start()
    try:
        while True:
            try:
                frame = waiting.get(timeout=HEARTBEAT_SECONDS)
            except queue.Empty:
                frame = ": waiting\n\n"
            if frame is None:
                return
            yield frame
    finally:
        gone.set()


def _frame(name: str, data: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
