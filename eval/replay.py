"""Completions of a model, recorded and strictly replayed: prompt, parser and gate are evaluated without a key.

A recording is a line of JSON for each example: its id, the sha256 of its question, the model, the prompts'
fingerprints, and the completions in the order in which they were asked for (the answer, then the repair):

    {"example": "lookup-01", "question_sha256": "5f0c...", "model": "...", "prompts": null, "completions": [
        {"text": "[[{1}]] The working channel is VHF channel 12.",
         "sentences": ["VHF channel 12, our working channel"]}]}

The ids of sentences are random for each request, and their numbers move whenever retrieval or a loader does;
so a recording holds no ids but the words that were cited. In a completion's text `{1}` stands for the ids of
the sentences that hold the first of `sentences`, `{key}` for the request's key (to forge an id with), and
`{{`, `}}` for braces. Words match with white space folded, inside a sentence or across neighbours of one
passage; the first passage that offers them is taken.

Replaying is strict. It is an error, which names the example and is recorded as its outcome, if there is no
recording, if the question or the prompts were others, if cited words are not among those offered, if the
model is asked more often than was recorded, or less often. `"prompts": null` says that a person wrote the
completion, whatever the prompt: then only the question must be the same.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval import jsonl
from eval.errors import DatasetError, ReplayError
from eval.example import Example
from eval.jsonl import JSON
from qa_service.llm import ChatModel, Deadline, Finish, Message, Piece, Usage
from qa_service.plain import defuse

_OFFERED = re.compile(r"^\[([a-z]+)(\d+)\.(\d+)\] (.*)$", re.MULTILINE)
_PLACE = re.compile(r"\{\{|\}\}|\{(\d+|key)\}")
_FREE = Usage(0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply of a model with its ids taken out: `sentences` are the cited words that `{1}`, `{2}`, ... name."""

    text: str
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """What a model replied to one example, in order; `prompts` is None where a person wrote it."""

    example: str
    question_sha256: str
    model: str
    prompts: Mapping[str, str] | None
    completions: tuple[Completion, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """The sentences of a request as the model reads them: by passage, their ids and words."""

    key: str
    passages: tuple[tuple[tuple[str, str], ...], ...]

    @classmethod
    def among(cls, messages: Sequence[Message]) -> "Offered":
        """The sentences offered in the user's first message; raises `ReplayError` where there are none."""
        prompt = next((message.content for message in messages if message.role == "user"), "")
        found = [(match[1], match[2], match[3], match[4]) for match in _OFFERED.finditer(prompt)]
        if not found:
            raise ReplayError("the prompt offers no sentences: what it looks like is not known here")
        passages: dict[str, list[tuple[str, str]]] = {}
        for key, passage, sentence, words in found:
            passages.setdefault(passage, []).append((f"{key}{passage}.{sentence}", " ".join(words.split())))
        return cls(found[0][0], tuple(map(tuple, passages.values())))

    def ids(self, words: str) -> list[str]:
        """The ids of the sentences that hold the words, in one passage; empty where none does."""
        wanted = defuse(words)
        for passage in self.passages:
            at = " ".join(text for _, text in passage).find(wanted)
            if at < 0:
                continue
            found, start = [], 0
            for identifier, text in passage:
                if start < at + len(wanted) and at < start + len(text):
                    found.append(identifier)
                start += len(text) + 1
            return found
        return []

    def words(self) -> dict[str, str]:
        """The words of each sentence by id."""
        return {identifier: text for passage in self.passages for identifier, text in passage}


def read(path: Path) -> dict[str, Recording]:
    """The recordings of a file by example; raises `DatasetError`."""
    found: dict[str, Recording] = {}
    for at, row in jsonl.rows(path, DatasetError):
        recording = _recording(row, at)
        if recording.example in found:
            raise DatasetError(f"{at}: there is a recording of {recording.example!r} already")
        found[recording.example] = recording
    if not found:
        raise DatasetError(f"{path} holds no recordings")
    return found


def keep(path: Path, recording: Recording) -> None:
    """Add a recording to a file."""
    jsonl.append(path, _row(recording))


def fingerprint(recordings: Mapping[str, Recording]) -> str:
    """The sha256 of what recordings say."""
    lines = "".join(jsonl.line(_row(each)) for each in recordings.values())
    return hashlib.sha256(lines.encode()).hexdigest()


def question_sha256(question: str) -> str:
    """What ties a recording to its question."""
    return hashlib.sha256(question.encode()).hexdigest()


def recorded_for(recordings: Mapping[str, Recording], examples: Sequence[Example]) -> tuple[Example, ...]:
    """The examples that there are recordings for; raises `ReplayError` for a recording without its example."""
    known = {example.id for example in examples}
    if strangers := [name for name in recordings if name not in known]:
        raise ReplayError(f"the suite has no example {strangers[0]!r}: remove its recording")
    return tuple(example for example in examples if example.id in recordings)


class Replay:
    """A chat model that replies to one example as recorded. Not for use by several threads."""

    def __init__(
        self, example: Example, recordings: Mapping[str, Recording], *, prompts: Mapping[str, str]
    ) -> None:
        recording = recordings.get(example.id)
        if recording is None:
            raise ReplayError(f"{example.id}: nothing is recorded of this example")
        if recording.question_sha256 != question_sha256(example.question):
            raise ReplayError(f"{example.id}: the question is another than the one that was recorded")
        if recording.prompts not in (None, prompts):
            raise ReplayError(
                f"{example.id}: the prompts are others than those that were recorded: record again"
            )
        self._example = example
        self._recording = recording
        self._played = 0

    @property
    def name(self) -> str:
        """The model's name, marked as replayed."""
        return f"replay:{self._recording.model}"

    def stream(self, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline) -> Iterator[Piece]:
        """The next recorded completion, its places filled with the ids of this request."""
        at = self._played
        self._played += 1
        name = self._example.id
        if at >= len(self._recording.completions):
            raise ReplayError(f"{name}: the model was asked {at + 1} times, and {at} replies are recorded")
        if not any(defuse(self._example.question) in message.content for message in messages):
            raise ReplayError(f"{name}: the question does not stand in the prompt")
        yield _filled(self._recording.completions[at], Offered.among(messages), name)
        yield Finish("stop", _FREE, self.name)

    def finish(self) -> None:
        """Raise `ReplayError` unless every completion was asked for."""
        recorded = len(self._recording.completions)
        if self._played < recorded:
            raise ReplayError(
                f"{self._example.id}: {recorded} replies are recorded, and the model was asked {self._played} times"
            )


class Recorder:
    """A chat model that asks another and keeps what it replied, to be replayed. For one example."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._completions: list[Completion] = []

    @property
    def name(self) -> str:
        """The name of the model that is asked."""
        return self._model.name

    def stream(self, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline) -> Iterator[Piece]:
        """The other model's reply, passed on as it comes; only one with a proper end is kept."""
        pieces: list[str] = []
        for piece in self._model.stream(messages, max_tokens=max_tokens, deadline=deadline):
            if isinstance(piece, str):
                pieces.append(piece)
            else:
                self._completions.append(portable("".join(pieces), Offered.among(messages)))
            yield piece

    def recording(self, example: Example, prompts: Mapping[str, str]) -> Recording:
        """What was replied to the example."""
        sha256 = question_sha256(example.question)
        return Recording(example.id, sha256, self.name, dict(prompts), tuple(self._completions))


def portable(text: str, offered: Offered) -> Completion:
    """A reply with its ids replaced by the words that they stand for; ids that were not offered keep `{key}`."""
    words = offered.words()
    places: dict[str, int] = {}
    identifier = re.compile(rf"{offered.key}\d+\.\d+|{offered.key}", re.IGNORECASE)

    def placed(match: re.Match[str]) -> str:
        found = match[0].lower()
        if found in words:
            return f"{{{places.setdefault(found, len(places) + 1)}}}"
        return "{key}" + found.removeprefix(offered.key)

    parts = re.split(f"({identifier.pattern})", text, flags=re.IGNORECASE)
    escaped = [
        identifier.sub(placed, part) if at % 2 else part.replace("{", "{{").replace("}", "}}")
        for at, part in enumerate(parts)
    ]
    return Completion("".join(escaped), tuple(words[each] for each in places))


def _filled(completion: Completion, offered: Offered, example: str) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if match[1] == "key":
            return offered.key
        words = completion.sentences[int(match[1]) - 1]
        if ids := offered.ids(words):
            return ",".join(ids)
        raise ReplayError(f"{example}: no passage offers the cited words {words!r}")

    return _PLACE.sub(fill, completion.text)


def _recording(row: JSON, at: str) -> Recording:
    completions, prompts = row.get("completions"), row.get("prompts")
    if not isinstance(completions, list) or not completions:
        raise DatasetError(f"{at}: the field 'completions' should be a list of at least one")
    if not isinstance(prompts, dict | None):
        raise DatasetError(f"{at}: the field 'prompts' should be null, or fingerprints by name")
    example, sha256, model = (
        jsonl.text(row, name, at, DatasetError) for name in ("example", "question_sha256", "model")
    )
    return Recording(example, sha256, model, prompts, tuple(_completion(each, at) for each in completions))


def _completion(value: Any, at: str) -> Completion:
    if not isinstance(value, dict):
        raise DatasetError(f"{at}: a completion is an object with 'text' and 'sentences'")
    text, sentences = jsonl.text(value, "text", at, DatasetError), value.get("sentences") or []
    if not isinstance(sentences, list) or not all(
        isinstance(each, str) and each.strip() for each in sentences
    ):
        raise DatasetError(f"{at}: the field 'sentences' should be a list of strings that hold words")
    used = {int(match[1]) for match in _PLACE.finditer(text) if match[1] and match[1] != "key"}
    if used != set(range(1, len(sentences) + 1)):
        raise DatasetError(f"{at}: the text names sentences {sorted(used)}, and {len(sentences)} are given")
    return Completion(text, tuple(sentences))


def _row(recording: Recording) -> JSON:
    return {
        "example": recording.example,
        "question_sha256": recording.question_sha256,
        "model": recording.model,
        "prompts": recording.prompts,
        "completions": [
            {"text": each.text, **({"sentences": list(each.sentences)} if each.sentences else {})}
            for each in recording.completions
        ],
    }
