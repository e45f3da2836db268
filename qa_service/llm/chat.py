"""What is said to a language model and what comes back: the contract of every chat model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from qa_service.llm.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call consumed, in tokens and US dollars; `cost_usd` is None where the price is not known."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """What two calls have consumed together; the cost is known where that of both is."""
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
        )

    @property
    def tokens(self) -> int:
        """All tokens, of the prompt and of the reply."""
        return self.prompt_tokens + self.completion_tokens


NO_USAGE = Usage(0, 0, 0.0)
"""What no call at all has consumed."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The proper end of a reply. `model` is the one that wrote it: the first asked, or a fallback."""

    reason: Literal["stop"]
    usage: Usage
    model: str


Piece = str | Finish
"""A piece of a reply: some text, never empty, or the end."""


class ChatModel(Protocol):
    """A language model that writes a reply piece by piece."""

    @property
    def name(self) -> str:
        """What the model is called in answers and logs."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline) -> Iterator[Piece]:
        """The model's reply: one text or more, then exactly one `Finish`, and nothing after it.

        Raises `qa_service.errors.ModelError` instead of the `Finish` where the reply did not come to its
        proper end; the texts before it are then a fragment. Closing the iterator drops the call, and so does
        cancelling the deadline, from any thread: that raises `qa_service.errors.Cancelled`.
        """


def whole(
    model: ChatModel, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline
) -> tuple[str, Usage]:
    """A reply for which nobody has to be kept waiting piece by piece: its text, and what it consumed.

    Raises as `ChatModel.stream` does.
    """
    texts: list[str] = []
    usage = NO_USAGE
    for piece in model.stream(messages, max_tokens=max_tokens, deadline=deadline):
        if isinstance(piece, Finish):
            usage = piece.usage
        else:
            texts.append(piece)
    return "".join(texts), usage
