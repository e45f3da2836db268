"""Requests made of the API's document by schemathesis, sent to a service in a process of its own, and judged by it.

The short and the long suite share this. Half of the requests fit the document, half do not; ids in addresses are
half made up and half those of things that are there. Addresses alone can't be wrong.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import APIOperation, Case, CheckFunction, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from index.owner import find_owner

Sent = Case[APIOperation[Any, Any, Any, Any]]

_HOME = Path(__file__).parents[2]
_EACH = 4
"""How many cases of each sort an operation is sent in a round."""

QA = str(Path(sys.executable).with_name("qa"))
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
UNLIMITED = {"QA_RATE_KEY": "0", "QA_RATE_FAILURES": "0"}
_TRACES = ("Traceback (most recent call last)", '.py"', "site-packages")


@dataclass
class Report:
    """How many requests were sent, how they were answered, and what was wrong with the replies."""

    statuses: Counter[int] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())


@contextmanager
def served(data_dir: Path) -> Iterator[tuple[str, str]]:
    """A service that runs on a data directory, and a key of it for everything."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    environment = {**kept, **UNLIMITED, "QA_DATA_DIR": str(data_dir)}
    made = subprocess.run(
        [QA, "keys", "create", "fuzzing"], env=environment, capture_output=True, text=True, check=True
    )
    log = data_dir.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [QA, "serve", "--port", "0"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield _address(process, data_dir, log), made.stdout.strip()
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(60)


def fuzz(url: str, key: str, data_dir: Path, *, requests: int) -> Report:
    """Send at least so many requests, round by round, so many to each operation as there are different ones."""
    report = Report()
    with httpx.Client(base_url=url, headers=_bearer(key), trust_env=False) as client:
        known = _known(client)
        document = client.get("/openapi.json").json()
    can_be_wrong = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            del operation["security"]  # else half of all requests would come without the key
            if "requestBody" in operation or any(each["in"] != "path" for each in operation["parameters"]):
                can_be_wrong.add(f"{method.upper()} {path}")
    schema = schemathesis.openapi.from_dict(document)
    judge = _Judge(report, url, key, known, private=(str(data_dir), str(_HOME), sys.prefix))
    for number in count():
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            if report.requests >= requests:
                return report
            _send(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), judge, number)
            if operation.label in can_be_wrong:
                _send(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), judge, number)
    raise AssertionError


def _send(cases: SearchStrategy[Sent], judge: "_Judge", number: int) -> None:
    """Send the cases of one operation in one round."""
    bounds = settings(
        max_examples=_EACH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    seed(number)(bounds(given(cases)(judge.send)))()


class _Judge:
    """Sends cases and notes what is wrong with their replies."""

    def __init__(
        self, report: Report, url: str, key: str, known: list[str], *, private: tuple[str, ...]
    ) -> None:
        self._report = report
        self._url = url
        self._headers = _bearer(key)
        self._known = known
        self._leaks = (*private, *_TRACES)
        self._dice = random.Random(1)  # noqa: S311 - it picks ids

    def send(self, case: Sent) -> None:
        """Send a case."""
        if case.path_parameters and self._dice.random() < 0.5:
            case.path_parameters = {name: self._dice.choice(self._known) for name in case.path_parameters}
        reply = case.call(base_url=self._url, headers=self._headers, timeout=60)
        label, text = case.operation.label, reply.content.decode(errors="replace")
        self._report.statuses[reply.status_code] += 1
        self._report.operations[label] += 1
        asked = case.as_curl_command() + unquote_plus(
            str(reply.request.url)
        )  # what came with it is no secret
        if leaked := [each for each in self._leaks if each in text and each not in asked]:
            self._report.faults.append(f"{label}: the reply holds {leaked}: {text[:500]}")
        try:
            case.validate_response(reply, checks=_checks(case))
        except FailureGroup as group:
            said = [f"{each.title}: {each.message}" for each in group.exceptions]
            self._report.faults.append(
                "\n".join((label, *said, case.as_curl_command(), str(reply.status_code), text[:300]))
            )


def _checks(case: Sent) -> list[CheckFunction]:
    """What is checked; a form's number is as good as its digits, and what says that it is not ready may do so."""
    if "multipart" in str(case.media_type):
        return [each for each in CHECKS if each is not negative_data_rejection]
    if case.operation.path == "/readyz":
        return [each for each in CHECKS if each is not not_a_server_error]
    return CHECKS


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _known(client: httpx.Client) -> list[str]:
    """The ids of things that are there: a document, a job, a conversation and a collection."""
    body = {"title": "Boats", "text": "The station has two boats. The small boat carries four people."}
    accepted = client.post("/v1/documents", json=body).json()
    conversation = client.post("/v1/conversations").json()["id"]
    client.post("/v1/keys", json={"name": "known"})
    asked = {"question": "How many people does the small boat carry?", "conversation_id": conversation}
    client.post("/v1/answers", json=asked)
    return [accepted["job_id"], accepted["documents"][0]["id"], conversation, "default", "known", "style.css"]


def _address(process: subprocess.Popen[bytes], data_dir: Path, log: Path) -> str:
    """Where the service serves, when it is ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        owner = find_owner(data_dir)
        try:
            if owner and owner.url and httpx.get(f"{owner.url}/readyz", trust_env=False).is_success:
                return owner.url
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text())
