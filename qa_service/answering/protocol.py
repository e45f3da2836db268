"""The citation protocol between the service and a model: what is offered, and what is written back.

The model never types a quote. Each sentence of each passage is offered with an id, `[hztq3.2]`, whose key is
random for each request; the model writes one claim a line with the ids of its evidence in front:

    [[hztq3.2,hztq3.5]] One sentence.
    [[CONFLICT hztq1.4 | hztq6.1]] One sentence that states the disagreement.
    [[NONE]] What is missing.

What was written becomes drafts (`reading`), and drafts become claims (`gate`).
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from index.document import Passage, Sentence
from qa_service.plain import clean, defuse

__all__ = [
    "Discarded",
    "Draft",
    "DraftClaim",
    "DraftConflict",
    "DraftNone",
    "Offer",
    "Offered",
    "clean",
]

PLACEHOLDER = "key"
"""What stands for the key where a prompt has to be the same for all requests. No key: it has a vowel."""

_KEY_LETTERS = "bcdfghjkmnpqrstvwxz"  # no vowels: a key is no word, in any language
_KEY_LENGTH = 4
_ID = re.compile(r"([a-z]*)(\d{1,4})\.(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Offered:
    """A sentence as it was offered: the passage and the sentence's place in it, from zero."""

    passage: Passage
    index: int

    @property
    def sentence(self) -> Sentence:
        """The sentence itself."""
        return self.passage.sentences[self.index]


@dataclass(frozen=True, slots=True)
class Offer:
    """The passages of one request, with the key that their ids carry."""

    key: str
    passages: tuple[Passage, ...]

    @classmethod
    def of(cls, passages: Sequence[Passage], *, question: str = "") -> "Offer":
        """An offer under a fresh random key that stands nowhere in the passages or the question."""
        texts = "\n".join([question, *(part for each in passages for part in _texts(each))]).lower()
        key = _random_key()
        while key in texts:
            key = _random_key()
        return cls(key, tuple(passages))

    def id_of(self, passage: int, sentence: int) -> str:
        """The id of a sentence by the places of its passage and itself, from zero."""
        return f"{self.key}{passage + 1}.{sentence + 1}"

    def find(self, identifier: str) -> Offered | None:
        """The sentence of that id; None where it was not offered, or carries the key of another request.

        An id without a key is taken for one of this request, since weak models leave it out, and so is one with
        the word that stands for the key in the prompt. It opens nothing: whatever it names was offered, and the
        claim is checked against that.
        """
        match = _ID.fullmatch(identifier)
        if not match or match[1] not in ("", PLACEHOLDER, self.key):
            return None
        passage, sentence = int(match[2]) - 1, int(match[3]) - 1
        if not (0 <= passage < len(self.passages) and 0 <= sentence < len(self.passages[passage].sentences)):
            return None
        return Offered(self.passages[passage], sentence)

    def render(self) -> str:
        """The passages as the model reads them: one sentence a line, what looks like a marker defused."""
        return "\n\n".join(self._render(at) for at in range(len(self.passages)))

    def _render(self, at: int) -> str:
        passage = self.passages[at]
        path = " > ".join(dict.fromkeys((passage.title, *passage.headings)))
        page = f", {passage.locator} {passage.page}" if passage.page else ""
        lines = [f"Passage {at + 1}, from: {defuse(path)}{page}"]
        lines += [f"[{self.id_of(at, i)}] {defuse(s.text)}" for i, s in enumerate(passage.sentences)]
        return "\n".join(lines)


def _random_key() -> str:
    return "".join(secrets.choice(_KEY_LETTERS) for _ in range(_KEY_LENGTH))


def _texts(passage: Passage) -> tuple[str, ...]:
    return (passage.title, *passage.headings, passage.text)


@dataclass(frozen=True, slots=True)
class DraftClaim:
    """A claim as written, not yet checked: its text and the ids it names."""

    text: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DraftConflict:
    """A disagreement as written: its text and the ids of its two sides. Without text only the sides are stated."""

    text: str
    a: tuple[str, ...]
    b: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DraftNone:
    """What the writer says the passages do not hold."""

    text: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """Text that is no claim line, by its reason and length in characters."""

    reason: Literal["uncited_text", "line_too_long", "incomplete_line"]
    characters: int


Draft = DraftClaim | DraftConflict | DraftNone | Discarded
