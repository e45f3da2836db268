"""Fetching from real servers on loopback, which a fetcher of these tests takes for the public internet."""

import gzip
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from index.errors import DocumentTooLarge, QAError
from qa_service.errors import Overloaded, SettingsError, UrlRefused, UrlsDisabled, UrlTimeout, UrlUnreachable
from qa_service.fetching import Fetcher
from qa_service.fetching.addresses import IPAddress, is_public
from qa_service.fetching.hosts import host_rule
from qa_service.fetching.targets import Target, target_of
from qa_service.settings import load_settings

Respond = Callable[[socket.socket], None]

HOME = IPv4Address("127.0.0.1")
TEXT = b"# Boats\n\nThe station has two boats.\n"
RULES = [
    host_rule(each) for each in ("example.org", "*.example.com", "h.org:8443", "9.9.9.9", "[2620:fe::fe]")
]


class Site:
    """A server on loopback that answers each path with raw bytes, and keeps the heads of the requests."""

    def __init__(self, address: IPv4Address = HOME, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self.connections = 0
        self.routes: dict[str, Respond] = {}
        self._tls = tls
        self._listener = socket.create_server((str(address), 0))
        self._open: list[socket.socket] = []
        self._closing = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def says(self, path: str, head: str, body: bytes = b"") -> None:
        """Answer a path with a status line and headers, and a body."""
        reply = f"HTTP/1.1 {head}\r\n\r\n".encode() + body
        self.routes[path] = lambda each: each.sendall(reply)

    def repeats(self, path: str, head: bytes, part: bytes, *, pause: float = 0) -> None:
        """Answer a path with bytes that never end."""

        def respond(each: socket.socket) -> None:
            each.sendall(head)
            while not self._closing.wait(pause):
                each.sendall(part)

        self.routes[path] = respond

    def close(self) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                each, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(each)
            thread = threading.Thread(target=self._answer, args=(each,))
            self._threads.append(thread)
            thread.start()

    def _answer(self, each: socket.socket) -> None:
        with (
            suppress(OSError),
            self._tls.wrap_socket(each, server_side=True) if self._tls else each as stream,
        ):
            head = ""
            while "\r\n\r\n" not in head:
                head += stream.recv(4096).decode("latin-1") or "\r\n\r\n"
            self.heads.append(head)
            path = head.split(" ")[1] if head.startswith("GET ") else ""
            if respond := self.routes.get(path):
                respond(stream)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def neighbour() -> Iterator[Site]:
    """A second server, at the address next to the site's."""
    site = Site(HOME + 1)
    yield site
    site.close()


def fetcher(*sites: Site, names: Sequence[str] = ("site.example",), **options: Any) -> Fetcher:
    """A fetcher that may ask sites by the names, which lead to 127.0.0.1 if not said otherwise."""
    return Fetcher(
        [f"{name}:{site.port}" for name, site in zip(itertools.cycle(names), sites, strict=False)],
        **{"max_bytes": 2**20, "seconds": 5, "resolve": to_home, "allow_address": is_home, **options},
    )


def to_home(_host: str) -> list[IPAddress]:
    return [HOME]


def is_home(address: IPAddress) -> bool:
    return address == HOME


def fetch(fetcher: Fetcher, url: str) -> bytes:
    return fetcher.fetch(fetcher.target(url))


def at(site: Site, path: str, *, name: str = "site.example", scheme: str = "http") -> str:
    return f"{scheme}://{name}:{site.port}{path}"


def plain(body: bytes, *headers: str) -> tuple[str, bytes]:
    return "\r\n".join([f"200 OK\r\nContent-Length: {len(body)}", *headers]), body


# What is fetched


def test_a_document_of_a_listed_host_is_fetched(site: Site) -> None:
    site.says("/boats.md?v=1", *plain(TEXT))
    assert fetch(fetcher(site), at(site, "/boats.md?v=1#part")) == TEXT


def test_a_request_says_who_asks_and_nothing_else(site: Site) -> None:
    site.says("/", *plain(TEXT))
    fetch(fetcher(site), at(site, ""))
    line, *headers = site.heads[0].strip().split("\r\n")
    assert line == "GET / HTTP/1.1"
    told = dict(each.split(": ", 1) for each in headers)
    assert told.pop("User-Agent").startswith("qa-service/")
    assert told == {
        "Host": f"site.example:{site.port}",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }


def test_a_packed_document_is_unpacked(site: Site) -> None:
    site.says("/", *plain(gzip.compress(TEXT, mtime=0), "Content-Encoding: GZIP"))
    assert fetch(fetcher(site), at(site, "/")) == TEXT


def test_a_document_in_chunks_without_a_length_comes_whole(site: Site) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (TEXT[:9], TEXT[9:]))
    site.says("/", "200 OK\r\nTransfer-Encoding: chunked", chunks + b"0\r\n\r\n")
    assert fetch(fetcher(site), at(site, "/")) == TEXT


def test_redirects_are_followed_within_the_list_and_take_no_cookie_along(site: Site) -> None:
    elsewhere = at(site, "/c", name="other.example")
    site.says("/a", "302 Found\r\nLocation: b?x#y\r\nSet-Cookie: id=1; Path=/")
    site.says("/b?x", f"308 Permanent Redirect\r\nLocation: {elsewhere}")
    site.says("/c", *plain(TEXT))
    assert fetch(fetcher(site, site, names=("site.example", "other.example")), at(site, "/a")) == TEXT
    assert not any("cookie" in head.lower() or "referer" in head.lower() for head in site.heads)
    assert f"Host: other.example:{site.port}" in site.heads[2]


def test_a_proxy_of_the_environment_is_not_asked(
    site: Site, neighbour: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{HOME + 1}:{neighbour.port}")
    site.says("/", *plain(TEXT))
    assert fetch(fetcher(site), at(site, "/")) == TEXT
    assert neighbour.connections == 0


# Names and IP addresses


def test_the_connection_goes_to_the_ip_address_that_was_checked_though_the_name_has_another_by_then(
    site: Site, neighbour: Site
) -> None:
    answers = iter([[HOME], [HOME + 1], [HOME + 1]])
    site.says("/", *plain(TEXT))
    assert fetch(fetcher(site, resolve=lambda _host: next(answers)), at(site, "/")) == TEXT
    assert next(answers) == [HOME + 1]
    assert len([*answers]) == 1, "the name was resolved once"


def test_a_name_that_leads_elsewhere_at_a_redirect_is_refused_then(site: Site) -> None:
    answers = iter([[HOME], [IPv4Address("10.0.0.1")]])
    site.says("/", "302 Found\r\nLocation: /again")
    with pytest.raises(UrlRefused, match="not only, on the public internet") as refused:
        fetch(fetcher(site, resolve=lambda _host: next(answers)), at(site, "/"))
    assert "10.0.0.1" not in str(refused.value)
    assert site.connections == 1


def test_a_name_with_one_ip_address_that_is_not_public_is_refused(site: Site) -> None:
    with pytest.raises(UrlRefused):
        fetch(fetcher(site, resolve=lambda _host: [HOME, IPv6Address("fd00::1")]), at(site, "/"))
    assert site.connections == 0


def test_what_the_real_resolver_says_of_localhost_is_refused(site: Site) -> None:
    with pytest.raises(UrlRefused):
        fetch(Fetcher([f"localhost:{site.port}"], max_bytes=9), at(site, "/", name="localhost"))
    assert site.connections == 0


def test_an_ip_address_is_refused_though_it_is_listed_where_it_is_not_public(site: Site) -> None:
    with pytest.raises(UrlRefused, match="public internet"):
        fetch(Fetcher([f"127.0.0.1:{site.port}"], max_bytes=9), at(site, "/", name="127.0.0.1"))
    assert site.connections == 0


def test_a_listed_ip_address_is_connected_to_without_a_resolver(site: Site) -> None:
    site.says("/", *plain(TEXT))
    found = fetcher(site, names=("127.0.0.1",), resolve=lambda _host: [])
    assert fetch(found, at(site, "/", name="127.0.0.1")) == TEXT


def test_the_next_ip_address_is_tried_where_one_takes_no_connection(site: Site) -> None:
    site.says("/", *plain(TEXT))
    found = fetcher(site, resolve=lambda _host: [HOME + 7, HOME], allow_address=lambda _address: True)
    assert fetch(found, at(site, "/")) == TEXT


@given(st.ip_addresses())
def test_no_ip_address_that_is_not_global_unicast_is_public(address: IPAddress) -> None:
    embedded = int(address) & 0xFFFFFFFF if address in ip_network("64:ff9b::/96") else None
    plain = address if embedded is None else IPv4Address(embedded)
    if is_public(address):
        assert plain.is_global
        assert not any((plain.is_multicast, plain.is_reserved, plain.is_unspecified, plain.is_loopback))
        if isinstance(plain, IPv6Address):
            assert {plain.ipv4_mapped, plain.sixtofour, plain.teredo} == {None}


@given(
    st.ip_addresses(v=4),
    st.sampled_from(["::ffff:0:0", "::", "2002::", "2001::", "64:ff9b::", "64:ff9b:1::"]),
)
def test_an_ipv6_address_that_stands_for_another_is_public_by_that_or_not_at_all(
    address: IPv4Address, prefix: str
) -> None:
    shift = 80 if prefix == "2002::" else 0
    number = int(address) ^ (0xFFFFFFFF if prefix == "2001::" else 0)
    if is_public(IPv6Address(int(IPv6Address(prefix)) | number << shift)):
        assert prefix == "64:ff9b::"
        assert address.is_global


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        ("64:ff9b::909:909", True),
        ("64:ff9b::a00:1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("172.31.0.1", False),
        ("192.0.0.9", False),
        ("192.168.0.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("::9.9.9.9", False),
        ("::ffff:9.9.9.9", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("ff0e::1", False),
        ("2002:7f00:1::", False),
        ("2001:0:909:909::1", False),
        ("2001:db8::1", False),
        ("100::1", False),
        ("5f00::1", False),
    ],
)
def test_which_ip_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) == public


# Which addresses may be asked for


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.org", "https://example.org/"),
        ("HTTP://EXAMPLE.ORG:80/A?b#c", "http://example.org/A?b"),
        ("https://example.org./a", "https://example.org/a"),
        ("https://a.b.example.com/ж", "https://a.b.example.com/%D0%B6"),
        ("https://h.org:8443/", "https://h.org:8443/"),
        ("http://9.9.9.9/", "http://9.9.9.9/"),
        ("https://[2620:FE:0::fe]:443/", "https://[2620:fe::fe]/"),
        ("https://example。org/", "https://example.org/"),
        ("https://@example.org/", "https://example.org/"),
    ],
)
def test_an_address_of_a_listed_host_is_normalised(url: str, target: str) -> None:
    assert target_of(url, RULES).url == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "file:///etc/passwd",
        "file://example.org/etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "data:text/plain,x",
        "javascript:1",
        "http:///x",
        "http://",
        "https://evil.org/",
        "https://example.org.evil.org/",
        "https://notexample.org/",
        "https://example.com/",
        "https://.example.com/",
        "https://evilexample.com/",
        "https://example.org:8443/",
        "https://example.org:80/",
        "http://example.org:443/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "https://h.org/",
        "https://user@example.org/",
        "https://user:pass@example.org/",
        "https://evil.org\\@example.org/",
        "https://example.org\\@evil.org/",
        "https://evil.org\\.example.com/",
        "https://evil.org%2f.example.com/",
        "https://evil.org%00.example.com/",
        "https://evil.org#@example.org/",
        "https://evil.org?@example.org/",
        "https://example.org /",
        " https://example.org/",
        "https://exam\tple.org/",
        "https://example.org/a\r\nHost: evil.org",
        "https://exam​ple.org/",
        "https://ｅxample.org/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://09.9.9.9/",
        "https://0x9.9.9.9/",
        "https://151587081/",
        "https://9.9.9.9:8443/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:9.9.9.9]/",
        "https://[fe80::1%25eth0]/",
        "https://[2620:fe::fe%25eth0]/",
        "https://[2620:fe::ff]/",
        "https://example.org/" + "a" * 2000,
        "https://example.org/" + "ж" * 400,
    ],
)
def test_an_address_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        target_of(url, RULES)


@given(st.text(alphabet=st.sampled_from("htps:/@\\?#.%[]:0179afx-_ exmplorgc\t。é"), max_size=40))
def test_whatever_follows_the_scheme_what_is_fetched_is_listed_and_reads_the_same_once_more(
    text: str,
) -> None:
    for url in (f"https://{text}", f"https://example.org{text}", f"https://{text}example.org/"):
        with suppress(UrlRefused):
            found = target_of(url, RULES)
            assert found.host in ("example.org", "h.org", "9.9.9.9", "2620:fe::fe") or found.host.endswith(
                ".example.com"
            )
            assert found.url.isascii()
            assert target_of(found.url, RULES) == found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "example.org"),
        ("/docs/boats.md?x=/y", "boats.md"),
        ("/docs/", "docs"),
        ("/%D0%BB%D0%BE%D0%B4%D0%BA%D0%B8.txt", "лодки.txt"),
        ("/a%00%0d%0Ab", "ab"),
        ("/" + "a" * 500 + ".md", "a" * 197 + ".md"),
        ("/%ff", "\ufffd"),
    ],
)
def test_a_document_is_named_by_the_last_part_of_the_path(path: str, name: str) -> None:
    assert Target("https", "example.org", 443, path).name == name


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "*.org",
        "https://a.org",
        "a.org/x",
        "u@a.org",
        "@a.org",
        "a b.org",
        "a..b",
        "127.1",
        "*.1.2.3.4",
        "a.org:0",
        "a.org:99999",
        "a.org:x",
        "[::1%eth0]",
        "2620:fe::fe",
        "a.org?x",
        "a.org#x",
        "-a.org",
        "*.*.a.org",
        "a.*.org",
    ],
)
def test_an_entry_that_names_no_host_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError, match="is no host such as"):
        host_rule(entry)


def test_a_wrong_entry_is_a_wrong_setting_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_URL_HOSTS", "example.org, https://example.com/")
    with pytest.raises(SettingsError, match=r"QA_URL_HOSTS: 'https://example\.com/' is no host"):
        load_settings()
    monkeypatch.setenv("QA_URL_HOSTS", "example.org, *.example.com:8443,")
    assert load_settings().url_hosts == ("example.org", "*.example.com:8443")


def test_nothing_is_fetched_where_no_host_is_listed() -> None:
    with pytest.raises(UrlsDisabled):
        Fetcher([], max_bytes=9).target("https://example.org/")


# Redirects


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://site.example/",
        "//evil.example/",
        "http://evil.example/",
        "http://site.example/",
        "http://user:pass@site.example:{port}/",
        "http://site.example:{port}\\@evil.example/",
        "http://site.example:{port}/a b",
        "http://[",
        "\x00",
    ],
)
def test_a_redirect_is_checked_as_if_it_had_been_asked_for(site: Site, location: str) -> None:
    site.says("/", f"302 Found\r\nLocation: {location.format(port=site.port)}")
    with pytest.raises((UrlRefused, UrlUnreachable)) as refused:
        fetch(fetcher(site), at(site, "/"))
    assert isinstance(refused.value, UrlRefused) or location == "\x00"
    assert "evil" not in str(refused.value)
    assert site.connections == 1


def test_five_redirects_are_followed_and_no_more(site: Site) -> None:
    for number in range(6):
        site.says(f"/{number}", f"302 Found\r\nLocation: /{number + 1}")
    site.says("/6", *plain(TEXT))
    assert fetch(fetcher(site), at(site, "/1")) == TEXT
    with pytest.raises(UrlUnreachable, match="more than 5 redirects"):
        fetch(fetcher(site), at(site, "/0"))


def test_a_redirect_that_leads_to_itself_ends(site: Site) -> None:
    site.says("/", "301 Moved Permanently\r\nLocation: /")
    with pytest.raises(UrlUnreachable, match="more than 5 redirects"):
        fetch(fetcher(site), at(site, "/"))
    assert site.connections == 6


@pytest.mark.parametrize(
    "status", ["204 No Content", "206 Partial Content", "302 Found", "404 Not Found", "500 Oh"]
)
def test_what_comes_with_another_status_is_no_document(site: Site, status: str) -> None:
    site.says("/", f"{status}\r\nContent-Length: 0")
    with pytest.raises(UrlUnreachable, match=f"answered with status {status[:3]}"):
        fetch(fetcher(site), at(site, "/"))


# Hostile replies


def test_a_bomb_is_given_up_at_the_limit(site: Site) -> None:
    site.says("/", *plain(gzip.compress(bytes(2**26)), "Content-Encoding: gzip"))
    with pytest.raises(DocumentTooLarge, match="QA_MAX_UPLOAD_MIB"):
        fetch(fetcher(site), at(site, "/"))


@pytest.mark.parametrize("packing", ["", "Content-Encoding: gzip\r\n"])
def test_a_body_that_does_not_end_is_given_up_at_the_limit(site: Site, packing: str) -> None:
    site.repeats("/", f"HTTP/1.1 200 OK\r\n{packing}\r\n".encode(), bytes(2**16))
    with pytest.raises(DocumentTooLarge):
        fetch(fetcher(site), at(site, "/"))


def test_a_document_may_have_just_as_many_bytes_as_the_limit(site: Site) -> None:
    site.says("/packed", *plain(gzip.compress(TEXT, mtime=0), "Content-Encoding: gzip"))
    site.says("/plain", *plain(TEXT))
    for path in ("/plain", "/packed"):
        assert fetch(fetcher(site, max_bytes=len(TEXT) + 25), at(site, path)) == TEXT
    with pytest.raises(DocumentTooLarge):
        fetch(fetcher(site, max_bytes=len(TEXT) - 1), at(site, "/plain"))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", TEXT),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0)),
        ("gzip", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-4]),
        ("gzip", gzip.compress(TEXT, mtime=0) * 2),
        ("gzip", b""),
    ],
)
def test_a_compression_that_is_not_whole_or_not_asked_for_is_refused(
    site: Site, encoding: str, body: bytes
) -> None:
    site.says("/", *plain(body, f"Content-Encoding: {encoding}"))
    with pytest.raises(UrlUnreachable):
        fetch(fetcher(site), at(site, "/"))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
    ],
)
def test_a_reply_that_is_none_is_refused(site: Site, head: bytes) -> None:
    site.routes["/"] = lambda each: each.sendall(head)
    with pytest.raises(UrlUnreachable):
        fetch(fetcher(site), at(site, "/"))


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_a_reply_that_drips_is_given_up_in_time(site: Site, head: bytes, part: bytes) -> None:
    site.repeats("/", head, part, pause=0.02)
    begun = time.monotonic()
    with pytest.raises(UrlTimeout, match=r"within 0\.4 s"):
        fetch(fetcher(site, seconds=0.4), at(site, "/"))
    assert time.monotonic() - begun < 3


def test_all_redirects_share_one_time(site: Site) -> None:
    def slowly(each: socket.socket) -> None:
        time.sleep(0.2)
        each.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")

    site.routes["/"] = slowly
    with pytest.raises(UrlTimeout):
        fetch(fetcher(site, seconds=0.5), at(site, "/"))
    assert site.connections <= 3


def test_a_resolver_that_hangs_is_left_alone_in_time(site: Site) -> None:
    release = threading.Event()

    def slowly(_host: str) -> list[IPAddress]:
        release.wait(10)
        return [HOME]

    with pytest.raises(UrlTimeout, match="not resolved in time"):
        fetch(fetcher(site, seconds=0.2, resolve=slowly), at(site, "/"))
    release.set()
    assert site.connections == 0


def test_a_name_that_does_not_exist_and_a_server_that_is_not_there_are_named(site: Site) -> None:
    def unknown(_host: str) -> list[IPAddress]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(UrlUnreachable, match=r"the name site\.example could not be resolved"):
        fetch(fetcher(site, resolve=unknown), at(site, "/"))
    site.close()
    with pytest.raises(UrlUnreachable, match=r"site\.example accepted no connection"):
        fetch(fetcher(site), at(site, "/"))


def test_four_documents_are_fetched_at_once_and_places_come_back(site: Site) -> None:
    arrived, release = threading.Semaphore(0), threading.Event()

    def wait(each: socket.socket) -> None:
        arrived.release()
        release.wait(5)
        each.sendall(b"HTTP/1.1 200 OK\r\n\r\nhere")

    site.routes["/"] = wait
    shared = fetcher(site)
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(fetch, shared, at(site, "/")) for _ in range(4)]
        assert all(arrived.acquire(timeout=5) for _ in found)
        with pytest.raises(Overloaded):
            fetch(shared, at(site, "/"))
        release.set()
        assert [each.result() for each in found] == [b"here"] * 4
    assert fetch(shared, at(site, "/")) == b"here"


# TLS


@pytest.fixture(scope="module")
def authority(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., tuple[ssl.SSLContext, ssl.SSLContext]]:
    """Makes contexts of TLS: a server's for a name, and that of a client who trusts it."""
    folder = tmp_path_factory.mktemp("tls")

    def make(name: str, *, days: int = 1) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        path = certificate(folder, name, days)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(path)
        return server, ssl.create_default_context(cafile=str(path))

    return make


def certificate(folder: Path, name: str, days: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}{days}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def serve() -> Iterator[Callable[[ssl.SSLContext], Site]]:
    """Starts servers with TLS, and closes them."""
    sites: list[Site] = []

    def start(tls: ssl.SSLContext) -> Site:
        sites.append(Site(tls=tls))
        sites[-1].says("/", *plain(TEXT))
        return sites[-1]

    yield start
    for each in sites:
        each.close()


def test_the_certificate_is_for_the_name_though_the_connection_is_to_an_ip_address(
    authority: Any, serve: Callable[[ssl.SSLContext], Site]
) -> None:
    server, client = authority("site.example")
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    site = serve(server)
    assert fetch(fetcher(site, ssl_context=client), at(site, "/", scheme="https")) == TEXT
    assert asked == ["site.example"]


@pytest.mark.parametrize(("name", "days"), [("other.example", 1), ("site.example", -1)])
def test_a_certificate_for_another_name_or_another_time_is_refused(
    authority: Any, serve: Callable[[ssl.SSLContext], Site], name: str, days: int
) -> None:
    server, client = authority(name, days=days)
    site = serve(server)
    with pytest.raises(UrlUnreachable, match="certificate"):
        fetch(fetcher(site, ssl_context=client), at(site, "/", scheme="https"))
    assert not any(site.heads)


def test_a_certificate_of_nobody_who_is_known_is_refused(
    authority: Any, serve: Callable[[ssl.SSLContext], Site]
) -> None:
    site = serve(authority("site.example")[0])
    with pytest.raises(UrlUnreachable, match="certificate"):
        fetch(fetcher(site), at(site, "/", scheme="https"))


def test_a_server_that_does_not_speak_tls_or_says_nothing_is_given_up(site: Site) -> None:
    with pytest.raises(QAError) as silent:
        fetch(fetcher(site, seconds=0.3), at(site, "/", scheme="https"))
    assert isinstance(silent.value, UrlUnreachable)


def test_https_is_not_left_for_http(
    authority: Any, serve: Callable[[ssl.SSLContext], Site], site: Site
) -> None:
    server, client = authority("site.example")
    secure = serve(server)
    secure.says("/", f"302 Found\r\nLocation: {at(site, '/')}")
    with pytest.raises(UrlRefused, match="only https may follow https"):
        fetch(fetcher(secure, site, ssl_context=client), at(secure, "/", scheme="https"))
    assert site.connections == 0
