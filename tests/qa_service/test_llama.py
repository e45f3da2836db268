"""The index as users of LlamaIndex have it: its retriever and its reader, over what is open here and over HTTP."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, NodeWithScore

from index.embed import Embedder
from index.errors import DataDirectoryInUse, InvalidRequest, NotFound
from index.owner import OwnerLock
from index.upload import Upload
from qa_service.access.keys import Rights
from qa_service.address import listen, own_url
from qa_service.api import Access, Context, Streams, create_app
from qa_service.clients.client import Client
from qa_service.clients.local import Local
from qa_service.errors import ServiceError
from qa_service.llama import Index, PassageRetriever, TextReader, connected
from qa_service.services import Services, opened
from qa_service.settings import Settings
from qa_service.uploads.worker import Worker
from tests.serving import on_socket

LEAVE = "# Leave\n\n## Days\n\nEmployees have 25 days of leave a year.\n\n## Parents\n\nIt lasts 12 weeks.\n"
HIRE = "# Hire\n\n| Bench | Price |\n|---|---|\n" + "".join(
    f"| Bench {number} | {number} euros |\n" for number in range(60)
)
TEXTS = {
    "hire.md": (HIRE, {"team": "hire"}),
    "leave.md": (LEAVE, {"team": "hr"}),
    "pets.md": ("Dogs 🐕 may come to the office on Fridays.\r\n\r\nCats may not.\n", {"team": "office"}),
    "code.py": ("import os\n\n\ndef depth():\n    return 18  # metres\n", {"title": "not the title"}),
}


@contextmanager
def served(services: Services, lock: OwnerLock | None = None) -> Iterator[str]:
    """Serves on loopback; the address, which the lock file says too where the lock is given."""
    listener = listen("127.0.0.1", 0)
    url = own_url(listener)
    token = lock.announce(url=url, command="qa serve").token if lock else None
    settings = services.settings
    streams = Streams(places=settings.threads, heartbeat_seconds=settings.heartbeat_seconds)
    context = Context(services, Worker(services), streams, Access(token=token))
    with closing(context.worker), listener, on_socket(create_app(context), fd=listener.fileno()):
        yield url


def put(services: Services) -> None:
    uploads = [
        Upload(name, name, text.encode(), metadata=metadata) for name, (text, metadata) in TEXTS.items()
    ]
    results = [*services.ingestor(services.collection("default")).put(uploads)]
    assert [result.error for result in results] == [None] * len(TEXTS)


@pytest.fixture(scope="module")
def library(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path, embedder: Embedder
) -> Iterator[Services]:
    data_dir = tmp_path_factory.mktemp("llama")
    with opened(Settings(data_dir=data_dir), command="pytest", embedder=embedder) as services:
        put(services)
        yield services


@pytest.fixture(scope="module", params=["here", "over HTTP"])
def index(request: pytest.FixtureRequest, library: Services) -> Iterator[Index]:
    """The same documents, opened here and behind a service."""
    if request.param == "here":
        yield Local(library)
        return
    with served(library) as url, Client(url) as client:
        yield client


def retrieved(index: Index, query: str, **options: object) -> list[NodeWithScore]:
    return PassageRetriever(index, **options).retrieve(query)  # type: ignore[arg-type]


def test_nodes_are_the_passages_of_a_search_in_their_order(index: Index) -> None:
    passages = index.search({"query": "days of leave", "k": 3})
    nodes = retrieved(index, "days of leave", k=3)
    assert [node.node_id for node in nodes] == [each["chunk_id"] for each in passages]
    assert [node.score for node in nodes] == [each["score"] for each in passages]
    assert [node.text for node in nodes] == [each["text"] for each in passages]


def test_every_node_is_cut_from_the_text_that_the_reader_gives(index: Index) -> None:
    texts = {document.id_: document.text for document in TextReader(index).load_data()}
    nodes = [node.node for node in retrieved(index, "what is there?", k=200)]
    assert {node.source_node.node_id for node in nodes if node.source_node} == texts.keys()
    for node in nodes:
        assert node.source_node
        text = texts[node.source_node.node_id]
        assert text[node.metadata["start"] : node.metadata["end"]] == node.get_content()
        assert (node.start_char_idx, node.end_char_idx) == (node.metadata["start"], node.metadata["end"])  # type: ignore[attr-defined]


def test_a_node_says_where_it_stands(index: Index) -> None:
    (node,) = retrieved(index, "How many days of leave are there?", k=1)
    assert node.metadata["source"] == "leave.md"
    assert node.metadata["title"] == "Leave"
    assert node.metadata["url"].startswith(f"/documents/{node.metadata['document_id']}?start=")
    (row,) = retrieved(index, "What is the price of Bench 57?", k=1)
    assert row.metadata["headings"] == "Hire > Bench | Price"
    (code,) = retrieved(index, "def depth(): return 18", k=1)
    assert code.metadata["line"] == 1


def test_a_model_reads_the_title_and_no_ids(index: Index) -> None:
    (node,) = retrieved(index, "How many days of leave are there?", k=1)
    shown = node.get_content(metadata_mode=MetadataMode.LLM)
    assert "title: Leave" in shown
    assert node.metadata["document_id"] not in shown


def test_a_filter_keeps_documents_by_their_metadata(index: Index) -> None:
    nodes = retrieved(index, "What is there?", k=50, only={"team": ["office"]})
    assert {node.metadata["source"] for node in nodes} == {"pets.md"}


def test_documents_have_their_own_ids_titles_and_metadata(index: Index) -> None:
    documents = {document.metadata["source"]: document for document in TextReader(index).lazy_load_data()}
    assert documents.keys() == TEXTS.keys()
    assert documents["leave.md"].metadata["team"] == "hr"
    assert documents["code.py"].metadata["title"] == "code.py"
    assert "\r" not in documents["pets.md"].text
    listed = {each["source"]: each["id"] for each in index.documents("default")}
    assert {source: document.id_ for source, document in documents.items()} == listed


def test_many_questions_can_be_asked_at_once(index: Index) -> None:
    async def ask() -> list[list[NodeWithScore]]:
        retriever = PassageRetriever(index, k=1)
        return await asyncio.gather(*(retriever.aretrieve(query) for query in ["leave", "dogs"] * 8))

    # In a thread of its own: LlamaIndex leaves a loop in the main one, which `run` would drop unclosed.
    with ThreadPoolExecutor(1) as apart:
        found = apart.submit(lambda: asyncio.run(ask())).result()
    assert [nodes[0].metadata["source"] for nodes in found] == ["leave.md", "pets.md"] * 8


def test_a_query_engine_of_llamaindex_answers_from_the_nodes(index: Index) -> None:
    engine = RetrieverQueryEngine.from_args(PassageRetriever(index, k=1), llm=MockLLM())
    response = engine.query("How many days of leave do employees have?")
    assert "Employees have 25 days of leave a year." in str(response)  # the prompt, which is all that it says
    assert [node.metadata["source"] for node in response.source_nodes] == ["leave.md"]


@pytest.mark.parametrize("collection", ["nosuch"])
def test_a_collection_that_is_not_there_is_an_error(index: Index, collection: str) -> None:
    with pytest.raises((NotFound, ServiceError), match="there is no collection 'nosuch'"):
        retrieved(index, "leave", collection=collection)
    with pytest.raises((NotFound, ServiceError), match="there is no collection 'nosuch'"):
        TextReader(index, collection=collection).load_data()


def test_what_is_out_of_bounds_is_an_error(index: Index) -> None:
    with pytest.raises((InvalidRequest, ServiceError), match="k: send 200 or less"):
        retrieved(index, "leave", k=201)


def test_a_document_that_is_deleted_while_texts_are_read_is_left_out(services: Services) -> None:
    put(services)
    with served(services) as url, Client(url) as client:
        for index in (client, Local(services)):
            reading = TextReader(index).lazy_load_data()
            first = next(reading)
            last = max(each["id"] for each in index.documents("default"))
            services.ingestor(services.collection("default")).delete(last)
            left = {first.id_, *(document.id_ for document in reading)}
            assert left == {each["id"] for each in index.documents("default")}


def test_a_service_that_asks_for_a_key_is_given_one(services: Services) -> None:
    put(services)
    _, key = services.keys.create("reader", Rights(scopes=("search",)))
    with served(services) as url:
        with Client(url) as client, pytest.raises(ServiceError, match="send a key"):
            retrieved(client, "leave")
        with Client(url, token=key) as client:
            assert len(TextReader(client).load_data()) == len(TEXTS)
            assert retrieved(client, "days of leave", k=1)[0].metadata["source"] == "leave.md"


def test_a_data_directory_is_opened_for_the_while(settings: Settings, embedder: Embedder) -> None:
    with opened(settings, command="pytest", embedder=embedder) as services:
        put(services)
    with connected(settings.data_dir) as index:
        assert isinstance(index, Local)
        assert retrieved(index, "days of leave", k=1)[0].metadata["source"] == "leave.md"
        with pytest.raises(DataDirectoryInUse, match="LlamaIndex"):
            OwnerLock(settings.data_dir, command="qa serve")
    OwnerLock(settings.data_dir, command="qa serve").release()


def test_the_service_that_runs_on_a_data_directory_is_gone_through(
    settings: Settings, embedder: Embedder
) -> None:
    lock = OwnerLock(settings.data_dir, command="qa serve")
    services = Services(settings, embedder=embedder)
    put(services)
    with served(services, lock), connected(settings.data_dir) as index:
        assert isinstance(index, Client)
        assert retrieved(index, "days of leave", k=1)[0].metadata["source"] == "leave.md"
    services.close()
    lock.release()


def test_a_data_directory_that_another_process_writes_is_told_to_be_in_use(data_dir: Path) -> None:
    lock = OwnerLock(data_dir, command="qa index")
    with pytest.raises(DataDirectoryInUse, match="qa index"), connected(data_dir):
        pass
    lock.release()
