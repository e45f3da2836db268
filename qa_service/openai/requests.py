"""`POST /v1/chat/completions` as a request of ours: its last question, what was said before, its collection."""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from index.errors import InvalidRequest, NotFound
from qa_service.openai.wire import without_sources
from qa_service.requests import MAX_MESSAGES, AnswerRequest, Message, Name, Request

_MAX_CHARACTERS = 20_000
_MAX_SHOWN = 100
_NAME: TypeAdapter[str] = TypeAdapter(Name)


def _text(content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [
        part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts
    ]
    if all(isinstance(text, str) for text in texts):
        return "\n".join(map(str, texts))
    raise ValueError("send text, as a string or as parts of the type text: nothing else is read")


class _Lenient(Request):
    # Clients of this shape send what their users set for other models: temperature, tools, ...
    model_config = ConfigDict(extra="ignore", frozen=True)


class ChatMessage(_Lenient):
    """A message; those of other roles than `user` and `assistant` are not read."""

    role: str
    content: Annotated[str, BeforeValidator(_text)] = ""


class StreamOptions(_Lenient):
    """What a stream has besides."""

    include_usage: bool | None = None


class ChatRequest(_Lenient):
    """A chat request. `model` names a collection; `sources` says whether the text ends with a list of them.

    Fields that stand nowhere here are ignored: none of them can reach the language model.
    """

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=2000)]
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    sources: bool | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def asked(self) -> AnswerRequest:
        """The last message of the user as a question, after what the user and the assistant said before it.

        Without a model no collection is named. Raises `InvalidRequest` where nothing is asked, and `NotFound`
        where the model's name can't be that of a collection.
        """
        last = max((at for at, each in enumerate(self.messages) if each.role == "user"), default=None)
        if last is None or not self.messages[last].content.strip():
            raise InvalidRequest("messages: send a question, as the last message of the role user")
        earlier = [_message(each) for each in self.messages[:last] if each.role in ("user", "assistant")]
        question, history = self.messages[last].content, earlier[-MAX_MESSAGES:]
        if self.model is None:
            return AnswerRequest(question=question, history=history)
        try:
            collection = _NAME.validate_python(self.model)
        except ValidationError:
            raise unknown(self.model) from None
        return AnswerRequest(question=question, history=history, collection=collection)


def unknown(model: str) -> NotFound:
    """The error for a model that is no collection, or none of the caller's."""
    return NotFound(
        f"there is no model {model[:_MAX_SHOWN]!r} here: name a collection, as GET /v1/models lists them"
    )


def _message(said: ChatMessage) -> Message:
    if said.role == "user":
        return Message(role="user", text=said.content[:_MAX_CHARACTERS])
    return Message(role="assistant", text=without_sources(said.content)[:_MAX_CHARACTERS])
