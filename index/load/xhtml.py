"""XHTML as HTML: what XML closes by itself or quotes is written as a parser of HTML reads it."""

import html
import re
from collections.abc import Iterator

_DECLARED = re.compile(
    r"\A<\?xml\s|<!doctype[^<>]{0,200}\bxhtml|<html\b[^<>]{0,1000}\bxmlns\s*=\s*[\"']http://www\.w3\.org/1999/xhtml",
    re.IGNORECASE,
)
_HEAD_CHARS = 4096
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
# XML closes any element so, HTML only these: a <title/> would take the whole page for the title.
_PART = re.compile(
    rf"(?P<comment><!--)|(?P<quoted><!\[CDATA\[)|<(?!(?:{_VOID})\b)(?P<name>[a-zA-Z][\w:-]*)(?P<rest>(?:\s[^<>]*)?)(?<!/)/>"
    r"|<(?P<code>script|style)(?:\s[^<>]*)?>"
)


def is_xhtml(source: str) -> bool:
    """Whether a page says that it is XHTML: by an XML declaration, its doctype or its namespace."""
    return _DECLARED.search(source[:_HEAD_CHARS].lstrip()) is not None


def as_html(source: str) -> str:
    """`source` with its self-closed elements closed and its CDATA as text; comments, scripts and styles stay."""
    return "".join(_parts(source))


def _parts(source: str) -> Iterator[str]:
    at = 0
    while part := _PART.search(source, at):
        yield source[at : part.start()]
        at = part.end()
        if part["name"]:
            yield f"<{part['name']}{part['rest']}></{part['name']}>"
            continue
        closing = "-->" if part["comment"] else "]]>" if part["quoted"] else f"</{part['code']}"
        end = source.find(closing, at)
        if end < 0:  # nothing behind it is read
            at = part.start()
            break
        if part["quoted"]:
            yield html.escape(source[at:end], quote=False)
            at = end + len(closing)
        else:
            yield source[part.start() : end]
            at = end
    yield source[at:]
