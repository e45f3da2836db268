"""What was at hand when the process died, so that an upload that kills it does not do so for ever."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Deaths:
    """Remembers in a file which upload is being indexed; one that is found at a start is that of a death.

    Only deaths one after the other at the same upload are counted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._item_id, self._deaths = _read(path)

    def deaths(self, item_id: int) -> int:
        """How often in a row a process has died at this upload."""
        return self._deaths if item_id == self._item_id else 0

    @contextmanager
    def over(self, item_id: int) -> Iterator[None]:
        """While the block runs, a death is this upload's."""
        self._path.write_text(json.dumps({"item_id": item_id, "deaths": self.deaths(item_id)}))
        try:
            yield
        finally:
            self._path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[int | None, int]:
    """The upload at which the last process died, and how often that has happened with this one."""
    try:
        found = json.loads(path.read_text())
        return int(found["item_id"]), int(found["deaths"]) + 1
    except FileNotFoundError:
        return None, 0
    except (ValueError, KeyError, TypeError):  # it died while it wrote this
        return None, 0
