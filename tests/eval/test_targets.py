"""Targets: this product in this process, with replayed models, over HTTP, and services of the OpenAI shape."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import Suite, beir_examples, suite
from eval.errors import DatasetError, TargetError
from eval.gates import gate_metrics, invariants
from eval.judges.lexical import LexicalProxy
from eval.replay import Completion, Recording, question_sha256
from eval.run import Target, execute
from eval.scores import measure
from eval.targets import COLLECTION, InProcess, OpenAI, Replayed, Service, plain_url, services_for
from index.embed import Embedder
from qa_service.api import Access, Context, Streams, create_app
from qa_service.scripted import ScriptedProvider
from qa_service.services import Services
from qa_service.settings import Settings
from qa_service.uploads.worker import Worker
from tests.serving import on_socket


@pytest.fixture(scope="module")
def opened_for(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Callable[[Suite], Any]:
    def opened(small: Suite) -> Any:
        folder = tmp_path_factory.mktemp("data")
        return services_for(small, Settings(data_dir=folder), data_dir=folder, embedder=embedder)

    return opened


@pytest.fixture
def held(small: Suite, opened_for: Callable[[Suite], Any]) -> Iterator[Services]:
    """Services that hold the small suite."""
    with opened_for(small) as services:
        yield services


@pytest.fixture
def url(held: Services) -> Iterator[str]:
    """The address of a running service that holds the small suite."""
    context = Context(
        held, Worker(held, pause_seconds=0.01), Streams(places=4, heartbeat_seconds=15), Access()
    )
    with on_socket(create_app(context)) as url:
        yield url


def run(target: Target, small: Suite, folder: Path) -> Any:
    return execute(folder, small.examples, {"suite": {}, "corpus": {}}, target)


def test_answers_in_process_pass_the_invariants(held: Services, small: Suite, tmp_path: Path) -> None:
    found = run(InProcess(held), small, tmp_path / "run")
    scored = measure(found, LexicalProxy(), gate_metrics())
    assert all(check.passed for check in invariants(found, scored))
    assert found.records["leave"].answer.text.startswith("Parental leave lasts 12 weeks.")
    assert set(found.texts) == {"documents/leave.md", "documents/pets.txt"}


def test_a_run_in_process_says_what_answered(held: Services) -> None:
    about = InProcess(held, k=3).about
    assert about["target"] == {"kind": "in_process"}
    assert about["settings"]["passages"] == 3
    assert about["versions"]["qa-service"]
    assert len(about["code_sha256"]) == 64
    assert set(about["prompts"]) == {"answer.system", "answer.user", "repair.user"}


def test_passages_alone_are_asked_for(held: Services, small: Suite, tmp_path: Path) -> None:
    found = run(InProcess(held, passages_only=True), small, tmp_path / "run")
    answer = found.records["dogs"].answer
    assert answer.passages
    assert (answer.status, answer.claims) == (None, ())


def test_a_service_gives_the_answers_that_it_gives_in_process(
    held: Services, url: str, small: Suite, tmp_path: Path
) -> None:
    here = run(InProcess(held), small, tmp_path / "here")
    with Service(url, collection=COLLECTION) as service:
        there = run(service, small, tmp_path / "there")
    assert there.failures == {}
    assert there.texts == here.texts
    for name, record in here.records.items():
        assert there.records[name].answer.claims == record.answer.claims


def test_a_service_that_refuses_is_a_failure_of_the_example(url: str, small: Suite, tmp_path: Path) -> None:
    with Service(url, collection="missing") as service:
        found = run(service, small, tmp_path / "run")
    assert "missing" in found.failures["leave"]


def test_a_service_that_is_not_there_is_an_error_before_the_first_question() -> None:
    with pytest.raises(TargetError, match="can't be reached"), Service("http://127.0.0.1:9"):
        pass


def test_a_replayed_model_answers_through_the_gate(held: Services, small: Suite, tmp_path: Path) -> None:
    text = "[[{1}]] Parental leave lasts 12 weeks.\nThat is all I know.\n"
    example = small.examples[0]
    completions = (Completion(text, ("Parental leave lasts 12 weeks.",)),)
    recordings = {"leave": Recording("leave", question_sha256(example.question), "hand", None, completions)}
    target = Replayed(held, recordings)
    found = execute(tmp_path / "run", [example], {"suite": {}, "corpus": {}}, target)
    assert found.failures == {}
    answer = found.recorded["leave"].answer or {}
    assert answer["text"] == "Parental leave lasts 12 weeks. [1]"
    assert answer["model"] == "replay:hand"
    assert answer["debug"]["dropped"] == {"uncited_text": 1}


def test_a_beir_folder_is_a_suite(tmp_path: Path, opened_for: Callable[[Suite], Any]) -> None:
    folder = tmp_path / "beir"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "Moon", "text": "The Moon orbits the Earth."}\n'
        '{"_id": "d2", "title": "Bread", "text": "Bread is baked from flour."}\n'
    )
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "What orbits the Earth?"}\n')
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    found = suite(folder)
    assert found.examples == beir_examples(folder)
    with opened_for(found) as services:
        done = run(InProcess(services, passages_only=True), found, tmp_path / "run")
    scores = measure(done, LexicalProxy()).scores
    assert scores["q1"]["recall@1"].value == 1


def test_a_corpus_that_can_not_be_indexed_is_named(small: Suite, opened_for: Callable[[Suite], Any]) -> None:
    (small.corpus / "empty.txt").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"documents/empty\.txt could not be indexed"), opened_for(small):
        pass


def test_a_chat_endpoint_is_asked_and_its_sources_are_read(small: Suite, tmp_path: Path) -> None:
    reply = {
        "choices": [{"message": {"content": "It lasts 12 weeks [1]."}}],
        "sources": [{"url": "leave.md", "content": "Parental leave lasts 12 weeks."}],
    }
    with chat_endpoint(reply) as address, OpenAI(address, model="m") as target:
        found = run(target, small, tmp_path / "run")
    record = found.records["leave"]
    assert record.answer.claims[0].citations == (1,)
    assert record.is_valid(record.citations[1])


def test_a_scripted_provider_is_a_chat_endpoint(small: Suite, tmp_path: Path) -> None:
    with ScriptedProvider(["It lasts 12 weeks."]) as provider, OpenAI(provider.url, model="m") as target:
        found = execute(tmp_path / "run", small.examples[:1], {"suite": {}, "corpus": {}}, target)
    assert found.records["leave"].answer.text == "It lasts 12 weeks."


def test_a_chat_endpoint_that_fails_is_a_failure_without_its_words(small: Suite) -> None:
    reply = {"error": "the key sk-1 is wrong"}
    with (
        chat_endpoint(reply, status=401) as address,
        OpenAI(address, model="m") as target,
        pytest.raises(TargetError, match="answered 401") as raised,
    ):
        list(target.ask(small.examples[0]))
    assert "sk-1" not in str(raised.value)


def test_an_address_is_written_down_without_its_secrets() -> None:
    assert plain_url("https://me:secret@host:8080/v1?key=1#x") == "https://host:8080/v1"


class chat_endpoint:  # noqa: N801 - used as a function
    """A server that gives one reply to every request."""

    def __init__(self, reply: Any, *, status: int = 200) -> None:
        body = json.dumps(reply).encode()

        class Reply(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Reply)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
