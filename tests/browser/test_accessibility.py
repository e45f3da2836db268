"""axe-core finds nothing wrong in any state, in light, dark and forced colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import JSON, Host

SCHEMES: dict[str, JSON] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}

STATES = [
    "closed",
    "empty",
    "writing",
    "answered",
    "partial",
    "conflict",
    "abstained",
    "broken",
    "error",
    "card",
    "reason",
]

RUN = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run(document, { runOnly: tags });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}"""


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds, as rule and elements. What moves is waited for: a colour that fades in has no contrast."""
    page.evaluate(
        "Promise.all(document.getAnimations().map((each) => each.effect.getTiming().iterations === 1 && each.finished))"
    )
    page.wait_for_timeout(200)
    page.evaluate(f"{axe}; null")
    return list(page.evaluate(RUN))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1000, 360])
def test_ten_states_have_no_violation(
    host: Host, axe: str, show: Callable[[str], Page], scheme: str, width: int
) -> None:
    found = {}
    host.page.emulate_media(**SCHEMES[scheme])
    host.page.set_viewport_size({"width": width, "height": 720})
    for name in STATES:
        found[name] = violations(show(name), axe)
    assert found == {name: [] for name in found}


def test_axe_finds_what_is_wrong_inside_of_the_widget(host: Host, axe: str) -> None:
    page = host.open("open")
    page.evaluate(
        "document.querySelector('qa-chat').shadowRoot.querySelector('h2').after(document.createElement('button'))"
    )
    assert [each.partition(":")[0] for each in violations(page, axe)] == ["button-name"]
