import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from index.catalog import Collection
from index.embed import Embedder, Vector, Vectors
from index.errors import EmbeddingError, FollowerError, ParserUnavailable
from index.ingest import Ingestor
from index.jobs import Job
from index.upload import Upload
from qa_service.requests import SearchRequest
from qa_service.services import Services, opened
from qa_service.settings import Settings
from qa_service.uploads.worker import Worker
from tests.waiting import until

TEXT = b"Employees have 25 days of leave a year."
POISON = b"This text is POISON to the model."

Start = Callable[[], Worker]


def once(what: "Flaky | Faulty") -> None:
    """Do what is to happen meanwhile."""
    meanwhile, what.meanwhile = what.meanwhile, None
    if meanwhile:
        meanwhile()


class Flaky:
    """The real model, but while it is down it takes no text, and it never takes poison."""

    def __init__(self, model: Embedder) -> None:
        self._model = model
        self.is_down = False
        self.ends_at_probe = 0
        self.meanwhile: Callable[[], None] | None = None
        self.texts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def embed(self, texts: Sequence[str]) -> Vectors:
        self._check(*texts)
        once(self)
        return self._model.embed(texts)

    def embed_query(self, text: str) -> Vector:
        self.ends_at_probe -= 1
        if self.ends_at_probe == 0:
            self.is_down = False
        self._check(text)
        return self._model.embed_query(text)

    def _check(self, *texts: str) -> None:
        self.texts += len(texts)
        if self.is_down or any("POISON" in text for text in texts):
            raise EmbeddingError("the model is down")


class Faulty(Services):
    """Services in which what indexes a document raises `fault`, as long as there is one."""

    fault: Exception | None = None
    meanwhile: Callable[[], None] | None = None
    tried = 0

    def ingestor(self, collection: Collection) -> Ingestor:
        self.tried += 1
        once(self)
        if self.fault:
            raise self.fault
        return super().ingestor(collection)


@pytest.fixture
def model(embedder: Embedder) -> Flaky:
    return Flaky(embedder)


@pytest.fixture
def services(settings: Settings, model: Flaky) -> Iterator[Faulty]:
    services = Faulty(settings, embedder=model)
    yield services
    services.close()


@pytest.fixture
def start(services: Faulty) -> Iterator[Start]:
    workers = []

    def start() -> Worker:
        workers.append(Worker(services, pause_seconds=0.01))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


def add(services: Services, *uploads: tuple[str, bytes]) -> Job:
    accepted = services.jobs.accept(
        services.collection("default"), [Upload(name, name, data) for name, data in uploads]
    )
    return services.jobs.get(accepted.job_id)


def ended(services: Services, job: Job) -> list[tuple[str, str | None]]:
    until(lambda: services.jobs.get(job.id).status == "done")
    return [(item.status, item.error_code) for item in services.jobs.get(job.id).items]


def test_what_is_queued_at_the_start_is_indexed(services: Faulty, start: Start) -> None:
    job = add(services, ("a.txt", TEXT), ("b.txt", TEXT))
    start()
    assert ended(services, job) == [("indexed", None), ("indexed", None)]


def test_what_is_added_later_is_indexed_when_it_is_woken(services: Faulty, start: Start) -> None:
    worker = start()
    for at in range(3):
        job = add(services, (f"{at}.txt", TEXT))
        worker.wake()
        assert ended(services, job) == [("indexed", None)]


def test_a_bad_document_fails_alone(services: Faulty, start: Start) -> None:
    job = add(services, ("a.txt", TEXT), ("empty.txt", b""), ("b.txt", TEXT))
    start()
    assert ended(services, job) == [("indexed", None), ("failed", "empty_document"), ("indexed", None)]


@pytest.mark.parametrize("fault", [RuntimeError("swordfish"), RecursionError(), MemoryError(), KeyError("x")])
def test_a_bug_fails_its_document_after_three_attempts_and_is_logged(
    services: Faulty, start: Start, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    services.fault = fault
    job = add(services, ("a.txt", TEXT))
    worker = start()
    assert ended(services, job) == [("failed", "internal")]
    assert services.tried == 3
    assert "swordfish" not in str(services.jobs.get(job.id))
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == 3
    assert all(record.exc_info for record in logged)
    services.fault = None
    second = add(services, ("b.txt", TEXT))
    worker.wake()
    assert ended(services, second) == [("indexed", None)]


def test_uploads_wait_while_the_embedding_model_is_down(services: Faulty, model: Flaky, start: Start) -> None:
    model.is_down = True
    job = add(services, ("a.txt", TEXT), ("b.txt", TEXT))
    worker = start()
    until(lambda: services.tried > 5)
    assert services.jobs.get(job.id).status == "running"
    assert worker.delay
    assert str(worker.delay.error) == "the model is down"
    model.is_down = False
    assert ended(services, job) == [("indexed", None), ("indexed", None)]
    until(lambda: worker.delay is None)


def test_an_outage_that_ends_while_the_model_is_tried_is_not_the_fault_of_the_upload(
    services: Faulty, model: Flaky, start: Start
) -> None:
    model.is_down = True
    model.ends_at_probe = 4
    job = add(services, ("a.txt", TEXT))
    start()
    assert ended(services, job) == [("indexed", None)]


def test_an_upload_that_the_model_alone_does_not_take_is_failed(services: Faulty, start: Start) -> None:
    job = add(services, ("poison.txt", POISON), ("a.txt", TEXT))
    start()
    assert ended(services, job) == [("failed", "embedding_failed"), ("indexed", None)]


def test_what_fails_does_not_keep_the_others_waiting(services: Faulty, start: Start) -> None:
    job = add(services, ("poison.txt", POISON))
    start()
    others = add(services, *[(f"{at}.txt", TEXT) for at in range(3)])
    assert ended(services, others) == [("indexed", None)] * 3
    assert ended(services, job) == [("failed", "embedding_failed")]


def test_uploads_wait_while_the_index_can_not_be_written(services: Faulty, start: Start) -> None:
    services.fault = FollowerError("the disk is full")
    job = add(services, ("a.txt", TEXT))
    worker = start()
    until(lambda: services.tried > 5)
    assert worker.delay
    assert worker.delay.error.code == "search_failed"
    services.fault = None
    assert ended(services, job) == [("indexed", None)]


def test_uploads_wait_while_the_parser_can_not_be_started(services: Faulty, start: Start) -> None:
    services.fault = ParserUnavailable("it can't be started")
    job = add(services, ("a.txt", TEXT), ("b.txt", TEXT))
    worker = start()
    until(lambda: services.tried > 3)
    assert worker.delay
    assert worker.delay.error.code == "parser_unavailable"
    services.fault = None
    assert ended(services, job) == [("indexed", None), ("indexed", None)]


def test_pauses_double_up_to_a_minute(services: Faulty, model: Flaky, start: Start) -> None:
    model.is_down = True
    add(services, ("a.txt", TEXT))
    worker = start()
    seen: list[float] = []

    def note() -> bool:
        if worker.delay and worker.delay.seconds not in seen:
            seen.append(worker.delay.seconds)
        return len(seen) == 5

    until(note)
    assert seen == [0.01, 0.02, 0.04, 0.08, 0.16]


def test_a_document_that_is_deleted_while_it_waits_is_forgotten(
    services: Faulty, model: Flaky, start: Start
) -> None:
    model.is_down = True
    job = add(services, ("a.txt", TEXT), ("b.txt", TEXT))
    start()
    until(lambda: services.tried > 2)
    services.catalog.delete(job.items[0].document_id)
    model.is_down = False
    assert ended(services, job) == [("indexed", None)]


@pytest.mark.parametrize("moment", ["taken", "embedded"])
@pytest.mark.parametrize(
    "renamed", [{"title": "B"}, {"source": "b"}, {"title": "B", "source": "b", "origin": "o"}]
)
def test_what_is_renamed_while_it_is_indexed_keeps_its_new_name(
    services: Faulty, model: Flaky, start: Start, moment: str, renamed: dict[str, str]
) -> None:
    collection = services.collection("default")
    accepted = services.jobs.accept(collection, [Upload("a", "a.txt", TEXT, title="A")])
    [document_id] = accepted.document_ids
    meets = services if moment == "taken" else model
    meets.meanwhile = lambda: services.rename_document(collection, document_id, **renamed)

    start()

    assert ended(services, services.jobs.get(accepted.job_id)) == [("indexed", None)]
    document = services.catalog.document(collection, document_id)
    assert {"title": "A", "source": "a", "origin": ""} | renamed == {
        "title": document.title,
        "source": document.source,
        "origin": document.origin,
    }
    [found] = services.search(SearchRequest(query="leave"))
    assert found.title == document.title


DIES = """
import os, sys
from pathlib import Path
from qa_service.services import Services
from qa_service.settings import Settings
from qa_service.uploads.worker import Worker

class Deadly(Services):
    def ingestor(self, collection):
        os._exit(9)

Worker(Deadly(Settings(data_dir=Path(sys.argv[1]))))._thread.join()
"""


def test_an_upload_that_kills_the_process_is_failed_in_the_end_and_the_others_are_not(
    settings: Settings, embedder: Embedder
) -> None:
    with opened(settings, command="pytest", embedder=embedder) as services:
        job = add(services, ("deadly.txt", TEXT), ("a.txt", TEXT))
    first, _ = job.items
    watched = settings.data_dir / "indexing.json"
    child = subprocess.run([sys.executable, "-c", DIES, str(settings.data_dir)], check=False, timeout=60)
    assert child.returncode == 9
    assert json.loads(watched.read_text())["deaths"] == 0
    watched.write_text(json.dumps({**json.loads(watched.read_text()), "deaths": 4}))  # as after four more
    with opened(settings, command="pytest", embedder=embedder) as services:
        worker = Worker(services)
        assert ended(services, job) == [("failed", "internal"), ("indexed", None)]
        assert "died 5 times" in str(services.jobs.get(job.id).items[0].error_message)
        worker.close()
    assert not watched.exists()
    assert first.name == "deadly.txt"


def test_it_ends_at_once_while_it_waits(services: Faulty, model: Flaky) -> None:
    model.is_down = True
    add(services, ("a.txt", TEXT))
    worker = Worker(services, pause_seconds=60)
    until(lambda: worker.delay)
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < 1
    assert not worker.is_alive()


def test_what_is_not_finished_at_the_end_is_finished_at_the_next_start(
    services: Faulty, model: Flaky, start: Start
) -> None:
    long = "\n\n".join(f"Paragraph number {at} says that {at} is a number." for at in range(400)).encode()
    job = add(services, ("long.txt", long))
    worker = Worker(services)
    until(lambda: model.texts)
    worker.close()
    assert services.jobs.get(job.id).status == "running"
    assert services.catalog.documents(services.collection("default"))[0].status == "queued"
    start()
    assert ended(services, job) == [("indexed", None)]


def test_what_was_acknowledged_before_a_crash_is_indexed_after_it(
    settings: Settings, embedder: Embedder
) -> None:
    with opened(settings, command="pytest", embedder=embedder) as services:
        job = add(services, ("a.txt", TEXT))
    with opened(settings, command="pytest", embedder=embedder) as services:
        worker = Worker(services)
        assert ended(services, job) == [("indexed", None)]
        worker.close()


def test_a_file_that_can_not_be_parsed_in_its_time_fails_alone(
    settings: Settings, embedder: Embedder, endless_pdf: bytes
) -> None:
    hasty = settings.model_copy(update={"parse_seconds": 2.0})
    with opened(hasty, command="pytest", embedder=embedder) as services:
        worker = Worker(services)
        job = add(services, ("a.txt", TEXT), ("bomb.pdf", endless_pdf), ("b.txt", TEXT))
        worker.wake()
        assert ended(services, job) == [("indexed", None), ("failed", "parsing_timeout"), ("indexed", None)]
        worker.close()


def test_it_stops_without_waiting_for_a_file_that_is_being_parsed(
    services: Faulty, start: Start, endless_pdf: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="qa_service")
    job = add(services, ("bomb.pdf", endless_pdf))
    worker = start()
    until(lambda: services.loader.pid)
    time.sleep(1)  # it is being parsed then
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < 5
    assert not worker.is_alive()
    assert services.loader.pid is None
    assert services.jobs.get(job.id).items[0].status == "queued"
    assert [record.__dict__["outcome"] for record in caplog.records if record.msg == "upload"] == ["stopped"]
