"""How fast indexing goes, and how long it will take: by passages embedded and bytes still to be read."""

from collections import deque

_WINDOW_SECONDS = 30.0
_MIN_SECONDS = 1.0


class Pace:
    """Estimates from what has been done so far; `now` is in seconds, of any clock that only goes on.

    passages left = (known passages of files at hand) + (bytes of files not yet parsed) * (passages a byte so far),
    and time left = passages left / (passages a second of the last 30 s). Files that turn out unchanged are not
    read again and count for nothing, so they can't make the estimate look better than it is.
    """

    def __init__(self, *, now: float) -> None:
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])
        self._at_hand: dict[str, tuple[int, int]] = {}
        self._chunks = 0
        self._size = 0
        self._size_ahead = 0
        self.files = 0
        self.files_ahead = 0

    def plan(self, files: int, size: int) -> None:
        """So many files more, of so many bytes, are to be read and indexed."""
        self.files_ahead += files
        self._size_ahead += size

    def embedded(self, name: str, done: int, total: int, *, now: float) -> None:
        """So many of a file's passages are embedded."""
        self._at_hand[name] = done, total
        self._mark(now)

    def ended(self, name: str, *, size: int, chunks: int, now: float) -> None:
        """A file of the plan has ended, as so many passages, which may be none."""
        self._at_hand.pop(name, None)
        self.files += 1
        self._chunks += chunks
        self._size += size
        self._mark(now)

    @property
    def done(self) -> int:
        """The passages that have been embedded."""
        return self._chunks + sum(done for done, _ in self._at_hand.values())

    def rate(self, *, now: float) -> float | None:
        """Passages a second, of late; None before there is anything to go by."""
        began, before = self._marks[0]
        if now - began < _MIN_SECONDS or self.done <= before:
            return None
        return (self.done - before) / (now - began)

    def left(self) -> float | None:
        """About how many passages are still to be embedded; None before there is anything to go by."""
        known = sum(total for _, total in self._at_hand.values())
        unparsed = 0.0
        if self.files + len(self._at_hand) < self.files_ahead:
            if not self._chunks:
                return None
            # What a file at hand takes of the bytes is told by its passages: its size is not known by its name.
            unparsed = max(0.0, (self._size_ahead - self._size) * self._chunks / self._size - known)
        return known - (self.done - self._chunks) + unparsed

    def seconds_left(self, *, now: float) -> float | None:
        """How long the rest of the plan will take; None before there is anything to go by."""
        rate, left = self.rate(now=now), self.left()
        return None if rate is None or left is None else left / rate

    def _mark(self, now: float) -> None:
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and self._marks[1][0] < now - _WINDOW_SECONDS:
            self._marks.popleft()
