"""The Model Context Protocol: `search` and `ask` as tools for agents."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import Blueprint, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from index.errors import InternalError, QAError
from qa_service.agents.message import refusal
from qa_service.agents.tools import TOOLS, Said, answered, found
from qa_service.answering.answer import Finished
from qa_service.api import answering, guard, parsing, reach
from qa_service.api.context import services
from qa_service.requests import AnswerRequest, AskRequest, Request, SearchRequest, explain
from qa_service.wire import JSON, answer_json, passage_json

blueprint = Blueprint("agents", __name__)

R = TypeVar("R", bound=Request)

_MAX_BYTES = 2**20
"""The longest request: nothing that a tool takes is nearly as long."""

log = logging.getLogger(__name__)


@blueprint.post("/mcp")
def call() -> Response:
    """One message of a client, by the streamable HTTP transport: a POST for each, and no session."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send a JSON body, with Content-Type: application/json")
    body = parsing.data(max_bytes=_MAX_BYTES)
    if refused := refusal(body):
        return Response(json.dumps(refused) + "\n", 400, content_type="application/json")
    from qa_service.agents import door  # it costs most of a second, which nobody else has to wait for

    tools = [tool for tool in TOOLS if guard.may(tool.name)]
    reply = door.exchange(tools, _called, path=request.path, headers=request.headers.items(), body=body)
    response = Response(reply.body, reply.status)
    del response.headers["Content-Type"]
    if reply.media_type:
        response.headers["Content-Type"] = reply.media_type
    return response


def _called(name: str, arguments: JSON) -> Said | None:
    """The result of a call. An error is one too: an agent reads it and can do better."""
    tool = _CALLS.get(name)
    try:
        return tool(arguments) if tool else None
    except QAError as error:
        if error.status >= 500:
            log.warning("%s: %s", error.code, error)
        return Said(error.public)
    except Exception as error:
        log.exception("a tool failed", exc_info=error)
        return Said(str(InternalError("something went wrong here; the log says what")))


def _ask(arguments: JSON) -> Said:
    guard.require("ask")
    asked = _read(AskRequest, arguments)
    wanted = reach.within(AnswerRequest(**asked.model_dump(exclude_unset=True)))
    answer = answering.folded(
        wanted, lambda events: next(event.answer for event in events if isinstance(event, Finished))
    )
    return answered(answer_json(answer), site=reach.site())


def _search(arguments: JSON) -> Said:
    guard.require("search")
    passages = services().search(reach.within(_read(SearchRequest, arguments)))
    return found([passage_json(each) for each in passages], site=reach.site())


def _read(model: type[R], arguments: JSON) -> R:
    try:
        return model.model_validate(arguments, strict=True)
    except ValidationError as error:
        raise explain(error) from None


_CALLS: Mapping[str, Callable[[JSON], Said]] = {"ask": _ask, "search": _search}
