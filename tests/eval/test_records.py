"""Recorded answers: what is read from JSON, what is refused, and which citations are valid."""

import json
import subprocess
import sys
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.errors import BadRecord
from eval.example import Example
from eval.records import (
    Answer,
    Citation,
    Claim,
    Passage,
    Record,
    Span,
    Status,
    answer_from,
    names,
)
from qa_service.answering.answer import Status as Served

EXAMPLE = Example("e", "When?", "lookup", "en")
TEXT = "The lamp was lit in 1874. It burned oil."
WIRE = {
    "id": "a1",
    "status": "answered",
    "text": "It was lit in 1874. [1]",
    "claims": [{"text": "It was lit in 1874.", "citations": [1], "support": {"verdict": "supported"}}],
    "citations": [
        {
            "number": 1,
            "document_id": "d1",
            "title": "Lamp",
            "source": "lamp.txt",
            "chunk_id": "c1",
            "span": {"start": 0, "end": 25},
            "quote": "The lamp was lit in 1874.",
            "url": "/documents/d1?start=0&end=25",
        }
    ],
    "passages": [
        {
            "rank": 1,
            "score": 0.9,
            "chunk_id": "c1",
            "document_id": "d1",
            "title": "Lamp",
            "source": "lamp.txt",
            "span": {"start": 0, "end": 40},
            "text": TEXT,
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost_usd": 0.01},
    "timings_ms": {"retrieve": 3.0, "first_claim": None, "total": 9},
}


def record(answer: Answer, **texts: str) -> Record:
    return Record(EXAMPLE, answer, {"lamp.txt": TEXT, **texts})


def citation(quote: str = "It burned oil.", start: int = 26, chunk: str = "c1") -> Citation:
    return Citation(1, "d1", "lamp.txt", Span(start, start + len(quote)), quote, chunk)


def answered(found: Citation) -> Answer:
    return Answer(
        "answered",
        claims=(Claim("It burned oil.", (1,)),),
        citations=(found,),
        passages=(Passage(1, TEXT, "c1", "d1", "lamp.txt", "Lamp", Span(0, 40)),),
    )


def test_an_answer_of_the_service_is_read_whole() -> None:
    answer = answer_from(WIRE)
    assert answer.status == "answered"
    assert answer.claims == (Claim("It was lit in 1874.", (1,)),)
    assert answer.citations[0].span == Span(0, 25)
    assert answer.passages[0].title == "Lamp"
    assert answer.usage.cost_usd == 0.01
    assert answer.timings_ms == {"retrieve": 3.0, "total": 9.0}
    assert Record(EXAMPLE, answer, {"lamp.txt": TEXT}).is_valid(answer.citations[0])


def test_what_another_service_leaves_out_is_missing_not_zero() -> None:
    answer = answer_from({"claims": [{"text": "Yes."}], "passages": [{"text": "a"}, {"text": "b"}]})
    assert answer.status is None
    assert answer.abstained is None
    assert answer.usage.cost_usd is None
    assert [passage.rank for passage in answer.passages] == [1, 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "fine"}, "status is 'fine'"),
        ({"claims": "none"}, "claims is str"),
        ({"claims": [3]}, "an item of claims is int"),
        ({"claims": [{"text": "a", "citations": ["1"]}]}, "citations are"),
        ({"claims": [{"text": "a", "citations": [True]}]}, "citations are"),
        ({"citations": [{"quote": "a"}]}, "no number"),
        ({"passages": [{"span": {"start": 4, "end": 2}}]}, "span is"),
        ({"usage": {"cost_usd": float("nan")}}, "cost_usd is nan"),
        ({"timings_ms": {"total": "soon"}}, "total is 'soon'"),
    ],
)
def test_a_part_of_the_wrong_kind_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(BadRecord, match=said):
        answer_from({**WIRE, **change})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["status", "claims", "citations", "passages", "span", "text", "number", "usage"]
                ),
                inner,
            )
        ),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    with suppress(BadRecord):
        assert isinstance(answer_from(value), Answer)


def test_a_quote_that_is_the_stored_text_is_valid() -> None:
    found = citation()
    assert record(answered(found)).is_valid(found)


def test_a_quote_at_another_place_is_not_valid() -> None:
    found = citation(start=25)
    assert not record(answered(found)).is_valid(found)


def test_a_quote_outside_the_passages_of_the_answer_is_not_valid() -> None:
    found = citation(chunk="c2")
    assert not record(answered(found)).is_valid(found)


def test_without_the_text_a_quote_must_stand_in_its_passage() -> None:
    found, forged = citation(), citation("It burned gas.")
    assert Record(EXAMPLE, answered(found)).is_valid(found)
    assert not Record(EXAMPLE, answered(forged)).is_valid(forged)


def test_a_citation_without_a_quote_is_not_valid() -> None:
    found = Citation(1, "d1", "lamp.txt")
    assert not record(answered(found)).is_valid(found)
    assert not record(answered(found)).is_valid(None)


def test_a_number_that_is_repeated_is_cited_once_and_an_unknown_one_is_none() -> None:
    found = record(answered(citation()))
    assert found.cited(Claim("x", (1, 1, 7))) == (found.answer.citations[0], None)


def test_a_source_is_named_by_its_last_part() -> None:
    assert names("https://host/files/a.txt", "a.txt")
    assert not names("data.txt", "a.txt")
    assert not names("x/", "")


def test_a_run_is_measured_without_the_product() -> None:
    program = (
        "import sys, eval.records, eval.metrics.registry, eval.compare\n"
        "import eval.judges.calibrate, eval.judges.lexical\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('qa_service', 'index', 'scipy')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_statuses_are_those_of_the_service() -> None:
    assert get_args(Status) == get_args(Served)
    assert json.loads(json.dumps(WIRE)) == WIRE
