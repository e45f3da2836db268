"""An address to fetch, read once: what is checked here is what is connected to, and no other parser has a say."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

import httpx

from qa_service.errors import UrlRefused
from qa_service.fetching.hosts import PORTS, HostRule, host_of, is_address, is_listed

Scheme = Literal["http", "https"]

MAX_URL = 2000
"""The longest address that is fetched, in characters as it is sent."""

_SCHEMES: Mapping[str, Scheme] = {"http": "http", "https": "https"}
_MAX_NAME = 200
_UNSAFE = re.compile(r"[\s\\]")


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address; `host` is a name or an IP address, `path` is what is asked for there, with its query."""

    scheme: Scheme
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The host, with its port where that is not the usual one, as it stands in an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address, normalised, without a fragment."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def name(self) -> str:
        """What the document is called for people: the last part of the path, or the host."""
        last = unquote(self.path.partition("?")[0]).rstrip("/").rpartition("/")[2]
        shown = "".join(each for each in last if unicodedata.category(each)[0] != "C").strip()
        return shown[-_MAX_NAME:] or self.host


def target_of(url: str, rules: Sequence[HostRule]) -> Target:
    """The target of an address that someone sent; `UrlRefused` where it may not be fetched."""
    try:
        parsed = _parsed(url)
    except (httpx.InvalidURL, ValueError):
        raise UrlRefused("the address can't be read: send one such as https://example.org/page") from None
    return _checked(parsed, rules, what="the address")


def redirected(target: Target, location: str, rules: Sequence[HostRule]) -> Target:
    """Where a target's reply leads, checked as if it had been asked for; `UrlRefused` where it may not be fetched."""
    where = f"{target.host} redirects to an address that"
    try:
        url = _parsed(target.url).join(_parsed(location))
    except (httpx.InvalidURL, ValueError):
        raise UrlRefused(f"{where} is none that can be read") from None
    if target.scheme == "https" and url.scheme == "http":
        raise UrlRefused(f"{where} is not encrypted, and it is: only https may follow https")
    return _checked(url, rules, what=where)


def _parsed(url: str) -> httpx.URL:
    """The parts of an address, without those that are not sent; `httpx.InvalidURL` or `ValueError` without any."""
    if _UNSAFE.search(url):
        raise ValueError("white space, or a backslash, which some take for a slash")
    return httpx.URL(url).copy_with(fragment=None)


def _checked(url: httpx.URL, rules: Sequence[HostRule], *, what: str) -> Target:
    scheme = _SCHEMES.get(url.scheme)
    if scheme is None:
        raise UrlRefused(f"{what} is neither http nor https")
    if url.userinfo:
        raise UrlRefused(f"{what} has a user's name or password: nothing is fetched with those")
    try:
        host = host_of(url)
    except ValueError:
        raise UrlRefused(f"{what} has no host that can be read") from None
    port = PORTS[scheme] if url.port is None else url.port
    target = Target(scheme, host, port, url.raw_path.decode("ascii") or "/")
    if len(target.url) > MAX_URL:
        raise UrlRefused(f"{what} has more than {MAX_URL:,} characters")
    if not is_listed(rules, host, port, scheme=scheme):
        # What a server sends back might name hosts of its own network.
        named = "an IP address" if is_address(host) else "a host"
        raise UrlRefused(f"{what} is of {named}, or a port, that QA_URL_HOSTS does not list")
    return target
