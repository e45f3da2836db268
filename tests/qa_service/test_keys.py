import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.catalog import Database
from index.errors import InvalidRequest, NotFound
from qa_service.access.keys import Grant, Keys, opened_keys
from qa_service.settings import Settings


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database)


def test_a_key_is_known_by_its_text(keys: Keys) -> None:
    key, text = keys.create("laptop")
    assert keys.verify(text) == Grant(key, "key", False)
    assert (key.name, keys.list()) == ("laptop", [key])


def test_a_key_has_256_random_bits_behind_its_id(keys: Keys) -> None:
    key, text = keys.create("laptop")
    prefix, identifier, secret = text.split("_", 2)
    assert (prefix, identifier) == ("sk", key.id)
    assert len(secret) >= 43


def test_keys_are_never_alike(keys: Keys) -> None:
    assert len({keys.create(f"{at}")[1] for at in range(20)}) == 20


def test_neither_key_nor_secret_is_stored(keys: Keys, database: Database, tmp_path: Path) -> None:
    texts = [keys.create(f"{at}")[1] for at in range(20)]
    database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for text in texts:
        assert text.encode() not in stored
        assert text.split("_", 2)[2].encode() not in stored
        assert hashlib.sha256(text.encode()).hexdigest().encode() in stored


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.text())
def test_no_other_text_is_a_key(keys: Keys, text: str) -> None:
    assert keys.verify(text) is None
    assert keys.verify(f"sk_{text}") is None


def test_a_part_of_a_key_is_no_key(keys: Keys) -> None:
    _, text = keys.create("laptop")
    for wrong in (text[:-1], text + "x", text.upper(), text[3:], f" {text}", text.replace("_", "-")):
        assert keys.verify(wrong) is None


def test_the_secret_of_one_key_does_not_fit_another(keys: Keys) -> None:
    (one, first), (_, second) = keys.create("one"), keys.create("two")
    assert keys.verify(f"sk_{one.id}_{second.split('_', 2)[2]}") is None
    assert keys.verify(first) == Grant(one, "key", False)


def test_keys_exist_once_one_is_made(keys: Keys) -> None:
    assert not keys.exist()
    keys.create("laptop")
    assert keys.exist()


def test_a_revoked_key_is_not_known_any_more(keys: Keys) -> None:
    _, text = keys.create("laptop")
    keys.revoke("laptop")
    assert keys.verify(text) is None
    assert keys.list() == []
    keys.create("laptop")
    assert keys.verify(text) is None


def test_what_is_not_there_can_not_be_revoked(keys: Keys) -> None:
    with pytest.raises(NotFound, match="there is no key 'laptop'"):
        keys.revoke("laptop")


def test_two_keys_can_not_have_one_name(keys: Keys) -> None:
    keys.create("laptop")
    with pytest.raises(InvalidRequest, match="there is a key 'laptop' already: choose another name"):
        keys.create("laptop")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x1b[31m", "x" * 64, "\u202e"])
def test_a_name_must_be_printable_and_short(keys: Keys, name: str) -> None:
    with pytest.raises(InvalidRequest, match="a key needs a name"):
        keys.create(name)


def test_keys_are_made_while_another_process_serves(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    with opened_keys(settings) as serving, opened_keys(settings) as other:
        _, text = other.create("laptop")
        assert serving.verify(text)
        other.revoke("laptop")
        assert not serving.verify(text)
