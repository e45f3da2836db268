"""Whether a body is one message of JSON-RPC 2.0, told before the protocol's package sees it."""

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from qa_service.wire import JSON

_PARSE_ERROR = -32700
_INVALID_REQUEST = -32600


def refusal(body: bytes) -> JSON | None:
    """The error that answers what is no request and no notification; None where it is one.

    Replies of clients are neither: this service asks them nothing.
    """
    try:
        message = from_json(body)
    except ValueError:
        return _error(_PARSE_ERROR, "body: this is no JSON", None)
    if isinstance(message, list):
        return _error(_INVALID_REQUEST, "body: send one message at a time, batches are not taken", None)
    if not isinstance(message, dict):
        return _error(_INVALID_REQUEST, "body: send an object", None)
    fault = next(_faults(message), None)
    message_id = message.get("id")
    return _error(_INVALID_REQUEST, fault, message_id if _is_id(message_id) else None) if fault else None


def _faults(message: dict[str, Any]) -> Iterator[str]:
    if message.get("jsonrpc") != "2.0":
        yield 'jsonrpc: send "2.0"'
    if not isinstance(message.get("method"), str):
        yield "method: send a string"
    if "id" in message and not _is_id(message["id"]):
        yield "id: send a string or a whole number, or none with a notification"
    if not isinstance(message.get("params", {}), dict | None):
        yield "params: send an object"


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _error(code: int, message: str, message_id: str | int | None) -> JSON:
    return {"jsonrpc": "2.0", "id": message_id, "error": {"code": code, "message": message}}
