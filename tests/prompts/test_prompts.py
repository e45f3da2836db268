from pathlib import Path

import pytest

import prompts
from prompts import PromptError, prompt

NAMES = sorted(file.name.removesuffix(".jinja") for file in Path(prompts.__file__).parent.glob("*.jinja"))


def test_a_prompt_is_filled_in() -> None:
    text = prompt("answer.user").render(passages="[hztq1.1] It rains.", question="Does it rain?", key="hztq")
    assert "<passages>\n[hztq1.1] It rains.\n</passages>" in text
    assert "Question: Does it rain?" in text


def test_a_missing_value_raises_and_is_named() -> None:
    with pytest.raises(PromptError, match=r"answer\.user.*\['question'\]"):
        prompt("answer.user").render(passages="", key="")


def test_a_superfluous_value_raises_and_is_named() -> None:
    with pytest.raises(PromptError, match=r"\['colour'\]"):
        prompt("answer.user").render(passages="", question="", key="", colour="red")


def test_a_value_missing_inside_a_value_raises() -> None:
    with pytest.raises(PromptError, match=r"repair\.user.*reason"):
        prompt("repair.user").render(failures=[{"line": "[[a1.1]] It rains."}])


def test_a_prompt_that_does_not_exist_raises_and_the_others_are_named() -> None:
    with pytest.raises(PromptError, match=r"'answer\.sytem'.*answer\.system"):
        prompt("answer.sytem")


@pytest.mark.parametrize("value", ["{{ passages }}", "{% for a in b %}", "{# gone #}", "<b>&amp;</b>", "\\1"])
def test_a_value_is_put_in_as_it_stands_and_never_read_as_a_template(value: str) -> None:
    assert f"Question: {value}\n" in prompt("answer.user").render(passages="", question=value, key="")


@pytest.mark.parametrize("name", NAMES)
def test_each_prompt_has_a_fingerprint_of_its_own(name: str) -> None:
    fingerprint = prompt(name).fingerprint
    assert len(fingerprint) == 8
    assert [other for other in NAMES if prompt(other).fingerprint == fingerprint] == [name]


def test_the_rules_of_an_answer_are_the_same_for_every_request_and_the_request_shows_its_key() -> None:
    rules = prompt("answer.system").render()
    assert "[[key3.2]]" in rules
    assert "[[NONE]]" in rules
    assert "[[CONFLICT key1.4 | key6.1]]" in rules
    request = prompt("answer.user").render(passages="P", question="Q", key="hztq")
    assert "[[hztq3.2]]" in request


def test_the_repair_prompt_gives_each_line_with_its_reason() -> None:
    failures = [
        {"line": "[[a1.1]] It snows.", "reason": "Not so."},
        {"line": "[[a1.2]] It rains.", "reason": "No."},
    ]
    text = prompt("repair.user").render(failures=failures)
    assert "- [[a1.1]] It snows.\n  Not so.\n- [[a1.2]] It rains.\n  No.\n" in text
