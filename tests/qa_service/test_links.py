import pytest

from qa_service.links import links


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("See https://example.org/a?b=1.", "https://example.org/a?b=1"),
        ("See (HTTP://EXAMPLE.ORG).", "http://example.org"),
        ("//example.org/x.png", "//example.org/x.png"),
        ("example.org", "example.org"),
        ("Example.Org/path", "example.org/path"),
        ("EXAMPLE.ORG", "example.org"),
        ("пример.рф/путь", "пример.рф/путь"),
        ("mail help@example.org!", "help@example.org"),
        ("mailto:someone", "mailto:someone"),
        ("javascript:alert(1)", "javascript:alert"),
        ("data:text/html,x", "data:text/html,x"),
        ("ftp://host/x", "ftp://host/x"),
        ("custom+scheme://x", "custom+scheme://x"),
        ("<img src=x>", "<img src=x>"),
        ("</script>", "</script>"),
        ("..evil.example", "evil.example"),
        ("**evil.example**", "evil.example"),
        ("See https:evil.example for details.", "https:evil.example"),
        ("See https:/\\evil.com.", "https://evil.com"),
        ("See evil\uff0ecom or", "evil.com"),
        ("See evil\u3002com or", "evil.com"),
        ("See \\\\evil\\share.", "//evil/share"),
        ("Evil.Com", "evil.com"),
    ],
)
def test_what_a_client_may_turn_into_a_link_is_found(text: str, link: str) -> None:
    assert link in links(text)


@pytest.mark.parametrize(
    "text",
    [
        "At 5:00 p.m. the U.S. Army, e.g. its 3.5 % and/or 1.5/2.0.",
        "It ended.The next began",
        "Dr. Holm: 3 May 2024",
        "a < b and c > d",
        "т.д., z.B. und a.m./p.m.",
        "1.2.3",
        "и/или",
        "東京。大阪",
        "...",
    ],
)
def test_other_text_has_no_links(text: str) -> None:
    assert links(text) == set()


def test_links_of_several_texts_are_one_set() -> None:
    assert links("a.example", "b.example", "a.example") == {"a.example", "b.example"}
