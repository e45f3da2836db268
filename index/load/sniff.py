"""The format of a file by its content; its name only decides between those that are all just text."""

import re
import zlib
from collections.abc import Mapping
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from index.document import Format
from index.errors import EncryptedDocument, LoadError, UnsupportedFormat
from index.load.csv import is_table
from index.load.decode import decode
from index.load.json import is_json
from index.load.limits import DEFAULT_LIMITS

SUFFIXES: Mapping[Format, tuple[str, ...]] = {
    "text": (".txt", ".text"),
    "markdown": (".md", ".markdown", ".mdown", ".mkd"),
    "html": (".html", ".htm", ".xhtml"),
    "pdf": (".pdf",),
    "docx": (".docx", ".docm"),
    "pptx": (".pptx", ".pptm", ".ppsx"),
    "xlsx": (".xlsx", ".xlsm"),
    "csv": (".csv", ".tsv", ".tab"),
    "epub": (".epub",),
    "rtf": (".rtf",),
    "odt": (".odt",),
    "eml": (".eml",),
    "json": (".json", ".jsonl", ".ndjson"),
    "code": (
        *(
            ".py",
            ".pyi",
            ".js",
            ".mjs",
            ".cjs",
            ".jsx",
            ".ts",
            ".tsx",
            ".java",
            ".kt",
            ".kts",
            ".scala",
            ".groovy",
        ),
        *(
            ".c",
            ".h",
            ".cc",
            ".cpp",
            ".cxx",
            ".hh",
            ".hpp",
            ".cs",
            ".go",
            ".rs",
            ".swift",
            ".m",
            ".mm",
            ".rb",
            ".php",
        ),
        *(
            ".pl",
            ".pm",
            ".lua",
            ".r",
            ".jl",
            ".hs",
            ".ml",
            ".ex",
            ".exs",
            ".erl",
            ".clj",
            ".dart",
            ".f90",
            ".pas",
        ),
        *(".sh", ".bash", ".zsh", ".ps1", ".bat", ".sql", ".proto", ".graphql", ".tf", ".css", ".scss"),
        *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties"),
    ),
}
"""The endings of the names of files that are likely to be in each format, in lower case."""

_HEAD = 4096  # bytes
_TABLE_HEAD = 32_768  # bytes
_RTF = b"{\\rtf"

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
_ZIP_ENTRY = b"PK\x01\x02"  # starts each member's entry in the central directory
# The top folder of a member, in the central directory or, if that was cut off, before the member itself.
_ZIP_FOLDER = re.compile(rb"PK(?:\x01\x02.{42}|\x03\x04.{26})(word|xl|ppt)/", re.DOTALL)
_OFFICE: Mapping[bytes, Format] = {b"word": "docx", b"ppt": "pptx", b"xl": "xlsx"}
_BINARY_WORKBOOK = b"xl/workbook.bin"
# Archives of these formats begin with a member that says what they are, or have it further on.
_EPUB = re.compile(rb"mimetype.{0,64}?application/epub\+zip", re.DOTALL)
_EPUB_CONTAINER = b"META-INF/container.xml"  # where the first member is packed
_ODT = re.compile(
    rb"mimetype.{0,64}?application/vnd\.oasis\.opendocument\.text(?:-template|-web)?(?![a-z-])", re.DOTALL
)
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument"
_MIMETYPE, _MANIFEST = "mimetype", "META-INF/manifest.xml"
_MEDIA_TYPE = re.compile(rb"""\bmedia-type\s*=\s*["']([^"']*)""")
_WHOLE = re.compile(rb"""<[^<>]*\bfull-path\s*=\s*["']/["'][^<>]*>""")  # the entry of the archive itself

_JSON = re.compile(rb"\s*(?:\{\s*(?:[\"}]|\Z)|\[\s*(?:[\[\]{\"\d-]|true|false|null|\Z))")
_HEADER = re.compile(rb"[!-9;-~]+:[ \t\r]*[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?(?:\n|\Z)")
# An e-mail has both, what people write and what programs do; by its name, either is enough.
_WRITTEN = re.compile(rb"^(?:from|to|subject|date):", re.IGNORECASE | re.MULTILINE)
_TRANSPORTED = re.compile(rb"^(?:message-id|mime-version|received|return-path|delivered-to):", re.I | re.M)

# The container of Office files until 2003, and of encrypted ones since.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def sniff(data: bytes, *, name: str) -> Format:
    """The format that `data` is in, by its first bytes; `name` tells Markdown, code and CSV from text.

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
    if data.startswith(_RTF):
        return "rtf"
    if _PDF.search(data[:1024]) and b"obj" in data:
        return "pdf"
    return _textual(data, _ascii_head(data), name=name)


def _zipped(data: bytes, *, name: str) -> Format:
    head = data[:256] + _media_type(data)
    if _EPUB.search(head):
        return "epub"
    if _ODT.search(head):
        return "odt"
    if _OPEN_DOCUMENT in head:
        raise _unsupported(name, "an OpenDocument file that is no text", "save it as XLSX, PPTX or PDF")
    if _BINARY_WORKBOOK in data:
        raise _unsupported(name, "a binary Excel workbook", "save it as XLSX")
    folder = _ZIP_FOLDER.search(data)
    if folder:
        return _OFFICE[folder[1]]
    if _EPUB_CONTAINER in data:
        return "epub"
    raise _unsupported(name, "a ZIP archive", "unpack it and load the files in it")


def _media_type(data: bytes) -> bytes:
    """What an archive says that it is in a member of its own, or in its manifest, wherever these stand."""
    if not any(name.encode() in data for name in (_MIMETYPE, _MANIFEST)):
        return b""
    if data.count(_ZIP_ENTRY) > DEFAULT_LIMITS.max_members:
        return b""  # it is refused before its members are looked at
    try:
        with ZipFile(BytesIO(data)) as archive:
            if _MIMETYPE in archive.NameToInfo:
                with archive.open(_MIMETYPE) as member:
                    return _MIMETYPE.encode() + member.read(_HEAD)
            with archive.open(_MANIFEST) as member:
                entry = _WHOLE.search(member.read(_TABLE_HEAD))
    # What is no archive, or a damaged one: it is told by its start.
    except (BadZipFile, zlib.error, EOFError, LookupError, RuntimeError, ValueError, OSError):
        return b""
    kind = _MEDIA_TYPE.search(entry[0]) if entry else None
    return _MIMETYPE.encode() + kind[1] if kind else b""


def _ascii_head(data: bytes) -> bytes:
    """The start of `data` in which markup can be looked for, whatever Unicode encoding it is in."""
    head = data[:_HEAD]
    for mark in _BYTE_ORDER_MARKS:
        head = head.removeprefix(mark)
    return head.replace(b"\0", b"")


def _textual(data: bytes, head: bytes, *, name: str) -> Format:
    if _HTML_PAGE.match(head):
        return "html"
    if _XML.match(head):
        raise _unsupported(name, "an XML file", "convert it to HTML or text")
    if _is_mail(head, name=name):
        return "eml"
    for told in ("markdown", "code", "csv"):
        if name.lower().endswith(SUFFIXES[told]):
            return "json" if told == "csv" and _is_json(data, head, name=name) else told
    if _JSON.match(head):
        return "json"  # unless it can't be read as that
    if head.startswith(b"#!/"):
        return "code"
    if _HTML_PART.match(head) or (name.lower().endswith(SUFFIXES["html"]) and _HTML_TAG.search(head)):
        return "html"
    return "csv" if _is_table(data, name=name) else "text"


def _is_mail(head: bytes, *, name: str) -> bool:
    """Whether it begins with the headers of an e-mail, perhaps below the line that a mailbox puts above them."""
    end = head.find(b"\n") + 1 if head.startswith(b"From ") else 0
    start = end
    while (header := _HEADER.match(head, end)) and header.end() > end:
        end = header.end()
    headers = head[start:end]
    signs = (_WRITTEN.search(headers), _TRANSPORTED.search(headers))
    return any(signs) if name.lower().endswith(SUFFIXES["eml"]) else all(signs)


def _is_json(data: bytes, head: bytes, *, name: str) -> bool:
    """Whether all of it is one object or array, as the first field of a table may begin like one."""
    try:
        return bool(_JSON.match(head)) and is_json(decode(data, name=name))
    except LoadError:
        return False


def _is_table(data: bytes, *, name: str) -> bool:
    if not any(delimiter in data[:_HEAD] for delimiter in b",;\t|"):
        return False
    try:
        return is_table(decode(data[:_TABLE_HEAD], name=name))
    except LoadError:
        return False


def _unsupported(name: str, looks_like: str, remedy: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"{name!r} looks like {looks_like}, which is not supported: {remedy}")
