"""PDF: the text layer, page by page."""

import logging
import re
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import islice

from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError
from pypdf.generic import Destination

from index.document import Heading, Parsed, Span
from index.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument
from index.load.canonical import canonical
from index.load.limits import Limits
from index.load.paragraphs import carve, paragraphs

_PAGE_BREAK = "\n\n"
_MOST_BOOKMARKS = 10_000
_LONGEST_TITLE = 200  # code points: longer bookmarks are no headings

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
    """The text of the pages, joined by blank lines; a page that can't be read is empty and is logged.

    Blocks are paragraphs as far as the lines tell. Headings are the bookmarks whose titles stand on their
    page in lines of their own. Raises `EncryptedDocument` unless an empty password opens it, `EmptyDocument`
    if it has no text layer, `DocumentTooLarge` over `limits`, and `DamagedDocument` if no page can be read.
    """
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise EncryptedDocument(f"{name!r} needs a password: save a copy without one")
        texts = _page_texts(reader, name=name, limits=limits)
    except FileNotDecryptedError as error:
        raise EncryptedDocument(f"{name!r} needs a password: save a copy without one") from error
    except _BROKEN as error:
        raise _damaged(name, error) from error
    if not any(texts):
        raise EmptyDocument(
            f"{name!r} has no text layer, so it may be a scan: run it through OCR and try again"
        )
    text = _PAGE_BREAK.join(texts)
    pages = _offsets(texts)
    headings = tuple(_headings(reader, text, pages))
    blocks = carve(paragraphs(text), [heading.span for heading in headings], text)
    return Parsed(text, "pdf", title=_title(reader), pages=pages, headings=headings, blocks=tuple(blocks))


def _damaged(name: str, error: Exception) -> DamagedDocument:
    return DamagedDocument(
        f"{name!r} could not be read as PDF ({type(error).__name__}: {error}): "
        "open it in a viewer and print it to PDF again"
    )


def _page_texts(reader: PdfReader, *, name: str, limits: Limits) -> list[str]:
    texts: list[str] = []
    chars = 0
    lost: list[int] = []
    failure: Exception | None = None
    for number, page in enumerate(reader.pages, start=1):
        if number > limits.max_pages:
            raise DocumentTooLarge(f"{name!r} has more than {limits.max_pages:,} pages: split it")
        try:
            texts.append(_page_text(page))
        except _BROKEN as error:
            texts.append("")
            lost.append(number)
            failure = error
        chars += len(texts[-1])
        if chars > limits.max_text_chars:
            raise DocumentTooLarge(
                f"{name!r} holds more than {limits.max_text_chars:,} characters of text: split it"
            )
    if failure is not None and not any(texts):
        raise _damaged(name, failure) from failure
    if lost:
        logger.warning("%r: pages %s could not be read and are left out", name, ", ".join(map(str, lost)))
    return texts


def _page_text(page: PageObject) -> str:
    """The canonical text of `page`, without white space around its lines."""
    lines = canonical(page.extract_text()).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines)).strip()


def _offsets(texts: list[str]) -> tuple[int, ...]:
    """Where each of `texts` starts when they are joined by page breaks."""
    offsets: list[int] = []
    offset = 0
    for text in texts:
        offsets.append(offset)
        offset += len(text) + len(_PAGE_BREAK)
    return tuple(offsets)


def _title(reader: PdfReader) -> str | None:
    try:
        title = reader.metadata.title if reader.metadata else None
        return " ".join(canonical(title or "").split()) or None
    except _BROKEN:
        return None  # the title is a nicety: the text is there


def _headings(reader: PdfReader, text: str, pages: tuple[int, ...]) -> Iterator[Heading]:
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
