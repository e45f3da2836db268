"""Plain text of e-mails whose lines flow on, with each paragraph put together (RFC 3676)."""

import re
from collections.abc import Iterator

_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(
    r"(>*) ?(.*)", re.DOTALL
)  # quote marks, then a space that only guards what comes behind it
_SIGNATURE = "-- "


def unflowed(text: str, *, joins_words: bool) -> str:
    """`text` with each line that ends in a space joined to the next one, as far as that is quoted as deeply.

    With `joins_words` (DelSp=yes) that space is not part of the text. Spaces that only guard a line's start are
    left out, marks of quotes stay, and the line above a signature ends its paragraph.
    """
    return "\n".join(_paragraphs(text, joins_words=joins_words))


def _paragraphs(text: str, *, joins_words: bool) -> Iterator[str]:
    quoted, flowing = "", list[str]()
    for line in _LINE_END.split(text):
        depth, content = _LINE.fullmatch(line).groups()  # type: ignore[union-attr]  # it fits any line
        is_signature = content == _SIGNATURE
        if flowing and (depth != quoted or is_signature):
            yield _quoted(quoted, "".join(flowing))
            flowing = []
        quoted = depth
        if content.endswith(" ") and not is_signature:
            flowing.append(content[:-1] if joins_words else content)
        else:
            yield _quoted(quoted, "".join([*flowing, content]))
            flowing = []
    if flowing:
        yield _quoted(quoted, "".join(flowing))


def _quoted(depth: str, content: str) -> str:
    return f"{depth} {content}" if depth else content
