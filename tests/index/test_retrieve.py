"""Retrieval over real followers and the real embedding model."""

import pytest
import sqlalchemy as sa

from index.catalog import Database, NewVersion, sqlite_url
from index.document import Chunk, Parsed, Span
from index.errors import EmbeddingMismatch
from index.retrieve import Retrieved, Retriever
from index.upload import Upload
from qa_service.services import Services

TEXTS = {
    "ferry.txt": "The ferry leaves at 08:45 on Wednesdays. It carries forty passengers.",
    "diving.txt": "Divers may go to 25 metres. A standby diver must be ready.",
    "kitchen.txt": "The kitchen is cleaned every evening. Bread is baked on Fridays.",
    "faehre.txt": "Der Hund darf nicht mit auf die Insel. Die Fähre kostet 14 Euro.",
}


@pytest.fixture
def searched(services: Services) -> Services:
    """Services that hold the texts, each labelled with its kind."""
    uploads = [
        Upload(name, name, text.encode(), metadata={"kind": "rule" if name == "diving.txt" else "note"})
        for name, text in TEXTS.items()
    ]
    for result in services.ingestor(services.collection("default")).put(uploads):
        assert result.error is None
    return services


def search(services: Services, query: str, **options: object) -> Retrieved:
    return services.retriever.search(services.catalog.collection("default"), query, k=3, **options)  # type: ignore[arg-type]


def test_the_passage_that_answers_comes_first(searched: Services) -> None:
    passages = search(searched, "How deep may one dive?").passages
    assert passages[0].source == "diving.txt"
    assert [passage.rank for passage in passages] == [1, 2, 3]
    assert all(0 <= passage.score <= 1 for passage in passages)


def test_another_language_than_the_documents_finds_them_too(searched: Services) -> None:
    assert search(searched, "Во сколько отходит паром?").passages[0].source in ("ferry.txt", "faehre.txt")


def test_a_passage_and_its_sentences_are_cuts_of_the_stored_text(searched: Services) -> None:
    for passage in search(searched, "ferry").passages:
        text = searched.catalog.text(passage.document_id).text
        assert passage.span.of(text) == passage.text
        assert len(passage.sentences) == len(passage.sentence_scores)
        for sentence in passage.sentences:
            assert sentence.span.of(text) == sentence.text


def test_a_filter_keeps_documents_with_one_of_the_given_values(searched: Services) -> None:
    found = search(searched, "ferry", only={"kind": ["rule"]}).passages
    assert {passage.source for passage in found} == {"diving.txt"}
    assert search(searched, "ferry", only={"kind": ["nothing"]}).passages == ()


def test_what_is_deleted_is_not_found(searched: Services) -> None:
    collection = searched.catalog.collection("default")
    (document,) = searched.catalog.documents(collection, source="ferry.txt")
    searched.ingestor(collection).delete(document.id)
    assert "ferry.txt" not in {passage.source for passage in search(searched, "ferry").passages}


def test_a_version_that_is_not_live_yet_is_not_found_and_changes_no_score(searched: Services) -> None:
    collection = searched.catalog.collection("default")
    before = search(searched, "How deep may one dive?")
    (diving,) = searched.catalog.documents(collection, source="diving.txt")
    (chunk,) = searched.catalog.version_chunks(collection, searched.catalog.text(diving.id).version_id)
    text = "How deep may one dive? To 60 metres."
    span = Span(0, len(text))
    searched.catalog.add_pending(
        collection,
        [
            NewVersion(
                document_id=diving.id,
                source="diving.txt",
                origin="",
                title="diving",
                metadata={},
                raw_sha256="0" * 64,
                parsed=Parsed(text, "text", blocks=(span,)),
                chunks=(Chunk(0, span, (span,)),),
                vectors=searched.embedder.embed_query("How deep may one dive?")[None],
                sentence_vectors=(chunk.sentence_vectors[:1],),
            )
        ],
    )
    searched.followers.catch_up(collection)
    found = search(searched, "How deep may one dive?")
    assert [passage.chunk_id for passage in found.passages] == [each.chunk_id for each in before.passages]
    assert found.passages[0].source == "diving.txt"
    assert "60" not in found.passages[0].text
    searched.catalog.publish(searched.catalog.pending(collection))
    assert "60" in search(searched, "How deep may one dive?").passages[0].text


def test_a_collection_that_is_too_large_to_look_at_all_of_it_is_searched_in_chroma_alike(
    searched: Services,
) -> None:
    collection = searched.catalog.collection("default")
    large = Retriever(searched.catalog, searched.embedder, searched.followers, exact_chunks=0)
    for query in ("ferry", "How deep may one dive?", "Hund", "nothing of that"):
        assert large.search(collection, query, k=3) == search(searched, query)


def test_a_filtered_search_finds_what_has_the_words_though_its_vector_is_far(searched: Services) -> None:
    collection = searched.catalog.collection("default")
    narrow = Retriever(searched.catalog, searched.embedder, searched.followers, candidates=1)
    found = narrow.search(collection, "Fähre", k=1, only={"kind": ["note"]}).passages
    assert found[0].source == "faehre.txt"


def test_no_vector_is_read_from_the_catalog_in_a_search(searched: Services) -> None:
    collection = searched.catalog.collection("default")
    search(searched, "ferry")
    url = sqlite_url(searched.settings.data_dir / "catalog.sqlite3")
    database = Database(url)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE chunks SET vector = x'00', sentence_vectors = x'00'"))
    database.close()
    with pytest.raises(ValueError, match="buffer size"):
        searched.catalog.version_chunks(collection, 1)
    assert search(searched, "ferry").passages[0].source == "ferry.txt"


def test_terms_that_no_document_holds_weigh_infinitely(searched: Services) -> None:
    weights = search(searched, "ferry to Ulaanbaatar").term_weights
    assert weights["ferri"] < float("inf")
    assert weights["ulaanbaatar"] == float("inf")


def test_the_ranking_is_the_same_however_few_passages_are_asked_for(searched: Services) -> None:
    few, many = (
        searched.retriever.search(searched.catalog.collection("default"), "ferry", k=k) for k in (1, 10)
    )
    assert len(few.passages) == 1
    assert few.ranking == many.ranking
    assert [each.score for each in many.ranking] == sorted(
        (each.score for each in many.ranking), reverse=True
    )


def test_a_collection_of_another_embedding_model_is_refused(searched: Services) -> None:
    class Renamed:
        name = "another-model"
        dimension = searched.embedder.dimension

        def __getattr__(self, name: str) -> object:
            return getattr(searched.embedder, name)

    retriever = Retriever(searched.catalog, Renamed(), searched.followers)  # type: ignore[arg-type]
    with pytest.raises(EmbeddingMismatch, match="QA_EMBEDDING_MODEL"):
        retriever.search(searched.catalog.collection("default"), "ferry", k=3)
