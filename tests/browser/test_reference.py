"""The page of the API in a browser: without a network, in both schemes, narrow and wide, and for everybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from qa_service.api import Access, Context, Streams, create_app
from qa_service.services import Services
from qa_service.uploads.worker import Worker
from tests.serving import on_socket


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    """Where the page is."""
    worker = Worker(services)
    context = Context(services, worker, Streams(places=2, heartbeat_seconds=15), Access())
    with on_socket(create_app(context)) as url:
        yield url
    worker.close()


@contextmanager
def opened(browser: Browser, address: str, **options: Any) -> Iterator[tuple[Page, list[str], list[str]]]:
    """The page, with what it asks for and what the console is told."""
    context = browser.new_context(**options)
    page = context.new_page()
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.goto(f"{address}/docs")
    yield page, asked, told
    context.close()


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 320), ("dark", 390), ("light", 1280), ("dark", 1280)]
)
def test_the_page_fits_its_width_and_everybody_can_use_it(
    browser: Browser, address: str, axe: str, scheme: Any, width: int
) -> None:
    size: Any = {"width": width, "height": 800}
    with opened(browser, address, color_scheme=scheme, viewport=size) as (page, _, told):
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert told == []
        found = page.evaluate(f"{axe}; axe.run()")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


def test_the_page_works_without_scripts_and_asks_nobody_else(browser: Browser, address: str) -> None:
    with opened(browser, address, java_script_enabled=False) as (page, asked, _):
        assert asked
        assert all(url.startswith(f"{address}/") for url in asked)
        page.get_by_role("link", name="Verify saved citations").first.click()
        assert page.url.endswith("#citations_verify")
        assert page.get_by_role("heading", name="Verify saved citations").is_visible()
