"""`qa index` killed at a few moments; `make soak` has more."""

from pathlib import Path
from types import ModuleType

from index.embed import Embedder
from qa_service.settings import Settings


def test_kills_lose_nothing_and_the_next_run_finishes_the_rest(
    settings: Settings, embedder: Embedder, tmp_path: Path, killed_qa_index: ModuleType
) -> None:
    trial = killed_qa_index.CommandTrial(settings, embedder, tmp_path / "notes", seed=7)
    for _ in range(3):
        trial.change(files=8)
        trial.kill()
        trial.check()
    trial.finish()
    trial.check_complete()


def test_kills_of_adding_replacing_and_deleting_lose_nothing(
    tmp_path: Path, killed_writer: ModuleType
) -> None:
    trial = killed_writer.WriterTrial(tmp_path / "data", seed=5)
    for _ in range(3):
        trial.kill()
    trial.close()
    assert trial.counts.total() == 3
