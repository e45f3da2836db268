"""How much the machine itself keeps work waiting, while something else is measured on it."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

from eval.bench.figures import Spread

WORK_MS = 10.0
_PAUSE_SECONDS = 0.25


class Probe:
    """A piece of work that needs 10 ms of processor time, done four times a second by a process of its own."""

    def __init__(self) -> None:
        self.took: Spread | None = None
        """What the piece took in ms of the clock; None until the measurement is over."""

    def __str__(self) -> str:
        if self.took is None:
            return "the machine was not probed"
        return (
            f"the machine meanwhile: work of {WORK_MS:g} ms took {self.took.p50:.0f} ms (p50) and "
            f"{self.took.p95:.0f} ms (p95)"
        )


@contextmanager
def probing() -> Iterator[Probe]:
    """A probe that works until the block ends; its process has started before, which is work too."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    probe = Probe()
    with suppress(EOFError):  # it has died: nothing is probed
        ours.recv()
    try:
        yield probe
    finally:
        with suppress(EOFError, OSError):  # it has died: nothing was probed
            ours.send(None)
            times: list[float] = ours.recv()
            probe.took = Spread.of(times) if times else None
        process.join()


def _work(pipe: Connection) -> None:
    times = []
    pipe.send(None)
    while not pipe.poll(_PAUSE_SECONDS):
        begin, until = time.perf_counter(), time.process_time() + WORK_MS / 1000
        while time.process_time() < until:
            pass
        times.append((time.perf_counter() - begin) * 1000)
    pipe.send(times)
