"""A model's answer as it streams in, to drafts: its lines, their markers, and the sentences of these.

Reading is lenient. A marker may have one bracket or two, of any kind, closed or not, in front of its
sentence, behind it or inside it; its ids may stand in one bracket or in several; list marks, headings and
emphasis around it are passed over. What can't be read is `Discarded`, never guessed at.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from index.document import Span
from index.sentences import sentences
from qa_service.answering.protocol import Discarded, Draft, DraftClaim, DraftConflict, DraftNone
from qa_service.plain import CLOSING, OPENING, visible, without_markdown

MAX_LINE_CHARS = 2000

_MAX_RANGE = 20
_SLOT = "\ue000"  # stands for a marker; `visible` has taken all others of its kind away
_LINE_BREAK = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_LINE_MARKS = re.compile(r"(?:\s*(?:[-*•‣·–—|>]|#{1,6}|\(?\d{1,2}[.)])\s+)++")
_OPENING_EDGE = re.compile(r"(?:[\s:|,;]|[-–—](?=\s))+")
_CLOSING_EDGE = re.compile(r"(?: ?\|| [-–—])+\Z")
_IN_BRACKETS = re.compile(rf"\(\s*({_SLOT})\s*\)")
_GOES_ON = re.compile(r"\s*[.,;:!?…。、，！？)»”]")

_ID = r"[A-Za-z]{0,8}\d{1,4}(?:\.\d{1,4}(?:[-–—](?:[A-Za-z]{0,8}\d{1,4}\.)?\d{1,4})?)?(?![\d.]*\d)"
_BETWEEN = r"(?:[\s,;&|/、，；]|\b(?:and|vs\.?)(?=\s))"
_MARKER = re.compile(
    rf"""
    (?P<opening>(?<![{re.escape(OPENING)}])[{re.escape(OPENING)}]++|(?<!\()\(++) \s*+
    (?P<word>(?:NONE|CONFLICT)\b)?+ [\s:]*+
    (?P<ids>{_ID}(?:{_BETWEEN}++{_ID})*+)?+ [\s,;.]*+
    (?P<closing>[{re.escape(CLOSING)}]++|\)++)?+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ONE_ID = re.compile(
    r"([A-Za-z]{0,8})(\d{1,4})(?:\.(\d{1,4})(?:[-–—](?:[A-Za-z]{0,8}(\d{1,4})\.)?(\d{1,4}))?)?"
)
_NOTHING_BETWEEN = re.compile(rf"{_BETWEEN}*")


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


def read(line: str, *, key: str) -> list[Draft]:
    """The drafts in one line of a model's answer to the offer with that key.

    A marker belongs to the sentence that it stands in; between two, to the one behind it if the line begins
    with a marker, otherwise to the one before it. In a line that begins with a marker, a sentence without one
    rests on what the sentence before it names; in others it is not cited.
    """
    line = visible(line)
    marks = _LINE_MARKS.match(line)
    text = line[marks.end() :] if marks else line
    markers = _markers(text, key)
    plain, places = _plain(text, markers)
    spans = sentences(plain, [Span(0, len(plain))])
    drafts: list[Draft] = []
    for held, group in groupby(enumerate(_held_by(plain, spans, places)), key=lambda each: each[1]):
        run = [spans[at] for at, _ in group]
        words = _trimmed(Span(run[0].start, run[-1].end).of(plain))
        if any(map(str.isalnum, words)):
            drafts.append(_draft(words, [markers[at] for at in held]))
    if not drafts and any(marker.word == "NONE" for marker in markers):
        drafts.append(DraftNone(""))
    return drafts


def _draft(text: str, markers: Sequence["_Marker"]) -> Draft:
    if not markers:
        return Discarded("uncited_text", len(text))
    words = {marker.word for marker in markers}
    if "NONE" in words:
        return DraftNone(text)
    if "CONFLICT" in words:
        return DraftConflict(text, *_sides(markers))
    return DraftClaim(text, _ids(" ".join(marker.ids for marker in markers)))


@dataclass(frozen=True, slots=True)
class _Marker:
    start: int
    end: int
    word: str
    ids: str


def _markers(text: str, key: str) -> list[_Marker]:
    """The markers of a line; neighbours with nothing but separators between them are one."""
    matches = [found for found in _MARKER.finditer(text) if found["word"] or found["ids"]]
    # Beside ids that carry the key, those without one are text, such as a version or a note of the source.
    keyed = any(_carries(found["ids"], key) for found in matches)
    markers: list[_Marker] = []
    for found in matches:
        if not (_is_keyed_marker(found, key) or _is_bare_marker(found, keyed)):
            continue
        marker = _Marker(*found.span(), (found["word"] or "").upper(), found["ids"] or "")
        between = text[markers[-1].end : marker.start] if markers else ""
        if markers and _NOTHING_BETWEEN.fullmatch(between):
            before = markers.pop()
            ids = f"{before.ids}{between} {marker.ids}"
            marker = _Marker(before.start, marker.end, before.word or marker.word, ids)
        markers.append(marker)
    return markers


def _carries(ids: str | None, key: str) -> bool:
    return ids is not None and any(found[0].lower() == key for found in _ONE_ID.findall(ids))


def _is_keyed_marker(found: re.Match[str], key: str) -> bool:
    """Whether brackets with an id of this request are a marker: round ones have to be closed."""
    return _carries(found["ids"], key) and (found["closing"] is not None or found["opening"][0] != "(")


def _is_bare_marker(found: re.Match[str], keyed: bool) -> bool:
    """Whether brackets without an id of this request are a marker: square ones, with more than a number."""
    if found["opening"][0] == "(" or not (found["closing"] or "").strip(")"):
        return False
    if found["ids"] is None:
        return len(found["opening"]) > 1 or bool(found["word"].isupper())
    ids = _ONE_ID.findall(found["ids"])
    return all(sentence for _, _, sentence, _, _ in ids) and (not keyed or all(each[0] for each in ids))


def _plain(text: str, markers: Sequence[_Marker]) -> tuple[str, list[int]]:
    """The line's words without its markers, and the place of each marker among them."""
    ends = [0, *(marker.end for marker in markers)]
    starts = [*(marker.start for marker in markers), len(text)]
    slotted = _SLOT.join(text[end:start] for end, start in zip(ends, starts, strict=True))
    slotted = _IN_BRACKETS.sub(r"\1", slotted)
    plain = ""
    places: list[int] = []
    for at, part in enumerate(without_markdown(slotted).split(_SLOT)):
        plain = plain.rstrip()
        if at:
            places.append(len(plain))
        plain += part if not plain or _GOES_ON.match(part) else f" {part}"
    return plain, places


def _held_by(plain: str, spans: Sequence[Span], places: Sequence[int]) -> list[tuple[int, ...]]:
    """The places, in the order of the line, of the markers that each sentence holds."""
    if not (spans and places):
        return [()] * len(spans)
    head = plain[: places[0]].rstrip()
    leading = not any(map(str.isalnum, head)) or head.endswith((":", "："))
    held: list[list[int]] = [[] for _ in spans]
    ends = [span.end for span in spans]
    for marker, place in enumerate(places):
        at = min(bisect_left(ends, place), len(spans) - 1)
        if leading and place == ends[at] and at + 1 < len(spans):
            at += 1
        held[at].append(marker)
    if leading:
        for at in range(1, len(spans)):
            held[at] = held[at] or held[at - 1]
    return [tuple(each) for each in held]


def _trimmed(text: str) -> str:
    """Without the separators that stood between a marker, a table's cell or a list's mark and the words."""
    text = " ".join(text.split())
    edge = _OPENING_EDGE.match(text)
    return _CLOSING_EDGE.sub("", text[edge.end() :] if edge else text).strip()


def _sides(markers: Sequence[_Marker]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The two sides of a conflict; the second is empty where they can't be told apart."""
    ids = next((marker.ids for marker in markers if marker.word == "CONFLICT" and marker.ids), None)
    sides = (ids or "|".join(marker.ids for marker in markers)).split("|")
    named = [found for side in sides if (found := _ids(side))]
    if len(named) == 1 and len(named[0]) == 2:
        one, other = named[0]
        return (one,), (other,)
    if len(named) < 2:
        return named[0] if named else (), ()
    return named[0], tuple(dict.fromkeys(each for side in named[1:] for each in side))


def _ids(text: str) -> tuple[str, ...]:
    """The ids in a marker, ranges spelt out; one that is too wide or runs backwards names no sentence."""
    found: list[str] = []
    for key, passage, first, other, last in _ONE_ID.findall(text):
        stem = f"{key.lower()}{passage}"
        if not first:
            found.append(stem)
        elif not last:
            found.append(f"{stem}.{int(first)}")
        elif other in ("", passage) and 0 <= int(last) - int(first) < _MAX_RANGE:
            found += [f"{stem}.{n}" for n in range(int(first), int(last) + 1)]
        else:
            found.append(f"{stem}.{first}-{last}")
    return tuple(dict.fromkeys(found))
