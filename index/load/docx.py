"""DOCX: paragraphs and tables in the order of the body, then the notes at their feet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO

import docx
from docx.document import Document
from docx.exceptions import PythonDocxError
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml
from docx.oxml.xmlchemy import BaseOxmlElement

from index.document import Parsed
from index.errors import DamagedDocument
from index.load.compose import Piece, compose, row
from index.load.docx_math import MATH_PARTS, part
from index.load.docx_numbering import Numbering, numbering
from index.load.docx_styles import (
    Style,
    is_hidden,
    is_on,
    is_raised,
    list_of,
    outline_level,
    styles_of,
    value_of,
)
from index.load.limits import Limits
from index.load.spans import Cell, Grid, Repeats, span
from index.load.strict import transitional
from index.load.superscripts import raised, with_fractions
from index.load.symbols import symbol
from index.load.unpack import check_unpacked

# What damaged packages raise: missing parts and members are LookupErrors, wrong values ValueErrors,
# relationships to parts of another kind AttributeErrors and TypeErrors, and lxml's XMLSyntaxError is a
# SyntaxError. What unpacking raises was met in check_unpacked.
_BROKEN = (*(PythonDocxError, OpcError, SyntaxError, LookupError, ValueError, AttributeError, TypeError),)

_PARAGRAPH, _RUN, _TABLE, _ROW, _CELL = qn("w:p"), qn("w:r"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_SYMBOL = qn("w:sym")
_TEXTS = frozenset((qn("w:t"), qn("m:t")))
_SIGNS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "\u2011"}
_NOTE_REFERENCES = {
    qn("w:footnoteReference"): RELATIONSHIP_TYPE.FOOTNOTES,
    qn("w:endnoteReference"): RELATIONSHIP_TYPE.ENDNOTES,
}
_ID = qn("w:id")
# Deleted and moved text, properties, readings of ideographs, and the twins of text boxes for old Words.
_SKIPPED = frozenset(
    (
        *map(
            qn, ("w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:tblPr", "w:trPr", "w:tcPr", "w:sectPr", "w:rt")
        ),
        "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    )
)
_NO_LIST = "0"
_MOST_COLUMNS = 1000  # that a cell spans


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The body as Word shows it, in order, with a block for each paragraph and table row; then the notes.

    A table row is a line `cell | cell`, with cells that are merged downwards in each of their rows; the first
    shares a block with the second, as it mostly is a header, which Word doesn't tell. Paragraphs in numbered
    lists have their numbers. Headings are the paragraphs whose style, or one that it is based on, is a
    "Heading N" or has an outline level, in any language of Word. Deleted and hidden text is left out.
    Superscript numbers are written in superior characters, fractions of formulas as `1/20`. The title is that
    of the properties, else the first paragraph in the style "Title", else the first heading of level 1.
    """
    check_unpacked(data, name=name, limits=limits)
    try:
        document = docx.Document(BytesIO(transitional(data)))
        reader = _Reader(styles_of(document), numbering(document))
        reader.read(document.element.body)
        pieces = [*reader.pieces, *_notes(document, reader)]
        title = _title(document) or reader.title
    except _BROKEN as error:
        raise DamagedDocument(
            f"{name!r} could not be read as DOCX ({type(error).__name__}: {error}): "
            "open it in Word and save it again"
        ) from error
    return compose(pieces, format="docx", title=title)


@dataclass(slots=True)
class _Table:
    """A table that is being read, with what is in the cells of the row above, by column.

    Rows with as many cells as the widest have one in each column: Word has further columns, of no width, where
    the edges of cells in different rows are not exactly below each other.
    """

    grid: Grid
    widest: int
    above: dict[int, list[Piece]] = field(default_factory=dict)


@dataclass(slots=True)
class _Row:
    """A table row that is being read: its cells, and where the pieces around it go."""

    outside: list[Piece]
    header: bool
    is_widest: bool
    column: int
    cells: list[Cell] = field(default_factory=list)


@dataclass(slots=True)
class _Paragraph:
    """The text of a paragraph, or of a part of a formula in one, that is being read."""

    style: Style
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    """Makes pieces of the elements of a body; `notes` are (relationship type, id), in order of reference."""

    styles: Mapping[str, Style]
    numbering: Numbering
    pieces: list[Piece] = field(default_factory=list)
    title: str | None = None
    notes: list[tuple[str, str]] = field(default_factory=list)
    repeats: Repeats = field(default_factory=Repeats)
    _open: list[_Paragraph] = field(default_factory=list)
    _runs: list[bool] = field(default_factory=list)  # whether each is raised
    _tables: list[_Table] = field(default_factory=list)
    _rows: list[_Row] = field(default_factory=list)

    def read(self, body: BaseOxmlElement) -> None:
        """Reads all of `body`, with a stack of its own, as tables may be nested deeply."""
        path: list[tuple[BaseOxmlElement, Iterator[BaseOxmlElement]]] = [(body, iter(body))]
        while path:
            for element in path[-1][1]:
                if self._enter(element):
                    path.append((element, iter(element)))
                    break
            else:
                self._leave(path.pop()[0])

    def _enter(self, element: BaseOxmlElement) -> bool:
        """Begins `element`; False if nothing in it is to be read. Comments and entities have no tag."""
        tag = element.tag
        if not isinstance(tag, str) or tag in _SKIPPED:
            return False
        if tag == _PARAGRAPH:
            self._open.append(_Paragraph(self.styles.get(_paragraph_style(element) or "", Style())))
        elif tag == _RUN:
            return self._begin_run(element)
        elif tag in MATH_PARTS:
            self._open.append(_Paragraph(self._open[-1].style if self._open else Style()))
        elif tag in _TEXTS:
            text = element.text or ""
            self._write(raised(text) if self._runs and self._runs[-1] else text)
        elif tag in _SIGNS:
            self._write(_SIGNS[tag])
        elif tag == _SYMBOL:
            self._write(symbol(element.get(qn("w:font"), ""), element.get(qn("w:char"), "")))
        elif tag in _NOTE_REFERENCES:
            self.notes.append((_NOTE_REFERENCES[tag], element.get(_ID, "")))
            self._write(f"[{len(self.notes)}]")
        elif tag == _TABLE:
            widest = max((len(row.findall(_CELL)) for row in element.iterchildren(_ROW)), default=0)
            self._tables.append(_Table(Grid(self.repeats), widest))
        elif tag == _ROW:
            return self._begin_row(element)
        elif tag == _CELL and self._rows:
            return self._begin_cell(element)
        return True

    def _begin_run(self, run: BaseOxmlElement) -> bool:
        """Begins a run; False if it is hidden: by itself, else by its style, else by that of its paragraph."""
        properties = run.find(qn("w:rPr"))
        style_id = None if properties is None else value_of(properties.find(qn("w:rStyle")))
        styles = (self.styles.get(style_id or "", Style()), self._open[-1].style if self._open else Style())
        if _first_told(is_hidden(properties), *(style.hidden for style in styles)):
            return False
        self._runs.append(_first_told(is_raised(properties), *(style.raised for style in styles)))
        return True

    def _begin_row(self, element: BaseOxmlElement) -> bool:
        if _is_hidden_row(element):
            return False
        properties = element.find(qn("w:trPr"))
        before = None if properties is None else value_of(properties.find(qn("w:gridBefore")))
        column = span(before, _MOST_COLUMNS) if before not in {None, "0"} else 0
        is_widest = not self._tables or len(element.findall(_CELL)) >= self._tables[-1].widest
        self._rows.append(_Row(self.pieces, _is_first(element), is_widest, column))
        if column and not is_widest:
            self._rows[-1].cells.append(Cell(columns=column))
        return True

    def _begin_cell(self, element: BaseOxmlElement) -> bool:
        """Begins a cell; False if it is a further row of the one above."""
        open_row, above = self._rows[-1], self._tables[-1].above if self._tables else {}
        properties = element.find(qn("w:tcPr"))
        width = span(
            None if properties is None else value_of(properties.find(qn("w:gridSpan"))), _MOST_COLUMNS
        )
        goes_on = _goes_on_from_above(properties)
        self.pieces = above.get(open_row.column, []) if goes_on else []
        above[open_row.column] = self.pieces
        open_row.column += width
        open_row.cells.append(Cell(self.pieces, columns=1 if open_row.is_widest else width, goes_on=goes_on))
        return not goes_on

    def _leave(self, element: BaseOxmlElement) -> None:
        tag = element.tag
        if tag == _PARAGRAPH:
            ended_paragraph = self._open.pop()
            self.pieces.append(self._piece(element, with_fractions("".join(ended_paragraph.texts))))
        elif tag == _RUN:
            self._runs.pop()
        elif tag in MATH_PARTS:
            text = "".join(self._open.pop().texts)
            self._write(part(element, text, before=self._before()))
        elif tag == _TABLE:
            self._tables.pop()
        elif tag == _ROW:
            ended = self._rows.pop()
            self.pieces = ended.outside
            grid = self._tables[-1].grid if self._tables else Grid(self.repeats)
            self.pieces += row(grid.line(ended.cells, header=ended.header), header=ended.header)

    def _write(self, text: str) -> None:
        if self._open:
            self._open[-1].texts.append(text)

    def _before(self) -> str:
        """The end of what was written so far in the open paragraph."""
        return self._open[-1].texts[-1] if self._open and self._open[-1].texts else ""

    def _piece(self, paragraph: BaseOxmlElement, text: str) -> Piece:
        properties = paragraph.find(qn("w:pPr"))
        style_id = _paragraph_style(paragraph)
        style = self.styles.get(style_id or "", Style())
        if style.is_title and self.title is None:
            self.title = text.strip() or None
        level = outline_level(properties)
        level = style.level if level is None else level
        listed = list_of(properties) or style.listed
        if listed is not None and listed.list_id != _NO_LIST:
            marker = self.numbering.next(listed.list_id, listed.level, style_id)  # empty ones count too
            text = f"{marker} {text.lstrip()}" if marker and text.strip() else text
            return Piece(text, "heading" if level else "item", level or 0)
        return Piece(text, "heading", level) if level else Piece(text)


def _first_told(*said: bool | None) -> bool:
    return next((it for it in said if it is not None), False)


def _paragraph_style(paragraph: BaseOxmlElement) -> str | None:
    properties = paragraph.find(qn("w:pPr"))
    return None if properties is None else value_of(properties.find(qn("w:pStyle")))


def _is_hidden_row(row: BaseOxmlElement) -> bool:
    properties = row.find(qn("w:trPr"))
    return properties is not None and bool(is_on(properties.find(qn("w:hidden"))))


def _is_first(row: BaseOxmlElement) -> bool:
    """Whether `row` is the first of its table."""
    above = row.getprevious()
    while above is not None and (above.tag != _ROW or _is_hidden_row(above)):
        above = above.getprevious()
    return above is None


def _goes_on_from_above(properties: BaseOxmlElement | None) -> bool:
    """Whether a cell with these properties is a further row of one that is merged downwards."""
    merge = None if properties is None else properties.find(qn("w:vMerge"))
    return merge is not None and value_of(merge) != "restart"


def _title(document: Document) -> str | None:
    """The title among the properties; python-docx makes up "Word Document" where there are none."""
    relationships = document.part.package.rels.values() if document.part.package else ()
    if any(relationship.reltype == RELATIONSHIP_TYPE.CORE_PROPERTIES for relationship in relationships):
        return document.core_properties.title or None
    return None


def _notes(document: Document, reader: _Reader) -> Iterator[Piece]:
    """The foot- and endnotes that are referred to, each under the number that stands in the text."""
    roots = {
        relationship.reltype: parse_xml(relationship.target_part.blob)
        for relationship in document.part.rels.values()
        if relationship.reltype in _NOTE_REFERENCES.values() and not relationship.is_external
    }
    notes = {(kind, note.get(_ID)): note for kind, root in roots.items() for note in root}
    for number, key in enumerate(list(reader.notes), start=1):
        if key in notes:
            inner = _Reader(reader.styles, reader.numbering, repeats=reader.repeats)
            inner.read(notes[key])
            text = " ".join(piece.text.strip() for piece in inner.pieces)
            yield Piece(f"[{number}] {text}", "item")
