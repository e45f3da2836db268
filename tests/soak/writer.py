"""A process that makes children which open an index, say what is in it, and write to it until they are killed.

Each line on its standard input begins a child: JSON with the data directory, a seed, and words that should be gone.
What children say is JSON, too: `opened` with what they found, `begins` and `done` around each change, `failed`.
"""

import json
import os
import random
import sys
import time
import traceback
from pathlib import Path

from tiny import Index, TinyEmbedder, check, open_index

SOURCES = tuple(f"{name}{at}" for at in range(3) for name in ("otter", "kiln", "harbour", "violin", "ledger"))


def main() -> None:
    """Serve until the standard input ends; what has to be imported is imported once."""
    for line in sys.stdin:
        wanted = json.loads(line)
        child = os.fork()
        if not child:
            _write(Path(wanted["data_dir"]), wanted["seed"], wanted["gone"])
        os.waitpid(child, 0)
        _say("ended")


def _write(data_dir: Path, seed: int, gone: list[str]) -> None:
    dice = random.Random(seed)  # noqa: S311 - it chooses what is written
    embedder = TinyEmbedder()
    _say("begins", pid=os.getpid())
    began = time.monotonic()
    try:
        index = open_index(data_dir, embedder)
        texts = _texts(index)
        seconds = time.monotonic() - began
        assert embedder.calls == 0, "opening embeds"
        check(index, texts, gone=gone)
        _say("opened", texts=texts, seconds=seconds)
        for number in range(10**6):
            _change(index, dice, f"{seed}n{number}")
    except BaseException:  # noqa: BLE001 - it is told to whoever began this
        _say("failed", why=traceback.format_exc())
    os._exit(1)


def _texts(index: Index) -> dict[str, str]:
    documents = index.catalog.documents(index.collection)
    assert len({each.source for each in documents}) == len(documents), "a document is there twice"
    return {each.source: index.catalog.text(each.id).text for each in documents}


def _change(index: Index, dice: random.Random, mark: str) -> None:
    """Add, replace or delete something, and say what is to be there afterwards: None for nothing."""
    there = sorted(_texts(index))
    if there and dice.random() < 0.3:
        source = dice.choice(there)
        _say("begins", change={source: None})
        index.delete(source)
    else:
        new = {source: _text(source, mark, dice) for source in dice.sample(SOURCES, dice.randint(1, 3))}
        _say("begins", change=new)
        index.put(**new)
    _say("done")


def _text(source: str, mark: str, dice: random.Random) -> str:
    more = (
        f"Line {at} of {source} was written in {dice.randint(1900, 2020)}."
        for at in range(dice.randint(1, 30))
    )
    return "\n\n".join((f"The secret of the {source} is {source}x{mark}.", *more))


def _say(event: str, **more: object) -> None:
    print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
