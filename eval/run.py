"""A run: every example of a suite asked of one target, kept in a folder that is only ever added to.

    RUN/run.json        what was asked of what: suite, corpus, target, settings, versions, fingerprints
    RUN/examples.jsonl  the examples, as `eval.datasets.examples` reads them
    RUN/records.jsonl   a line for each example that was asked: its stream of events with times, and its answer
    RUN/texts.jsonl     a line for each document that an answer named: its canonical text
    RUN/scores.jsonl    a line for each example and metric (`eval.scores`)

A run that was killed continues where it stopped: a torn last line is cut off, examples with an answer are not
asked again, those that failed are. Reading needs neither the corpus nor the product that answered.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from eval import jsonl
from eval.datasets import example_json, examples, fingerprint
from eval.errors import BadRecord, EvalError, ReplayError, RunError
from eval.example import Example
from eval.jsonl import JSON
from eval.records import Record, answer_from

FORMAT = 1

ABOUT, EXAMPLES, RECORDS, TEXTS = "run.json", "examples.jsonl", "records.jsonl", "texts.jsonl"

_CREATED = "created_at"


class Target(Protocol):
    """A system under test."""

    @property
    def about(self) -> JSON:
        """What `run.json` says of it: `target`, and what else a figure may depend on; never a secret."""
        ...

    def ask(self, example: Example) -> Iterator[tuple[str, JSON]]:
        """The events of one answer, by name and data; the last is `done` with the whole answer.

        May be called from several threads. Raises `TargetError`, or `ReplayError`.
        """
        ...

    def text(self, document_id: str) -> str | None:
        """A document's canonical text; None where the target does not tell."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """An event of an answer's stream, `ms` milliseconds after the question was sent."""

    ms: float
    name: str
    data: JSON


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of one example: a stream that ended in an answer, or an error."""

    example: str
    events: tuple[Event, ...]
    answer: JSON | None
    error: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None and self.error is None


@dataclass(frozen=True)
class Run:
    """A run as it is on disk: `about` is `run.json`, `recorded` has the last line of each example."""

    folder: Path
    about: JSON
    examples: Mapping[str, Example]
    recorded: Mapping[str, Recorded]
    texts: Mapping[str, str]

    @cached_property
    def records(self) -> Mapping[str, Record]:
        """What can be measured, by example id in the order of the suite: the examples with an answer."""
        return {
            identifier: Record(example, answer_from(recorded.answer), self.texts)
            for identifier, example in self.examples.items()
            if (recorded := self.recorded.get(identifier)) and recorded.is_complete
        }

    @property
    def failures(self) -> Mapping[str, str]:
        """Why an example has no answer, by id: its error, or that it was not asked."""
        return {
            identifier: (recorded.error or "it has no answer") if recorded else "it was not asked"
            for identifier in self.examples
            if not ((recorded := self.recorded.get(identifier)) and recorded.is_complete)
        }

    @property
    def clusters(self) -> Mapping[str, str]:
        """The cluster of each example, empty where it stands by itself."""
        return {identifier: example.cluster for identifier, example in self.examples.items()}


def read(folder: Path) -> Run:
    """The run in a folder; raises `RunError`, and `DatasetError` for its examples."""
    about = read_about(folder)
    path = folder / RECORDS
    recorded: dict[str, Recorded] = {}
    for at, row in jsonl.rows(path, RunError, torn=True) if path.exists() else ():
        found = _recorded(row, at)
        recorded[found.example] = found
    path = folder / TEXTS
    texts = {
        jsonl.text(row, "source", at, RunError): jsonl.text(row, "text", at, RunError)
        for at, row in (jsonl.rows(path, RunError, torn=True) if path.exists() else ())
    }
    by_id = {example.id: example for example in examples(folder / EXAMPLES)}
    return Run(folder, about, by_id, recorded, texts)


def read_about(folder: Path) -> JSON:
    """What `run.json` says."""
    path = folder / ABOUT
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{folder} is no run: {path} could not be read: {error}") from error
    about = jsonl.parsed(content, str(path), RunError)
    if about.get("format") != FORMAT:
        raise RunError(
            f"{path} is of format {about.get('format')!r}, and {FORMAT} is read here: use the release that "
            f"wrote it, or run the suite again"
        )
    return about


def execute(
    folder: Path,
    asked: Sequence[Example],
    about: Mapping[str, Any],
    target: Target,
    *,
    jobs: int = 1,
    on_done: Callable[[Recorded], None] = lambda _: None,
) -> Run:
    """Ask the examples that have no answer yet, `jobs` at a time, and give the run back as it then is.

    `about` describes suite and settings; the target adds its own. A failing example is recorded and does not
    stop the others. Raises `RunError` where the folder holds another run.
    """
    _begin(folder, asked, {**about, **target.about})
    before = read(folder)
    wanted = [example for example in asked if example.id in before.failures]
    writer = _Writer(folder, before.texts, target)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        waiting = [pool.submit(_ask, target, example) for example in wanted]
        try:
            for done in as_completed(waiting):
                recorded = done.result()
                writer.add(recorded)
                on_done(recorded)
        finally:
            for each in waiting:
                each.cancel()
    return read(folder)


def _begin(folder: Path, asked: Sequence[Example], about: JSON) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    about = {"format": FORMAT, **about, "examples": {"count": len(asked), "sha256": fingerprint(asked)}}
    path = folder / ABOUT
    if not path.exists():
        jsonl.write(folder / EXAMPLES, map(example_json, asked))
        jsonl.replace(path, _pretty({**about, _CREATED: datetime.now(UTC).isoformat(timespec="seconds")}))
        return
    stored = read_about(folder)
    stored.pop(_CREATED, None)
    if differ := [name for name in {**stored, **about} if stored.get(name) != about.get(name)]:
        raise RunError(
            f"{folder} holds another run, with other {', '.join(differ)}: name another folder, or remove it"
        )
    for name in (RECORDS, TEXTS):
        jsonl.mend(folder / name)


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _ask(target: Target, example: Example) -> Recorded:
    events: list[Event] = []
    answer: JSON | None = None
    start = time.perf_counter()
    try:
        for name, data in target.ask(example):
            events.append(Event(round((time.perf_counter() - start) * 1000, 1), name, data))
            if name == "done":
                answer = data
        if answer is None:
            raise RunError("the stream ended without an answer")
        answer_from(answer)
    except (EvalError, BadRecord) as error:
        reason = f"{'replay' if isinstance(error, ReplayError) else 'target'}: {error}"
        return Recorded(example.id, tuple(events), answer, reason)
    return Recorded(example.id, tuple(events), answer)


class _Writer:
    """Adds to the files of a run, a record after the texts that it names."""

    def __init__(self, folder: Path, texts: Mapping[str, str], target: Target) -> None:
        self._folder = folder
        self._known = set(texts)
        self._target = target
        self._lock = threading.Lock()

    def add(self, recorded: Recorded) -> None:
        """Write one example down."""
        with self._lock:
            for source, document_id in _documents(recorded.answer if recorded.is_complete else None):
                if source not in self._known and (text := self._target.text(document_id)) is not None:
                    jsonl.append(self._folder / TEXTS, {"source": source, "text": text})
                    self._known.add(source)
            jsonl.append(self._folder / RECORDS, _row(recorded))


def _documents(answer: JSON | None) -> Iterator[tuple[str, str]]:
    """Source and id of the documents that an answer names."""
    for part in ("passages", "citations"):
        for each in (answer or {}).get(part) or ():
            if each.get("source") and each.get("document_id"):
                yield each["source"], each["document_id"]


def _row(recorded: Recorded) -> JSON:
    """A record as it is written: what the answer holds too is not written twice."""
    answer = recorded.answer
    events: list[JSON] = []
    for event in recorded.events:
        row: JSON = {"ms": event.ms, "event": event.name}
        is_repeated = answer is not None and event.data in (answer, _retrieval(answer))
        events.append(row if is_repeated else {**row, "data": event.data})
    row = {"example": recorded.example, "events": events, "answer": answer}
    return {**row, "error": recorded.error} if recorded.error else row


def _recorded(row: JSON, at: str) -> Recorded:
    answer, events = row.get("answer"), row.get("events")
    if not isinstance(events, list) or not isinstance(answer, dict | None):
        raise RunError(f"{at}: a record has a list 'events' and an object 'answer'")
    if answer is not None:
        try:
            answer_from(answer)
        except BadRecord as error:
            if not row.get("error"):
                raise RunError(f"{at}: {error}") from error
    return Recorded(
        example=jsonl.text(row, "example", at, RunError),
        events=tuple(_event(each, answer, at) for each in events),
        answer=answer,
        error=row.get("error"),
    )


def _event(row: Any, answer: JSON | None, at: str) -> Event:
    if not isinstance(row, dict) or not isinstance(row.get("ms"), int | float):
        raise RunError(f"{at}: an event is an object with 'ms' and 'event'")
    name = jsonl.text(row, "event", at, RunError)
    if "data" in row:
        return Event(row["ms"], name, row["data"])
    return Event(row["ms"], name, (answer or {}) if name == "done" else _retrieval(answer or {}))


def _retrieval(answer: JSON) -> JSON:
    return {"passages": answer.get("passages") or []}
