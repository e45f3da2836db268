"""The numbers that Word puts before paragraphs, by the numbering definitions of a document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from docx.document import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml
from docx.oxml.xmlchemy import BaseOxmlElement

from index.load.numerals import Numerals, numeral

_NUMERALS: Mapping[str, Numerals] = {
    "decimal": "decimal",
    "lowerLetter": "lower-letter",
    "upperLetter": "upper-letter",
    "lowerRoman": "lower-roman",
    "upperRoman": "upper-roman",
}
_UNNUMBERED = frozenset(("bullet", "none"))
_LEVEL = re.compile(r"%([1-9])")
_BULLET = "•"
_VALUE = qn("w:val")
_MOST_DIGITS = 10


@dataclass(frozen=True, slots=True)
class _Level:
    """A level of a numbered list: its first number, its kind by Word's name, its text ("%1.%2")."""

    start: int
    kind: str
    text: str
    style: str | None


@dataclass(slots=True)
class Numbering:
    """Counts the numbered paragraphs of a document as they are read.

    `lists` holds the levels of each list by its id, and `counts` how far each has come. Lists with one
    definition count on together unless one of them starts anew.
    """

    lists: Mapping[str, tuple[str, Mapping[int, _Level]]] = field(default_factory=dict)
    counts: dict[str, dict[int, int]] = field(default_factory=dict)

    def next(self, list_id: str, level: int | None, style: str | None) -> str:
        """What Word shows before the next paragraph in the list: "3." or "3.1", a bullet for other signs.

        Nothing for a list with bullets, whose markers say nothing, as in the other formats. Without a
        `level`, it is that of the paragraph's `style`.
        """
        if list_id not in self.lists:
            return ""
        counter, levels = self.lists[list_id]
        if level is None:
            level = next((depth for depth, its in levels.items() if its.style and its.style == style), 0)
        if level not in levels:
            return ""
        counts = self.counts.setdefault(counter, {})
        counts[level] = counts.get(level, levels[level].start - 1) + 1
        for deeper in [depth for depth in counts if depth > level]:
            del counts[deeper]
        own = levels[level]
        if own.kind in _UNNUMBERED:
            return ""
        shown = [int(found) - 1 for found in _LEVEL.findall(own.text)]
        if not shown or any(depth not in levels or levels[depth].kind not in _NUMERALS for depth in shown):
            return _BULLET

        def number(found: re.Match[str]) -> str:
            depth = int(found[1]) - 1
            return numeral(counts.get(depth, levels[depth].start), _NUMERALS[levels[depth].kind])

        return _LEVEL.sub(number, own.text)


def numbering(document: Document) -> Numbering:
    """The numbering of `document`, before its first paragraph."""
    roots = [
        parse_xml(relationship.target_part.blob)
        for relationship in document.part.rels.values()
        if relationship.reltype == RELATIONSHIP_TYPE.NUMBERING and not relationship.is_external
    ]
    lists: dict[str, tuple[str, Mapping[int, _Level]]] = {}
    for root in roots:
        definitions = {
            definition.get(qn("w:abstractNumId"), ""): _levels(definition)
            for definition in root.findall(qn("w:abstractNum"))
        }
        for its in root.findall(qn("w:num")):
            list_id = its.get(qn("w:numId"), "")
            reference = _value(its.find(qn("w:abstractNumId"))) or ""
            levels = dict(definitions.get(reference, {}))
            restarted = _restarted(its, levels)
            lists[list_id] = (f"list {list_id}" if restarted else reference, {**levels, **restarted})
    return Numbering(lists)


def _levels(definition: BaseOxmlElement) -> Mapping[int, _Level]:
    return {
        _whole(level.get(qn("w:ilvl")), 0): _Level(
            start=_whole(_value(level.find(qn("w:start"))), 1),
            kind=_value(level.find(qn("w:numFmt"))) or "decimal",
            text=_value(level.find(qn("w:lvlText"))) or "",
            style=_value(level.find(qn("w:pStyle"))),
        )
        for level in definition.findall(qn("w:lvl"))
    }


def _restarted(its: BaseOxmlElement, levels: Mapping[int, _Level]) -> Mapping[int, _Level]:
    """The levels that a list has of its own: those that it starts anew or defines."""
    own: dict[int, _Level] = {}
    for override in its.findall(qn("w:lvlOverride")):
        depth = _whole(override.get(qn("w:ilvl")), 0)
        defined = {**levels, **_levels(override)}
        start = _value(override.find(qn("w:startOverride")))
        if depth in defined:
            own[depth] = replace(defined[depth], start=_whole(start, defined[depth].start))
    return own


def _value(element: BaseOxmlElement | None) -> str | None:
    return None if element is None else element.get(_VALUE)


def _whole(value: str | None, default: int) -> int:
    return int(value) if value and value.isdecimal() and len(value) < _MOST_DIGITS else default
