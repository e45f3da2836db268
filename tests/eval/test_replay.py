"""Replayed completions: played as they were recorded, or an error that names the example."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.errors import DatasetError, ReplayError
from eval.example import Example
from eval.replay import (
    Completion,
    Offered,
    Recorder,
    Recording,
    Replay,
    keep,
    portable,
    question_sha256,
    read,
    recorded_for,
)
from qa_service.llm import Deadline, Finish, Message, Piece, Usage

EXAMPLE = Example("leave", "How long is parental leave?", "lookup", "en")
PROMPTS = {"answer.system": "1234"}


def messages(key: str = "hztq") -> list[Message]:
    """A request with two passages, the second of which has what the first has and more."""
    lines = [
        "Passage 1, from: Leave",
        f"[{key}1.1] Employees have 25 days of leave.",
        f"[{key}1.2] Parental leave lasts 12 weeks.",
        f"[{key}1.3] It must be asked for in writing.",
        "",
        "Passage 2, from: Pets",
        f"[{key}2.1] Dogs may come on Fridays.",
    ]
    body = "\n".join(lines)
    return [Message("system", "Answer."), Message("user", f"{body}\n\nQuestion: {EXAMPLE.question}")]


def recording(*completions: Completion, **changes: Any) -> dict[str, Recording]:
    values = {
        "example": "leave",
        "question_sha256": question_sha256(EXAMPLE.question),
        "model": "hand",
        "prompts": None,
        "completions": completions,
    }
    return {"leave": Recording(**{**values, **changes})}


def ask(model: Any, key: str = "hztq") -> str:
    pieces = list(model.stream(messages(key), max_tokens=100, deadline=Deadline(60)))
    assert isinstance(pieces[-1], Finish)
    return "".join(pieces[:-1])


def replay(*completions: Completion, **changes: Any) -> Replay:
    return Replay(EXAMPLE, recording(*completions, **changes), prompts=PROMPTS)


@pytest.mark.parametrize("key", ["hztq", "bcdf"])
def test_cited_words_become_the_ids_of_the_request(key: str) -> None:
    model = replay(Completion("[[{1}]] It lasts 12 weeks.", ("Parental leave lasts 12 weeks.",)))
    assert ask(model, key) == f"[[{key}1.2]] It lasts 12 weeks."
    model.finish()


def test_words_across_two_sentences_become_both_ids() -> None:
    model = replay(Completion("[[{1}]] x", ("lasts 12 weeks. It must\nbe asked for",)))
    assert ask(model) == "[[hztq1.2,hztq1.3]] x"


def test_braces_and_forged_ids_are_written_as_they_were() -> None:
    assert ask(replay(Completion("[[{key}9.9]] {{1}} is {{x}}"))) == "[[hztq9.9]] {1} is {x}"


def test_words_that_are_not_offered_are_an_error() -> None:
    model = replay(Completion("[[{1}]] x", ("Cats may not come.",)))
    with pytest.raises(ReplayError, match=r"leave: no passage offers the cited words 'Cats may not come\.'"):
        ask(model)


def test_words_of_two_passages_are_not_one_sentence() -> None:
    model = replay(Completion("[[{1}]] x", ("asked for in writing. Dogs may come",)))
    with pytest.raises(ReplayError, match="no passage offers"):
        ask(model)


def test_asking_more_often_than_was_recorded_is_an_error() -> None:
    model = replay(Completion("x"))
    ask(model)
    with pytest.raises(ReplayError, match="leave: the model was asked 2 times, and 1 replies are recorded"):
        ask(model)


def test_a_recording_that_is_half_played_is_an_error() -> None:
    model = replay(Completion("x"), Completion("y"))
    ask(model)
    with pytest.raises(ReplayError, match="leave: 2 replies are recorded, and the model was asked 1 times"):
        model.finish()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question_sha256": "0" * 64}, "the question is another"),
        ({"prompts": {"answer.system": "other"}}, "the prompts are others"),
    ],
)
def test_another_question_or_prompt_than_was_recorded_is_an_error(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ReplayError, match=f"leave: {message}"):
        replay(Completion("x"), **changes)


def test_an_example_without_a_recording_is_an_error() -> None:
    with pytest.raises(ReplayError, match="leave: nothing is recorded"):
        Replay(EXAMPLE, {}, prompts=PROMPTS)


def test_a_prompt_that_lost_the_question_or_the_passages_is_an_error() -> None:
    lost = [Message("system", "Answer."), Message("user", messages()[1].content.replace("parental", ""))]
    for wrong, message in (
        (lost, "does not stand in the prompt"),
        ([Message("user", EXAMPLE.question)], "offers no"),
    ):
        with pytest.raises(ReplayError, match=message):
            list(replay(Completion("x")).stream(wrong, max_tokens=9, deadline=Deadline(9)))


def test_a_recording_without_its_example_is_an_error() -> None:
    with pytest.raises(ReplayError, match="no example 'leave'"):
        recorded_for(recording(Completion("x")), [])


class Fixed:
    """A model that says the same whatever it is asked."""

    name = "fixed"

    def __init__(self, text: str) -> None:
        self._text = text

    def stream(self, _: Sequence[Message], *, max_tokens: int, deadline: Deadline) -> Iterator[Piece]:
        yield from (self._text[:9], self._text[9:])
        yield Finish("stop", Usage(1, 1), self.name)


def test_a_model_is_recorded_and_replayed_under_another_key(tmp_path: Path) -> None:
    text = "[[hztq1.2,hztq1.1]] It lasts {12} weeks. [[hztq7.7]]\nHZTQ1.2"
    recorder = Recorder(Fixed(text))
    assert ask(recorder) == text
    keep(tmp_path / "recordings.jsonl", recorder.recording(EXAMPLE, PROMPTS))
    model = Replay(EXAMPLE, read(tmp_path / "recordings.jsonl"), prompts=PROMPTS)
    assert ask(model, "bcdf") == "[[bcdf1.2,bcdf1.1]] It lasts {12} weeks. [[bcdf7.7]]\nbcdf1.2"
    assert model.name == "replay:fixed"


@given(st.text(alphabet="ab{}1key[]hztq.2 \n", max_size=60).filter(str.strip))
def test_any_text_survives_being_recorded(text: str) -> None:
    offered = Offered.among(messages())
    completion = portable(text, offered)
    assert ask(replay(completion)) == text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "1: this is no JSON"),
        ('{"completions": []}', "1: the field 'completions'"),
        (
            '{"example":"a","question_sha256":"b","model":"c","completions":[{"text":"{1}"}]}',
            "names sentences",
        ),
        (
            '{"example":"a","question_sha256":"b","model":"c","completions":[{"text":"x","sentences":[""]}]}',
            "hold",
        ),
        ("", "holds no recordings"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "recordings.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DatasetError, match=message):
        read(path)
