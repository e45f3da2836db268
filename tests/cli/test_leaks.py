import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qa_service.access.keys import opened_keys
from qa_service.scripted import ScriptedProvider
from qa_service.settings import Settings

Serve = Callable[..., AbstractContextManager[Any]]


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.soak)])
def test_no_secret_of_any_request_is_logged_whatever_goes_wrong(
    serve: Serve, indexed: Path, leaks: ModuleType, count: int
) -> None:
    with opened_keys(Settings(data_dir=indexed)) as keys:
        _, key = keys.create("test")
    with ScriptedProvider(leaks.reply_to) as provider, serve(**leaks.settings(provider)) as service:
        attack = leaks.Attack(service.url, key)
        attack.run(count)
        leaks.settle(attack)
        leaks.break_followers(service, attack)
        service.stop()
    written = service.log.read_text()
    leaked = [line for line in written.splitlines() if leaks.MARK in line.lower() or key in line]
    assert leaked == []
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    others = [line for line in written.splitlines() if not line.startswith("{")]
    assert [line.split()[0] for line in others] == ["serving", "ready:"]
    # It went wrong in as many ways as it was to.
    codes = {line.get("code") for line in lines}
    assert {"invalid_request", "unauthorized", "not_found", "damaged_document", "search_failed"} <= codes
    assert {"model_authentication", "model_server_error", "model_refused", "context_overflow"} <= codes
    assert {"model_reply_malformed", "model_reply_content_type", "model_truncated"} <= codes
    assert sum(line["event"] == "request" for line in lines) >= 0.9 * count
    assert any("uploads wait" in line["event"] for line in lines)
    assert all(line["job_id"] for line in lines if line["event"] == "upload")
