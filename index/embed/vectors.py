"""The one check that every model's output passes."""

import numpy as np
import numpy.typing as npt

from index.errors import EmbeddingError
from index.vectors import Vectors


def unit_rows(rows: npt.NDArray[np.floating], model: str) -> Vectors:
    """The rows scaled to length 1, as float32.

    Raises `EmbeddingError`, naming `model`, where a row holds NaN or infinity or is all zero: such a row
    has no direction, and a search would rank it anywhere.
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    directed = np.isfinite(lengths) & (lengths > 0)
    if not directed.all():
        bad = int(directed.argmin())
        raise EmbeddingError(
            f"the embedding model {model!r} returned a vector that is not finite or is all zeros "
            f"(of text number {bad}): set QA_EMBEDDING_MODEL to another model"
        )
    unit: Vectors = (rows / lengths).astype(np.float32)
    return unit
