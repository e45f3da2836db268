"""Who writes an answer: a model under the citation protocol, or nobody, where sentences are merely quoted.

A `Writer` begins a `Writing` for each answer. It gives drafts, which the gate checks, and may be asked once
to write again what was rejected.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from prompts import prompt
from qa_service.answering.gate import Rejected
from qa_service.answering.protocol import Discarded, Draft, Offer
from qa_service.answering.reading import Lines, read
from qa_service.conversations.history import FollowUp, plain
from qa_service.errors import ModelError, ModelReplyEmpty, ModelTruncated
from qa_service.llm import NO_USAGE, ChatModel, Deadline, Finish, Message, Usage
from qa_service.plain import defuse


class Writing(Protocol):
    """One answer in the making."""

    @property
    def prompts(self) -> Mapping[str, str]:
        """The fingerprints of the prompts for this answer by name."""
        ...

    @property
    def model(self) -> str:
        """Who has written it: the one that was asked, or the last fallback that took over."""
        ...

    @property
    def usage(self) -> Usage:
        """What the writing has consumed so far."""
        ...

    def drafts(self) -> Iterator[Draft]:
        """The answer, draft by draft; raises `ModelError` where the writer does not come to its own end."""
        ...

    def repaired(self, rejected: Sequence[Rejected]) -> Iterator[Draft]:
        """What was rejected, written again, as `drafts`; nothing where the writer can't do better."""
        ...


class Writer(Protocol):
    """Begins answers."""

    @property
    def name(self) -> str:
        """Who is asked to write; what is given as the `model` of an answer that nobody had to write."""
        ...

    @property
    def prompts(self) -> dict[str, str]:
        """The fingerprints of its prompts by name."""
        ...

    def begin(
        self, question: str, offer: Offer, *, deadline: Deadline, follow_up: FollowUp | None = None
    ) -> Writing:
        """Start to answer `question` from the passages on offer; `follow_up` says what it follows."""
        ...


class ModelWriter:
    """Has a language model write the answer under the citation protocol."""

    def __init__(self, model: ChatModel, *, max_tokens: int) -> None:
        self._model = model
        self._max_tokens = max_tokens

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def prompts(self) -> dict[str, str]:
        """The fingerprints of its prompts for a question that follows nothing, by name."""
        return _fingerprints("answer.user")

    def begin(
        self, question: str, offer: Offer, *, deadline: Deadline, follow_up: FollowUp | None = None
    ) -> "ModelWriting":
        """Start to answer `question` from the passages on offer; `follow_up` says what it follows."""
        asked = {"passages": offer.render(), "question": defuse(question), "key": offer.key}
        if follow_up:
            name = "follow_up.user"
            told = [
                {"question": plain(turn.question), "answer": plain(turn.answer)} for turn in follow_up.history
            ]
            user = prompt(name).render(**asked, history=told, query=defuse(follow_up.query))
        else:
            name = "answer.user"
            user = prompt(name).render(**asked)
        messages = (
            Message("system", prompt("answer.system").render()),
            Message("user", user),
        )
        return ModelWriting(
            self._model,
            messages,
            offer.key,
            prompts=_fingerprints(name),
            max_tokens=self._max_tokens,
            deadline=deadline,
        )


class ModelWriting:
    """An answer that a model writes."""

    def __init__(
        self,
        model: ChatModel,
        messages: tuple[Message, ...],
        key: str,
        *,
        prompts: Mapping[str, str],
        max_tokens: int,
        deadline: Deadline,
    ) -> None:
        self._asked = model
        self._messages = messages
        self._key = key
        self._max_tokens = max_tokens
        self._deadline = deadline
        self._written: list[str] = []
        self.prompts = prompts
        self.model = model.name
        self.usage = NO_USAGE

    def drafts(self) -> Iterator[Draft]:
        """The answer, draft by draft, each when its line has ended.

        Raises `ModelError` where the model fails; what it wrote since its last whole line is discarded.
        """
        yield from self._stream(self._messages)

    def repaired(self, rejected: Sequence[Rejected]) -> Iterator[Draft]:
        """What was rejected, written again by the same model with the reasons at hand, or nothing."""
        failures = [
            {"line": f"[[{','.join(each.ids)}]] {each.text}", "reason": each.explanation} for each in rejected
        ]
        messages = (
            *self._messages,
            Message("assistant", "".join(self._written)),
            Message("user", prompt("repair.user").render(failures=failures)),
        )
        # A model that leaves all of it out does as it was told.
        with suppress(ModelReplyEmpty):
            yield from self._stream(messages)

    def _stream(self, messages: Sequence[Message]) -> Iterator[Draft]:
        lines = Lines()
        try:
            for piece in self._asked.stream(messages, max_tokens=self._max_tokens, deadline=self._deadline):
                if isinstance(piece, Finish):
                    self.model = piece.model
                    self._spend(piece.usage)
                    yield from self._read(lines.finish(complete=True))
                    return
                self._written.append(piece)
                yield from self._read(lines.feed(piece))
            raise ModelTruncated(f"{self._asked.name} broke off before its end: ask again")
        except ModelError as error:
            self._spend(error.usage)
            yield from self._read(lines.finish(complete=False))
            raise

    def _read(self, lines: Iterator[str | Discarded]) -> Iterator[Draft]:
        for line in lines:
            yield from read(line, key=self._key) if isinstance(line, str) else [line]

    def _spend(self, usage: Usage | None) -> None:
        self.usage = self.usage + (usage or NO_USAGE)


def _fingerprints(user: str) -> dict[str, str]:
    return {name: prompt(name).fingerprint for name in ("answer.system", user, "repair.user")}
