import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from index.audit import Finding, audit_catalog
from index.catalog import Catalog, Collection, StoredChunk
from index.catalog.database import HEAD
from index.embed import Embedder
from index.followers import Followers, Group
from index.owner import OwnerLock
from index.upload import Upload
from qa_service.database import open_database
from qa_service.services import opened
from qa_service.settings import Settings
from tests.cli.conftest import nothing_changes
from tests.invoking import invoke


def doctor(data_dir: Path, *arguments: str) -> Result:
    return invoke(data_dir, "doctor", *arguments)


def states(result: Result) -> dict[str, str]:
    """The state of each check."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    lines = [(line[:9].strip(), line[11:27].strip()) for line in result.stdout.splitlines()]
    return {check: state for state, check in lines}


def broken(result: Result) -> set[str]:
    return {check for check, state in states(result).items() if state == "broken"}


def change(data_dir: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(data_dir / "catalog.sqlite3")) as connection, connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        assert connection.execute(statement, values).rowcount > 0


def test_a_directory_that_is_sound_is_ok_in_every_check_and_left_as_it_is(indexed: Path) -> None:
    with nothing_changes(indexed):
        result = doctor(indexed)
    assert result.exit_code == 0
    assert set(states(result).values()) == {"ok"}
    assert set(states(result)) == {
        *("schema", "database", "texts", "chunks", "vectors", "references", "left over"),
        *("chroma default", "tantivy default", "matrix default"),
    }


# Followers


def lose_everything(followers: Path) -> None:
    shutil.rmtree(followers)


def lose_chroma(followers: Path) -> None:
    shutil.rmtree(followers / "chroma")


def cut_chroma_off(followers: Path) -> None:
    os.truncate(followers / "chroma" / "chroma.sqlite3", 20_000)


def fill_chroma_with_noise(followers: Path) -> None:
    (followers / "chroma" / "chroma.sqlite3").write_bytes(b"\xff" * 100_000)


def lose_tantivy(followers: Path) -> None:
    shutil.rmtree(followers / "tantivy")


def cut_terms_off(followers: Path) -> None:
    for path in followers.rglob("*.term"):
        os.truncate(path, 10)


def flip_a_bit_of_the_postings(followers: Path) -> None:
    path = min(followers.rglob("*.idx"))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def flip_a_bit_of_a_vector(followers: Path) -> None:
    (path,) = followers.glob("matrix/*/sentences-*")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def cut_vectors_off(followers: Path) -> None:
    for path in followers.glob("matrix/*/vectors-*"):
        os.truncate(path, 10)


def lose_metadata(followers: Path) -> None:
    for path in followers.rglob("meta.json"):
        path.write_text("{")


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lose_everything, {"chroma default", "tantivy default", "matrix default"}),
        pytest.param(lose_chroma, {"chroma default"}, marks=pytest.mark.soak),
        (cut_chroma_off, {"chroma default"}),
        pytest.param(fill_chroma_with_noise, {"chroma default"}, marks=pytest.mark.soak),
        pytest.param(lose_tantivy, {"tantivy default"}, marks=pytest.mark.soak),
        pytest.param(cut_terms_off, {"tantivy default"}, marks=pytest.mark.soak),
        pytest.param(lose_metadata, {"tantivy default"}, marks=pytest.mark.soak),
        (flip_a_bit_of_the_postings, {"tantivy default"}),
        (flip_a_bit_of_a_vector, {"matrix default"}),
        pytest.param(cut_vectors_off, {"matrix default"}, marks=pytest.mark.soak),
    ],
)
def test_damaged_files_of_a_follower_are_found_and_made_again(
    indexed: Path, damage: Callable[[Path], None], found: set[str]
) -> None:
    damage(indexed / "followers")
    with nothing_changes(indexed):
        result = doctor(indexed)
    assert (result.exit_code, broken(result)) == (1, found)
    repaired = doctor(indexed, "--repair")
    assert repaired.exit_code == 0
    assert {check for check, state in states(repaired).items() if state == "repaired"} == found


Tamper = Callable[[Group, StoredChunk, StoredChunk, int], None]


def lose_a_vector(group: Group, chunk: StoredChunk, _other: StoredChunk, last: int) -> None:
    group.dense.apply(add=[], remove=[chunk.id], through=last)


def give_the_vector_of_another(group: Group, chunk: StoredChunk, other: StoredChunk, last: int) -> None:
    group.dense.apply(add=[replace(chunk, vector=other.vector)], remove=[], through=last)


def keep_a_vector_too_many(group: Group, chunk: StoredChunk, _other: StoredChunk, last: int) -> None:
    group.dense.apply(add=[replace(chunk, ordinal=99)], remove=[], through=last)


def say_that_more_vectors_were_applied(
    group: Group, _chunk: StoredChunk, _other: StoredChunk, last: int
) -> None:
    group.dense.apply(add=[], remove=[], through=last + 1)


def lose_terms(group: Group, chunk: StoredChunk, _other: StoredChunk, last: int) -> None:
    group.lexical.apply(add=[], remove=[chunk.id], through=last)


def give_the_terms_of_another(group: Group, chunk: StoredChunk, other: StoredChunk, last: int) -> None:
    group.lexical.apply(
        add=[replace(chunk, text=other.text, title=other.title, headings=other.headings)],
        remove=[],
        through=last,
    )


def say_that_fewer_terms_were_applied(
    group: Group, _chunk: StoredChunk, _other: StoredChunk, last: int
) -> None:
    group.lexical.apply(add=[], remove=[], through=last - 1)


def lose_a_row(group: Group, chunk: StoredChunk, _other: StoredChunk, last: int) -> None:
    group.matrix.apply(add=[], remove=[chunk.id], through=last)


def give_the_row_of_another(group: Group, chunk: StoredChunk, other: StoredChunk, last: int) -> None:
    group.matrix.apply(add=[replace(chunk, vector=other.vector)], remove=[], through=last)


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        pytest.param(lose_a_vector, "chroma default", marks=pytest.mark.soak),
        pytest.param(give_the_vector_of_another, "chroma default", marks=pytest.mark.soak),
        pytest.param(keep_a_vector_too_many, "chroma default", marks=pytest.mark.soak),
        pytest.param(say_that_more_vectors_were_applied, "chroma default", marks=pytest.mark.soak),
        pytest.param(lose_terms, "tantivy default", marks=pytest.mark.soak),
        (give_the_terms_of_another, "tantivy default"),
        pytest.param(say_that_fewer_terms_were_applied, "tantivy default", marks=pytest.mark.soak),
        pytest.param(lose_a_row, "matrix default", marks=pytest.mark.soak),
        (give_the_row_of_another, "matrix default"),
    ],
)
def test_a_follower_that_is_whole_but_says_something_else_is_found_and_made_again(
    indexed: Path, tamper: Tamper, found: str
) -> None:
    with followed(indexed) as (catalog, collection, followers):
        one, two = (catalog.version_chunks(collection, at)[0] for at in catalog.live_versions(collection))
        tamper(followers.of(collection), one, two, catalog.last_change(collection))
    assert broken(doctor(indexed)) == {found}
    assert states(doctor(indexed, "--repair"))[found] == "repaired"


@contextmanager
def followed(data_dir: Path) -> Iterator[tuple[Catalog, Collection, Followers]]:
    """The catalog and the followers of a data directory."""
    database = open_database(Settings(data_dir=data_dir))
    catalog = Catalog(database)
    followers = Followers(data_dir / "followers", catalog)
    yield catalog, catalog.collection("default"), followers
    followers.close()
    database.close()


@pytest.mark.soak
def test_a_version_that_a_crash_left_pending_is_found_and_finished(indexed: Path) -> None:
    with closing(sqlite3.connect(indexed / "catalog.sqlite3")) as connection, connection:
        connection.execute("UPDATE documents SET live_version = NULL WHERE source LIKE '%leave.md'")
    result = doctor(indexed)
    assert (result.exit_code, broken(result)) == (1, {"pending"})
    assert states(doctor(indexed, "--repair"))["pending"] == "repaired"
    result = doctor(indexed)
    assert set(states(result).values()) == {"ok"}
    assert "2 documents that point" in result.stdout


# The catalog


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE versions SET text = replace(text, '25', '52') WHERE text LIKE '%25%'", {"texts", "chunks"}),
        ("UPDATE versions SET text_sha256 = replace(text_sha256, 'a', 'b')", {"texts"}),
        ("UPDATE versions SET characters = characters + 1", {"texts"}),
        ("UPDATE versions SET chunk_count = 7", {"chunks"}),
        ("UPDATE chunks SET text = replace(text, '25', '52') WHERE text LIKE '%25%'", {"chunks"}),
        ('UPDATE chunks SET "end" = 100000', {"chunks"}),
        ("UPDATE chunks SET start = -1", {"chunks"}),
        ("UPDATE chunks SET sentences = x'0000000000000F00'", {"chunks", "vectors"}),
        ("UPDATE chunks SET sentences = x'0500000001000000'", {"chunks", "vectors"}),
        ("UPDATE chunks SET sentences = x'00'", {"chunks", "vectors"}),
        ("UPDATE chunks SET sentence_vectors = x'00'", {"vectors"}),
        ("UPDATE documents SET live_version = 999", {"references"}),
        ("UPDATE chunks SET version_id = 999 WHERE version_id = 1", {"chunks", "database"}),
    ],
)
def test_what_is_wrong_in_the_catalog_is_found(indexed: Path, statement: str, found: set[str]) -> None:
    change(indexed, statement)
    assert {finding.check for finding in audited(indexed) if finding.state == "broken"} == found


def audited(data_dir: Path) -> list[Finding]:
    database = open_database(Settings(data_dir=data_dir))
    found = list(audit_catalog(database))
    database.close()
    return found


def test_followers_are_not_made_again_from_a_catalog_that_is_broken(indexed: Path) -> None:
    change(indexed, "UPDATE chunks SET sentence_vectors = x'00'")
    lose_everything(indexed / "followers")
    result = doctor(indexed, "--repair")
    assert (result.exit_code, broken(result), states(result)["followers"]) == (1, {"vectors"}, "unchecked")
    assert not (indexed / "followers").exists()


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        (np.full(384, np.nan, "<f4"), "numbers that are none"),
        (np.full(384, 1, "<f4"), "unit length"),
        (np.zeros(384, "<f4"), "unit length"),
        (np.ones(3, "<f4"), "12 bytes, not 1536"),
    ],
)
def test_a_vector_that_is_none_is_found(
    indexed: Path, vector: "np.typing.NDArray[np.float32]", words: str
) -> None:
    change(indexed, "UPDATE chunks SET vector = ? WHERE version_id = 1", vector.tobytes())
    (finding,) = (each for each in audited(indexed) if each.state == "broken")
    assert finding.check == "vectors"
    assert words in finding.detail
    assert "chunk 1.0 of 'handbook/" in finding.detail


def test_what_ended_uploads_and_documents_left_is_found_and_removed(indexed: Path) -> None:
    change(indexed, "INSERT INTO jobs (id, collection_id, created_at) VALUES ('j', 1, 1)")
    item = (
        "INSERT INTO job_items (job_id, document_id, source, origin, name, metadata, state, payload) VALUES "
    )
    known = "(SELECT id FROM documents LIMIT 1)"
    change(indexed, f"{item} ('j', {known}, 's', '', 'n', '{{}}', 'indexed', x'01')")
    change(indexed, f"{item} ('j', 'gone', 's', '', 'n', '{{}}', 'failed', NULL)")
    change(indexed, f"{item} ('j', {known}, 's', '', 'n', '{{}}', 'queued', x'02')")
    change(indexed, "INSERT INTO documents VALUES ('empty', 1, 'empty', '', NULL, 1)")
    result = doctor(indexed)
    assert broken(result) == {"left over"}
    assert "1 the bytes of uploads" in result.stdout
    assert states(doctor(indexed, "--repair"))["left over"] == "repaired"
    assert set(states(doctor(indexed)).values()) == {"ok"}
    with closing(sqlite3.connect(indexed / "catalog.sqlite3")) as connection:
        assert connection.execute("SELECT state, payload FROM job_items ORDER BY id").fetchall() == [
            ("indexed", None),
            ("queued", b"\x02"),
        ]
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (2,)


@pytest.mark.parametrize("page", [0, 3, *(pytest.param(page, marks=pytest.mark.soak) for page in (1, 10))])
def test_a_torn_database_is_found_and_no_traceback_shown(indexed: Path, page: int) -> None:
    with (indexed / "catalog.sqlite3").open("r+b") as content:
        content.seek(page * 4096)
        content.write(b"\xff" * 4096 * 5)
    result = doctor(indexed)
    assert result.exit_code == 1
    assert broken(result) & {"schema", "database"}
    assert "restore" in result.stdout


def test_without_a_catalog_none_is_made(tmp_path: Path) -> None:
    result = doctor(tmp_path / "none", "--repair")
    assert (result.exit_code, result.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert "there is no catalog" in result.stderr


@pytest.mark.parametrize(
    ("revision", "words"), [("0001", "--repair brings it there"), ("9999", "newer release")]
)
def test_a_catalog_of_another_schema_is_named_and_left_as_it_is(
    indexed: Path, revision: str, words: str
) -> None:
    change(indexed, "UPDATE alembic_version SET version_num = ?", revision)
    with nothing_changes(indexed):
        result = doctor(indexed)
    assert (result.exit_code, broken(result)) == (1, {"schema"})
    assert words in result.stdout
    assert HEAD in result.stdout


# While a service runs


def test_while_a_service_runs_its_catalog_is_looked_at_and_nothing_is_repaired(
    serve: Callable[..., Any], indexed: Path
) -> None:
    with serve():
        result = doctor(indexed)
        refused = doctor(indexed, "--repair")
    assert result.exit_code == 0
    assert states(result) == {
        **dict.fromkeys(
            ("schema", "database", "texts", "chunks", "vectors", "references", "left over"), "ok"
        ),
        "followers": "unchecked",
    }
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "in use by 'qa serve'" in refused.stderr


def test_a_directory_that_is_being_examined_is_owned(indexed: Path) -> None:
    lock = OwnerLock(indexed, command="qa index handbook")
    assert "'qa index handbook'" in doctor(indexed).stdout
    lock.release()


# Canaries


@pytest.mark.parametrize(
    "canary", ["zqkestrel", pytest.param("Zqkestrel fliegt über Köln", marks=pytest.mark.soak)]
)
@pytest.mark.soak
def test_a_deleted_document_leaves_no_trace_and_after_a_repair_no_fingerprint(
    data_dir: Path, settings: Settings, embedder: Embedder, canary: str
) -> None:
    uploads = [
        Upload(
            "a.md", "a.md", f"# One\n\nIt is said that {canary} today.\n".encode(), None, {"note": canary}
        ),
        Upload("b.md", "b.md", b"# Two\n\nDogs may come to the office on Fridays.\n"),
    ]
    with opened(settings, command="pytest", embedder=embedder) as services:
        ingestor = services.ingestor(services.collection("default"))
        found = [result.document_id for result in ingestor.put(uploads)]
    there = doctor(data_dir, "--canary", canary)
    assert (there.exit_code, broken(there)) == (1, {"canary"})
    for place in (
        "versions.text (1 rows)",
        "chunks.text",
        "versions.metadata",
        "labels.value",
        "sqlite3",
    ):
        assert place in there.stdout
    assert found[0]
    with opened(settings, command="pytest", embedder=embedder) as services:
        services.ingestor(services.collection("default")).delete(found[0])
    left = doctor(data_dir, "--canary", canary)
    assert (left.exit_code, "keyed fingerprints of all its words" in left.stdout) == (0, True)
    assert doctor(data_dir, "--repair", "--canary", canary).exit_code == 0
    repaired = doctor(data_dir, "--canary", canary)
    assert (states(repaired)["canary"], "fingerprints" in repaired.stdout) == ("ok", False)


def test_a_text_that_stands_in_a_file_of_the_directory_is_found_there(indexed: Path) -> None:
    (indexed / "followers" / "note").write_bytes(b"x" * (1024 * 1024 - 4) + b"zqkestrel")
    result = doctor(indexed, "--canary", "zqkestrel")
    assert broken(result) == {"canary"}
    assert str(indexed / "followers" / "note") in result.stdout
