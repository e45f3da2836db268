from index.document import Passage, Sentence, Span
from qa_service.answering.evidence import context, narrowed, runs, widened
from qa_service.answering.protocol import Offered


def passage(*texts: str, rank: int = 1, start: int = 0) -> Passage:
    sentences, at = [], start
    for text in texts:
        sentences.append(Sentence(Span(at, at + len(text)), text))
        at += len(text) + 1
    return Passage(
        rank=rank,
        score=0.5,
        chunk_id=f"{rank}.0",
        document_id=f"d{rank}",
        title="Crew",
        source="crew.md",
        span=Span(start, at - 1),
        text=" ".join(texts),
        sentences=tuple(sentences),
        sentence_scores=(0.0,) * len(texts),
        headings=("Skippers",),
        metadata={"language": "en"},
    )


CREW = passage(
    "Zoë Holm is the skipper.",
    "The boat is red.",
    "She joined in May 2019.",
    "The harbour was built in 1902.",
    start=100,
)


def texts(found: list[Offered]) -> list[str]:
    return [offered.sentence.text for offered in found]


def at(*places: int) -> list[Offered]:
    return [Offered(CREW, place) for place in places]


# Narrowing


def test_a_sentence_that_adds_no_word_of_the_claim_is_not_cited() -> None:
    assert narrowed("The harbour was built in 1902.", at(1, 3)) == at(3)


def test_sentences_that_each_add_a_word_stay() -> None:
    found = at(0, 3)
    assert narrowed("Zoë Holm is skipper in a harbour built in 1902.", found) == found


def test_a_single_sentence_stays_whatever_it_says() -> None:
    assert narrowed("Nothing in common here.", at(1)) == at(1)


def test_of_two_equal_sentences_one_stays() -> None:
    twice = passage("The gate is shut.", "The gate is shut.")
    found = [Offered(twice, 0), Offered(twice, 1)]
    assert len(narrowed("The gate is shut.", found)) == 1


def test_a_claim_with_a_pronoun_keeps_all_its_sentences() -> None:
    assert narrowed("She joined in May 2019.", at(0, 2)) == at(0, 2)


def test_a_claim_in_another_language_keeps_all_its_sentences() -> None:
    assert narrowed("Гавань построили в 1902 году.", at(1, 3)) == at(1, 3)


# Widening


def test_a_sentence_that_begins_with_a_pronoun_brings_the_one_that_names_who_is_meant() -> None:
    assert widened("Zoë Holm joined in May 2019.", at(2)) == at(2, 0)


def test_nothing_is_brought_where_the_claim_names_nobody_else() -> None:
    assert widened("She joined in May 2019.", at(2)) == at(2)


def test_nothing_is_brought_where_the_name_is_cited_already() -> None:
    assert widened("Zoë Holm joined in May 2019.", at(0, 2)) == at(0, 2)


def test_nothing_is_brought_for_a_sentence_that_does_not_begin_with_a_pronoun() -> None:
    assert widened("Zoë Holm built the harbour in 1902.", at(3)) == at(3)


def test_nothing_is_brought_from_far_away() -> None:
    far = passage("Zoë Holm is the skipper.", "One.", "Two.", "She joined in May 2019.")
    assert widened("Zoë Holm joined in May 2019.", [Offered(far, 3)]) == [Offered(far, 3)]


def test_the_first_sentence_of_a_passage_has_none_before_it() -> None:
    first = passage("She joined in May 2019.")
    assert widened("Zoë Holm joined.", [Offered(first, 0)]) == [Offered(first, 0)]


def test_two_sentences_bring_the_same_one_once() -> None:
    crew = passage("Zoë Holm is the skipper.", "She joined in 2019.", "She left in 2021.")
    found = [Offered(crew, 1), Offered(crew, 2)]
    assert (
        texts(widened("Zoë Holm joined in 2019 and left in 2021.", found)).count("Zoë Holm is the skipper.")
        == 1
    )


# Spans


def test_neighbouring_sentences_are_one_span() -> None:
    ((of, span),) = runs(at(1, 2))
    assert of is CREW
    assert Span(span.start - 100, span.end - 100).of(CREW.text) == "The boat is red. She joined in May 2019."


def test_the_order_in_which_sentences_are_named_and_repeats_make_no_difference() -> None:
    assert [*runs(at(2, 1, 2))] == [*runs(at(1, 2))]


def test_a_gap_makes_two_spans() -> None:
    assert [span.start - 100 for _, span in runs(at(3, 0))] == [0, 66]


def test_passages_come_in_the_order_in_which_they_are_named() -> None:
    other = passage("It rains.", rank=2)
    found = [Offered(other, 0), Offered(CREW, 0)]
    assert [of.rank for of, _ in runs(found)] == [2, 1]


def test_the_context_holds_the_neighbours_the_title_and_the_headings() -> None:
    assert context(at(2)).splitlines() == [
        "Crew ",
        "Skippers ",
        "The boat is red. ",
        "She joined in May 2019. ",
        "The harbour was built in 1902.",
    ]
