"""PDF: the text layer, page by page, with what its pages tell of headings, tables and gaps, and filled forms.

Running heads and feet are left out, see `running`; the rows of tables are put together, see `pdf_tables`.
All of this is done before the text is frozen, so spans and pages are exact in what is kept.
"""

import logging
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import islice

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError
from pypdf.generic import Destination

from index.document import Heading, Parsed, Span
from index.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument
from index.load import pdf_layout as layout
from index.load.canonical import canonical
from index.load.limits import Limits
from index.load.paragraphs import carve, paragraphs, with_blocks
from index.load.pdf_forms import Unfilled, filled_in, may_be_filled_in
from index.load.pdf_lines import Line, page_lines
from index.load.pdf_tables import with_rows

_BLANK_LINE = "\n\n"
_MOST_BOOKMARKS = 10_000
_LONGEST_TITLE = 200  # code points: longer bookmarks are no headings
# What programs write where they were given no title, in the languages of their users.
_UNTITLED = re.compile(
    r"\W?(?:untitled|unbenannt|ohne titel|no title|sans (?:titre|nom)|sin título|senza titolo|sem título|naamloos|"
    r"bez tytułu|без названия|\((?:anonymous|unspecified|none)\))(?: document| dokument)?\W{0,2}\d{0,3}\W?(?:\.?pdf)?",
    re.IGNORECASE,
)

# Its warnings quote the file, and say nothing that the outcome does not: they are for nobody's terminal or log.
logging.getLogger("pypdf").addHandler(logging.NullHandler())
logging.getLogger("pypdf").propagate = False

# What pypdf raises on broken files: "broken PDF files might cause other Exceptions" (pypdf.errors). Objects
# that are missing or of the wrong type come as LookupError, TypeError, AttributeError, AssertionError and
# ValueError (a UnicodeDecodeError is one), numbers as ArithmeticError, unknown filters and deep nesting as
# RuntimeError (NotImplementedError, RecursionError), broken streams as zlib.error, struct.error and OSError.
_BROKEN = (
    *(PyPdfError, DependencyError, LookupError, TypeError, AttributeError, ValueError, ArithmeticError),
    *(AssertionError, RuntimeError, zlib.error, struct.error, OSError),
)

logger = logging.getLogger(__name__)


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The text of the pages, each with what is filled in on it at its end, see `pdf_forms`, joined by blank lines.

    A page that can't be read is empty and is logged.

    Blocks are paragraphs as far as gaps and lines tell, headings, and rows of tables, `cell | cell`; the
    first two rows of a table share a block, as the first is mostly its header. Headings are the bookmarks
    whose titles stand on their page in lines of their own; without those, the lines that are larger or
    bolder than the text. The title is that of the properties, else the first heading of level 1.
    Raises `EncryptedDocument` unless an empty password opens it, `EmptyDocument` if it has no text layer,
    `DocumentTooLarge` over `limits`, and `DamagedDocument` if no page can be read.
    """
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise EncryptedDocument(f"{name!r} needs a password: save a copy without one")
        read, filled = _pages(reader, may_be_filled_in(reader, data), name=name, limits=limits)
    except FileNotDecryptedError as error:
        raise EncryptedDocument(f"{name!r} needs a password: save a copy without one") from error
    except _BROKEN as error:
        raise _damaged(name, error) from error
    if not any(read) and not any(filled):
        raise EmptyDocument(
            f"{name!r} has no text layer, so it may be a scan: run it through OCR and try again"
        )
    setting = layout.setting(read)
    kept = layout.without_running_heads(read, setting)
    left_out = sum(map(len, read)) - sum(map(len, kept))
    text, pages, lines, entries = _joined(kept, filled, setting)
    styled = layout.headings(lines, setting)
    headings = tuple(_bookmarked(reader, text, pages)) or tuple(
        Heading(level, " ".join(span.of(text).split()), span) for level, span in styled
    )
    cut = carve(paragraphs(text), (span for _, span in styled), text)
    return Parsed(
        text,
        "pdf",
        title=_title(reader) or next((heading.title for heading in headings if heading.level == 1), None),
        pages=pages,
        headings=headings,
        blocks=tuple(
            with_blocks(cut, [*(heading.span for heading in headings), *_rows(lines), *entries], text)
        ),
        repairs={"running_heads": left_out} if left_out else {},
    )


def _joined(
    pages: Sequence[Sequence[Line]], filled: Sequence[Sequence[str]], setting: layout.Setting
) -> tuple[str, tuple[int, ...], list[layout.Placed], list[Span]]:
    """The text of `pages` with a blank line at each gap, where each page starts in it, the lines in it, and what is
    filled in."""
    parts: list[str] = []
    starts: list[int] = []
    placed: list[layout.Placed] = []
    entries: list[Span] = []
    offset = 0
    for page, (lines, values) in enumerate(zip(pages, filled, strict=True)):
        if starts:
            parts.append(_BLANK_LINE)
            offset += len(_BLANK_LINE)
        starts.append(offset)
        for above, line in zip([None, *lines], lines, strict=False):
            gap = above is not None and setting.has_gap(above, line)
            if above is not None:
                is_next_row = line.table is not None and line.table == above.table
                parts.append(_BLANK_LINE if gap and not is_next_row else "\n")
                offset += len(parts[-1])
            span = Span(offset, offset + len(line.text))
            placed.append(layout.Placed(line, span, page, apart=above is None or gap))
            parts.append(line.text)
            offset += len(line.text)
        for number, value in enumerate(values):
            parts.append("" if not number and not lines else "\n" if number else _BLANK_LINE)
            offset += len(parts[-1])
            entries.append(Span(offset, offset + len(value)))
            parts.append(value)
            offset += len(value)
    return "".join(parts), tuple(starts), placed, entries


def _rows(lines: Sequence[layout.Placed]) -> Iterator[Span]:
    """The rows of tables, the first two of each together."""
    tables: defaultdict[tuple[int, int], list[Span]] = defaultdict(list)
    for placed in lines:
        if placed.line.table is not None:
            tables[placed.page, placed.line.table].append(placed.span)
    for first, *others in tables.values():
        yield Span(first.start, others[0].end) if others else first
        yield from others[1:]


def _damaged(name: str, error: Exception) -> DamagedDocument:
    return DamagedDocument(
        f"{name!r} could not be read as PDF ({type(error).__name__}: {error}): "
        "open it in a viewer and print it to PDF again"
    )


def _pages(
    reader: PdfReader, may_be_filled: bool, *, name: str, limits: Limits
) -> tuple[list[list[Line]], list[list[str]]]:
    """The lines of each page, and what is filled in on it."""
    pages: list[list[Line]] = []
    filled: list[list[str]] = []
    unfilled = Unfilled()
    chars = 0
    lost: list[int] = []
    lost_values: list[int] = []
    failure: Exception | None = None
    for number, page in enumerate(reader.pages, start=1):
        if number > limits.max_pages:
            raise DocumentTooLarge(f"{name!r} has more than {limits.max_pages:,} pages: split it")
        try:
            pages.append(with_rows(page_lines(page)))
        except _BROKEN as error:
            pages.append([])
            lost.append(number)
            failure = error
        try:
            filled.append(list(filled_in(page, unfilled)) if may_be_filled else [])
        except _BROKEN:
            filled.append([])
            lost_values.append(number)
        chars += sum(len(line.text) + 1 for line in pages[-1]) + sum(len(value) + 1 for value in filled[-1])
        if chars > limits.max_text_chars:
            raise DocumentTooLarge(
                f"{name!r} holds more than {limits.max_text_chars:,} characters of text: split it"
            )
    if failure is not None and not any(pages) and not any(filled):
        raise _damaged(name, failure) from failure
    if lost:
        logger.warning("%r: pages %s could not be read and are left out", name, ", ".join(map(str, lost)))
    _warn(name, lost_values, unfilled)
    return pages, filled


def _warn(name: str, lost_values: Sequence[int], unfilled: Unfilled) -> None:
    if lost_values:
        pages = ", ".join(map(str, lost_values))
        logger.warning("%r: what is filled in on pages %s could not be read and is left out", name, pages)
    if unfilled.unread:
        logger.warning(
            "%r: fields, remarks and links that are not looked at, as there are too many: %d",
            name,
            unfilled.unread,
        )


def _title(reader: PdfReader) -> str | None:
    try:
        title = reader.metadata.title if reader.metadata else None
        title = " ".join(canonical(title or "").split())
        return None if _UNTITLED.fullmatch(title) else title or None
    except _BROKEN:
        return None  # the title is a nicety: the text is there


def _bookmarked(reader: PdfReader, text: str, pages: tuple[int, ...]) -> Iterator[Heading]:
    """The bookmarks that are found in the text, in its order; each is looked for below the one before it."""
    try:
        outline = list(islice(_outline(reader), _MOST_BOOKMARKS))
    except _BROKEN:
        return  # bookmarks are a nicety: the text is there
    after = 0
    for page, level, title in sorted(outline, key=lambda entry: entry[0]):
        end = pages[page + 1] if page + 1 < len(pages) else len(text)
        words = r"\s+".join(map(re.escape, title.split()))
        found = re.compile(rf"^(?:[\dIVX]+(?:\.\d+)*\.?\s+)?{words}$", re.IGNORECASE | re.MULTILINE).search(
            text, max(after, pages[page]), end
        )
        if found:
            after = found.end()
            yield Heading(level, " ".join(found[0].split()), Span(*found.span()))


def _outline(reader: PdfReader) -> Iterator[tuple[int, int, str]]:
    """The bookmarks as (page, counted from 0; level, from 1; title), without recursion."""
    pending: list[tuple[int, Iterator[object]]] = [(1, iter(reader.outline))]
    while pending:
        level, entries = pending[-1]
        for entry in entries:
            if isinstance(entry, list):
                pending.append((level + 1, iter(entry)))
                break
            if isinstance(entry, Destination):
                page, title = reader.get_destination_page_number(entry), canonical(entry.title or "").strip()
                if page is not None and 0 < len(title) <= _LONGEST_TITLE:
                    yield page, level, title
        else:
            pending.pop()
