"""Words that the end of a line parts, put together for the search; the canonical text keeps them as they are."""

import re

_LINE_END = r"[^\S\n]*\n[^\S\n]*"
_SOFT = re.compile(f"\u00ad(?:{_LINE_END})?")
_BREAK = re.compile(rf"(?<=[^\W\d_])[-\u2010]{_LINE_END}(?=[^\W\d_])")
_LONGEST = 64  # code points of either part
_LETTERS = r"[^\W\d_]{1,64}"
_BEFORE, _AFTER = re.compile(rf"{_LETTERS}\Z"), re.compile(_LETTERS)


def joined(text: str) -> str:
    """`text` with the words joined that a hyphen at the end of a line parts, if they go on in a small letter.

    Soft hyphens go. What a hyphen belongs to ("well-known") is joined too where a line ends behind it.
    """
    if "\n" not in text and "\u00ad" not in text:
        return text
    text = _SOFT.sub("", text)
    return _BREAK.sub(lambda found: "" if text[found.end()].islower() else found[0], text)


def joined_words(text: str) -> list[str]:
    """The words that the line ends of `text` part at a hyphen, each put together."""
    return [
        before[0] + after[0]
        for found in _BREAK.finditer(text)
        if (before := _BEFORE.search(text, max(0, found.start() - _LONGEST), found.start()))
        and (after := _AFTER.match(text, found.end()))
    ]
