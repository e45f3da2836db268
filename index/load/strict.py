"""Office files that are saved as Strict Open XML, with the names that the usual ones have for the same things."""

import re
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

_RELATIONS = "_rels/.rels"
_SPEEDY = 1  # how hard it is packed: it is unpacked at once
_STRICT = b"http://purl.oclc.org/ooxml/"
# Names stand in tags, and no text of a part has one in it, as its "<" is escaped there.
_TAG = re.compile(rb"<[\w?][^<>]*http://purl\.oclc\.org/ooxml/[^<>]*>")
_NAME = re.compile(
    rb"http://purl\.oclc\.org/ooxml/(officeDocument|[a-z]+ml|schemaLibrary)/([A-Za-z]+)(?=[/\"'])"
)
_HYPHENATED = {
    b"extendedProperties": b"extended-properties",
    b"customProperties": b"custom-properties",
}


def transitional(data: bytes) -> bytes:
    """The Office file `data`, which has been through `check_unpacked`, as one that is no Strict Open XML.

    Only the names of namespaces and relationships differ in what we read; one that is not strict stays as it is.
    """
    with ZipFile(BytesIO(data)) as archive:
        if _RELATIONS not in archive.NameToInfo or _STRICT not in archive.read(_RELATIONS):
            return data
        renamed = BytesIO()
        with ZipFile(renamed, "w", ZIP_DEFLATED, compresslevel=_SPEEDY) as copy:
            for name in archive.NameToInfo:
                part = archive.read(name)
                copy.writestr(name, _TAG.sub(_renamed, part) if name.endswith((".xml", ".rels")) else part)
        return renamed.getvalue()


def _renamed(tag: re.Match[bytes]) -> bytes:
    return _NAME.sub(_transitional_name, tag[0])


def _transitional_name(name: re.Match[bytes]) -> bytes:
    last = _HYPHENATED.get(name[2], name[2])
    return b"http://schemas.openxmlformats.org/%s/2006/%s" % (name[1], last)
