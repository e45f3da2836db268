"""What the styles and properties of DOCX say of paragraphs and text: level, list, hidden or not, raised or not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from docx.document import Document
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

_VALUE, _STYLE_ID = qn("w:val"), qn("w:styleId")
_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)
_BODY_LEVEL = 9  # the outline level that Word calls "body text"; 0 to 8 are headings
_LEVELS = frozenset("012345678")  # of a list
_OFF = frozenset(("0", "false", "off", "none"))


@dataclass(frozen=True, slots=True)
class Listed:
    """The list that a paragraph is in, "0" for none, and its level there if it is told."""

    list_id: str
    level: int | None


@dataclass(frozen=True, slots=True)
class Style:
    """What a style says of its paragraphs, or nothing (None), and then the style that it is based on does."""

    level: int | None = None
    listed: Listed | None = None
    hidden: bool | None = None
    raised: bool | None = None
    is_title: bool = False
    base: str | None = None


def styles_of(document: Document) -> Mapping[str, Style]:
    """The styles of `document` by id, each with what it takes over from those that it is based on."""
    own = {
        style.get(_STYLE_ID, ""): _own_style(style)
        for style in document.styles.element.findall(qn("w:style"))
    }
    return {style_id: _inherited(style_id, own) for style_id in own}


def _own_style(style: BaseOxmlElement) -> Style:
    name = value_of(style.find(qn("w:name"))) or ""
    heading = _HEADING_NAME.fullmatch(name)
    properties = style.find(qn("w:pPr"))
    outline = outline_level(properties)
    return Style(
        level=int(heading[1]) if heading else outline,
        listed=list_of(properties),
        hidden=is_hidden(style.find(qn("w:rPr"))),
        raised=is_raised(style.find(qn("w:rPr"))),
        is_title=name.lower() == "title",
        base=value_of(style.find(qn("w:basedOn"))),
    )


def _inherited(style_id: str, own: Mapping[str, Style]) -> Style:
    level = listed = hidden = raised = None
    seen: set[str] = set()
    base: str | None = style_id
    while base and base in own and base not in seen:  # damaged files have styles based on themselves
        seen.add(base)
        style = own[base]
        level = style.level if level is None else level
        listed = style.listed if listed is None else listed
        hidden = style.hidden if hidden is None else hidden
        raised = style.raised if raised is None else raised
        base = style.base
    return Style(level, listed, hidden, raised, own[style_id].is_title)


def value_of(element: BaseOxmlElement | None) -> str | None:
    """What an element says in its `w:val`."""
    return None if element is None else element.get(_VALUE)


def is_on(switch: BaseOxmlElement | None) -> bool | None:
    """Whether a switch that may be there is on."""
    return None if switch is None else value_of(switch) not in _OFF


def outline_level(properties: BaseOxmlElement | None) -> int | None:
    """The level that paragraph properties give, from 1, or 0 for body text."""
    value = None if properties is None else value_of(properties.find(qn("w:outlineLvl")))
    if value is None or not value.isdecimal():
        return None
    return int(value) + 1 if int(value) < _BODY_LEVEL else 0


def list_of(properties: BaseOxmlElement | None) -> Listed | None:
    """The list that paragraph properties put it in."""
    numbers = None if properties is None else properties.find(qn("w:numPr"))
    list_id = None if numbers is None else value_of(numbers.find(qn("w:numId")))
    if numbers is None or list_id is None:
        return None
    level = value_of(numbers.find(qn("w:ilvl"))) or ""
    return Listed(list_id, int(level) if level in _LEVELS else None)


def is_hidden(properties: BaseOxmlElement | None) -> bool | None:
    """Whether text with these properties is hidden."""
    return None if properties is None else is_on(properties.find(qn("w:vanish")))


def is_raised(properties: BaseOxmlElement | None) -> bool | None:
    """Whether text with these properties is superscript."""
    place = None if properties is None else properties.find(qn("w:vertAlign"))
    return None if place is None else value_of(place) == "superscript"
