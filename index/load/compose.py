"""Pieces of a marked-up document, in reading order, put together as one canonical text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from index.document import Format, Heading, Parsed, Span
from index.load.canonical import canonical


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one block; `level` is that of a heading, else 0.

    A row that is a `header` says nothing by itself: it shares a block with the row below it.
    """

    text: str
    kind: Literal["paragraph", "heading", "item", "row"] = "paragraph"
    level: int = 0
    header: bool = False


def compose(pieces: Iterable[Piece], *, format: Format, title: str | None = None) -> Parsed:  # noqa: A002
    """The document that consists of `pieces`, each a block.

    A blank line stands between blocks, but only a line end between the items of a list and the rows of a
    table. The title is `title`, else the first heading of level 1.
    """
    parts: list[str] = []
    headings: list[Heading] = []
    blocks: list[Span] = []
    offset = 0
    before: Piece | None = None
    for piece in pieces:
        text = canonical(piece.text).strip()
        if not text:
            continue
        if before is not None:
            parts.append("\n" if before.kind == piece.kind in {"item", "row"} else "\n\n")
            offset += len(parts[-1])
        span = Span(offset, offset + len(text))
        if piece.kind == "heading":
            headings.append(Heading(piece.level, " ".join(text.split()), span))
        parts.append(text)
        if before is not None and before.header and piece.kind == "row":
            blocks.append(Span(blocks.pop().start, span.end))
        else:
            blocks.append(span)
        offset, before = span.end, piece
    title = " ".join(canonical(title or "").split()) or next(
        (it.title for it in headings if it.level == 1), None
    )
    return Parsed("".join(parts), format, title=title, headings=tuple(headings), blocks=tuple(blocks))


def row(cells: Sequence[Sequence[Piece]], *, header: bool) -> list[Piece]:
    """One line, `cell | cell`, for a table row whose cells hold the given pieces.

    A row with text in one cell only, or with a heading or another table in a cell, is layout: its pieces
    stay as they are.
    """
    pieces = [piece for cell in cells for piece in cell]
    filled = sum(any(piece.text.strip() for piece in cell) for cell in cells)
    if filled <= 1 or any(piece.kind in {"heading", "row"} for piece in pieces):
        return pieces
    texts = (" ".join(" ".join(piece.text for piece in cell).split()) for cell in cells)
    return [Piece(" | ".join(texts), "row", header=header)]
