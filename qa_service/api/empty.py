"""The reply that says that it is done, and no more."""

from flask import Response


def no_content() -> Response:
    """A reply without a body, 204."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response
