import socket
import time
from collections.abc import Iterator, Mapping

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.scripted import Received, Reply, ScriptedProvider, split_randomly, split_words

ASK: Mapping[str, object] = {"model": "scripted", "messages": [{"role": "user", "content": "Who?"}]}
STREAM: Mapping[str, object] = {**ASK, "stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=2) as client:
        yield client


def post(client: httpx.Client, provider: ScriptedProvider, body: Mapping[str, object]) -> httpx.Response:
    return client.post(f"{provider.url}/chat/completions", json=body)


def test_a_whole_reply_is_in_openai_form(client: httpx.Client) -> None:
    with ScriptedProvider([Reply("Ada.", usage=(7, 2))]) as provider:
        assert post(client, provider, ASK).json() == {
            "id": "chatcmpl-scripted",
            "object": "chat.completion",
            "created": 0,
            "model": "scripted",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Ada."},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
        }


def test_a_streamed_reply_is_in_openai_form(client: httpx.Client) -> None:
    head = '"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": "scripted"'
    usage = '{"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}'
    with ScriptedProvider([Reply("Ada.", usage=(7, 2))]) as provider:
        response = post(client, provider, STREAM)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.text.split("\n\n") == [
        f'data: {{{head}, "choices": [{{"index": 0, "delta": {delta}, "finish_reason": {reason}}}]}}'
        for delta, reason in (
            ('{"role": "assistant", "content": ""}', "null"),
            ('{"content": "Ada."}', "null"),
            ("{}", '"stop"'),
        )
    ] + [
        f'data: {{{head}, "choices": [], "usage": {usage}}}',
        "data: [DONE]",
        "",
    ]


def test_what_is_received_is_recorded(client: httpx.Client) -> None:
    with ScriptedProvider(["Ada."]) as provider:
        client.post(f"{provider.url}/chat/completions", json=ASK, headers={"Authorization": "Bearer key"})
        (request,) = provider.requests
        assert (request.path, request.body) == ("/v1/chat/completions", ASK)
        assert request.headers["authorization"] == "Bearer key"


def test_a_function_can_be_the_script(client: httpx.Client) -> None:
    def echo(request: Received) -> str:
        return str(request.body["messages"][0]["content"])

    with ScriptedProvider(echo) as provider:
        assert post(client, provider, ASK).json()["choices"][0]["message"]["content"] == "Who?"


def test_a_script_that_is_only_partly_played_is_an_error(client: httpx.Client) -> None:
    with (
        pytest.raises(AssertionError, match=r"1 replies were never asked for; the next is 'two'"),
        ScriptedProvider(["one", "two"]) as provider,
    ):
        post(client, provider, ASK)


def test_a_request_after_the_end_of_the_script_is_an_error(client: httpx.Client) -> None:
    with (
        pytest.raises(AssertionError, match="1 requests came after the end"),
        ScriptedProvider([]) as provider,
    ):
        assert post(client, provider, ASK).status_code == 400


def test_an_error_in_the_block_is_not_hidden_by_the_script_that_it_cut_short() -> None:
    with pytest.raises(ZeroDivisionError), ScriptedProvider(["one"]):
        raise ZeroDivisionError


@pytest.mark.parametrize("body", [ASK, STREAM])
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("server_error", 500, "server_error"),
        ("overloaded", 503, "overloaded"),
        ("context_overflow", 400, "context_length_exceeded"),
    ],
)
def test_an_error_has_its_status_and_code(
    client: httpx.Client, body: Mapping[str, object], fault: str, status: int, code: str
) -> None:
    with ScriptedProvider([Reply(fault=fault, retry_after_seconds=1.5)]) as provider:  # type: ignore[arg-type]
        response = post(client, provider, body)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert response.headers["retry-after"] == "1.5"


@pytest.mark.parametrize("body", [ASK, STREAM])
def test_a_reset_is_a_reset(client: httpx.Client, body: Mapping[str, object]) -> None:
    with ScriptedProvider([Reply(fault="reset")]) as provider, pytest.raises(httpx.ReadError):
        post(client, provider, body)


@pytest.mark.parametrize("body", [ASK, STREAM])
@pytest.mark.parametrize("fault", ["hang", "drip_headers"])
def test_a_client_that_gives_up_is_counted(
    client: httpx.Client, body: Mapping[str, object], fault: str
) -> None:
    with ScriptedProvider([Reply(fault=fault)]) as provider:  # type: ignore[arg-type]
        port = int(provider.url.rsplit(":", 1)[1].removesuffix("/v1"))
        with socket.create_connection(("127.0.0.1", port)) as connection:
            content = httpx.Request("POST", provider.url, json=body).content
            head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(content)}\r\n\r\n"
            connection.sendall(head.encode() + content)
            while not provider.requests:
                time.sleep(0.001)
        while not provider.dropped:
            time.sleep(0.001)


@pytest.mark.parametrize("body", [ASK, STREAM])
def test_a_closed_connection_is_a_cut_body(client: httpx.Client, body: Mapping[str, object]) -> None:
    with (
        ScriptedProvider([Reply("one two", fault="closed", after=1)]) as provider,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        post(client, provider, body)


def test_a_reply_that_never_ends_does_not_keep_the_provider_from_ending() -> None:
    with (
        ScriptedProvider([Reply(fault="hang")]) as provider,
        httpx.Client(timeout=0.1) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        post(client, provider, ASK)


def test_embeddings_have_length_1_and_depend_on_the_text_alone(client: httpx.Client) -> None:
    with ScriptedProvider(dimensions=16) as provider:
        body = {"model": "scripted", "input": ["one", "two", "one"]}
        data = client.post(f"{provider.url}/embeddings", json=body).json()["data"]
        one, two, again = (entry["embedding"] for entry in data)
        assert one == again
        assert one != two
        assert sum(value * value for value in one) == pytest.approx(1)
        assert len(one) == 16


def test_the_models_are_listed(client: httpx.Client) -> None:
    with ScriptedProvider() as provider:
        assert [model["id"] for model in client.get(f"{provider.url}/models").json()["data"]] == ["scripted"]


@given(st.text())
def test_words_join_to_the_text(text: str) -> None:
    pieces = split_words(text)
    assert "".join(pieces) == text
    assert all(pieces)


@given(st.text(), st.integers())
def test_random_pieces_join_to_the_text(text: str, seed: int) -> None:
    pieces = split_randomly(text, seed)
    assert "".join(pieces) == text
    assert all(pieces)
