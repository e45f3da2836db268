"""A scripted model in a process of its own, so that its threads take no turns from what is measured."""

import multiprocessing
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

from eval.errors import EvalError
from qa_service.scripted import Received, Reply, ScriptedProvider

_OFFERED = re.compile(r"^\[([a-z]+\d+\.\d+)\] (.+)$", re.MULTILINE)
_SOURCE = re.compile(r"^Source (\d+):\n(.+?)\n*(?=^Source \d+:$|^-+$)", re.MULTILINE | re.DOTALL)
_THEIR_SOURCES = "Now it's your turn."
_ASKED = re.compile(r"^(?:Question|Query): (.+)$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Script(Protocol):
    """What a provider replies; must be picklable."""

    def __call__(self, request: Received) -> Reply:
        """The reply to a chat request."""
        ...


@dataclass(frozen=True, slots=True)
class Quoting:
    """Quotes the offered sentence that shares most words with the question, with its id or source number.

    It speaks this product's protocol and that of LlamaIndex's CitationQueryEngine, told apart by the prompt, and
    answers at once and in one piece.
    """

    def __call__(self, request: Received) -> Reply:
        """One cited sentence."""
        prompt = request.body["messages"][-1]["content"]
        asked = _words(_ASKED.findall(prompt)[-1])
        _, is_theirs, sources = prompt.rpartition(_THEIR_SOURCES)
        offered = _in_sources(sources) if is_theirs else _OFFERED.findall(prompt)
        mark, sentence = max(_sentences(offered), key=lambda each: len(asked & _words(each[1])))
        text = f"{sentence.rstrip('.')} [{mark}]." if is_theirs else f"[[{mark}]] {sentence}\n"
        return Reply(pieces=(text,))


@dataclass(frozen=True, slots=True)
class Trickling:
    """Quotes `claims` different sentences, one claim a line, word by word at a steady pace."""

    tokens_per_second: float
    claims: int

    def __call__(self, request: Received) -> Reply:
        """As many cited sentences, in the order in which they are offered."""
        offered = _sentences(_OFFERED.findall(request.body["messages"][-1]["content"]))
        marks = {sentence: mark for mark, sentence in reversed(offered)}
        lines = [f"[[{mark}]] {sentence}\n" for sentence, mark in reversed(marks.items())][: self.claims]
        pieces = tuple(piece for line in lines for piece in re.findall(r"\S+\s+", line))
        return Reply(pieces=pieces, pieces_per_second=self.tokens_per_second)


@contextmanager
def playing(script: Script) -> Iterator[str]:
    """The address of a provider that plays the script, with `/v1`."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_play, args=(script, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        try:
            url: str = ours.recv()
        except EOFError:
            raise EvalError("the scripted provider's process died as it started") from None
        yield url
    finally:
        ours.close()  # which ends the process
        process.join(10)
        if process.is_alive():
            process.kill()


def _play(script: Script, pipe: Connection) -> None:
    with ScriptedProvider(script) as provider:
        pipe.send(provider.url)
        pipe.poll(None)


def _sentences(offered: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Whole sentences; headings and table rows are for no model to quote, unless there is nothing else."""
    return [each for each in offered if each[1].rstrip().endswith((".", "!", "?"))] or [*offered]


def _in_sources(text: str) -> list[tuple[str, str]]:
    return [
        (number, " ".join(sentence.split()))
        for number, source in _SOURCE.findall(text)
        for sentence in _SENTENCE_END.split(source)
    ]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
