"""Requests with secrets in every place where one can stand, made to fail in every way that is known."""

import itertools
import json
import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx

from qa_service.scripted import Reply, ScriptedProvider
from qa_service.scripted.reply import Received
from qa_service.scripted.wire import ERRORS

MARK = "swordfish"
FAULTS = ("reset", "closed", "truncated", "empty", "malformed_json", "wrong_content_type", "refusal")
_MIDWAY = ("reset", "closed", "truncated")
QUESTION = "How many days of leave do employees have?"

Case = Callable[["Attack", str], object]


class Attack:
    """Sends requests to a service; every secret begins with `MARK`."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self.statuses: list[int] = []

    def run(self, count: int) -> None:
        """Send `count` requests, each with secrets of its own."""
        cases = itertools.islice(itertools.cycle(CASES), count)
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(case, self, f"{MARK}{secrets.token_hex(8)}") for case in cases]:
                done.result()

    def send(self, secret: str, method: str, path: str, **options: Any) -> httpx.Response | None:
        headers = {
            "Authorization": f"Bearer {self.key}",
            "X-Request-ID": f"sk_{secret[-16:]}_{secret}",
            "X-Secret": secret,
            "Cookie": f"session={secret}",
            "User-Agent": secret,
            "Referer": f"https://example.com/{secret}",
            "traceparent": f"00-{secret}",
            **options.pop("headers", {}),
        }
        with suppress(httpx.TransportError):
            reply = httpx.request(
                method, f"{self.url}{path}", headers=headers, timeout=60, trust_env=False, **options
            )
            self.statuses.append(reply.status_code)
            return reply
        return None

    def ask(self, secret: str, path: str = "/v1/answers", **body: Any) -> None:
        self.send(secret, "POST", path, json={"question": f"{QUESTION} {secret}", **body})


def asked_fault(fault: str, *, stream: bool) -> Case:
    return lambda attack, secret: attack.ask(f"{secret} fault:{fault}", stream=stream)


def _cases() -> Iterator[Case]:
    yield lambda attack, secret: attack.ask(secret)
    for number, fault in enumerate((*ERRORS, *FAULTS, "raw")):
        yield asked_fault(fault, stream=bool(number % 2))
    yield lambda attack, secret: attack.ask(secret, stream=True)
    yield lambda attack, secret: attack.ask(secret, history=[{"role": "user", "text": secret}])
    yield lambda attack, secret: attack.ask(secret, conversation_id=secret)
    yield lambda attack, secret: attack.ask(secret, **{secret: secret})
    yield lambda attack, secret: attack.ask(secret, k=secret)
    yield lambda attack, secret: attack.ask(secret, filter={secret: [secret]})
    yield lambda attack, secret: attack.ask(secret, collection=secret)
    yield lambda attack, secret: attack.send(
        secret,
        "POST",
        "/v1/answers",
        content=f'{{"question": "{secret}',
        headers={"Content-Type": "application/json"},
    )
    yield lambda attack, secret: attack.send(secret, "POST", "/v1/answers", content=secret)
    yield lambda attack, secret: attack.send(
        secret,
        "POST",
        "/v1/chat/completions",
        json={"model": "default", "messages": [{"role": "user", "content": f"{secret} fault:server_error"}]},
    )
    yield lambda attack, secret: attack.send(secret, "POST", "/v1/search", json={"query": secret, "k": 3})
    yield lambda attack, secret: attack.send(secret, "GET", f"/v1/documents/{secret}?{secret}={secret}")
    yield lambda attack, secret: attack.send(secret, "GET", f"/{secret}/%00%0a{secret}")
    yield lambda attack, secret: attack.send(secret, secret.upper(), "/v1/answers")
    for scheme in ("Bearer", "Basic", ""):
        yield lambda attack, secret, scheme=scheme: attack.send(  # type: ignore[misc]
            secret, "GET", "/v1/documents", headers={"Authorization": f"{scheme} sk_{secret}".strip()}
        )
    yield lambda attack, secret: attack.send(
        secret, "POST", "/v1/keys", json={"name": secret, "kind": secret}
    )
    yield lambda attack, secret: attack.send(
        secret,
        "POST",
        "/v1/documents",
        json={"title": secret, "text": f"The word is {secret}.", "source": secret},
    )
    for content in (
        b"%PDF-1.7\n1 0 obj <</",
        b"PK\x03\x04word/document.xml ",
        b"{\\rtf1 \\'zz",
        b"\x00\xff\x00",
    ):
        yield lambda attack, secret, content=content: attack.send(  # type: ignore[misc]
            secret,
            "POST",
            "/v1/documents",
            files={"file": (f"{secret}.pdf", content + secret.encode() * 20)},
        )
    yield raw


def raw(attack: Attack, secret: str) -> None:
    """What is no HTTP."""
    parts = urlsplit(attack.url)
    with suppress(OSError), socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        client.sendall(f"GET /{secret} HTTP/1.1\r\n{secret} {secret}\r\nHost: x\r\n\r\n".encode())
        reply = client.recv(4000)
        assert not reply.startswith(b"HTTP/1.1 400") or b"\r\nX-Request-ID: " in reply


CASES = tuple(_cases())


def reply_to(request: Received) -> Reply:
    """What the provider says: it repeats the secret that it was sent, in words or in an error."""
    said = json.dumps(request.body)
    secret = (re.findall(rf"{MARK}[0-9a-f]+", said) or [""])[-1]
    fault: Any = (re.findall(r"fault:(\w+)", said) or [None])[-1]
    if fault == "raw":
        return Reply("", raw_events=(secret, f'{{"choices": "{secret}"}}'))
    if fault in ERRORS:
        return Reply(f"Incorrect API key provided: sk-{secret}: {said[:2000]}", fault=fault)
    return Reply(f"[[NONE]] {secret}\n{secret} {secret}\n", fault=fault, after=1 if fault in _MIDWAY else 0)


def settle(attack: Attack) -> None:
    """Wait until every upload has been looked at."""
    deadline = time.monotonic() + 120
    while True:
        reply = attack.send("nothing", "GET", "/metrics")
        if reply is not None and "qa_uploads_waiting 0.0" in reply.text:
            return
        assert time.monotonic() < deadline, "the uploads are not worked on"
        time.sleep(0.2)


def break_followers(service: Any, attack: Attack) -> None:
    """Take the search by words away under the service, and wait until its worker has seen it."""
    for folder in (service.data_dir / "followers" / "tantivy").glob("*"):
        shutil.rmtree(folder)
        folder.write_text("")
    secret = f"{MARK}{secrets.token_hex(8)}"
    attack.send(secret, "POST", "/v1/documents", json={"title": secret, "text": f"It is {secret}."})
    deadline = time.monotonic() + 30
    while "uploads wait" not in service.log.read_text():
        assert time.monotonic() < deadline, "the worker saw no broken follower"
        time.sleep(0.1)
    attack.ask(secret)


def settings(provider: ScriptedProvider) -> dict[str, str]:
    """The settings of the service: everything says as much as it can."""
    return {
        "QA_MODEL": "openai/scripted",
        "QA_MODEL_API_BASE": provider.url,
        "OPENAI_API_KEY": f"sk-{MARK}-of-the-provider",
        "QA_LOG_LEVEL": "debug",
        "LITELLM_LOG": "DEBUG",
        "OPENAI_LOG": "debug",
        "HTTPX_LOG_LEVEL": "trace",
        "QA_IDLE_SECONDS": "2",
    }
