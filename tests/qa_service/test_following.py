"""What several processes over one catalog and one Chroma server leave behind when they end."""

from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from index.chroma_server import ChromaServer
from index.embed import Embedder
from index.upload import Upload
from qa_service.services import Services
from qa_service.serving.following import Following
from qa_service.settings import Settings
from tests.index.conftest import answers
from tests.waiting import until


@pytest.fixture
def pair(settings: Settings, embedder: Embedder, tmp_path: Path) -> Iterator[tuple[Services, Services]]:
    """The services of two processes; the first leads."""
    server = ChromaServer(tmp_path / "chroma")
    server.ensure()
    until(lambda: answers(server.url), seconds=60)
    shared = settings.model_copy(update={"chroma_url": server.url})
    one = Services(shared, embedder=embedder, followers_path=tmp_path / "one")
    two = Services(shared, embedder=embedder, followers_path=tmp_path / "two")
    yield one, two
    for each in (one, two):
        each.close()
    server.close()


def deleted_by(services: Services, *, leader: Services) -> None:
    """A document is added, found everywhere, and deleted."""
    collection = services.collection("default")
    [result] = services.ingestor(collection).put(
        [Upload("hours", "hours.txt", b"The canteen opens at noon.")]
    )
    assert result.document_id
    leader.keep_up()
    assert held(leader) == 1
    services.delete_document(collection, result.document_id)
    assert held(leader) == 1  # who does not lead does not write to Chroma


def held(services: Services) -> int:
    """How many chunks Chroma has."""
    return services.followers.of(services.catalog.collection("default")).dense.count()


def test_who_leads_takes_over_what_others_have_deleted_before_it_ends(
    pair: tuple[Services, Services],
) -> None:
    leader, other = pair
    deleted_by(other, leader=leader)

    Following(leader, on_lead=lambda: None).close()

    assert held(leader) == 0


def test_who_ends_after_the_one_that_led_does_what_that_has_left(pair: tuple[Services, Services]) -> None:
    leader, other = pair
    following = Following(other, on_lead=lambda: None)
    deleted_by(other, leader=leader)
    Timer(0.3, leader.close).start()

    following.close()

    assert held(other) == 0
