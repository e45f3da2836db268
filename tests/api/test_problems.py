import gzip
import io
import json
import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from index.errors import EmbeddingError
from qa_service.api import Context, create_app
from qa_service.errors import ModelOverloaded, ModelRateLimited
from qa_service.replies import HEADERS

JSON = {"Content-Type": "application/json"}


def problem(reply: TestResponse) -> dict[str, Any]:
    """The problem document of a reply, which has exactly the documented members and the hardening headers."""
    assert reply.content_type == "application/problem+json"
    found: dict[str, Any] = json.loads(reply.get_data())
    assert list(found) == ["type", "title", "status", "code", "detail"]
    assert found["type"] == "about:blank"
    assert found["status"] == reply.status_code
    assert {name: reply.headers[name] for name in HEADERS} == HEADERS
    return found


def send(client: FlaskClient, body: bytes | str) -> TestResponse:
    return client.post("/v1/answers", data=body, headers=JSON)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "body: this is no JSON: EOF while parsing a value at line 1 column 0"),
        (b"{", "body: this is no JSON: EOF while parsing an object at line 1 column 1"),
        (b"[]", "body: send an object"),
        (b"null", "body: send an object"),
        (b"{}", "question: it is missing"),
        (b"\xff\xfe", "body: this is no JSON: expected value at line 1 column 1"),
        (b'{"question": "\xff"}', "body: this is no JSON: invalid unicode code point at line 1 column 15"),
        (
            b'{"question": "\\ud800"}',
            "body: this is no JSON: unexpected end of hex escape at line 1 column 21",
        ),
        (b'{"question": "a\x01"}', None),
        (b'{"question": ""}', "question: it is empty"),
        (b'{"question": " \\n\\t "}', "question: it is empty"),
        (b'{"question": null}', "question: send a string"),
        (b'{"question": ["a"]}', "question: send a string"),
        (b'{"question": "a", "k": NaN}', "k: send a whole number"),
        (b'{"question": "a", "k": Infinity}', "k: send a whole number"),
        (b'{"question": "a", "k": 1e999}', "k: send a whole number"),
        (b'{"question": "a", "k": 0}', "k: send 1 or more"),
        (b'{"question": "a", "k": 201}', "k: send 200 or less"),
        (b'{"question": "a", "k": ' + b"9" * 5000 + b"}", None),
        (b'{"question": "a", "k": "5"}', "k: send a whole number"),
        (b'{"question": "a", "k": 5.5}', "k: send a whole number"),
        (b'{"question": "a", "k": true}', "k: send a whole number"),
        (b'{"question": "a", "stream": 1}', "stream: send true or false"),
        (b'{"question": "a", "collection": "../x"}', "collection: send 1 to 63 ASCII letters"),
        (b'{"question": "a", "filter": []}', "filter: send an object"),
        (b'{"question": "a", "filter": {"x": 1}}', "filter.x: send a list"),
        (b'{"question": "a", "filter": {"x": [1]}}', "filter.x.0: send a string"),
        (b'{"question": "a", "filter": {"x\\ny": "z"}}', "filter.x\ny: it has control characters"),
        (b'{"question": "a", "questoin": "b"}', "questoin: there is no such field"),
        (b'{"question": "a", "' + b"x" * 100_000 + b'": 1}', "x" * 100 + ": there is no such field"),
        (b"[" * 100_000, "body: the JSON has more than 50000 values"),
        (b'{"a":' * 1000, "body: the JSON is more than 32 levels deep"),
    ],
)
def test_a_request_that_is_off_is_refused_by_the_name_of_the_field(
    reader: FlaskClient, body: bytes, detail: str | None
) -> None:
    found = problem(send(reader, body))
    assert (found["status"], found["code"], found["title"]) == (400, "invalid_request", "invalid request")
    assert found["detail"].startswith(detail or "")
    assert len(found["detail"]) < 300


def test_a_filter_has_limits(reader: FlaskClient) -> None:
    for wanted in (
        {f"{at}": "x" for at in range(21)},
        {"x": ["y"] * 101},
        {"x": "y" * 1001},
        {"x" * 101: "y"},
        {f"{at}": ["y"] * 100 for at in range(20)},
    ):
        reply = reader.post("/v1/search", json={"query": "a", "filter": wanted})
        assert problem(reply)["code"] == "invalid_request"
    largest = {f"{at}": ["y" * 1000] * 50 for at in range(20)}
    assert reader.post("/v1/search", json={"query": "a", "filter": largest}).status_code == 200


def test_of_a_name_that_comes_twice_the_last_counts(reader: FlaskClient) -> None:
    reply = send(reader, b'{"question": "", "question": "How many days of leave?"}')
    assert reply.get_json()["status"] == "answered"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
        max_leaves=10,
    ),
    st.sampled_from(["/v1/answers", "/v1/search", "/v1/documents"]),
    st.sampled_from(["question", "query", "text", "title", "filter", "k", "collection", "metadata"]),
)
def test_no_json_value_makes_the_service_fail(reader: FlaskClient, value: Any, path: str, field: str) -> None:
    for body in (value, {field: value}, {"question": "a", "query": "a", field: value}):
        assert reader.post(path, data=json.dumps(body), headers=JSON).status_code < 500


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/json", "", "x"])
@pytest.mark.parametrize("path", ["/v1/answers", "/v1/search", "/v1/documents"])
def test_another_content_type_than_json_is_not_read(reader: FlaskClient, path: str, kind: str) -> None:
    found = problem(reader.post(path, data=b"{}", headers={"Content-Type": kind}))
    assert (found["status"], found["code"]) == (415, "unsupported_media_type")
    assert "application/json" in found["detail"]


@pytest.mark.parametrize("path", ["/v1/answers", "/v1/documents", "/v1/chat/completions", "/mcp"])
@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "x"])
def test_a_body_that_is_or_calls_itself_compressed_is_not_read(
    reader: FlaskClient, path: str, coding: str
) -> None:
    for data in (b'{"question": "a"}', gzip.compress(b'{"question": "a"}')):
        reply = reader.post(path, data=data, headers={**JSON, "Content-Encoding": coding})
        assert reply.status_code == 415
        assert "unsupported_media_type" in reply.get_data(as_text=True)
        assert "Content-Encoding: send the body as it is" in reply.get_data(as_text=True)


def test_a_compressed_form_is_not_read(reader: FlaskClient) -> None:
    sent = form(b'name="file"; filename="a.txt"\r\n\r\ntext')
    found = problem(reader.post("/v1/documents", headers={"Content-Encoding": "gzip"}, **sent))
    assert (found["status"], found["code"]) == (415, "unsupported_media_type")


def test_the_encoding_of_nothing_is_taken(reader: FlaskClient) -> None:
    for coding in ("identity", "Identity", ""):
        reply = reader.post("/v1/search", json={"query": "leave"}, headers={"Content-Encoding": coding})
        assert reply.status_code == 200


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"]
)
def test_json_may_have_parameters_and_any_case(reader: FlaskClient, kind: str) -> None:
    reply = reader.post("/v1/search", data=b'{"query": "leave"}', headers={"Content-Type": kind})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/answers", {"POST", "OPTIONS"}),
        ("PUT", "/v1/documents", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("PUT", "/v1/documents/x", {"GET", "HEAD", "DELETE", "OPTIONS", "PATCH"}),
        ("POST", "/livez", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_another_method_is_not_allowed(
    reader: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    reply = reader.open(path, method=method)
    assert problem(reply)["code"] == "method_not_allowed"
    assert {each.strip() for each in reply.headers["Allow"].split(",")} == allowed


@pytest.mark.parametrize(
    "path", ["/nosuch", "/v1", "/v1/", "/v1/answers/", "/v1/documents/a/b", "/V1/documents"]
)
def test_another_path_is_not_found(reader: FlaskClient, path: str) -> None:
    found = problem(reader.get(path))
    assert (found["status"], found["code"]) == (404, "not_found")
    assert found["detail"] == "there is nothing at this address"


def test_a_body_over_the_limit_is_too_large(context: Context) -> None:
    small = context.services.settings.model_copy(update={"max_upload_mib": 1})
    context.services.settings = small
    client = create_app(context).test_client()
    body = json.dumps({"title": "a", "text": "x" * 2**20})
    found = problem(client.post("/v1/documents", data=body, headers=JSON))
    assert (found["status"], found["code"]) == (413, "request_too_large")
    assert "more than the 1 MiB that this address takes (QA_MAX_UPLOAD_MIB)" in found["detail"]


def test_a_body_over_the_limit_of_its_address_is_told_that_limit(reader: FlaskClient) -> None:
    found = problem(send(reader, b" " * (2**22 + 1)))
    assert found["detail"] == "the body has more than the 4 MiB that this address takes: send less at a time"


def test_a_body_that_comes_in_pieces_has_the_same_limit(context: Context) -> None:
    context.services.settings = context.services.settings.model_copy(update={"max_upload_mib": 1})
    client = create_app(context).test_client()

    def post(characters: int) -> TestResponse:
        body = json.dumps({"title": "a", "text": "x" * characters}).encode()
        return client.post(
            "/v1/documents",
            input_stream=io.BytesIO(body),
            headers=JSON,
            environ_overrides={"wsgi.input_terminated": True},
        )

    assert problem(post(2**20))["status"] == 413
    assert post(1000).status_code == 202


def form(*parts: bytes) -> dict[str, Any]:
    """A form as it goes over the wire."""
    lines = [b"--x", *[b"Content-Disposition: form-data; " + part + b"\r\n--x" for part in parts]]
    return {"data": b"\r\n".join(lines) + b"--\r\n", "content_type": "multipart/form-data; boundary=x"}


def test_a_form_over_the_limit_is_too_large(context: Context) -> None:
    context.services.settings = context.services.settings.model_copy(update={"max_upload_mib": 1})
    sent = form(b'name="file"; filename="a.txt"\r\n\r\n' + b"x" * 2**20)
    found = problem(create_app(context).test_client().post("/v1/documents", **sent))
    assert found["status"] == 413
    assert "it may have 1 MiB altogether (QA_MAX_UPLOAD_MIB): send" in found["detail"]


@pytest.mark.parametrize(
    "parts", [[b'name="metadata"\r\n\r\n' + b"x" * 2**21], [b'name="source"\r\n\r\nx'] * 1001]
)
def test_a_form_with_too_much_in_a_field_or_too_many_parts_is_too_large(
    client: FlaskClient, parts: list[bytes]
) -> None:
    found = problem(client.post("/v1/documents", **form(*parts)))
    assert found["status"] == 413
    assert "it may have 1000 parts and 1 MiB in a field that is no file: send" in found["detail"]


# Werkzeug leaves the files of a form that it gives up to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "sent",
    [
        {"data": b"", "content_type": "multipart/form-data"},
        {"data": b"", "content_type": "multipart/form-data; boundary=x"},
        {"data": b"nonsense", "content_type": "multipart/form-data; boundary=x"},
        {"data": b"--x\r\n\r\n", "content_type": "multipart/form-data; boundary=x"},
        {
            "data": form(b'name="file"; filename="a.txt"\r\n\r\ntext')["data"][:-10],
            "content_type": "multipart/form-data; boundary=x",
        },
        form(b'filename="a.txt"\r\n\r\ntext'),
        form(b'name="file"\r\n\r\nno file'),
    ],
)
def test_a_broken_form_is_refused(reader: FlaskClient, sent: dict[str, Any]) -> None:
    assert problem(reader.post("/v1/documents", **sent))["code"] == "invalid_request"


SECRET = "the document says: swordfish"


def test_a_bug_is_a_500_that_says_nothing_of_it(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/v1/broken")
    def broken() -> str:
        raise RuntimeError(SECRET)

    found = problem(app.test_client().get("/v1/broken"))
    assert (found["status"], found["code"]) == (500, "internal")
    assert found["detail"] == "something went wrong here; the log says what"
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (ModelRateLimited("busy", retry_after_seconds=6.6), 503, {"Retry-After": "7"}),
        (ModelRateLimited("busy", retry_after_seconds=0.1), 503, {"Retry-After": "1"}),
        (ModelOverloaded("busy"), 503, {}),
        (EmbeddingError("no"), 503, {}),
    ],
)
def test_our_errors_have_their_status_and_say_when_to_come_again(
    app: Flask, error: Exception, status: int, headers: dict[str, str]
) -> None:
    @app.get("/v1/failing")
    def failing() -> str:
        raise error

    reply = app.test_client().get("/v1/failing")
    assert problem(reply)["detail"] == str(error)
    assert reply.status_code == status
    assert {name: value for name, value in reply.headers.items() if name == "Retry-After"} == headers


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/v1/documents"])
def test_head_is_get_without_the_body(reader: FlaskClient, path: str) -> None:
    same = {"X-Request-ID": "same"}
    head, get = reader.head(path, headers=same), reader.get(path, headers=same)
    assert head.get_data() == b""
    assert head.status_code == get.status_code == 200
    assert dict(head.headers) == dict(get.headers)


def test_options_names_the_methods_and_opens_nothing_to_other_sites(reader: FlaskClient) -> None:
    reply = reader.options("/v1/answers")
    assert reply.headers["Allow"].split(", ")
    assert not [name for name, _ in reply.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/livez", None),
        ("GET", "/v1/documents", None),
        ("POST", "/v1/answers", {"question": "How many days of leave?"}),
        ("POST", "/v1/answers", {"question": "How many days of leave?", "stream": True}),
        ("GET", "/nosuch", None),
        ("POST", "/v1/answers", {}),
    ],
)
def test_every_kind_of_reply_has_the_hardening_headers(
    reader: FlaskClient, method: str, path: str, body: object
) -> None:
    reply = reader.open(path, method=method, json=body)
    assert {name: reply.headers[name] for name in HEADERS} == HEADERS
    assert "Server" not in reply.headers
    reply.close()


def test_nothing_of_a_request_is_logged(reader: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="qa_service")
    for body in (
        {"question": SECRET},
        {"question": SECRET, "stream": True},
        {"question": SECRET, "collection": "nosuch"},
        {"question": [SECRET]},
    ):
        reader.post("/v1/answers", json=body, headers={"Authorization": "Bearer sk_swordfish"}).get_data()
        reader.post("/v1/answers", json=body).get_data()
    assert "swordfish" not in caplog.text
