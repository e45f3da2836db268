"""The stages of a search as spans: embed, lexical, dense, chunks; what they leave of `retrieve` is the scoring."""

from dataclasses import replace

from index.catalog import Catalog, Collection
from index.embed import Embedder
from index.followers import Followers, Group
from index.retrieve import Retriever
from qa_service.telemetry.tracing import UNTRACED, Tracing


def retriever(catalog: Catalog, embedder: Embedder, followers: Followers, tracing: Tracing) -> Retriever:
    """A retriever, each of whose stages is traced."""
    if tracing is UNTRACED:
        return Retriever(catalog, embedder, followers)
    inner = Retriever(
        tracing.traced(catalog, chunks="chunks"),
        tracing.traced(embedder, embed_query="embed"),
        _Followers(followers, tracing),
    )
    return tracing.traced(inner, search="retrieve")


class _Followers:
    def __init__(self, followers: Followers, tracing: Tracing) -> None:
        self._followers = followers
        self._tracing = tracing

    @property
    def are_shared(self) -> bool:
        return self._followers.are_shared

    def see(self, collection: Collection, change: int) -> None:
        self._followers.see(collection, change)

    def of(self, collection: Collection) -> Group:
        group, traced = self._followers.of(collection), self._tracing.traced
        return replace(
            group, dense=traced(group.dense, search="dense"), lexical=traced(group.lexical, search="lexical")
        )
