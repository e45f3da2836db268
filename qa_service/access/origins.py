"""The origins of web pages, as browsers write them in the header `Origin` (RFC 6454)."""

from urllib.parse import urlsplit

from index.errors import InvalidRequest

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(text: str) -> str:
    """The origin that a text names, such as `https://www.example.com`, as browsers write it.

    Raises `InvalidRequest` where it names none, or more than one: `*`, `null`, or an address with a path.
    """
    wrong = InvalidRequest(
        f"{text[:100]!r} is no origin: write one as https://www.example.com, with its port where it has one, "
        "without a path, and with a name beyond ASCII in its ASCII form (xn--...)"
    )
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    rest = (parts.path.removeprefix("/"), parts.query, parts.fragment, parts.username, parts.password)
    # Which letters a browser writes for a name beyond ASCII is more than one rule: another site might be let in.
    if not (text.strip().isascii() and text.strip().isprintable()):
        raise wrong
    if parts.scheme not in _DEFAULT_PORTS or not _is_host(host) or any(rest):
        raise wrong
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")


def _is_host(host: str) -> bool:
    return bool(host) and all(character.isalnum() or character in "-._:" for character in host)
