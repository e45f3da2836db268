"""How much waits to be indexed, and since when."""

from dataclasses import dataclass

import sqlalchemy as sa

from index.catalog import Catalog, Collection, Database
from index.catalog.tables import job_items, jobs
from index.follow import Follower
from index.followers import Followers

_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """Uploads that wait or are under way, and when the oldest was acknowledged: a Unix time in milliseconds."""

    uploads: int
    oldest_at: int | None


def backlog(database: Database) -> Backlog:
    """The uploads of a catalog that are not indexed."""
    query = (
        sa.select(sa.func.count(), sa.func.min(jobs.c.created_at))
        .select_from(job_items.join(jobs, jobs.c.id == job_items.c.job_id))
        .where(job_items.c.state == "queued")
    )
    with database.read() as connection:
        uploads, oldest_at = connection.execute(query).one()
    return Backlog(uploads, oldest_at)


def lags(catalog: Catalog, followers: Followers) -> dict[str, int]:
    """How many changes of all collections each kind of follower has yet to apply; 10,000 of one stand for more."""
    found = {"dense": 0, "lexical": 0, "matrix": 0}
    for collection in catalog.collections():
        group = followers.of(collection)
        for name, follower in (("dense", group.dense), ("lexical", group.lexical), ("matrix", group.matrix)):
            found[name] += _lag(catalog, collection, follower)
    return found


def _lag(catalog: Catalog, collection: Collection, follower: Follower) -> int:
    applied = follower.applied()
    if applied >= catalog.last_change(collection):
        return 0
    return len(catalog.changes_after(collection, applied, limit=_MANY))
