"""A judge that asks a language model, by prompts of its own."""

import hashlib
import re
import secrets
from collections.abc import Sequence

from eval.errors import JudgeError
from eval.judges.judge import LABELS, Judgement, Label
from prompts import prompt
from qa_service.llm import ChatModel, Deadline, Message, Usage, whole
from qa_service.plain import defuse

PROMPTS = ("judge.system", "judge.user", "judge.repair.user")

_SCORES: dict[Label, float] = {"supported": 1.0, "partial": 0.5, "not": 0.0}
_SHOWN = 80


class ModelJudge:
    """A language model that is shown a premise and a claim, and replies with one line: a key and a verdict.

    The key is random for each question and stands nowhere in the texts, so that neither can end its own
    delimiters or hold a line that passes for the verdict. A reply that is not exactly that line is sent back
    once; `JudgeError` if the next is none either, `ModelError` where the model can't be asked. May be shared
    between threads as far as the model may.
    """

    def __init__(self, model: ChatModel, *, max_tokens: int = 1_000, seconds: float = 60.0) -> None:
        """`max_tokens` bounds one reply, thoughts included; `seconds` one judgement."""
        self._model = model
        self._max_tokens = max_tokens
        self._seconds = seconds
        self._method = f"model:{model.name}#{fingerprint()}"

    @property
    def method(self) -> str:
        """`model:NAME#FINGERPRINT`, the fingerprint that of its prompts."""
        return self._method

    def judge(self, premise: str, claim: str) -> Judgement:
        """What the model says."""
        premise, claim = (_plain(text) for text in (premise, claim))
        key = _key(premise, claim)
        messages = [
            Message("system", prompt("judge.system").render(key=key)),
            Message("user", prompt("judge.user").render(key=key, premise=premise, claim=claim)),
        ]
        deadline = Deadline(self._seconds)
        reply, usage = self._ask(messages, deadline)
        if (label := verdict(reply, key)) is None:
            messages += [
                Message("assistant", reply),
                Message("user", prompt("judge.repair.user").render(key=key)),
            ]
            reply, again = self._ask(messages, deadline)
            usage += again
            label = verdict(reply, key)
        if label is None:
            raise JudgeError(
                f"{self._model.name} gave no verdict that can be read, twice, but {reply[:_SHOWN]!r}, for the "
                f"claim {claim[:_SHOWN]!r}: use another model with --judge-model; what was judged is kept"
            )
        return Judgement(
            label,
            _SCORES[label],
            self.method,
            usage.cost_usd,
            usage.prompt_tokens,
            usage.completion_tokens,
        )

    def _ask(self, messages: Sequence[Message], deadline: Deadline) -> tuple[str, Usage]:
        return whole(self._model, messages, max_tokens=self._max_tokens, deadline=deadline)


def verdict(reply: str, key: str) -> Label | None:
    """The verdict of a reply that is the line asked for, white space around it aside; None for any other."""
    found = re.fullmatch(rf"{re.escape(key)} ({'|'.join(LABELS)})", reply.strip())
    return next((label for label in LABELS if found and label == found[1]), None)


def fingerprint() -> str:
    """Changes when a byte of the judge's prompts does."""
    return hashlib.sha256(" ".join(prompt(name).fingerprint for name in PROMPTS).encode()).hexdigest()[:8]


def _plain(text: str) -> str:
    """Without what can't be seen or looks like a marker; lines stay, since tables and lists are read by them."""
    return "\n".join(map(defuse, text.splitlines())).strip()


def _key(*texts: str) -> str:
    while any((key := secrets.token_hex(4)) in text.lower() for text in texts):
        continue
    return key
