import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import load as package
from index.document import Format
from index.errors import (
    DamagedDocument,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    LoadError,
    UnsupportedFormat,
)
from index.load import SUFFIXES, Limits, load

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)


def zipped(*names: str, mimetype: str = "application/epub+zip") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, mimetype if name == "mimetype" else "x")
    return file.getvalue()


def test_the_public_names_are_these() -> None:
    assert package.__all__ == ["DEFAULT_LIMITS", "SUFFIXES", "Limits", "Loader", "load"]
    assert {
        ".txt",
        ".md",
        ".markdown",
        ".html",
        ".htm",
        ".pdf",
        ".docx",
        ".pptx",
        ".xlsx",
        ".csv",
        ".tsv",
    } <= SUFFIXES
    assert {".epub", ".rtf", ".odt", ".eml", ".json", ".jsonl", ".py", ".sql", ".yaml"} <= SUFFIXES


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"Some licence text.", "a.pdf", "text"),
        (b"An article on %PDF-1.7 files.", "a.txt", "text"),
        (b"a,b\n1,2\n", "a.csv", "csv"),
        (b"a,b\n1,2\n", "a.txt", "text"),
        (b"id;name;born\n" + b"1;Ann;1990\n" * 5, "a.txt", "csv"),
        (b"id;name;born\n" + b"1;Ann;1990\n" * 5, "upload", "csv"),
        (b"One, two, three.\n" * 9, "a.txt", "text"),
        (b"# A; b; c\n" * 9, "a.md", "markdown"),
        (b'{"a": [1, 2]}', "a.txt", "json"),
        (b'{"a": 1}\n{"a": 2}\n', "upload", "json"),
        (b"[1] Smith, J. (2001).\n[2] Doe, J. (2002).", "a.txt", "text"),
        (b"{braces} are no JSON", "a.json", "text"),
        (b"From: a@b.c\nSubject: Hi\n\nHello.", "a.eml", "eml"),
        (b"From: a@b.c\nMessage-ID: <1@b.c>\n\nHello.", "a.txt", "eml"),
        (b"From: Ann\nTo: Bob\n\nA memo.", "a.txt", "text"),
        (b"{\\rtf1 hello}", "a.txt", "rtf"),
        (b"#!/bin/sh\necho 1\n", "run", "code"),
        (b"x = 1\n", "a.py", "code"),
        (b"x: 1\n", "a.YAML", "code"),
        (b"# Title\n", "a.md", "markdown"),
        (b"# Title\n", "A.MARKDOWN", "markdown"),
        (b"# Title\n", "a.txt", "text"),
        (b'<p align="center">A README</p>\n\n# Title\n', "readme.md", "markdown"),
        (b"<!DOCTYPE html><p>x", "a.md", "html"),
        (b"\0<HTML><BODY>x", "a.bin", "html"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- c -->\n<html><body>x", "a.txt", "html"),
        ("<html><p>x".encode("utf-16"), "a", "html"),
        (b"<h1>x</h1>", "a", "html"),
        (b"x <b>y</b>", "a.html", "html"),
        (b"x <b>y</b>", "a.txt", "text"),
        (b"a < b and b > c", "a.html", "text"),
    ],
)
def test_the_content_decides_the_format(data: bytes, name: str, expected: Format) -> None:
    assert load(data, name=name).format == expected


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "a PNG image"),
        (OLE, "an Office file from before 2007"),
        (b"<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>x</a>", "an XML file"),
        (
            zipped("mimetype", mimetype="application/vnd.oasis.opendocument.spreadsheet"),
            "an OpenDocument file that is no text",
        ),
        (zipped("[Content_Types].xml", "xl/workbook.bin"), "a binary Excel workbook"),
        (zipped("../../evil.txt"), "a ZIP archive"),
    ],
)
def test_formats_that_are_not_read_are_named(data: bytes, looks_like: str) -> None:
    with pytest.raises(
        UnsupportedFormat, match=f"'upload' looks like {looks_like}, which is not supported: "
    ):
        load(data, name="upload")


def members(**content: str) -> bytes:
    """An archive of these members, in this order, all packed; in their names `__` is `/` and `_` a dot."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return file.getvalue()


BODY = (
    '<o:document-content xmlns:o="urn:office" xmlns:t="urn:text"><o:body><o:text><t:p>Wear a vest.</t:p></o:text>'
    "</o:body></o:document-content>"
)


def manifest(kind: str, *, is_first: bool = True) -> str:
    """The manifest of an OpenDocument file, which names the whole of it before or behind what it is."""
    whole, media_type = (
        'manifest:full-path="/"',
        f'manifest:media-type="application/vnd.oasis.opendocument.{kind}"',
    )
    entry = f'{whole} manifest:version="1.3" {media_type}' if is_first else f"{media_type} {whole}"
    return (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        f"<manifest:file-entry {entry}/></manifest:manifest>"
    )


@pytest.mark.parametrize(
    "data",
    [
        members(content_xml=BODY, mimetype="application/vnd.oasis.opendocument.text"),
        members(content_xml=BODY, **{"META-INF__manifest_xml": manifest("text")}),
        members(content_xml=BODY, **{"META-INF__manifest_xml": manifest("text", is_first=False)}),
    ],
)
def test_an_opendocument_text_is_one_wherever_it_says_so(data: bytes) -> None:
    parsed = load(data, name="upload")
    assert (parsed.format, parsed.text) == ("odt", "Wear a vest.")


def test_an_opendocument_file_that_says_late_that_it_is_no_text_is_named() -> None:
    data = members(content_xml=BODY, **{"META-INF__manifest_xml": manifest("spreadsheet")})
    with pytest.raises(UnsupportedFormat, match="'upload' looks like an OpenDocument file that is no text"):
        load(data, name="upload")


def test_an_office_file_with_a_password_is_encrypted() -> None:
    with pytest.raises(EncryptedDocument, match=r"'a.docx' is protected by a password"):
        load(OLE + "EncryptedPackage".encode("utf-16-le"), name="a.docx")


@pytest.mark.parametrize("data", ["\u200b", "\ufeff\u2060\u200d", " \u200b\n\n\u2060\xad "])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
def test_what_holds_only_characters_without_width_is_empty(data: str, name: str) -> None:
    with pytest.raises(EmptyDocument, match=name):
        load(data.encode(), name=name)


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", b" \n\xef\xbb\xbf\n", "\u3000\u2028".encode(), b"-----"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.pdf"])
def test_what_holds_no_text_is_empty(data: bytes, name: str) -> None:
    with pytest.raises(EmptyDocument, match=name):
        load(data, name=name)


def test_a_file_over_the_limit_of_bytes_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match=r"'a.txt' has 11 bytes, over the limit of 10"):
        load(b"x" * 11, name="a.txt", limits=Limits(max_bytes=10))


def test_a_text_over_the_limit_of_characters_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match=r"holds 11 characters of text, over the limit of 10"):
        load(b"x" * 11, name="a.txt", limits=Limits(max_text_chars=10))


def test_a_cut_off_docx_is_damaged_and_not_a_foreign_archive() -> None:
    with pytest.raises(DamagedDocument, match=r"'a.docx' could not be unpacked"):
        load(zipped("[Content_Types].xml", "word/document.xml")[:90], name="a.docx")


@settings(deadline=None)  # the first file of a format imports its parser
@given(
    st.sampled_from(
        [
            *(b"", b"%PDF-1.7\n1 0 obj", b"PK\x03\x04", b"<html>", b"<?xml", b"---\n", OLE),
            *(
                b"{\\rtf1 ",
                b"From: a@b.c\nMIME-Version: 1.0\n",
                b'{"a": ',
                b"[1,",
                b"a;b;c\n" * 9,
                b"#!/bin/sh\n",
            ),
        ]
    ),
    st.binary(max_size=300),
    st.sampled_from(["a.txt", "a.md", "a.html", "a.pdf", "a.docx", "a.csv", "a.eml", "a.json", "a.py"]),
)
def test_any_bytes_are_a_document_or_a_load_error(start: bytes, rest: bytes, name: str) -> None:
    try:
        parsed = load(start + rest, name=name)
    except LoadError:
        return
    end = 0
    for block in parsed.blocks:
        assert end <= block.start < block.end <= len(parsed.text)
        end = block.end
