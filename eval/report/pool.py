"""Long texts written once, however many passages and events have them."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from eval.report.model import Event

_WORTH_IT = 24
_DEEPEST = 64


class Pool:
    """Texts by number. A text is added when it is asked for."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def texts(self) -> list[str]:
        """All texts, in the order of their numbers."""
        return list(self._numbers)

    def number(self, text: str) -> int:
        """The text's number."""
        return self._numbers.setdefault(text, len(self._numbers))

    def take_repeated(self, streams: Iterable[Sequence[Event]]) -> None:
        """Add the texts of some length that stand in these streams more than once."""
        counts = Counter(text for events in streams for event in events for text in _texts(event.data))
        for text, count in counts.items():
            if count > 1 and len(text) >= _WORTH_IT:
                self.number(text)

    def stream(self, events: Sequence[Event]) -> list[Any]:
        """The events as a JSON value in which `@7` is the text of number 7.

        Any other string that begins with `@` is written with a second one before it. Numbers that JSON does
        not have are written as strings, and what is nested deeper than 64 levels is left out.
        """
        return [
            {
                "event": self._packed(event.name),
                **({} if event.at_ms is None else {"at_ms": event.at_ms}),
                "data": self._packed(event.data),
            }
            for event in events
        ]

    def _packed(self, value: Any, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            return "…"
        if isinstance(value, str):
            if value in self._numbers:
                return f"@{self._numbers[value]}"
            return f"@{value}" if value.startswith("@") else value
        if isinstance(value, dict):
            return {key: self._packed(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self._packed(item, depth + 1) for item in value]
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def island(value: Any) -> str:
    """A JSON value to stand in a `script` element: none of its characters means anything to HTML."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _texts(value: Any) -> Iterator[str]:
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left += item.values()
        elif isinstance(item, list):
            left += item
