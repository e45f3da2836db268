"""PPTX: the texts of each slide under its title, its tables, and what the speaker notes."""

from collections.abc import Iterable, Iterator
from io import BytesIO

import pptx
from pptx.exc import PythonPptxError
from pptx.presentation import Presentation
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.slide import Slide
from pptx.table import Table
from pptx.text.text import TextFrame

from index.document import Parsed
from index.errors import DamagedDocument
from index.load.compose import Piece, bounded, compose, row
from index.load.limits import Limits
from index.load.unpack import check_unpacked

# As those of DOCX, see there.
_BROKEN = (PythonPptxError, SyntaxError, LookupError, ValueError, AttributeError, TypeError, RecursionError)
_DEEPEST_GROUP = 20
_TEMPLATE_TITLES = frozenset(("PowerPoint Presentation", "PowerPoint-Präsentation"))
_SHOWS_SLIDE_NUMBER = frozenset(
    (13, 15, 16)
)  # MSO placeholders: number, footer, date, the same on all slides


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The slides in their order: the title as a heading, then a block for each paragraph and table row, from
    the top of the slide to its bottom; then what is noted for the speaker. Hidden slides are left out.

    A table row is a line `cell | cell`; the first shares a block with the second. The title is that of the
    properties, else that of the first slide.
    """
    check_unpacked(data, name=name, limits=limits)
    try:
        deck = pptx.Presentation(BytesIO(data))
        title = deck.core_properties.title
        if not title or title in _TEMPLATE_TITLES:
            title = next(filter(None, map(_slide_title, deck.slides)), None)
        return compose(bounded(_pieces(deck), name=name, limits=limits), format="pptx", title=title)
    except _BROKEN as error:
        raise DamagedDocument(
            f"{name!r} could not be read as PPTX ({type(error).__name__}: {error}): "
            "open it in PowerPoint and save it again"
        ) from error


def _pieces(deck: Presentation) -> Iterator[Piece]:
    for number, slide in enumerate(deck.slides, start=1):
        if slide.element.get("show") in {"0", "false"}:
            continue
        title = _slide_title(slide)
        if title:
            yield Piece(title, "heading", 2, page=number)
        title_shape = slide.shapes.title
        below = [
            shape for shape in slide.shapes if title_shape is None or shape.shape_id != title_shape.shape_id
        ]
        for piece in _shown(sorted(below, key=_place), 0):
            yield Piece(piece.text, piece.kind, piece.level, header=piece.header, page=number)
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame):
            yield from (Piece(piece.text, page=number) for piece in _paragraphs(notes))


def _slide_title(slide: Slide) -> str | None:
    shape = slide.shapes.title
    return " ".join(shape.text_frame.text.split()) or None if shape is not None else None


def _place(shape: BaseShape) -> tuple[int, int]:
    """From the top down, and from left to right; what stands where its layout says is read first."""
    return (shape.top or 0, shape.left or 0)


def _shown(shapes: Iterable[BaseShape], depth: int) -> Iterator[Piece]:
    for shape in shapes:
        if isinstance(shape, GroupShape):
            if depth < _DEEPEST_GROUP:
                yield from _shown(sorted(shape.shapes, key=_place), depth + 1)
        elif isinstance(shape, GraphicFrame) and shape.has_table:
            yield from _rows(shape.table)
        elif shape.has_text_frame and not _is_repeated(shape):
            yield from _paragraphs(shape.text_frame)  # type: ignore[attr-defined]  # has_text_frame says so


def _is_repeated(shape: BaseShape) -> bool:
    return shape.is_placeholder and int(shape.placeholder_format.type or 0) in _SHOWS_SLIDE_NUMBER


def _paragraphs(frame: TextFrame) -> Iterator[Piece]:
    for paragraph in frame.paragraphs:
        yield Piece(paragraph.text, "item" if len(frame.paragraphs) > 1 else "paragraph")


def _rows(table: Table) -> Iterator[Piece]:
    for number, cells in enumerate(table.rows):
        texts = [[Piece(" ".join(cell.text.split()))] for cell in cells.cells if not cell.is_spanned]
        yield from row(texts, header=number == 0)
