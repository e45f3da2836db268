"""What is taken out of a text before any embedding model sees it."""

import re

_UNENCODABLE = re.compile("[\x00\ud800-\udfff]")


def encodable(text: str) -> str:
    """The text without NULs and lone surrogates: the former end strings in C, the latter have no UTF-8."""
    return _UNENCODABLE.sub("", text)
