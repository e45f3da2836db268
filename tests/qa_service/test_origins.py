"""Origins as browsers write them."""

import pytest

from index.errors import InvalidRequest
from qa_service.access.origins import origin_of


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://www.example.com", "https://www.example.com"),
        (" HTTPS://WWW.Example.COM/ ", "https://www.example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("https://example.com:8443", "https://example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_written_as_a_browser_does(text: str, origin: str) -> None:
    assert origin_of(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "example.com",
        "//example.com",
        "https://",
        "https://*.example.com",
        "https://example.com/path",
        "https://example.com?x",
        "https://example.com#x",
        "https://user@example.com",
        "https://user:secret@example.com",
        "https://example.com:port",
        "https://example.com:99999",
        "https://a b.example",
        "https://exa\nmple.com, https://other.example",
        "file:///etc",
        "javascript:alert(1)",
        "chrome-extension://abc",
        "https://straße.de",
        "https://ex\tample.com",
        "https://a\u200cb.com",
    ],
)
def test_what_is_no_single_origin_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no origin: write one as"):
        origin_of(text)
