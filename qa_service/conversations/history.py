"""What was said before a question: turns, trimmed to a number of tokens, as later turns may read them.

Earlier turns are text and no evidence. What looks like a marker is taken out of them before anything reads
them, and the key of a request stands nowhere in them (`qa_service.answering.protocol.Offer.of`): so an id of an earlier
turn names nothing in a later one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index.document import Span
from index.sentences import sentences
from qa_service.plain import CLOSING, OPENING, defuse, visible

_BYTES_PER_TOKEN = 4
# Possessive, and a run of blanks is entered at its start only: a hostile text takes no longer than its length.
_BRACKETED = re.compile(
    rf"(?<!\s)\s*+[{re.escape(OPENING)}]++(?P<inner>[^{re.escape(OPENING + CLOSING)}]*+)[{re.escape(CLOSING)}]++"
)
_BETWEEN_IDS = re.compile(r"[\s,;|–-]+")
_ID = re.compile(r"[A-Za-z]{0,8}\d{1,4}(?:\.\d{1,4})?")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what was answered; `query` is the question in full, where it was put so then."""

    question: str
    answer: str = ""
    query: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What a question follows, oldest turn first, and the question in full: what was searched for."""

    query: str
    history: tuple[Turn, ...]


def tokens(text: str) -> int:
    """An estimate of a text's length in tokens: a quarter of its bytes in UTF-8, rounded up.

    That is four letters of English, two of Russian or one and a third of Chinese to a token. Models differ by
    some 20 % from it, which a budget for what is merely carried along can bear.
    """
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def trimmed(history: Sequence[Turn], *, max_tokens: int) -> tuple[Turn, ...]:
    """The newest turns that fit, each whole; of the last one, at least its question where that fits.

    Where the last turn does not fit as a whole, its answer is cut after a sentence.
    """
    kept: list[Turn] = []
    left = max_tokens
    for turn in reversed(history):
        spent = tokens(turn.question) + tokens(turn.answer)
        if spent > left:
            break
        kept.append(turn)
        left -= spent
    if not kept and history and tokens(history[-1].question) <= max_tokens:
        last = history[-1]
        answer = _beginning(last.answer, max_tokens - tokens(last.question))
        kept.append(Turn(last.question, answer, last.query))
    return tuple(reversed(kept))


def plain(text: str) -> str:
    """An earlier turn's text on one line, without markers, and with nothing left that could be read as one."""
    return defuse(_BRACKETED.sub(_unless_ids, visible(text)))


def _unless_ids(bracketed: re.Match[str]) -> str:
    """What stands in brackets, or nothing where that is ids alone."""
    parts = [part for part in _BETWEEN_IDS.split(bracketed["inner"]) if part]
    return "" if parts and all(map(_ID.fullmatch, parts)) else bracketed[0]


def _beginning(text: str, max_tokens: int) -> str:
    end = 0
    for span in sentences(text, [Span(0, len(text))]):
        if tokens(text[: span.end]) > max_tokens:
            break
        end = span.end
    return text[:end]
