"""A thousand requests at the same time against a budget with room for a hundred calls."""

import threading
import time
from pathlib import Path

import pytest

from index.catalog import Database, sqlite_url
from qa_service.access.budgets import Budget, Budgets
from qa_service.access.metering import Account, MeteredModel
from qa_service.errors import BudgetExhausted
from qa_service.llm import Deadline, LiteLLMModel, Message, Timeouts, reserved_tokens
from qa_service.scripted import Reply, ScriptedProvider

pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

CALLS, REQUESTS = 100, 1000
MESSAGES = (Message("system", "Be brief."), Message("user", "Who was it?"))


def test_a_thousand_requests_make_just_the_hundred_calls_that_there_is_budget_for(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    each = reserved_tokens(MESSAGES) + 20
    ledger = Budgets(database, request=Budget(), day=Budget(tokens=CALLS * each), hold_seconds=600)
    ready, outcomes = threading.Barrier(REQUESTS), []
    with ScriptedProvider(lambda _: Reply("Ada.", usage=(each - 20, 20), delay_seconds=0.2)) as provider:
        model = LiteLLMModel("openai/scripted", timeouts=Timeouts(), api_base=provider.url, api_key="any")
        model.warm()

        def ask() -> None:
            ready.wait()
            try:
                list(
                    MeteredModel(model, Account(ledger, "ada")).stream(
                        MESSAGES, max_tokens=20, deadline=Deadline(120)
                    )
                )
            except BudgetExhausted as error:
                outcomes.append(error.code)
            else:
                outcomes.append("answered")

        threads = [threading.Thread(target=ask) for _ in range(REQUESTS)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{len(provider.requests)} calls of {REQUESTS} in {time.monotonic() - began:.1f} s")  # noqa: T201
        assert len(provider.requests) == CALLS
    assert sorted(outcomes) == ["answered"] * CALLS + ["budget_exhausted"] * (REQUESTS - CALLS)
    assert ledger.spent("ada").tokens == CALLS * each
    database.close()
