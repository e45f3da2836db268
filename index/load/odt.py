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
from index.load.unpack import check_unpacked
from index.load.xml import local, xml_member

_CONTENT, _META, _MANIFEST = "content.xml", "meta.xml", "META-INF/manifest.xml"
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
_DEEPEST = 200


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The body in order, with a block for each paragraph and table row; then the notes, numbered as in the text.

    A table row is a line `cell | cell`; a table's header rows, or its first row, share a block with the row below.
    Deleted and hidden text, comments and tables of contents are left out. The title is that of the properties,
    else the first heading of level 1. Raises `EncryptedDocument` where it has a password.
    """
    check_unpacked(data, name=name, limits=limits)
    with ZipFile(BytesIO(data)) as archive:
        if _MANIFEST in archive.namelist():
            manifest = xml_member(archive, _MANIFEST, name=name)
            if any(local(it) == "encryption-data" for it in manifest.iter()):
                raise EncryptedDocument(f"{name!r} is protected by a password: remove it and try again")
        content = xml_member(archive, _CONTENT, name=name)
        title = None
        if _META in archive.namelist():
            about = xml_member(archive, _META, name=name)
            title = next((it.text for it in about.iter() if local(it) == "title" and it.text), None)
    body = next((it for it in content.iter() if local(it) == "text" and local(it) != it.tag), None)
    if body is None:
        raise DamagedDocument(f"{name!r} has no body of text: open it and save it again")
    reader = _Reader(name)
    reader.read(body)
    return compose(
        bounded([*reader.pieces, *reader.notes], name=name, limits=limits), format="odt", title=title
    )


@dataclass(slots=True)
class _Reader:
    """Makes pieces of the elements of a body; `notes` are those at their feet."""

    name: str
    pieces: list[Piece] = field(default_factory=list)
    notes: list[Piece] = field(default_factory=list)

    def read(self, parent: Element, *, in_list: bool = False, depth: int = 0) -> None:
        """Reads what is in `parent`: paragraphs, lists, tables, and what they are packed in."""
        if depth > _DEEPEST:
            raise DamagedDocument(f"{self.name!r} nests its parts too deeply: save it again")
        for element in parent:
            tag = local(element)
            if tag in _SKIPPED:
                continue
            if tag in _PARAGRAPHS:
                self._paragraph(element, in_list=in_list, depth=depth)
            elif tag == "table":
                self._table(element, depth)
            else:
                self.read(element, in_list=in_list or tag == "list", depth=depth + 1)

    def _paragraph(self, element: Element, *, in_list: bool, depth: int) -> None:
        boxes: list[Element] = []
        text = "".join(self._text(element, boxes, depth))
        kind: Literal["paragraph", "heading", "item"] = "item" if in_list else "paragraph"
        level = 0
        if local(element) == "h":
            kind, level = "heading", _level(_attribute(element, "outline-level"))
        self.pieces.append(Piece(text, kind, level))
        for box in boxes:
            self.read(box, depth=depth + 1)

    def _text(self, element: Element, boxes: list[Element], depth: int) -> Iterator[str]:
        """The text in `element`; boxes with paragraphs of their own go to `boxes`, notes to `notes`."""
        if depth > _DEEPEST:
            raise DamagedDocument(f"{self.name!r} nests its parts too deeply: save it again")
        yield element.text or ""
        for child in element:
            tag = local(child)
            if tag in _LINE:
                yield _LINE[tag]
            elif tag == "s":
                yield " " * min(_MOST_BLANKS, _count(_attribute(child, "c")))
            elif tag == "note":
                self.notes.append(Piece("", "item"))
                number = len(self.notes)
                inner = _Reader(self.name)
                inner.read(child, depth=depth + 1)
                said = " ".join(piece.text.strip() for piece in inner.pieces)
                self.notes[number - 1] = Piece(f"[{number}] {said}", "item")
                yield f"[{number}]"
            elif tag == "text-box":
                boxes.append(child)
            elif tag not in _SKIPPED:
                yield from self._text(child, boxes, depth + 1)
            yield child.tail or ""

    def _table(self, table: Element, depth: int) -> None:
        for number, (cells, is_header) in enumerate(_rows(table)):
            read: list[Sequence[Piece]] = []
            for cell in cells:
                inner = _Reader(self.name, notes=self.notes)
                inner.read(cell, depth=depth + 1)
                read.append([piece for piece in inner.pieces if piece.text.strip()])
            self.pieces += row(read, header=is_header or number == 0)


def _rows(table: Element) -> Iterator[tuple[list[Element], bool]]:
    """The rows of a table with their cells, and whether each is a header; the cells of tables in it are not."""
    for element in table:
        tag = local(element)
        if tag == "table-row":
            yield [cell for cell in element if local(cell) == "table-cell"], False
        elif tag in {"table-rows", "table-row-group", "table-header-rows"}:
            for cells, is_header in _rows(element):
                yield cells, is_header or tag == "table-header-rows"


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _count(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 1


def _level(value: str) -> int:
    return max(1, min(10, _count(value)))
