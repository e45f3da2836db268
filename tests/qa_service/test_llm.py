import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from qa_service.errors import Cancelled, ModelNotFound, ModelTruncated
from qa_service.llm import NO_USAGE, Deadline, Finish, LiteLLMModel, Message, Piece, Timeouts, Usage
from qa_service.scripted import Fault, Received, Reply, ScriptedProvider, split_randomly
from tests.waiting import until

# litellm ignores this at its import, and pytest undoes that for each test.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

QUESTION = (Message("system", "Be brief."), Message("user", "Who was it?"))


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    LiteLLMModel("openai/scripted", timeouts=Timeouts()).warm()


def model(
    provider: ScriptedProvider,
    name: str = "openai/scripted",
    *,
    timeouts: Timeouts = Timeouts(5, 5, 5),  # noqa: B008 - it is frozen
    system_role: bool = True,
) -> LiteLLMModel:
    return LiteLLMModel(
        name, timeouts=timeouts, api_base=provider.url, api_key="any", system_role=system_role
    )


def ask(model: LiteLLMModel, content: str = "Who was it?") -> list[Piece]:
    messages = (Message("system", "Be brief."), Message("user", content))
    return list(model.stream(messages, max_tokens=100, deadline=Deadline(10)))


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


def test_a_reply_comes_in_pieces_and_ends_with_a_finish() -> None:
    with ScriptedProvider([Reply("Ada wrote it.", usage=(12, 4))]) as provider:
        assert ask(model(provider)) == [
            "Ada",
            " wrote",
            " it.",
            Finish("stop", Usage(12, 4, None), "openai/scripted"),
        ]


def test_the_request_carries_the_messages_and_the_limit_of_tokens() -> None:
    with ScriptedProvider(["Ada."]) as provider:
        ask(model(provider))
        body = provider.requests[0].body
        assert body["model"] == "scripted"
        assert body["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Who was it?"},
        ]
        assert body["max_tokens"] == 100
        assert body["temperature"] == 0
        assert provider.requests[0].headers["authorization"] == "Bearer any"


def test_pieces_come_as_soon_as_they_are_sent() -> None:
    with ScriptedProvider([Reply("one two three", delay_seconds=0.15)]) as provider:
        began = time.monotonic()
        stream = model(provider).stream(QUESTION, max_tokens=9, deadline=Deadline(10))
        assert next(stream) == "one"
        assert time.monotonic() - began < 0.45
        assert len(list(stream)) == 3


def test_characters_cut_between_packets_arrive_whole() -> None:
    text = "Ω — 東京 🗼🏴\U000e0067\U000e007f ñandú"
    with ScriptedProvider([Reply(text, packet_bytes=3)]) as provider:
        assert text_of(ask(model(provider))) == text


@pytest.mark.parametrize("seed", range(3))
def test_a_reply_cut_at_random_arrives_whole(seed: int) -> None:
    text = "[[k3.2]] The bridge opened in 1894.\n\n  [[k1.1]] It is 244 m long — Ω.\n" * 5
    with ScriptedProvider([Reply(pieces=split_randomly(text, seed), packet_bytes=7)]) as provider:
        assert text_of(ask(model(provider))) == text


def test_three_hundred_identical_pieces_are_a_reply() -> None:
    with ScriptedProvider([Reply(pieces=("----",) * 300)]) as provider:
        assert text_of(ask(model(provider))) == "----" * 300


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    event = r'{"choices": [{"index": 0, "delta": {"content": "\ud800"}}]}'
    with ScriptedProvider([Reply("ok", raw_events=(event,))]) as provider:
        assert text_of(ask(model(provider))) == "\ufffdok"


def test_thoughts_are_not_text_but_keep_the_clock_from_running_out() -> None:
    reply = Reply("Ada.", reasoning="well let me see", delay_seconds=0.15)
    with ScriptedProvider([reply]) as provider:
        thinking = model(provider, timeouts=Timeouts(2, 0.5, 0.5))
        assert text_of(ask(thinking)) == "Ada."


def test_a_model_without_a_system_role_gets_one_user_message() -> None:
    with ScriptedProvider(["Ada."]) as provider:
        ask(model(provider, system_role=False))
        (message,) = provider.requests[0].body["messages"]
        assert message["role"] == "user"
        assert "Be brief." in message["content"]
        assert "Who was it?" in message["content"]


def test_the_cost_follows_from_the_usage_where_the_price_is_known() -> None:
    with ScriptedProvider([Reply("Ada.", usage=(1_000_000, 1_000_000))]) as provider:
        finish = ask(model(provider, "openai/gpt-4o-mini"))[-1]
        assert isinstance(finish, Finish)
        assert finish.usage.cost_usd == pytest.approx(0.15 + 0.60)


def test_usage_is_counted_where_the_provider_sends_none() -> None:
    with ScriptedProvider([Reply("Ada wrote it.", usage=None)]) as provider:
        finish = ask(model(provider))[-1]
        assert isinstance(finish, Finish)
        assert finish.usage.prompt_tokens > 5
        assert finish.usage.completion_tokens in range(3, 6)


def test_the_connection_is_used_again() -> None:
    with ScriptedProvider(["one", "two", "three"]) as provider:
        asked = model(provider)
        for _ in range(3):
            ask(asked)
        assert len({request.client_port for request in provider.requests}) == 1


def test_closing_the_stream_hangs_up() -> None:
    with ScriptedProvider([Reply("one two", fault="hang", after=1)]) as provider:
        stream = model(provider).stream(QUESTION, max_tokens=9, deadline=Deadline(10))
        assert next(stream) == "one"
        assert provider.dropped == 0
        stream.close()  # type: ignore[attr-defined]
        until(lambda: provider.dropped == 1, seconds=2)


def cancelled_after(seconds: float, provider: ScriptedProvider) -> float:
    """The seconds from cancelling a call that waits to its end."""
    deadline = Deadline(10)
    ended: list[float] = []

    def ask() -> None:
        with pytest.raises(Cancelled):
            list(
                model(provider, timeouts=Timeouts(9, 9, 9)).stream(QUESTION, max_tokens=9, deadline=deadline)
            )
        ended.append(time.monotonic())

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: bool(provider.requests))
    time.sleep(seconds)
    began = time.monotonic()
    deadline.cancelled.set()
    thread.join(5)
    assert ended, "the call goes on"
    return ended[0] - began


@pytest.mark.parametrize(
    ("fault", "after"), [("hang", 0), ("hang", 1), ("drip", 0), ("drip", 1), ("drip_headers", 0)]
)
def test_a_cancelled_call_hangs_up_at_once_whatever_it_waits_for(fault: Fault, after: int) -> None:
    with ScriptedProvider([Reply("one two", fault=fault, after=after)]) as provider:
        assert cancelled_after(0.1, provider) < 0.5
        until(lambda: provider.dropped == 1, seconds=2)


def test_a_cancelled_call_is_not_tried_again_while_it_waits_for_its_turn() -> None:
    with ScriptedProvider([Reply(fault="rate_limited", retry_after_seconds=5)]) as provider:
        assert cancelled_after(0.1, provider) < 0.5


def test_no_connection_is_waited_for_after_a_call_was_cancelled() -> None:
    deadline = Deadline(10)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:  # it accepts, and never shakes hands
        asked = LiteLLMModel(
            "openai/scripted",
            timeouts=Timeouts(9, 9, 9),
            api_base=f"https://127.0.0.1:{server.getsockname()[1]}/v1",
            api_key="any",
        )
        threading.Timer(0.2, deadline.cancelled.set).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            list(asked.stream(QUESTION, max_tokens=9, deadline=deadline))
        assert time.monotonic() - began < 0.8


def test_the_system_message_is_marked_for_the_cache_where_the_provider_wants_that() -> None:
    with ScriptedProvider() as provider:
        asked = LiteLLMModel(
            "anthropic/claude-sonnet-4-5",
            timeouts=Timeouts(5, 5, 5),
            api_base=provider.url.removesuffix("/v1"),
            api_key="any",
        )
        with pytest.raises(ModelNotFound):  # the provider speaks another wire
            ask(asked)
        (request,) = provider.requests
        assert request.path == "/v1/messages"
        assert request.body["system"] == [
            {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
        ]


def test_usage_adds_up_and_its_cost_is_known_where_both_are() -> None:
    assert Usage(10, 5, 0.25) + Usage(20, 2, 0.5) == Usage(30, 7, 0.75)
    assert Usage(10, 5, None) + Usage(20, 2, 0.5) == Usage(30, 7, None)
    assert Usage(10, 5, 0.25) + NO_USAGE == Usage(10, 5, 0.25)
    assert Usage(10, 5).tokens == 15


def test_a_slow_reader_is_not_an_idle_model() -> None:
    with ScriptedProvider(["one two three"]) as provider:
        stream = model(provider, timeouts=Timeouts(2, 0.3, 0.3)).stream(
            QUESTION, max_tokens=9, deadline=Deadline(10)
        )
        pieces = []
        for piece in stream:
            pieces.append(piece)
            time.sleep(0.4)
        assert text_of(pieces) == "one two three"


def test_sixteen_streams_at_once_get_each_its_own_reply() -> None:
    def echo(request: Received) -> Reply:
        number = request.body["messages"][-1]["content"]
        return Reply(" ".join([number] * 20), usage=(int(number), 20), delay_seconds=0.005)

    with ScriptedProvider(echo) as provider, ThreadPoolExecutor(16) as threads:
        asked = model(provider, timeouts=Timeouts(10, 10, 10))
        replies = list(threads.map(lambda number: ask(asked, str(number)), range(32)))
        for number, pieces in enumerate(replies):
            assert text_of(pieces) == " ".join([str(number)] * 20)
            assert pieces[-1] == Finish("stop", Usage(number, 20, None), "openai/scripted")


def test_one_stream_that_fails_leaves_the_others_alone() -> None:
    def answer(request: Received) -> Reply:
        fails = request.body["messages"][-1]["content"] == "0"
        return Reply("one two three", fault="closed" if fails else None, after=1, delay_seconds=0.02)

    def outcome(number: int) -> str:
        try:
            return text_of(ask(asked, str(number)))
        except ModelTruncated:
            return "truncated"

    with ScriptedProvider(answer) as provider, ThreadPoolExecutor(4) as threads:
        asked = model(provider)
        assert list(threads.map(outcome, range(4))) == ["truncated", *["one two three"] * 3]


GUARDED = """
import sys

def watch(event, arguments):
    if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost"):
        sys.exit(f"asked for {arguments[0]}")
    if event == "socket.connect" and arguments[1][0] != "127.0.0.1":
        sys.exit(f"connected to {arguments[1]}")

sys.addaudithook(watch)
from qa_service.llm import Deadline, LiteLLMModel, Message, Timeouts
assert "litellm" not in sys.modules and "httpx" not in sys.modules
model = LiteLLMModel("openai/meta-llama/scripted", timeouts=Timeouts(), api_base=sys.argv[1], api_key="any")
model.warm()
print(*list(model.stream([Message("user", "Hi")], max_tokens=9, deadline=Deadline(30)))[:-1])
"""


def test_nothing_but_the_model_is_asked_over_the_network() -> None:
    with ScriptedProvider([Reply("Ada.", usage=None)]) as provider:
        done = subprocess.run(
            [sys.executable, "-c", GUARDED, provider.url], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "Ada.\n", "")
