"""A client's messages, by role, as turns."""

from collections.abc import Iterable
from typing import Literal

from qa_service.conversations.history import Turn

Role = Literal["user", "assistant"]


def turns_of(messages: Iterable[tuple[Role, str]], *, question: str) -> tuple[Turn, ...]:
    """The turns that messages make up: each question with all that was said after it.

    What was said before the first question is left out, and so is a last question that is `question` itself:
    some clients send that as a message too.
    """
    said: list[tuple[str, list[str]]] = []
    for role, text in messages:
        if role == "user":
            said.append((text, []))
        elif said:
            said[-1][1].append(text)
    if said and said[-1] == (question, []):
        said.pop()
    return tuple(Turn(asked, " ".join(filter(None, answers))) for asked, answers in said if asked)
