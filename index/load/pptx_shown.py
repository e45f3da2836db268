"""What PowerPoint shows of a slide: one of alternatives, no hidden shapes, and superscripts that stay such."""

import re
from collections.abc import Sequence

from lxml.etree import _Element  # type: ignore[import-untyped]  # it ships no types
from pptx.oxml.ns import qn

from index.load.superscripts import raised

_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_SHAPES = frozenset((qn("p:spTree"), qn("p:grpSp")))
_ABOVE_ZERO = re.compile(r"\+?[0.]*[1-9]")


def keep_shown(slide: _Element) -> None:
    """Changes the tree of a slide, which the library reads from then on.

    Shapes for which there are alternatives are the first that have text, in their place: newer PowerPoints show
    what older ones do not know. Hidden shapes go. The numbers among superscripts are in superior characters.
    """
    for alternatives in list(slide.iter(_ALTERNATIVES)):
        parent = alternatives.getparent()
        if parent is not None and parent.tag in _SHAPES:
            _choose(alternatives, parent)
    for properties in list(slide.iter(qn("p:cNvPr"))):
        if properties.get("hidden") in {"1", "true"}:
            _remove_shape(properties)
    for properties in slide.iter(qn("a:rPr")):
        if _ABOVE_ZERO.match(properties.get("baseline") or ""):
            _raise(properties)


def _choose(alternatives: _Element, parent: _Element) -> None:
    branches = list(alternatives)
    chosen: Sequence[_Element] = next((list(it) for it in branches if _has_text(it)), ())
    for shape in chosen:
        alternatives.addprevious(shape)
    parent.remove(alternatives)


def _has_text(branch: _Element) -> bool:
    return any((text.text or "").strip() for text in branch.iter(qn("a:t"), _MATH_TEXT))


def _remove_shape(properties: _Element) -> None:
    """Removes the shape whose `p:nvSpPr` or the like holds `properties`."""
    holder = properties.getparent()
    shape = holder.getparent() if holder is not None else None
    group = shape.getparent() if shape is not None else None
    if group is not None and shape is not None and group.tag in _SHAPES:
        group.remove(shape)


def _raise(properties: _Element) -> None:
    run = properties.getparent()
    text = None if run is None else run.find(qn("a:t"))
    if text is not None and text.text:
        text.text = raised(text.text)
