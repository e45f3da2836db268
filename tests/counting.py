"""An embedding model that tells how much it was asked for."""

from collections.abc import Sequence

from index.embed import Embedder, Vector, Vectors


class Counting:
    """The model that it is given, with the number of texts that it has embedded."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.name, self.dimension = embedder.name, embedder.dimension
        self.texts = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += len(texts)
        return self._embedder.embed(texts)

    def embed_query(self, text: str) -> Vector:
        return self._embedder.embed_query(text)

    def count_tokens(self, text: str) -> int:
        return self._embedder.count_tokens(text)

    def close(self) -> None:
        self._embedder.close()
