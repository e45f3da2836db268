"""`qa reindex`, as a user calls it after another model was set."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from click.testing import Result

from index.owner import OwnerLock
from index.staged import staging_paths
from index.upload import Upload
from qa_service.services import opened
from qa_service.settings import Settings

Invoke = Callable[..., Result]
Serve = Callable[..., AbstractContextManager[Any]]


def of_another_model(settings: Settings, tiny: ModuleType) -> None:
    """Two documents that were indexed with another embedding model."""
    with opened(settings, command="pytest", embedder=tiny.TinyEmbedder("tiny/old")) as services:
        texts = b"Employees have 25 days of leave a year.", b"Dogs may come to the office on Fridays."
        uploads = [Upload(f"{at}.md", f"{at}.md", text) for at, text in enumerate(texts)]
        done = list(services.ingestor(services.collection("default")).put(uploads))
        assert [each.outcome for each in done] == ["indexed"] * 2


def test_a_directory_of_another_model_is_embedded_again_and_searched_unless_another_command_has_it(
    settings: Settings, tiny: ModuleType, invoke: Invoke
) -> None:
    of_another_model(settings, tiny)
    lock = OwnerLock(settings.data_dir, command="qa index")
    refused = invoke("reindex")
    assert refused.exit_code == 1
    assert "is in use by 'qa index'" in refused.stderr, refused.stderr
    lock.release()
    moved = invoke("reindex")
    assert (moved.exit_code, moved.stdout) == (0, "default: 2 passages embedded\n"), moved.stderr
    assert "Employees have 25 days" in invoke("search", "holidays").stdout
    assert staging_paths(settings.data_dir) == []


def test_a_service_that_runs_does_the_work_and_searches_when_it_is_done(
    settings: Settings, tiny: ModuleType, serve: Serve, invoke: Invoke
) -> None:
    of_another_model(settings, tiny)
    with serve(ready=False) as service:
        service.seconds_until("/livez")
        assert "was indexed with 'tiny/old'" in invoke("search", "holidays").stderr
        moved = invoke("reindex")
        assert (moved.exit_code, moved.stdout) == (0, "default: 2 passages embedded\n"), moved.stderr
        assert "Employees have 25 days" in invoke("search", "holidays").stdout
        again = invoke("reindex", "--collection", "default")
        assert again.stdout == "default: 2 passages have the service's model already\n"
        unknown = invoke("reindex", "--collection", "nothing")
        assert (unknown.exit_code, unknown.stdout) == (1, "")
        assert "there is no collection 'nothing'" in unknown.stderr
    assert "Employees have 25 days" in invoke("search", "holidays").stdout
    assert staging_paths(settings.data_dir) == []
