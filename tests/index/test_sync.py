"""A folder and a collection kept alike."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from index.errors import InvalidRequest, LoadError, NotFound
from index.load import load
from index.sync import Known, Synced, files_under, sync
from index.upload import Result, Upload
from qa_service.services import Services


@dataclass(frozen=True, slots=True)
class Held:
    """A document on the shelf."""

    id: str
    source: str
    origin: str
    data: bytes


@dataclass
class MemoryShelf:
    """A collection in memory, with the contract of the real one: loads what it takes, embeds nothing."""

    documents: dict[str, Held] = field(default_factory=dict)
    put_count: int = 0

    def known(self) -> Sequence[Known]:
        return list(self.documents.values())

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        for upload in uploads:
            self.put_count += 1
            before = self.documents.get(upload.source)
            try:
                load(upload.data, name=upload.name)
            except LoadError as error:
                yield Result(upload.source, "failed", before.id if before else None, error=error)
                continue
            new = Held(
                before.id if before else f"d{self.put_count}", upload.source, upload.origin, upload.data
            )
            self.documents[upload.source] = new
            if before is None:
                yield Result(upload.source, "indexed", new.id)
            else:
                yield Result(upload.source, "unchanged" if before.data == new.data else "replaced", new.id)

    def delete(self, document_id: str) -> None:
        (source,) = [each.source for each in self.documents.values() if each.id == document_id] or [None]
        if source is None:
            raise NotFound(document_id)
        del self.documents[source]


@pytest.fixture
def shelf() -> MemoryShelf:
    return MemoryShelf()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "docs"
    folder.mkdir(parents=True)
    return folder


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def outcomes(synced: Iterable[Synced]) -> dict[str, str]:
    return {each.source: each.outcome for each in synced}


def test_new_changed_unchanged_and_removed_files_are_told_apart(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", b="two", deep__c="three")
    assert outcomes(sync(shelf, root)) == dict.fromkeys(
        ["docs/a.md", "docs/b.md", "docs/deep/c.md"], "indexed"
    )
    write(root, b="another")
    (root / "deep" / "c.md").unlink()
    write(root, d="four")
    assert outcomes(sync(shelf, root)) == {
        "docs/a.md": "unchanged",
        "docs/b.md": "replaced",
        "docs/deep/c.md": "removed",
        "docs/d.md": "indexed",
    }
    assert {source: each.data for source, each in shelf.documents.items()} == {
        "docs/a.md": b"one",
        "docs/b.md": b"another",
        "docs/d.md": b"four",
    }


def test_a_file_is_synchronised_by_itself(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", b="two")
    assert outcomes(sync(shelf, root / "a.md")) == {"a.md": "indexed"}
    assert outcomes(sync(shelf, root / "a.md")) == {"a.md": "unchanged"}


def test_hidden_and_unknown_files_and_links_are_passed_over(root: Path, tmp_path: Path) -> None:
    write(root, a="one", _b="two")
    write(tmp_path / "elsewhere", secret="three")
    write(root / ".git", c="four")
    (root / ".hidden.md").write_text("x")
    (root / "program.exe").write_bytes(b"MZ")
    (root / "UPPER.TXT").write_text("x")
    (root / "link.md").symlink_to(tmp_path / "elsewhere" / "secret.md")
    (root / "folder").symlink_to(tmp_path / "elsewhere")
    (root / "round").symlink_to(root)
    (root / "nowhere.md").symlink_to(root / "gone.md")
    os.mkfifo(root / "pipe.md")
    assert [path.name for path in files_under(root)] == ["UPPER.TXT", "_b.md", "a.md"]


def test_a_root_that_is_a_link_is_the_folder_that_it_leads_to(
    shelf: MemoryShelf, root: Path, tmp_path: Path
) -> None:
    write(root, a="one")
    (tmp_path / "link").symlink_to(root)
    assert outcomes(sync(shelf, tmp_path / "link")) == {"docs/a.md": "indexed"}
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "unchanged"}


def test_a_folder_that_has_moved_is_the_same_folder(shelf: MemoryShelf, root: Path, tmp_path: Path) -> None:
    write(root, a="one", b="two", c="three")
    list(sync(shelf, root))
    moved = Path(shutil.move(root, tmp_path / "docs"))
    write(moved, b="another")
    (moved / "c.md").unlink()
    assert outcomes(sync(shelf, moved)) == {
        "docs/a.md": "unchanged",
        "docs/b.md": "replaced",
        "docs/c.md": "removed",
    }
    (moved / "b.md").unlink()
    assert outcomes(sync(shelf, moved)) == {"docs/a.md": "unchanged", "docs/b.md": "removed"}


def test_folders_of_one_name_are_kept_apart(shelf: MemoryShelf, root: Path, tmp_path: Path) -> None:
    other = tmp_path / "work" / "docs"
    write(root, a="one")
    write(other, a="two", b="three")
    list(sync(shelf, root))
    assert outcomes(sync(shelf, other)) == {"docs-2/a.md": "indexed", "docs-2/b.md": "indexed"}
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "unchanged"}
    (other / "b.md").unlink()
    assert outcomes(sync(shelf, other)) == {"docs-2/a.md": "unchanged", "docs-2/b.md": "removed"}
    # The first folder goes: the second keeps its name.
    shutil.rmtree(root)
    assert outcomes(sync(shelf, other)) == {"docs-2/a.md": "unchanged"}
    assert shelf.documents["docs/a.md"].data == b"one"


def test_a_file_is_one_document_by_way_of_every_folder_above_it(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", deep__b="two")
    assert outcomes(sync(shelf, root / "deep" / "b.md")) == {"b.md": "indexed"}
    assert outcomes(sync(shelf, root)) == {"b.md": "unchanged", "docs/a.md": "indexed"}
    assert outcomes(sync(shelf, root / "deep")) == {"b.md": "unchanged"}
    write(root, deep__c="three")
    assert outcomes(sync(shelf, root / "deep")) == {"b.md": "unchanged", "deep/c.md": "indexed"}
    assert outcomes(sync(shelf, root.parent)) == dict.fromkeys(
        ["docs/a.md", "b.md", "deep/c.md"], "unchanged"
    )
    shutil.rmtree(root / "deep")
    assert outcomes(sync(shelf, root)) == {
        "docs/a.md": "unchanged",
        "b.md": "removed",
        "deep/c.md": "removed",
    }


def test_documents_that_came_another_way_are_not_touched(shelf: MemoryShelf, root: Path) -> None:
    list(shelf.put([Upload("docs/gone.md", "gone.md", b"by HTTP"), Upload("note", "note", b"by HTTP")]))
    write(root, a="one")
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "indexed"}
    assert set(shelf.documents) == {"docs/gone.md", "note", "docs/a.md"}


def test_a_file_that_cannot_be_read_fails_and_its_document_stays(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", b="two")
    list(sync(shelf, root))
    write(root, a="", c="three")
    synced = {each.source: each for each in sync(shelf, root)}
    assert synced["docs/a.md"].outcome == "failed"
    assert "a.md" in (synced["docs/a.md"].error or "")
    assert synced["docs/c.md"].outcome == "indexed"
    assert shelf.documents["docs/a.md"].data == b"one"


def test_a_file_that_goes_while_it_is_synchronised_fails_and_the_others_do_not(
    shelf: MemoryShelf, root: Path
) -> None:
    write(root, a="one", b="two", c="three")
    synced = sync(shelf, root)
    first = next(synced)
    (root / "b.md").unlink()
    rest = {each.source: each for each in synced}
    assert (first.outcome, rest["docs/c.md"].outcome) == ("indexed", "indexed")
    assert rest["docs/b.md"].outcome == "failed"
    assert "could not be read: No such file" in (rest["docs/b.md"].error or "")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Runs as a user to whom folders can be closed, as none are to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_cannot_be_listed_fails_and_its_documents_stay(shelf: MemoryShelf) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o755)
        root = Path(folder, "docs")
        write(root, a="one", deep__b="two")
        list(sync(shelf, root))
        (root / "deep").chmod(0)
        with as_nobody():
            synced = outcomes(sync(shelf, root))
        (root / "deep").chmod(0o700)
        assert synced == {"docs/a.md": "unchanged", str(root / "deep"): "failed"}
        assert "docs/deep/b.md" in shelf.documents


def test_a_file_over_the_limit_is_not_read(shelf: MemoryShelf, root: Path) -> None:
    with (root / "huge.md").open("wb") as file:
        file.truncate(10**12)
    (synced,) = sync(shelf, root)
    assert synced.outcome == "failed"
    assert "1,000,000,000,000 bytes" in (synced.error or "")
    assert shelf.put_count == 0


def test_a_name_that_is_no_unicode_fails_and_can_be_printed(shelf: MemoryShelf, root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.md")).write_text("one")
    write(root, a="one")
    synced = {each.source: each for each in sync(shelf, root)}
    assert synced["docs/a.md"].outcome == "indexed"
    failed = synced["docs/caf\\udce9.md"]
    assert failed.outcome == "failed"
    assert (failed.error or "").encode()


def test_a_path_that_does_not_exist_or_is_no_folder_is_refused(shelf: MemoryShelf, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(sync(shelf, tmp_path / "nowhere"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match="neither a file nor a folder"):
        list(sync(shelf, tmp_path / "pipe"))


def test_a_document_that_somebody_else_deletes_meanwhile_is_no_error(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", b="two")
    list(sync(shelf, root))
    (root / "b.md").unlink()
    synced = sync(shelf, root)
    assert next(synced).source == "docs/a.md"
    shelf.delete(shelf.documents["docs/b.md"].id)
    assert list(synced) == []


STATES = st.dictionaries(
    st.sampled_from(["a", "b", "deep__a", "deep__c", "deep__er__d"]), st.sampled_from(["one", "two"])
)


@given(
    st.lists(STATES, min_size=1, max_size=4), st.lists(st.sampled_from([".", "deep", "deep/er"]), max_size=4)
)
@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_any_changes_the_collection_holds_the_folders_files_once_each(
    tmp_path: Path, states: list[dict[str, str]], others: list[str]
) -> None:
    shelf = MemoryShelf()
    root = tmp_path / "docs"
    for at, state in enumerate(states):
        shutil.rmtree(root, ignore_errors=True)
        (root / "deep" / "er").mkdir(parents=True)
        write(root, **state)
        for other in others[at : at + 1]:
            list(sync(shelf, root / other))
        list(sync(shelf, root))
        assert sorted(each.data.decode() for each in shelf.documents.values()) == sorted(state.values())
        assert set(outcomes(sync(shelf, root)).values()) <= {"unchanged"}


def test_the_real_collection_is_synchronised_alike(services: Services, root: Path) -> None:
    collection = services.collection("default")
    ingestor = services.ingestor(collection)

    @dataclass(frozen=True, slots=True)
    class Shelf:
        def known(self) -> Sequence[Known]:
            return services.catalog.documents(collection)

        def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
            return ingestor.put(uploads)

        def delete(self, document_id: str) -> None:
            ingestor.delete(document_id)

    write(root, a="Penguins.", b="Seals.")
    assert outcomes(sync(Shelf(), root)) == {"docs/a.md": "indexed", "docs/b.md": "indexed"}
    write(root, a="Orcas.")
    (root / "b.md").unlink()
    assert outcomes(sync(Shelf(), root)) == {"docs/a.md": "replaced", "docs/b.md": "removed"}
    assert [each.source for each in services.catalog.documents(collection)] == ["docs/a.md"]


def test_what_is_left_alone_is_told(shelf: MemoryShelf, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Text.")
    (tmp_path / "b.bin").write_bytes(b"\0")
    (tmp_path / "c.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "d\x1b[31m.md").write_text("Text.")
    outcomes = {synced.source.rpartition("/")[2]: synced.outcome for synced in sync(shelf, tmp_path)}
    assert outcomes == {"a.md": "indexed", "b.bin": "skipped", "c.md": "skipped", "d\x1b[31m.md": "failed"}
