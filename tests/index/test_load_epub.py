import io
import zipfile

import pytest

from index.document import Parsed
from index.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument
from index.load import Limits, load

CONTAINER = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'


def package(spine: list[str], chapters: dict[str, str]) -> str:
    items = "".join(
        f'<item id="{path}" href="{path}" media-type="application/xhtml+xml"/>' for path in chapters
    )
    references = "".join(f'<itemref idref="{path}"/>' for path in spine)
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>The sea</dc:title></metadata><manifest>{items}"
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>'
        f'<spine><itemref idref="nav"/>{references}</spine></package>'
    )


def book(chapters: dict[str, str], spine: list[str] | None = None, /, **others: str) -> bytes:
    """A book; `others` replaces or adds members, with "__" for a slash and "_" for a dot."""
    members = {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": package(list(chapters) if spine is None else spine, chapters),
        "OPS/nav.xhtml": "<html><body>Contents</body></html>",
        **{f"OPS/{path}": text for path, text in chapters.items()},
        **{key.replace("__", "/").replace("_", "."): text for key, text in others.items()},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        for path, text in members.items():
            archive.writestr(path, text, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def parse(data: bytes) -> Parsed:
    return load(data, name="a.epub")


def chapter(text: str, head: str = "") -> str:
    return f"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head>{head}</head><body>{text}</body></html>"


def test_chapters_are_read_in_the_order_of_the_spine() -> None:
    chapters = {
        "b.xhtml": chapter("<h1>Two</h1><p>Later.</p>"),
        "a.xhtml": chapter("<h1>One</h1><p>First.</p>"),
    }
    parsed = parse(book(chapters, ["a.xhtml", "b.xhtml"]))
    assert parsed.format == "epub"
    assert parsed.title == "The sea"
    assert parsed.text == "One\n\nFirst.\n\nTwo\n\nLater."
    assert [(it.title, it.span.of(parsed.text)) for it in parsed.headings] == [("One", "One"), ("Two", "Two")]
    assert [block.of(parsed.text) for block in parsed.blocks] == ["One", "First.", "Two", "Later."]


def test_elements_that_close_themselves_take_nothing_with_them() -> None:
    page = chapter("<p>Kept.<a id='x'/></p><p>This too.<br/>And this.</p>", "<title/><script src='x'/>")
    assert parse(book({"a.xhtml": page})).text == "Kept.\n\nThis too.\nAnd this."


def test_a_spine_that_goes_round_reads_each_chapter_once() -> None:
    spine = ["a.xhtml", "b.xhtml"] * 5000
    chapters = {"a.xhtml": chapter("<p>One.</p>"), "b.xhtml": chapter("<p>Two.</p>")}
    assert parse(book(chapters, spine)).text == "One.\n\nTwo."


def test_a_spine_that_leads_to_its_own_package_is_no_page() -> None:
    data = package(["p"], {}).replace(
        "</manifest>", '<item id="p" href="book.opf" media-type="text/xml"/></manifest>'
    )
    with pytest.raises(EmptyDocument):
        parse(book({}, OPS__book_opf=data))


def test_links_out_of_the_archive_lead_nowhere() -> None:
    with pytest.raises(DamagedDocument, match=r"lacks its part '\.\./\.\./etc/passwd'"):
        parse(
            book(
                {},
                OPS__book_opf=package(["x"], {}).replace(
                    "</manifest>",
                    '<item id="x" href="../../../etc/passwd" media-type="text/html"/></manifest>',
                ),
            )
        )


@pytest.mark.parametrize(
    "container",
    [
        '<!DOCTYPE c [<!ENTITY a SYSTEM "file:///etc/passwd">]><container>&a;</container>',
        '<!DOCTYPE c [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><container>&b;</container>',
        "<container>",
        "<container/>",
    ],
)
def test_a_hostile_or_broken_container_is_damage(container: str) -> None:
    with pytest.raises(DamagedDocument, match=r"'a\.epub'"):
        parse(book({"a.xhtml": "x"}, **{"META-INF__container_xml": container}))


def test_a_chapter_that_is_protected_against_copying_is_encrypted() -> None:
    encryption = "<encryption><CipherReference URI='OPS/{}'/></encryption>"
    chapters = {"a.xhtml": chapter("<p>x</p>")}
    with pytest.raises(EncryptedDocument, match=r"'a\.epub' is protected against copying"):
        parse(book(chapters, **{"META-INF__encryption_xml": encryption.format("a.xhtml")}))
    assert parse(book(chapters, **{"META-INF__encryption_xml": encryption.format("font.otf")})).text == "x"


def test_many_chapters_over_the_limit_are_refused() -> None:
    chapters = {f"{n}.xhtml": chapter("<p>some words</p>") for n in range(20)}
    with pytest.raises(DocumentTooLarge, match=r"holds more than 100 characters"):
        load(book(chapters), name="a.epub", limits=Limits(max_text_chars=100))


def test_a_chapter_that_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match=r"unpacks to more than"):
        parse(book({"a.xhtml": chapter(" " * 30_000_000)}))


def test_quoted_text_and_superscript_numbers_are_read() -> None:
    page = chapter("<p><![CDATA[Tide & <moon>]]> pull 10<sup>6</sup> t.</p>")
    assert parse(book({"a.xhtml": page})).text == "Tide & <moon> pull 10⁶ t."
