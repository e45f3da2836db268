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
_LONGEST_LABEL = 200  # code points
_DEEPEST = 200

_Spanning = dict[int, tuple[int, Sequence[Piece]]]  # by column: how many rows more, and what is in the cell


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The body in order, with a block for each paragraph and table row; then the notes, numbered as in the text.

    A table row is a line `cell | cell`; a table's header rows, or its first row, share a block with the row below.
    A cell that spans rows is in each of them, and repeated rows and cells are repeated, up to the limit of text.
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
    reader = _Reader(name, _Repeats(limits.max_text_chars))
    reader.read(body)
    return compose(
        bounded([*reader.pieces, *reader.notes], name=name, limits=limits), format="odt", title=title
    )


@dataclass(slots=True)
class _Repeats:
    """How many code points more may come of repeating what is there once."""

    left: int

    def of(self, element: Element, attribute: str, pieces: Sequence[Piece]) -> int:
        """How often `pieces` are there: once if they have no text, or if as often as it says is too much."""
        times = _count(_attribute(element, attribute))
        return times if pieces and times > 1 and self.take(times - 1, pieces) else 1

    def take(self, times: int, pieces: Sequence[Piece]) -> bool:
        """Whether `pieces` may be there so many times more; then they are counted."""
        length = times * sum(len(piece.text) + 3 for piece in pieces)
        if length > self.left:
            return False
        self.left -= length
        return True


@dataclass(slots=True)
class _Reader:
    """Makes pieces of the elements of a body; `notes` are those at their feet."""

    name: str
    repeats: _Repeats
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
                inner = _Reader(self.name, self.repeats)
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
        above: _Spanning = {}
        for number, (element, is_header) in enumerate(_rows(table)):
            cells = list(self._cells(element, above, depth))
            line = row(cells, header=is_header or number == 0)
            self.pieces += line * self.repeats.of(element, "number-rows-repeated", line)

    def _cells(self, element: Element, above: _Spanning, depth: int) -> Iterator[Sequence[Piece]]:
        """The cells of a row; short ones that span rows are noted in `above`, and are in those rows too."""
        has_own = any(text.strip() for text in element.itertext())
        column = 0
        for cell in element:
            tag = local(cell)
            if tag == "table-cell":
                inner = _Reader(self.name, self.repeats, notes=self.notes)
                inner.read(cell, depth=depth + 1)
                pieces = [piece for piece in inner.pieces if piece.text.strip()]
                above[column] = (_count(_attribute(cell, "number-rows-spanned")) - 1, pieces)
                for _ in range(self.repeats.of(cell, "number-columns-repeated", pieces)):
                    yield pieces
            elif tag == "covered-table-cell" and above.get(column, (0, ()))[0] > 0:
                rows, label = above[column]
                above[column] = (rows - 1, label)
                yield label if has_own and _is_label(label) and self.repeats.take(1, label) else ()
            else:
                continue
            column += _count(_attribute(cell, "number-columns-repeated"))


def _rows(table: Element) -> Iterator[tuple[Element, bool]]:
    """The rows of a table, and whether each is a header; those of tables in its cells are not among them."""
    for element in table:
        tag = local(element)
        if tag == "table-row":
            yield element, False
        elif tag in {"table-rows", "table-row-group", "table-header-rows"}:
            for each, is_header in _rows(element):
                yield each, is_header or tag == "table-header-rows"


def _is_label(pieces: Sequence[Piece]) -> bool:
    """Whether what is in a cell says what the rows beside it are about, and is no text of its own."""
    return len(pieces) == 1 and pieces[0].kind == "paragraph" and len(pieces[0].text) <= _LONGEST_LABEL


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _count(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 1


def _level(value: str) -> int:
    return max(1, min(10, _count(value)))
