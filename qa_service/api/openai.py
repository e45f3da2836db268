"""The OpenAI shape: chat completions and models, which are the collections that the caller may ask."""

import secrets
import time

from flask import Blueprint, Response, jsonify

from index.errors import NotFound, QAError
from qa_service.answering.answer import Event, Finished
from qa_service.api import answering, problems, reach
from qa_service.api.context import services
from qa_service.api.parsing import body
from qa_service.api.sse import frame
from qa_service.openai.requests import ChatRequest, unknown
from qa_service.openai.wire import Completion, error_json, models_json
from qa_service.replies import problem_json
from qa_service.requests import AnswerRequest

blueprint = Blueprint("openai", __name__, url_prefix="/v1")
problems.register(blueprint, reshape=error_json)


@blueprint.post("/chat/completions")
def chat() -> Response:
    """Answer the last message of a chat, as a completion or as a stream of its chunks."""
    wanted = body(ChatRequest)
    asked = _within(wanted)
    completion = Completion(
        f"chatcmpl-{secrets.token_hex(12)}",
        model=asked.collection,
        created=int(time.time()),
        site=reach.site(),
        has_sources=wanted.sources is not False,
        complete=reach.linker(),
    )
    chunks = _Chunks(completion, include_usage=wanted.include_usage) if wanted.stream else None
    return answering.reply(asked, whole=completion.whole, encoding=chunks)


@blueprint.get("/models")
def models() -> Response:
    """The collections that the caller may ask."""
    return jsonify(models_json(reach.collections()))


class _Chunks:
    def __init__(self, completion: Completion, *, include_usage: bool) -> None:
        self._completion = completion
        self._include_usage = include_usage

    def frames(self, event: Event) -> str:
        chunks = self._completion.chunks(event, include_usage=self._include_usage)
        end = "data: [DONE]\n\n" if isinstance(event, Finished) else ""
        return "".join(map(frame, chunks)) + end

    def error(self, error: QAError) -> str:
        return frame(error_json(problem_json(error)))


def _within(wanted: ChatRequest) -> AnswerRequest:
    asked = wanted.asked()
    try:
        asked = reach.within(asked)
        services().catalog.collection(asked.collection)
    except NotFound:
        raise unknown(asked.collection) from None
    return asked
