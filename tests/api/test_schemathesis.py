"""A few hundred requests made of the API's document to a real process; `make soak` sends ten thousand."""

from pathlib import Path
from types import ModuleType

from qa_service.api.operations import OPERATIONS


def test_no_reply_to_some_hundred_requests_is_a_fault_or_undocumented(
    fuzzing: ModuleType, data_dir: Path
) -> None:
    with fuzzing.served(data_dir) as (url, key):
        report = fuzzing.fuzz(url, key, data_dir, requests=300)
    assert report.faults == []
    assert len(report.operations) == len(OPERATIONS)
    assert {200, 201, 202, 204, 400, 404} <= report.statuses.keys()
