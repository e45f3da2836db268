import io
import logging
from collections.abc import Iterator
from email.message import EmailMessage

import docx
import pytest

from index.document import Parsed
from index.errors import LoadError
from index.load import load
from index.load.child import ChildLoader


def message(text: str = "The boat leaves at nine.", subject: str = "Departure") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ann Lee <ann@example.org>"
    mail["To"] = "Bob <bob@example.org>"
    mail["Date"] = "Fri, 01 Mar 2024 09:30:00 +0100"
    mail["Message-ID"] = "<1@example.org>"
    mail["Subject"] = subject
    mail.set_content(text)
    return mail


def parse(mail: EmailMessage) -> Parsed:
    parsed = load(bytes(mail), name="a.eml")
    assert parsed.format == "eml"
    return parsed


def test_headers_and_text_are_read_and_the_subject_is_the_title() -> None:
    parsed = parse(message(subject="Re: AW: Départ à 9 h"))
    assert parsed.title == "Départ à 9 h"
    assert parsed.text == (
        "From: Ann Lee <ann@example.org>\nTo: Bob <bob@example.org>\nDate: Fri, 01 Mar 2024 09:30:00 +0100\n"
        "Subject: Re: AW: Départ à 9 h\n\nThe boat leaves at nine.\n"
    )


def test_of_plain_text_and_html_the_plain_text_is_read() -> None:
    mail = message()
    mail.add_alternative("<p>The boat leaves at <b>nine</b>, as HTML.</p>", subtype="html")
    assert "as HTML" not in parse(mail).text
    assert "leaves at nine" in parse(mail).text


def test_html_alone_is_read_without_its_markup() -> None:
    mail = message()
    mail.set_content("<p>As <b>HTML</b>.</p>", subtype="html")
    assert parse(mail).text.endswith("\n\nAs HTML.")


@pytest.mark.parametrize("charset", ["utf-8", "koi8-r", "windows-1251", "utf-16"])
@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_the_declared_charset_is_used(charset: str, subtype: str) -> None:
    body = "Катер отходит в девять утра.".encode(charset)
    data = f"From: a@b.c\nMIME-Version: 1.0\nContent-Type: text/{subtype}; charset={charset}\n".encode()
    encoded = b"".join(b"=%02X" % byte for byte in body)
    parsed = load(data + b"Content-Transfer-Encoding: quoted-printable\n\n" + encoded, name="a.eml")
    assert "Катер отходит в девять утра." in parsed.text


def test_attachments_are_read_under_a_heading_with_their_name() -> None:
    file = io.BytesIO()
    document = docx.Document()
    document.add_heading("Rules", 1)
    document.add_paragraph("Wear a vest.")
    document.save(file)
    mail = message()
    mail.add_attachment(
        file.getvalue(), maintype="application", subtype="octet-stream", filename="règles.docx"
    )
    mail.add_attachment(b"id;n\n1;2\n", maintype="text", subtype="csv", filename="list.csv")
    parsed = parse(mail)
    assert parsed.text.endswith(
        "Attachment: règles.docx\n\nRules\n\nWear a vest.\n\nAttachment: list.csv\n\nid | n\nid: 1 | n: 2"
    )
    assert [(it.level, it.title, it.span.of(parsed.text)) for it in parsed.headings] == [
        (1, "Attachment: règles.docx", "Attachment: règles.docx"),
        (2, "Rules", "Rules"),
        (1, "Attachment: list.csv", "Attachment: list.csv"),
    ]


def test_an_attachment_that_is_not_read_is_named_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    mail = message()
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + bytes(9), maintype="image", subtype="png", filename="map.png")
    with caplog.at_level(logging.WARNING):
        assert parse(mail).text.endswith("Attachment: map.png")
    assert "'a.eml': an attachment is not read: 'map.png' looks like a PNG image" in caplog.text


def multipart(kind: str, *parts: tuple[str, str]) -> bytes:
    """A message of parts, each the rest of its headers behind `Content-Type: text/`, and its text."""
    shown = "".join(f"--b\nContent-Type: text/{rest}\n\n{content}\n" for rest, content in parts)
    return f"From: a@b.c\nMIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=b\n\n{shown}--b--\n".encode()


def text_of(data: bytes) -> str:
    """What is read of a message below its sender."""
    return load(data, name="a.eml").text.partition("From: a@b.c")[2].strip()


def test_all_parts_of_a_mixed_message_are_read_in_their_order() -> None:
    data = multipart("mixed", ("html", "<p>The boat leaves at 7:45.</p>"), ("plain", "A list of mails."))
    assert text_of(data) == "The boat leaves at 7:45.\n\nA list of mails."


def test_an_alternative_in_a_mixed_message_is_read_once_and_what_is_beside_it_too() -> None:
    inner = multipart("alternative", ("plain", "It leaves at nine."), ("html", "<p>It leaves at nine!</p>"))
    inner = inner.partition(b"MIME-Version: 1.0\n")[2].replace(b"--b", b"--in").replace(b"=b", b"=in")
    data = multipart("mixed", ("html", "<p>Before.</p>\n--b\n" + inner.decode()), ("html", "<p>After.</p>"))
    assert text_of(data) == "Before.\n\nIt leaves at nine.\n\nAfter."


def test_of_an_alternative_the_html_is_read_where_the_plain_text_only_stands_in_for_it() -> None:
    stub, body = "This e-mail requires an HTML-capable mail client.", "Your rent rises to 812 euros."
    assert text_of(multipart("alternative", ("plain", stub), ("html", f"<p>{body}</p>"))) == body
    assert text_of(multipart("alternative", ("html", f"<p>{body}</p>"), ("plain", stub))) == body


def test_a_file_in_an_alternative_that_is_not_read_is_an_attachment() -> None:
    mail = message()
    mail.add_alternative("<p>The boat leaves at nine.</p>", subtype="html")
    _, html = mail.iter_parts()
    html.add_attachment(b"id;n\n1;2\n", maintype="text", subtype="csv", filename="list.csv")
    text = parse(mail).text
    assert text.count("leaves at nine") == 1
    assert text.endswith("Attachment: list.csv\n\nid | n\nid: 1 | n: 2")


def test_a_named_file_that_is_shown_inline_is_an_attachment() -> None:
    log = "plain; name=log.txt\nContent-Disposition: inline; filename=log.txt"
    data = multipart("mixed", (log, "line one"), ("html", "<p>See the log.</p>"))
    assert text_of(data) == "See the log.\n\nAttachment: log.txt\n\nline one"


def test_lines_that_end_in_a_space_flow_on_in_a_flowed_text() -> None:
    flowed = (
        "A long para \ngraph that was wra \npped.\n\n> what is \n> quoted \n>> more deeply\n>  >stuffed\n"
        " From here \n-- \nAnn \n"
    )
    expected = [
        "A long paragraph that was wrapped.\n\n> what isquoted\n>> more deeply\n>  >stuffed\nFrom here\n-- \nAnn",
        "A long para graph that was wra pped.\n\n> what is quoted \n>> more deeply\n>  >stuffed\nFrom here \n-- \nAnn",
    ]
    for extra, shown in zip(("; delsp=yes", ""), expected, strict=True):
        assert text_of(multipart("mixed", (f"plain; format=flowed{extra}", flowed))) == shown
    assert "para \ngraph" in text_of(multipart("mixed", ("plain", flowed)))


@pytest.mark.parametrize(
    ("header", "charset"),
    [
        ("Änderung der Miete", "iso-8859-1"),
        ("Änderung der Miete", "utf-8"),
        ("Изменение оплаты", "koi8-r"),
        ("Изменение оплаты", "windows-1251"),
    ],
)
def test_headers_in_raw_bytes_are_read_in_the_charset_of_the_text(header: str, charset: str) -> None:
    data = (
        f"From: {header} <a@b.c>\nSubject: Re:\n {header}\nContent-Type: text/plain; charset={charset}\n\nx"
    )
    parsed = load(data.encode(charset), name="a.eml")
    assert parsed.title == header
    assert parsed.text.startswith(f"From: {header} <a@b.c>\nSubject: Re: {header}\n")


def test_headers_in_raw_utf_8_are_read_whatever_the_text_is_in() -> None:
    data = "From: a@b.c\nSubject: Größe\nContent-Type: text/plain; charset=koi8-r\n\nx".encode()
    assert load(data, name="a.eml").title == "Größe"


def test_of_very_many_parts_the_first_thousand_are_read_and_the_others_warned_of(
    child: ChildLoader, caplog: pytest.LogCaptureFixture
) -> None:
    data = multipart("mixed", *(("plain", f"text {number} here") for number in range(100_000)))
    text = child(data, name="a.eml").text
    assert "text 998 here" in text
    assert "text 1001 here" not in text
    load(data, name="a.eml")
    assert "'a.eml': it has more than 1000 parts, and those behind them are not read: split it" in caplog.text


def nested(depth: int, *, as_file: bool) -> EmailMessage:
    mail = message("level 0")
    for level in range(1, depth):
        outer = message(f"level {level}")
        if as_file:
            outer.add_attachment(
                bytes(mail), maintype="application", subtype="octet-stream", filename="m.eml"
            )
        else:
            outer.add_attachment(mail)
        mail = outer
    return mail


@pytest.mark.parametrize("as_file", [False, True])
def test_messages_in_messages_are_read_five_deep(as_file: bool) -> None:
    text = parse(nested(8, as_file=as_file)).text
    assert [level for level in range(8) if f"level {level}" in text] == [2, 3, 4, 5, 6, 7]


def test_a_message_without_a_file_name_is_called_by_its_subject() -> None:
    outer = message()
    outer.add_attachment(message(subject="Tide warning"))
    assert "Attachment: Tide warning\n\nFrom: Ann Lee" in parse(outer).text


def test_of_thousands_of_attachments_a_hundred_are_read(caplog: pytest.LogCaptureFixture) -> None:
    mail = message()
    for number in range(300):
        mail.add_attachment(f"text {number} here", filename=f"{number}.txt")
    text = parse(mail).text
    assert "text 99 here" in text
    assert "text 100 here" not in text
    assert "Attachment: 299.txt" in text
    assert "attachments that are named and not read, as there are too many: 200" in caplog.text


def multiparts(depth: int) -> bytes:
    data = b"From: a@b.c\nMIME-Version: 1.0\n"
    for level in range(depth):
        data += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
    return data + b"Content-Type: text/plain\n\ndeep inside\n"


@pytest.fixture(scope="module")
def child() -> Iterator[ChildLoader]:
    """A loader that gives a file ten seconds."""
    with ChildLoader(seconds=10) as child:
        yield child


@pytest.mark.parametrize(
    "data",
    [
        multiparts(50),
        multiparts(2000),
        b"From: a@b.c\nTo: " + b"(" * 50_000 + b"\nMIME-Version: 1.0\n\nhello",
        b"From: " + b"a@b.c, " * 50_000 + b"\nMIME-Version: 1.0\n\nhello",
        b"From: =?x?q?=?=\nDate: 99 Foo 99999\nMIME-Version: 1.0\n\nhello",
        b"From: a@b.c\nMIME-Version: 1.0\nContent-Type: text/plain; charset=no-such\n\nhello",
        b"From: a@b.c\nMIME-Version: 1.0\nContent-Type: multipart/mixed\n\nhello",
        b"From: a@b.c\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n!!!not base64",
        b"From: a@b.c\nMIME-Version: 1.0\n" + b"X: y\n" * 200_000 + b"\nhello",
    ],
)
def test_hostile_messages_end_as_text_or_as_a_named_failure(child: ChildLoader, data: bytes) -> None:
    try:
        parsed = child(data, name="a.eml")
    except LoadError as error:
        assert "'a.eml'" in str(error)  # noqa: PT017  either is right
    else:
        assert len(parsed.text) <= len(data)
