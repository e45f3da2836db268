"""The documents for LlamaIndex: a retriever of passages and a reader of texts, over a service or a data directory.

    with connected(Path("qa-data")) as index:              # or Client("https://qa.example.com", token="sk_...")
        engine = RetrieverQueryEngine.from_args(PassageRetriever(index, k=8), llm=...)
        documents = TextReader(index).load_data()

A data directory has one owner. Where `qa serve` runs on it, `connected` goes through that; otherwise it is this
process as long as the block runs.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import (
    Document,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from index.document import LOCATORS
from index.errors import NotFound
from index.owner import find_owner
from qa_service.clients.client import Client
from qa_service.clients.local import Local
from qa_service.errors import ServiceError
from qa_service.services import opened
from qa_service.settings import load_settings
from qa_service.wire import JSON

_FOR_PROGRAMS = ("document_id", "start", "end", "url", "sha256")
"""The metadata that neither a model nor an embedding is to read."""


class Index(Protocol):
    """What `Client` and `Local` have in common, as far as it is needed here."""

    def search(self, body: JSON) -> list[JSON]:
        """The passages for a query."""
        ...

    def documents(self, collection: str) -> Iterable[JSON]:
        """All documents of a collection."""
        ...

    def text(self, document_id: str) -> JSON:
        """A document's text."""
        ...


class PassageRetriever(BaseRetriever):
    """The passages of a collection for a query, best first, each a node with its score in [0, 1].

    A node's id is that of the chunk, its source node is the document, its text is the document's own:
    `text[node.start_char_idx : node.end_char_idx] == node.text` in what `TextReader` gives. `only` keeps the
    documents that have one of the given values. Raises what the index does, errors of `index.errors`.
    """

    def __init__(
        self,
        index: Index,
        *,
        collection: str = "default",
        k: int = 10,
        only: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        self._index = index
        self._body: JSON = {"collection": collection, "k": k}
        if only is not None:
            self._body["filter"] = {name: [*values] for name, values in only.items()}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_node(each) for each in self._index.search({**self._body, "query": query_bundle.query_str})]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class TextReader(BaseReader):
    """The indexed documents of a collection with their canonical texts, under their own ids."""

    def __init__(self, index: Index, *, collection: str = "default") -> None:
        self._index = index
        self._collection = collection

    def lazy_load_data(self, *_args: Any, **_options: Any) -> Iterator[Document]:
        """One document after another; what is deleted meanwhile is left out."""
        for each in self._index.documents(self._collection):
            if each["status"] == "indexed" and (stored := self._stored(each["id"])):
                yield _document(each, stored)

    def _stored(self, document_id: str) -> JSON | None:
        try:
            return self._index.text(document_id)
        except NotFound:
            return None
        except ServiceError as error:
            if error.http_status != 404:
                raise
            return None


@contextmanager
def connected(data_dir: Path | None = None) -> Iterator[Client | Local]:
    """The documents of a data directory: through the service that runs on it, or opened here for the while.

    Other settings, and the directory where none is given, are those of the environment. Raises
    `SettingsError` where one of them is wrong, and `DataDirectoryInUse` where a process holds the directory that does
    not serve, such as `qa index`.
    """
    settings = load_settings(data_dir)
    owner = find_owner(settings.data_dir)
    if owner and owner.url:
        with Client(owner.url, token=owner.token) as client:
            yield client
        return
    with opened(settings, command="LlamaIndex") as services:
        yield Local(services)


def _node(passage: JSON) -> NodeWithScore:
    span = passage["span"]
    metadata = {
        "title": passage["title"],
        "source": passage["source"],
        **({"headings": " > ".join(passage["headings"])} if passage["headings"] else {}),
        **{name: passage[name] for name in LOCATORS if name in passage},
        "document_id": passage["document_id"],
        **span,
        "url": passage["url"],
    }
    node = TextNode(
        id_=passage["chunk_id"],
        text=passage["text"],
        start_char_idx=span["start"],
        end_char_idx=span["end"],
        metadata=metadata,
        excluded_embed_metadata_keys=[*_FOR_PROGRAMS],
        excluded_llm_metadata_keys=[*_FOR_PROGRAMS],
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=passage["document_id"])},
    )
    return NodeWithScore(node=node, score=passage["score"])


def _document(listed: JSON, stored: JSON) -> Document:
    metadata = {
        **listed["metadata"],
        "title": stored["title"],
        "source": stored["source"],
        "format": listed["format"],
        "document_id": listed["id"],
        "sha256": stored["sha256"],
    }
    return Document(
        id_=listed["id"],
        text=stored["text"],
        metadata=metadata,
        excluded_embed_metadata_keys=[*_FOR_PROGRAMS],
        excluded_llm_metadata_keys=[*_FOR_PROGRAMS],
    )
