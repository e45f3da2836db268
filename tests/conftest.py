"""What tests share: the real embedding model, services in a temporary folder, and PostgreSQL."""

import importlib.util
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from index.catalog import Database, sqlite_url
from index.embed import Embedder, open_embedder
from qa_service.services import Services, opened
from qa_service.settings import Settings
from qa_service.telemetry.logs import formatter, is_wanted

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_CHROMIUM_ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@pytest.fixture(autouse=True)
def _no_settings_from_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on, or reaches a model by, the `QA_` variables of whoever runs it."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"QA_{name.upper()}", raising=False)


@pytest.fixture
def spoken() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What a handler as the service has it writes, as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(as_json=True, texts=False))
    handler.addFilter(is_wanted)
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(each) for each in stream.getvalue().splitlines()]
    root.removeHandler(handler)


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the local embedding model's converted weights, made once for all tests (2 s)."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def embedder(model_cache: Path) -> Iterator[Embedder]:
    """The local embedding model, loaded once for all tests; it embeds about 300 sentences a second."""
    embedder = open_embedder(None, cache_dir=model_cache)
    embedder.embed_query("load")
    yield embedder
    embedder.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new SQLite database."""
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    yield database
    database.close()


@pytest.fixture
def data_dir(tmp_path: Path, model_cache: Path, embedder: Embedder) -> Path:
    """A new data directory, empty but for the converted model, for a service or a `qa` process to open."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "models").symlink_to(model_cache)
    return folder


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """The settings of a service in a new data directory: everything local, answers extractive.

    For others: `settings.model_copy(update={"model": "..."})`.
    """
    return Settings(data_dir=data_dir)


@pytest.fixture
def services(settings: Settings, embedder: Embedder) -> Iterator[Services]:
    """The services of a new data directory, opened as `qa` opens them, and closed after the test."""
    with opened(settings, command="pytest", embedder=embedder) as services:
        yield services


@pytest.fixture(scope="session")
def endless_pdf() -> bytes:
    """A PDF of 61 KB that takes more than an hour to parse: it shows one page of little text 9,999 times."""
    content = zlib.compress(b"BT /F 10 Tf 10 700 Td (hello) Tj ET\n" + b"0 g " * 150_000)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count 9999>>" % (b"3 0 R " * 9999),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, table = b"%PDF-1.5\n", b"xref\n0 6\n0000000000 65535 f \n"
    for number, each in enumerate(objects, start=1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    return out + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)


@pytest.fixture(scope="session")
def killed_qa_index() -> ModuleType:
    """The module `soak/killed_qa_index.py`: `qa index` that is killed over a folder that changes."""
    return _soak("killed_qa_index")


@pytest.fixture(scope="session")
def faults() -> ModuleType:
    """The module `soak/faults.py`, which the short and the long suite of faults share."""
    return _soak("faults")


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module `soak/tiny.py`: an index that is cheap to fill, and what reads it back."""
    return _soak("tiny")


@pytest.fixture(scope="session")
def damage() -> ModuleType:
    """The module `soak/damage.py`: what can become of the files of followers."""
    return _soak("damage")


@pytest.fixture(scope="session")
def machine(tiny: ModuleType, damage: ModuleType) -> ModuleType:
    """The module `soak/machine.py`: an index beside a dictionary."""
    return _soak("machine")


@pytest.fixture(scope="session")
def killed_writer() -> ModuleType:
    """The module `soak/killed_writer.py`: a process that is killed while it writes an index."""
    return _soak("killed_writer")


@pytest.fixture(scope="session")
def reading() -> ModuleType:
    """The module `soak/reading.py`: reading while documents are replaced."""
    return _soak("reading")


@pytest.fixture(scope="session")
def leaks() -> ModuleType:
    """The module `soak/leaks.py`, which the short and the long suite of planted secrets share."""
    return _soak("leaks")


@pytest.fixture(scope="session")
def fuzzing() -> ModuleType:
    """The module `soak/fuzzing.py`, which the short and the long suite of requests from the API's document share."""
    return _soak("fuzzing")


@pytest.fixture(scope="session")
def scaling() -> ModuleType:
    """The module `soak/scaling.py`, which the short and the long suite of several processes share."""
    return _soak("scaling")


def _soak(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "soak" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium, started once for all tests; without one they are skipped, which in CI is a failure."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None and os.environ.get("CI"):
        pytest.fail("no Chromium was found (apt-get install chromium), and CI must run the browser tests")
    if path is None:
        pytest.skip("no Chromium was found (apt-get install chromium): the browser tests were not run")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_CHROMIUM_ARGUMENTS, *sandbox])
        yield browser
        browser.close()


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
