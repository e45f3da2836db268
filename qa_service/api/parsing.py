"""Requests read into their models; what is off is an `InvalidRequest` that names the field."""

from typing import TypeVar

from flask import request
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from index.errors import InvalidRequest
from qa_service.json_shape import check_shape
from qa_service.requests import Request, explain

R = TypeVar("R", bound=Request)


_BODY_BYTES = 2**22


def body(model: type[R], *, is_upload: bool = False) -> R:
    """The request's JSON body, of 4 MiB at most where it is no upload.

    Of a name that comes twice in an object, the last counts.
    """
    if not request.is_json:
        raise UnsupportedMediaType("send a JSON body, with Content-Type: application/json")
    sent = data(max_bytes=None if is_upload else _BODY_BYTES)
    try:
        return model.model_validate_json(sent, strict=True)
    except ValidationError as error:
        raise explain(error) from None


def data(*, max_bytes: int | None = None) -> bytes:
    """The request's body, measured as JSON before anybody parses it; of `max_bytes`, or all that any request may have.

    Raises `RequestEntityTooLarge`, and `InvalidRequest` where it is too deep or has too many values.
    """
    whole = request.max_content_length
    request.max_content_length = (
        min(each for each in (max_bytes, whole) if each) if max_bytes or whole else None
    )
    sent = request.get_data()
    if request.content_length is None and len(sent) == request.max_content_length:
        raise RequestEntityTooLarge  # what is sent in pieces is cut off there
    check_shape(sent)
    return sent


def query(model: type[R]) -> R:
    """The values behind the `?` of the request's address."""
    values = request.args.to_dict(flat=False)
    if repeated := next((name for name, given in values.items() if len(given) > 1), None):
        raise InvalidRequest(f"{repeated}: send it once")
    try:
        return model.model_validate_strings({name: given[0] for name, given in values.items()})
    except ValidationError as error:
        raise explain(error) from None
