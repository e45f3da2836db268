"""From what litellm raises, and what the network did, to the product's own errors.

The messages are ours throughout: a provider's own words may quote the key or the prompt.
"""

import re
import ssl
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from socket import gaierror
from typing import Any

import httpcore

from qa_service.errors import (
    Cancelled,
    ContextOverflow,
    ModelAuthentication,
    ModelConnectionRefused,
    ModelConnectionReset,
    ModelError,
    ModelHostUnresolved,
    ModelNotFound,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelReplyMalformed,
    ModelRequestRejected,
    ModelServerError,
    ModelTLSFailed,
    ModelTruncated,
    ModelUnavailable,
)
from qa_service.llm.watch import Watch

_BY_LITELLM_CLASS: Mapping[str, type[ModelError]] = {
    # Found by litellm in the words of many providers; a status or a code would not tell.
    "ContextWindowExceededError": ContextOverflow,
    "ContentPolicyViolationError": ModelRefused,
}
_BY_CODE: Mapping[str, type[ModelError]] = {
    "context_length_exceeded": ContextOverflow,
    "content_filter": ModelRefused,
    "content_policy_violation": ModelRefused,
    "rate_limit_exceeded": ModelRateLimited,
    "insufficient_quota": ModelAuthentication,
    "invalid_api_key": ModelAuthentication,
    "model_not_found": ModelNotFound,
    "server_error": ModelServerError,
    "overloaded": ModelOverloaded,
    "overloaded_error": ModelOverloaded,
}
_BY_STATUS: Mapping[int, type[ModelError]] = {
    401: ModelAuthentication,
    402: ModelAuthentication,
    403: ModelAuthentication,
    404: ModelNotFound,
    413: ContextOverflow,
    429: ModelRateLimited,
    503: ModelOverloaded,
    529: ModelOverloaded,
}
_SAYS: Mapping[type[ModelError], str] = {
    ContextOverflow: "has no room for this prompt: ask for fewer passages, or use one with more context",
    ModelRefused: "or its content filter refused: put the question in other words",
    ModelRateLimited: "gets more requests than its provider allows: ask again later",
    ModelAuthentication: "did not accept the key, or the account lacks rights or funds: check both",
    ModelNotFound: "is not known to its provider: check the model's name",
    ModelServerError: "failed at its provider: ask again",
    ModelOverloaded: "has no capacity at the moment: ask again later",
    ModelRequestRejected: "rejected the request: check the model's options",
    ModelHostUnresolved: "has a host name that can't be resolved: check the address of its API, and DNS",
    ModelConnectionRefused: "is not served at its address: check that it runs there",
    ModelConnectionReset: "hung up before it sent a token: ask again",
    ModelTLSFailed: "offers no acceptable TLS: check its certificate, or whether its address begins with http://",
    ModelTruncated: "hung up in the middle of its reply: ask again",
    ModelReplyMalformed: "sent a reply that can't be read: check that its address speaks the provider's API",
    ModelUnavailable: "can't be reached: check its address and the network",
}
_TOKEN = re.compile(r"[A-Za-z][\w.\[\]-]{0,60}")
_MISSING_KEY = re.compile(r"\b(api[ _]?key|credentials?)\b", re.IGNORECASE)


def translate(error: Exception, watch: Watch, *, began: bool) -> ModelError | Cancelled:
    """Our error for what ended a call; `began` is whether the model had sent text."""
    if isinstance(watch.failure, ModelError | Cancelled):
        return watch.failure
    if watch.failure is not None:
        kind = _network_failure(watch.failure, began=began)
        return kind(f"{watch.model} {_SAYS[kind]}")
    if watch.status is None:
        return _unsent(error, watch)
    return _answered(error, watch, watch.status)


def _network_failure(error: Exception, *, began: bool) -> type[ModelError]:
    cause = error.__cause__ or error.__context__
    match error:
        case httpcore.ConnectError() if isinstance(cause, gaierror):
            return ModelHostUnresolved
        case httpcore.ConnectError() if isinstance(cause, ssl.SSLError):
            return ModelTLSFailed
        case httpcore.ConnectError() if isinstance(cause, ConnectionRefusedError):
            return ModelConnectionRefused
        case httpcore.ReadError() | httpcore.WriteError():
            return ModelTruncated if began else ModelConnectionReset
        case httpcore.RemoteProtocolError() if re.match("Server disconnected|peer closed", str(error)):
            return ModelTruncated if began else ModelConnectionReset
        case httpcore.ProtocolError():
            return ModelReplyMalformed
        case _:
            return ModelUnavailable


def _unsent(error: Exception, watch: Watch) -> ModelError:
    """For a call that never came to a request: the name, the key or the address is no good."""
    said = " ".join(str(link) for link in _chain(error))
    if "LLM Provider NOT provided" in said:
        return ModelNotFound(f"{watch.model} names no known provider: write it as provider/model")
    if _MISSING_KEY.search(said) or _is_a(error, "AuthenticationError"):
        return ModelAuthentication(f"{watch.model} needs a key and there is none: set the provider's key")
    kind = type(next(iter(_chain(error)))).__name__
    return ModelError(f"{watch.model} could not be asked ({kind}): check its name, address and key")


def _answered(error: Exception, watch: Watch, status: int) -> ModelError:
    """For a call whose provider answered, with an error or with something odd."""
    code, parameter = _code_and_parameter(error)
    kind = next((kind for name, kind in _BY_LITELLM_CLASS.items() if _is_a(error, name)), None)
    kind = kind or _BY_CODE.get(code or "")
    if kind is None:
        if status < 300:
            # An error event inside a stream; anything else there is a reply that litellm fell over.
            kind = ModelServerError if code is not None else ModelReplyMalformed
        elif status >= 500:
            kind = _BY_STATUS.get(status, ModelServerError)
        else:
            kind = _BY_STATUS.get(status, ModelRequestRejected)
    details = [f"HTTP {status}"]
    details += [f"{name} {value}" for name, value in (("code", code), ("parameter", parameter)) if value]
    wait = retry_after_seconds(watch.headers) if status >= 400 else None
    return kind(f"{watch.model} {_SAYS[kind]} ({', '.join(details)})", retry_after_seconds=wait)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait that a response asks for, at least 0; None where it asks for none that can be read.

    `Retry-After` is seconds or a date (RFC 9110, 10.2.3); `retry-after-ms` is what OpenAI and Azure add.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    return float(value) if value is not None and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The errors behind an error, the first one raised first."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return reversed(links)


def _is_a(error: Exception, name: str) -> bool:
    """Whether an error, or one behind it, is of the class called `name`."""
    return any(type(link).__name__ == name for link in _chain(error))


def _code_and_parameter(error: Exception) -> tuple[str | None, str | None]:
    """What an error in OpenAI's form says in words for programs."""
    for link in _chain(error):
        body: Any = getattr(link, "body", None)
        if isinstance(body, Mapping):
            return _word(body.get("code")) or _word(body.get("type")), _word(body.get("param"))
    return None, None


def _word(value: object) -> str | None:
    """`value` if it can only be a name, and thus no prompt and no sentence."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None
