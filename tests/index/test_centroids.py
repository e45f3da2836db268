"""What a language adds to similarities, on real texts in two languages."""

from index.centroids import Centroids
from index.upload import Upload
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


def test_a_collection_of_one_language_is_left_as_it_is(services: Services) -> None:
    put(services, ENGLISH, 3)
    query = services.embedder.embed_query("Where is the pump?")
    assert Centroids(services.catalog).lifts(services.catalog.collection("default"), query) == {}


def test_the_language_of_the_question_is_not_lifted_and_the_other_is(services: Services) -> None:
    put(services, ENGLISH + RUSSIAN, 3)
    lifts = Centroids(services.catalog).lifts(
        services.catalog.collection("default"),
        services.embedder.embed_query("Where is the pump of the harbour?"),
    )
    assert lifts["en"].chunk == lifts["en"].sentence == 0
    assert lifts["ru"].chunk > 0
    assert lifts["ru"].sentence > 0


def test_an_empty_collection_has_no_lifts(services: Services) -> None:
    collection = services.collection("default")
    assert Centroids(services.catalog).lifts(collection, services.embedder.embed_query("Where?")) == {}
