"""What replies have in common, whoever makes them: headers, and the shape of errors."""

from collections.abc import Mapping

from index.errors import QAError

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Replies are for this service's own pages alone, and are kept by no cache unless they say so themselves."""

PROBLEM_TYPE = "application/problem+json"


def problem_json(error: QAError) -> dict[str, object]:
    """An error as a problem document (RFC 9457)."""
    return problem(error.status, error.code, error.public)


def problem(status: int, code: str, detail: str) -> dict[str, object]:
    """A problem document (RFC 9457)."""
    return {
        "type": "about:blank",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
    }


def readiness_json(reason: str | None, checks: Mapping[str, str]) -> dict[str, object]:
    """Whether requests can be served, what keeps them from it, and the state of each thing that they need."""
    status = {"status": "not ready", "reason": reason} if reason else {"status": "ready"}
    return {**status, "checks": dict(checks)}


def problem_headers(error: QAError) -> dict[str, str]:
    """The headers that go with an error's status."""
    headers = {"Content-Type": PROBLEM_TYPE}
    if seconds := getattr(error, "retry_after_seconds", None):
        headers["Retry-After"] = str(max(1, round(seconds)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return headers
