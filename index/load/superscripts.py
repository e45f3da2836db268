"""Superscripts as the characters that Unicode has for them, so that `10` and its exponent stay apart."""

import re

_RAISED = str.maketrans("0123456789+-−–=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ⁿⁱ")
# Numbers, the signs of ions, lists of notes ("1,2"), "n" and "i"; not the "th" of "5th".
_RAISABLE = re.compile(r"[\s.,]*(?:[0-9+\-−–=()][0-9+\-−–=()\s.,]*[ni]?|[ni])[\s.,]*")
_LONGEST = 20  # code points: more is a text in small letters
# What is above a bar and is no exponent: nothing stands before it, or the slash is that of fractions.
_NUMERATOR = re.compile(r"((?<![\w)])|(?<=\d)(?=[⁰¹²³⁴-⁹]+\s?⁄))([⁰¹²³⁴-⁹]+)(?=\s?[/⁄]\s?\d)")
_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def raised(text: str) -> str:
    """The superscript `text` in superior characters: `6` is `⁶`, `-3` is `⁻³`; `th` and `TM` stay as they are."""
    if len(text) > _LONGEST or not _RAISABLE.fullmatch(text):
        return text
    return text.translate(_RAISED)


def with_fractions(text: str) -> str:
    """`text` in which numerators that were raised are plain numbers: `¹/2` is `1/2`, and `3¹⁄2` is `3 1⁄2`."""
    return _NUMERATOR.sub(_numerator, text) if "/" in text or "⁄" in text else text


def _numerator(found: re.Match[str]) -> str:
    after_a_number = found.start() > 0 and found.string[found.start() - 1].isdecimal()
    return (" " if after_a_number else "") + found[2].translate(_LOWERED)
