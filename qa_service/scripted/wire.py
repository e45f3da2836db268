"""The OpenAI wire, as bytes: completions, streams of events, errors and embeddings."""

import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qa_service.scripted.reply import Reply, split_words

PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to the network."
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "rate_limited": (429, "rate_limit_exceeded", "Rate limit reached for requests"),
    "server_error": (500, "server_error", "The server had an error while processing the request"),
    "overloaded": (503, "overloaded", "The engine is currently overloaded"),
    "unauthorized": (401, "invalid_api_key", "Incorrect API key provided"),
    "model_not_found": (404, "model_not_found", "The model does not exist"),
    "context_overflow": (
        400,
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    ),
    "blocked": (400, "content_filter", "The response was filtered by the content management policy"),
    "script_over": (400, "script_over", "The script of this provider has been played to its end"),
}


def events(body: Mapping[str, Any], reply: Reply) -> Iterator[bytes]:
    """The server-sent events of a streamed reply, up to its fault."""

    def event(delta: Mapping[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _event({**_head(body, "chat.completion.chunk"), "choices": [choice]})

    yield event({"role": "assistant", "content": ""})
    for raw in reply.raw_events:
        yield f"data: {raw}\n\n".encode()
    for piece in split_words(reply.reasoning):
        yield event({"reasoning_content": piece})
    for piece in reply.deltas():
        yield event({"content": piece})
    match reply.fault:
        case None | "empty":
            finish_reason = reply.finish_reason
        case "refusal":
            finish_reason = "content_filter"
        case "malformed_json":
            yield b'data: {"choices": [{"index": 0, "del\n\n'
            return
        case "wrong_content_type":
            yield PAGE
            return
        case str(fault) if fault in ERRORS:
            yield _event(error_body(fault))
            return
        case _:
            return
    yield event({}, finish_reason)
    options = body.get("stream_options") or {}
    if reply.usage is not None and options.get("include_usage"):
        yield _event({**_head(body, "chat.completion.chunk"), "choices": [], "usage": _usage(reply.usage)})
    yield b"data: [DONE]\n\n"


def completion(body: Mapping[str, Any], reply: Reply) -> Mapping[str, object]:
    """The body of a reply that is not streamed."""
    message = {"role": "assistant", "content": "" if reply.fault else reply.text or "".join(reply.pieces)}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    finish_reason = "content_filter" if reply.fault == "refusal" else reply.finish_reason
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    usage = {} if reply.usage is None else {"usage": _usage(reply.usage)}
    return {**_head(body, "chat.completion"), "choices": [choice], **usage}


def _head(body: Mapping[str, Any], kind: str) -> Mapping[str, object]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 0, "model": body.get("model", "scripted")}


def _usage(usage: tuple[int, int]) -> Mapping[str, int]:
    prompt, completion = usage
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def error_body(fault: str, message: str = "") -> Mapping[str, object]:
    """The body of an error, of a name in `ERRORS`, with the usual message or another."""
    status, code, usual = ERRORS[fault]
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message or usual, "type": kind, "param": None, "code": code}}


def dump(value: object) -> bytes:
    """`value` as JSON."""
    # Not escaped, so that characters of several bytes can be cut between two packets.
    return json.dumps(value, ensure_ascii=False).encode()


def _event(value: object) -> bytes:
    return b"data: " + dump(value) + b"\n\n"


def chunk(data: bytes) -> bytes:
    """`data` as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def packets(write: Callable[[bytes], object], size: int | None) -> Callable[[bytes], object]:
    """`write`, in pieces of `size` bytes at most."""
    if size is None:
        return write

    def cut(data: bytes) -> None:
        for start in range(0, len(data), size):
            write(data[start : start + size])

    return cut


def vector(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 that depends on the text alone."""
    choose = random.Random(zlib.crc32(text.encode()))  # noqa: S311 - no secret hangs on it
    vector = [choose.gauss() for _ in range(dimensions)]
    norm = sum(value * value for value in vector) ** 0.5
    return [value / norm for value in vector]
