"""Every way in which a provider can fail, played over real connections."""

import socket
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest

from qa_service import errors
from qa_service.errors import ModelError
from qa_service.llm import Deadline, Finish, LiteLLMModel, Message, Piece, Timeouts, Usage
from qa_service.scripted import Fault, Reply, ScriptedProvider
from tests.waiting import until

# litellm ignores this at its import, and pytest undoes that for each test.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

TIMEOUTS = Timeouts(connect_seconds=0.5, first_token_seconds=1.0, idle_seconds=0.5)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    LiteLLMModel("openai/scripted", timeouts=TIMEOUTS).warm()


def model(
    api_base: str,
    *,
    timeouts: Timeouts = TIMEOUTS,
    api_key: str = "any",
    max_retries: int = 0,
    fallbacks: Sequence[str] = (),
) -> LiteLLMModel:
    return LiteLLMModel(
        "openai/scripted",
        timeouts=timeouts,
        api_base=api_base,
        api_key=api_key,
        max_retries=max_retries,
        fallbacks=fallbacks,
    )


def ask(model: LiteLLMModel, *, seconds: float = 2.0) -> tuple[list[Piece], ModelError | None]:
    """All that came, and how it failed; fails itself where that took longer than it may."""
    pieces: list[Piece] = []
    failure = None
    began = time.monotonic()
    try:
        messages = [Message("user", "Who was it?")]
        pieces.extend(model.stream(messages, max_tokens=9, deadline=Deadline(seconds)))
    except ModelError as error:
        failure = error
    assert time.monotonic() - began < seconds + 1
    return pieces, failure


BEFORE: list[tuple[Fault, type[ModelError]]] = [
    ("rate_limited", errors.ModelRateLimited),
    ("server_error", errors.ModelServerError),
    ("overloaded", errors.ModelOverloaded),
    ("unauthorized", errors.ModelAuthentication),
    ("model_not_found", errors.ModelNotFound),
    ("context_overflow", errors.ContextOverflow),
    ("blocked", errors.ModelRefused),
    ("refusal", errors.ModelRefused),
    ("reset", errors.ModelConnectionReset),
    ("closed", errors.ModelConnectionReset),
    ("truncated", errors.ModelTruncated),
    ("empty", errors.ModelReplyEmpty),
    ("hang", errors.ModelFirstTokenTimeout),
    ("drip", errors.ModelFirstTokenTimeout),
    ("drip_headers", errors.ModelFirstTokenTimeout),
    ("malformed_json", errors.ModelReplyMalformed),
    ("wrong_content_type", errors.ModelReplyContentType),
]
AFTER: list[tuple[Fault, type[ModelError]]] = [
    ("rate_limited", errors.ModelRateLimited),
    ("server_error", errors.ModelServerError),
    ("overloaded", errors.ModelOverloaded),
    ("context_overflow", errors.ContextOverflow),
    ("blocked", errors.ModelRefused),
    ("refusal", errors.ModelRefused),
    ("reset", errors.ModelTruncated),
    ("closed", errors.ModelTruncated),
    ("truncated", errors.ModelTruncated),
    ("hang", errors.ModelIdleTimeout),
    ("drip", errors.ModelIdleTimeout),
    ("malformed_json", errors.ModelReplyMalformed),
    ("wrong_content_type", errors.ModelTruncated),
]


@pytest.mark.parametrize(("fault", "kind"), BEFORE)
def test_a_fault_before_the_first_token_has_an_error_of_its_own(fault: Fault, kind: type[ModelError]) -> None:
    with ScriptedProvider([Reply("one two three", fault=fault)]) as provider:
        pieces, failure = ask(model(provider.url))
        assert pieces == []
        assert type(failure) is kind
        until(lambda: provider.requests)  # on a busy machine it may be read when nobody waits for it any more


@pytest.mark.parametrize(("fault", "kind"), AFTER)
def test_a_fault_in_mid_reply_is_never_taken_for_its_end_nor_tried_again(
    fault: Fault, kind: type[ModelError]
) -> None:
    with ScriptedProvider([Reply("one two three", fault=fault, after=2)]) as provider:
        pieces, failure = ask(model(provider.url, max_retries=2, fallbacks=["openai/other"]))
        assert pieces == ["one", " two"]
        assert type(failure) is kind


@pytest.mark.parametrize("fault", ["hang", "drip", "drip_headers"])
def test_the_deadline_ends_a_call_before_its_time_outs_do(fault: Fault) -> None:
    with ScriptedProvider([Reply("one two", fault=fault)]) as provider:
        began = time.monotonic()
        _, failure = ask(model(provider.url, timeouts=Timeouts(9, 9, 9)), seconds=0.3)
        assert type(failure) is errors.ModelDeadlineExceeded
        assert time.monotonic() - began < 0.8
        until_dropped(provider)


def test_the_deadline_ends_a_reply_that_goes_on_and_on() -> None:
    with ScriptedProvider([Reply("word " * 200, delay_seconds=0.05)]) as provider:
        pieces, failure = ask(model(provider.url), seconds=0.5)
        assert pieces
        assert type(failure) is errors.ModelDeadlineExceeded
        until_dropped(provider)


def test_a_reply_at_its_limit_of_tokens_is_not_complete_and_says_what_it_consumed() -> None:
    with ScriptedProvider([Reply("one two", finish_reason="length", usage=(10, 2))]) as provider:
        pieces, failure = ask(model(provider.url))
        assert pieces == ["one", " two"]
        assert type(failure) is errors.ModelLengthLimit
        assert failure.usage == Usage(10, 2, None)


def test_a_port_that_nothing_listens_at_is_a_refused_connection() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    _, failure = ask(model(f"http://127.0.0.1:{port}/v1"))
    assert type(failure) is errors.ModelConnectionRefused


def test_a_host_that_is_not_in_dns_is_unresolved() -> None:
    _, failure = ask(model("http://no-such-host.invalid/v1", timeouts=Timeouts(5, 5, 5)), seconds=6)
    assert type(failure) is errors.ModelHostUnresolved


def test_a_server_without_tls_behind_https_is_a_failure_of_tls() -> None:
    with ScriptedProvider() as provider:
        _, failure = ask(model(provider.url.replace("http:", "https:")))
        assert type(failure) is errors.ModelTLSFailed


def test_a_server_that_never_shakes_hands_is_a_connect_time_out() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        _, failure = ask(model(f"https://127.0.0.1:{server.getsockname()[1]}/v1"))
        assert type(failure) is errors.ModelConnectTimeout


@pytest.mark.parametrize(
    "name", ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.0-flash", "ollama_chat/llama3"]
)
def test_the_time_outs_hold_for_providers_of_other_wires(name: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        api_base = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        asked = LiteLLMModel(name, timeouts=Timeouts(2, 0.4, 0.3), api_base=api_base, api_key="any")
        _, failure = ask(asked, seconds=4)
        assert type(failure) is errors.ModelFirstTokenTimeout


def test_a_server_that_accepts_no_connection_is_a_connect_time_out() -> None:
    with full_server() as port:
        _, failure = ask(model(f"http://127.0.0.1:{port}/v1"))
        assert type(failure) is errors.ModelConnectTimeout


@pytest.mark.parametrize(
    "address", ["nowhere", "ftp://127.0.0.1/v1", "http://[::1/v1", "http://127.0.0.1:x/"]
)
def test_an_absurd_address_is_an_error_of_the_model(address: str) -> None:
    _, failure = ask(model(address))
    assert isinstance(failure, ModelError)


@pytest.mark.parametrize("name", ["scripted", "nobody/scripted"])
def test_a_name_without_a_known_provider_is_a_model_that_is_not_found(name: str) -> None:
    _, failure = ask(LiteLLMModel(name, timeouts=TIMEOUTS))
    assert type(failure) is errors.ModelNotFound


def test_a_missing_key_is_a_matter_of_authentication(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    _, failure = ask(LiteLLMModel("anthropic/claude-sonnet-4-5", timeouts=TIMEOUTS))
    assert type(failure) is errors.ModelAuthentication


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "overloaded", "reset"])
def test_a_passing_fault_is_tried_again(fault: Fault) -> None:
    with ScriptedProvider([Reply(fault=fault), Reply(fault=fault), "Ada."]) as provider:
        pieces, failure = ask(model(provider.url, max_retries=2), seconds=5)
        assert failure is None
        assert pieces[0] == "Ada."


@pytest.mark.parametrize(
    "fault", ["unauthorized", "model_not_found", "context_overflow", "blocked", "refusal", "empty", "hang"]
)
def test_a_lasting_fault_is_not_tried_again(fault: Fault) -> None:
    with ScriptedProvider([Reply("one", fault=fault)]) as provider:
        _, failure = ask(model(provider.url, max_retries=2))
        assert failure is not None


def test_retries_come_to_an_end() -> None:
    with ScriptedProvider([Reply(fault="overloaded")] * 3) as provider:
        _, failure = ask(model(provider.url, max_retries=2), seconds=5)
        assert type(failure) is errors.ModelOverloaded


def test_the_wait_that_the_provider_asks_for_is_kept() -> None:
    with ScriptedProvider([Reply(fault="rate_limited", retry_after_seconds=0.7), "Ada."]) as provider:
        _, failure = ask(model(provider.url, max_retries=1), seconds=5)
        assert failure is None
        first, second = provider.requests
        assert second.at - first.at >= 0.7


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    with ScriptedProvider([Reply(fault="rate_limited", retry_after_seconds=60)]) as provider:
        began = time.monotonic()
        _, failure = ask(model(provider.url, max_retries=1), seconds=5)
        assert time.monotonic() - began < 1
        assert type(failure) is errors.ModelRateLimited
        assert failure.retry_after_seconds == 60


def test_a_fallback_takes_over_and_signs_its_reply() -> None:
    with ScriptedProvider([Reply(fault="unauthorized"), Reply("Ada.", usage=(9, 2))]) as provider:
        pieces, _ = ask(model(provider.url, fallbacks=["openai/second"]))
        assert pieces == ["Ada.", Finish("stop", Usage(9, 2, None), "openai/second")]
        assert [request.body["model"] for request in provider.requests] == ["scripted", "second"]


def test_what_a_model_consumed_in_vain_is_counted_with_its_fallbacks_reply() -> None:
    with ScriptedProvider([Reply(fault="empty", usage=(10, 3)), Reply("Ada.", usage=(9, 2))]) as provider:
        pieces, _ = ask(model(provider.url, fallbacks=["openai/second"]))
        assert pieces[-1] == Finish("stop", Usage(19, 5, None), "openai/second")


def test_what_all_models_consumed_in_vain_is_told_with_the_last_failure() -> None:
    with ScriptedProvider([Reply(fault="empty", usage=(10, 3))] * 2) as provider:
        _, failure = ask(model(provider.url, fallbacks=["openai/second"]))
        assert failure is not None
        assert failure.usage == Usage(20, 6, None)


def test_the_last_fallback_has_the_last_word() -> None:
    with ScriptedProvider([Reply(fault="unauthorized"), Reply(fault="overloaded")]) as provider:
        _, failure = ask(model(provider.url, fallbacks=["openai/second"]))
        assert type(failure) is errors.ModelOverloaded
        assert "openai/second" in str(failure)


def test_no_fallback_is_asked_what_a_model_refused() -> None:
    with ScriptedProvider([Reply(fault="refusal")]) as provider:
        _, failure = ask(model(provider.url, fallbacks=["openai/second"]))
        assert type(failure) is errors.ModelRefused


def models_asked(provider: ScriptedProvider) -> list[str]:
    return [request.body["model"] for request in provider.requests]


@pytest.mark.parametrize("fault", ["overloaded", "rate_limited", "reset", "hang"])
def test_a_model_that_failed_in_passing_is_left_alone_while_there_is_another(fault: Fault) -> None:
    with ScriptedProvider([Reply(fault=fault), "Ada.", "Ada."]) as provider:
        asked = model(provider.url, fallbacks=["openai/second"])
        for _ in range(2):
            pieces, failure = ask(asked)
            assert failure is None
            assert isinstance(pieces[-1], Finish)
            assert pieces[-1].model == "openai/second"
        assert models_asked(provider) == ["scripted", "second", "second"]


@pytest.mark.parametrize("fault", ["unauthorized", "context_overflow"])
def test_a_model_that_failed_for_a_lasting_reason_is_asked_again(fault: Fault) -> None:
    with ScriptedProvider([Reply(fault=fault), "Ada.", "Ada."]) as provider:
        asked = model(provider.url, fallbacks=["openai/second"])
        ask(asked)
        ask(asked)
        assert models_asked(provider) == ["scripted", "second", "scripted"]


def test_a_model_is_asked_again_after_the_time_that_its_provider_named() -> None:
    with ScriptedProvider([Reply(fault="rate_limited", retry_after_seconds=0.3), *["Ada."] * 3]) as provider:
        asked = model(provider.url, fallbacks=["openai/second"])
        ask(asked)
        ask(asked)
        time.sleep(0.3)
        ask(asked)
        assert models_asked(provider) == ["scripted", "second", "second", "scripted"]


def test_where_all_models_failed_they_are_all_asked_again() -> None:
    with ScriptedProvider([*[Reply(fault="overloaded")] * 2, "Ada."]) as provider:
        asked = model(provider.url, fallbacks=["openai/second"])
        ask(asked)
        ask(asked)
        assert models_asked(provider) == ["scripted", "second", "scripted"]


@pytest.mark.parametrize("fault", ["unauthorized", "rate_limited", "server_error", "blocked"])
def test_errors_quote_neither_the_key_nor_what_the_provider_said(fault: Fault) -> None:
    words = "the key sk-secret is wrong for the prompt Who was it?"
    with ScriptedProvider([Reply(words, fault=fault)]) as provider:
        _, failure = ask(model(provider.url, api_key="sk-secret"))
        assert failure is not None
        shown = "".join(traceback.format_exception(failure))
        assert "sk-secret" not in shown
        assert "Who was it?" not in str(failure)
        assert words not in shown


@pytest.mark.parametrize(
    "event",
    [
        "[]",
        '"text"',
        '{"choices": "text"}',
        '{"choices": [5]}',
        '{"error": "text"}',
        '{"error": {"message": 5, "code": []}}',
        "[" * 100_000,
        '{"choices": [], "usage": {"prompt_tokens": "x", "completion_tokens": -1, "total_tokens": null}}',
    ],
)
def test_an_event_of_an_odd_shape_is_a_malformed_reply(event: str) -> None:
    with ScriptedProvider([Reply("one", raw_events=(event,))]) as provider:
        _, failure = ask(model(provider.url))
        assert type(failure) is errors.ModelReplyMalformed


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ModelError)
    ]
    assert len({kind.code for kind in kinds}) == len(kinds)


def until_dropped(provider: ScriptedProvider) -> None:
    assert until(lambda: provider.dropped) == 1


@contextmanager
def full_server() -> Iterator[int]:
    """The port of a server whose queue of connections is full, so that the kernel drops the next."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        time.sleep(0.05)
        try:
            yield server.getsockname()[1]
        finally:
            for client in waiting:
                client.close()
