import json
from typing import Any, get_args

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.answering.answer import Reason
from qa_service.answering.claims import Support
from qa_service.commands.terminal import answer_lines, json_text, passage_lines
from qa_service.printable import printable

HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe\r\nNext\x00line\x08\u2028end"

CITATION: dict[str, Any] = {
    "number": 1,
    "document_id": "d",
    "title": "Leave",
    "source": "hr/leave.md",
    "chunk_id": "1.0",
    "span": {"start": 5, "end": 30},
    "quote": "Employees have\n  25 days.",
    "url": "/documents/d?start=5&end=30",
}
CLAIM: dict[str, Any] = {
    "text": "Employees have 25 days.",
    "citations": [CITATION],
    "support": {"verdict": "supported", "method": "verbatim", "score": 1.0},
}
PASSAGE: dict[str, Any] = {
    "rank": 1,
    "score": 0.5,
    "title": "Leave",
    "source": "hr/leave.md",
    "text": "Some text.",
}


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "id": "a",
        "status": "answered",
        "text": "Employees have 25 days. [1]",
        "claims": [{**CLAIM, "citations": [1]}],
        "citations": [CITATION],
        "missing": [],
        "passages": [PASSAGE],
        "model": "extractive",
        "timings_ms": {"retrieve": 1.0, "first_claim": 2.0, "total": 3.4},
        **changes,
    }


def plain(lines: Any) -> list[str]:
    return [click.unstyle(line) for line in lines]


def test_an_answer_is_its_claims_and_then_their_citations() -> None:
    events = [("retrieval", {"passages": [PASSAGE]}), ("claim", CLAIM), ("done", answer())]
    assert plain(answer_lines(events)) == [
        "Employees have 25 days. [1]",
        "",
        "[1] Leave  hr/leave.md:5-30",
        "    “Employees have 25 days.”",
        "",
        "extractive · quoted word for word · 3 ms",
    ]


def test_a_claim_is_printed_as_soon_as_it_comes() -> None:
    def events() -> Any:
        yield "claim", CLAIM
        raise AssertionError("the next event was waited for")

    assert next(answer_lines(events())) == "Employees have 25 days. [1]"


def test_an_abstention_says_why_and_shows_what_is_nearest() -> None:
    done = answer(status="abstained", reason="not_in_passages", claims=[], citations=[], missing=["the fee"])
    assert plain(answer_lines([("done", done)])) == [
        "The documents do not say.",
        "Missing: the fee",
        "The nearest passages:",
        "",
        "1. Leave  hr/leave.md",
        "    “Some text.”",
        "",
    ]


def test_an_abstention_without_passages_says_only_why() -> None:
    done = answer(status="abstained", reason="empty_index", claims=[], citations=[], passages=[])
    assert plain(answer_lines([("done", done)])) == [
        "Nothing is indexed here yet: `qa index PATH` indexes a folder."
    ]


def side(name: str, number: int, text: str, quote: str) -> tuple[str, dict[str, Any]]:
    citation = {**CITATION, "number": number, "document_id": f"d{number}", "quote": quote}
    return "claim", {**CLAIM, "text": text, "side": name, "citations": [citation]}


def test_each_side_of_a_conflict_stands_by_itself_with_its_citations() -> None:
    quote = "Employees have\n  25 days."
    events = [
        side("a", 1, "Employees have 25 days.", quote),
        side("b", 2, "Employees have 28 days.", "It says: Employees have 28 days."),
        side("b", 3, "Employees have 30 days.", "Employees have 30 days."),
        ("claim", {**CLAIM, "text": "Apprentices have more.", "citations": [{**CITATION, "number": 4}]}),
    ]
    citations = [{**CITATION, "number": number} for number in (1, 2, 3, 4)]
    done = ("done", answer(status="conflict", citations=citations))
    assert plain(answer_lines([*events, done])) == [
        "The documents disagree, and one says:",
        "    Employees have 25 days. [1]",
        "    [1] Leave  hr/leave.md:5-30",
        "",
        "Another says:",
        "    Employees have 28 days. [2]",
        "    [2] Leave  hr/leave.md:5-30",
        "        “It says: Employees have 28 days.”",
        "",
        "Another says:",
        "    Employees have 30 days. [3]",
        "    [3] Leave  hr/leave.md:5-30",
        "",
        "Apprentices have more. [4]",
        "",
        "[4] Leave  hr/leave.md:5-30",
        "    “Employees have 25 days.”",
        "",
        "extractive · quoted word for word · 3 ms",
    ]


def test_a_page_is_named_where_there_is_one() -> None:
    lines = plain(answer_lines([("done", answer(citations=[{**CITATION, "page": 3}]))]))
    assert "[1] Leave, page 3  hr/leave.md:5-30" in lines
    assert plain(passage_lines([{**PASSAGE, "page": 3}]))[0] == "1. Leave, page 3  0.50  hr/leave.md"


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_has_words(reason: str) -> None:
    done = answer(status="abstained", reason=reason, passages=[])
    (line,) = plain(answer_lines([("done", done)]))
    assert line.endswith(".")


@pytest.mark.parametrize("method", get_args(Support.__annotations__["method"]))
def test_every_method_has_words(method: str) -> None:
    claim = {**CLAIM, "citations": [1], "support": {"verdict": "partial", "method": method}}
    last = plain(answer_lines([("done", answer(claims=[claim]))]))[-1]
    assert method == "guards" or method not in last


def test_what_a_newer_service_says_is_shown_as_it_is() -> None:
    done = answer(status="abstained", reason="new_reason", passages=[])
    assert plain(answer_lines([("done", done)])) == ["new_reason"]


def test_a_document_can_not_drive_the_terminal() -> None:
    passage = {**PASSAGE, "title": HOSTILE, "source": HOSTILE, "text": HOSTILE}
    citation = {**CITATION, "title": HOSTILE, "source": HOSTILE, "quote": HOSTILE}
    claim = {**CLAIM, "text": HOSTILE, "citations": [citation]}
    done = answer(citations=[citation], missing=[HOSTILE], model=HOSTILE)
    abstained = answer(status="abstained", reason="not_in_passages", passages=[passage], missing=[HOSTILE])
    events = [("claim", claim), ("done", done), ("done", abstained)]
    for line in plain([*answer_lines(events), *passage_lines([passage])]):
        assert line.isprintable(), repr(line)


@given(st.text())
def test_what_is_printable_is_on_one_line_and_harmless(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= len(text)
    assert not set(shown) & {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x2028, 0x202E, 0x2066)}
    shown.encode()


def test_letters_of_every_script_stay_as_they_are() -> None:
    text = "naïve café, Отпуск 28 дней, 日本語、한국어, العربية, नमस्ते, 👩\u200d🚀, می\u200cخواهم"
    assert printable(text) == text


def test_any_white_space_is_a_space() -> None:
    assert printable("10\u00a0000\u3000円\ttab") == "10 000 円 tab"


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_for_the_terminal_says_the_same(value: Any) -> None:
    shown = json_text(value)
    assert json.loads(shown) == value
    assert not set(shown) & {chr(code) for code in (*range(10), *range(11, 32), *range(0x7F, 0xA0), 0x202E)}
