"""How collections may be called."""

import re

from index.errors import InvalidRequest

NAME_PATTERN = "^[A-Za-z0-9_-]{1,63}$"
"""What names of collections look like, also those of before that begin with a mark; matched as a whole."""

NAME_RULE = "1 to 63 ASCII letters, digits, - and _, and begin with a letter or a digit"
"""What a new name looks like, to go behind `use` or `send`."""


def is_name(text: str) -> bool:
    """Whether a collection may have that name; some of before have one that begins with a mark."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def is_new_name(text: str) -> bool:
    """Whether a new collection may have that name."""
    return is_name(text) and text[0].isalnum()


def no_name(text: str) -> InvalidRequest:
    """The error for what can't name a collection."""
    return InvalidRequest(f"{text[:100]!r} can't name a collection: use {NAME_RULE}")
