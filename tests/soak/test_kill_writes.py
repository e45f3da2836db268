"""A process killed at 200 moments of adding, replacing and deleting: nothing is lost, half-done or there twice."""

from pathlib import Path
from statistics import median
from types import ModuleType

KILLS = 200


def test_two_hundred_kills_of_writing_lose_nothing_and_leave_nothing_half_done(
    tmp_path: Path, killed_writer: ModuleType
) -> None:
    trial = killed_writer.WriterTrial(tmp_path / "data", seed=1)
    for _ in range(KILLS):
        trial.kill()
    trial.close()
    assert max(trial.ready_seconds) < 30
    assert {"adding", "replacing", "deleting"} <= trial.counts.keys()
    print(  # noqa: T201
        f"{dict(trial.counts)}; ready in {median(trial.ready_seconds):.2f} s, at most {max(trial.ready_seconds):.2f} s"
    )
