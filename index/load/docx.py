"""DOCX: paragraphs and tables in the order of the body, then the notes at their feet."""

import re
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
from index.load.docx_numbering import Numbering, numbering
from index.load.limits import Limits
from index.load.unpack import check_unpacked

# What damaged packages raise: missing parts and members are LookupErrors, wrong values ValueErrors,
# relationships to parts of another kind AttributeErrors and TypeErrors, and lxml's XMLSyntaxError is a
# SyntaxError. What unpacking raises was met in check_unpacked.
_BROKEN = (*(PythonDocxError, OpcError, SyntaxError, LookupError, ValueError, AttributeError, TypeError),)

_PARAGRAPH, _RUN, _ROW, _CELL = qn("w:p"), qn("w:r"), qn("w:tr"), qn("w:tc")
_TEXTS = frozenset((qn("w:t"), qn("m:t")))
_SIGNS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "\u2011"}
_NOTE_REFERENCES = {
    qn("w:footnoteReference"): RELATIONSHIP_TYPE.FOOTNOTES,
    qn("w:endnoteReference"): RELATIONSHIP_TYPE.ENDNOTES,
}
_VALUE, _ID, _STYLE_ID = qn("w:val"), qn("w:id"), qn("w:styleId")
# Deleted and moved text, properties, readings of ideographs, and the twins of text boxes for old Words.
_SKIPPED = frozenset(
    (
        *map(
            qn, ("w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:tblPr", "w:trPr", "w:tcPr", "w:sectPr", "w:rt")
        ),
        "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    )
)
_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)
_BODY_LEVEL = 9  # the outline level that Word calls "body text"; 0 to 8 are headings
_LEVELS = frozenset("012345678")  # of a list
_NO_LIST = "0"
_OFF = frozenset(("0", "false", "off", "none"))


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The body as Word shows it, in order, with a block for each paragraph and table row; then the notes.

    A table row is a line `cell | cell`, with merged cells once; the first shares a block with the second,
    as it mostly is a header, which Word doesn't tell. Paragraphs in numbered lists have their numbers.
    Headings are the paragraphs whose style, or one that it is based on, is a "Heading N" or has an outline
    level, in any language of Word. Deleted and hidden text is left out. The title is that of the
    properties, else the first paragraph in the style "Title", else the first heading of level 1.
    """
    check_unpacked(data, name=name, limits=limits)
    try:
        document = docx.Document(BytesIO(data))
        reader = _Reader(_styles(document), numbering(document))
        reader.read(document.element.body)
        pieces = [*reader.pieces, *_notes(document, reader)]
        title = _title(document) or reader.title
    except _BROKEN as error:
        raise DamagedDocument(
            f"{name!r} could not be read as DOCX ({type(error).__name__}: {error}): "
            "open it in Word and save it again"
        ) from error
    return compose(pieces, format="docx", title=title)


@dataclass(frozen=True, slots=True)
class _Listed:
    """The list that a paragraph is in, "0" for none, and its level there if it is told."""

    list_id: str
    level: int | None


@dataclass(frozen=True, slots=True)
class _Style:
    """What a style says of its paragraphs, or nothing (None), and then the style that it is based on does."""

    level: int | None = None
    listed: _Listed | None = None
    hidden: bool | None = None
    is_title: bool = False
    base: str | None = None


def _styles(document: Document) -> Mapping[str, _Style]:
    """The styles of `document` by id, each with what it takes over from those that it is based on."""
    own = {
        style.get(_STYLE_ID, ""): _own_style(style)
        for style in document.styles.element.findall(qn("w:style"))
    }
    return {style_id: _inherited(style_id, own) for style_id in own}


def _own_style(style: BaseOxmlElement) -> _Style:
    name = _value(style.find(qn("w:name"))) or ""
    heading = _HEADING_NAME.fullmatch(name)
    properties = style.find(qn("w:pPr"))
    outline = _outline_level(properties)
    return _Style(
        level=int(heading[1]) if heading else outline,
        listed=_listed(properties),
        hidden=_hidden(style.find(qn("w:rPr"))),
        is_title=name.lower() == "title",
        base=_value(style.find(qn("w:basedOn"))),
    )


def _inherited(style_id: str, own: Mapping[str, _Style]) -> _Style:
    level = listed = hidden = None
    seen: set[str] = set()
    base: str | None = style_id
    while base and base in own and base not in seen:  # damaged files have styles based on themselves
        seen.add(base)
        style = own[base]
        level = style.level if level is None else level
        listed = style.listed if listed is None else listed
        hidden = style.hidden if hidden is None else hidden
        base = style.base
    return _Style(level, listed, hidden, own[style_id].is_title)


def _value(element: BaseOxmlElement | None) -> str | None:
    return None if element is None else element.get(_VALUE)


def _outline_level(properties: BaseOxmlElement | None) -> int | None:
    """The level that paragraph properties give, from 1, or 0 for body text."""
    value = None if properties is None else _value(properties.find(qn("w:outlineLvl")))
    if value is None or not value.isdecimal():
        return None
    return int(value) + 1 if int(value) < _BODY_LEVEL else 0


def _listed(properties: BaseOxmlElement | None) -> _Listed | None:
    numbers = None if properties is None else properties.find(qn("w:numPr"))
    list_id = None if numbers is None else _value(numbers.find(qn("w:numId")))
    if numbers is None or list_id is None:
        return None
    level = _value(numbers.find(qn("w:ilvl"))) or ""
    return _Listed(list_id, int(level) if level in _LEVELS else None)


def _hidden(properties: BaseOxmlElement | None) -> bool | None:
    vanish = None if properties is None else properties.find(qn("w:vanish"))
    return None if vanish is None else _value(vanish) not in _OFF


@dataclass(slots=True)
class _Row:
    """A table row that is being read: its cells, and where the pieces around it go."""

    outside: list[Piece]
    header: bool
    cells: list[list[Piece]] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    """Makes pieces of the elements of a body; `notes` are (relationship type, id), in order of reference."""

    styles: Mapping[str, _Style]
    numbering: Numbering
    pieces: list[Piece] = field(default_factory=list)
    title: str | None = None
    notes: list[tuple[str, str]] = field(default_factory=list)
    _open: list[list[str]] = field(default_factory=list)
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
            self._open.append([])
        elif tag == _RUN:
            return not self._is_hidden(element)
        elif tag in _TEXTS:
            self._write(element.text or "")
        elif tag in _SIGNS:
            self._write(_SIGNS[tag])
        elif tag in _NOTE_REFERENCES:
            self.notes.append((_NOTE_REFERENCES[tag], element.get(_ID, "")))
            self._write(f"[{len(self.notes)}]")
        elif tag == _ROW:
            self._rows.append(_Row(self.pieces, _is_first(element)))
        elif tag == _CELL and self._rows:
            self.pieces = []
            self._rows[-1].cells.append(self.pieces)
            return not _goes_on_from_above(element)
        return True

    def _leave(self, element: BaseOxmlElement) -> None:
        if element.tag == _PARAGRAPH:
            self.pieces.append(self._piece(element, "".join(self._open.pop())))
        elif element.tag == _ROW:
            ended = self._rows.pop()
            self.pieces = ended.outside
            self.pieces += row(ended.cells, header=ended.header)

    def _write(self, text: str) -> None:
        if self._open:
            self._open[-1].append(text)

    def _is_hidden(self, run: BaseOxmlElement) -> bool:
        properties = run.find(qn("w:rPr"))
        if properties is None:
            return False
        own = _hidden(properties)
        style = self.styles.get(_value(properties.find(qn("w:rStyle"))) or "", _Style())
        return bool(style.hidden if own is None else own)

    def _piece(self, paragraph: BaseOxmlElement, text: str) -> Piece:
        properties = paragraph.find(qn("w:pPr"))
        style_id = None if properties is None else _value(properties.find(qn("w:pStyle")))
        style = self.styles.get(style_id or "", _Style())
        if style.is_title and self.title is None:
            self.title = text.strip() or None
        level = _outline_level(properties)
        level = style.level if level is None else level
        listed = _listed(properties) or style.listed
        if listed is not None and listed.list_id != _NO_LIST:
            marker = self.numbering.next(listed.list_id, listed.level, style_id)  # empty ones count too
            text = f"{marker} {text.lstrip()}" if marker and text.strip() else text
            return Piece(text, "heading" if level else "item", level or 0)
        return Piece(text, "heading", level) if level else Piece(text)


def _is_first(row: BaseOxmlElement) -> bool:
    """Whether `row` is the first of its table."""
    above = row.getprevious()
    while above is not None and above.tag != _ROW:
        above = above.getprevious()
    return above is None


def _goes_on_from_above(cell: BaseOxmlElement) -> bool:
    """Whether `cell` is a further row of a cell that is merged downwards."""
    properties = cell.find(qn("w:tcPr"))
    merge = None if properties is None else properties.find(qn("w:vMerge"))
    return merge is not None and _value(merge) != "restart"


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
            inner = _Reader(reader.styles, reader.numbering)
            inner.read(notes[key])
            text = " ".join(piece.text.strip() for piece in inner.pieces)
            yield Piece(f"[{number}] {text}", "item")
