"""Pictures of the widget's states, for docs/widget.png.

No test of anything, so it runs only by name: `pytest tests/browser/contact_sheet.py`.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Host

SHEET = Path(__file__).parents[2] / "docs" / "widget.png"
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
]
SIZES = {"desktop": (760, 640), "phone": (360, 640)}


def test_a_contact_sheet_is_made(host: Host, show: Callable[[str], Page]) -> None:
    pictures = []
    for scheme in ("light", "dark"):
        for width, height in SIZES.values():
            host.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            host.page.set_viewport_size({"width": width, "height": height})
            pictures.append(
                [(width, base64.b64encode(show(state).screenshot()).decode()) for state in STATES]
            )
    page = host.context.new_page()
    page.set_viewport_size({"width": 2420, "height": 100})
    picture = '<img width="{}" src="data:image/png;base64,{}">'
    halves = [half for kinds in pictures for half in (kinds[:5], kinds[5:])]
    rows = "".join(
        f"<div>{''.join(picture.format(width * 0.6, data) for width, data in half)}</div>" for half in halves
    )
    page.set_content(
        "<style>body{margin:12px;background:#999;display:flex;flex-wrap:wrap;gap:8px}"
        f"div{{display:flex;gap:8px}}</style>{rows}"
    )
    SHEET.write_bytes(page.screenshot(full_page=True))
