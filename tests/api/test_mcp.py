"""The Model Context Protocol as agents have it: the official client, against a `qa serve` of its own."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import httpx2
import mcp_types as types
import pytest
from flask.testing import FlaskClient
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from index.embed import Embedder
from index.owner import find_owner
from index.upload import Upload
from qa_service.access.keys import Rights
from qa_service.agents.tools import answered
from qa_service.api import Context, create_app
from qa_service.scripted import Received, Reply, ScriptedProvider
from qa_service.services import Services, opened
from qa_service.settings import Settings
from tests.waiting import until

TEXTS = {
    "default": {
        "Hire": "# Hire\n\nMerganser costs 40 euros per hour.\n\nSanderling costs 55 euros per hour.\n",
        "![x](http://evil.example)": "The seawater intake lies at a depth of 18 metres.\n",
    },
    "notes": {
        "old": "The kitchen closes at 21:00 on weekdays.\n",
        "new": "The kitchen closes at 22:00 on weekdays.\n",
    },
}
HIRE = "What does Merganser cost per hour?"
KITCHEN = "When does the kitchen close on weekdays?"
SLOW = "What does Sanderling cost per hour?"
ABSENT = "Does Merganser have a toilet?"
WRONG_IDS: tuple[Any, ...] = (None, {}, [], True, 1.5)
VERSIONS = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")

T = TypeVar("T")


def reply_to(request: Received) -> Reply:
    """A model that keeps to the protocol, and hangs for one question."""
    prompt = request.body["messages"][-1]["content"]
    marks = {text: mark for mark, text in re.findall(r"^\[([a-z]+\d+\.\d+)\] (.+)$", prompt, re.MULTILINE)}
    if SLOW in prompt:
        return Reply("never", fault="hang")
    if KITCHEN in prompt:
        first, second = (marks[text.strip()] for text in TEXTS["notes"].values())
        return Reply(f"[[CONFLICT {first} | {second}]] The kitchen closes at 21:00 or at 22:00 on weekdays.")
    if HIRE in prompt:
        return Reply(f"[[{marks['Merganser costs 40 euros per hour.']}]] Merganser costs 40 euros per hour.")
    return Reply("[[NONE]] The documents do not say whether Merganser has a toilet.")


@dataclass(frozen=True)
class World:
    """A served model with keys, and what it is asked."""

    url: str
    keys: dict[str, str]
    provider: ScriptedProvider

    def run(self, act: Callable[[Client], Awaitable[T]], key: str = "all", mode: str = "auto") -> T:
        """What a connected client does."""

        async def connected() -> T:
            headers = {"Authorization": f"Bearer {self.keys.get(key, key)}"}
            async with (
                httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http,
                Client(streamable_http_client(f"{self.url}/mcp", http_client=http), mode=mode) as client,
            ):
                return await act(client)

        # In a thread of its own: LlamaIndex leaves a loop in the main one, which `run` would drop unclosed.
        with ThreadPoolExecutor(1) as apart:
            return apart.submit(lambda: asyncio.run(connected())).result()

    def call(self, tool: str, key: str = "all", mode: str = "auto", **arguments: Any) -> types.CallToolResult:
        """The result of one tool call."""
        return self.run(lambda client: client.call_tool(tool, arguments), key, mode)

    def post(self, body: Any, key: str = "all", **headers: str) -> httpx.Response:
        """The reply to one message."""
        sent = {
            "Authorization": f"Bearer {self.keys.get(key, key)}",
            "Accept": "application/json, text/event-stream",
            **headers,
        }
        return httpx.post(f"{self.url}/mcp", json=body, headers=sent, trust_env=False, timeout=30)


def fill(services: Services) -> None:
    for name, documents in TEXTS.items():
        uploads = [
            Upload(f"{each}.md", f"{each}.md", text.encode(), title=each) for each, text in documents.items()
        ]
        results = list(services.ingestor(services.collection(name)).put(uploads))
        assert [each.error for each in results] == [None] * len(uploads)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, embedder: Embedder) -> Iterator[World]:
    data_dir = tmp_path_factory.mktemp("mcp") / "data"
    data_dir.mkdir()
    (data_dir / "models").symlink_to(model_cache)
    with opened(Settings(data_dir=data_dir), command="pytest", embedder=embedder) as services:
        fill(services)
        rights = {
            "all": Rights(),
            "ask": Rights(scopes=("ask",)),
            "search": Rights(scopes=("search",)),
            "write": Rights(scopes=("write",)),
            "notes": Rights(collections=("notes",)),
            "gone": Rights(),
            "page": Rights.publishable(("notes",), ("https://www.example.com",)),
        }
        keys = {name: services.keys.create(name, each)[1] for name, each in rights.items()}
    with ScriptedProvider(reply_to) as provider:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
        process = subprocess.Popen(
            [Path(sys.executable).with_name("qa"), "serve", "--port", "0"],
            env={
                **kept,
                "QA_DATA_DIR": str(data_dir),
                "QA_MODEL": "openai/scripted",
                "QA_MODEL_API_BASE": provider.url,
                "OPENAI_API_KEY": "any",
            },
            stdout=subprocess.DEVNULL,
        )
        try:
            yield World(served(process, data_dir), keys, provider)
        finally:
            process.terminate()
            process.wait(40)


def served(process: subprocess.Popen[bytes], data_dir: Path) -> str:
    """The address of a service, when it is ready."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None
        owner = find_owner(data_dir)
        if owner and owner.url:
            try:
                if httpx.get(f"{owner.url}/readyz", trust_env=False).status_code == 200:
                    return owner.url
            except httpx.TransportError:
                pass
        time.sleep(0.02)
    raise AssertionError("the service did not become ready")


def text_of(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def request(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


# What is offered


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_official_client_connects_and_lists_the_tools(world: World, mode: str) -> None:
    tools = world.run(lambda client: client.list_tools(), mode=mode).tools
    assert {tool.name: tool.input_schema["required"] for tool in tools} == {
        "ask": ["question"],
        "search": ["query"],
    }
    for tool in tools:
        assert {"collection", "k", "filter"} < tool.input_schema["properties"].keys()
        assert tool.output_schema


@pytest.mark.parametrize("version", VERSIONS[:3])
def test_a_client_of_an_earlier_protocol_is_answered_in_its_own(world: World, version: str) -> None:
    client = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    assert world.post(request("initialize", **client)).json()["result"]["protocolVersion"] == version
    listed = world.post(request("tools/list"), **{"MCP-Protocol-Version": version})
    assert [tool["name"] for tool in listed.json()["result"]["tools"]] == ["ask", "search"]


def test_a_version_that_nobody_speaks_is_refused(world: World) -> None:
    reply = world.post(request("tools/list"), **{"MCP-Protocol-Version": "1999-01-01"})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] < 0


def test_a_key_is_shown_the_tools_that_it_may_call(world: World) -> None:
    for key, names in (("ask", ["ask"]), ("search", ["search"]), ("notes", ["ask", "search"])):
        tools = world.run(lambda client: client.list_tools(), key).tools
        assert [tool.name for tool in tools] == names


# What is answered


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_an_answer_has_its_sources_with_quotes_titles_and_addresses(world: World, mode: str) -> None:
    result = world.call("ask", mode=mode, question=HIRE)
    assert not result.is_error
    answer = result.structured_content
    (citation,) = answer["citations"]
    assert answer["status"] == "answered"
    assert citation["quote"] == "Merganser costs 40 euros per hour."
    assert citation["url"].startswith(f"{world.url}/documents/{citation['document_id']}?start=")
    assert text_of(result) == (
        "Merganser costs 40 euros per hour. [1]\n\nSources:\n"
        f"[1] “Merganser costs 40 euros per hour.” – Hire: {citation['url']}"
    )


def test_the_address_of_a_source_leads_to_its_quote(world: World) -> None:
    (citation,) = world.call("ask", question=HIRE).structured_content["citations"]
    span = citation["span"]
    stored = httpx.get(
        f"{world.url}/v1/documents/{citation['document_id']}/text",
        params=span,
        headers={"Authorization": f"Bearer {world.keys['all']}"},
        trust_env=False,
    )
    assert stored.json()["text"] == citation["quote"]
    assert httpx.get(citation["url"], trust_env=False).status_code == 200


def test_what_the_documents_do_not_hold_is_said_to_be_no_answer(world: World) -> None:
    result = world.call("ask", question=ABSENT)
    assert not result.is_error
    assert result.structured_content["status"] == "abstained"
    assert result.structured_content["claims"] == []
    assert text_of(result).startswith("There is no answer. The documents do not say.\n\nMissing: ")


def test_documents_that_disagree_are_said_to_with_both_sides(world: World) -> None:
    result = world.call("ask", question=KITCHEN, collection="notes")
    assert result.structured_content["status"] == "conflict"
    assert {each["quote"] for each in result.structured_content["citations"]} == {
        text.strip() for text in TEXTS["notes"].values()
    }
    one, other = (text.strip() for text in TEXTS["notes"].values())
    assert f"The documents disagree, and one says: {one} [1]\nAnother says: {other} [2]\n" in text_of(result)


def test_a_search_gives_numbered_passages(world: World) -> None:
    result = world.call("search", query="seawater intake", k=1)
    (passage,) = result.structured_content["passages"]
    assert passage["text"] == "The seawater intake lies at a depth of 18 metres."
    # The title, which is an image in Markdown, is none here.
    assert text_of(result) == f"[1] {''}: {passage['url']}\n{passage['text']}"


def test_a_filter_keeps_the_documents_that_it_names(world: World) -> None:
    found = world.call("search", query="kitchen", collection="notes", filter={"title": ["new"]})
    assert [each["title"] for each in found.structured_content["passages"]] == ["new"]
    nothing = world.call("search", query="kitchen", collection="notes", filter={"title": ["other"]})
    assert nothing.structured_content == {"passages": []}
    assert text_of(nothing).startswith("No passage was found")


def test_a_part_of_an_answer_is_said_to_be_a_part() -> None:
    claim = {"text": "It is so.", "citations": [1], "support": {"verdict": "partial", "method": "guards"}}
    cited = {"number": 1, "title": "A [2]", "url": "/documents/0?start=0&end=9", "quote": "It is\nso. [7]"}
    answer = {
        "status": "partial",
        "reason": "partly_not_in_passages",
        "claims": [claim],
        "citations": [{**cited, "page": 3}],
        "missing": ["the rest"],
    }
    assert answered(answer, site="https://qa.example/").text == (
        "It is so. [1] (support: partial)\n\n"
        "This is not the whole answer. The documents do not say the rest.\n\n"
        "Missing: the rest\n\n"
        "Sources:\n[1] “It is so. (7)” – A (2), page 3: https://qa.example/documents/0?start=0&end=9"
    )


# What goes wrong


def test_an_unknown_tool_is_an_error_of_the_protocol(world: World) -> None:
    async def act(client: Client) -> None:
        with pytest.raises(MCPError, match="there is no tool 'bake' here"):
            await client.call_tool("bake", {})

    world.run(act)


@pytest.mark.parametrize(
    ("tool", "arguments", "detail"),
    [
        ("ask", {}, "question: it is missing"),
        ("ask", {"question": " "}, "question: it is empty"),
        ("ask", {"question": "x" * 5000}, "question: it has 5000 characters, and 4000 are taken: shorten it"),
        ("ask", {"question": HIRE, "model": "gpt-5"}, "model: there is no such field"),
        ("ask", {"question": HIRE, "conversation_id": "1"}, "conversation_id: there is no such field"),
        ("search", {"query": "boats", "k": "5"}, "k: send a whole number"),
        ("search", {"query": "boats", "k": 201}, "k: send 200 or less"),
        ("search", {"query": "boats", "filter": ["a"]}, "filter: send an object"),
    ],
)
def test_wrong_arguments_are_told_by_the_field(
    world: World, tool: str, arguments: dict[str, Any], detail: str
) -> None:
    reply = world.post(request("tools/call", name=tool, arguments=arguments)).json()["result"]
    assert reply["isError"]
    assert reply["content"] == [{"type": "text", "text": detail}]


@pytest.mark.parametrize("key", ["sk_wrong", "gone"])
def test_a_wrong_or_revoked_key_is_refused_at_once(world: World, key: str) -> None:
    if key == "gone":
        assert world.post(request("ping"), key).status_code == 200
        headers = {"Authorization": f"Bearer {world.keys['all']}"}
        gone = httpx.delete(f"{world.url}/v1/keys/gone", headers=headers, trust_env=False)
        assert gone.status_code == 204
    reply = world.post(request("ping"), key)
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized")
    with pytest.raises((ExceptionGroup, MCPError)):
        world.run(lambda client: client.list_tools(), key)


@pytest.mark.parametrize(("key", "origin"), [("write", None), ("page", "https://www.example.com")])
def test_a_key_that_may_neither_ask_nor_search_or_stands_in_pages_is_refused(
    world: World, key: str, origin: str | None
) -> None:
    reply = world.post(request("ping"), key, **({"Origin": origin} if origin else {}))
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("key", "tool"), [("ask", "search"), ("search", "ask")])
def test_a_tool_takes_a_key_with_its_scope(world: World, key: str, tool: str) -> None:
    result = world.call(tool, key, **{"query" if tool == "search" else "question": "boats"})
    assert result.is_error
    assert text_of(result) == f"this key is not for that: it takes one with the scope {tool}"


@pytest.mark.parametrize("tool", ["ask", "search"])
def test_a_foreign_collection_looks_absent(world: World, tool: str) -> None:
    field = "query" if tool == "search" else "question"
    told = {
        name: text_of(world.call(tool, "notes", **{field: "boats"}, collection=name)).replace(name, "X")
        for name in ("default", "nosuch")
    }
    assert told["default"] == told["nosuch"]
    assert "there is no collection 'X'" in told["default"]


def test_a_key_for_one_collection_need_not_name_it(world: World) -> None:
    found = world.call("search", "notes", query="What does Merganser cost?").structured_content["passages"]
    assert {each["title"] for each in found} == {"old", "new"}


def test_a_request_that_is_too_long_is_refused(world: World) -> None:
    reply = world.post(request("tools/call", name="ask", arguments={"question": "x" * 2**20}))
    assert (reply.status_code, reply.json()["code"]) == (413, "request_too_large")


def test_a_message_is_measured_before_it_is_parsed(world: World) -> None:
    reply = world.post(request("tools/call", name="ask", arguments={"question": [[]] * 60_000}))
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_are_no_sessions_to_listen_to_or_to_end(world: World, method: str) -> None:
    headers = {"Authorization": f"Bearer {world.keys['all']}", "Accept": "text/event-stream"}
    reply = httpx.request(method, f"{world.url}/mcp", headers=headers, trust_env=False)
    assert reply.status_code == 405


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"nonsense", b"[" * 5000, b'{"jsonrpc":"2.0","id":1}'])
def test_what_is_no_message_is_refused_and_shows_nothing_of_the_inside(world: World, body: bytes) -> None:
    headers = {
        "Authorization": f"Bearer {world.keys['all']}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    reply = httpx.post(f"{world.url}/mcp", content=body, headers=headers, trust_env=False)
    assert reply.status_code == 400
    assert "Traceback" not in reply.text
    assert "site-packages" not in reply.text


@pytest.mark.parametrize(
    ("body", "fault", "message_id"),
    [
        ({}, 'jsonrpc: send "2.0"', None),
        ([request("ping")], "body: send one message at a time, batches are not taken", None),
        ([], "body: send one message at a time, batches are not taken", None),
        ("ping", "body: send an object", None),
        ({"jsonrpc": "1.0", "id": 7, "method": "ping"}, 'jsonrpc: send "2.0"', 7),
        ({"jsonrpc": "2.0", "id": "a"}, "method: send a string", "a"),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, "method: send a string", 1),
        ({"jsonrpc": "2.0", "id": 1, "method": ["ping"]}, "method: send a string", 1),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, "params: send an object", 1),
        *(
            (
                {"jsonrpc": "2.0", "id": wrong, "method": "ping"},
                "id: send a string or a whole number, or none with a notification",
                None,
            )
            for wrong in WRONG_IDS
        ),
    ],
)
def test_what_is_no_message_is_told_in_a_sentence(
    world: World, body: Any, fault: str, message_id: Any
) -> None:
    reply = world.post(body)
    assert (reply.status_code, reply.headers["Content-Type"]) == (400, "application/json")
    assert reply.json() == {
        "jsonrpc": "2.0",
        "id": message_id,
        "error": {"code": -32600, "message": fault},
    }


def test_what_is_no_json_is_a_parse_error(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.keys['all']}", "Content-Type": "application/json"}
    reply = httpx.post(f"{world.url}/mcp", content=b"{", headers=headers, trust_env=False)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, -32700)


@pytest.mark.parametrize("kind", ["text/plain", "application/vnd.x+json", ""])
def test_a_message_of_another_content_type_is_refused(world: World, kind: str) -> None:
    reply = world.post(request("ping"), **{"Content-Type": kind})
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("host", ["evil/..", "a b"])
def test_addresses_are_relative_where_the_host_asked_is_no_host(world: World, host: str) -> None:
    reply = world.post(request("tools/call", name="ask", arguments={"question": HIRE}), Host=host).json()
    (citation,) = reply["result"]["structuredContent"]["citations"]
    assert citation["url"].startswith(f"/documents/{citation['document_id']}?")


# Under load


def test_twenty_calls_at_once_are_all_answered(world: World) -> None:
    async def act(client: Client) -> list[types.CallToolResult]:
        return await asyncio.gather(
            *(client.call_tool("ask", {"question": HIRE}) for _ in range(10)),
            *(client.call_tool("search", {"query": "intake", "k": 1}) for _ in range(10)),
        )

    results = world.run(act)
    assert [result.is_error for result in results] == [False] * 20
    assert {result.structured_content["status"] for result in results[:10]} == {"answered"}
    assert {len(result.structured_content["passages"]) for result in results[10:]} == {1}


def test_a_client_that_leaves_ends_what_the_model_does_for_it(world: World) -> None:
    before = world.provider.dropped, len(world.provider.requests)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{world.url}/mcp",
            json=request("tools/call", name="ask", arguments={"question": SLOW}),
            headers={"Authorization": f"Bearer {world.keys['all']}", "Accept": "application/json"},
            trust_env=False,
            timeout=httpx.Timeout(10, read=1.5),
        )
    until(lambda: len(world.provider.requests) > before[1])
    until(lambda: world.provider.dropped > before[0])
    assert not world.call("search", query="intake").is_error


def test_budgets_count_as_for_answers(
    settings: Settings,
    embedder: Embedder,
    make: Callable[..., Context],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    reply = Reply("[[NONE]] The documents do not say whether it has a toilet.", usage=(9_000, 1_000))
    with ScriptedProvider([reply]) as provider:
        changes = {"model": "openai/scripted", "model_api_base": provider.url, "max_day_tokens": 10_000}
        with opened(settings.model_copy(update=changes), command="pytest", embedder=embedder) as services:
            fill(services)
            context = make(services)
            client = create_app(context).test_client()
            assert not asked(client)["isError"]
            spent = asked(client)
            assert spent["isError"]
            assert "budget" in spent["content"][0]["text"]
            context.worker.close()


def asked(client: FlaskClient) -> dict[str, Any]:
    sent = request("tools/call", name="ask", arguments={"question": ABSENT})
    reply = client.post("/mcp", json=sent, headers={"Accept": "application/json"})
    result: dict[str, Any] = reply.get_json()["result"]
    return result


def test_the_package_is_loaded_with_the_first_request_for_it() -> None:
    code = "import sys, qa_service.api, qa_service.cli; print([m for m in sys.modules if m in ('mcp', 'starlette')])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
