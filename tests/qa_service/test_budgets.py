"""What keys may spend: the ledger, and models that are asked on an account."""

import math
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.catalog import Database, sqlite_url
from index.catalog.tables import reservations, spending
from qa_service.access.budgets import Amount, Budget, Budgets
from qa_service.access.metering import Account, MeteredModel
from qa_service.errors import (
    BudgetExhausted,
    Cancelled,
    ModelError,
    ModelIdleTimeout,
    ModelLengthLimit,
    ModelPriceUnknown,
    ModelRateLimited,
    ModelTruncated,
    RequestOverBudget,
)
from qa_service.llm import Deadline, Finish, LiteLLMModel, Message, Piece, Timeouts, Usage, reserved_tokens
from qa_service.scripted import Reply, ScriptedProvider

# litellm ignores this at its import, and pytest undoes that for each test.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

MESSAGES = (Message("system", "Be brief."), Message("user", "Who was it? " * 40))
PROMPT = reserved_tokens(MESSAGES)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = sqlite_url(tmp_path / "c.sqlite3")
    database = Database(url if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    yield database
    database.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(tmp_path / "c.sqlite3"))
    yield database
    database.close()


def budgets(
    database: Database,
    *,
    tokens: int | None = None,
    usd: float | None = None,
    request: Budget = Budget(),  # noqa: B008 - it is frozen
    hold_seconds: float = 60,
) -> Budgets:
    return Budgets(database, request=request, day=Budget(tokens, usd), hold_seconds=hold_seconds)


# The ledger


def test_what_was_spent_is_booked_in_place_of_what_was_reserved(database: Database) -> None:
    ledger = budgets(database, tokens=100)
    reservation = ledger.reserve("ada", Amount(80))
    with pytest.raises(BudgetExhausted):
        ledger.reserve("ada", Amount(30))
    ledger.settle(reservation, Amount(10, 7))
    assert ledger.spent("ada") == Amount(10, 7)
    ledger.reserve("ada", Amount(90))


def test_each_key_has_a_budget_of_its_own(database: Database) -> None:
    ledger = budgets(database, tokens=100)
    ledger.reserve("ada", Amount(100))
    ledger.reserve("", Amount(100))
    with pytest.raises(BudgetExhausted):
        ledger.reserve("ada", Amount(1))


def test_a_spent_budget_says_to_come_again_after_midnight(database: Database) -> None:
    ledger = budgets(database, tokens=10)
    ledger.settle(ledger.reserve("ada", Amount(10)), Amount(10))
    with pytest.raises(BudgetExhausted) as caught:
        ledger.require("ada")
    with pytest.raises(BudgetExhausted) as also:
        ledger.reserve("ada", Amount(1))
    assert (caught.value.status, caught.value.code) == (429, "budget_exhausted")
    for error in (caught.value, also.value):
        back = datetime.now(UTC) + timedelta(seconds=error.retry_after_seconds or 0)
        assert (back + timedelta(seconds=5)).time() < datetime(1, 1, 1, 0, 0, 10).time()  # noqa: DTZ001


def test_what_is_only_reserved_says_to_come_again_soon(database: Database) -> None:
    ledger = budgets(database, tokens=10)
    ledger.reserve("ada", Amount(10))
    with pytest.raises(BudgetExhausted) as caught:
        ledger.reserve("ada", Amount(1))
    assert caught.value.retry_after_seconds == 5
    ledger.require("ada")


def test_a_call_that_no_day_has_room_for_is_too_much_and_not_too_late(database: Database) -> None:
    with pytest.raises(RequestOverBudget, match="QA_MAX_DAY_TOKENS"):
        budgets(database, tokens=10).reserve("ada", Amount(11))


def test_what_a_dead_process_has_reserved_is_released_after_a_time(database: Database) -> None:
    budgets(database, tokens=10, hold_seconds=0).reserve("ada", Amount(10))
    budgets(database, tokens=10).reserve("ada", Amount(10))
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(reservations)).scalar() == 1


def test_yesterday_is_not_counted_and_long_past_days_are_forgotten(database: Database) -> None:
    today = datetime.now(UTC).date()
    with database.write() as connection:
        for days in (1, 40):
            day = (today - timedelta(days=days)).isoformat()
            connection.execute(spending.insert().values(owner="ada", day=day, tokens=99, nano_usd=9))
    ledger = budgets(database, tokens=10)
    ledger.settle(ledger.reserve("ada", Amount(10)), Amount(3))
    with database.read() as connection:
        kept = connection.execute(sa.select(spending.c.tokens).order_by(spending.c.day)).scalars().all()
    assert kept == [99, 3]


def test_money_is_counted_to_the_billionth(database: Database) -> None:
    ledger = budgets(database, usd=0.000_000_3)
    for _ in range(3):
        ledger.settle(ledger.reserve("ada", Amount.of(1, 1e-7)), Amount.of(1, 1e-7))
    with pytest.raises(BudgetExhausted):
        ledger.reserve("ada", Amount.of(1, 1e-9))


# Models on an account


class Puppet:
    """A chat model that plays pieces, and an error in the end or a `Finish`; it costs a cent a token."""

    name = "puppet"

    def __init__(self, *pieces: Piece | Exception, priced: bool = True) -> None:
        self._pieces = pieces
        self._priced = priced
        self.calls = 0

    def stream(self, messages: Sequence[Message], **_: object) -> Iterator[Piece]:
        self.calls += 1
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def most(self, messages: Sequence[Message], max_tokens: int) -> Usage:
        return Usage(reserved_tokens(messages), max_tokens)

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        return (prompt_tokens + completion_tokens) / 100 if self._priced else None


def finish(prompt_tokens: int = 10, completion_tokens: int = 5, usd: float | None = None) -> Finish:
    return Finish("stop", Usage(prompt_tokens, completion_tokens, usd), "puppet")


def metered(model: Puppet, ledger: Budgets, owner: str = "ada") -> MeteredModel:
    return MeteredModel(model, Account(ledger, owner))


def ask(model: MeteredModel) -> list[Piece]:
    return [*model.stream(MESSAGES, max_tokens=20, deadline=Deadline(10))]


def test_a_reply_passes_and_its_usage_is_booked_before_its_end_is_given(local: Database) -> None:
    ledger = budgets(local, tokens=10_000)
    stream = metered(Puppet("Ada", ".", finish()), ledger).stream(
        MESSAGES, max_tokens=20, deadline=Deadline(10)
    )
    assert [next(stream), next(stream), next(stream)] == ["Ada", ".", finish()]
    assert ledger.spent("ada") == Amount(15)


def test_nothing_is_sent_that_could_exceed_the_budget(local: Database) -> None:
    puppet = Puppet("Ada.", finish(PROMPT, 20))
    ledger = budgets(local, tokens=2 * (PROMPT + 20))
    ask(metered(puppet, ledger))
    ask(metered(puppet, ledger))
    with pytest.raises(BudgetExhausted):
        ask(metered(puppet, ledger))
    assert puppet.calls == 2


def test_a_request_has_a_budget_over_all_its_calls(local: Database) -> None:
    puppet = Puppet("Ada.", finish(PROMPT, 20))
    ledger = budgets(local, request=Budget(tokens=PROMPT + 20))
    model = metered(puppet, ledger)
    ask(model)
    with pytest.raises(RequestOverBudget):
        ask(model)
    ask(metered(puppet, ledger))
    assert puppet.calls == 2


@pytest.mark.parametrize(
    ("end", "tokens"),
    [
        (ModelRateLimited("busy"), 0),
        (ModelLengthLimit("long", usage=Usage(7, 3)), 10),
        (ModelRateLimited("busy", usage=Usage(7, 3)), 10),
        (ModelLengthLimit("long", usage=Usage(0, 0)), PROMPT + 20),
        (ModelIdleTimeout("slow"), PROMPT + 20),
        (Cancelled("gone"), PROMPT + 20),
    ],
)
def test_a_call_that_failed_before_its_first_word_costs_what_its_provider_may_charge(
    local: Database, end: Exception, tokens: int
) -> None:
    ledger = budgets(local, tokens=10_000)
    with pytest.raises(type(end)):
        ask(metered(Puppet(end), ledger))
    assert ledger.spent("ada").tokens == tokens


def test_a_call_that_was_cut_costs_all_that_was_reserved(local: Database) -> None:
    ledger = budgets(local, tokens=10_000)
    for end in (ModelTruncated("cut"), ModelRateLimited("busy")):
        before = ledger.spent("ada").tokens
        with pytest.raises(ModelError):
            ask(metered(Puppet("Ada wrote it", end), ledger))
        assert ledger.spent("ada").tokens == before + PROMPT + 20


def test_a_call_that_nobody_reads_to_its_end_is_settled(local: Database) -> None:
    ledger = budgets(local, tokens=10_000)
    stream = metered(Puppet("Ada wrote it", finish()), ledger).stream(
        MESSAGES, max_tokens=20, deadline=Deadline(10)
    )
    next(stream)
    del stream
    assert ledger.spent("ada").tokens == PROMPT + 20


@pytest.mark.parametrize(
    "usage",
    [
        Usage(-10_000, 5),
        Usage(10, -5),
        Usage(2**53 + 1, 5),
        Usage(10**400, 5),
        Usage(True, 5),
        Usage(math.nan, 5),  # type: ignore[arg-type]
        Usage("10", 5),  # type: ignore[arg-type]
        Usage(None, 5),  # type: ignore[arg-type]
        Usage(10, 5, math.nan),
        Usage(10, 5, math.inf),
        Usage(10, 5, -1.0),
        Usage(10, 5, 10**400),
        Usage(10, 5, 1e300),
        Usage(0, 0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("fails", [False, True])
def test_a_usage_that_cannot_be_is_none_and_all_that_was_reserved_is_booked(
    local: Database, usage: Usage, fails: bool
) -> None:
    ledger = budgets(local, tokens=10_000, usd=1_000.0)
    end = ModelLengthLimit("long", usage=usage) if fails else Finish("stop", usage, "puppet")
    with suppress(ModelLengthLimit):
        ask(metered(Puppet("Ada.", end), ledger))
    assert ledger.spent("ada") == Amount.of(PROMPT + 20, (PROMPT + 20) / 100)
    assert held(local) == 0


def test_a_call_is_settled_where_its_price_cannot_be_found(local: Database) -> None:
    class Forgetful(Puppet):
        def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
            return None if self.calls else super().price(prompt_tokens, completion_tokens)

    ledger = budgets(local, usd=1_000.0)
    with pytest.raises(ModelPriceUnknown):
        ask(metered(Forgetful("Ada.", finish()), ledger))
    assert ledger.spent("ada").tokens == PROMPT + 20
    assert held(local) == 0


def held(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(reservations)).scalar() or 0)


def test_money_is_counted_by_the_providers_usage_or_the_price(local: Database) -> None:
    ledger = budgets(local, usd=100.0)
    ask(metered(Puppet("Ada.", finish(10, 5, 0.5)), ledger))
    assert ledger.spent("ada") == Amount.of(15, 0.5)
    ask(metered(Puppet("Ada.", finish(10, 5)), ledger))
    assert ledger.spent("ada") == Amount.of(30, 0.65)


def test_a_model_without_a_price_is_not_asked_where_money_is_counted(local: Database) -> None:
    puppet = Puppet("Ada.", finish(), priced=False)
    with pytest.raises(ModelPriceUnknown):
        ask(metered(puppet, budgets(local, usd=1.0)))
    assert puppet.calls == 0
    ask(metered(puppet, budgets(local, tokens=10_000)))


def test_the_price_is_that_of_the_dearest_model_that_may_reply() -> None:
    dear = LiteLLMModel("gpt-4o-mini", timeouts=Timeouts(), fallbacks=["gpt-4o"])
    cheap = LiteLLMModel("gpt-4o-mini", timeouts=Timeouts())
    assert cheap.price(1_000_000, 0) == pytest.approx(0.15)
    assert dear.price(1_000_000, 0) == pytest.approx(2.5)
    assert LiteLLMModel("gpt-4o", timeouts=Timeouts(), fallbacks=["openai/x"]).price(1, 1) is None


@pytest.mark.parametrize(
    "text", ["1 " * 2000, "\U0001f9ff" * 500, "a\u0301\u4e00" * 300, "~}|{" * 500, "", "Ada."]
)
def test_no_prompt_has_more_tokens_than_are_reserved_for_it(text: str) -> None:
    import litellm

    messages = [{"role": "system", "content": ""}, {"role": "user", "content": text}]
    tokens = litellm.token_counter(model="gpt-4o-mini", messages=messages)
    assert tokens <= reserved_tokens([Message("system", ""), Message("user", text)])


def test_all_models_that_may_be_asked_are_reserved_for() -> None:
    model = LiteLLMModel("gpt-4o-mini", timeouts=Timeouts(), fallbacks=["gpt-4o"])
    most = model.most(MESSAGES, 1_000)
    assert (most.prompt_tokens, most.completion_tokens) == (2 * PROMPT, 2_000)
    assert most.cost_usd == pytest.approx((0.15 + 2.5) * PROMPT / 1e6 + (0.6 + 10) * 1_000 / 1e6)


def with_fallback(url: str) -> LiteLLMModel:
    return LiteLLMModel(
        "openai/first",
        timeouts=Timeouts(first_token_seconds=0.3, idle_seconds=0.3),
        api_base=url,
        api_key="any",
        fallbacks=["openai/second"],
        max_retries=1,
    )


@pytest.mark.parametrize(
    ("first", "second", "tokens"),
    [
        (Reply(fault="hang"), Reply("Ada.", usage=(9, 2)), PROMPT + 20 + 11),
        (Reply(fault="hang"), Reply("Ada.", finish_reason="length", usage=(9, 2)), PROMPT + 20 + 11),
        (Reply(fault="hang"), Reply("Ada.", finish_reason="content_filter", usage=(9, 2)), PROMPT + 20 + 11),
        (Reply(fault="hang"), Reply(fault="hang"), 2 * (PROMPT + 20)),
        (Reply(fault="hang"), Reply(fault="unauthorized"), PROMPT + 20),
        (Reply(fault="unauthorized"), Reply("Ada.", usage=(9, 2)), 11),
        (Reply(fault="reset", after=1, reasoning="Hm."), Reply("Ada.", usage=(9, 2)), PROMPT + 20 + 11),
        (
            Reply(fault="rate_limited", after=1, reasoning="Hm."),
            Reply("Ada.", usage=(9, 2)),
            PROMPT + 20 + 11,
        ),
        (Reply(fault="hang"), Reply("Ada.", usage=(-500, 2)), 2 * (PROMPT + 20)),
        (Reply("Ada wrote it.", fault="truncated", after=2), None, PROMPT + 20),
        (Reply(fault="unauthorized"), Reply("Ada wrote it.", fault="reset", after=1), PROMPT + 20),
    ],
)
def test_what_a_first_model_may_have_charged_is_booked_with_what_became_of_its_fallback(
    local: Database, first: Reply, second: Reply | None, tokens: int
) -> None:
    ledger = budgets(local, tokens=2 * (PROMPT + 20))
    with ScriptedProvider([reply for reply in (first, second) if reply]) as provider:
        model = with_fallback(provider.url)
        model.warm()
        with suppress(ModelError):
            ask(MeteredModel(model, Account(ledger, "ada")))
    assert ledger.spent("ada").tokens == tokens


def test_a_model_is_not_asked_where_there_is_no_room_for_its_fallback(local: Database) -> None:
    ledger = budgets(local, tokens=2 * (PROMPT + 20) - 1)
    with ScriptedProvider() as provider:
        model = MeteredModel(with_fallback(provider.url), Account(ledger, "ada"))
        with pytest.raises(RequestOverBudget):
            ask(model)


def test_figures_of_a_provider_that_cannot_be_counts_do_not_refill_the_ledger(local: Database) -> None:
    ledger = budgets(local, tokens=10_000)
    for usage in ((-9_000, 1), (10**30, 1)):
        before = ledger.spent("ada").tokens
        with ScriptedProvider([Reply("Ada.", usage=usage)]) as provider:
            model = LiteLLMModel("openai/x", timeouts=Timeouts(), api_base=provider.url, api_key="any")
            model.warm()
            with suppress(ModelError):
                ask(MeteredModel(model, Account(ledger, "ada")))
        assert ledger.spent("ada").tokens == before + PROMPT + 20


def test_requests_at_the_same_time_make_just_the_calls_that_the_budget_has_room_for(
    database: Database,
) -> None:
    calls, requests, threads = 10, 100, 25
    ledger = budgets(database, tokens=calls * (PROMPT + 20))
    ready = threading.Barrier(threads)
    with ScriptedProvider(lambda _: Reply("Ada.", usage=(PROMPT, 20))) as provider:
        model = LiteLLMModel(
            "openai/scripted", timeouts=Timeouts(), api_base=provider.url, api_key="any", max_retries=0
        )
        model.warm()

        def once(number: int) -> bool:
            if number < threads:
                ready.wait()
            try:
                ask(MeteredModel(model, Account(ledger, "ada")))
            except BudgetExhausted:
                return False
            return True

        with ThreadPoolExecutor(threads) as pool:
            assert sum(pool.map(once, range(requests))) == calls
        assert len(provider.requests) == calls
    assert ledger.spent("ada").tokens == calls * (PROMPT + 20)
