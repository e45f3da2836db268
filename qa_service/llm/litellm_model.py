"""The real chat model: any that litellm knows, with time-outs, retries and fallbacks of our own."""

import random
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from index.errors import QAError
from qa_service.errors import (
    ModelError,
    ModelIncomplete,
    ModelLengthLimit,
    ModelRefused,
    ModelReplyEmpty,
    ModelTruncated,
)
from qa_service.llm.bounds import reserved_tokens
from qa_service.llm.chat import NO_USAGE, Finish, Message, Piece, Usage
from qa_service.llm.cooldown import Cooldown
from qa_service.llm.deadline import Deadline
from qa_service.llm.watch import Timeouts, Watch, watching

_FIRST_BACKOFF_SECONDS = 0.25
_MAX_BACKOFF_SECONDS = 8.0
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class LiteLLMModel:
    """A model by its litellm name, as `openai/gpt-4o-mini` or `ollama/llama3`.

    `api_base` and `api_key` go to `name` and to those `fallbacks` that have the same provider before the
    slash; without them litellm takes the provider's own environment variables. A call is tried at most
    `1 + max_retries` times, then each fallback in turn likewise, but never again once text has come. One that
    failed for a reason that passes is left alone for `cooldown_seconds`, or as long as its provider asks, as
    long as there is another that was not.
    `system_role=False` moves the system message into the user's, for models whose template has none.
    Instances are safe to share between threads.
    """

    def __init__(
        self,
        name: str,
        *,
        timeouts: Timeouts,
        api_base: str | None = None,
        api_key: str | None = None,
        max_retries: int = 2,
        fallbacks: Sequence[str] = (),
        cooldown_seconds: float = 30.0,
        temperature: float | None = 0.0,
        system_role: bool = True,
    ) -> None:
        self.name = name
        self._timeouts = timeouts
        self._endpoint: dict[str, object] = {"api_base": api_base, "api_key": api_key}
        self._max_retries = max_retries
        self._fallbacks = tuple(fallbacks)
        self._cooldown = Cooldown(cooldown_seconds)
        self._options: dict[str, object] = {} if system_role else {"supports_system_message": False}
        if temperature is not None:
            self._options["temperature"] = temperature

    def warm(self) -> None:
        """Load litellm and all that its first call needs, without network.

        It takes seconds: do it in a background thread, in each process that answers, and after any fork. What
        a call has to load counts towards its deadline, but can't be cut short by it.
        """
        from qa_service.llm import door

        door.warm()

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """The most that a call may cost, in US dollars, whichever of the models replies; None where not known."""
        from qa_service.llm import door

        prices = [door.price(name, prompt_tokens, completion_tokens) for name in self._names]
        known = [price for price in prices if price is not None]
        return max(known) if len(known) == len(prices) else None

    def most(self, messages: Sequence[Message], max_tokens: int) -> Usage:
        """The most that a call may consume: each of the models may be asked, and may charge, once."""
        return sum((self._most_of(name, messages, max_tokens) for name in self._names), NO_USAGE)

    def _most_of(self, name: str, messages: Sequence[Message], max_tokens: int) -> Usage:
        from qa_service.llm import door

        prompt_tokens = reserved_tokens(messages)
        return Usage(prompt_tokens, max_tokens, door.price(name, prompt_tokens, max_tokens))

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.name, *self._fallbacks)

    def stream(self, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline) -> Iterator[Piece]:
        """The reply to `messages`, as `ChatModel.stream` has it."""
        first, pieces, lost = self._begin(messages, max_tokens, deadline)
        with closing(pieces), _adding(lost):
            yield first
            for piece in pieces:
                if isinstance(piece, Finish) and lost.tokens:
                    used = (
                        piece.usage
                        if piece.usage.tokens
                        else self._most_of(piece.model, messages, max_tokens)
                    )
                    yield replace(piece, usage=used + lost)
                else:
                    yield piece

    def _begin(
        self, messages: Sequence[Message], max_tokens: int, deadline: Deadline
    ) -> tuple[Piece, Generator[Piece], Usage]:
        """The first piece of text that any of the models sends, the rest, and what those before it consumed."""
        lost = NO_USAGE
        *others, last = self._cooldown.among(self._names)
        for name in others:
            try:
                with _adding(lost):
                    return *self._persist(name, messages, max_tokens, deadline), lost
            except ModelRefused:
                raise  # other models are not to be tried until one does not refuse
            except ModelError as error:
                lost = error.usage or lost
        with _adding(lost):
            return *self._persist(last, messages, max_tokens, deadline), lost

    def _persist(
        self, name: str, messages: Sequence[Message], max_tokens: int, deadline: Deadline
    ) -> tuple[Piece, Generator[Piece]]:
        """The first piece of text that one model sends, in as many attempts as may help, and the rest.

        What may be charged for is not tried again, so that no model charges twice.
        """
        attempt = 0
        while True:
            deadline.remaining()
            pieces = self._attempt(name, messages, max_tokens, deadline)
            try:
                first = next(pieces)
            except ModelError as error:
                wait = max(_backoff_seconds(attempt), error.retry_after_seconds or 0.0)
                helps = error.retryable and error.usage is None and attempt < self._max_retries
                if not helps or wait >= deadline.remaining():
                    self._cooldown.failed(name, error)
                    raise
            else:
                self._cooldown.worked(name)
                return first, pieces
            deadline.wait(wait)
            attempt += 1

    def _attempt(
        self, name: str, messages: Sequence[Message], max_tokens: int, deadline: Deadline
    ) -> Generator[Piece]:
        """One request to one model."""
        from qa_service.llm import door
        from qa_service.llm.failures import translate

        watch = Watch(name, self._timeouts, deadline)
        began, worked, usage = False, False, None
        try:
            with watching(watch):
                stream = door.call(
                    name,
                    messages,
                    max_tokens=max_tokens,
                    timeouts=self._timeouts,
                    options=self._options_for(name),
                )
            while True:
                with watching(watch):
                    chunk = next(stream, None)
                if chunk is None:
                    break
                usage = door.usage_of(chunk, name) or usage
                if text := door.text_of(chunk):
                    began = True
                    yield _LONE_SURROGATE.sub("\ufffd", text)
                if door.is_token(chunk):
                    worked = True
                    watch.token()
        except door.RAISED as error:
            failure: QAError | None = translate(error, watch, began=began)
        else:
            failure = _fault(name, door.finish_reason(stream), began=began, usage=usage)
        finally:
            watch.drop()
        if isinstance(failure, ModelError) and (worked or failure.charged):
            told = failure.usage is not None and failure.usage.tokens
            failure.usage = failure.usage if told else self._most_of(name, messages, max_tokens)
        if failure is not None:
            raise failure  # outside the handler: what litellm raised may quote the prompt
        yield Finish("stop", usage or Usage(0, 0), name)

    def _options_for(self, name: str) -> dict[str, object]:
        same = provider_of(name) == provider_of(self.name)
        return {**self._options, **self._endpoint} if same else self._options


@contextmanager
def _adding(lost: Usage) -> Iterator[None]:
    """A failure inside has also consumed what the models asked before have."""
    try:
        yield
    except ModelError as error:
        if lost.tokens:
            error.usage = lost + (error.usage or NO_USAGE)
        raise


def _fault(name: str, reason: str | None, *, began: bool, usage: Usage | None) -> ModelError | None:
    """What is wrong with a reply that ended for `reason`; None where nothing is."""
    match reason:
        case None:
            # The usage is what litellm counted of the fragment; the provider may have written more.
            return ModelTruncated(f"{name} broke off before its end: ask again")
        case "content_filter":
            return ModelRefused(
                f"{name} or its content filter refused: put the question in other words", usage=usage
            )
        case "length":
            return ModelLengthLimit(
                f"{name} came to its limit of tokens: allow more, or ask for less", usage=usage
            )
        case "stop" if began:
            return None
        case "stop":
            return ModelReplyEmpty(f"{name} sent a reply without text: ask again", usage=usage)
        case _:
            return ModelIncomplete(f"{name} ended its reply for a reason that is not known", usage=usage)


def provider_of(name: str) -> str:
    """The provider in a litellm name; empty for the names that litellm knows without one."""
    provider, slash, _ = name.partition("/")
    return provider if slash else ""


def _backoff_seconds(attempt: int) -> float:
    """The wait after attempt 0, 1, ...: doubled each time, less a random half at most."""
    longest: float = min(_MAX_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt)
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret hangs on it
