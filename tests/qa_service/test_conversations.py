"""Conversations in the catalog's database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.catalog import Database, sqlite_url
from index.catalog.tables import conversations, turns
from index.errors import NotFound
from qa_service.conversations.history import Turn
from qa_service.conversations.store import (
    MAX_TURNS,
    OPERATOR,
    Caller,
    Conversations,
    opened_conversations,
)
from qa_service.errors import ConversationFull
from qa_service.settings import Settings

ALICE, BOB, ANYBODY = Caller("a" * 16), Caller("b" * 16), Caller()
A_DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = (
        request.getfixturevalue("postgres_url")
        if request.param == "postgres"
        else sqlite_url(tmp_path / "catalog.sqlite3")
    )
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def kept(database: Database) -> Conversations:
    return Conversations(database, days=30)


def append(kept: Conversations, conversation_id: str, question: str, caller: Caller = ALICE) -> None:
    kept.append(
        conversation_id,
        caller,
        question=question,
        query=f"{question} in full",
        said=f"Said of {question}",
        answer={"text": f"{question} «ответ»", "usage": [1.5]},
    )


def age(database: Database, conversation_id: str, days: float) -> None:
    """Make a conversation older than it is."""
    with database.write() as connection:
        connection.execute(
            conversations.update()
            .where(conversations.c.id == conversation_id)
            .values(updated_at=conversations.c.updated_at - int(days * A_DAY_MS))
        )


def count(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_a_new_conversation_has_no_turns(kept: Conversations) -> None:
    made = kept.create(ALICE)
    assert (made.turns, made.title, made.created_at) == (0, "", made.updated_at)
    assert kept.export(made.id, ALICE) == (made, ())
    assert kept.history(made.id, ALICE) == ()


def test_turns_come_back_whole_and_in_their_order(kept: Conversations) -> None:
    made = kept.create(ALICE)
    append(kept, made.id, "One?")
    append(kept, made.id, "Two?")
    listed, kept_turns = kept.export(made.id, ALICE)
    assert [turn.question for turn in kept_turns] == ["One?", "Two?"]
    assert kept_turns[0].answer == {"text": "One? «ответ»", "usage": [1.5]}
    assert (listed.turns, listed.title) == (2, "One?")
    assert listed.updated_at >= listed.created_at
    assert kept.history(made.id, ALICE) == (
        Turn("One?", "Said of One?", "One? in full"),
        Turn("Two?", "Said of Two?", "Two? in full"),
    )


def test_text_that_a_database_would_refuse_is_kept_without_what_it_refuses(kept: Conversations) -> None:
    made = kept.create(ALICE)
    append(kept, made.id, "a\0b\ud800c")
    assert kept.history(made.id, ALICE)[0].question == "abc"


@pytest.mark.parametrize("stranger", [BOB, ANYBODY])
def test_the_conversations_of_others_are_absent(kept: Conversations, stranger: Caller) -> None:
    made = kept.create(ALICE)
    append(kept, made.id, "One?")
    for use in (
        lambda: kept.history(made.id, stranger),
        lambda: kept.export(made.id, stranger),
        lambda: kept.delete(made.id, stranger),
        lambda: append(kept, made.id, "Two?", stranger),
    ):
        with pytest.raises(NotFound, match=made.id):
            use()
    assert kept.list(stranger) == []
    assert kept.delete_all(stranger) == 0
    assert kept.export(made.id, ALICE)[0].turns == 1


def test_the_operator_sees_the_conversations_of_all_keys_and_of_none(kept: Conversations) -> None:
    made = [kept.create(caller).id for caller in (ALICE, BOB, ANYBODY)]
    assert {each.id for each in kept.list(OPERATOR)} == {*made}
    assert [each.id for each in kept.list(ANYBODY)] == [made[2]]


@pytest.mark.parametrize("wrong", ["", "x", "0" * 28, "../x", "a\0", "é"])
def test_what_is_no_conversation_is_not_found(kept: Conversations, wrong: str) -> None:
    with pytest.raises(NotFound):
        kept.export(wrong, OPERATOR)


def test_a_list_has_pages_the_newest_first(kept: Conversations) -> None:
    made = [kept.create(ALICE).id for _ in range(5)]
    first = kept.list(ALICE, limit=3)
    rest = kept.list(ALICE, limit=3, before=first[-1].id)
    assert (len(first), len(rest)) == (3, 2)
    assert {each.id for each in (*first, *rest)} == {*made}
    assert [each.id for each in (*first, *rest)] == sorted(made, reverse=True)


def test_deleting_a_conversation_removes_its_turns_and_no_others(
    kept: Conversations, database: Database
) -> None:
    gone, stays = kept.create(ALICE), kept.create(ALICE)
    append(kept, gone.id, "One?")
    append(kept, stays.id, "Two?")
    kept.delete(gone.id, ALICE)
    assert [each.id for each in kept.list(ALICE)] == [stays.id]
    assert count(database, turns) == 1
    with pytest.raises(NotFound):
        append(kept, gone.id, "Three?")
    assert count(database, turns) == 1


def test_all_conversations_of_a_caller_are_deleted_at_once(kept: Conversations, database: Database) -> None:
    for caller in (ALICE, ALICE, BOB):
        append(kept, kept.create(caller).id, "One?", caller)
    assert kept.delete_all(ALICE) == 2
    assert len(kept.list(OPERATOR)) == 1
    assert kept.delete_all(OPERATOR) == 1
    assert count(database, turns) == 0


def test_a_conversation_that_has_had_its_time_is_not_shown(kept: Conversations, database: Database) -> None:
    old, young = kept.create(ALICE), kept.create(ALICE)
    age(database, old.id, 30.1)
    age(database, young.id, 29.9)
    assert [each.id for each in kept.list(OPERATOR)] == [young.id]
    with pytest.raises(NotFound):
        kept.export(old.id, ALICE)
    with pytest.raises(NotFound):
        append(kept, old.id, "Late?")


@pytest.mark.parametrize("write", ["create", "append", "prune"])
def test_it_is_removed_with_the_next_write(kept: Conversations, database: Database, write: str) -> None:
    old, young = kept.create(ALICE), kept.create(ALICE)
    append(kept, old.id, "One?")
    age(database, old.id, 31)
    match write:
        case "create":
            kept.create(BOB)
        case "append":
            append(kept, young.id, "Two?")
        case _:
            kept.prune()
    assert count(database, conversations) == {"create": 2, "append": 1, "prune": 1}[write]
    assert count(database, turns) == {"create": 0, "append": 1, "prune": 0}[write]


def test_a_turn_lengthens_the_time_of_its_conversation(kept: Conversations, database: Database) -> None:
    made = kept.create(ALICE)
    age(database, made.id, 29)
    append(kept, made.id, "One?")
    age(database, made.id, 29)
    assert len(kept.history(made.id, ALICE)) == 1


def test_a_full_conversation_says_so(kept: Conversations, database: Database) -> None:
    made = kept.create(ALICE)
    row = {
        "conversation_id": made.id,
        "created_at": 1,
        "question": "?",
        "query": "?",
        "said": "",
        "answer": {},
    }
    with database.write() as connection:
        connection.execute(turns.insert(), [{**row, "ordinal": at} for at in range(1, MAX_TURNS)])
    assert kept.history(made.id, ALICE)
    append(kept, made.id, "The last?")
    with pytest.raises(ConversationFull, match=f"{made.id} has its {MAX_TURNS} turns: begin another"):
        kept.history(made.id, ALICE)


def test_conversations_are_read_while_another_process_serves(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    with opened_conversations(settings) as serving, opened_conversations(settings) as other:
        made = serving.create(ALICE)
        assert [each.id for each in other.list(OPERATOR)] == [made.id]
        other.delete(made.id, OPERATOR)
        assert serving.list(ALICE) == []
