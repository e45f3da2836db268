"""The remote embedder, through the real litellm, against a server on the loopback."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.embed.remote import RemoteEmbedder
from index.errors import EmbeddingError

ROOT = Path(__file__).parents[2]

Reply = tuple[int, Any]
"""A status and the value to send as JSON."""


@dataclass
class Provider:
    """What the server answers, and what it has been asked."""

    api_base: str = ""
    reply: Callable[[list[str]], Reply] = lambda texts: embeddings([[3.0, 4.0] for _ in texts])
    delay_seconds: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)

    def embedder(self, **options: Any) -> RemoteEmbedder:
        return RemoteEmbedder("openai/test-embedding", api_base=self.api_base, **{"retries": 0, **options})


def embeddings(vectors: list[Any]) -> Reply:
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    return 200, {"object": "list", "model": "test-embedding", "data": data, "usage": {"total_tokens": 1}}


def failure(status: int) -> Callable[[list[str]], Reply]:
    return lambda _: (status, {"error": {"message": "no", "type": "test", "code": str(status)}})


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            provider.requests.append({"path": self.path, **body})
            time.sleep(provider.delay_seconds)
            status, value = provider.reply(body["input"])
            payload = json.dumps(value).encode()
            # a client that timed out has closed the connection
            with suppress(ConnectionError):
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        # closing the server waits for its handlers, so that none outlives its test
        daemon_threads = False

    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        provider.api_base = f"http://127.0.0.1:{server.server_port}/v1"
        yield provider
        server.shutdown()


def test_vectors_are_scaled_to_unit_length(provider: Provider) -> None:
    vectors = provider.embedder().embed(["a", "b"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6)


def test_texts_are_sent_without_the_local_models_prefixes(provider: Provider) -> None:
    embedder = provider.embedder()
    embedder.embed(["a"])
    embedder.embed_query("b")
    assert [request["input"] for request in provider.requests] == [["a"], ["b"]]


def test_texts_are_sent_in_batches_and_their_vectors_come_back_in_order(provider: Provider) -> None:
    provider.reply = lambda texts: embeddings([[float(text), 1.0] for text in texts])
    vectors = provider.embedder(batch_size=2).embed(["1", "2", "3", "4", "5"])
    assert [len(request["input"]) for request in provider.requests] == [2, 2, 1]
    np.testing.assert_allclose(vectors[:, 0] / vectors[:, 1], [1, 2, 3, 4, 5], rtol=1e-5)


def test_vectors_are_put_in_the_order_of_their_indices(provider: Provider) -> None:
    def reversed_reply(texts: list[str]) -> Reply:
        status, value = embeddings([[float(text), 1.0] for text in texts])
        return status, {**value, "data": value["data"][::-1]}

    provider.reply = reversed_reply
    vectors = provider.embedder().embed(["1", "2", "3"])
    np.testing.assert_allclose(vectors[:, 0] / vectors[:, 1], [1, 2, 3], rtol=1e-5)


def test_nuls_and_lone_surrogates_are_not_sent(provider: Provider) -> None:
    provider.embedder().embed(["a\x00b\ud800c"])
    assert provider.requests[0]["input"] == ["abc"]


def test_the_dimension_is_learnt_from_the_first_reply(provider: Provider) -> None:
    embedder = provider.embedder()
    embedder.embed(["a"])
    assert embedder.dimension == 2
    assert len(provider.requests) == 1


def test_the_dimension_is_asked_for_where_there_was_no_reply_yet(provider: Provider) -> None:
    assert provider.embedder().dimension == 2


def test_no_texts_have_no_vectors(provider: Provider) -> None:
    assert provider.embedder().embed([]).shape == (0, 2)


def test_the_address_may_come_from_the_environment(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", provider.api_base)
    assert RemoteEmbedder("openai/test-embedding").embed(["a"]).shape == (1, 2)


def test_a_refused_key_is_reported_with_the_variable_to_set(provider: Provider) -> None:
    provider.reply = failure(401)
    with pytest.raises(EmbeddingError, match=r"openai/test-embedding.*OPENAI_API_KEY.*QA_EMBEDDING_MODEL"):
        provider.embedder(retries=2).embed(["a"])
    assert len(provider.requests) == 1


def test_a_missing_key_is_reported_with_the_variable_to_set(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(EmbeddingError, match="set OPENAI_API_KEY"):
        provider.embedder(retries=2).embed(["a"])


def test_a_rate_limit_is_reported(provider: Provider) -> None:
    provider.reply = failure(429)
    with pytest.raises(EmbeddingError, match="over its rate limit"):
        provider.embedder().embed(["a"])


def test_a_fault_of_the_server_is_reported(provider: Provider) -> None:
    provider.reply = failure(500)
    with pytest.raises(EmbeddingError, match=r"'openai/test-embedding' failed .*500"):
        provider.embedder().embed(["a"])


def test_an_unreachable_server_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    embedder = RemoteEmbedder("openai/test-embedding", api_base="http://127.0.0.1:9/v1", retries=0)
    with pytest.raises(EmbeddingError, match="failed"):
        embedder.embed(["a"])


def test_an_unknown_model_is_reported() -> None:
    with pytest.raises(EmbeddingError, match=r"'no-such-model' failed.*QA_EMBEDDING_MODEL"):
        RemoteEmbedder("no-such-model").embed(["a"])


def test_a_passing_fault_is_overcome_by_trying_again(provider: Provider) -> None:
    def reply(texts: list[str]) -> Reply:
        # the client's own second try fails too, so that it is ours that succeeds
        return failure(503)(texts) if len(provider.requests) <= 2 else embeddings([[1.0, 0.0]])

    provider.reply = reply
    assert provider.embedder(retries=1).embed(["a"]).shape == (1, 2)


def test_a_slow_server_is_given_up(provider: Provider) -> None:
    provider.delay_seconds = 0.5
    with pytest.raises(EmbeddingError, match=r"did not reply in 0\.1 s"):
        provider.embedder(timeout_seconds=0.1).embed(["a"])


def test_a_missing_vector_is_reported(provider: Provider) -> None:
    provider.reply = lambda _: embeddings([[1.0, 0.0]])
    with pytest.raises(EmbeddingError, match="1 vectors for 2 texts"):
        provider.embedder().embed(["a", "b"])


def test_a_change_of_dimension_is_reported(provider: Provider) -> None:
    embedder = provider.embedder()
    embedder.embed(["a"])
    provider.reply = lambda _: embeddings([[1.0, 0.0, 0.0]])
    with pytest.raises(EmbeddingError, match="dimension 3 after vectors of dimension 2"):
        embedder.embed(["a"])


@pytest.mark.parametrize("vector", [[float("nan"), 1.0], [float("inf"), 1.0], [0.0, 0.0]])
def test_a_vector_without_a_direction_is_reported(provider: Provider, vector: list[float]) -> None:
    provider.reply = lambda _: embeddings([vector])
    with pytest.raises(EmbeddingError, match="not finite or is all zeros"):
        provider.embedder().embed(["a"])


@pytest.mark.parametrize(
    "vectors",
    [[[1.0, 0.0], [1.0]], [[], []], [["x"], ["y"]], [None, None], [1.0, 1.0], ["AACAPw==", "AACAPw=="]],
)
def test_what_is_no_vector_is_reported(provider: Provider, vectors: list[Any]) -> None:
    provider.reply = lambda _: embeddings(vectors)
    with pytest.raises(EmbeddingError, match="openai/test-embedding"):
        provider.embedder().embed(["a", "b"])


def test_nothing_is_printed_when_a_request_fails(
    provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    provider.reply = failure(401)
    with pytest.raises(EmbeddingError):
        provider.embedder().embed(["a"])
    assert capfd.readouterr() == ("", "")


def test_litellm_is_not_imported_before_the_first_request() -> None:
    code = (
        "import sys, index.embed.remote as r; r.RemoteEmbedder('openai/x'); print('litellm' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
