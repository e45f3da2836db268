"""A folder that changes, `qa index` that is killed at any moment, and what has to hold after each kill."""

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index.catalog import Collection
from index.embed import Embedder
from qa_service.services import Services, opened
from qa_service.settings import Settings

_QA = Path(sys.executable).with_name("qa")
_SECONDS = 120
# What a run is killed after, and the longest time between, in seconds.
_PHASES = (("opened", 1.5), ("stored", 0.15), ("served", 0.15))
_SUBJECTS = (
    "otter",
    "kiln",
    "harbour",
    "violin",
    "glacier",
    "ledger",
    "orchard",
    "turbine",
    "lantern",
    "quarry",
)


@dataclass
class CommandTrial:
    """A data directory, the folder that it is synchronised with, and what is known of both.

    `files` holds the text of each file by its source, `served` the hash of each document at the last check.
    """

    settings: Settings
    embedder: Embedder
    folder: Path
    seed: int
    files: dict[str, str] = field(default_factory=dict)
    served: dict[str, str] = field(default_factory=dict)
    phases: Counter[str] = field(default_factory=Counter)
    ready_seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - not for secrets

    def change(self, *, files: int = 25) -> None:
        """Write, rewrite and remove some of `files` files; at first, write them all."""
        self.folder.mkdir(exist_ok=True)
        first = not self.files
        for at in range(files):
            path = self.folder / f"{at:02}.md"
            source = f"{self.folder.name}/{path.name}"
            if first or self.random.random() < 0.4:
                if source in self.files and self.random.random() < 0.2:
                    del self.files[source]
                    path.unlink()
                else:
                    self.files[source] = self._text(at)
                    path.write_text(self.files[source])

    def kill(self) -> None:
        """Run `qa index` and kill it at a random moment after it has opened, stored or served something."""
        phase, longest = self.random.choice(_PHASES)
        before = self._progress()
        process = self._start()
        deadline = time.monotonic() + _SECONDS
        while self._progress()[phase] == before[phase] and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(self.random.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.phases["too late" if self._seal.exists() else phase] += 1

    def finish(self) -> None:
        """Run `qa index` to its end."""
        process = self._start()
        _, error = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, error.decode()

    def check(self) -> None:
        """Open what a kill has left: each document is the one before or its file's, whole, indexed and found."""
        acknowledged = self._live_hashes()
        start = time.monotonic()
        with opened(self.settings, command="check", embedder=self.embedder) as services:
            self.ready_seconds.append(time.monotonic() - start)
            collections = services.catalog.collections()
            found = self._check(services, collections[0]) if collections else {}
        written = {source: _hash(text) for source, text in self.files.items()}
        for source, sha256 in found.items():
            assert sha256 in {self.served.get(source), written.get(source)}, f"{source} is another text"
        for source in self.served.keys() & written.keys():
            assert source in found, f"{source} was served, and is no more"
        for source, sha256 in acknowledged.items():
            assert found[source] in {sha256, written.get(source)}, (
                f"{source} was acknowledged, and is no more"
            )
        self.served = found

    def check_complete(self) -> None:
        """Check after a run that came to its end: the documents are the files."""
        self.check()
        assert self.served == {source: _hash(text) for source, text in self.files.items()}

    def _check(self, services: Services, collection: Collection) -> dict[str, str]:
        catalog, group = services.catalog, services.followers.of(collection)
        documents = catalog.documents(collection)
        assert len({document.source for document in documents}) == len(documents)
        assert catalog.held_versions(collection) == catalog.live_versions(collection)
        chunk_ids: set[str] = set()
        for document in documents:
            assert document.status == "indexed", f"{document.source} is half-indexed"
            text = catalog.text(document.id)
            assert document.text_sha256 == _hash(text.text)
            chunks = catalog.version_chunks(collection, text.version_id)
            assert len(chunks) == document.chunks > 0
            assert all(chunk.span.of(text.text) == chunk.text for chunk in chunks)
            chunk_ids.update(chunk.id for chunk in chunks)
            word = text.title.split()[-1]
            found = services.retriever.search(collection, f"What is kept in {word}?", k=5).passages
            assert document.id in {passage.document_id for passage in found}, f"{word} is not found"
            for passage in found:
                assert passage.span.of(catalog.text(passage.document_id).text) == passage.text
        for follower in group.all:
            assert follower.ids() == chunk_ids
            assert follower.applied() == catalog.last_change(collection)
        return {document.source: str(document.raw_sha256) for document in documents}

    def _text(self, at: int) -> str:
        word = f"{self.random.choice(_SUBJECTS)}{at}x{self.random.randrange(10**6)}"
        parts = [f"# Notes on {word}\n"]
        for section in range(self.random.randint(1, 3)):
            subject = self.random.choice(_SUBJECTS)
            parts.append(f"## {subject} {section}\n\nThe {subject} of {word} is kept in room {section}.")
            parts += [f"It was moved there in {self.random.randint(1900, 2020)}." for _ in range(3)]
        return "\n".join(parts)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "QA_DATA_DIR": str(self.settings.data_dir)}
        return subprocess.Popen(
            [_QA, "index", self.folder], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @property
    def _seal(self) -> Path:
        """What stands in the data directory only after it was closed cleanly."""
        return self.settings.data_dir / "followers" / "closed.json"

    def _progress(self) -> dict[str, Any]:
        """How far a run has come: whether all is closed, and the highest versions stored and served."""
        rows = self._query("SELECT (SELECT max(id) FROM versions), (SELECT max(live_version) FROM documents)")
        stored, served = rows[0] if rows else (None, None)
        opened = (self._seal.parent / "chroma").exists() and not self._seal.exists()
        return {"opened": opened, "stored": stored, "served": served}

    def _live_hashes(self) -> dict[str, str]:
        """The hash of each document's bytes that the catalog on the disk calls live."""
        return dict(
            self._query(
                "SELECT source, raw_sha256 FROM documents JOIN versions ON versions.id = live_version"
            )
        )

    def _query(self, query: str) -> list[tuple[Any, ...]]:
        path = self.settings.data_dir / "catalog.sqlite3"
        if not path.exists():
            return []
        connection = sqlite3.connect(path, timeout=10)
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # it is still without tables
            return []
        finally:
            connection.close()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
