"""`qa index` killed at thirty moments, over a folder that changes all the time."""

from pathlib import Path
from statistics import median
from types import ModuleType

from index.embed import Embedder
from qa_service.settings import Settings


def test_thirty_kills_lose_nothing_and_leave_nothing_half_done(
    settings: Settings, embedder: Embedder, tmp_path: Path, killed_qa_index: ModuleType
) -> None:
    trial = killed_qa_index.CommandTrial(settings, embedder, tmp_path / "notes", seed=1)
    for kill in range(30):
        trial.change()
        trial.kill()
        trial.check()
        if kill % 10 == 9:
            trial.finish()
            trial.check_complete()
    ready = trial.ready_seconds
    print(f"{dict(trial.phases)}; ready in {median(ready):.2f} s, at most {max(ready):.2f} s")  # noqa: T201
