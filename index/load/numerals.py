"""The numbers of list items, as text."""

from typing import Literal

Numerals = Literal["decimal", "lower-letter", "upper-letter", "lower-roman", "upper-roman"]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl")),
    *((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_LARGEST_ROMAN = 3999
_LARGEST_LETTER = 26 * 27


def numeral(number: int, kind: Numerals) -> str:
    """`number` in `kind`: 3 is "3", "c", "C", "iii" or "III"; in decimal where the kind has no sign for it."""
    if kind.endswith("letter") and 0 < number <= _LARGEST_LETTER:
        text = _letters(number)
    elif kind.endswith("roman") and 0 < number <= _LARGEST_ROMAN:
        text = _roman(number)
    else:
        return str(number)
    return text.upper() if kind.startswith("upper") else text


def _letters(number: int) -> str:
    """A to z, then aa, ab, ..., as browsers count; `number` is at most 26 * 27."""
    first, last = divmod(number - 1, len(_ALPHABET))
    return (_ALPHABET[first - 1] if first else "") + _ALPHABET[last]


def _roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        text += letters * times
    return text
