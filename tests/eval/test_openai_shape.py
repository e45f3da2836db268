"""Replies of the OpenAI shape, as services give them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.errors import TargetError
from eval.openai_shape import answer_json
from eval.records import answer_from

LEAVE = "Parental leave lasts 12 weeks."


def read(content: str | None, *, message: dict[str, Any] | None = None, **reply: Any) -> Any:
    body = {"choices": [{"message": {"content": content, **(message or {})}}], **reply}
    return answer_from(answer_json(body))


def test_marks_become_citations_of_the_sentence_that_they_stand_in() -> None:
    answer = read(
        "It lasts 12 weeks [1]. Ask in writing. [2][1]", citations=["https://a.example", "https://b.example"]
    )
    assert [(claim.text, claim.citations) for claim in answer.claims] == [
        ("It lasts 12 weeks.", (1,)),
        ("Ask in writing.", (2, 1)),
    ]
    assert [each.source for each in answer.citations] == ["https://a.example", "https://b.example"]


def test_a_source_with_a_text_is_a_passage_and_its_text_the_quote() -> None:
    answer = read("It lasts 12 weeks [1].", sources=[{"title": "leave.md", "text": LEAVE}])
    assert answer.passages[0].text == answer.citations[0].quote == LEAVE


def test_a_source_that_is_an_address_alone_has_no_quote() -> None:
    answer = read("It lasts 12 weeks [1].", citations=["https://a.example/leave"])
    assert answer.citations[0].quote is None
    assert answer.passages == ()


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ({"context": {"citations": [{"content": LEAVE, "filepath": "leave.md"}]}}, {}),
        ({}, {"search_results": [{"snippet": LEAVE, "url": "leave.md"}]}),
        ({}, {"source_documents": [{"page_content": LEAVE, "metadata": {"source": "leave.md"}}]}),
        ({}, {"metadata": {"sources": [{"text": LEAVE, "name": "leave.md"}]}}),
    ],
)
def test_sources_are_found_where_services_put_them(message: dict[str, Any], reply: dict[str, Any]) -> None:
    answer = read("It lasts 12 weeks [1].", message=message, **reply)
    assert (answer.citations[0].source, answer.citations[0].quote) == ("leave.md", LEAVE)


def test_a_sentence_is_not_cut_at_an_abbreviation_but_where_a_mark_follows_its_end() -> None:
    answer = read("Ask Dr. Haas, ext. 21, on the 3. floor. [1] It opens at 8 a.m. [2] Bring a boat.")
    assert [(claim.text, claim.citations) for claim in answer.claims] == [
        ("Ask Dr. Haas, ext. 21, on the 3. floor.", (1,)),
        ("It opens at 8 a.m.", (2,)),
        ("Bring a boat.", ()),
    ]


@pytest.mark.parametrize(
    "listed",
    [
        "\n\nSources:\n[1] Leave, page 2: https://a.example\n[2] Pets: https://b.example",
        "\n\n**Sources:**\n\n- [1] Leave\n- [2] Pets\n",
        "\n## References\n[1] Leave",
    ],
)
def test_a_list_of_sources_at_the_end_claims_nothing(listed: str) -> None:
    answer = read(f"It lasts 12 weeks. [1]{listed}", citations=["https://a.example", "https://b.example"])
    assert [(claim.text, claim.citations) for claim in answer.claims] == [("It lasts 12 weeks.", (1,))]


def test_marks_at_the_start_of_a_line_belong_to_that_line() -> None:
    answer = read("It lasts 12 weeks\n[1] Ask in writing", citations=["https://a.example"])
    assert [(claim.text, claim.citations) for claim in answer.claims] == [
        ("It lasts 12 weeks", ()),
        ("Ask in writing", (1,)),
    ]


def test_annotations_become_citations_of_the_sentence_that_they_end_in() -> None:
    content = "It lasts 12 weeks. Ask in writing."
    annotation = {
        "type": "url_citation",
        "url_citation": {"start_index": 0, "end_index": 18, "url": "leave.md", "content": LEAVE},
    }
    answer = read(content, message={"annotations": [annotation]})
    assert [claim.citations for claim in answer.claims] == [(1,), ()]
    assert answer.citations[0].quote == LEAVE


def test_full_width_marks_are_read() -> None:
    answer = read("It lasts 12 weeks【1†source】. So.", sources=[{"name": "leave.md", "text": LEAVE}])
    assert answer.claims[0].text == "It lasts 12 weeks."
    assert answer.claims[0].citations == (1,)


def test_a_number_without_its_source_stays_to_be_counted() -> None:
    answer = read("It lasts 12 weeks [7].", sources=[LEAVE])
    assert answer.claims[0].citations == (7,)
    assert answer.citations == ()


def test_a_year_in_brackets_is_no_mark() -> None:
    answer = read("So it was decided [2024].")
    assert (answer.claims[0].text, answer.claims[0].citations) == ("So it was decided [2024].", ())


def test_no_status_is_told() -> None:
    assert read("I don't know.").status is None


def test_a_reply_without_words_has_no_claims() -> None:
    assert read(None).claims == ()


@pytest.mark.parametrize("reply", [None, [], {}, {"choices": []}, {"choices": [{}]}, {"choices": "x"}])
def test_a_reply_of_another_shape_is_refused(reply: Any) -> None:
    with pytest.raises(TargetError, match="not of the OpenAI shape"):
        answer_json(reply)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "text", "type", "metadata"]), inner)
    ),
    max_leaves=8,
)


@given(st.text(max_size=60), JSON, JSON, JSON)
def test_whatever_stands_beside_the_words_an_answer_comes_of_it(
    content: str, annotations: Any, sources: Any, usage: Any
) -> None:
    read(content, message={"annotations": annotations}, sources=sources, usage=usage)
