"""The HTTP interface over services in temporary folders: one that is only read, and a new one for each test."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from index.embed import Embedder
from index.sync import sync
from qa_service.api import Access, Context, Streams, create_app
from qa_service.clients.local_shelf import LocalShelf
from qa_service.services import Services, opened
from qa_service.settings import Settings
from qa_service.uploads.worker import Worker

FILES = {
    "leave.md": "# Leave\n\nEmployees have 25 days of leave a year.\n\nParental leave lasts 12 weeks. "
    "It must be asked for in writing.\n",
    "отпуск.md": "# Отпуск\n\nСотрудник имеет право на 28 дней отпуска в год.\n",
    "pets.txt": "Dogs may come to the office on Fridays.\n\nCats may not come at all.\n",
}


def make_context(services: Services, **access: Any) -> Context:
    """The context of an application over services."""
    settings = services.settings
    streams = Streams(places=settings.threads, heartbeat_seconds=settings.heartbeat_seconds)
    return Context(services, Worker(services, pause_seconds=0.01), streams, Access(**access))


@pytest.fixture(scope="session")
def make() -> Callable[[Services], Context]:
    """Makes the context of an application over services."""
    return make_context


@pytest.fixture(scope="session")
def library(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path, embedder: Embedder
) -> Iterator[Services]:
    """Services with three documents, which tests only read."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "data").mkdir()
    (folder / "data" / "models").symlink_to(model_cache)
    documents = folder / "handbook"
    documents.mkdir()
    for name, text in FILES.items():
        (documents / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(f"QA_{name.upper()}", raising=False)
        settings = Settings(data_dir=folder / "data")
    with opened(settings, command="pytest", embedder=embedder) as services:
        shelf = LocalShelf(services, "default", on_embedded=lambda _name, _done, _total: None)
        assert [each.outcome for each in sync(shelf, documents)] == ["indexed"] * 3
        yield services


@pytest.fixture(scope="session")
def reader(library: Services) -> Iterator[FlaskClient]:
    """A client of an open service with three documents, which tests only read."""
    context = make_context(library)
    yield create_app(context).test_client()
    context.worker.close()


@pytest.fixture
def services(settings: Settings, embedder: Embedder) -> Iterator[Services]:
    """The services of a new data directory, with the embedding model that all tests share."""
    with opened(settings, command="pytest", embedder=embedder) as services:
        yield services


@pytest.fixture
def context(services: Services) -> Iterator[Context]:
    """The context of a new, empty service that is open on loopback."""
    context = make_context(services)
    yield context
    context.worker.close()


@pytest.fixture
def app(context: Context) -> Flask:
    """The application of a new, empty service."""
    return create_app(context)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of a new, empty service."""
    return app.test_client()


Wait = Callable[[str], dict[str, Any]]


@pytest.fixture
def finished(client: FlaskClient) -> Wait:
    """Waits for a job to be done, and gives it."""

    def wait(job_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            job: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").get_json()
            if job["status"] == "done":
                return job
            time.sleep(0.01)
        raise AssertionError(f"job {job_id} did not end: {job}")

    return wait
