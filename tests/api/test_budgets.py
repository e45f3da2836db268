"""Budgets over HTTP: a key that has spent its day is refused, and others are not."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from index.embed import Embedder
from index.upload import Upload
from qa_service.api import Context, create_app
from qa_service.scripted import Reply, ScriptedProvider
from qa_service.services import Services, opened
from qa_service.settings import Settings

QUESTION = {"question": "How many days of leave do employees have?"}


def test_a_key_that_has_spent_its_day_is_refused_until_midnight_and_others_are_not(
    settings: Settings,
    embedder: Embedder,
    make: Callable[..., Context],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    reply = Reply("[[NONE]] The sources do not say how many days of leave there are.", usage=(9_000, 1_000))
    with ScriptedProvider([reply, reply]) as provider:
        changes = {"model": "openai/scripted", "model_api_base": provider.url, "max_day_tokens": 10_000}
        with opened(settings.model_copy(update=changes), command="pytest", embedder=embedder) as services:
            upload = Upload("hr/leave", "leave.txt", b"Employees have 25 days of leave a year.")
            list(services.ingestor(services.collection("default")).put([upload]))
            context = make(services)
            client = create_app(context).test_client()
            ada, bob = (key(services, name) for name in ("ada", "bob"))
            assert ask(client, ada) == (200, None)
            for stream in (False, True):
                status, seconds = ask(client, ada, stream=stream)
                assert status == 429
                assert 0 < int(seconds or 0) <= 86_400
            assert ask(client, bob) == (200, None)
            context.worker.close()


def key(services: Services, name: str) -> str:
    _, text = services.keys.create(name)
    return text


def ask(client: FlaskClient, key: str, **more: object) -> tuple[int, str | None]:
    reply = client.post("/v1/answers", json={**QUESTION, **more}, headers={"Authorization": f"Bearer {key}"})
    if reply.status_code != 200:
        assert reply.content_type == "application/problem+json"
        assert reply.get_json(force=True)["code"] == "budget_exhausted"
    return reply.status_code, reply.headers.get("Retry-After")
