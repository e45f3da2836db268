"""ODT: paragraphs, lists and tables in the order of the body, then the notes at their feet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from index.document import Parsed
from index.errors import DamagedDocument, EncryptedDocument
from index.load.compose import Piece, bounded, compose, row
from index.load.limits import Limits
from index.load.odt_styles import Look, Styles, attribute, is_hidden_section, look, styles_of
from index.load.spans import Cell, Grid, Repeats, span
from index.load.superscripts import raised, with_fractions
from index.load.unpack import check_unpacked
from index.load.xml import local, xml_member

_CONTENT, _STYLES, _META, _MANIFEST = "content.xml", "styles.xml", "meta.xml", "META-INF/manifest.xml"
# Deleted text, comments, tables of contents, and what is hidden.
_SKIPPED = frozenset(
    (
        *("tracked-changes", "annotation", "table-of-content", "alphabetical-index", "forms"),
        *("hidden-text", "hidden-paragraph", "sequence-decls", "variable-decls", "user-field-decls"),
        *("ruby-text", "desc", "title", "object", "object-ole", "event-listeners", "bibliography"),
    )
)
_PARAGRAPHS = frozenset(("p", "h"))
_LINE = {"tab": "\t", "line-break": "\n", "soft-page-break": ""}
_MOST_BLANKS = 100
_MOST_ROWS, _MOST_COLUMNS = 65534, 1000  # that a cell spans
_DEEPEST = 200


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The body in order, with a block for each paragraph and table row; then the notes, numbered as in the text.

    A table row is a line `cell | cell`; a table's header rows, or its first row, share a block with the row below.
    A cell that spans rows is in each of them, and repeated rows and cells are repeated, up to the limit of text.
    Deleted and hidden text, comments and tables of contents are left out. Superscript numbers are written in
    superior characters. The title is that of the properties,
    else the first heading of level 1. Raises `EncryptedDocument` where it has a password.
    """
    check_unpacked(data, name=name, limits=limits)
    with ZipFile(BytesIO(data)) as archive:
        if _MANIFEST in archive.namelist():
            manifest = xml_member(archive, _MANIFEST, name=name)
            if any(local(it) == "encryption-data" for it in manifest.iter()):
                raise EncryptedDocument(f"{name!r} is protected by a password: remove it and try again")
        content = xml_member(archive, _CONTENT, name=name)
        styles = [xml_member(archive, it, name=name) for it in (_STYLES,) if it in archive.namelist()]
        title = None
        if _META in archive.namelist():
            about = xml_member(archive, _META, name=name)
            title = next((it.text for it in about.iter() if local(it) == "title" and it.text), None)
    body = next((it for it in content.iter() if local(it) == "text" and local(it) != it.tag), None)
    if body is None:
        raise DamagedDocument(f"{name!r} has no body of text: open it and save it again")
    reader = _Reader(name, styles_of(*styles, content), _Copies(limits.max_text_chars), Repeats())
    reader.read(body)
    return compose(
        bounded([*reader.pieces, *reader.notes], name=name, limits=limits), format="odt", title=title
    )


class _Copies(Repeats):
    """How many code points more may come of rows and cells that say how often they are there."""

    def of(self, element: Element, name: str, pieces: Sequence[Piece]) -> int:
        """How often `pieces` are there: once if they have no text, or if as often as it says is too much."""
        times = _count(attribute(element, name))
        return times if pieces and times > 1 and self.take(times - 1, pieces) else 1


@dataclass(slots=True)
class _Reader:
    """Makes pieces of the elements of a body; `notes` are those at their feet."""

    name: str
    styles: Styles
    copies: _Copies
    repeats: Repeats
    pieces: list[Piece] = field(default_factory=list)
    notes: list[Piece] = field(default_factory=list)

    def read(self, parent: Element, *, in_list: bool = False, depth: int = 0) -> None:
        """Reads what is in `parent`: paragraphs, lists, tables, and what they are packed in."""
        if depth > _DEEPEST:
            raise DamagedDocument(f"{self.name!r} nests its parts too deeply: save it again")
        for element in parent:
            tag = local(element)
            if tag in _SKIPPED or (tag == "section" and is_hidden_section(element)):
                continue
            if tag in _PARAGRAPHS:
                self._paragraph(element, in_list=in_list, depth=depth)
            elif tag == "table":
                self._table(element, depth)
            else:
                self.read(element, in_list=in_list or tag == "list", depth=depth + 1)

    def _paragraph(self, element: Element, *, in_list: bool, depth: int) -> None:
        boxes: list[Element] = []
        its = look(element, "paragraph", self.styles)
        text = with_fractions("".join(self._text(element, its, boxes, depth)))
        kind: Literal["paragraph", "heading", "item"] = "item" if in_list else "paragraph"
        level = 0
        if local(element) == "h":
            kind, level = "heading", _level(attribute(element, "outline-level"))
        self.pieces.append(Piece(text, kind, level))
        for box in boxes:
            self.read(box, depth=depth + 1)

    def _text(self, element: Element, its: Look, boxes: list[Element], depth: int) -> Iterator[str]:
        """The text in `element`; boxes with paragraphs of their own go to `boxes`, notes to `notes`."""
        if depth > _DEEPEST:
            raise DamagedDocument(f"{self.name!r} nests its parts too deeply: save it again")
        yield _shown(element.text, its)
        for child in element:
            tag = local(child)
            if tag == "span":
                inner = look(child, "text", self.styles).over(its)
                yield from self._text(child, inner, boxes, depth + 1)
            elif not its.hidden:
                yield from self._inline(child, its, boxes, depth)
            yield _shown(child.tail, its)

    def _inline(self, child: Element, its: Look, boxes: list[Element], depth: int) -> Iterator[str]:
        """The text of what stands in a line beside text and spans."""
        tag = local(child)
        if tag in _LINE:
            yield _LINE[tag]
        elif tag == "s":
            yield " " * min(_MOST_BLANKS, _count(attribute(child, "c")))
        elif tag == "note":
            yield f"[{self._note(child, depth)}]"
        elif tag == "text-box":
            boxes.append(child)
        elif tag not in _SKIPPED:
            yield from self._text(child, its, boxes, depth + 1)

    def _note(self, note: Element, depth: int) -> int:
        """Reads a note, and gives its number."""
        self.notes.append(Piece("", "item"))
        number = len(self.notes)
        inner = _Reader(self.name, self.styles, self.copies, self.repeats)
        inner.read(note, depth=depth + 1)
        said = " ".join(piece.text.strip() for piece in inner.pieces)
        self.notes[number - 1] = Piece(f"[{number}] {said}", "item")
        return number

    def _table(self, table: Element, depth: int) -> None:
        grid = Grid(self.repeats)
        for number, (element, in_header) in enumerate(_rows(table)):
            is_header = in_header or number == 0
            line = row(grid.line(list(self._cells(element, depth)), header=is_header), header=is_header)
            self.pieces += line * self.copies.of(element, "number-rows-repeated", line)

    def _cells(self, element: Element, depth: int) -> Iterator[Cell]:
        """The cells of a row; those that others cover say nothing, as these tell how far they reach."""
        for cell in element:
            if local(cell) == "table-cell":
                inner = _Reader(self.name, self.styles, self.copies, self.repeats, notes=self.notes)
                inner.read(cell, depth=depth + 1)
                pieces = [piece for piece in inner.pieces if piece.text.strip()]
                rows = span(attribute(cell, "number-rows-spanned"), _MOST_ROWS)
                columns = span(attribute(cell, "number-columns-spanned"), _MOST_COLUMNS)
                for _ in range(self.copies.of(cell, "number-columns-repeated", pieces)):
                    yield Cell(pieces, rows, columns)


def _shown(text: str | None, its: Look) -> str:
    if its.hidden or not text:
        return ""
    return raised(text) if its.raised else text


def _rows(table: Element) -> Iterator[tuple[Element, bool]]:
    """The rows of a table, and whether each is a header; those of tables in its cells are not among them."""
    for element in table:
        tag = local(element)
        if tag == "table-row":
            yield element, False
        elif tag in {"table-rows", "table-row-group", "table-header-rows"}:
            for each, is_header in _rows(element):
                yield each, is_header or tag == "table-header-rows"


def _count(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 1


def _level(value: str) -> int:
    return max(1, min(10, _count(value)))
