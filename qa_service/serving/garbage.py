"""Garbage collection in a process that serves: out of the way of those who wait."""

import gc

_NEW_OBJECTS = 5_000
_YOUNG_COLLECTIONS = 5
_FULL_COLLECTIONS = 50


def settle() -> None:
    """Have the collector pass over all that is loaded by now, and look at what is new less often.

    No thread runs while it collects. The libraries are 440,000 objects, and to look through them takes half a
    second, several times a minute where a hundred answers are streamed. With the interpreter's own 700 new objects
    it also runs too often, and each time looks at what the answers under way hold. What is in no cycle is freed
    at once all the same.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_COLLECTIONS, _FULL_COLLECTIONS)
