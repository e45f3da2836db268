"""The citation protocol between the service and a model: what is offered, what is written, how it is read.

The model never types a quote. Each sentence of each passage is offered with an id, `[hzt3.2]`, whose key is random
for each request; the model writes one claim a line with the ids of its evidence in front:

    [[hzt3.2,hzt3.5]] One sentence.
    [[CONFLICT hzt1.4 | hzt6.1]] One sentence that states the disagreement.
    [[NONE]] What is missing.

Reading is lenient (one bracket or two, any kind of bracket, ids behind the sentence, list marks and emphasis around
it); what can't be read is a `Discarded`, never a guess.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from index.document import Passage, Sentence

MAX_LINE_CHARS = 4000

_KEY_LETTERS = "bcdfghjkmnpqrstvwxz"
_OPENING = "[［【〖⟦〚"
_CLOSING = "]］】〗⟧〛"
_SEPARATORS = " \t,;&|/、，；"
_ID = r"[A-Za-z]{0,8}\d{1,4}\.\d{1,4}"
_RANGE_END = r"(?:[-–—](?:[A-Za-z]{0,8}\d{1,4}\.)?\d{1,4})?"
_BRACKETED = re.compile(
    rf"[{re.escape(_OPENING)}]([^{re.escape(_OPENING + _CLOSING)}\n]{{1,400}})[{re.escape(_CLOSING)}]"
)
_INNER = re.compile(
    rf"\s*(?P<word>NONE\b|CONFLICT\b)?+[\s:]*+"
    rf"(?P<ids>(?:{_ID}{_RANGE_END}(?:(?:[{re.escape(_SEPARATORS)}]|\band\b)++{_ID}{_RANGE_END})*+)?+)\s*",
    re.IGNORECASE,
)
_ONE_ID = re.compile(r"([A-Za-z]{0,8})(\d{1,4})\.(\d{1,4})(?:[-–—](?:[A-Za-z]{0,8}(\d{1,4})\.)?(\d{1,4}))?")
_FORGED = re.compile(
    rf"[{re.escape(_OPENING)}]+(?=\s*(?:NONE|CONFLICT|{_ID}))|[{re.escape(_OPENING)}]{{2,}}", re.IGNORECASE
)
_LINE_BREAK = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_LINE_MARKS = re.compile(r"(?:\s*(?:[-*•‣·–—]|#{1,6}|>|\(?\d{1,3}[.)])\s+)++")
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_EMPHASIS = re.compile(r"\*{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)|`{1,3}")
_LOOKALIKE = re.compile(
    rf"[{re.escape(_OPENING)}]+(\s*(?:{_ID}|[\d\s,^-]+|NONE|CONFLICT)\s*)[{re.escape(_CLOSING)}]+",
    re.IGNORECASE,
)
_SENTENCE_MARKS = " .,;:!?。！？"
_MAX_RANGE = 20


@dataclass(frozen=True, slots=True)
class Offered:
    """A sentence as it was offered: the passage and the sentence's place in it."""

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
    def of(cls, passages: Sequence[Passage]) -> "Offer":
        """An offer of passages under a fresh random key."""
        return cls("".join(secrets.choice(_KEY_LETTERS) for _ in range(4)), tuple(passages))

    def id_of(self, passage: int, sentence: int) -> str:
        """The id of a sentence by the zero-based places of its passage and itself."""
        return f"{self.key}{passage + 1}.{sentence + 1}"

    def find(self, identifier: str) -> Offered | None:
        """The sentence of that id; None where it was not offered, or carries the key of another request."""
        match = re.fullmatch(r"([A-Za-z]*)(\d+)\.(\d+)", identifier)
        if not match or match[1].lower() not in ("", self.key):
            return None
        passage, sentence = int(match[2]) - 1, int(match[3]) - 1
        if not (0 <= passage < len(self.passages) and 0 <= sentence < len(self.passages[passage].sentences)):
            return None
        return Offered(self.passages[passage], sentence)

    def render(self) -> str:
        """The passages as the model reads them: one sentence a line, with whatever looks like a marker defused."""
        return "\n\n".join(self._render(at) for at in range(len(self.passages)))

    def _render(self, at: int) -> str:
        passage = self.passages[at]
        path = " > ".join(dict.fromkeys((passage.title, *passage.headings)))
        page = f", page {passage.page}" if passage.page else ""
        lines = [f"Passage {at + 1}, from: {defuse(path)}{page}"]
        lines += [f"[{self.id_of(at, i)}] {defuse(s.text)}" for i, s in enumerate(passage.sentences)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class DraftClaim:
    """A claim as written, not yet checked: its text and the ids it names."""

    text: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DraftConflict:
    """A disagreement as written: its text and the ids of its two sides."""

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


def defuse(text: str) -> str:
    """Source text on one line, its bracketed ids and double brackets made round: a document can't forge a marker."""
    line = " ".join("".join(c for c in text if not _is_invisible(c)).split())
    return _FORGED.sub(lambda found: "(" * len(found[0]), line)


class Lines:
    """Text deltas in, whole lines out: the stream is held back until a line has ended."""

    def __init__(self) -> None:
        self._held = ""
        self._dropped = 0

    def feed(self, delta: str) -> Iterator[str | Discarded]:
        """The lines that this delta completes; a line over `MAX_LINE_CHARS` is discarded, not held."""
        *ended, rest = _LINE_BREAK.split(delta)
        for part in ended:
            self._hold(part)
            yield from self._end()
        self._hold(rest)

    def finish(self, *, complete: bool) -> Iterator[str | Discarded]:
        """What is left at the end of the stream; a line that was cut off is discarded."""
        if complete or self._dropped:
            yield from self._end()
        elif self._held.strip():
            yield Discarded("incomplete_line", len(self._held))

    def _hold(self, part: str) -> None:
        if self._dropped or len(self._held) + len(part) > MAX_LINE_CHARS:
            self._dropped += len(self._held) + len(part)
            self._held = ""
        else:
            self._held += part

    def _end(self) -> Iterator[str | Discarded]:
        if self._dropped:
            yield Discarded("line_too_long", self._dropped)
        elif self._held.strip():
            yield self._held
        self._held, self._dropped = "", 0


def read(line: str) -> Iterator[Draft]:
    """The drafts in one line of a model's answer."""
    marks = _LINE_MARKS.match(line)
    text = line[marks.end() :] if marks else line
    for marker, segment in _segments(text, _markers(text)):
        words = clean(segment)
        if not words:
            continue
        if marker is None:
            yield Discarded("uncited_text", len(segment))
        elif marker.word == "NONE":
            yield DraftNone(words)
        elif marker.word == "CONFLICT":
            a, _, b = marker.ids.partition("|")
            yield DraftConflict(words, _ids(a), _ids(b))
        else:
            yield DraftClaim(words, _ids(marker.ids))


def clean(text: str) -> str:
    """A claim's text as plain words: NFC, one line, without Markdown, link targets or invisible characters."""
    text = unicodedata.normalize("NFC", "".join(c for c in text if not _is_invisible(c)))
    text = _EMPHASIS.sub("", _LINK.sub(r"\1", _IMAGE.sub("", text)))
    # Our own citations are written [1]: nothing in a claim may look like one.
    text = _LOOKALIKE.sub(lambda found: f"({found[1].strip()})", text)
    return " ".join(text.split()).strip(" #>|~-–—:")


@dataclass(frozen=True, slots=True)
class _Marker:
    start: int
    end: int
    word: str
    ids: str


def _markers(text: str) -> list[_Marker]:
    """The marker groups of a line; neighbours with nothing but separators between them are one."""
    found: list[_Marker] = []
    for bracketed in _BRACKETED.finditer(text):
        inner = _INNER.fullmatch(bracketed[1])
        if not inner or not (inner["word"] or inner["ids"]):
            continue
        start, end = bracketed.span()
        while start and text[start - 1] in _OPENING:
            start -= 1
        while end < len(text) and text[end] in _CLOSING:
            end += 1
        marker = _Marker(start, end, (inner["word"] or "").upper(), inner["ids"])
        if found and not text[found[-1].end : start].strip(_SEPARATORS):
            before = found.pop()
            marker = _Marker(before.start, end, before.word or marker.word, f"{before.ids} {marker.ids}")
        found.append(marker)
    return found


def _segments(text: str, markers: Sequence[_Marker]) -> list[tuple[_Marker | None, str]]:
    """Each stretch of text with the marker that it belongs to: the one before it, or the one behind it."""
    if not markers:
        return [(None, text)]
    if not text[: markers[0].start].strip(" *_`>#"):
        ends = [*(marker.start for marker in markers[1:]), len(text)]
        segments = [(marker, text[marker.end : end]) for marker, end in zip(markers, ends, strict=True)]
        last, words = segments[-1]
        if len(segments) > 1 and not clean(words.strip(_SENTENCE_MARKS)):
            # A marker before the sentence and one behind it.
            first, segment = segments[-2]
            segments[-2:] = [(_Marker(first.start, last.end, first.word, f"{first.ids} {last.ids}"), segment)]
        return [*segments]
    behind: list[tuple[_Marker | None, str]] = []
    start = 0
    for marker in markers:
        # The full stop often stands behind the marker: it belongs to the sentence before.
        full_stop = len(text) - marker.end - len(text[marker.end :].lstrip(_SENTENCE_MARKS))
        tail = text[marker.end : marker.end + full_stop].strip()
        behind.append((marker, text[start : marker.start].rstrip() + tail))
        start = marker.end + full_stop
    return [*behind, (None, text[start:])]


def _ids(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for key, passage, first, other, last in _ONE_ID.findall(text):
        end = int(last) if last and other in ("", passage) else int(first)
        end = min(end, int(first) + _MAX_RANGE)
        found += [f"{key.lower()}{passage}.{n}" for n in range(int(first), max(end, int(first)) + 1)]
    return tuple(dict.fromkeys(found))


def _is_invisible(character: str) -> bool:
    """Control and format characters, but not white space, nor the joiners that Persian and emoji are written with."""
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")
        and not character.isspace()
        and character not in "\u200c\u200d"
    )
