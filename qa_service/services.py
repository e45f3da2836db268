"""The one place that wires the parts together."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from index.catalog import Catalog, Collection, Database, sqlite_url
from index.embed import Embedder, open_embedder
from index.errors import QAError
from index.followers import Followers
from index.ingest import Ingestor, OnEmbedded, Result, Upload
from index.owner import OwnerLock
from index.jobs import Job, Jobs, Queued
from index.retrieve import Retriever
from index.sync import Known
from qa_service.answer import Answerer
from qa_service.extractive import ExtractiveWriter
from qa_service.keys import Keys
from qa_service.llm import LiteLLMModel, Timeouts
from qa_service.relevance import is_relevant
from qa_service.settings import Settings
from qa_service.writing import ModelWriter, Writer


class Services:
    """Everything that a data directory needs to be indexed, searched and asked.

    The caller holds the directory's `OwnerLock` as long as the services are open.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._database = open_database(settings)
        self.catalog = Catalog(self._database)
        self.keys = Keys(self._database)
        self.jobs = Jobs(self._database)
        self.embedder: Embedder = open_embedder(
            settings.embedding_model, cache_dir=settings.data_dir / "models"
        )
        self.followers = Followers(
            settings.data_dir / "followers", self.catalog, chroma_url=settings.chroma_url
        )
        self.retriever = Retriever(self.catalog, self.embedder, self.followers)
        self.writer = _writer(settings)
        self.answerer = Answerer(
            self.catalog,
            self.retriever,
            self.writer,
            is_relevant=is_relevant,
            total_seconds=settings.answer_seconds,
        )

    def collection(self, name: str) -> Collection:
        """The collection of that name, made for the embedding model of the settings where it is new."""
        return self.catalog.ensure_collection(
            name, embedding_model=self.embedder.name, dimension=self.embedder.dimension
        )

    def ingestor(self, collection: Collection) -> Ingestor:
        """What writes documents into a collection."""
        return Ingestor(self.catalog, collection, self.embedder, self.followers)

    def close(self) -> None:
        """Close everything cleanly."""
        self.followers.close()
        self.embedder.close()
        self._database.close()


def _writer(settings: Settings) -> Writer:
    if settings.model is None:
        return ExtractiveWriter()
    timeouts = Timeouts(
        connect_seconds=settings.connect_seconds,
        first_token_seconds=settings.first_token_seconds,
        idle_seconds=settings.idle_seconds,
    )
    model = LiteLLMModel(
        settings.model,
        timeouts=timeouts,
        api_base=settings.model_api_base,
        fallbacks=settings.model_fallbacks,
    )
    return ModelWriter(model, max_tokens=settings.max_output_tokens)


@contextmanager
def opened(settings: Settings, *, command: str) -> Iterator[Services]:
    """The services of a data directory, owned by this process as long as the block runs.

    Raises `DataDirectoryInUse` where another process owns it; `command` is what others are told then.
    """
    lock = OwnerLock(settings.data_dir, command=command)
    try:
        services = Services(settings)
        try:
            yield services
        finally:
            services.close()
    finally:
        lock.release()


def open_database(settings: Settings) -> Database:
    """The catalog's database, which several processes may open at a time."""
    return Database(settings.database_url or sqlite_url(settings.data_dir / "catalog.sqlite3"))


class LocalShelf:
    """A collection of this process, to synchronise a folder with."""

    def __init__(self, services: Services, collection: str, *, on_embedded: OnEmbedded) -> None:
        self._services = services
        self._collection = services.collection(collection)
        self._ingestor = services.ingestor(self._collection)
        self._on_embedded = on_embedded

    def known(self) -> Sequence[Known]:
        """All documents of the collection."""
        return self._services.catalog.documents(self._collection)

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        """Index documents; a result for each."""
        return self._ingestor.put(uploads, on_embedded=self._on_embedded)

    def delete(self, document_id: str) -> None:
        """Remove a document."""
        self._ingestor.delete(document_id)


class Worker:
    """Indexes acknowledged uploads in a thread of its own, one after the other, also those of before a crash."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index-worker", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Start on a job that has been added."""
        self._wake.set()

    def close(self) -> None:
        """Stop after the upload at hand; the rest waits in the catalog."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        jobs = self._services.jobs
        while not self._stop.is_set():
            self._wake.clear()
            for item_id in jobs.queued():
                if self._stop.is_set():
                    return
                if item := jobs.take(item_id):
                    self._index(item)
            self._wake.wait()

    def _index(self, item: Queued) -> None:
        services = self._services
        try:
            collection = services.collection(item.collection)
            (result,) = services.ingestor(collection).put([item.upload])
        except QAError as error:
            services.jobs.end(item.item_id, "failed", error)
        else:
            services.jobs.end(item.item_id, result.outcome, result.error)
