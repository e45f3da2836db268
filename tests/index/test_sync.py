"""A folder and a collection kept alike."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from index.embed import Embedder
from index.errors import InvalidRequest, LoadError, NotFound
from index.files import Seen
from index.load import load
from index.sync import Ahead, Known, Synced, sync
from index.upload import Result, Upload
from index.walk import Selection, walk
from qa_service.clients.local_shelf import LocalShelf
from qa_service.requests import SearchRequest
from qa_service.services import Services, opened
from qa_service.settings import Settings
from tests.counting import Counting


@dataclass(frozen=True, slots=True)
class Held:
    """A document on the shelf."""

    id: str
    source: str
    origin: str
    data: bytes
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw_sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


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
                before.id if before else f"d{self.put_count}",
                upload.source,
                upload.origin,
                upload.data,
                Path(upload.name).stem,
            )
            self.documents[upload.source] = new
            if before is None:
                yield Result(upload.source, "indexed", new.id)
            else:
                yield Result(upload.source, "unchanged" if before.data == new.data else "replaced", new.id)

    def rename(self, document_id: str, *, source: str, origin: str, title: str | None) -> bool:
        (before,) = [each for each in self.documents.values() if each.id == document_id]
        if source != before.source and source in self.documents:
            return False
        del self.documents[before.source]
        self.documents[source] = replace(before, source=source, origin=origin, title=title or before.title)
        return True

    def delete(self, document_id: str) -> None:
        found = [each.source for each in self.documents.values() if each.id == document_id]
        if not found:
            raise NotFound(document_id)
        (source,) = found
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
    assert [path.name for path in walk(root).files] == ["UPPER.TXT", "_b.md", "a.md"]


def test_a_folder_that_becomes_a_link_before_its_files_are_read_leads_nowhere(
    shelf: MemoryShelf, root: Path, tmp_path: Path
) -> None:
    write(root, a="one", deep__b="two")
    write(tmp_path / "elsewhere", b="secret")

    def swap(_ahead: Ahead) -> None:
        (root / "deep").rename(root / "away")
        (root / "deep").symlink_to(tmp_path / "elsewhere")

    synced = outcomes(sync(shelf, root, on_planned=swap))
    assert synced == {"docs/a.md": "indexed", "docs/deep/b.md": "failed"}
    assert [each.data for each in shelf.documents.values()] == [b"one"]


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
    shelf = LocalShelf(services, "default", on_embedded=lambda _name, _done, _total: None)
    write(root, a="Penguins.", b="Seals.")
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "indexed", "docs/b.md": "indexed"}
    write(root, a="Orcas.")
    (root / "b.md").unlink()
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "replaced", "docs/b.md": "removed"}
    assert [each.source for each in services.catalog.documents(collection)] == ["docs/a.md"]


def test_what_is_left_alone_is_told(shelf: MemoryShelf, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Text.")
    (tmp_path / "b.bin").write_bytes(b"\0")
    (tmp_path / "c.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "d\x1b[31m.md").write_text("Text.")
    outcomes = {synced.source.rpartition("/")[2]: synced.outcome for synced in sync(shelf, tmp_path)}
    assert outcomes == {"a.md": "indexed", "b.bin": "skipped", "c.md": "skipped", "d\x1b[31m.md": "failed"}


# Moves


def ids(shelf: MemoryShelf) -> dict[str, str]:
    return {source: each.id for source, each in shelf.documents.items()}


def test_a_file_that_was_renamed_or_moved_keeps_its_document_and_is_not_put_again(
    shelf: MemoryShelf, root: Path
) -> None:
    write(root, a="one", b="two", deep__c="three")
    list(sync(shelf, root))
    before, puts = ids(shelf), shelf.put_count
    (root / "a.md").rename(root / "z.md")
    (root / "deep").rename(root / "other")
    assert outcomes(sync(shelf, root)) == {
        "docs/b.md": "unchanged",
        "docs/other/c.md": "moved",
        "docs/z.md": "moved",
    }
    assert shelf.put_count == puts
    assert ids(shelf) == {
        "docs/b.md": before["docs/b.md"],
        "docs/other/c.md": before["docs/deep/c.md"],
        "docs/z.md": before["docs/a.md"],
    }
    assert set(outcomes(sync(shelf, root)).values()) == {"unchanged"}


def test_a_title_that_was_the_files_name_goes_with_it_and_another_stays(
    shelf: MemoryShelf, root: Path
) -> None:
    write(root, a="one", b="two")
    list(sync(shelf, root))
    shelf.documents["docs/b.md"] = replace(shelf.documents["docs/b.md"], title="A title of its own")
    (root / "a.md").rename(root / "y.md")
    (root / "b.md").rename(root / "z.md")
    list(sync(shelf, root))
    assert {source: each.title for source, each in shelf.documents.items()} == {
        "docs/y.md": "y",
        "docs/z.md": "A title of its own",
    }


def test_a_copy_is_a_new_document(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one")
    list(sync(shelf, root))
    write(root, b="one")
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "unchanged", "docs/b.md": "indexed"}


def test_of_files_of_the_same_bytes_each_is_one_document_after_a_move(shelf: MemoryShelf, root: Path) -> None:
    write(root, x__a="same", x__b="same", y__c="same")
    list(sync(shelf, root))
    before = ids(shelf)
    (root / "x").rename(root / "z")
    write(root, z__d="same")
    assert sorted(outcomes(sync(shelf, root)).items()) == [
        ("docs/y/c.md", "unchanged"),
        ("docs/z/a.md", "moved"),
        ("docs/z/b.md", "moved"),
        ("docs/z/d.md", "indexed"),
    ]
    assert shelf.documents["docs/z/a.md"].id == before["docs/x/a.md"]
    assert shelf.documents["docs/z/b.md"].id == before["docs/x/b.md"]


def test_a_file_that_was_moved_and_changed_is_a_new_one(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one")
    list(sync(shelf, root))
    (root / "a.md").unlink()
    write(root, b="one, and more")
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "removed", "docs/b.md": "indexed"}


def test_another_ending_is_another_format_and_no_move(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one")
    list(sync(shelf, root))
    (root / "a.md").rename(root / "a.txt")
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "removed", "docs/a.txt": "indexed"}


def test_two_files_that_change_their_names_are_replaced(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", b="two")
    list(sync(shelf, root))
    write(root, a="two", b="one")
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "replaced", "docs/b.md": "replaced"}


def test_a_place_that_a_document_from_elsewhere_has_is_no_place_to_move_to(
    shelf: MemoryShelf, root: Path
) -> None:
    write(root, a="one")
    list(sync(shelf, root))
    list(shelf.put([Upload("docs/b.md", "b.md", b"by HTTP")]))
    (root / "a.md").rename(root / "b.md")
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "removed", "docs/b.md": "replaced"}


# Selections


def test_what_is_excluded_now_loses_its_document_and_is_told_apart(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", drafts__b="two", c="three")
    list(sync(shelf, root))
    (root / "c.md").unlink()
    synced = outcomes(sync(shelf, root, selection=Selection(exclude=["drafts/"])))
    assert synced == {"docs/a.md": "unchanged", "docs/c.md": "removed", "docs/drafts/b.md": "excluded"}
    (root / ".qaignore").write_text("a.md\n")
    assert outcomes(sync(shelf, root)) == {"docs/drafts/b.md": "indexed", "docs/a.md": "excluded"}


def test_what_was_indexed_by_a_folder_of_its_own_stays_when_the_one_above_excludes_it(
    shelf: MemoryShelf, root: Path
) -> None:
    write(root, a="one", drafts__b="two")
    list(sync(shelf, root / "drafts"))
    assert outcomes(sync(shelf, root, selection=Selection(exclude=["drafts/"]))) == {"docs/a.md": "indexed"}
    assert set(shelf.documents) == {"drafts/b.md", "docs/a.md"}


def test_documents_of_a_folder_whose_ignore_file_can_not_be_read_stay(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", deep__b="two")
    list(sync(shelf, root))
    (root / "deep" / ".qaignore").write_bytes(b"\xff")
    assert outcomes(sync(shelf, root)) == {"docs/a.md": "unchanged", str(root / "deep"): "failed"}
    assert "docs/deep/b.md" in shelf.documents


# Passes


def test_what_is_ahead_is_told_before_anything_is_put(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", b="two", c="three")
    list(sync(shelf, root))
    write(root, b="other", d="four")
    told: list[Ahead] = []
    puts = shelf.put_count
    synced = sync(shelf, root, on_planned=told.append)
    assert next(synced).outcome == "unchanged"
    assert told == [Ahead(files=2, size=9)]
    assert shelf.put_count == puts


def test_what_was_seen_and_looks_the_same_is_not_read_again(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", b="two")
    os.utime(root / "a.md", (1, 1))
    seen = Seen()
    list(sync(shelf, root, seen=seen))
    time.sleep(2.1)  # it has come to rest
    list(sync(shelf, root, seen=seen))
    # Other content of the same length and time: only that it was changed is told by the file system.
    before = (root / "b.md").stat()
    (root / "b.md").write_text("owt")
    os.utime(root / "b.md", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert outcomes(sync(shelf, root, seen=seen)) == {"docs/a.md": "unchanged", "docs/b.md": "replaced"}


def test_bytes_that_failed_are_not_tried_again_in_the_next_pass(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="")
    seen = Seen()
    (first,) = sync(shelf, root, seen=seen)
    (again,) = sync(shelf, root, seen=seen)
    assert (first.outcome, again.outcome, again.error) == ("failed", "failed", first.error)
    assert shelf.put_count == 1
    write(root, a="now")
    assert outcomes(sync(shelf, root, seen=seen)) == {"docs/a.md": "indexed"}


def test_a_folder_that_goes_while_it_is_synchronised_keeps_its_documents(
    shelf: MemoryShelf, root: Path
) -> None:
    write(root, a="one", b="two", c="three")
    list(sync(shelf, root))
    write(root, a="other")
    (root / "b.md").unlink()
    synced = sync(shelf, root)
    next(synced)
    root.rename(root.parent / "away")
    with pytest.raises(FileNotFoundError):
        list(synced)
    assert len(shelf.documents) == 3


def test_a_file_that_was_away_for_a_moment_keeps_its_document(shelf: MemoryShelf, root: Path) -> None:
    write(root, a="one", b="two")
    list(sync(shelf, root))
    (root / "b.md").unlink()
    synced = sync(shelf, root)
    assert next(synced).source == "docs/a.md"
    write(root, b="two")
    assert list(synced) == []
    assert set(shelf.documents) == {"docs/a.md", "docs/b.md"}


def test_of_a_file_that_was_renamed_nothing_is_embedded_and_all_that_is_shown_is_new(
    settings: Settings, embedder: Embedder, root: Path
) -> None:
    model = Counting(embedder)
    with opened(settings, command="pytest", embedder=model) as services:
        shelf = LocalShelf(services, "default", on_embedded=lambda _name, _done, _total: None)
        write(root, penguins="Penguins swim, and they do not fly.", seals="# Seals\n\nSeals swim too.")
        list(sync(shelf, root))
        before = {each.title: each.id for each in services.catalog.documents(services.collection("default"))}
        embedded = model.texts
        (root / "penguins.md").rename(root / "birds.md")
        (root / "seals.md").rename(root / "mammals.md")
        assert outcomes(sync(shelf, root)) == {"docs/birds.md": "moved", "docs/mammals.md": "moved"}
        assert model.texts == embedded
        found = services.search(SearchRequest(query="Which birds swim?"))
        assert {(each.document_id, each.title, each.source) for each in found} == {
            (before["penguins"], "birds", "docs/birds.md"),
            (before["Seals"], "Seals", "docs/mammals.md"),
        }
        assert set(outcomes(sync(shelf, root)).values()) == {"unchanged"}
