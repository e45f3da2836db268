"""What one of several processes is to do, and the others are not."""

import os


class Turn:
    """A turn that one process takes: the first to ask, of all that are forked from the one that made it."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        os.write(writing, b".")
        os.close(writing)  # whoever reads after the byte has gone sees the end, and waits for nothing

    def take(self) -> bool:
        """Whether it was still to be had."""
        return bool(os.read(self._reading, 1))

    def close(self) -> None:
        """Forget it, in this process."""
        os.close(self._reading)
