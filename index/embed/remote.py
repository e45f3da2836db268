"""Embedding models behind an API, through litellm: the one module of `index` that imports it."""

import os
import time
from collections.abc import Mapping, Sequence
from textwrap import shorten
from types import ModuleType
from typing import Any

import numpy as np

from index.embed.text import encodable
from index.embed.vectors import unit_rows
from index.errors import EmbeddingError
from index.vectors import Vector, Vectors

_FIRST_PAUSE_SECONDS = 0.5


class RemoteEmbedder:
    """Any embedding model that litellm knows, by litellm's name for it: `openai/text-embedding-3-small`.

    The provider's key and, unless `api_base` is given, its address come from the environment variables that
    litellm documents for it. Passages and queries are sent as they are, `batch_size` in a request. After a
    rate limit, a fault of the server or a lost connection the request is made again, up to `retries` times,
    after a pause that doubles from half a second. `timeout_seconds` bounds the wait for each reply.
    """

    def __init__(
        self,
        model: str,
        *,
        api_base: str | None = None,
        batch_size: int = 64,
        timeout_seconds: float = 30.0,
        retries: int = 2,
    ) -> None:
        self.name = model
        self._api_base = api_base
        self._batch_size = batch_size
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._dimension: int | None = None

    @property
    def dimension(self) -> int:
        """The length of a vector, learnt from the first reply; a word is embedded where there was none."""
        return self._dimension or len(self.embed_query("dimension"))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The texts' vectors, in order, each of unit length.

        Raises `EmbeddingError` where the provider refuses, fails or is too slow, or where its reply is not
        one finite vector of the first reply's dimension for each text.
        """
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        starts = range(0, len(texts), self._batch_size)
        return np.concatenate(
            [self._embed_batch(texts[start : start + self._batch_size]) for start in starts]
        )

    def embed_query(self, text: str) -> Vector:
        """The query's vector, of unit length; raises as `embed` does."""
        vector: Vector = self._embed_batch([text])[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """An estimate: three bytes a token, which is high for English and about right for other scripts."""
        return -(-len(text.encode("utf-8", "replace")) // 3)

    def close(self) -> None:
        """Does nothing: no connection is kept here."""

    def _embed_batch(self, texts: Sequence[str]) -> Vectors:
        rows = _rows(self._reply([encodable(text) for text in texts]), len(texts), self.name)
        if self._dimension is None:
            self._dimension = rows.shape[1]
        if rows.shape[1] != self._dimension:
            raise EmbeddingError(
                f"the embedding model {self.name!r} returned vectors of dimension {rows.shape[1]} after "
                f"vectors of dimension {self._dimension}: set QA_EMBEDDING_MODEL to a model of one dimension"
            )
        return unit_rows(rows, self.name)

    def _reply(self, texts: list[str]) -> Sequence[Mapping[str, Any]]:
        litellm = _import_litellm()
        transient = (
            litellm.RateLimitError,
            litellm.InternalServerError,
            litellm.ServiceUnavailableError,
            litellm.BadGatewayError,
            litellm.APIConnectionError,
        )
        pauses = [_FIRST_PAUSE_SECONDS * 2**retry for retry in range(self._retries)]
        while True:
            try:
                return self._request(litellm, texts)
            except tuple(litellm.exceptions.LITELLM_EXCEPTION_TYPES) as error:
                # litellm reports a missing key as a fault of the server
                missing = litellm.validate_environment(self.name)["missing_keys"]
                if missing or not pauses or not isinstance(error, transient):
                    raise EmbeddingError(self._explain(litellm, error, missing)) from error
            time.sleep(pauses.pop(0))

    def _request(self, litellm: ModuleType, texts: list[str]) -> Sequence[Mapping[str, Any]]:
        reply = litellm.embedding(
            self.name,
            input=texts,
            api_base=self._api_base,
            timeout=self._timeout_seconds,
            encoding_format="float",
            # of the settings above, a provider is sent those that it knows
            drop_params=True,
            # the OpenAI client's own, of which litellm makes 2 where it is told 0
            max_retries=1,
        )
        data: Sequence[Mapping[str, Any]] = reply.data
        return data

    def _explain(self, litellm: ModuleType, error: Exception, missing: list[str]) -> str:
        if isinstance(error, litellm.AuthenticationError | litellm.PermissionDeniedError):
            what, remedy = "refused the key", f"set {' and '.join(missing) or self._key_variable(litellm)}"
        elif isinstance(error, litellm.RateLimitError):
            what, remedy = "is over its rate limit", "wait, or have the limit raised"
        elif isinstance(error, litellm.Timeout):
            what, remedy = f"did not reply in {self._timeout_seconds:g} s", "see whether its server is up"
        elif missing:
            what, remedy = "could not be asked", f"set {' and '.join(missing)}"
        else:
            what, remedy = "failed", "mend what the provider reports"
        # what follows the first line is litellm's traceback
        reported = shorten(str(error).partition("\n")[0], 300)
        return (
            f"the embedding model {self.name!r} {what} ({reported}): "
            f"{remedy}, or set QA_EMBEDDING_MODEL to another model (unset: the local one)"
        )

    def _key_variable(self, litellm: ModuleType) -> str:
        provider: str = litellm.get_llm_provider(self.name)[1]
        return f"{provider.upper()}_API_KEY"


def _rows(data: Sequence[Mapping[str, Any]], count: int, model: str) -> Vectors:
    """The vectors of a reply in the order of its indices, as they came: `(count, dimension)`."""
    try:
        ordered = sorted(data, key=lambda item: int(item["index"]))
        if [item["index"] for item in ordered] != list(range(count)):
            raise ValueError(f"{len(data)} vectors for {count} texts, or numbered otherwise than from 0")
        rows = np.array([item["embedding"] for item in ordered], np.float32)
        if rows.ndim != 2 or rows.shape[1] == 0:
            raise ValueError(f"an array of shape {rows.shape}")
    except (KeyError, TypeError, ValueError) as error:
        raise EmbeddingError(
            f"the embedding model {model!r} did not return one vector for each text ({error}): "
            "set QA_EMBEDDING_MODEL to another model (unset: the local one)"
        ) from error
    return rows


def _import_litellm() -> ModuleType:
    # read at import: without it litellm downloads a price list
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        import litellm
    except ImportError as error:
        raise EmbeddingError(
            f"a remote embedding model needs litellm, which can't be loaded here ({error}): "
            "reinstall litellm, or unset QA_EMBEDDING_MODEL for the local model"
        ) from error
    # without it litellm prints advice to the standard output at every error
    litellm.suppress_debug_info = True
    return litellm
