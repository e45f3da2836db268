"""The service over PostgreSQL: what its database will not take, and what callers are told when it is away."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from index.embed import Embedder
from qa_service.api import Context, create_app
from qa_service.services import Services, opened
from qa_service.settings import Settings

Make = Callable[[Services], Context]
PASSWORD = "hunter2-of-the-query"


@pytest.fixture
def service(settings: Settings, postgres_url: str, embedder: Embedder, make: Make) -> Iterator[FlaskClient]:
    """A client of a service with one document, over PostgreSQL."""
    url = f"{postgres_url}&password={PASSWORD}"
    with opened(
        settings.model_copy(update={"database_url": url}), command="pytest", embedder=embedder
    ) as services:
        context = make(services)
        client = create_app(context).test_client()
        sent = {
            "title": "Leave",
            "text": "Employees have 25 days of leave a year.",
            "metadata": {"team": "a"},
        }
        assert client.post("/v1/documents", json=sent).status_code == 202
        yield client
        context.worker.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        *(
            (method, f"/v1/{path}", None)
            for method in ("GET", "DELETE")
            for path in ("documents/%00", "jobs/%00")
        ),
        ("GET", "/v1/documents/%00/text", None),
        ("GET", "/v1/documents?source=%00", None),
        ("GET", "/v1/documents?after=%00", None),
        ("GET", "/v1/collections/%00", None),
        ("POST", "/v1/search", {"query": "a", "filter": {"source": "\0"}}),
        ("POST", "/v1/search", {"query": "\0"}),
        ("POST", "/v1/answers", {"question": "a\0b", "filter": {"document_id": "\0"}}),
        (
            "POST",
            "/v1/documents",
            {"title": "a\0b", "text": "c\0d", "source": "\0", "metadata": {"k\0": "\0"}},
        ),
        ("POST", "/v1/feedback", {"answer_id": "\0", "rating": "up", "comment": "\0"}),
        ("POST", "/v1/keys", {"name": "\0"}),
    ],
)
def test_no_nul_of_a_client_is_a_fault(service: FlaskClient, method: str, path: str, body: Any) -> None:
    reply = service.open(path, method=method, json=body)
    assert reply.status_code < 500, reply.get_data(as_text=True)


def test_while_the_database_is_away_all_is_503_and_says_nothing_of_where_it_is(
    service: FlaskClient, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = sa.make_url(postgres_url).database
    admin = sa.create_engine(sa.make_url(postgres_url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": name},
        )
        try:
            with caplog.at_level(logging.DEBUG):
                replies = [
                    service.get("/v1/documents"),
                    service.get("/v1/models"),
                    service.get("/v1/jobs"),
                    service.post("/v1/answers", json={"question": "How many days of leave?"}),
                ]
        finally:
            connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    admin.dispose()
    for reply in replies:
        text = reply.get_data(as_text=True)
        assert (reply.status_code, "catalog_unreachable" in text) == (503, True), text
        assert int(reply.headers["Retry-After"]) > 0
        assert not any(part in text for part in ("postgres", PASSWORD, "qa@")), text
    assert PASSWORD not in caplog.text
