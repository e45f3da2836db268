"""Pieces of a marked-up document, in reading order, put together as one canonical text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from index.document import Format, Heading, Parsed, Repair, Span
from index.errors import DocumentTooLarge
from index.load.canonical import canonical
from index.load.limits import Limits


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one block; `level` is that of a heading, else 0.

    A row that is a `header` says nothing by itself: it shares a block with the row below it. `page` is the
    number of the page, slide or sheet that it is on, 0 where there are none.
    """

    text: str
    kind: Literal["paragraph", "heading", "item", "row"] = "paragraph"
    level: int = 0
    header: bool = False
    page: int = 0


def compose(pieces: Iterable[Piece], *, format: Format, title: str | None = None) -> Parsed:  # noqa: A002
    """The document that consists of `pieces`, each a block.

    A blank line stands between blocks, but only a line end between the items of a list and the rows of a
    table. The title is `title`, else the first heading of level 1.
    """
    parts: list[str] = []
    headings: list[Heading] = []
    blocks: list[Span] = []
    pages: list[int] = []
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
        pages += [offset] * (piece.page - len(pages))  # those without text are where the next one starts
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
    return Parsed(
        "".join(parts),
        format,
        title=title,
        pages=tuple(pages),
        headings=tuple(headings),
        blocks=tuple(blocks),
    )


def joined(parts: Iterable[Parsed], *, format: Format, title: str | None = None) -> Parsed:  # noqa: A002
    """The document that consists of whole `parts`, each with its headings and blocks; pages are not kept.

    The title is `title`, else the first heading of level 1.
    """
    texts: list[str] = []
    headings: list[Heading] = []
    blocks: list[Span] = []
    repairs: Counter[Repair] = Counter()
    offset = 0
    for part in parts:
        repairs.update(part.repairs)
        if not part.blocks:
            continue
        headings += [replace(heading, span=heading.span.moved(offset)) for heading in part.headings]
        blocks += [block.moved(offset) for block in part.blocks]
        texts.append(part.text)
        offset += len(part.text) + 2
    title = " ".join(canonical(title or "").split()) or next(
        (it.title for it in headings if it.level == 1), None
    )
    return Parsed(
        "\n\n".join(texts),
        format,
        title=title,
        headings=tuple(headings),
        blocks=tuple(blocks),
        repairs=dict(repairs),
    )


def bounded(pieces: Iterable[Piece], *, name: str, limits: Limits) -> Iterator[Piece]:
    """`pieces`, until they are more text than is read: then `DocumentTooLarge`, before they fill the memory."""
    total = 0
    for piece in pieces:
        total += len(piece.text) + 1
        if total > limits.max_text_chars:
            raise DocumentTooLarge(
                f"{name!r} holds more than {limits.max_text_chars:,} characters of text: split it"
            )
        yield piece


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
