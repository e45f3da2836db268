"""The whole against the real service, in a second origin, with a publishable key and nothing in between."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from qa_service.access.keys import Rights, opened_keys
from qa_service.feedback import opened_feedback
from qa_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.conftest import Host

HANDBOOK = """# Tern Island handbook

## Boats

The station has two boats. The small boat carries four people, and nobody takes it out alone.
The large boat carries twelve people and is steered only by the boat master.

## Guests

Guests stay for at most fourteen nights. 客人最多住十四晚。
"""

PAYROLL = "# Payroll\n\nThe director of the station earns 90,000 euros a year.\n"


@dataclass(frozen=True)
class Running:
    """`qa serve` on a data directory, which other processes may open the catalog of."""

    url: str
    settings: Settings

    def make_key(self, name: str, *origins: str) -> str:
        """A publishable key for the handbook."""
        with opened_keys(self.settings) as keys:
            return keys.create(name, Rights.publishable(("handbook",), origins))[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Running]:
    """The service with two collections; it is told nothing of the shell's settings, and wants keys."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "data").mkdir()
    (folder / "data" / "models").symlink_to(model_cache)
    qa = shutil.which("qa", path=str(Path(sys.executable).parent))
    assert qa
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    environment |= {"QA_DATA_DIR": str(folder / "data"), "PYTHONUNBUFFERED": "1"}
    for collection, text in (("handbook", HANDBOOK), ("payroll", PAYROLL)):
        documents = folder / collection
        documents.mkdir()
        (documents / f"{collection}.md").write_text(text)
        command: list[str | Path] = [qa, "index", "--collection", collection, documents]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    settings = Settings(data_dir=folder / "data")
    with opened_keys(settings) as keys:
        keys.create("operator")
    with subprocess.Popen(
        [qa, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("serving "):
                url = line.split()[1]
            if line.startswith("ready"):
                break
        yield Running(url, settings)
        process.terminate()
        process.stdout.read()


@pytest.fixture
def real(host: Host, running: Running) -> Host:
    """The page, whose widget asks the real service with a key that lists the page's origin."""
    host.service = running.url
    host.key = running.make_key(f"site {host.origin.url}", host.origin.url)
    return host


def claims(turn: Locator) -> str:
    return " ".join(turn.locator("[part=claim]").all_inner_texts())


def test_an_answer_of_the_service_is_read_to_its_place_in_the_document(real: Host) -> None:
    page = real.open()
    turn = real.ask("How many people does the small boat carry?")
    expect(turn).to_have_attribute("data-state", "answered")
    expect(turn.locator("[part=claim]").first).to_contain_text("four people")
    turn.locator("[part=citation]").first.click()
    quote = page.locator("[part=card] mark").inner_text()
    assert quote in " ".join(HANDBOOK.split())
    expect(page.locator("blockquote")).to_contain_text("The station has two boats.")
    with real.context.expect_page() as opened:
        page.get_by_role("link", name="Open at the quote").click()
    marked = opened.value.locator("mark")
    expect(marked).to_be_visible()
    assert marked.inner_text() == quote
    expect(opened.value.get_by_label("Key")).to_have_count(0)
    expect(opened.value.get_by_role("link", name="Ask your documents")).to_have_count(0)
    assert real.reports == []
    assert real.errors == []


def test_a_conversation_is_understood_rated_and_still_there_after_a_reload(
    real: Host, running: Running
) -> None:
    page = real.open()
    real.ask("How many people does the small boat carry?")
    follow_up = real.ask("And the large boat?")
    assert "twelve people" in claims(follow_up)
    done = [each["detail"]["answer"] for each in real.seen if each["type"] == "qa-answer"]
    assert done[1]["query"] == "How many people does the large boat carry?"
    follow_up.get_by_role("button", name="Not helpful").click()
    page.keyboard.type("Who steers it?")
    with page.expect_response("**/v1/feedback") as taken:
        follow_up.get_by_role("button", name="Send").click()
    assert taken.value.status == 204
    with opened_feedback(running.settings) as kept:
        (rated,) = [each for each in kept.list() if each.answer_id == done[1]["id"]]
    assert (rated.rating, rated.reason, rated.question) == ("down", "Who steers it?", "And the large boat?")
    page.reload()
    page.locator("[part=launcher]").click()
    expect(page.locator("qa-chat article")).to_have_count(2)
    third = real.ask("And the small boat?")
    assert "four people" in claims(third)
    assert real.errors == []


def test_the_nearest_passages_of_an_abstention_can_be_read_without_a_key(real: Host) -> None:
    page = real.open()
    turn = real.ask("Which composer wrote the opera about the barber?")
    expect(turn).to_have_attribute("data-state", "abstained")
    with real.context.expect_page() as opened:
        turn.get_by_role("link").first.click()
    expect(opened.value.locator("mark").first).to_be_visible()
    assert page.url != opened.value.url


def test_a_link_that_is_not_valid_says_so_and_asks_a_reader_for_no_key(real: Host, running: Running) -> None:
    real.open()
    real.ask("How many people does the small boat carry?")
    url = real.seen[0]["detail"]["answer"]["citations"][0]["url"]
    page = real.context.new_page()
    page.goto(f"{running.url}{url}x")
    expect(page.locator("#status")).to_contain_text("This link has had its time")
    expect(page.get_by_label("Key")).to_have_count(0)


def test_nothing_of_another_collection_can_be_asked_for(real: Host) -> None:
    real.open('collection="payroll"')
    turn = real.ask("How much does the director earn?")
    expect(turn).to_have_attribute("data-state", "error")
    assert real.seen[0]["detail"]["status"] == 404
    assert "90,000" not in real.page.content()


def test_without_a_collection_the_one_of_the_key_is_asked(real: Host) -> None:
    real.collection = None
    real.open()
    expect(real.ask("How many people does the small boat carry?")).to_have_attribute("data-state", "answered")


def test_a_key_works_on_no_page_of_an_origin_that_it_does_not_list(real: Host, running: Running) -> None:
    real.key = running.make_key("elsewhere", "https://elsewhere.example")
    real.open()
    turn = real.ask("How many people does the small boat carry?")
    expect(turn).to_have_attribute("data-state", "error")
    assert real.seen[0]["detail"]["code"] == "unreachable"  # the browser lets the page read no reply
    assert claims(turn) == ""


def test_a_revoked_key_works_no_more_on_a_page_that_is_open(real: Host, running: Running) -> None:
    real.open()
    expect(real.ask("How many people does the small boat carry?")).to_have_attribute("data-state", "answered")
    with opened_keys(running.settings) as keys:
        keys.revoke(f"site {real.origin.url}")
    expect(real.ask("And the large boat?")).to_have_attribute("data-state", "error")


def test_a_page_can_hold_a_short_lived_token_in_place_of_a_key(real: Host, running: Running) -> None:
    headers = {"Authorization": f"Bearer {real.key}", "Origin": real.origin.url}
    token = httpx.post(f"{running.url}/v1/sessions", headers=headers).json()["token"]
    real.key = "pk_none"
    page = real.open()
    page.evaluate("(token) => (document.querySelector('qa-chat').credentials = async () => token)", token)
    expect(real.ask("How many people does the small boat carry?")).to_have_attribute("data-state", "answered")


def test_what_the_service_streams_has_the_fields_that_the_widget_reads(running: Running) -> None:
    page = "https://fields.example"
    headers = {"Authorization": f"Bearer {running.make_key('fields', page)}", "Origin": page}
    body = {"question": "How many people does the small boat carry?"}
    answer = httpx.post(f"{running.url}/v1/answers", json=body, headers=headers).json()
    assert {"id", "query", "status", "claims", "citations", "missing", "passages"} <= answer.keys()
    citation = answer["citations"][0]
    assert {"number", "document_id", "title", "source", "span", "quote", "url"} <= citation.keys()
    passage = next(each for each in answer["passages"] if each["document_id"] == citation["document_id"])
    assert "url" in passage
    offset = citation["span"]["start"] - passage["span"]["start"]
    assert passage["text"][offset:].startswith(citation["quote"])
