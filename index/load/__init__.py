"""Files in, documents out: `load` turns the bytes of one file into a `Parsed`.

A format is a module of this package, named like the format, with a function
`parse(data, *, name, limits)`; a line in `sniff.SUFFIXES`; and what it is told by in `sniff.sniff`.
Its module is imported when the first document of the format comes.

Files of strangers go through `child.ChildLoader`, which calls `load` in a process with limits of its own.
"""

import re
from importlib import import_module
from typing import Protocol

from index.document import Format, Parsed
from index.errors import DocumentTooLarge, EmptyDocument
from index.load import sniff
from index.load.limits import DEFAULT_LIMITS, Limits, check_size

__all__ = ["DEFAULT_LIMITS", "SUFFIXES", "Limits", "Loader", "load"]

SUFFIXES = frozenset(suffix for suffixes in sniff.SUFFIXES.values() for suffix in suffixes)
"""The endings of file names, in lower case with their dot, that a walk through a folder picks up."""

# Anything but white space and what only tells where words may break or join.
_VISIBLE = re.compile("[^\\s\\xad\\u180e\\u200b-\\u200f\\u2060-\\u2064\\ufeff]")


class Loader(Protocol):
    """What turns files into text: `load` in this process, `ChildLoader` in one of its own."""

    def __call__(self, data: bytes, *, name: str) -> Parsed:
        """The text and layout of a file; raises a `LoadError` where it has none."""
        ...


class _Parse(Protocol):
    def __call__(self, data: bytes, *, name: str, limits: Limits) -> Parsed: ...


def load(data: bytes, *, name: str, limits: Limits = DEFAULT_LIMITS) -> Parsed:
    """The text and layout of the file whose content is `data`.

    The content decides which format it is; `name`, a file name or title, only tells Markdown from text, and
    stands in messages. A function of its arguments: it reads and keeps nothing else.

    Raises a `LoadError`: `UnsupportedFormat`, `EmptyDocument`, `EncryptedDocument`, `DamagedDocument`, or
    `DocumentTooLarge` if it is over `limits`.
    """
    check_size(data, name=name, limits=limits)
    if not data.strip():
        raise _empty(name)
    parsed = _parser(sniff.sniff(data, name=name))(data, name=name, limits=limits)
    if len(parsed.text) > limits.max_text_chars:
        raise DocumentTooLarge(
            f"{name!r} holds {len(parsed.text):,} characters of text, over the limit of "
            f"{limits.max_text_chars:,}: split it"
        )
    if not parsed.blocks or not _VISIBLE.search(parsed.text):
        raise _empty(name)
    return parsed


def _parser(format: Format) -> _Parse:  # noqa: A002
    parse: _Parse = import_module(f"index.load.{format}").parse
    return parse


def _empty(name: str) -> EmptyDocument:
    return EmptyDocument(f"{name!r} holds no text: check that it is the right file")
