import pytest
from flask.testing import FlaskClient

from qa_service.replies import HEADERS


@pytest.mark.parametrize("path", ["/", "/documents/x", "/documents/x?start=1&end=2"])
def test_a_page_is_served_with_a_strict_policy(reader: FlaskClient, path: str) -> None:
    with reader.get(path) as reply:
        assert (reply.status_code, reply.mimetype) == (200, "text/html")
        assert reply.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        page = reply.get_data(as_text=True)
    assert "<script>" not in page
    assert " style=" not in page
    assert " onclick=" not in page


@pytest.mark.parametrize(
    ("name", "kind"),
    [("style.css", "text/css"), ("ask.js", "text/javascript"), ("icon.svg", "image/svg+xml")],
)
def test_the_files_of_the_page_have_their_types(reader: FlaskClient, name: str, kind: str) -> None:
    with reader.get(f"/static/{name}") as reply:
        assert (reply.status_code, reply.mimetype) == (200, kind)
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_that_the_browser_has_is_not_sent_again(reader: FlaskClient) -> None:
    with reader.get("/static/style.css") as reply:
        tag = reply.headers["ETag"]
    with reader.get("/static/style.css", headers={"If-None-Match": tag}) as reply:
        assert (reply.status_code, reply.get_data()) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "../cli.py",
        "..%2fcli.py",
        "%2e%2e/cli.py",
        "....//cli.py",
        "..\\cli.py",
        "..%5ccli.py",
        "/etc/passwd",
        "%2fetc/passwd",
        "style.css/../../cli.py",
        "style.css%00.js",
        "",
        ".",
        "nosuch.js",
        "C:/x",
        "a" * 5000,
    ],
)
def test_nothing_outside_the_folder_is_served(reader: FlaskClient, path: str) -> None:
    with reader.get(f"/static/{path}", follow_redirects=True) as reply:
        assert reply.status_code in (400, 404)
        assert reply.content_type == "application/problem+json"
        assert b"import" not in reply.get_data()
