"""Systems to put questions to: this product in this process, a service that speaks our API, the OpenAI shape."""

import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit, urlunsplit

from eval.datasets import Suite, beir_corpus
from eval.errors import DatasetError, TargetError
from eval.example import Example
from eval.jsonl import JSON

if TYPE_CHECKING:
    import httpx

    from eval.replay import Recording
    from index.embed import Embedder
    from qa_service.answering.answer import Answerer
    from qa_service.services import Services
    from qa_service.settings import Settings

KEY_VARIABLE = "QA_EVAL_KEY"
"""The environment variable with the key that a target wants."""

COLLECTION = "evaluation"

_LIBRARIES = ("qa-service", "chromadb", "tantivy", "llama-index-core", "litellm", "onnxruntime", "numpy")
_PROMPTS = ("answer.system", "answer.user", "repair.user")
_SECONDS = 300


class InProcess:
    """This product, with services that are open here and hold the suite's corpus.

    `k` is how many passages are asked for, None for as many as the settings say. `passages_only` asks for
    passages alone: the answers then hold nothing else.
    """

    def __init__(
        self,
        services: "Services",
        *,
        k: int | None = None,
        passages_only: bool = False,
    ) -> None:
        self._services = services
        self._k = k or services.settings.passages
        self._passages_only = passages_only

    @property
    def about(self) -> JSON:
        """The settings that answers depend on, versions, and fingerprints of prompts and code."""
        settings = self._services.settings
        return {
            "target": {"kind": "passages" if self._passages_only else "in_process"},
            "settings": {
                "model": settings.model,
                "embedding_model": self._services.embedder.name,
                "passages": self._k,
                "max_output_tokens": settings.max_output_tokens,
            },
            "versions": versions(),
            "prompts": fingerprints(),
            "code_sha256": code_sha256(),
        }

    def ask(self, example: Example) -> Iterator[tuple[str, JSON]]:
        """The events of one answer."""
        from index.errors import QAError

        try:
            if self._passages_only:
                yield "done", {"passages": self._search(example.question)}
            else:
                yield from self.events(self._services.answerer, example.question)
        except QAError as error:
            raise TargetError(f"{error.code}: {error}") from error

    def events(self, answerer: "Answerer", question: str) -> Iterator[tuple[str, JSON]]:
        """The events of an answer by a given answerer, in the shape in which they are sent."""
        from qa_service.answering.answer import Question
        from qa_service.wire import event_json

        asked = Question(question, collection=COLLECTION, k=self._k)
        return (event_json(event) for event in answerer.answer(asked))

    def text(self, document_id: str) -> str | None:
        """A document's canonical text."""
        return self._services.catalog.text(document_id).text

    def _search(self, question: str) -> list[JSON]:
        from qa_service.wire import passage_json

        collection = self._services.catalog.collection(COLLECTION)
        found = self._services.retriever.search(collection, question, k=self._k)
        return [passage_json(passage) for passage in found.passages]


class Replayed(InProcess):
    """This product with a model whose completions were recorded (`eval.replay`)."""

    def __init__(
        self, services: "Services", recordings: "Mapping[str, Recording]", *, k: int | None = None
    ) -> None:
        super().__init__(services, k=k)
        self._recordings = recordings

    @property
    def about(self) -> JSON:
        """As in process, with the models that were recorded."""
        from eval.replay import fingerprint

        about = super().about
        target = {"kind": "replay", "recordings_sha256": fingerprint(self._recordings)}
        models = sorted({each.model for each in self._recordings.values()})
        settings = {**about["settings"], "model": ", ".join(models)}
        return {**about, "target": target, "settings": settings}

    def ask(self, example: Example) -> Iterator[tuple[str, JSON]]:
        """The events of one answer; `ReplayError` where the recording was not played as it is."""
        from eval.replay import Replay

        model = Replay(example, self._recordings, prompts=fingerprints())
        yield from self.events(self._services.answerer_with(model), example.question)
        model.finish()


class Recorded(InProcess):
    """This product with the model of its settings, whose completions are added to a file of recordings."""

    def __init__(self, services: "Services", path: Path, *, k: int | None = None) -> None:
        super().__init__(services, k=k)
        self._path = path
        if services.model is None:
            raise TargetError("there is no model to record: set QA_MODEL, and its provider's key")
        self._model = services.model

    def ask(self, example: Example) -> Iterator[tuple[str, JSON]]:
        """The events of one answer."""
        from eval.replay import Recorder, keep
        from index.errors import QAError

        recorder = Recorder(self._model)
        try:
            yield from self.events(self._services.answerer_with(recorder), example.question)
        except QAError as error:
            raise TargetError(f"{error.code}: {error}") from error
        keep(self._path, recorder.recording(example, fingerprints()))


@contextmanager
def services_for(
    suite: Suite, settings: "Settings", *, data_dir: Path | None = None, embedder: "Embedder | None" = None
) -> "Iterator[Services]":
    """Services that hold the suite's corpus: in `data_dir`, kept for the next time, or a temporary folder.

    Raises `DatasetError` where a document of the corpus can't be indexed.
    """
    from qa_service.services import opened

    with ExitStack() as stack:
        folder = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qa-eval-")))
        chosen = settings.model_copy(update={"data_dir": folder.absolute()})
        services = stack.enter_context(opened(chosen, command="qa-eval", embedder=embedder))
        _index(services, suite)
        yield services


def _index(services: "Services", suite: Suite) -> None:
    from index.sync import sync
    from qa_service.clients.local_shelf import LocalShelf

    if suite.is_beir:
        _index_beir(services, suite.corpus)
        return
    shelf = LocalShelf(services, COLLECTION, on_embedded=lambda _name, _done, _total: None)
    for synced in sync(shelf, suite.corpus):
        if synced.error:
            raise DatasetError(f"{synced.source} could not be indexed: {synced.error}")


def _index_beir(services: "Services", folder: Path) -> None:
    """A document's source is its id; what is there already is left as it is."""
    from index.upload import Upload

    uploads = [
        Upload(each.id, f"{each.id}.txt", each.text.encode(), title=each.title or None)
        for each in beir_corpus(folder)
    ]
    for result in services.ingestor(services.collection(COLLECTION)).put(uploads):
        if result.error:
            raise DatasetError(f"{result.source} could not be indexed: {result.error}")


class Service:
    """A running service that speaks our API, which holds the corpus already."""

    def __init__(self, url: str, *, collection: str = "default", k: int | None = None) -> None:
        from qa_service.clients.client import Client

        self._url, self._collection, self._k = url.rstrip("/"), collection, k
        with ExitStack() as stack:
            self._client = stack.enter_context(Client(self._url, token=os.environ.get(KEY_VARIABLE)))
            self._http = stack.enter_context(http(self._url))
            self._opened = stack.pop_all()

    def __enter__(self) -> Self:
        _require_reachable(self._http, "/livez", self._url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    @property
    def about(self) -> JSON:
        """Where it is, and what it is asked for."""
        return {
            "target": {"kind": "service", "url": plain_url(self._url)},
            "settings": {"collection": self._collection, "passages": self._k},
            "versions": {"qa-service": versions()["qa-service"]},
        }

    def ask(self, example: Example) -> Iterator[tuple[str, JSON]]:
        """The events of one answer, as they are streamed."""
        from qa_service.errors import ServiceError

        body: JSON = {"question": example.question, "collection": self._collection}
        try:
            yield from self._client.answer({**body, "k": self._k} if self._k else body)
        except ServiceError as error:
            raise TargetError(str(error)) from error

    def text(self, document_id: str) -> str | None:
        """A document's canonical text."""
        import httpx

        try:
            reply = self._http.get(f"/v1/documents/{document_id}/text")
            reply.raise_for_status()
            return str(reply.json()["text"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None  # the quotes are then checked against the passages


class OpenAI:
    """A chat endpoint of the OpenAI shape that cites its sources; `url` ends where `/chat/completions` follows."""

    def __init__(self, url: str, *, model: str) -> None:
        self._url, self._model = url.rstrip("/").removesuffix("/chat/completions"), model
        self._http = http(self._url)

    def __enter__(self) -> Self:
        _require_reachable(self._http, "/models", self._url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def about(self) -> JSON:
        """Where it is, and the model that is asked."""
        return {
            "target": {"kind": "openai", "url": plain_url(self._url)},
            "settings": {"model": self._model},
            "versions": {"qa-service": versions()["qa-service"]},
        }

    def ask(self, example: Example) -> Iterator[tuple[str, JSON]]:
        """One event: the whole answer, as `eval.openai_shape` reads it."""
        import httpx

        from eval.openai_shape import answer_json

        body = {"model": self._model, "messages": [{"role": "user", "content": example.question}]}
        try:
            reply = self._http.post("/chat/completions", json=body)
            reply.raise_for_status()
            value = reply.json()
        except httpx.HTTPStatusError as error:
            raise TargetError(f"{plain_url(self._url)} answered {error.response.status_code}") from error
        except httpx.HTTPError as error:
            raise TargetError(
                f"{plain_url(self._url)} can't be reached: {error or type(error).__name__}"
            ) from error
        except ValueError as error:
            raise TargetError(f"{plain_url(self._url)} answered with what is no JSON") from error
        yield "done", answer_json(value, total_ms=reply.elapsed.total_seconds() * 1000)

    def text(self, document_id: str) -> str | None:
        """None: this shape has no documents."""
        return None


def http(url: str) -> "httpx.Client":
    """A client of a target, with the key of the environment."""
    import httpx

    key = os.environ.get(KEY_VARIABLE)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(_SECONDS, connect=10))


def _require_reachable(client: "httpx.Client", path: str, url: str) -> None:
    """Raise `TargetError` where nothing answers at all: better now than once for each example."""
    import httpx

    try:
        client.get(path)
    except httpx.TransportError as error:
        raise TargetError(
            f"{plain_url(url)} can't be reached: {error or type(error).__name__}; is it running there?"
        ) from error


def plain_url(url: str) -> str:
    """An address without user, password, query and fragment, so that it can be written down."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def fingerprints() -> dict[str, str]:
    """The fingerprints of the prompts that a model is sent."""
    from prompts import prompt

    return {name: prompt(name).fingerprint for name in _PROMPTS}


def versions() -> dict[str, Any]:
    """The versions of Python, of this product and of the libraries that answers depend on."""
    found: dict[str, Any] = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def code_sha256() -> str:
    """The sha256 of the product's own source files: tells two builds of one version apart."""
    import index
    import prompts
    import qa_service

    digest = hashlib.sha256()
    for package in (index, prompts, qa_service):
        (root,) = map(Path, package.__path__)
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".jinja"):
                digest.update(f"{path.relative_to(root.parent).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()
