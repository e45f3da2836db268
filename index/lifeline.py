"""A child process that ends with the process that started it, however that one ends."""

import os
import select
import sys
import threading


def end_with_parent() -> None:
    """End this process when nobody holds the other end of its standard input any more.

    What comes through that pipe may be read meanwhile, or not at all.
    """
    threading.Thread(target=_end_with_input, args=(sys.stdin.fileno(),), daemon=True).start()


def _end_with_input(pipe: int) -> None:
    hanging_up = select.poll()
    hanging_up.register(pipe, 0)  # no event that is asked for: a hang-up is told in any case
    hanging_up.poll()
    os._exit(1)
