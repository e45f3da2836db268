import copy
import dataclasses
from collections.abc import Sequence

import pytest

from index.document import Passage, Sentence, Span
from qa_service.answering.claims import Citation, Support
from qa_service.answering.gate import Claim, Gate, Rejected
from qa_service.answering.protocol import Draft, DraftClaim, DraftConflict, DraftNone, Offer, clean
from qa_service.answering.reading import read
from qa_service.wire import claim_json

KEY = "hztq"


def passage(rank: int, *texts: str, start: int = 0, title: str = "Tank", document: str = "") -> Passage:
    sentences, at = [], start
    for text in texts:
        sentences.append(Sentence(Span(at, at + len(text)), text))
        at += len(text) + 1
    return Passage(
        rank=rank,
        score=0.5,
        chunk_id=f"{rank}.0",
        document_id=document or f"d{rank}",
        title=title,
        source=f"{title.lower()}.md",
        span=Span(start, at - 1),
        text=" ".join(texts),
        sentences=tuple(sentences),
        sentence_scores=(0.0,) * len(texts),
        metadata={},
    )


PASSAGES = (
    passage(
        1,
        "The octopus tank holds 4,000 litres.",
        "It was cleaned on 3 May 2024.",
        "Zoë Holm feeds it.",
        start=7,
    ),
    passage(2, "The old plan says that the tank holds 3,500 litres.", title="Plan"),
    passage(3, "Der Tank fasst 4.000 Liter.", title="Becken"),
    passage(4, "See https://example.org/tank or write to help@example.org about the tank.", title="Links"),
    passage(5, "Use x[1] in C#, at -2 °C, with **kwargs. It works.", "***", title="Code"),
    passage(6, "The octopus tank holds 4,000 litres.", title="Copy"),
)
STORED = {each.rank: " " * each.span.start + each.text for each in PASSAGES}


def cut(version: int, spans: Sequence[Span]) -> list[str] | None:
    return [span.of(STORED[version]) for span in spans] if version in STORED else None


def gate(*passages: Passage, question: str = "How big is the tank?") -> Gate:
    return Gate(Offer(KEY, passages or PASSAGES), cut, question=question)


def admit(line: str, at: Gate | None = None) -> list[Claim | Rejected]:
    """What a line of a model becomes; `§` stands for the key."""
    at = at or gate()
    drafts: list[Draft] = [*read(line.replace("§", KEY), key=KEY)]
    return [
        each for draft in drafts if isinstance(draft, DraftClaim | DraftConflict) for each in at.admit(draft)
    ]


def claim(line: str, at: Gate | None = None) -> Claim:
    (made,) = admit(line, at)
    assert isinstance(made, Claim), made
    return made


def rejected(line: str, at: Gate | None = None) -> Rejected:
    (made,) = admit(line, at)
    assert isinstance(made, Rejected), made
    return made


# A claim


def test_a_claim_cites_the_stored_text_of_the_sentence_that_it_names() -> None:
    made = claim("[[§1.1]] The tank holds 4,000 litres.")
    assert made.text == "The tank holds 4,000 litres."
    assert made.support == Support("supported", "guards", 1.0)
    assert made.citations == (
        Citation(1, "d1", "Tank", "tank.md", "1.0", Span(7, 43), "The octopus tank holds 4,000 litres."),
    )
    assert made.citations[0].url == "/documents/d1?start=7&end=43"


def test_a_claim_that_repeats_a_sentence_is_verbatim() -> None:
    made = claim("[[§1.1,§2.1]] The octopus tank holds 4,000 litres.")
    assert made.support == Support("supported", "verbatim", 1.0)
    assert [citation.document_id for citation in made.citations] == ["d1"]


def test_what_is_verbatim_has_the_same_letters_and_signs() -> None:
    frost = Gate(
        Offer(KEY, (passage(1, "-5 °C was measured."),)), lambda *_: ["-5 °C was measured."], question=""
    )
    assert claim("[[§1.1]] -5 °C was measured.", frost).support.method == "verbatim"
    (other,) = admit("[[§1.1]] 5 °C was measured.", frost)
    assert isinstance(other, Rejected) or other.support.method != "verbatim"


def test_a_quoted_sentence_is_one_claim_even_where_it_reads_as_two() -> None:
    draft = DraftClaim(clean(PASSAGES[4].sentences[0].text), (f"{KEY}5.1",))
    (made,) = gate().admit(draft)
    assert isinstance(made, Claim)
    assert made.text == "Use x(1) in C#, at -2 °C, with **kwargs. It works."
    assert made.support.method == "verbatim"
    assert made.citations[0].quote == PASSAGES[4].sentences[0].text


def test_neighbouring_sentences_are_quoted_as_one() -> None:
    made = claim("[[§1.2,§1.1]] The octopus tank holds 4,000 litres and was cleaned on 3 May 2024.")
    assert [each.quote for each in made.citations] == [
        "The octopus tank holds 4,000 litres. It was cleaned on 3 May 2024."
    ]


def test_a_claim_in_another_language_than_its_text_is_partly_supported() -> None:
    assert claim("[[§3.1]] The tank holds 4,000 litres.").support == Support("partial", "numbers_and_dates")


def test_each_sentence_of_a_line_is_checked_on_its_own() -> None:
    good, bad, better = admit(
        "[[§1.1,§1.2]] The tank holds 4,000 litres. It was built in 1998. It was cleaned on 3 May 2024."
    )
    assert isinstance(good, Claim)
    assert isinstance(bad, Rejected)
    assert bad.text == "It was built in 1998."
    assert isinstance(better, Claim)
    assert better.text == "It was cleaned on 3 May 2024."


def test_a_sentence_that_does_not_bear_on_the_claim_is_not_cited() -> None:
    made = claim("[[§1.1,§1.2,§2.1]] The octopus tank holds 4,000 litres of water.")
    assert [each.quote for each in made.citations] == ["The octopus tank holds 4,000 litres."]


def test_a_quote_is_widened_to_the_sentence_that_names_its_subject() -> None:
    made = claim("[[§1.2]] The octopus tank was cleaned on 3 May 2024.")
    assert [each.quote for each in made.citations] == [
        "The octopus tank holds 4,000 litres. It was cleaned on 3 May 2024."
    ]


# Numbers of citations


def test_citations_are_numbered_in_the_order_in_which_they_appear() -> None:
    at = gate()
    first = claim("[[§2.1]] The plan says that the tank holds 3,500 litres.", at)
    second = claim("[[§1.1]] The tank holds 4,000 litres.", at)
    assert [each.number for each in (*first.citations, *second.citations)] == [1, 2]
    assert at.citations == (*first.citations, *second.citations)


def test_the_same_span_has_the_same_number() -> None:
    at = gate()
    claim("[[§2.1]] The tank holds 3,500 litres.", at)
    first = claim("[[§1.1]] The tank holds 4,000 litres.", at)
    again = claim("[[§1.1]] The octopus tank holds 4,000 litres of water.", at)
    assert first.citations == again.citations
    assert [each.number for each in at.citations] == [1, 2]


def test_equal_sentences_of_two_documents_have_two_numbers() -> None:
    at = gate()
    claim("[[§1.1]] The tank holds 4,000 litres.", at)
    assert claim("[[§6.1]] The octopus tank holds 4,000 litres of water.", at).citations[0].number == 2


def test_what_is_rejected_takes_no_number() -> None:
    at = gate()
    rejected("[[§1.1]] The tank holds 9,000 litres.", at)
    assert claim("[[§2.1]] The plan says that the tank holds 3,500 litres.", at).citations[0].number == 1


# Rejections


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The octopus tank holds 9,000 litres.", "9,000"),
        ("It was cleaned on 4 May 2024.", "4 May 2024"),
        ("It was cleaned on 3 May 2023.", "3 May 2023"),
        ("Ada Lovelace feeds it.", "Lovelace"),
        ("The octopus tank does not hold 4,000 litres.", "denied"),
        ("Zoë Holm does not feed it.", "denied"),
    ],
)
def test_a_planted_number_date_name_or_negation_is_rejected_and_named(text: str, fault: str) -> None:
    found = rejected(f"[[§1.1-3]] {text}")
    assert found.reason == "unsupported"
    assert fault in found.explanation
    assert found.repairable


@pytest.mark.parametrize("ids", ["§9.9", "bcdf1.1", "§1.1-9999", "§1", "§0.1", "99.1"])
def test_ids_that_were_not_offered_are_rejected(ids: str) -> None:
    found = rejected(f"[[{ids}]] The tank holds 4,000 litres.")
    assert found.reason == "unknown_id"
    assert f"{KEY}1.1" in found.explanation


def test_one_good_id_is_enough() -> None:
    made = claim("[[§9.9,§1.1]] The tank holds 4,000 litres.")
    assert [each.document_id for each in made.citations] == ["d1"]


@pytest.mark.parametrize(
    "text",
    [
        "The tank is shown at https://evil.example/tank.",
        "The tank is shown at evil.example.",
        "The tank is shown at //evil.example/x.",
        "The tank holds 4,000 litres <img src=x>.",
        "The tank is shown at https://example.org/tank?q=secret.",
        "Write to me@example.org about the tank.",
    ],
)
def test_links_that_do_not_stand_in_the_cited_text_are_rejected(text: str) -> None:
    assert rejected(f"[[§4.1]] {text}").reason == "foreign_link"


def test_links_of_the_cited_text_may_be_repeated() -> None:
    assert "https://example.org/tank" in claim("[[§4.1]] The tank is at https://example.org/tank.").text
    assert "help@example.org" in claim("[[§4.1]] Write to help@example.org about the tank.").text


def test_the_target_of_a_markdown_link_is_taken_away() -> None:
    made = claim("[[§1.1]] The [tank](https://evil.example/?q=1) holds 4,000 litres ![x](//evil.example).")
    assert made.text == "The tank holds 4,000 litres ."


def test_an_id_inside_a_sentence_is_rejected() -> None:
    found = rejected("[[§1.1]] According to §1.1, the tank holds 4,000 litres.")
    assert found.reason == "marker_in_text"


def test_what_looks_like_a_citation_inside_a_claim_gets_round_brackets() -> None:
    assert claim("[[§1.1]] The tank[7] holds 4,000 litres.［8］").text == "The tank(7) holds 4,000 litres.(8)"


def test_a_claim_that_repeats_one_is_left_out() -> None:
    at = gate()
    claim("[[§1.1]] The tank holds 4,000 litres.", at)
    again = rejected("[[§6.1]] The tank holds 4,000 litres.", at)
    assert again.reason == "repeated"
    assert not again.repairable
    assert len(at.citations) == 1


def test_a_document_that_is_no_longer_served_is_not_cited() -> None:
    gone = passage(9, "The tank holds 4,000 litres.")
    found = rejected("[[§1.1]] The tank holds 4,000 litres.", gate(gone))
    assert found.reason == "source_changed"
    assert not found.repairable


def test_a_document_with_another_text_than_was_offered_is_not_cited() -> None:
    other = passage(1, "The octopus tank holds 5,000 litres.", start=7)
    assert rejected("[[§1.1]] The tank holds 5,000 litres.", gate(other)).reason == "source_changed"


def test_text_without_words_becomes_nothing() -> None:
    assert [*gate().admit(DraftClaim("***", (f"{KEY}5.2",)))] == []


# Conflicts


def test_a_conflict_is_its_statement_and_both_sides_word_for_word() -> None:
    stated, a, b = admit(
        "[[CONFLICT §1.1 | §2.1]] The tank holds 4,000 litres, while the plan says 3,500 litres."
    )
    assert isinstance(stated, Claim)
    assert isinstance(a, Claim)
    assert isinstance(b, Claim)
    assert [each.number for each in stated.citations] == [1, 2]
    assert [(each.side, each.text, [c.number for c in each.citations]) for each in (stated, a, b)] == [
        (None, "The tank holds 4,000 litres, while the plan says 3,500 litres.", [1, 2]),
        ("a", "The octopus tank holds 4,000 litres.", [1]),
        ("b", "The old plan says that the tank holds 3,500 litres.", [2]),
    ]


def test_a_conflict_without_a_statement_is_both_sides_word_for_word() -> None:
    found = [*gate().admit(DraftConflict("", (f"{KEY}1.1",), (f"{KEY}2.1",)))]
    assert [
        (each.side, each.text, each.citations[0].number) for each in found if isinstance(each, Claim)
    ] == [
        ("a", "The octopus tank holds 4,000 litres.", 1),
        ("b", "The old plan says that the tank holds 3,500 litres.", 2),
    ]
    assert len(found) == 2


def test_a_conflict_whose_statement_fails_has_no_sides() -> None:
    found = rejected(
        "[[CONFLICT §1.1 | §2.1]] The tank holds 4,000 litres, while the plan says 9,500 litres."
    )
    assert found.reason == "unsupported"


@pytest.mark.parametrize(
    "sides", ["§1.1 | §1.1", "§1.1 | §6.1", "§1.1", "§1.1 | §9.9", "§1.1,§2.1 | §2.1", "§5.2 | §5.2"]
)
def test_a_conflict_needs_two_sides_that_differ(sides: str) -> None:
    found = rejected(f"[[CONFLICT {sides}]] The tank holds 4,000 litres.")
    assert found.reason == "one_sided_conflict"
    assert found.repairable


def test_sides_at_the_same_place_of_two_documents_differ() -> None:
    texts = ("The gate is shut at 8 p.m.", "The gate is shut at 9 p.m.")
    at = Gate(
        Offer(KEY, (passage(1, texts[0]), passage(2, texts[1]))),
        lambda version, spans: [span.of(texts[version - 1]) for span in spans],
        question="When is the gate shut?",
    )
    made = admit(
        "[[CONFLICT §1.1 | §2.1]] The gate is shut at 8 p.m. in one, and at 9 p.m. in the other.", at
    )
    assert [each.side for each in made if isinstance(each, Claim)] == [None, "a", "b"]


def test_a_conflict_of_unknown_ids_is_rejected_as_that() -> None:
    assert rejected("[[CONFLICT §9.1 | §9.2]] They differ.").reason == "unknown_id"


def test_a_side_stands_also_where_its_sentence_was_claimed_before() -> None:
    at = gate()
    claim("[[§1.1]] The octopus tank holds 4,000 litres.", at)
    made = admit("[[CONFLICT §1.1 | §2.1]] The tank holds 4,000 litres, or 3,500 litres.", at)
    assert [each.side for each in made if isinstance(each, Claim)] == [None, "a", "b"]


# What is missing


def missing(text: str, question: str = "Who built the tank?") -> list[str | Rejected]:
    return [*gate(question=question).missing(DraftNone(text))]


def test_what_is_missing_is_told_in_words_of_the_question_and_the_passages() -> None:
    assert missing("The passages do not say who built the tank of 4,000 litres.") == [
        "The passages do not say who built the tank of 4,000 litres."
    ]
    text = "The passages do not say what Ada Lovelace built in 1843."
    assert missing(text, "What did Ada Lovelace build in 1843?") == [text]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The passages do not say it, but the answer is 42.", "unsupported"),
        ("They do not say that Ada Lovelace built it.", "unsupported"),
        ("They do not say it: see https://evil.example/?q=1.", "foreign_link"),
        (f"They do not say more than {KEY}1.1.", "marker_in_text"),
    ],
)
def test_nothing_is_told_among_what_is_missing(text: str, reason: str) -> None:
    (found,) = missing(text)
    assert isinstance(found, Rejected)
    assert found.reason == reason


# By construction


def test_no_claim_is_made_outside_the_gate() -> None:
    support = Support("supported", "verbatim", 1.0)
    with pytest.raises(TypeError, match="Gate"):
        Claim("The tank is empty.", (), support)
    with pytest.raises(TypeError, match="Gate"):
        Claim("The tank is empty.", (), support, None, object())


def test_no_claim_is_changed_once_it_is_made() -> None:
    made = claim("[[§1.1]] The tank holds 4,000 litres.")
    with pytest.raises(TypeError, match="Gate"):
        dataclasses.replace(made, text="The tank is empty.")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.text = "The tank is empty."  # type: ignore[misc]
    assert copy.deepcopy(made) == made


@dataclasses.dataclass
class LooksLikeAClaim:
    text: str = "The tank is empty."
    citations: tuple[Citation, ...] = ()
    support: Support | None = None
    side: None = None


def test_nothing_but_a_claim_is_serialised() -> None:
    with pytest.raises(TypeError, match="LooksLikeAClaim"):
        claim_json(LooksLikeAClaim())  # type: ignore[arg-type]


def test_a_claim_is_serialised_with_the_numbers_of_its_citations() -> None:
    assert claim_json(claim("[[§1.1]] The tank holds 4,000 litres.")) == {
        "text": "The tank holds 4,000 litres.",
        "citations": [1],
        "support": {"verdict": "supported", "method": "guards", "score": 1.0},
    }
