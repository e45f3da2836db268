"""Budgets over HTTP: a key that has spent its day is refused, and others are not."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.embed import Embedder
from index.upload import Upload
from qa_service.access.budgets import Amount
from qa_service.access.keys import Rights
from qa_service.api import Context, create_app
from qa_service.scripted import Reply, ScriptedProvider
from qa_service.services import Services, opened
from qa_service.settings import Settings

Serve = Callable[..., tuple[Services, FlaskClient]]

PAGE = "https://www.example.com"
QUESTION = {"question": "How many days of leave do employees have?"}
NONE = "[[NONE]] The sources do not say how many days of leave there are."


@pytest.fixture
def serve(
    settings: Settings,
    embedder: Embedder,
    make: Callable[..., Context],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Serve]:
    """Serves a document with settings, and a model each of whose calls consumes an amount of tokens."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")

    @contextmanager
    def served(used: int, **changes: Any) -> Iterator[tuple[Services, FlaskClient]]:
        with ScriptedProvider(lambda _: Reply(NONE, usage=(used - 1, 1))) as provider:
            model = {"model": "openai/scripted", "model_api_base": provider.url}
            with opened(
                settings.model_copy(update=model | changes), command="pytest", embedder=embedder
            ) as services:
                upload = Upload("hr/leave", "leave.txt", b"Employees have 25 days of leave a year.")
                list(services.ingestor(services.collection("default")).put([upload]))
                context = make(services)
                yield services, create_app(context).test_client()
                context.worker.close()

    with ExitStack() as stack:
        yield lambda used, **changes: stack.enter_context(served(used, **changes))


def test_a_key_that_has_spent_its_day_is_refused_until_midnight_and_others_are_not(serve: Serve) -> None:
    services, client = serve(10_000, max_day_tokens=10_000)
    ada, bob = (key(services, name) for name in ("ada", "bob"))
    assert ask(client, ada) == (200, None)
    for stream in (False, True):
        status, seconds = ask(client, ada, stream=stream)
        assert status == 429
        assert 0 < int(seconds or 0) <= 86_400
    assert ask(client, bob) == (200, None)


def test_a_publishable_key_has_a_budget_out_of_the_box_with_its_sessions_and_a_secret_one_has_none(
    serve: Serve,
) -> None:
    services, client = serve(500_000)
    page, other, secret = page_key(services, "page"), page_key(services, "other"), key(services, "secret")
    shown = {"Authorization": f"Bearer {page}", "Origin": PAGE}
    token = client.post("/v1/sessions", headers=shown).get_json()["token"]
    assert [ask(client, each)[0] for each in (page, token, page, token)] == [200, 200, 429, 429]
    assert ask(client, other) == (200, None)
    assert [ask(client, secret)[0] for _ in range(4)] == [200] * 4


@pytest.mark.parametrize(
    ("changes", "page", "secret"),
    [
        ({"publishable_day_tokens": 20_000}, 429, 200),
        ({"publishable_day_tokens": 20_000, "max_day_tokens": 1_000_000}, 429, 200),
        ({"publishable_day_tokens": 1_000_000, "max_day_tokens": 20_000}, 429, 429),
        ({"publishable_day_tokens": 0, "max_day_tokens": 20_000}, 429, 429),
        ({"publishable_day_tokens": 0}, 200, 200),
    ],
)
def test_the_lower_budget_of_a_publishable_key_counts_and_0_is_none_of_its_own(
    serve: Serve, changes: dict[str, int], page: int, secret: int
) -> None:
    services, client = serve(20_000, **changes)
    for text, status in ((page_key(services, "page"), page), (key(services, "secret"), secret)):
        assert [ask(client, text)[0] for _ in range(2)] == [200, status]


def test_what_calls_under_way_may_need_is_reserved_of_a_publishable_keys_budget(serve: Serve) -> None:
    services, client = serve(100)
    made, text = services.keys.create("page", Rights.publishable(("default",), (PAGE,)))
    reservation = services.publishable_budgets.reserve(made.id, Amount(999_999))
    assert ask(client, text) == (429, "5")
    services.publishable_budgets.settle(reservation, Amount(10))
    assert ask(client, text) == (200, None)
    assert services.publishable_budgets.spent(made.id).tokens == 110


def key(services: Services, name: str) -> str:
    _, text = services.keys.create(name)
    return text


def page_key(services: Services, name: str) -> str:
    _, text = services.keys.create(name, Rights.publishable(("default",), (PAGE,)))
    return text


def ask(client: FlaskClient, key: str, **more: object) -> tuple[int, str | None]:
    shown = {"Authorization": f"Bearer {key}", "Origin": PAGE}
    reply = client.post("/v1/answers", json={**QUESTION, **more}, headers=shown)
    if reply.status_code != 200:
        assert reply.content_type == "application/problem+json"
        assert reply.get_json(force=True)["code"] == "budget_exhausted"
    return reply.status_code, reply.headers.get("Retry-After")
