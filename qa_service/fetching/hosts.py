"""The list of hosts that documents may be fetched from: `example.org`, `*.example.org`, `example.org:8443`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import httpx

PORTS = {"http": 80, "https": 443}

_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class HostRule:
    """An entry of the list: a host, or with `subdomains` all names below it; `port` is None for the usual ones."""

    host: str
    port: int | None = None
    subdomains: bool = False

    def allows(self, host: str, port: int, *, usual: int) -> bool:
        """Whether the entry names this host and port, where `usual` is the scheme's own port."""
        named = host.endswith(f".{self.host}") if self.subdomains else host == self.host
        return named and port == (usual if self.port is None else self.port)


def host_rule(entry: str) -> HostRule:
    """An entry as it is written; `ValueError` where it is none."""
    subdomains = entry.startswith("*.")
    wrong = ValueError(f"{entry[:100]!r} is no host such as example.org, *.example.org or example.org:8443")
    try:
        url = httpx.URL(f"https://{entry.removeprefix('*.')}")
        host = host_of(url)
    except (httpx.InvalidURL, ValueError):
        raise wrong from None
    if url.userinfo or url.raw_path not in (b"", b"/") or url.fragment or "@" in entry:
        raise wrong
    if url.port is not None and not 0 < url.port < 2**16:
        raise wrong
    if subdomains and ("." not in host or is_address(host)):
        raise wrong
    # The parser forgets a port that is usual for its scheme, which here is one of two.
    named = entry.endswith(f":{PORTS['https']}")
    return HostRule(host, PORTS["https"] if named else url.port, subdomains)


def host_of(url: httpx.URL) -> str:
    """The host of an address: a name in lower case and ASCII (IDNA) without a final dot, or an IP address.

    Raises `ValueError` where there is none, where it is an IPv4 address in another notation than four decimal
    numbers (`127.1`, `0x7f000001`, `017700000001`), and where it is an IPv6 address with a zone.
    """
    host = url.raw_host.decode("ascii").removesuffix(".")
    if ":" in host:
        return str(IPv6Address(host)) if "%" not in host else _refuse(host)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return str(IPv4Address(host))
    return host if _NAME.fullmatch(host) else _refuse(host)


def is_address(host: str) -> bool:
    """Whether what `host_of` gave is an IP address."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def is_listed(rules: Iterable[HostRule], host: str, port: int, *, scheme: str) -> bool:
    """Whether any entry names this host and port."""
    return any(rule.allows(host, port, usual=PORTS[scheme]) for rule in rules)


def _refuse(host: str) -> str:
    raise AddressValueError(host)
