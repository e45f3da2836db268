"""Feedback over HTTP, and the evaluation dataset that is made of it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from eval.datasets import suite
from eval.doctor import corpus, examine
from index.catalog import Database, sqlite_url
from index.catalog.tables import answers
from index.embed import Embedder
from index.sync import sync
from qa_service.access.keys import Rights
from qa_service.answering.answer import Finished
from qa_service.api import Context, create_app
from qa_service.clients.local_shelf import LocalShelf
from qa_service.conversations.store import OPERATOR
from qa_service.requests import AnswerRequest
from qa_service.services import Services, opened
from qa_service.settings import Settings
from tests.invoking import invoke

LEAVE = "How long does parental leave last?"
PETS = "On which day may dogs come to the office?"
FILES = {
    "leave.md": "# Leave\n\nEmployees have 25 days of leave a year.\n\nParental leave lasts 12 weeks.\n",
    "pets.txt": "Dogs may come to the office on Fridays.\n\nCats may not come at all.\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of documents."""
    folder = tmp_path / "handbook"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def talk(client: FlaskClient, services: Services, folder: Path) -> FlaskClient:
    """A client of an open service that has the folder."""
    list(sync(LocalShelf(services, "default", on_embedded=lambda *_: None), folder))
    return client


def ask(client: FlaskClient, question: str, **others: Any) -> dict[str, Any]:
    headers = others.pop("headers", {})
    found: dict[str, Any] = client.post(
        "/v1/answers", json={"question": question, **others}, headers=headers
    ).get_json()
    return found


def rate(client: FlaskClient, answer_id: str, rating: str, headers: Any = None, **others: str) -> int:
    body = {"answer_id": answer_id, "rating": rating, **others}
    return client.post("/v1/feedback", json=body, headers=headers).status_code


def export(settings: Settings, *options: str) -> tuple[list[dict[str, Any]], str]:
    result = invoke(settings.data_dir, "feedback", "export", *options)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()], result.stderr.strip()


def test_what_was_said_of_an_answer_is_kept_with_the_question_and_what_was_cited(talk: FlaskClient) -> None:
    answer = ask(talk, LEAVE)
    assert rate(talk, answer["id"], "down", reason="Too short.", corrected="Twelve weeks.") == 204
    (found,) = talk.get("/v1/feedback").get_json()["feedback"]
    citation = answer["citations"][0]
    assert {name: value for name, value in found.items() if name != "created_at"} == {
        "answer_id": answer["id"],
        "rating": "down",
        "reason": "Too short.",
        "corrected": "Twelve weeks.",
        "collection": "default",
        "status": "answered",
        "question": LEAVE,
        "query": LEAVE,
        "answer": " ".join(claim["text"] for claim in answer["claims"]),
        "cited": [
            {name: each[name] for name in ("document_id", "source", "quote")} for each in answer["citations"]
        ],
    }
    assert citation["quote"] in FILES["leave.md"]


def test_a_streamed_answer_can_be_rated_as_soon_as_it_has_come(talk: FlaskClient) -> None:
    frames = talk.post("/v1/answers", json={"question": LEAVE, "stream": True}).get_data(as_text=True)
    answer = json.loads(frames.rpartition("event: done\ndata: ")[2])
    assert rate(talk, answer["id"], "up") == 204


def test_an_answer_does_not_wait_for_whoever_writes_to_the_catalog(
    talk: FlaskClient, settings: Settings
) -> None:
    database = Database(sqlite_url(settings.data_dir / "catalog.sqlite3"))
    with database.write():  # as indexing does, for as long as it takes
        answer = ask(talk, LEAVE)
    assert answer["status"] == "answered"
    assert rate(talk, answer["id"], "up") == 204
    database.close()


def test_the_last_word_counts(talk: FlaskClient) -> None:
    answer = ask(talk, LEAVE)
    assert [rate(talk, answer["id"], rating) for rating in ("up", "down", "up")] == [204] * 3
    assert [each["rating"] for each in talk.get("/v1/feedback").get_json()["feedback"]] == ["up"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"rating": "up"},
        {"answer_id": "a"},
        {"answer_id": "a", "rating": "sideways"},
        {"answer_id": "a", "rating": "up", "stars": 5},
        {"answer_id": "a" * 65, "rating": "up"},
        {"answer_id": "a", "rating": "up", "reason": "a" * 4001},
    ],
)
def test_feedback_that_makes_no_sense_is_refused(client: FlaskClient, wrong: dict[str, Any]) -> None:
    assert client.post("/v1/feedback", json=wrong).status_code == 400


def test_an_answer_that_was_never_given_can_not_be_rated(talk: FlaskClient) -> None:
    for unknown in ("0" * 24, "x", "\u0000", "' OR 1=1"):
        assert rate(talk, unknown, "up") == 404


def test_the_answers_of_one_key_are_rated_with_that_key_alone(talk: FlaskClient, services: Services) -> None:
    one, other = ({"Authorization": f"Bearer {services.keys.create(name)[1]}"} for name in ("one", "other"))
    answer = ask(talk, LEAVE, headers=one)
    assert rate(talk, answer["id"], "up", other) == 404
    assert rate(talk, answer["id"], "up", one) == 204


def test_whoever_is_for_one_collection_sees_what_was_said_there_alone(
    talk: FlaskClient, services: Services
) -> None:
    everything = {"Authorization": f"Bearer {services.keys.create('everything')[1]}"}
    other = {"Authorization": f"Bearer {services.keys.create('other', Rights(collections=('other',)))[1]}"}
    assert rate(talk, ask(talk, LEAVE, headers=everything)["id"], "up", everything) == 204
    assert len(talk.get("/v1/feedback", headers=everything).get_json()["feedback"]) == 1
    assert talk.get("/v1/feedback", headers=other).get_json()["feedback"] == []


def test_feedback_is_listed_page_by_page_the_newest_first(talk: FlaskClient) -> None:
    rated = [ask(talk, LEAVE)["id"] for _ in range(5)]
    for answer_id in rated:
        rate(talk, answer_id, "up")
    found: list[tuple[int, str]] = []
    after: str | None = ""
    while after is not None:
        page = talk.get(
            "/v1/feedback", query_string={"limit": 2, **({"after": after} if after else {})}
        ).get_json()
        found += [(each["created_at"], each["answer_id"]) for each in page["feedback"]]
        after = page["next"]
    assert sorted(found, reverse=True) == found
    assert {each for _, each in found} == set(rated)
    assert talk.get("/v1/feedback?after=x").status_code == 400


def test_what_was_asked_in_a_conversation_goes_with_it(talk: FlaskClient, services: Services) -> None:
    conversation = talk.post("/v1/conversations").get_json()["id"]
    ids = [ask(talk, LEAVE, conversation_id=conversation)["id"] for _ in range(2)]
    assert rate(talk, ids[0], "up") == 204
    talk.delete(f"/v1/conversations/{conversation}")
    assert talk.get("/v1/feedback").get_json()["feedback"] == []
    assert rate(talk, ids[1], "up") == 404


def test_an_answer_that_nobody_rated_has_its_time_and_is_removed(
    talk: FlaskClient,
    services: Services,
    settings: Settings,
    make: Callable[[Services], Context],
    embedder: Embedder,
) -> None:
    rated, old = (ask(talk, LEAVE)["id"] for _ in range(2))
    assert rate(talk, rated, "up") == 204
    database = Database(sqlite_url(settings.data_dir / "catalog.sqlite3"))
    with database.write() as connection:
        connection.execute(
            answers.update().values(created_at=answers.c.created_at - 31 * 24 * 60 * 60 * 1000)
        )
    assert rate(talk, old, "up") == 404
    services.feedback.prune()
    new = ask(talk, PETS)["id"]
    assert rate(talk, new, "up") == 204
    with database.read() as connection:
        assert set(connection.execute(sa.select(answers.c.id)).scalars()) == {rated, new}
    database.close()


@pytest.fixture
def silent(
    settings: Settings, embedder: Embedder, make: Callable[[Services], Context]
) -> Iterator[tuple[FlaskClient, Services]]:
    """A service that keeps no answers."""
    changed = settings.model_copy(update={"feedback_days": 0})
    with opened(changed, command="pytest", embedder=embedder) as services:
        services.collection("default")
        context = make(services)
        yield create_app(context).test_client(), services
        context.worker.close()


def test_with_no_days_nothing_is_kept_and_nothing_can_be_rated(
    silent: tuple[FlaskClient, Services], settings: Settings
) -> None:
    client, _ = silent
    answer = ask(client, LEAVE)
    assert rate(client, answer["id"], "up") == 404
    database = Database(sqlite_url(settings.data_dir / "catalog.sqlite3"))
    with database.read() as connection:
        assert connection.execute(sa.select(answers.c.id)).all() == []
    database.close()


def test_feedback_is_exported_as_a_dataset_that_the_doctor_accepts(
    talk: FlaskClient, settings: Settings, folder: Path, tmp_path: Path
) -> None:
    good, corrected, bad = (ask(talk, each)["id"] for each in (LEAVE, PETS, "Who may have leave?"))
    declined = ask(talk, "Which composer wrote the opera about the barber?")
    assert declined["status"] == "abstained"
    again = ask(talk, LEAVE)["id"]
    for answer_id in (good, declined["id"], again):
        rate(talk, answer_id, "up")
    rate(talk, corrected, "down", corrected="Only on Fridays.")
    rate(talk, bad, "down", reason="It is not what I asked.")
    examples, counted = export(settings)
    assert counted == "3 examples of 5 ratings"
    by_id = {each["id"]: each for each in examples}
    assert by_id.keys() == {again, corrected, declined["id"]}
    assert by_id[again]["evidence"][0] == {"doc": "leave.md", "quote": "Parental leave lasts 12 weeks."}
    assert (by_id[again]["lang"], by_id[again]["answerable"]) == ("en", True)
    assert (by_id[corrected]["answer"], by_id[corrected]["answerable"]) == ("Only on Fridays.", None)
    assert (by_id[declined["id"]]["evidence"], by_id[declined["id"]]["answerable"]) == ([], False)
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(f"{json.dumps(each)}\n" for each in examples))
    found = suite(questions, folder)
    assert examine(found, corpus(found)) == []
    assert export(settings, "--collection", "other") == ([], "0 examples of 0 ratings")


def test_feedback_is_listed_and_deleted_by_command(talk: FlaskClient, settings: Settings) -> None:
    command = partial(invoke, settings.data_dir, "feedback")
    ids = [ask(talk, LEAVE)["id"] for _ in range(2)]
    rate(talk, ids[0], "down", reason="No\x1b[31mway")
    assert command("list").stdout == f"{ids[0]}  down  {LEAVE}  (No[31mway)\n"
    assert command("delete", ids[1]).exit_code == 1
    assert command("delete", ids[0]).stdout == "1 deleted\n"
    assert command("list").stdout == ""
    rate(talk, ids[1], "up")
    assert command("delete", "--all").stdout == "1 deleted\n"
    assert command("delete").exit_code == 2


def test_keys_answers_and_feedback_are_kept_in_postgresql_too(
    settings: Settings,
    embedder: Embedder,
    make: Callable[[Services], Context],
    postgres_url: str,
    folder: Path,
) -> None:
    changed = settings.model_copy(update={"database_url": postgres_url})
    page = "https://www.example.com"
    with opened(changed, command="pytest", embedder=embedder) as services:
        list(sync(LocalShelf(services, "default", on_embedded=lambda *_: None), folder))
        context = make(services)
        client = create_app(context).test_client()
        _, text = services.keys.create("site", Rights.publishable(("default",), (page,)))
        shown = {"Authorization": f"Bearer {text}", "Origin": page}
        assert services.keys.list_origin(page)
        assert not services.keys.list_origin("null")
        token = client.post("/v1/sessions", headers=shown).get_json()["token"]
        conversation = client.post("/v1/conversations", headers=shown).get_json()["id"]
        answers_ = [
            ask(client, LEAVE, headers=shown),
            ask(client, LEAVE, headers={**shown, "Authorization": f"Bearer {token}"}),
            ask(client, LEAVE, headers=shown, conversation_id=conversation),
        ]
        assert [rate(client, each["id"], "up", shown) for each in answers_] == [204] * 3
        assert rate(client, "\u0000", "up", shown) == 404
        assert client.delete(f"/v1/conversations/{conversation}", headers=shown).status_code == 204
        assert {each.answer_id for each in services.feedback.list()} == {each["id"] for each in answers_[:2]}
        (example,) = services.feedback.examples(services.feedback.list())
        assert example["evidence"][0]["doc"] == "leave.md"
        services.keys.revoke("site")
        assert services.feedback.delete_all() == 2
        context.worker.close()


def test_what_was_deleted_is_in_no_file_of_a_service_that_runs(talk: FlaskClient, settings: Settings) -> None:
    canary = "swordfish"
    for arguments in (("delete", ""), ("delete", "--all")):
        answer_id = ask(talk, LEAVE)["id"]
        assert rate(talk, answer_id, "down", corrected=f"It is {canary}.") == 204
        assert holding(settings.data_dir, canary)
        command = [argument or answer_id for argument in arguments]
        assert invoke(settings.data_dir, "feedback", *command).exit_code == 0
        assert holding(settings.data_dir, canary) == []


def holding(folder: Path, word: str) -> list[Path]:
    """The files that hold a word."""
    return [path for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def test_an_answer_from_a_collection_that_is_deleted_meanwhile_is_not_kept(
    services: Services, settings: Settings
) -> None:
    services.collection("default")
    *_, end = services.answer(AnswerRequest(question="Who?", collection="default"), OPERATOR)
    assert isinstance(end, Finished)
    services.delete_collection("default")
    services.feedback.keep(end.answer, OPERATOR, question="Who?", collection="default", conversation_id=None)
    services.feedback.close()
    with (
        closing(Database(sqlite_url(settings.data_dir / "catalog.sqlite3"))) as database,
        database.read() as rows,
    ):
        assert rows.execute(sa.select(answers.c.id)).all() == []
