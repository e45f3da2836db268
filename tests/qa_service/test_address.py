import socket

import pytest

from qa_service.address import (
    SILENCE_SECONDS,
    bare,
    is_loopback,
    listen,
    own_url,
    require_known,
    spoken,
    url,
)
from qa_service.errors import SettingsError

EVERYWHERE = "0.0.0.0"  # noqa: S104 - in a test, for a moment


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", EVERYWHERE, "::", "192.168.1.1", "example.org", "localhost.example.org", "127"]
)
def test_nothing_else_is(host: str) -> None:
    assert not is_loopback(host)


def test_a_listener_takes_connections() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        assert own_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_client_that_falls_silent_does_not_hold_its_thread_for_ever() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                seconds = accepted.getsockopt(socket.SOL_SOCKET, option, 16)
                assert int.from_bytes(seconds[:8], "little") == SILENCE_SECONDS


def test_on_all_addresses_this_machine_reaches_it_by_loopback() -> None:
    with listen(EVERYWHERE, 0) as listener:
        assert own_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_version_6_host_stands_in_brackets() -> None:
    assert url("::1", 80) == "http://[::1]:80"


def test_a_taken_port_is_an_error_that_names_the_address() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(
            SettingsError, match=f"can't listen on http://127.0.0.1:{port}: Address already in use"
        ):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "nosuch.invalid", "x" * 300, "a b"])
def test_a_host_that_is_not_ours_is_an_error(host: str) -> None:
    with pytest.raises(
        SettingsError, match=f"can't listen on http://{host}:0: .*choose another --port or --host"
    ):
        listen(host, 0)


def test_brackets_around_a_version_6_host_are_no_part_of_it() -> None:
    assert [bare(host) for host in ("[::1]", "::1", "[a]", "localhost")] == ["::1", "::1", "[a]", "localhost"]


@pytest.mark.parametrize("host", ["nosuch.invalid", "x" * 300, "[nosuch]"])
def test_a_host_that_is_unknown_is_told_to_be_that(host: str) -> None:
    with pytest.raises(SettingsError, match="the host's name does not resolve"):
        require_known(host)
    require_known("127.0.0.1")


@pytest.mark.parametrize("host", [EVERYWHERE, "::"])
def test_who_listens_on_all_addresses_says_so(host: str) -> None:
    with listen(host, 0) as listener:
        assert spoken(listener) == f"{own_url(listener)} and all other addresses of this machine ({host})"
    with listen("127.0.0.1", 0) as listener:
        assert spoken(listener) == own_url(listener)
