import os
from pathlib import Path

import pytest

from qa_service.database import chroma_server, lease_of, open_database
from qa_service.errors import SettingsError
from qa_service.settings import Settings, load_settings, misspelt


def test_everything_has_a_default() -> None:
    settings = load_settings()
    assert settings.data_dir == Path.home() / ".qa-service"
    assert settings.model is None
    assert settings.embedding_model is None
    assert settings.passages == 20


def test_a_variable_sets_the_field_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_PASSAGES", "7")
    monkeypatch.setenv("QA_MODEL", " ollama/llama3 ")
    settings = load_settings()
    assert (settings.passages, settings.model) == (7, "ollama/llama3")


def test_an_empty_variable_is_as_good_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.setenv(f"QA_{field.upper()}", "")
    empty = load_settings()
    for field in Settings.model_fields:
        monkeypatch.delenv(f"QA_{field.upper()}")
    assert empty == load_settings()


def test_the_data_directory_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QA_DATA_DIR", "data")
    assert load_settings().data_dir == tmp_path / "data"
    monkeypatch.setenv("QA_DATA_DIR", "~/data")
    assert load_settings().data_dir == Path.home() / "data"


def test_fallbacks_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_MODEL_FALLBACKS", "a/b, c ,,d")
    assert load_settings().model_fallbacks == ("a/b", "c", "d")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("QA_PASSAGES", "many", "QA_PASSAGES: should be a valid integer"),
        ("QA_PASSAGES", "0", "QA_PASSAGES: should be greater than or equal to 1"),
        ("QA_PASSAGES", "201", "QA_PASSAGES: should be less than or equal to 200"),
        ("QA_ANSWER_SECONDS", "0", "QA_ANSWER_SECONDS: should be greater than 0"),
        ("QA_ANSWER_SECONDS", "nan", "QA_ANSWER_SECONDS: should be a finite number"),
        ("QA_IDLE_SECONDS", "inf", "QA_IDLE_SECONDS: should be a finite number"),
        ("QA_THREADS", "1", "QA_THREADS: should be greater than or equal to 2"),
        ("QA_CHROMA_URL", "localhost:8000", "QA_CHROMA_URL: it should be an address such as http://"),
        ("QA_MODEL_API_BASE", "ftp://x", "QA_MODEL_API_BASE: it should be an address such as http://"),
        ("QA_MAX_UPLOAD_MIB", "64MB", "QA_MAX_UPLOAD_MIB: should be a valid integer"),
        ("QA_DATA_DIR", "~nobody-of-that-name/x", "QA_DATA_DIR: "),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(f"wrong settings: {message}")


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_PASSAGES", "x")
    monkeypatch.setenv("QA_THREADS", "x")
    with pytest.raises(SettingsError, match=r"QA_PASSAGES: .*; QA_THREADS: "):
        load_settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().passages = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("QA_PASAGES", "QA_PASSAGES"), ("QA_MODELS", "QA_MODEL"), ("qa_datadir", "QA_DATA_DIR")],
)
def test_a_misspelt_variable_is_found(name: str, meant: str) -> None:
    assert misspelt(["PATH", "QA_MODEL", name]) == {name: meant}


def test_what_is_no_misspelling_is_let_be() -> None:
    assert misspelt(["QA_EVAL_DATA", "QA_TEAM", "qa_model", "MODEL", *os.environ]) == {}


def test_headers_for_chroma_are_read_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_CHROMA_URL", "https://chroma.example.com")
    monkeypatch.setenv("QA_CHROMA_HEADERS", "Authorization: Bearer abc:def, X-Tenant: one")
    settings = load_settings()
    server = chroma_server(settings)
    assert server
    assert server.headers == {"Authorization": "Bearer abc:def", "X-Tenant": "one"}
    assert "abc" not in f"{settings!r} {settings.model_dump_json()} {server!r} {server}"


@pytest.mark.parametrize(
    "value", ["secret", "secret:", ": secret", "a b: secret", "a: secret,b", "a: sécret"]
)
def test_headers_for_chroma_that_are_none_are_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("QA_CHROMA_HEADERS", value)
    with pytest.raises(SettingsError, match="QA_CHROMA_HEADERS: it should be headers such as") as raised:
        load_settings()
    assert "secret" not in str(raised.value)


def test_only_a_process_with_sqlite_and_its_own_chroma_is_alone(tmp_path: Path, postgres_url: str) -> None:
    alone = Settings(data_dir=tmp_path)
    shared = [
        alone.model_copy(update={"chroma_url": "http://127.0.0.1:1"}),
        alone.model_copy(update={"database_url": postgres_url}),
    ]
    for settings in (alone, *shared):
        database = open_database(settings)
        assert (lease_of(settings, database) is None) == (settings is alone)
        database.close()
