from ipaddress import ip_network
from typing import Any

import pytest
from werkzeug.test import Client

from qa_service.proxies import Proxies, client_of

OURS = (
    ip_network("127.0.0.0/8"),
    ip_network("10.0.0.0/8"),
    ip_network("192.0.2.7/32"),
    ip_network("fd00::/8"),
)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1,198.51.100.1, 192.0.2.7,10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", '"[2001:db8::1]:4711"', "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("fd00::1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, unknown", "unknown"),
        ("10.0.0.1", "garbage", "unknown"),
        ("10.0.0.1", "garbage, 10.0.0.2", "unknown"),
        ("10.0.0.1", "garbage, 198.51.100.1", "198.51.100.1"),
        ("203.0.113.9", "garbage", "203.0.113.9"),
        ("127.0.0.1", "garbage", "unknown"),
        ("127.0.0.1", "garbage, 127.0.0.1", "unknown"),
        ("127.0.0.1", " ", "127.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1, ", "unknown"),
        ("10.0.0.1", "10.0.0.2," * 100_000 + "10.0.0.3", "10.0.0.2"),
        ("", "198.51.100.1", ""),
    ],
)
def test_a_request_comes_from_the_last_hop_that_is_no_proxy_of_ours(
    peer: str, forwarded_for: str, client: str
) -> None:
    assert client_of(peer, forwarded_for, OURS) == client


def seen(peer: str, **headers: str) -> str:
    """The address that an application sees behind trusted proxies."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["REMOTE_ADDR"].encode()]

    client = Client(Proxies(application, OURS))
    return client.get("/", headers=headers, environ_overrides={"REMOTE_ADDR": peer}).get_data(as_text=True)


def test_whom_a_proxy_on_this_machine_can_not_name_is_not_on_this_machine() -> None:
    assert seen("127.0.0.1", **{"X-Forwarded-For": "garbage"}) == "unknown"
    assert seen("127.0.0.1", **{"X-Forwarded-For": "127.0.0.1.evil.example"}) == "unknown"
    assert seen("127.0.0.1", **{"X-Forwarded-For": "203.0.113.2"}) == "203.0.113.2"
    assert seen("127.0.0.1") == "127.0.0.1"
