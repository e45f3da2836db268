"""A reader opens the panel, asks, and reads what is cited."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import JSON, Host, Make, Scripted, Stream

SMALL = "The small boat carries four people, and nobody takes it out alone."


def test_the_keyboard_alone_opens_asks_reaches_each_citation_reads_it_returns_and_closes(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open()
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_role("button", name="Ask the documents")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("textbox", name="Ask the documents")).to_be_focused()
    keys.type("How many people does the small boat carry?")
    keys.press("Enter")
    expect(page.locator("[data-state=answered]")).to_be_visible()
    expect(page.get_by_role("textbox", name="Ask the documents")).to_be_focused()
    for _ in range(3):  # back over two ratings and the button that copies
        keys.press("Shift+Tab")
    read = []
    for _ in range(4):
        keys.press("Shift+Tab")
        citation = host.focused
        expect(citation).to_have_attribute("part", "citation")
        keys.press("Enter")
        card = page.locator("[part=card]")
        expect(card).to_be_focused()
        read.append(card.locator("mark").inner_text())
        keys.press("Escape")
        expect(card).to_be_hidden()
        expect(citation).to_be_focused()
    assert read == [
        SMALL,
        "The large boat carries twelve people and is steered only by the boat master.",
        SMALL,
        "The station has two boats.",
    ]
    keys.press("Escape")
    expect(page.get_by_role("button", name="Ask the documents")).to_be_focused()
    expect(page.locator("[part=panel]")).to_be_hidden()


def test_a_citation_says_its_number_title_page_and_verdict(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    host.open()
    turn = host.ask()
    names = turn.locator("[part=citation]").evaluate_all("all => all.map((each) => each.ariaLabel)")
    assert names == [
        "Source 1: Handbook, page 4, supported",
        "Source 2: Handbook, page 4, supported",
        "Source 3: Boat master, duties, partly supported",
        "Source 2: Handbook, page 4, not checked",
    ]


def test_verdicts_differ_in_form_and_not_only_in_colour(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    host.open()
    turn = host.ask()
    forms = turn.locator("[part=citation]").evaluate_all(
        "all => all.map((each) => getComputedStyle(each).borderTopStyle + each.querySelector('path').getAttribute('d'))"
    )
    assert len(set(forms)) == 3


def test_what_a_model_found_unsupported_is_called_so_and_looks_like_nothing_else(
    host: Host, service: Scripted, make: Make
) -> None:
    answer = make.answered
    answer["claims"][2]["support"] = {"verdict": "unsupported", "method": "model"}
    answer["claims"].append(make.claim("The sea is cold.", 1, verdict="another"))
    service.script.append(lambda stream: stream.answer(answer))
    host.open()
    citations = host.ask().locator("[part=citation]")
    names = citations.evaluate_all("all => all.map((each) => each.ariaLabel.split(', ').pop())")
    assert names == ["supported", "supported", "partly supported", "not supported", "not checked"]
    icons = citations.locator("path").evaluate_all("all => all.map((each) => each.getAttribute('d'))")
    assert len(set(icons[1:])) == 4


def test_citations_are_large_enough_to_be_hit(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    host.open()
    for button in [*host.ask().locator("button").all(), *host.page.locator(".head button").all()]:
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24


def test_a_card_shows_the_quote_marked_in_the_passage_around_it(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open()
    host.ask().locator("[part=citation]").nth(1).click()
    quoted = page.locator("blockquote")
    assert quoted.inner_text() == make.text
    assert quoted.locator("mark").inner_text() == SMALL


def test_offsets_are_code_points_also_behind_signs_of_two_units(
    host: Host, service: Scripted, make: Make
) -> None:
    answer = make.partial
    answer["passages"][0]["text"] = "🦭🦭 客人最多住十四晚。短波收音机放在厨房里。"
    answer["citations"][0] |= {"quote": "短波收音机放在厨房里。", "span": {"start": 1012, "end": 1023}}
    service.script.append(lambda stream: stream.answer(answer))
    page = host.open()
    host.ask().locator("[part=citation]").click()
    assert page.locator("blockquote").inner_text() == "🦭🦭 客人最多住十四晚。短波收音机放在厨房里。"


def test_a_card_stays_within_the_window(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    for width, height in ((1000, 720), (360, 640), (320, 480)):
        host.page.set_viewport_size({"width": width, "height": height})
        page = host.open('persist="none"')
        service.script = [lambda stream: stream.answer(make.answered)]
        host.ask().locator("[part=citation]").last.click()
        box = page.locator("[part=card]").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height


def test_a_source_that_is_no_web_page_is_read_on_the_page_of_the_service(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script.append(lambda stream: stream.answer(make.answered))
    page = host.open()
    host.ask().locator("[part=citation]").first.click()
    link = page.get_by_role("link", name="Open at the quote")
    assert link.get_attribute("href") == f"{service.url}/documents/d1?start=1000&end=1026"
    assert link.get_attribute("rel") == "noreferrer"
    expect(page.get_by_role("button", name="Show on this page")).to_have_count(0)


def answering(answer: JSON) -> Callable[[Stream], None]:
    return lambda stream: stream.answer(answer)


def quoting(make: Make, source: str, quote: str) -> JSON:
    answer = make.partial
    answer["citations"][0] |= {
        "source": source,
        "quote": quote,
        "span": {"start": 5000, "end": 5000 + len(quote)},
    }
    return answer


def test_a_web_page_is_opened_at_the_quote_and_scrolled_to_it_in_any_script(
    host: Host, service: Scripted, make: Make
) -> None:
    for quote in ("Guests stay for at most fourteen nights.", "短波收音机放在厨房里。"):
        answer = quoting(make, f"{host.origin.url}/other", quote)
        service.script = [answering(answer)]
        host.open('persist="none"')
        host.ask().locator("[part=citation]").click()
        with host.context.expect_page() as opened:
            host.page.get_by_role("link", name="Open at the quote").click()
        expect(opened.value.locator("main > p").last).to_be_in_viewport()
        assert opened.value.evaluate("scrollY") > 500
        opened.value.close()


def test_a_quote_of_this_page_is_shown_on_it(host: Host, service: Scripted, make: Make) -> None:
    answer = quoting(make, f"{host.origin.url}/handbook", "Guests stay for at most\nfourteen nights.")
    service.script.append(lambda stream: stream.answer(answer))
    page = host.open()
    host.ask().locator("[part=citation]").click()
    page.get_by_role("button", name="Show on this page").click()
    shown = "[...CSS.highlights.get('qa-chat-quote')].map(String)[0]"
    assert page.evaluate(shown) == "Guests stay for at most fourteen nights."
    expect(page.locator("main > p").last).to_be_in_viewport()
    expect(page.locator("[part=panel]")).to_be_visible()
    assert host.reports == []


def test_on_a_small_screen_the_panel_gives_way_to_what_is_shown(
    host: Host, service: Scripted, make: Make
) -> None:
    answer = quoting(make, f"{host.origin.url}/handbook", "The small boat carries four people, and nobody")
    service.script.append(lambda stream: stream.answer(answer))
    host.page.set_viewport_size({"width": 360, "height": 640})
    page = host.open()
    host.ask().locator("[part=citation]").click()
    page.get_by_role("button", name="Show on this page").click()
    expect(page.locator("[part=panel]")).to_be_hidden()
    expect(page.locator("main > p").nth(1)).to_be_in_viewport()


def test_a_quote_that_this_page_does_not_hold_is_said_not_to_be_here(
    host: Host, service: Scripted, make: Make
) -> None:
    answer = quoting(make, f"{host.origin.url}/handbook", "Nobody ever wrote this.")
    service.script.append(lambda stream: stream.answer(answer))
    page = host.open()
    host.ask().locator("[part=citation]").click()
    page.get_by_role("button", name="Show on this page").click()
    expect(page.locator("[part=card]")).to_contain_text("Not found on this page")


def test_a_relative_source_is_a_page_below_the_base_of_the_sources(
    host: Host, service: Scripted, make: Make
) -> None:
    answer = quoting(make, "other", "Guests stay for at most fourteen nights.")
    service.script.append(lambda stream: stream.answer(answer))
    page = host.open(f'source-base="{host.origin.url}/"')
    host.ask().locator("[part=citation]").click()
    link = page.get_by_role("link", name="Open at the quote").get_attribute("href")
    assert link
    assert unquote(link) == f"{host.origin.url}/other#:~:text=Guests stay for at most fourteen nights."


def test_a_conflict_shows_its_sides_side_by_side_under_their_titles(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script.append(lambda stream: stream.answer(make.conflict))
    page = host.open()
    turn = host.ask()
    expect(turn).to_have_attribute("data-state", "conflict")
    expect(turn.locator(".state")).to_have_text("The documents disagree")
    boxes = [
        page.get_by_role("region", name=name).bounding_box()
        for name in ("Diving policy 3.0", "Diving policy 4.0")
    ]
    one, other = (box for box in boxes if box)
    assert one["y"] == other["y"]
    assert one["x"] + one["width"] <= other["x"]


def test_an_abstention_says_why_and_names_the_nearest_passages(
    host: Host, service: Scripted, make: Make
) -> None:
    service.script.append(lambda stream: stream.answer(make.abstained))
    host.open()
    turn = host.ask()
    expect(turn).to_have_attribute("data-state", "abstained")
    expect(turn).to_contain_text("Nothing in the documents comes close.")
    link = turn.get_by_role("link", name="Handbook").get_attribute("href")
    assert link == f"{service.url}/documents/d1?start=1000&end={1000 + len(make.text)}"


def test_what_is_missing_from_a_partial_answer_is_listed(host: Host, service: Scripted, make: Make) -> None:
    service.script.append(lambda stream: stream.answer(make.partial))
    host.open()
    turn = host.ask()
    expect(turn.locator(".state")).to_have_text("Answered in part")
    expect(turn.get_by_role("listitem")).to_have_text(["The price of a trip."])
