"""The whole against the real service, in a second origin: a proxy in front of it adds the rules for other origins."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.browser.conftest import Host, Origin

HANDBOOK = """# Tern Island handbook

## Boats

The station has two boats. The small boat carries four people, and nobody takes it out alone.
The large boat carries twelve people and is steered only by the boat master.

## Guests

Guests stay for at most fourteen nights. 客人最多住十四晚。
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[str]:
    """The address of `qa serve` with one document; it is told nothing of the shell's settings."""
    folder = tmp_path_factory.mktemp("service")
    documents = folder / "documents"
    documents.mkdir()
    (documents / "handbook.md").write_text(HANDBOOK)
    (folder / "data").mkdir()
    (folder / "data" / "models").symlink_to(model_cache)
    qa = shutil.which("qa", path=str(Path(sys.executable).parent))
    assert qa
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    environment |= {"QA_DATA_DIR": str(folder / "data"), "PYTHONUNBUFFERED": "1"}
    subprocess.run([qa, "index", documents], env=environment, check=True, capture_output=True, timeout=120)
    with subprocess.Popen(
        [qa, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("serving "):
                url = line.split()[1]
            if line.startswith("ready"):
                break
        yield url
        process.terminate()
        process.stdout.read()


@pytest.fixture
def real(host: Host, running: str, proxy: Callable[[str, str], Origin]) -> Host:
    """The page, whose widget asks the real service."""
    host.service = proxy(running, host.origin.url).url
    return host


def test_an_answer_of_the_service_is_read_to_its_place_in_the_document(real: Host, running: str) -> None:
    page = real.open('collection="default"')
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
    assert real.reports == []
    assert real.errors == []


def test_a_question_that_the_documents_do_not_answer_is_an_abstention(real: Host) -> None:
    real.open('collection="default"')
    turn = real.ask("Which composer wrote the opera about the barber?")
    expect(turn).to_have_attribute("data-state", "abstained")


def test_an_unknown_collection_is_an_error_in_the_words_of_the_service(real: Host) -> None:
    real.open()
    turn = real.ask("How many boats?")
    expect(turn).to_have_attribute("data-state", "error")
    assert real.seen[0]["detail"]["status"] == 404


def test_what_the_service_streams_has_the_fields_that_the_widget_reads(running: str) -> None:
    body = {"question": "How many people does the small boat carry?"}
    answer = httpx.post(f"{running}/v1/answers", json=body).json()
    assert {"id", "status", "claims", "citations", "missing", "passages"} <= answer.keys()
    citation = answer["citations"][0]
    assert {"number", "document_id", "title", "source", "span", "quote", "url"} <= citation.keys()
    passage = next(each for each in answer["passages"] if each["document_id"] == citation["document_id"])
    offset = citation["span"]["start"] - passage["span"]["start"]
    assert passage["text"][offset:].startswith(citation["quote"])
