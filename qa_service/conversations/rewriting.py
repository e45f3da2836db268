"""Who puts a follow-up question in full: a model, or the rules where there is none or it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from prompts import prompt
from qa_service.conversations.history import Turn, plain
from qa_service.conversations.rules import in_full
from qa_service.errors import ModelError
from qa_service.llm import NO_USAGE, ChatModel, Deadline, Message, Usage, whole
from qa_service.plain import defuse, visible

MAX_CHARACTERS = 1000
"""A longer reply is no question."""

_PROMPTS = ("rewrite.system", "rewrite.user")
_MAX_TOKENS = 400  # a question is a line of 100 at most, but a model may think first
_SHARE = 0.25
_MAX_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What to search for, what finding that consumed, and the prompts' fingerprints by name."""

    query: str
    usage: Usage = NO_USAGE
    prompts: Mapping[str, str] = field(default_factory=dict)


class Rewriter(Protocol):
    """Puts follow-up questions in full."""

    def rewrite(self, question: str, history: Sequence[Turn], *, deadline: Deadline) -> Rewritten:
        """What to search for, to answer `question` after what was said, oldest turn first."""
        ...


class RuleRewriter:
    """Puts them in full by rules, without key and network."""

    def rewrite(self, question: str, history: Sequence[Turn], *, deadline: Deadline) -> Rewritten:
        """What to search for: the question itself where it stands alone."""
        return Rewritten(in_full(question, history))


class ModelRewriter:
    """Has a language model put them in full, in one short call; the rules do it where that fails.

    The call may take a quarter of the time that is left for the answer, and ten seconds at most.
    """

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    def rewrite(self, question: str, history: Sequence[Turn], *, deadline: Deadline) -> Rewritten:
        """What to search for. Raises nothing but `ModelDeadlineExceeded` and `Cancelled`."""
        told = [{"question": plain(turn.question), "answer": plain(turn.answer)} for turn in history]
        messages = (
            Message("system", prompt("rewrite.system").render()),
            Message("user", prompt("rewrite.user").render(history=told, question=defuse(question))),
        )
        share = deadline.share(min(_SHARE * deadline.remaining(), _MAX_SECONDS))
        try:
            text, usage = whole(self._model, messages, max_tokens=_MAX_TOKENS, deadline=share)
        except ModelError as error:
            text, usage = "", error.usage or NO_USAGE
        fingerprints = {name: prompt(name).fingerprint for name in _PROMPTS}
        return Rewritten(_question(text) or in_full(question, history), usage, fingerprints)


def _question(reply: str) -> str | None:
    """The question in a reply: its one line. None where it is something else."""
    lines = [line.strip() for line in visible(reply).splitlines() if line.strip()]
    if len(lines) != 1 or len(lines[0]) > MAX_CHARACTERS:
        return None
    text = plain(lines[0].strip('"“”„«» '))
    return text if any(map(str.isalnum, text)) else None
