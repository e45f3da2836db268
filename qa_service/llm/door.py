"""The one place where litellm is imported: set up so that it neither asks the network nor keeps logs.

Importing this module takes about four seconds of CPU; `LiteLLMModel` does so when it is first used.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import cast

import httpx
import openai

from qa_service.llm.bounds import told
from qa_service.llm.chat import Message, Usage
from qa_service.llm.transport import WatchedTransport
from qa_service.llm.watch import Timeouts

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the network for prices
os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # else it takes settings from any .env file around

import litellm
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.types.utils import ModelResponseStream

litellm.suppress_debug_info = True  # else it prints advice to the terminal
litellm.disable_streaming_logging = True  # half of its CPU time per token
litellm.disable_hf_tokenizer_download = True  # else counting tokens may download a tokenizer
litellm.REPEATED_STREAMING_CHUNK_LIMIT = sys.maxsize  # type: ignore[attr-defined] # else 100 equal tokens fail
logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)  # its lines quote prompts; what matters we raise

transport = WatchedTransport()
# The two doors of its own: the OpenAI and Azure SDKs take this client, its other providers that transport.
litellm.client_session = httpx.Client(transport=transport, follow_redirects=True)
litellm.sync_transport = transport

RAISED = (openai.OpenAIError, httpx.HTTPError, ValueError, TypeError, LookupError, AttributeError)
"""What comes out of litellm: nearly always its own children of `openai.OpenAIError`."""

_WARM = "openai/warm"
_GREETING = b"""\
data: {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [\
{"index": 0, "delta": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}

data: [DONE]

"""


def call(
    name: str,
    messages: Sequence[Message],
    *,
    max_tokens: int,
    timeouts: Timeouts,
    options: Mapping[str, object],
) -> CustomStreamWrapper:
    """Begin a streamed reply of the model `name`; the request is sent now.

    `options` are litellm's, by its names. The watch is stricter than the time-outs that are passed on here:
    these are for what litellm does outside our transport. Where the provider caches what it is told to, that is
    the system message: it is the same for all answers. Others cache a common beginning by themselves.
    """
    caches = _caches_on_request(name)
    stream = litellm.completion(
        model=name,
        messages=[_wire(message, cached=caches and message.role == "system") for message in messages],
        max_tokens=max_tokens,
        stream=True,
        stream_options={"include_usage": True},
        timeout=httpx.Timeout(
            max(timeouts.first_token_seconds, timeouts.idle_seconds), connect=timeouts.connect_seconds
        ),
        max_retries=0,
        drop_params=True,
        **options,
    )
    return cast("CustomStreamWrapper", stream)


def _caches_on_request(name: str) -> bool:
    # Gemini would make a cache of its own by another request, and others take the mark for an error.
    return "claude" in name and bool(litellm.utils.supports_prompt_caching(model=name))


def _wire(message: Message, *, cached: bool) -> dict[str, object]:
    if not cached:
        return {"role": message.role, "content": message.content}
    block = {"type": "text", "text": message.content, "cache_control": {"type": "ephemeral"}}
    return {"role": message.role, "content": [block]}


def price(name: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """The price of a call in US dollars by litellm's list, nothing of it cached; None where not known."""
    return _cost_usd(name, litellm.Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens))


def text_of(chunk: ModelResponseStream) -> str:
    """The text that a chunk adds to the reply."""
    return "".join(choice.delta.content for choice in chunk.choices if isinstance(choice.delta.content, str))


def is_token(chunk: ModelResponseStream) -> bool:
    """Whether the model wrote something, be it only a thought."""
    return any(
        choice.delta.content or getattr(choice.delta, "reasoning_content", None) for choice in chunk.choices
    )


def finish_reason(stream: CustomStreamWrapper) -> str | None:
    """Why the provider says that the reply ended; None where it did not say.

    The last chunk is no witness: litellm makes up a "stop" for a stream that was cut.
    """
    return stream.received_finish_reason or stream.intermittent_finish_reason


def usage_of(chunk: ModelResponseStream, name: str) -> Usage | None:
    """The usage of the whole call, where the chunk has it: the provider's count, else litellm's own.

    None also where the provider's figures can't be counts.
    """
    usage = getattr(chunk, "usage", None)
    if usage is None:
        return None
    return told(Usage(usage.prompt_tokens, usage.completion_tokens, _cost_usd(name, usage)))


def _cost_usd(name: str, usage: litellm.Usage) -> float | None:
    """The price by litellm's list, less for what was in the provider's cache; None where not known."""
    try:
        prompt, completion = litellm.cost_per_token(model=name, usage_object=usage)
    except (litellm.exceptions.ModelNotMappedError, OverflowError, *RAISED):
        return None
    return prompt + completion


def warm() -> None:
    """Make a call that never leaves the process, so that the first real one finds everything loaded."""
    canned = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=_GREETING)
    with httpx.Client(transport=httpx.MockTransport(lambda _: canned)) as http_client:
        client = openai.OpenAI(api_key="none", base_url="http://localhost/v1", http_client=http_client)
        messages = [Message("user", "Hello.")]
        options = {"client": client, "api_key": "none"}
        for chunk in call(_WARM, messages, max_tokens=1, timeouts=Timeouts(), options=options):
            usage_of(chunk, _WARM)
