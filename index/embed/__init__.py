"""Texts in, unit vectors out: the embedding models that the index is built and searched with.

embedder = open_embedder(None, cache_dir=data_dir / "models")
passages = embedder.embed(["Paris is the capital of France."])     # (1, 384) float32
question = embedder.embed_query("What is the capital of France?")  # (384,)
passages @ question                                                # cosine similarities
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from index.vectors import Vector, Vectors

__all__ = ["Embedder", "Vector", "Vectors", "open_embedder"]


class Embedder(Protocol):
    """An embedding model: the local one and the remote one have the same face.

    All methods may be called from several threads. They raise `EmbeddingError` where the model is missing,
    can't be reached, or returns what is no vector.
    """

    @property
    def name(self) -> str:
        """Recorded with every stored vector; vectors of different names are never compared."""

    @property
    def dimension(self) -> int:
        """The length of a vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The passages' vectors, in order: `(len(texts), dimension)`, each of unit length.

        A passage's vector does not depend on the passages beside it.
        """

    def embed_query(self, text: str) -> Vector:
        """The vector to search for `text` with, of unit length."""

    def count_tokens(self, text: str) -> int:
        """How many tokens the text has for the model, prefixes and marks left out; an estimate where it is remote."""

    def close(self) -> None:
        """Release what the model holds; a later call takes it up again."""


def open_embedder(model: str | None, *, cache_dir: Path, threads: int | None = None) -> Embedder:
    """The embedding model of that litellm name, or the local one for None.

    Nothing is loaded and nobody is called until the first text comes, so that opening is cheap and can't
    fail. `cache_dir` and `threads` are the local model's: where its converted weights are kept (91 MB; made
    when first needed), and how many passages are embedded at once (None: one for each core).
    """
    if model is None:
        from index.embed.local import LocalEmbedder

        return LocalEmbedder(cache_dir, threads=threads)
    from index.embed.remote import RemoteEmbedder

    return RemoteEmbedder(model)
