"""What several workers over one data directory have in common, as their master keeps it: Chroma, and metrics."""

import logging
import os
import shutil
from pathlib import Path

from index.chroma_server import ChromaServer
from index.lease import Lease
from index.slots import gather, spread, take_slot
from qa_service.database import open_database, sqlite_path
from qa_service.settings import Settings

METRICS = "PROMETHEUS_MULTIPROC_DIR"

log = logging.getLogger(__name__)


class Crew:
    """The Chroma server of several workers, unless the settings name one, and the folder in which they count.

    `settings` are those of the workers. Whoever makes it holds the data directory. Raises what `open_database` does.
    """

    def __init__(self, settings: Settings, workers: int) -> None:
        self.workers = workers
        if sqlite_path(settings) is not None:
            open_database(settings).close()  # before there is anything that would be made from it
        self._followers = settings.data_dir / "followers"
        is_intact = spread(self._followers)
        self._metrics = _metrics_folder(settings.data_dir / "metrics")
        self._chroma: ChromaServer | None = None
        if settings.chroma_url is None:
            self._chroma = ChromaServer(self._followers / "chroma", trusted=is_intact)
            self._chroma.ensure()
            settings = settings.model_copy(update={"chroma_url": self._chroma.url, "chroma_headers": None})
        self.settings = settings

    def take_slot(self) -> tuple[Path, Lease]:
        """The folder for the followers of the worker that calls this, and what holds it as long as that lives."""
        return take_slot(self._followers)

    def forget(self, pid: int) -> None:
        """A worker has ended: what it had under way is not counted any more."""
        from qa_service.telemetry.metrics import forget_process

        forget_process(pid)

    def ensure(self) -> None:
        """Start Chroma again where it has ended."""
        if self._chroma and self._chroma.ensure():
            log.error("the Chroma server has ended, and is started again")

    def close(self) -> None:
        """End Chroma, when the workers have ended, and leave the data directory as one process has it."""
        is_intact = self._chroma.close() if self._chroma else True
        gather(self._followers, intact=is_intact)
        if self._metrics:
            shutil.rmtree(self._metrics, ignore_errors=True)


def _metrics_folder(path: Path) -> Path | None:
    """An empty folder in which all workers count, as Prometheus' client wants it; None where one is named already."""
    if os.environ.get(METRICS):
        return None
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    os.environ[METRICS] = str(path)
    return path
