"""The followers of every collection in a data directory: opening, checking, catching up, starting over."""

import logging
import shutil
import threading
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from index.catalog import Catalog, Collection
from index.catalog.statements import no_collection
from index.chroma_session import ChromaAddress
from index.dense import DenseFollower, DenseStore
from index.durable import remove
from index.errors import FollowerError, NotFound
from index.follow import Follower, catch_up, mend
from index.lease import Lease
from index.lexical import LexicalFollower
from index.matrix_files import MatrixFollower
from index.seal import seal, unseal
from index.slots import LOCAL, gather

_COUNTED_SECONDS = 10.0
"""How often what Chroma's server holds is counted: it may have lost it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Group:
    """The followers of one collection; who writes to them holds a lock, who searches does not.

    `lock` is for those of this process alone, `shared_lock` for those that other processes search, too.
    """

    collection: Collection
    dense: DenseFollower
    lexical: LexicalFollower
    matrix: MatrixFollower
    is_dense_shared: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    shared_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def all(self) -> tuple[Follower, ...]:
        """Every follower, in the order in which they take changes."""
        return self.dense, self.lexical, self.matrix

    @property
    def local(self) -> tuple[Follower, ...]:
        """Those that belong to this process alone, in the order in which they take changes."""
        return (
            (self.lexical, self.matrix) if self.is_dense_shared else (self.dense, self.lexical, self.matrix)
        )

    @property
    def shared(self) -> tuple[Follower, ...]:
        """Those that other processes search, too, and one of all writes."""
        return (self.dense,) if self.is_dense_shared else ()


@dataclass(frozen=True, slots=True)
class _Step:
    """How far the shared followers of a collection are, and when what they hold was counted."""

    change: int
    counted_at: float


class Followers:
    """Chroma, tantivy and the matrix under `path`, in step with the catalog.

    After an unclean stop, or where files are not as they were left, every follower is tried and compared
    with the catalog, and made again where it differs. Nothing is embedded for that: the vectors are in the
    catalog. Raises `FollowerError` where a follower can't be used.

    Several processes over one catalog have a `lease` each. What a process has for itself it brings in step when it
    is searched (`see`). What is on a Chroma `server` is written by the one that holds the lease, which also
    publishes what a crash has left pending (`lead`); the server may be away meanwhile.
    """

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        *,
        server: ChromaAddress | None = None,
        lease: Lease | None = None,
    ) -> None:
        self._path = path
        self._catalog = catalog
        self._lease = lease
        self._is_dense_shared = server is not None
        self._groups: dict[str, Group] = {}
        self._steps: dict[str, _Step] = {}
        self._opening = threading.Lock()
        for folder in (path, path / "chroma", *(path / kind for kind in LOCAL)):
            if not folder.is_dir():
                remove(folder)  # a file, which nothing of ours has put there
        path.mkdir(parents=True, exist_ok=True)
        gather(path)
        self._trusted = unseal(path)
        with ExitStack() as opened:
            self._dense = DenseStore(path / "chroma", server=server, trusted=self._trusted)
            opened.callback(self._dense.close)
            self._begin(catalog.collections())
            opened.pop_all()

    @property
    def are_shared(self) -> bool:
        """Whether other processes may work on the same catalog."""
        return self._lease is not None

    def leads(self) -> bool:
        """Whether this process does what one of all processes does: always, where there is no other."""
        if self._lease is None or self._lease.held():
            return True
        self._steps.clear()
        return False

    def of(self, collection: Collection) -> Group:
        """The followers of a collection. No lock of a catch-up is taken: a search need not wait for it.

        Only those of a collection that is new to this process, and has moved to another embedding model, are filled
        first. Raises `NotFound` where the collection has been deleted.
        """
        group = self._groups.get(collection.uid)
        if group is not None:
            return group
        with self._opening:
            return self._groups.get(collection.uid) or self._open(collection, thorough=False)

    def catch_up(self, collection: Collection) -> None:
        """Apply the catalog's changes that a collection's followers have not seen; `NotFound` where it has gone.

        The shared ones are left to the process that leads.
        """
        group = self.of(collection)
        self._catch_up_local(group)
        if group.shared and self.leads():
            self._catch_up_shared(group)

    def catch_up_own(self, collection: Collection) -> None:
        """Apply the changes that what this process has for itself has not seen; `NotFound` where it has gone.

        That is enough for what is removed, or called otherwise: the shared ones are brought in step by the process that
        leads, and nobody waits for a server.
        """
        self._catch_up_local(self.of(collection))

    def see(self, collection: Collection, change: int) -> None:
        """Bring what this process has for itself in step with the catalog up to a change that others may have made.

        Where no other process works on the catalog that is done by who makes changes, and nobody waits for it here.
        """
        if self._lease is None:
            return
        group = self.of(collection)
        if group.matrix.applied() < change:  # it takes changes after the others
            self._catch_up_local(group)

    def lead(self) -> bool:
        """Do what one of all processes does, if this is the one, and say whether it is.

        What it does is to finish what a crash has left pending, and to bring the shared followers in step.
        """
        if not self.leads():
            return False
        last = self._catalog.last_changes()
        for collection in self._catalog.collections():
            if self._is_behind(collection, last.get(collection.id, 0)):
                with suppress(NotFound):
                    self._lead(self.of(collection))
        self._remove_former()
        return True

    def keep_up(self) -> list[Collection]:
        """Take over what other processes have changed; gives the collections that they have deleted, or moved."""
        known = list(self._groups.values())
        last = self._catalog.last_changes()
        found = {collection.uid: collection for collection in self._catalog.collections()}
        for collection in found.values():
            with suppress(NotFound):
                self.see(collection, last.get(collection.id, 0))
        gone = [group.collection for group in known if group.collection.uid not in found]
        for collection in gone:
            self.forget(collection)
        return gone

    def look(self) -> None:
        """Raise `FollowerError` where Chroma does not answer."""
        if self._is_dense_shared:
            self._dense.look()
            return
        for group in list(self._groups.values())[:1]:
            group.dense.count()

    def forget(self, collection: Collection) -> None:
        """Remove the followers of a collection that the catalog has no more, when nobody writes to them.

        What is on a Chroma server is removed by the process that leads, when the server is there.
        """
        self._let_go(collection.uid)
        for kind in LOCAL:
            shutil.rmtree(self._path / kind / collection.uid, ignore_errors=True)
        if not self._is_dense_shared:
            self._remove_former()

    def close(self) -> None:
        """Close the followers cleanly, so that the next opening need not check them."""
        self._dense.close()
        seal(self._path)

    def _begin(self, collections: Sequence[Collection]) -> None:
        """Open the followers of all collections, and lead, if this is the process that does."""
        self._forget_deleted(collections)
        for collection in collections:
            with suppress(NotFound), self._opening:  # it may be deleted by another process in this moment
                self._open(collection, thorough=not self._trusted)
        try:
            self.lead()
        except FollowerError as error:
            if not self._is_dense_shared:
                raise
            log.warning("%s", error)

    def _open(self, collection: Collection, *, thorough: bool) -> Group:
        """Open the followers of a collection, see that they hold what they should, and let them be searched."""
        self._catalog.require(collection)
        lexical, matrix = (self._path / kind / collection.uid for kind in LOCAL)
        group = Group(
            collection,
            self._dense.follower(collection),
            LexicalFollower(lexical),
            MatrixFollower(matrix, collection, trusted=self._trusted),
            self._is_dense_shared,
        )
        for follower in group.local:
            mend(self._catalog, collection, follower, thorough=thorough)
        self._groups[collection.uid] = group
        return group

    def _catch_up_local(self, group: Group) -> None:
        with group.lock:
            self._require(group)
            catch_up(self._catalog, group.collection, *group.local)

    def _lead(self, group: Group) -> None:
        """Finish what is pending, where this process has come to lead, and bring the shared followers in step."""
        if group.collection.uid not in self._steps:
            self._catch_up_shared(group)
            self._catalog.publish(self._catalog.pending(group.collection))
            self._catch_up_local(group)
        self._catch_up_shared(group)

    def _is_behind(self, collection: Collection, change: int) -> bool:
        """Whether there is something to do for shared followers: to apply a change, or to count."""
        step = self._steps.get(collection.uid)
        return step is None or step.change < change or monotonic() > step.counted_at + _COUNTED_SECONDS

    def _catch_up_shared(self, group: Group) -> None:
        """Apply what the shared followers lack, and count now and then whether they still hold what they should."""
        collection = group.collection
        with group.shared_lock:
            self._require(group)
            change, now = self._catalog.last_change(collection), monotonic()
            step = self._steps.get(collection.uid)
            if step is None or now > step.counted_at + _COUNTED_SECONDS:
                for follower in group.shared:
                    mend(self._catalog, collection, follower, thorough=step is None)
                step = _Step(change, now)
            elif step.change < change:
                for follower in group.shared:
                    catch_up(self._catalog, collection, follower)
            self._steps[collection.uid] = _Step(max(change, step.change), step.counted_at)

    def _let_go(self, uid: str) -> None:
        """Know nothing of a collection any more, when nobody writes to its followers."""
        with self._opening:
            group = self._groups.get(uid)
        with group.lock if group else nullcontext(), group.shared_lock if group else nullcontext():
            self._groups.pop(uid, None)
            self._steps.pop(uid, None)

    def _remove_former(self) -> None:
        """Remove from Chroma what was made of collections that have gone."""
        for former in self._catalog.former_collections():
            self._let_go(former.uid)
            self._dense.remove(former)
            self._catalog.forget_former(former)

    def _require(self, group: Group) -> None:
        if self._groups.get(group.collection.uid) is not group:
            raise no_collection(group.collection.name)

    def _forget_deleted(self, kept: Sequence[Collection]) -> None:
        """Remove what a crash in the middle of `forget` has left."""
        self._dense.remove_others(kept)
        uids = {collection.uid for collection in kept}
        for folder in (folder for kind in LOCAL for folder in (self._path / kind).glob("*")):
            if folder.name not in uids:
                shutil.rmtree(folder)
