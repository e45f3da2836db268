"""What the tests of the index share: databases, and versions of documents that need no embedding model."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from index.catalog import Catalog, Collection, Database, NewVersion, sqlite_url
from index.document import Chunk, Parsed, Span
from index.vectors import Vectors, quantise

DIMENSION = 8

MakeVersion = Callable[..., NewVersion]


def _unit(seed: int, rows: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, DIMENSION)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _version(source: str, lines: list[str], **others: Any) -> NewVersion:
    text = "\n".join(lines)
    starts = [sum(len(line) + 1 for line in lines[:at]) for at in range(len(lines))]
    spans = [Span(start, start + len(line)) for start, line in zip(starts, lines, strict=True)]
    vectors = _unit(sum(text.encode()), len(lines))
    given: dict[str, Any] = {
        "document_id": None,
        "source": source,
        "origin": "",
        "title": source,
        "metadata": {},
        "raw_sha256": "0" * 64,
        "parsed": Parsed(text, "text", blocks=tuple(spans)),
        "chunks": tuple(Chunk(at, span, (span,)) for at, span in enumerate(spans)),
        "vectors": vectors,
        "sentence_vectors": tuple(quantise(vector[None]) for vector in vectors),
    }
    return NewVersion(**{**given, **others})


@pytest.fixture
def version() -> MakeVersion:
    """`version(source, lines, **fields)`: a version with a chunk and a sentence for each line."""
    return _version


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new SQLite database."""
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    yield database
    database.close()


@pytest.fixture
def catalog(database: Database) -> Catalog:
    """A catalog in `database`, still empty."""
    return Catalog(database)


@pytest.fixture
def collection(catalog: Catalog) -> Collection:
    """The collection `default` of `catalog`, for vectors of eight numbers."""
    return catalog.ensure_collection("default", embedding_model="eight", dimension=DIMENSION)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of its own, `{}` for the database; skips where there is none."""
    pytest.importorskip("psycopg", reason="psycopg, the driver for PostgreSQL, is not installed")
    initdb, server = _binary("initdb"), _binary("postgres")
    # Not a folder of pytest's: those are closed to the user that the server must run as.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"
    subprocess.run(
        [initdb, "--no-sync", "--auth=trust", "--username=qa", "--encoding=UTF8", "--locale=C", data],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [server, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
            stdout=output,
            stderr=output,
            user=user,
            cwd=folder,
        )
    url = f"postgresql+psycopg://qa@/{{}}?host={folder}"
    try:
        _wait_for(url.format("postgres"), log)
        yield url
    finally:
        process.send_signal(signal.SIGINT)  # ends without waiting for connections
        process.wait(30)
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """The URL of a new database in PostgreSQL."""
    name = f"test_{time.time_ns()}"
    admin = sa.create_engine(postgres.format("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return postgres.format(name)


def _binary(name: str) -> str:
    for folder in ("", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)):
        if found := shutil.which(name, path=folder or None):
            return found
    pytest.skip(f"PostgreSQL's {name} is not installed")


def _wait_for(url: str, log: Path) -> None:
    engine = sa.create_engine(url)
    deadline = time.monotonic() + 30
    while True:
        try:
            engine.connect().close()
            break
        except sa.exc.OperationalError:
            if time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
    engine.dispose()
