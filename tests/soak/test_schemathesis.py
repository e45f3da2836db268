"""Ten thousand requests made of the API's document: none fails the service, and every reply is as documented."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

REQUESTS = 10_000


def test_no_reply_to_ten_thousand_requests_is_a_fault_or_undocumented(
    fuzzing: ModuleType, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fuzzing.served(data_dir) as (url, key):
        report = fuzzing.fuzz(url, key, data_dir, requests=REQUESTS)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{report.requests} requests to {len(report.operations)} operations: {dict(report.statuses)}\n"
        )
    assert report.faults == []
    assert report.requests >= REQUESTS
