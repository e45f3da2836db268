"""A process that opens a library and searches it, to tell how long that takes and what memory it needs."""

import multiprocessing
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from eval.bench.embedders import RandomUnit
from eval.bench.library import COLLECTION, local_embedder
from eval.bench.stock import open_catalog
from index.catalog import Catalog
from index.followers import Followers
from index.retrieve import Retriever


@dataclass(frozen=True, slots=True)
class Process:
    """Seconds until the followers were open, and until the first search was answered; memory in MiB after them all.

    Memory is what the system counts as resident, pages of files that are shared with its cache too.
    """

    opening_seconds: float
    first_search_seconds: float
    memory_mib: float
    memory_with_model_mib: float


def observe(folder: Path, questions: Sequence[str], *, k: int) -> Process:
    """What a new process needs for the library in a folder, which nobody else has open."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, folder, list(questions), k), daemon=True)
    process.start()
    theirs.close()
    try:
        found: Process = ours.recv()
    finally:
        process.join()
    return found


def _serve(pipe: Connection, folder: Path, questions: list[str], k: int) -> None:
    with closing(open_catalog(folder)) as database:
        catalog = Catalog(database)
        begin = time.perf_counter()
        with closing(Followers(folder / "followers", catalog)) as followers:
            opening = time.perf_counter() - begin
            retriever = Retriever(catalog, RandomUnit(), followers)
            collection = catalog.collection(COLLECTION)
            retriever.search(collection, questions[0], k=k)
            first = time.perf_counter() - begin
            for question in questions:
                retriever.search(collection, question, k=k)
            memory = _resident_mib()
            with local_embedder():
                pipe.send(Process(opening, first, memory, _resident_mib()))


def _resident_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
