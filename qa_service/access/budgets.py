"""What keys may spend on language models in a day, reserved before a call and settled after it.

The ledger stands in the catalog's database, where there is one writer at a time: however many calls begin at
once, what is spent and what is reserved never exceed the budget together. Money is counted in whole
billionths of a dollar, so that sums are exact.
"""

import math
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.catalog import Database
from index.catalog.tables import reservations, spending
from index.clock import now_ms
from qa_service.errors import BudgetExhausted, RequestOverBudget
from qa_service.settings import Settings

_NANO = 10**9
_KEPT_DAYS = 31
_MARGIN_SECONDS = 60.0
_SOON_SECONDS = 5.0

_OF_OWNER = (spending.c.owner == sa.bindparam("its_owner")) & (spending.c.day == sa.bindparam("its_day"))
_SPENT = sa.select(spending.c.tokens, spending.c.nano_usd).where(_OF_OWNER)
_HELD = sa.select(sa.func.sum(reservations.c.tokens), sa.func.sum(reservations.c.nano_usd)).where(
    reservations.c.owner == sa.bindparam("its_owner"), reservations.c.day == sa.bindparam("its_day")
)
_BOOK = (
    spending.update()
    .where(_OF_OWNER)
    .values(
        tokens=spending.c.tokens + sa.bindparam("more_tokens"),
        nano_usd=spending.c.nano_usd + sa.bindparam("more_nano_usd"),
    )
)
_SETTLE = reservations.delete().where(reservations.c.id == sa.bindparam("its_id"))
_RELEASE = reservations.delete().where(reservations.c.expires_at <= sa.bindparam("now"))
_FORGET = spending.delete().where(spending.c.day < sa.bindparam("oldest"))


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens and billionths of a US dollar."""

    tokens: int = 0
    nano_usd: int = 0

    @classmethod
    def of(cls, tokens: int, usd: float) -> "Amount":
        """An amount of which no part is lost by rounding."""
        return cls(tokens, math.ceil(usd * _NANO))

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, self.nano_usd + other.nano_usd)

    @property
    def usd(self) -> float:
        """The money in US dollars."""
        return self.nano_usd / _NANO


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that may be spent; None is no limit."""

    tokens: int | None = None
    usd: float | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.tokens is not None or self.usd is not None

    def allows(self, amount: Amount) -> bool:
        """Whether that may be spent in all."""
        return (self.tokens is None or amount.tokens <= self.tokens) and (
            self.usd is None or amount.nano_usd <= round(self.usd * _NANO)
        )


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is set aside for a call under way; without an id nothing is, since there is no limit a day."""

    id: str
    owner: str
    day: str


class Budgets:
    """The ledger of all keys; `owner` is the id of a key, empty for all who call without one. For many threads.

    `request` bounds what one request may spend in all its calls, `day` what a key may from midnight to midnight
    UTC. A reservation that is not settled after `hold_seconds` is of a process that died, and is released.
    """

    def __init__(self, database: Database, *, request: Budget, day: Budget, hold_seconds: float) -> None:
        self.request = request
        self.day = day
        self._database = database
        self._hold_ms = int(hold_seconds * 1000)
        self._lock = threading.Lock()  # a line to stand in: the database lets waiting writers in by chance

    @property
    def are_limited(self) -> bool:
        """Whether there is any limit."""
        return self.request.is_limited or self.day.is_limited

    @property
    def count_money(self) -> bool:
        """Whether a limit is in dollars, so that prices have to be known."""
        return self.request.usd is not None or self.day.usd is not None

    def spent(self, owner: str) -> Amount:
        """What the owner has spent today, calls under way not counted."""
        with self._database.read() as connection:
            return _spent(connection, owner, _today())

    def require(self, owner: str) -> None:
        """Raise `BudgetExhausted` where the owner's budget of today is spent."""
        if self.day.is_limited and not self.day.allows(self.spent(owner) + Amount(1, 1)):
            raise _exhausted()

    def reserve(self, owner: str, amount: Amount) -> Reservation:
        """Set an amount aside; raises `BudgetExhausted`, or `RequestOverBudget` where no day has room for it."""
        day = _today()
        if not self.day.is_limited:
            return Reservation("", owner, day)
        if not self.day.allows(amount):
            raise RequestOverBudget(
                f"one call may need {amount.tokens} tokens and {amount.usd:.4f} US dollars, more than a key has "
                "for a day: raise QA_MAX_DAY_TOKENS, QA_MAX_DAY_USD or, for a publishable key, "
                "QA_PUBLISHABLE_DAY_TOKENS, or ask with fewer passages"
            )
        reservation = Reservation(secrets.token_hex(16), owner, day)
        now = now_ms()
        with self._lock, self._database.write() as connection:
            _release(connection, now)
            spent = _spent(connection, owner, day)
            if not self.day.allows(spent + amount):
                raise _exhausted()
            if not self.day.allows(spent + _held(connection, owner, day) + amount):
                raise BudgetExhausted(
                    "what this key has left for today is reserved for requests under way: ask again",
                    retry_after_seconds=_SOON_SECONDS,
                )
            connection.execute(
                reservations.insert(),
                {
                    "id": reservation.id,
                    "owner": owner,
                    "day": day,
                    "tokens": amount.tokens,
                    "nano_usd": amount.nano_usd,
                    "expires_at": now + self._hold_ms,
                },
            )
        return reservation

    def settle(self, reservation: Reservation, amount: Amount) -> None:
        """Release a reservation and book what was really spent. To be called once for each."""
        if not reservation.id:
            return
        with self._lock, self._database.write() as connection:
            connection.execute(_SETTLE, {"its_id": reservation.id})
            booked = connection.execute(
                _BOOK,
                {
                    "its_owner": reservation.owner,
                    "its_day": reservation.day,
                    "more_tokens": amount.tokens,
                    "more_nano_usd": amount.nano_usd,
                },
            )
            if not booked.rowcount:
                connection.execute(
                    spending.insert(),
                    {
                        "owner": reservation.owner,
                        "day": reservation.day,
                        "tokens": amount.tokens,
                        "nano_usd": amount.nano_usd,
                    },
                )


def budgets_of(settings: Settings, database: Database, *, publishable: bool = False) -> Budgets:
    """The budgets that the settings name, for publishable keys or for all other callers."""
    own = settings.publishable_day_tokens if publishable else 0
    tokens = [each for each in (settings.max_day_tokens, own) if each]
    return Budgets(
        database,
        request=Budget(settings.max_request_tokens, settings.max_request_usd),
        day=Budget(min(tokens, default=None), settings.max_day_usd),
        hold_seconds=settings.answer_seconds + _MARGIN_SECONDS,
    )


def _spent(connection: Connection, owner: str, day: str) -> Amount:
    row = connection.execute(_SPENT, {"its_owner": owner, "its_day": day}).first()
    return Amount(row.tokens, row.nano_usd) if row else Amount()


def _held(connection: Connection, owner: str, day: str) -> Amount:
    row = connection.execute(_HELD, {"its_owner": owner, "its_day": day}).one()
    return Amount(int(row[0] or 0), int(row[1] or 0))  # PostgreSQL sums whole numbers as decimals


def _release(connection: Connection, now: int) -> None:
    """Remove what has had its time: reservations of dead processes, and days long past."""
    oldest = (datetime.now(UTC) - timedelta(days=_KEPT_DAYS)).date().isoformat()
    connection.execute(_RELEASE, {"now": now})
    connection.execute(_FORGET, {"oldest": oldest})


def _exhausted() -> BudgetExhausted:
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return BudgetExhausted(
        "this key has spent its budget of today: ask again after midnight UTC, or raise QA_MAX_DAY_TOKENS, "
        "QA_MAX_DAY_USD or, for a publishable key, QA_PUBLISHABLE_DAY_TOKENS",
        retry_after_seconds=math.ceil((midnight - now).total_seconds()),
    )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
