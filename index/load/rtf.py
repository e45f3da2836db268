"""RTF: its text as the library `striprtf` gives it, a block for each paragraph and table row."""

import re
from collections.abc import Iterator

from striprtf.striprtf import rtf_to_text

from index.document import Parsed
from index.errors import DamagedDocument
from index.load.compose import Piece, bounded, compose, row
from index.load.limits import Limits

_TITLE = re.compile(r"\{\\title\s([^{}\\]{1,500})\}")
_CODE_PAGE = re.compile(r"\\ansicpg(\d{3,5})")
_MOST_GROUPS = 2_000_000


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The text in order; rows of tables are lines `cell | cell`, and the first shares a block with the second.

    Headings are paragraphs like others, which RTF tells by their looks; notes, heads and feet are left out, which
    the library does. The title is that of the properties where it is plain ASCII.
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
        try:
            text = _plain(source, "strict")
        except UnicodeDecodeError:
            text = _plain(source, "replace")
    except (ValueError, LookupError, TypeError, OverflowError, AttributeError) as error:
        raise DamagedDocument(
            f"{name!r} could not be read as RTF ({type(error).__name__}: {error}): open it and save it as DOCX"
        ) from error
    title = _TITLE.search(source)
    pieces = bounded(_pieces(text), name=name, limits=limits)
    return compose(pieces, format="rtf", title=title[1] if title else None)


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
