"""An answer while it is written, and the ends that it can come to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import JSON, Host, Make, Scripted, Stream

WATCH = """() => {
  window.said = [];
  const root = document.querySelector("qa-chat").shadowRoot;
  for (const region of root.querySelectorAll("[role=status], [role=alert], [aria-live]"))
    new MutationObserver(() => {
      const live = region.getAttribute("aria-live") ?? "on";
      if (live !== "off" && region.textContent) said.push(region.textContent);
    }).observe(region, { subtree: true, childList: true, characterData: true });
}"""
"""Notes whatever a screen reader would say by itself."""


class Paced:
    """A reply whose claims come when the test says so."""

    def __init__(self, answer: JSON) -> None:
        self.answer = answer
        self.steps = [threading.Event() for _ in range(len(answer["claims"]) + 1)]

    def __call__(self, stream: Stream) -> None:
        by_number = {citation["number"]: citation for citation in self.answer["citations"]}
        stream.begin()
        stream.event("retrieval", {"passages": self.answer["passages"]})
        for step, claim in zip(self.steps, self.answer["claims"], strict=False):
            step.wait(10)
            stream.event(
                "claim", {**claim, "citations": [by_number[number] for number in claim["citations"]]}
            )
        self.steps[-1].wait(10)
        stream.event("done", self.answer)


def test_an_answer_is_announced_exactly_twice(host: Host, service: Scripted, make: Make) -> None:
    paced = Paced(make.answered)
    service.script.append(paced)
    page = host.open()
    page.evaluate(WATCH)
    host.begin()
    for number, step in enumerate(paced.steps):
        expect(page.locator("[part=claim]")).to_have_count(number)
        step.set()
    expect(page.locator("[data-state=answered]")).to_be_visible()
    assert page.evaluate("said") == ["Writing the answer", "Answer complete"]
    assert page.get_by_role("log").get_attribute("aria-live") == "off"


def test_focus_and_selection_survive_the_rest_of_the_stream(
    host: Host, service: Scripted, make: Make
) -> None:
    paced = Paced(make.answered)
    service.script.append(paced)
    page = host.open()
    host.begin()
    paced.steps[0].set()
    citation = page.locator("[part=citation]").first
    citation.focus()
    text = page.locator("[part=claim] > span").first
    text.evaluate("""(text) => {
      const node = text.firstChild;
      getSelection().setBaseAndExtent(node, 6, node, 19);
      window.chosen = node;
    }""")
    for step in paced.steps[1:]:
        step.set()
    expect(page.locator("[data-state=answered]")).to_be_visible()
    expect(citation).to_be_focused()
    assert text.evaluate("(text) => text.firstChild === chosen && chosen.isConnected")
    root = "document.querySelector('qa-chat').shadowRoot"
    assert page.evaluate(f"({root}.getSelection?.() ?? getSelection()).toString()") == "are two boats"


def test_an_open_card_survives_the_rest_of_the_stream(host: Host, service: Scripted, make: Make) -> None:
    paced = Paced(make.answered)
    service.script.append(paced)
    page = host.open()
    host.begin()
    paced.steps[0].set()
    page.locator("[part=citation]").first.click()
    for step in paced.steps[1:]:
        step.set()
    expect(page.locator("[data-state=answered]")).to_be_visible()
    expect(page.locator("[part=card]")).to_be_focused()


def test_what_is_typed_while_an_answer_is_written_stays(host: Host, service: Scripted, make: Make) -> None:
    paced = Paced(make.answered)
    service.script.append(paced)
    page = host.open()
    host.begin()
    page.keyboard.type("And who steers")
    for step in paced.steps:
        step.set()
    expect(page.locator("[data-state=answered]")).to_be_visible()
    page.keyboard.type(" the large one?")
    expect(page.locator("[part=field]")).to_have_value("And who steers the large one?")


def broken(answer: JSON) -> Callable[[Stream], None]:
    """A reply that breaks in its second claim."""

    def reply(stream: Stream) -> None:
        stream.begin()
        stream.event("retrieval", {"passages": answer["passages"]})
        stream.event("claim", {**answer["claims"][0], "citations": answer["citations"][:2]})
        stream.handler.wfile.write(b'event: claim\ndata: {"text": "Never who')

    return reply


def test_a_stream_without_its_end_is_not_complete_and_keeps_what_came(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script.append(broken(make.answered))
    page = host.open()
    page.evaluate(WATCH)
    turn = host.ask()
    expect(turn).to_have_attribute("data-state", "incomplete")
    expect(turn.locator(".state")).to_have_text("Not complete, not verified")
    expect(turn.locator("[part=claim]")).to_have_count(1)
    assert page.evaluate("said")[-1].startswith("Not complete, not verified")
    assert [each["detail"]["code"] for each in host.seen] == ["broken"]


def test_a_broken_answer_can_be_asked_for_again(host: Host, service: Scripted, make: Make) -> None:
    service.script = [broken(make.answered), lambda stream: stream.answer(make.answered)]
    page = host.open()
    host.ask("How many boats?").get_by_role("button", name="Try again").click()
    expect(page.locator("[data-state=answered]")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(1)
    assert [asked["question"] for asked in service.asked] == ["How many boats?"] * 2


def test_a_service_that_falls_silent_is_given_up(host: Host, service: Scripted, make: Make) -> None:
    paced = Paced(make.answered)
    service.script.append(paced)
    host.page.clock.install()
    page = host.open()
    host.begin()
    paced.steps[0].set()
    expect(page.locator("[part=claim]")).to_have_count(1)
    page.clock.fast_forward(44_000)
    expect(page.locator("[data-state=busy]")).to_be_visible()
    page.clock.fast_forward(2_000)
    expect(page.locator("[data-state=incomplete]")).to_be_visible()
    for step in paced.steps:
        step.set()


def test_comments_keep_an_answer_that_is_slow(host: Host, service: Scripted, make: Make) -> None:
    steps = [threading.Event() for _ in range(3)]

    def slow(stream: Stream) -> None:
        stream.begin()
        for number, step in enumerate(steps):
            step.wait(10)
            stream.event("retrieval", {"passages": [], "number": number})
        stream.event("done", make.answered)

    service.script.append(slow)
    host.page.clock.install()
    page = host.open()
    with page.expect_response("**/v1/answers"):
        host.begin()
    for step in steps:
        page.clock.fast_forward(40_000)
        step.set()
        page.wait_for_timeout(100)
    expect(page.locator("[data-state=answered]")).to_be_visible()


def test_stop_ends_the_answer_and_the_focus_goes_back_to_the_question(
    host: Host, service: Scripted, make: Make
) -> None:
    paced = Paced(make.answered)
    service.script.append(paced)
    page = host.open()
    host.begin()
    paced.steps[0].set()
    expect(page.locator("[part=claim]")).to_have_count(1)
    page.get_by_role("button", name="Stop").click()
    turn = page.locator("article")
    expect(turn).to_have_attribute("data-state", "stopped")
    expect(turn.locator("[part=claim]")).to_have_count(1)
    expect(turn.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    assert host.seen == []
    for step in paced.steps:
        step.set()


def test_a_double_click_on_send_does_not_stop_the_answer(host: Host, service: Scripted, make: Make) -> None:
    paced = Paced(make.answered)
    service.script.append(paced)
    page = host.open()
    page.get_by_role("button", name="Ask the documents").click()
    page.locator("[part=field]").fill("How many?")
    page.get_by_role("button", name="Send").dblclick()
    for step in paced.steps:
        step.set()
    expect(page.locator("[data-state=answered]")).to_be_visible()


def test_too_many_questions_are_told_how_long_to_wait(host: Host, service: Scripted) -> None:
    service.script.append(
        lambda stream: stream.problem(429, "rate_limited", "slow down", {"Retry-After": "7"})
    )
    page = host.open()
    page.evaluate(WATCH)
    turn = host.ask()
    expect(turn).to_have_attribute("data-state", "error")
    expect(turn).to_contain_text("Too many questions. Wait 7 s.")
    assert page.evaluate("said") == ["Writing the answer", "No answer. Too many questions. Wait 7 s."]
    detail = {
        "question": "How many people does the small boat carry?",
        "code": "rate_limited",
        "status": 429,
        "message": "slow down",
    }
    assert host.seen == [{"type": "qa-error", "detail": detail}]


def test_a_problem_is_shown_in_the_words_of_the_service(host: Host, service: Scripted) -> None:
    service.script.append(lambda stream: stream.problem(400, "invalid_request", "question: it is too long"))
    host.open()
    expect(host.ask()).to_contain_text("question: it is too long")


def test_a_service_that_cannot_be_reached_is_said_to_be_so(host: Host, service: Scripted) -> None:
    page = host.open()
    service.origin.shutdown()
    service.origin.server_close()
    turn = host.ask()
    expect(turn).to_contain_text("The service can’t be reached.")
    expect(turn.get_by_role("button", name="Try again")).to_be_visible()
    assert page.locator("[part=field]").is_enabled()


def test_an_error_in_the_stream_leaves_what_came_before_it(host: Host, service: Scripted, make: Make) -> None:
    answer = make.answered

    def failing(stream: Stream) -> None:
        stream.begin()
        stream.event("claim", {**answer["claims"][0], "citations": answer["citations"][:2]})
        stream.event(
            "error", {"status": 503, "code": "shutting_down", "detail": "the service is shutting down"}
        )

    service.script.append(failing)
    host.open()
    turn = host.ask()
    expect(turn).to_have_attribute("data-state", "incomplete")
    expect(turn.locator("[part=claim]")).to_have_count(1)


def test_a_reply_that_cannot_be_read_is_an_error_and_the_next_question_works(
    host: Host, service: Scripted, make: Make
) -> None:
    def nonsense(stream: Stream) -> None:
        stream.begin()
        stream.event("claim", {"text": 5})

    service.script = [nonsense, lambda stream: stream.answer(make.answered)]
    host.open()
    expect(host.ask()).to_have_attribute("data-state", "error")
    expect(host.ask("Again?")).to_have_attribute("data-state", "answered")
    assert host.seen[0]["detail"]["code"] == "unreadable"
    assert host.errors == []
