"""Text of others on one line, without what would drive whatever shows it."""

import unicodedata

_JOINERS = "\u200c\u200d"  # they shape letters and emoji, and do nothing else


def printable(text: str) -> str:
    """Text on one line, without what would drive the terminal or turn the order of its letters.

    Any white space is a space, a control character is `�`, and an invisible mark is left out.
    """
    return "".join(_printable(character) for character in text)


def _printable(character: str) -> str:
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cs"):
        return "�"
    return "" if category == "Cf" and character not in _JOINERS else character
