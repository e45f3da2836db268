"""How much of a document is read before it is refused."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest document that is loaded; over any of these, `DocumentTooLarge` is raised.

    max_bytes: bytes of the file itself.
    max_unpacked_bytes: bytes of all members of a zipped format (DOCX) together, counted while unpacking.
        An XML part takes about ten times its size in memory while it is read.
    max_members: files inside a zipped format.
    max_pages: pages of a PDF.
    max_text_chars: code points of the canonical text.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_unpacked_bytes: int = 128 * 1024 * 1024
    max_members: int = 10_000
    max_pages: int = 10_000
    max_text_chars: int = 20_000_000
