"""What a language adds to similarities, on real texts in two languages."""

from index.centroids import Centroids, Lift
from index.language import LANGUAGES
from index.upload import Upload
from index.vectors import Vector
from qa_service.services import Services

ENGLISH = ["The pump stands by the harbour.", "Our library opens at nine.", "The winter was long and dark."]
RUSSIAN = ["Насос стоит у пристани.", "Библиотека открывается в девять.", "Зима была долгой и тёмной."]


def put(services: Services, texts: list[str], copies: int) -> None:
    uploads = [
        Upload(f"{at}-{copy}.txt", f"{at}.txt", f"{text} № {copy}".encode())
        for copy in range(copies)
        for at, text in enumerate(texts)
    ]
    for result in services.ingestor(services.collection("default")).put(uploads):
        assert result.error is None


def lifts(services: Services, query: Vector) -> list[Lift]:
    collection = services.catalog.collection("default")
    return Centroids().lifts(collection, services.followers.of(collection).matrix.snapshot, query)


def test_a_collection_of_one_language_is_left_as_it_is(services: Services) -> None:
    put(services, ENGLISH, 3)
    query = services.embedder.embed_query("Where is the pump?")
    assert set(lifts(services, query)) == {Lift()}


def test_the_language_of_the_question_is_not_lifted_and_the_other_is(services: Services) -> None:
    put(services, ENGLISH + RUSSIAN, 3)
    found = lifts(services, services.embedder.embed_query("Where is the pump of the harbour?"))
    of = dict(zip(LANGUAGES, found, strict=True))
    assert of["en"] == of["de"] == Lift()
    assert of["ru"].chunk > 0
    assert of["ru"].sentence > 0


def test_an_empty_collection_has_no_lifts(services: Services) -> None:
    services.collection("default")
    assert set(lifts(services, services.embedder.embed_query("Where?"))) == {Lift()}
