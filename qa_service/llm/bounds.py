"""How many tokens a call can have at most, and which of a provider's figures can be counts at all."""

from collections.abc import Sequence

from qa_service.llm.chat import Message, Usage

_TOKENS_A_MESSAGE = 16  # the marks around it, and those before the reply
_MOST_TOKENS = 2**53
_MOST_USD = 2**53 / 10**9  # kept in billionths


def reserved_tokens(messages: Sequence[Message]) -> int:
    """The most tokens that a prompt may have: one for each byte of UTF-8, and a few around each message.

    No tokenizer that works on bytes gives more. For prose it is some four times too many, for digits, code and
    emoji hardly any.
    """
    return sum(len(message.content.encode()) + _TOKENS_A_MESSAGE for message in messages)


def told(usage: Usage | None) -> Usage | None:
    """The usage where it can be one; None where none was told, or something that can't be counted or summed.

    Tokens are whole numbers from 0 to 2^53, the cost is a finite number of dollars from 0 to nine million.
    """
    if usage is None or not (_is_count(usage.prompt_tokens) and _is_count(usage.completion_tokens)):
        return None
    return usage if usage.cost_usd is None or _is_cost(usage.cost_usd) else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS


def _is_cost(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST_USD
