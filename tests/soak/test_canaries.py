"""Collections stay apart: a thousand questions after what other collections hold, from keys that are for one."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.embed import Embedder
from index.upload import Upload
from qa_service.access.keys import Rights
from qa_service.api import Access, Context, Streams, create_app
from qa_service.services import Services, opened
from qa_service.settings import Settings
from qa_service.uploads.worker import Worker

COLLECTIONS = 20
QUESTIONS = 1000
PAGE = "https://www.example.com"


@pytest.fixture
def services(settings: Settings, embedder: Embedder) -> Iterator[Services]:
    """Collections that each hold a secret of their own in the same words."""
    with opened(settings, command="pytest", embedder=embedder) as services:
        for at in range(COLLECTIONS):
            text = f"# Team {at}\n\nThe access code of team {at} is {canary(at)}.\n\nTeam {at} meets on Fridays.\n"
            upload = Upload("team.md", "team.md", text.encode())
            list(services.ingestor(services.collection(f"team{at}")).put([upload]))
        yield services


def canary(at: int) -> str:
    return f"zq{at:02d}kestrel{at * 7919 % 1000:03d}"


def test_no_answer_and_no_search_holds_anything_of_another_collection(services: Services) -> None:
    context = Context(
        services, Worker(services), Streams(places=4, heartbeat_seconds=15), Access(is_local=False)
    )
    client = create_app(context).test_client()
    names = [f"team{at}" for at in range(COLLECTIONS)]
    secret = [services.keys.create(f"s{name}", Rights(collections=(name,)))[1] for name in names]
    public = [services.keys.create(f"p{name}", Rights.publishable((name,), (PAGE,)))[1] for name in names]
    documents = [services.catalog.documents(services.collection(name))[0].id for name in names]
    dice = random.Random(1)  # noqa: S311 - it decides which questions are asked
    asked = refused = 0
    for _ in range(QUESTIONS):
        mine, theirs = dice.sample(range(COLLECTIONS), 2)
        shape = dice.choice(["plain", "named", "filtered", "followed", "searched"])
        key = secret[mine] if shape == "searched" else dice.choice((secret, public))[mine]
        reply = ask(client, key, shape, theirs, documents[theirs])
        asked += 1
        if shape == "named":
            assert reply.status_code == 404
            refused += 1
            continue
        assert reply.status_code == 200
        data = reply.get_json()
        shown = json.dumps([data.get("claims"), data["passages"], data.get("citations"), data.get("text")])
        assert canary(theirs) not in shown
        assert {each["document_id"] for each in data["passages"]} <= {documents[mine]}
    assert asked == QUESTIONS
    assert 0 < refused < QUESTIONS / 2
    context.worker.close()


def ask(client: FlaskClient, key: str, shape: str, theirs: int, document_id: str) -> Any:
    question = f"What is the access code of team {theirs}?"
    body: dict[str, Any] = {"question": question}
    if shape == "searched":
        body = {"query": question}
    if shape == "named":
        body["collection"] = f"team{theirs}"
    if shape == "filtered":
        body["filter"] = {"document_id": document_id}
    if shape == "followed":
        said = {"role": "user", "text": f"Tell me of team {theirs} and {canary(theirs)}."}
        body |= {"question": "And what is its access code?", "history": [said]}
    headers = {"Authorization": f"Bearer {key}", "Origin": PAGE}
    path = "/v1/search" if shape == "searched" else "/v1/answers"
    return client.post(path, json=body, headers=headers)
