"""The format of a file by its content; its name only decides between text and Markdown."""

import re
from collections.abc import Mapping

from index.document import Format
from index.errors import EncryptedDocument, UnsupportedFormat

SUFFIXES: Mapping[Format, tuple[str, ...]] = {
    "text": (".txt", ".text"),
    "markdown": (".md", ".markdown", ".mdown", ".mkd"),
    "html": (".html", ".htm", ".xhtml"),
    "pdf": (".pdf",),
    "docx": (".docx",),
}
"""The endings of the names of files that are likely to be in each format, in lower case."""

_HEAD = 4096  # bytes

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_PDF = re.compile(rb"(?:^|[\r\n])[^\w\r\n]{0,8}%PDF-\d")
_PROLOGUE = rb"\s*+(?:(?><\?xml[^>]*>|<!--.*?-->)\s*+)*+"  # atomic: else many comments take forever
_HTML_PAGE = re.compile(_PROLOGUE + rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
# A page may start with any of these (https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type)
_HTML_PART = re.compile(
    _PROLOGUE + rb"<(?:script|iframe|h1|div|font|table|a|style|title|b|body|br|p|ul|ol|meta|link)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(rb"\s*<\?xml\b", re.IGNORECASE)
_HTML_TAG = re.compile(rb"<(?:[a-z][a-z0-9]*[\s>/]|!--)", re.IGNORECASE)

# Starts of files that we don't read, and what people call them.
_FOREIGN = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\0", "a program"),
    (b"OggS", "an Ogg recording"),
    (b"ID3\x03", "an MP3 recording"),
    (b"ID3\x04", "an MP3 recording"),
    (b"fLaC", "a FLAC recording"),
)

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# The top folder of a member, in the central directory or, if that was cut off, before the member itself.
_ZIP_FOLDER = re.compile(rb"PK(?:\x01\x02.{42}|\x03\x04.{26})(word|xl|ppt)/", re.DOTALL)
_OFFICE = {b"xl": "an Excel workbook", b"ppt": "a PowerPoint presentation"}
_ZIPPED = (
    (b"application/epub+zip", "an EPUB book"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
)

# The container of Office files until 2003, and of encrypted ones since.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def sniff(data: bytes, *, name: str) -> Format:
    """The format that `data` is in, by its first bytes; `name` tells Markdown from text, which bytes can't.

    Raises `UnsupportedFormat`, naming what it looks like, for formats that we don't read, and
    `EncryptedDocument` for Office files with a password.
    """
    if data.startswith(_ZIP):
        return _zipped(data, name=name)
    if data.startswith(_OLE):
        if _OLE_ENCRYPTED in data:
            raise EncryptedDocument(f"{name!r} is protected by a password: remove it in Office and try again")
        raise _unsupported(name, "an Office file from before 2007", "save it as DOCX or PDF")
    for start, looks_like in _FOREIGN:
        if data.startswith(start):
            raise _unsupported(name, looks_like, "convert it to PDF, DOCX or text")
    if _PDF.search(data[:1024]) and b"obj" in data:
        return "pdf"
    return _textual(_ascii_head(data), name=name)


def _zipped(data: bytes, *, name: str) -> Format:
    for start, looks_like in _ZIPPED:
        if start in data[:256]:
            raise _unsupported(name, looks_like, "convert it to PDF, DOCX or text")
    folder = _ZIP_FOLDER.search(data)
    if folder and folder[1] == b"word":
        return "docx"
    if folder:
        raise _unsupported(name, _OFFICE[folder[1]], "save it as PDF")
    raise _unsupported(name, "a ZIP archive", "unpack it and load the files in it")


def _ascii_head(data: bytes) -> bytes:
    """The start of `data` in which markup can be looked for, whatever Unicode encoding it is in."""
    head = data[:_HEAD]
    for mark in _BYTE_ORDER_MARKS:
        head = head.removeprefix(mark)
    return head.replace(b"\0", b"")


def _textual(head: bytes, *, name: str) -> Format:
    if _HTML_PAGE.match(head):
        return "html"
    if _XML.match(head):
        raise _unsupported(name, "an XML file", "convert it to HTML or text")
    if name.lower().endswith(SUFFIXES["markdown"]):
        return "markdown"
    if _HTML_PART.match(head) or (name.lower().endswith(SUFFIXES["html"]) and _HTML_TAG.search(head)):
        return "html"
    return "text"


def _unsupported(name: str, looks_like: str, remedy: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"{name!r} looks like {looks_like}, which is not supported: {remedy}")
