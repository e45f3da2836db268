import json
import os
import stat
from pathlib import Path

import pytest

from index.embed import Embedder
from index.errors import CatalogError, DataDirectoryInUse, InvalidRequest, NotFound, QAError
from index.upload import Upload
from qa_service.conversations.store import OPERATOR
from qa_service.requests import AnswerRequest, SearchRequest
from qa_service.services import Services, opened
from qa_service.settings import Settings


def index(services: Services, text: str) -> None:
    (result,) = services.ingestor(services.collection("default")).put([Upload("a", "a.txt", text.encode())])
    assert result.outcome == "indexed"


def is_sealed(settings: Settings) -> bool:
    """Whether the followers were closed cleanly, so that the next opening need not check them."""
    return (settings.data_dir / "followers" / "closed.json").exists()


def test_what_was_indexed_is_there_when_it_is_opened_again(settings: Settings, embedder: Embedder) -> None:
    with opened(settings, command="pytest", embedder=embedder) as services:
        index(services, "Dogs may come to the office on Fridays.")
    with opened(settings, command="pytest", embedder=embedder) as services:
        (passage,) = services.search(SearchRequest(query="dogs"))
        assert passage.text == "Dogs may come to the office on Fridays."


def test_closing_is_clean(settings: Settings, embedder: Embedder) -> None:
    for _ in range(2):
        with opened(settings, command="pytest", embedder=embedder):
            assert not is_sealed(settings)
        assert is_sealed(settings)


def test_it_is_closed_also_where_the_block_fails(settings: Settings, embedder: Embedder) -> None:
    with pytest.raises(KeyboardInterrupt), opened(settings, command="pytest", embedder=embedder):
        raise KeyboardInterrupt
    assert is_sealed(settings)
    with opened(settings, command="pytest", embedder=embedder):
        pass


def test_a_second_owner_is_refused_by_the_name_of_the_first(settings: Settings, embedder: Embedder) -> None:
    with opened(settings, command="qa index here", embedder=embedder):
        with pytest.raises(DataDirectoryInUse) as raised, opened(settings, command="other"):
            pass
        assert f"in use by 'qa index here' (process {os.getpid()})" in str(raised.value)


def test_what_can_not_be_opened_is_given_up_whole(settings: Settings, embedder: Embedder) -> None:
    (settings.data_dir / "catalog.sqlite3").mkdir()
    for _ in range(2):  # the second time, the lock is free again
        with (
            pytest.raises((QAError, OSError)) as raised,
            opened(settings, command="pytest", embedder=embedder),
        ):
            pass
        assert not isinstance(raised.value, DataDirectoryInUse)


def test_a_data_directory_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CatalogError, match=r"can't be written.*set QA_DATA_DIR to another"),
        opened(Settings(data_dir=tmp_path / "file"), command="pytest"),
    ):
        pass


def test_a_new_data_directory_is_open_to_its_user_only(tmp_path: Path, embedder: Embedder) -> None:
    settings = Settings(data_dir=tmp_path / "deep" / "data")
    with opened(settings, command="pytest", embedder=embedder):
        assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
        lock = settings.data_dir / "owner.lock"
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        assert json.loads(lock.read_text())["command"] == "pytest"


def test_an_embedder_that_is_given_is_left_open(settings: Settings, embedder: Embedder) -> None:
    with opened(settings, command="pytest", embedder=embedder) as services:
        assert services.embedder is embedder
    assert len(embedder.embed_query("still there")) == embedder.dimension


def test_the_question_has_a_limit(settings: Settings, embedder: Embedder) -> None:
    short = settings.model_copy(update={"max_question_characters": 5})
    with opened(short, command="pytest", embedder=embedder) as services:
        with pytest.raises(InvalidRequest, match="question: it has 6 characters, and 5 are taken"):
            services.answer(AnswerRequest(question="abcdef"), OPERATOR)
        with pytest.raises(InvalidRequest, match="query: it has 6 characters, and 5 are taken"):
            services.search(SearchRequest(query="abcdef"))


def test_a_collection_that_nothing_was_put_into_is_not_found(settings: Settings, embedder: Embedder) -> None:
    with (
        opened(settings, command="pytest", embedder=embedder) as services,
        pytest.raises(NotFound, match="there is no collection 'default'"),
    ):
        services.search(SearchRequest(query="a"))
