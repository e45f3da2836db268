"""Whatever in a text a client may turn into a link, or take for markup that loads something."""

import re
import unicodedata

# What a browser takes for the dots and slashes of an address.
_AS_IN_ADDRESSES = str.maketrans({"。": ".", "｡": ".", "\\": "/"})
_TAG = re.compile(r"<[a-z/!?][^<>]*>", re.IGNORECASE)
_TOKEN = re.compile(r"[^\s<>()\[\]{}\"“”«»]+")
_SCHEME = re.compile(
    r"(?:https?|wss?|ftps?|javascript|data|vbscript|file|blob|mailto|tel|sms):\S", re.IGNORECASE
)
_HOST_END = re.compile(r"[/?#:,;]")
_AROUND = "'‘’.,;:!?*_`"


def links(*texts: str) -> set[str]:
    """The links, addresses and tags in some texts, in lower case, without the punctuation around them."""
    read = [unicodedata.normalize("NFKC", text).translate(_AS_IN_ADDRESSES) for text in texts]
    found = (token.strip(_AROUND) for text in read for token in _TOKEN.findall(text))
    tags = (tag for text in read for tag in _TAG.findall(text))
    return {each.lower() for each in (*filter(_is_link, found), *tags)}


def _is_link(token: str) -> bool:
    return "//" in token or bool(_SCHEME.match(token)) or _names_host(token)


def _names_host(token: str) -> bool:
    """Whether it begins with a host (`example.org`, `EXAMPLE.ORG/x`), and not `p.m.`, `1.5` or `end.The`."""
    host = _HOST_END.split(token.rpartition("@")[2], maxsplit=1)[0]
    *names, last = host.rstrip(".").split(".")
    return (
        bool(names and names[-1])
        and len(last) > 1
        and last.isalpha()
        and ("@" in token or "/" in token or _is_cased_as_a_host(names[-1], last))
    )


def _is_cased_as_a_host(name: str, last: str) -> bool:
    """`evil.com`, `EVIL.COM` and `Evil.Com`, but not where a sentence ends.And another begins."""
    return last.isascii() and (last.islower() or last.isupper() or (last.istitle() and name.istitle()))
