"""Whether the passages found have anything to do with the question: decided before anybody writes."""

from index.retrieve import Retrieved


def is_relevant(question: str, retrieved: Retrieved) -> bool:
    """Whether an answer is worth trying."""
    return bool(question and retrieved.passages)
