"""The one place where the `mcp` package is imported: a request of its streamable HTTP in, the reply out.

Importing this module takes 0.7 s of CPU, so it is imported with the first request for it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError

from qa_service.agents.tools import Said, Tool
from qa_service.wire import JSON

_VERSION = version("qa-service")
_INSTRUCTIONS = (
    "Documents of this organisation. Every claim of an answer has numbers of sources, and each source has the "
    "quote that it rests on and the address where it can be read: keep both when you pass a claim on. "
    "An answer may say that the documents do not hold it, or that they disagree: pass that on too."
)


Call = Callable[[str, JSON], Said | None]
"""The result of a tool, by its name and arguments; None where there is no such tool."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP response; `media_type` is None where there is no body."""

    status: int
    media_type: str | None
    body: bytes


def exchange(
    tools: Sequence[Tool],
    call: Call,
    *,
    path: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
) -> Reply:
    """Answer one POST. Each stands alone: there are no sessions, and the reply is one JSON document.

    The package's own transport does the protocol, of all its versions, in an event loop that lives as long as
    the request. So `call` runs in the caller's thread and context, and may take its time: nobody else
    is in that loop.
    """
    # With a factory, the runner leaves the loop that the thread may have as it was.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(_exchange(_server(tools, call), path, headers, body))


async def _exchange(server: Server[Any], path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Reply:
    manager = StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, max_request_body_size=max(1, len(body))
    )
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }
    told: list[Any] = []
    said = bytearray()
    unread = [body]

    async def receive() -> JSON:
        if not unread:  # that a client leaves is seen by others
            await asyncio.Event().wait()
        return {"type": "http.request", "body": unread.pop(), "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.append(message)
        else:
            said.extend(message.get("body", b""))

    async with manager.run():
        await manager.handle_request(scope, receive, send)
    (start,) = told
    media_type = dict(start["headers"]).get(b"content-type", b"").decode("latin-1")
    return Reply(start["status"], media_type or None, bytes(said))


def _server(tools: Sequence[Tool], call: Call) -> Server[Any]:
    async def listed(
        _context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_listed(tool) for tool in tools])

    async def called(
        _context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        said = call(params.name, params.arguments or {})
        if said is None:
            raise MCPError(code=types.INVALID_PARAMS, message=f"there is no tool {params.name[:100]!r} here")
        return types.CallToolResult(
            content=[types.TextContent(text=said.text)],
            structured_content=said.data,
            is_error=said.data is None,
        )

    return Server(
        "qa-service",
        version=_VERSION,
        instructions=_INSTRUCTIONS,
        on_list_tools=listed,
        on_call_tool=called,
    )


def _listed(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=types.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )
