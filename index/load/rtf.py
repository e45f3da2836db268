"""RTF: its text as the library `striprtf` gives it, a block for each paragraph and table row."""

import re
import sys
from collections.abc import Iterator

from striprtf.striprtf import rtf_to_text

from index.document import Parsed
from index.errors import DamagedDocument
from index.load.compose import Piece, bounded, compose, row
from index.load.limits import Limits

_TITLE = re.compile(r"\{\\title\s([^{}\\]{1,500})\}")
_CODE_PAGE = re.compile(r"\\ansicpg(\d{3,5})")
_MOST_GROUPS = 2_000_000
_HIDES = re.compile(r"\\v(?![a-z]|0)")
# A control word, a brace, a line end, which is no text, or what is: other controls, escaped bytes, and letters.
_TOKEN = re.compile(r"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|([{}])|[\r\n]+|\\'..|\\.|[^\\{}\r\n]+|\\", re.DOTALL)
_CHARACTERS = frozenset(
    (
        *("u", "tab", "line", "emdash", "endash", "emspace", "enspace", "qmspace"),
        *("bullet", "lquote", "rquote", "ldblquote", "rdblquote"),
    )
)
_UNICODE = re.compile(r"\\\\|\\u(-?\d+)")  # the first so that no escaped backslash begins one
_NO_CHARACTER = "\\u65533"
_MOST_DIGITS = 7


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The text in order; rows of tables are lines `cell | cell`, and the first shares a block with the second.

    Headings are paragraphs like others, which RTF tells by their looks; notes, heads and feet are left out, which
    the library does, and hidden text. A number that is no character becomes U+FFFD. The title is that of the
    properties where it is plain ASCII.
    """
    # Its bytes are ASCII by its rules; what is beyond is in the code page that it names.
    page = _CODE_PAGE.search(data[:2000].decode("latin-1"))
    try:
        try:
            source = data.decode(f"cp{page[1]}" if page else "cp1252")
        except (LookupError, UnicodeDecodeError):
            source = data.decode("latin-1")
        if source.count("{") > _MOST_GROUPS:
            raise ValueError("too many groups")
        shown = _UNICODE.sub(_character, _without_hidden(source))
        try:
            text = _plain(shown, "strict")
        except UnicodeDecodeError:
            text = _plain(shown, "replace")
    except (ValueError, LookupError, TypeError, OverflowError, AttributeError) as error:
        raise DamagedDocument(
            f"{name!r} could not be read as RTF ({type(error).__name__}: {error}): open it and save it as DOCX"
        ) from error
    title = _TITLE.search(source)
    pieces = bounded(_pieces(text), name=name, limits=limits)
    return compose(pieces, format="rtf", title=title[1] if title else None)


def _without_hidden(source: str) -> str:
    """`source` without its text between \\v and \\v0, \\plain or the end of the group; its structure stays."""
    if not _HIDES.search(source):
        return source
    kept: list[str] = []
    hidden = False
    outer: list[bool] = []
    at = 0
    while token := _TOKEN.match(source, at):
        word, number, brace = token.groups()
        at = token.end()
        if word == "bin" and number:  # so many bytes follow, which may be braces
            at += max(0, int(number))
        if brace == "{":
            outer.append(hidden)
        elif brace:
            hidden = outer.pop() if outer else False
        elif word == "v":
            hidden = number is None or int(number) != 0
        elif word == "plain":
            hidden = False
        if not hidden or not _is_text(token):
            kept.append(source[token.start() : at])
    return "".join(kept)


def _is_text(token: re.Match[str]) -> bool:
    word, _, brace = token.groups()
    if word:
        return word in _CHARACTERS
    return not brace and token[0][0] not in "\r\n" and token[0] != "\\*"


def _character(found: re.Match[str]) -> str:
    number = found[1]
    if number is None:
        return found[0]
    is_one = len(number) <= _MOST_DIGITS and -0x10000 <= int(number) <= sys.maxunicode
    return found[0] if is_one else _NO_CHARACTER


def _plain(source: str, errors: str) -> str:
    text: str = rtf_to_text(source, errors=errors)  # type: ignore[no-untyped-call]  # it has no types
    return text


def _pieces(text: str) -> Iterator[Piece]:
    in_table = False
    for line in text.split("\n"):
        is_row = line.rstrip().endswith("|")
        if is_row:
            cells = [[Piece(" ".join(cell.split()))] for cell in line.rstrip()[:-1].split("|")]
            yield from row(cells, header=not in_table)
        elif line.strip():
            yield Piece(line)
        in_table = is_row
