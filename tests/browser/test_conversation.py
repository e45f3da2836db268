"""What is kept, said back, copied and configured."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from qa_service.requests import AnswerRequest

if TYPE_CHECKING:
    from tests.browser.conftest import Host, Make, Scripted, Stream


def test_a_first_question_goes_with_its_collection_and_key_and_nothing_before_it(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script = [lambda stream: stream.answer(make.answered)] * 2
    page = host.open()
    with page.expect_request("**/v1/answers") as sent:
        host.ask("How many boats?")
    assert service.asked == [
        {"question": "How many boats?", "collection": "handbook", "history": [], "stream": True}
    ]
    headers = sent.value.all_headers()
    assert headers["authorization"] == "Bearer pk_test"
    assert "cookie" not in headers
    assert "referer" not in headers


def test_a_reload_restores_the_conversation_without_asking_again(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script = [
        lambda stream: stream.answer(make.answered),
        lambda stream: stream.answer(make.conflict),
    ]
    page = host.open()
    host.ask("How many boats?")
    host.ask("How deep?")
    page.reload()
    page.get_by_role("button", name="Ask the documents").click()
    expect(page.locator("[part=question]")).to_have_text(["How many boats?", "How deep?"])
    expect(page.get_by_role("article").last).to_have_attribute("data-state", "conflict")
    page.locator("[part=citation]").first.click()
    expect(page.locator("blockquote")).to_contain_text(make.text)
    assert len(service.asked) == 2


def test_an_answer_that_was_being_written_at_a_reload_is_not_complete(
    host: Host, service: Scripted, make: Make
) -> None:
    release = threading.Event()

    def endless(stream: Stream) -> None:
        stream.begin()
        stream.event("claim", {**make.answered["claims"][0], "citations": make.answered["citations"][:2]})
        release.wait(10)

    service.script.append(endless)
    page = host.open()
    host.begin()
    expect(page.locator("[part=claim]")).to_have_count(1)
    page.reload()
    page.get_by_role("button", name="Ask the documents").click()
    expect(page.get_by_role("article")).to_have_attribute("data-state", "incomplete")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    release.set()


@pytest.mark.parametrize(
    ("persist", "session", "local"), [("session", 1, 0), ("local", 0, 1), ("none", 0, 0)]
)
def test_where_a_conversation_is_kept_can_be_chosen(
    host: Host, service: Scripted, make: Make, persist: str, session: int, local: int
) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open(f'persist="{persist}"')
    host.ask()
    assert page.evaluate("[sessionStorage.length, localStorage.length]") == [session, local]
    page.reload()
    expect(page.locator("qa-chat article")).to_have_count(session + local)


def test_what_was_kept_by_somebody_else_does_no_harm(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open()
    for kept in ('{"not": "a list"}', "[5, null]", "not JSON", '[{"question": {}, "claims": "x"}]'):
        page.evaluate(f"(kept) => sessionStorage.setItem('qa-chat 1 {service.url}/ handbook', kept)", kept)
        page.reload()
        page.locator("qa-chat [part=log]").wait_for(state="attached")
    assert host.errors == []
    expect(host.ask()).to_have_attribute("data-state", "answered")


def test_a_new_conversation_forgets_the_old_one(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open('suggestions="How many boats are there?|Who steers?"')
    host.ask()
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_role("article")).to_have_count(0)
    expect(page.get_by_role("button", name="Who steers?")).to_be_visible()
    expect(page.locator("[part=field]")).to_be_focused()
    page.reload()
    expect(page.locator("qa-chat article")).to_have_count(0)


def test_a_suggested_question_is_asked(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open('suggestions="How many boats are there?|Who steers?"')
    page.get_by_role("button", name="Ask the documents").click()
    page.get_by_role("button", name="Who steers?").click()
    expect(page.locator("[data-state=answered]")).to_be_visible()
    assert service.asked[0]["question"] == "Who steers?"
    expect(page.locator("[part=suggestion]").first).to_be_hidden()


def test_feedback_is_sent_and_told_to_the_page(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    host.open()
    turn = host.ask()
    with host.page.expect_response("**/v1/feedback"):
        turn.get_by_role("button", name="Helpful", exact=True).click()
    expect(turn.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "true")
    assert service.feedback == [{"answer_id": "a1", "rating": "up"}]
    detail = {"answerId": "a1", "rating": "up", "reason": ""}
    assert host.seen[1:] == [{"type": "qa-feedback", "detail": detail}]


def test_feedback_that_is_bad_asks_for_the_reason(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open()
    turn = host.ask()
    turn.get_by_role("button", name="Not helpful").click()
    expect(turn.get_by_role("textbox", name="What was wrong?")).to_be_focused()
    page.keyboard.type("Four is the number of another boat.")
    with page.expect_response("**/v1/feedback"):
        turn.get_by_role("button", name="Send").click()
    reason = "Four is the number of another boat."
    assert service.feedback == [{"answer_id": "a1", "rating": "down", "reason": reason}]
    expect(turn.get_by_role("button", name="Not helpful")).to_be_focused()
    expect(turn.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")


def test_feedback_is_not_offered_again_where_the_service_does_not_know_the_answer(
    host: Host, service: Scripted, make: Make
) -> None:
    service.takes_feedback = False
    service.script = [lambda stream: stream.answer(make.answered)] * 2
    host.open()
    turn = host.ask()
    turn.get_by_role("button", name="Helpful", exact=True).click()
    expect(turn.get_by_role("button", name="Helpful", exact=True)).to_be_hidden()
    expect(turn.get_by_role("button", name="Not helpful")).to_be_hidden()
    expect(host.ask("Again?").get_by_role("button", name="Helpful", exact=True)).to_be_visible()
    assert [each["type"] for each in host.seen] == ["qa-answer", "qa-feedback", "qa-answer"]


def test_a_follow_up_goes_with_what_was_said_before(host: Host, service: Scripted, make: Make) -> None:
    service.script = [lambda stream: stream.answer(make.partial)] * 3
    page = host.open()
    host.ask("How many people does the small boat carry?")
    host.ask("And the large one?")
    page.reload()
    host.ask("And who steers it?")
    said = {"role": "assistant", "text": "The small boat carries four people."}
    asked = [
        {"role": "user", "text": text}
        for text in ("How many people does the small boat carry?", "And the large one?")
    ]
    assert [each["history"] for each in service.asked] == [
        [],
        [asked[0], said],
        [asked[0], said, asked[1], said],
    ]


def test_what_goes_with_a_follow_up_is_never_more_than_the_service_takes(
    host: Host, service: Scripted, make: Make
) -> None:
    half = make.answer([make.claim("x\ud83d" * 20_000, 1)], [make.citation(1, "The station has two boats.")])
    service.script = [lambda stream: stream.answer(half), *[lambda stream: stream.answer(make.answered)] * 22]
    host.open('persist="none"')
    for _ in range(22):
        host.ask("How many?")
    AnswerRequest.model_validate_json(json.dumps(service.asked[1]))
    assert len(service.asked[-1]["history"]) == 40
    assert {len(each["text"]) for each in service.asked[1]["history"]} == {9, 20_000}


def test_an_answer_is_copied_with_its_sources_as_markdown(host: Host, service: Scripted, make: Make) -> None:
    answer = make.partial
    answer["citations"][0] |= {"title": "![x](http://bad.example/) *Handbook*", "page": 4}
    service.script.append(lambda stream: stream.answer(answer))
    page = host.open()
    page.evaluate("addEventListener('copy', (e) => (window.copied = e.clipboardData.getData('text/plain')))")
    turn = host.ask("How many?")
    turn.get_by_role("button", name="Copy with sources").click()
    expect(turn).to_contain_text("Copied")
    quote = "The small boat carries four people"
    start = 1000 + make.text.index(quote)
    assert page.evaluate("copied") == (
        "**How many?**\n\nThe small boat carries four people. [1]\n\n"
        r"1. [\!\[x\](http\://bad.example/) \*Handbook\*, p. 4]"
        f"(<{service.url}/documents/d1?start={start}&end={start + len(quote)}>): “{quote}”"
    )


def test_a_script_opens_asks_and_gets_the_answer(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open()
    answer = page.evaluate("document.querySelector('qa-chat').ask('How many boats?')")
    assert answer == make.answered
    expect(page.locator("[part=panel]")).to_be_visible()
    page.evaluate("document.querySelector('qa-chat').close()")
    expect(page.locator("[part=panel]")).to_be_hidden()
    assert host.seen == [
        {"type": "qa-answer", "detail": {"question": "How many boats?", "answer": make.answered}}
    ]


def test_a_page_can_give_a_key_for_each_request(host: Host, service: Scripted, make: Make) -> None:
    service.script = [lambda stream: stream.answer(make.answered)] * 2
    page = host.open()
    page.evaluate("""() => {
      let number = 0;
      document.querySelector("qa-chat").credentials = async () => `session-${number += 1}`;
    }""")
    shown = []
    page.on("request", lambda request: shown.append(request.headers.get("authorization")))
    host.ask()
    host.ask("Again?")
    assert [each for each in shown if each] == ["Bearer session-1", "Bearer session-2"]


def test_inline_it_is_a_region_of_the_page_without_launcher(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open('inline heading="Ask the handbook"')
    expect(page.get_by_role("region", name="Ask the handbook")).to_be_visible()
    expect(page.locator("[part=launcher]")).to_have_count(0)
    expect(page.get_by_role("button", name="Close")).to_have_count(0)
    expect(host.ask()).to_have_attribute("data-state", "answered")
    page.locator("[part=citation]").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Ask the handbook")).to_be_visible()


def test_it_speaks_the_language_of_the_page(host: Host) -> None:
    host.open(lang="de-AT")
    expect(host.page.get_by_role("button", name="Die Dokumente fragen")).to_be_visible()


def test_right_to_left_it_lies_on_the_left_and_reads_from_the_right(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open('lang="ar"')
    host.ask()
    panel = page.locator("[part=panel]").bounding_box()
    question = page.locator("[part=question]").bounding_box()
    assert panel
    assert question
    assert panel["x"] == 16
    assert question["x"] - panel["x"] < 40
    expect(page.locator("[part=claim]").first).to_have_css("direction", "rtl")
    expect(page.locator("[part=claim] > span").first).to_have_css("direction", "ltr")


def test_a_page_adds_a_language_and_the_rest_is_english(host: Host) -> None:
    page = host.open(lang="nl")
    page.evaluate(
        f"import('{host.service}/widget.js').then(({{ addLanguage }}) => addLanguage('nl', {{ title: 'Vraag het' }}))"
    )
    page.get_by_role("button", name="Vraag het").click()
    expect(page.get_by_role("button", name="New conversation")).to_be_visible()


def test_a_theme_is_set_by_custom_properties_and_parts(host: Host) -> None:
    page = host.open()
    page.evaluate("""() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(`qa-chat { --qa-accent: rgb(1, 2, 3) } qa-chat::part(launcher) { border-radius: 3px }`);
      document.adoptedStyleSheets.push(sheet);
    }""")
    expect(page.locator("[part=launcher]")).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(page.locator("[part=launcher]")).to_have_css("border-radius", "3px")


@pytest.mark.parametrize(("theme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(26, 29, 33)")])
def test_a_theme_is_set_by_its_name(host: Host, theme: str, paper: str) -> None:
    page = host.open(f'theme="{theme}" open')
    expect(page.locator("[part=panel]")).to_have_css("background-color", paper)


def test_on_a_small_screen_the_panel_is_modal_and_fills_it(host: Host) -> None:
    host.page.set_viewport_size({"width": 360, "height": 640})
    page = host.open()
    page.get_by_role("button", name="Ask the documents").click()
    panel = page.locator("[part=panel]")
    assert panel.evaluate("(panel) => panel.matches(':modal')")
    assert panel.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 640}
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("[part=launcher]")).to_be_focused()
