"""Requests read into their models; what is off is an `InvalidRequest` that names the field."""

from typing import TypeVar

from flask import request
from pydantic import ValidationError
from werkzeug.datastructures import FileStorage, MultiDict
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

    Raises `RequestEntityTooLarge`, `UnsupportedMediaType` where it is compressed, and `InvalidRequest` where it is
    too deep or has too many values.
    """
    require_plain()
    whole = request.max_content_length
    limit = min(each for each in (max_bytes, whole) if each) if max_bytes or whole else None
    request.max_content_length = limit
    try:
        sent = request.get_data()
        if request.content_length is None and len(sent) == limit:
            raise RequestEntityTooLarge  # what is sent in pieces is cut off there
    except RequestEntityTooLarge:
        setting = " (QA_MAX_UPLOAD_MIB)" if limit == whole else ""
        raise RequestEntityTooLarge(
            f"the body has more than the {_mib(limit)} that this address takes{setting}: send less at a time"
        ) from None
    check_shape(sent)
    return sent


def form() -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """The fields and the files of a form; `RequestEntityTooLarge` says what of it is too large."""
    require_plain()
    try:
        return request.form, request.files
    except RequestEntityTooLarge:
        whole, length = request.max_content_length, request.content_length
        is_too_long = whole is not None and length is not None and length > whole
        limits = [
            f"{request.max_form_parts} parts",
            f"{_mib(request.max_form_memory_size)} in a field that is no file",
        ]
        altogether = f"{_mib(whole)} altogether (QA_MAX_UPLOAD_MIB)"
        told = [altogether] if is_too_long else limits if length is not None else [*limits, altogether]
        raise RequestEntityTooLarge(
            f"the form is too large, it may have {' and '.join(told)}: send less at a time"
        ) from None


def require_plain() -> None:
    """Raise `UnsupportedMediaType` where the body is compressed, or says that it is: nothing is unpacked here."""
    coding = request.headers.get("Content-Encoding", "")
    if coding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            "Content-Encoding: send the body as it is, without an encoding such as gzip"
        )


def _mib(size: int | None) -> str:
    return f"{(size or 0) / 2**20:g} MiB"


def query(model: type[R]) -> R:
    """The values behind the `?` of the request's address."""
    values = request.args.to_dict(flat=False)
    if repeated := next((name for name, given in values.items() if len(given) > 1), None):
        raise InvalidRequest(f"{repeated}: send it once")
    try:
        return model.model_validate_strings({name: given[0] for name, given in values.items()})
    except ValidationError as error:
        raise explain(error) from None
