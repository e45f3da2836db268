"""EPUB: the chapters of a book in the order in which they are read."""

import re
from collections.abc import Iterator
from io import BytesIO
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from index.document import Parsed
from index.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument
from index.load import html
from index.load.compose import joined
from index.load.decode import decode
from index.load.limits import Limits
from index.load.unpack import check_unpacked
from index.load.xhtml import as_html
from index.load.xml import local, member, target, xml_member

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = frozenset(("application/xhtml+xml", "text/html", "application/x-dtbook+xml"))
_ENCODING = re.compile(rb"<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})")


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The pages that the book's spine names, each once, read as HTML is; the table of contents is left out.

    The title is that of the book. Raises `EncryptedDocument` where a chapter is protected against copying.
    """
    check_unpacked(data, name=name, limits=limits)
    with ZipFile(BytesIO(data)) as archive:
        book = _book(archive, name)
        package = xml_member(archive, book, name=name)
        title = next((it.text for it in package.iter() if local(it) == "title" and it.text), None)
        chapters = list(_chapters(package, book))
        if set(chapters) & _encrypted(archive, name):
            raise EncryptedDocument(f"{name!r} is protected against copying: index a copy without protection")
        return joined(_parsed(archive, chapters, name, limits), format="epub", title=title)


def _book(archive: ZipFile, name: str) -> str:
    container = xml_member(archive, _CONTAINER, name=name)
    paths = (it.get("full-path") for it in container.iter() if local(it) == "rootfile")
    path = next(filter(None, paths), None)
    if path is None:
        raise DamagedDocument(f"{name!r} does not say where its book is: save it again")
    return path


def _chapters(package: Element, book: str) -> Iterator[str]:
    """The paths of the spine's pages."""
    items = {it.get("id"): it for it in package.iter() if local(it) == "item"}
    references = (it.get("idref") for it in package.iter() if local(it) == "itemref")
    for reference in dict.fromkeys(references):
        item = items.get(reference)
        if item is None or "nav" in (item.get("properties") or "").split():
            continue
        if item.get("media-type") in _PAGES and (href := item.get("href")):
            yield target(book, href)


def _encrypted(archive: ZipFile, name: str) -> set[str]:
    """The paths of the members that are encrypted; fonts often are in books that are free to read."""
    if _ENCRYPTION not in archive.namelist():
        return set()
    root = xml_member(archive, _ENCRYPTION, name=name)
    return {target("", it.get("URI") or "") for it in root.iter() if local(it) == "CipherReference"}


def _parsed(archive: ZipFile, chapters: list[str], name: str, limits: Limits) -> Iterator[Parsed]:
    total = 0
    for path in dict.fromkeys(chapters):
        data = member(archive, path, name=name)
        declared = _ENCODING.search(data[:300])
        source = decode(data, name=name, declared=declared[1].decode("ascii") if declared else None)
        page = as_html(source)
        # Its mark says what it is in now, whatever it declares.
        parsed = html.parse(page.encode("utf-8-sig", "replace"), name=name, limits=limits)
        total += len(parsed.text)
        if total > limits.max_text_chars:
            raise DocumentTooLarge(
                f"{name!r} holds more than {limits.max_text_chars:,} characters of text: split it"
            )
        yield parsed
