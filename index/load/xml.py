"""XML out of archives of strangers, read without entities and without anything outside of it."""

import posixpath
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError
from zipfile import ZipFile

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # it ships no types
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from index.errors import DamagedDocument


def member(archive: ZipFile, path: str, *, name: str) -> bytes:
    """The bytes of a member of an archive that has been through `check_unpacked`."""
    try:
        return archive.read(path)
    except KeyError as error:
        raise DamagedDocument(f"{name!r} lacks its part {path!r}: save it again") from error


def xml_member(archive: ZipFile, path: str, *, name: str) -> Element:
    """The root of a member that is XML; `DamagedDocument` where it is none, or has entities."""
    try:
        root: Element = fromstring(member(archive, path, name=name))
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise DamagedDocument(
            f"{name!r} could not be read, its part {path!r} is no XML that is safe to read ({error}): save it again"
        ) from error
    return root


def target(base: str, href: str) -> str:
    """The path of the member that `href` in the member `base` leads to; above the archive's top is nothing."""
    path = unquote(href.partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path))


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
