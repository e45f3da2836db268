"""How much of a document is read before it is refused."""

from dataclasses import dataclass

from index.errors import DocumentTooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest document that is loaded; over any of these, `DocumentTooLarge` is raised.

    max_bytes: bytes of the file itself.
    max_unpacked_bytes: bytes of all members of a zipped format (DOCX) together, counted while unpacking.
    max_xml_bytes: bytes of one XML part in it; a page of Word takes about 6,000. While it is read, such a
        part takes 5 to 35 times its size in memory.
    max_members: files inside a zipped format.
    max_pages: pages of a PDF.
    max_text_chars: code points of the canonical text.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_unpacked_bytes: int = 128 * 1024 * 1024
    max_xml_bytes: int = 24 * 1024 * 1024
    max_members: int = 10_000
    max_pages: int = 10_000
    max_text_chars: int = 20_000_000


DEFAULT_LIMITS = Limits()


def check_size(data: bytes, *, name: str, limits: Limits) -> None:
    """Raise `DocumentTooLarge` where a file is larger than is read at all."""
    if len(data) > limits.max_bytes:
        raise DocumentTooLarge(
            f"{name!r} has {len(data):,} bytes, over the limit of {limits.max_bytes:,}: split it"
        )
