"""Reading while documents are replaced: each reading is of one version, whole, and never of none."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from index.errors import QAError

SENTENCES = 12


def text_of(version: int) -> str:
    """A document of several chunks in which each sentence names its version."""
    paragraphs = (
        f"Rule {at} of the lighthouse is in version v{version}v. "
        + " ".join(f"Word{n} of rule{at}." for n in range(90))
        for at in range(SENTENCES)
    )
    return "\n\n".join(paragraphs)


@dataclass
class Readings:
    """What readers have seen: how many readings, those that were empty, and those of two versions at once."""

    count: int = 0
    empty: int = 0
    mixed: list[set[str]] = field(default_factory=list)
    stale: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


def read_while_replacing(
    read: Callable[[], str], replace: Callable[[int], None], *, readings: int, replaces: int, readers: int = 3
) -> Readings:
    """Read the text of all passages in threads while another replaces the document, until both have done enough.

    A reading that began after version n was acknowledged must not be of a version before n.
    """
    seen, lock = Readings(), threading.Lock()
    acknowledged = 0

    def reader() -> None:
        while not seen.errors and (seen.count < readings or writer.is_alive()):
            before = acknowledged
            try:
                found = read()
            except QAError as error:
                seen.errors.append(repr(error))
                return
            versions = {
                word for word in found.split() if word.startswith("v") and word.strip(".").endswith("v")
            }
            with lock:
                seen.count += 1
                seen.empty += not versions
                seen.versions.update(versions)
                if len(versions) > 1:
                    seen.mixed.append(versions)
                seen.stale += any(int(each.strip("v.")) < before for each in versions)

    def write() -> None:
        nonlocal acknowledged
        for version in range(1, replaces + 1):
            try:
                replace(version)
            except QAError as error:
                seen.errors.append(repr(error))
                return
            acknowledged = version
            # So that replacing lasts as long as reading does.
            while seen.count < readings * version / replaces and not seen.errors:
                time.sleep(0.001)

    writer = threading.Thread(target=write)
    threads = [writer, *(threading.Thread(target=reader) for _ in range(readers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def check(seen: Readings, *, readings: int, replaces: int) -> None:
    """Raise AssertionError unless there were so many readings, of many versions, and none was mixed, empty or stale."""
    assert seen.errors == []
    assert seen.count >= readings
    assert (seen.empty, seen.mixed, seen.stale) == (0, [], 0)
    assert len(seen.versions) > replaces / 4, seen.versions


def watch(index: Any, *, readings: int, replaces: int) -> Readings:
    """Search an index while one of its two documents is replaced, and check what was seen."""

    def read() -> str:
        found = index.search("The rule of the lighthouse and its version", k=2 * SENTENCES)
        return "\n".join(each.text for each in found if each.source == "lighthouse")

    index.put(lighthouse=text_of(0), pets="Dogs may come to the office on Fridays.")
    seen = read_while_replacing(
        read, lambda version: index.put(lighthouse=text_of(version)), readings=readings, replaces=replaces
    )
    check(seen, readings=readings, replaces=replaces)
    return seen
