"""What the styles of an ODT file say of its text: whether it is hidden, and whether it stands above the line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element

from index.load.xml import local

_ABOVE = re.compile(r"\s*(?:super|\+?[0.]*[1-9])")
_DEEPEST = 50  # styles that are based on each other

Family = Literal["paragraph", "text"]


@dataclass(frozen=True, slots=True)
class Look:
    """How text looks, None where a style does not say."""

    hidden: bool | None = None
    raised: bool | None = None

    def over(self, below: "Look") -> "Look":
        """This look, where it says nothing that of what it stands in or is based on."""
        return Look(
            below.hidden if self.hidden is None else self.hidden,
            below.raised if self.raised is None else self.raised,
        )


Styles = Mapping[tuple[str, str], Look]
"""Looks by family and name."""


def styles_of(*roots: Element) -> Styles:
    """The looks of the styles in `roots`, each with what it takes over from those that it is based on."""
    own = {
        (attribute(it, "family"), attribute(it, "name")): it
        for root in roots
        for it in root.iter()
        if local(it) == "style"
    }
    looks = {key: _own(it) for key, it in own.items()}
    return {key: _inherited(key, own, looks) for key in own}


def look(element: Element, family: Family, styles: Styles) -> Look:
    """The look that the style of `element` gives its text."""
    return styles.get((family, attribute(element, "style-name")), Look())


def is_hidden_section(section: Element) -> bool:
    """Whether a section is never shown, or isn't by the condition that it has."""
    display = attribute(section, "display")
    return display == "none" or (display == "condition" and attribute(section, "is-hidden") == "true")


def attribute(element: Element, name: str) -> str:
    """The attribute of an element by its name without its namespace; empty where there is none."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _own(style: Element) -> Look:
    found = Look()
    for properties in style:
        if local(properties) == "text-properties":
            display, position = attribute(properties, "display"), attribute(properties, "text-position")
            found = Look(
                display == "none" if display else None,
                _ABOVE.match(position) is not None if position else None,
            ).over(found)
    return found


def _inherited(
    key: tuple[str, str], own: Mapping[tuple[str, str], Element], looks: Mapping[tuple[str, str], Look]
) -> Look:
    found = Look()
    for _ in range(_DEEPEST):
        if key not in own:
            break
        found = found.over(looks[key])
        key = (key[0], attribute(own[key], "parent-style-name"))
    return found
