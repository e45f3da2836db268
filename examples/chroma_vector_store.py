"""LlamaIndex on Chroma, and Chroma alone: what `qa-eval bench index` writes the same vectors into for comparison.

`ChromaNodes` does what the package llama-index-vector-stores-chroma does when nodes are added and searched: a
node's text becomes Chroma's document, and the node itself, as JSON, a part of its metadata.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import chromadb
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.schema import BaseNode, MetadataMode, QueryBundle, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict
from pydantic import PrivateAttr

_BATCH = 1000


class ChromaNodes(BasePydanticVectorStore):
    """A LlamaIndex vector store over one Chroma collection."""

    stores_text: bool = True
    flat_metadata: bool = True
    _collection: Any = PrivateAttr()  # Chroma's types know no lists of lists

    def __init__(self, collection: Collection) -> None:
        super().__init__(stores_text=True)
        self._collection = collection

    @property
    def client(self) -> Any:
        """The collection."""
        return self._collection

    def add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        """Store nodes that have vectors; gives their ids."""
        ids = [node.node_id for node in nodes]
        self._collection.add(
            ids=ids,
            embeddings=[node.get_embedding() for node in nodes],
            metadatas=[node_to_metadata_dict(node, remove_text=True, flat_metadata=True) for node in nodes],
            documents=[node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes],
        )
        return ids

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        """Remove a document's nodes."""
        self._collection.delete(where={"document_id": ref_doc_id})

    def query(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        """The nearest nodes to the query's vector."""
        found = self._collection.query(
            query_embeddings=[query.query_embedding], n_results=query.similarity_top_k
        )
        nodes: list[BaseNode] = []
        for text, metadata in zip(found["documents"][0], found["metadatas"][0], strict=True):
            node = metadata_dict_to_node(dict(metadata))
            node.set_content(text)
            nodes.append(node)
        return VectorStoreQueryResult(
            nodes=nodes, ids=found["ids"][0], similarities=[1 - each for each in found["distances"][0]]
        )


def collection(folder: Path, name: str) -> Collection:
    """A new collection of a Chroma database under `folder`, with Chroma's own settings."""
    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    return client.create_collection(name, embedding_function=None)


def add(
    target: Collection,
    ids: Sequence[str],
    vectors: Sequence[Any],
    *,
    texts: Sequence[str] | None = None,
    metadata: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """`Collection.add` in batches of 1,000; without `texts` and `metadata` nothing that is found can be read."""
    for at in range(0, len(ids), _BATCH):
        part = slice(at, at + _BATCH)
        target.add(
            ids=[*ids[part]],
            embeddings=[*vectors[part]],
            documents=[*texts[part]] if texts else None,
            metadatas=[*metadata[part]] if metadata else None,
        )


def index_over(target: Collection, embedding: BaseEmbedding | None = None) -> VectorStoreIndex:
    """LlamaIndex's index that keeps its nodes in the collection."""
    return VectorStoreIndex.from_vector_store(
        ChromaNodes(target), embed_model=embedding or MockEmbedding(embed_dim=1)
    )


def question(text: str, vector: Sequence[float]) -> QueryBundle:
    """A question whose vector is there already."""
    return QueryBundle(text, embedding=[*vector])


def node(text: str, vector: Sequence[float], *, identifier: str, metadata: Mapping[str, Any]) -> BaseNode:
    """A node that was cut and embedded elsewhere; its metadata is embedded with it no more."""
    keys = [*metadata]
    return TextNode(
        id_=identifier,
        text=text,
        metadata={**metadata},
        excluded_embed_metadata_keys=keys,
        excluded_llm_metadata_keys=keys,
        embedding=[*vector],
    )
