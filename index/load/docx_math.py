"""Formulas of Word as text in one line: fractions with a stroke, powers in superior characters."""

import re

from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

from index.load.superscripts import raised

_NUMERATOR, _DENOMINATOR = qn("m:num"), qn("m:den")
_BASE, _POWER = qn("m:e"), qn("m:sup")
_POWERS = frozenset((qn("m:sSup"), qn("m:sSubSup")))
_ONE = re.compile(r"\s*(?:\w+(?:[.,]\w+)*|\(.*\))?\s*", re.DOTALL)

MATH_PARTS = frozenset((_NUMERATOR, _DENOMINATOR, _BASE, _POWER))
"""The elements whose text `part` is to be asked for."""


def part(element: BaseOxmlElement, text: str, *, before: str) -> str:
    """What stands for a part of a formula whose own text is `text`, behind the text `before`.

    `1/20`, `(a+b)/2`, `10⁻³`, `x^(a+b)`: what is more than a word or a number is in parentheses.
    """
    if element.tag == _NUMERATOR:
        return (" " if before[-1:].isalnum() else "") + _grouped(text)
    if element.tag == _DENOMINATOR:
        return "/" + _grouped(text)
    if _parent(element) not in _POWERS:
        return text
    if element.tag == _BASE:
        return _grouped(text)
    power = raised(text)
    return power if power != text else "^" + _grouped(text)


def _parent(element: BaseOxmlElement) -> str | None:
    parent = element.getparent()
    return None if parent is None else parent.tag


def _grouped(text: str) -> str:
    return text if _ONE.fullmatch(text) else f"({text})"
