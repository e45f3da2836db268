"""`qa reindex`, as a user calls it after another model was set."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from index.owner import OwnerLock
from index.staged import staging_paths
from index.upload import Upload
from qa_service.services import opened
from qa_service.settings import Settings

Run = Callable[..., Any]


def test_a_directory_of_another_model_is_embedded_again_and_searched_unless_a_service_has_it(
    settings: Settings, tiny: ModuleType, qa: Run
) -> None:
    with opened(settings, command="pytest", embedder=tiny.TinyEmbedder("tiny/old")) as services:
        texts = b"Employees have 25 days of leave a year.", b"Dogs may come to the office on Fridays."
        uploads = [Upload(f"{at}.md", f"{at}.md", text) for at, text in enumerate(texts)]
        done = list(services.ingestor(services.collection("default")).put(uploads))
        assert [each.outcome for each in done] == ["indexed"] * 2
    lock = OwnerLock(settings.data_dir, command="qa index")
    lock.announce(url="http://127.0.0.1:9", command="qa serve")
    refused = qa("reindex")
    assert refused.returncode == 1
    assert "is in use by 'qa serve'" in refused.stderr, refused.stderr
    lock.release()
    moved = qa("reindex")
    assert (moved.returncode, moved.stdout) == (0, "default: 2 passages embedded\n"), moved.stderr
    assert "Employees have 25 days" in qa("search", "holidays").stdout
    assert staging_paths(settings.data_dir) == []
