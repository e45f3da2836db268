"""Do two texts tell different amounts of one kind of thing?

Units of one dimension are compared as amounts: exactly where one is a whole number of the other (weeks and days,
kilometres and metres), to rounding otherwise (miles and kilometres). How many days a month or a year has is not said,
so days and weeks differ from months and years only where they lie outside all that those can mean.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

from qa_service.guards.quantities import Quantity
from qa_service.guards.units import Unit

_COUNT = "count"
_CLOCK, _CALENDAR = "clock", "month"
_ROUNDING = Decimal("0.05")
_DAY = Decimal(86400)
_YEAR = Decimal(12)
# Four weeks are called a month, and 360 days a year where interest is reckoned.
_DAYS_IN_MONTH = Decimal(28), Decimal(31)
_DAYS_IN_YEAR = Decimal(360), Decimal(366)


def differ(one: Sequence[Quantity], other: Sequence[Quantity]) -> bool:
    """Whether, of a kind of amount that both give, neither gives any of the other's."""
    here, there = _by_kind(one), _by_kind(other)
    common = here.keys() & there.keys()
    if any(not any(_may_be_equal(*pair) for pair in product(here[kind], there[kind])) for kind in common):
        return True
    if common & {_CLOCK, _CALENDAR}:
        return False
    return _lengths_differ(here, there) or _lengths_differ(there, here)


def dimension(unit: Unit) -> str:
    """What a unit measures, by a name that no word of a text is: one for all lengths of time."""
    return "#time" if unit.dimension in (_CLOCK, _CALENDAR) else f"#{unit.dimension}"


def _by_kind(told: Sequence[Quantity]) -> Mapping[str, list[Quantity]]:
    """The quantities by their dimension, or by the thing counted."""
    found: dict[str, list[Quantity]] = defaultdict(list)
    for each in told:
        found[each.unit.dimension if each.unit else " ".join((_COUNT, *each.nouns[:1]))].append(each)
    return found


def _may_be_equal(one: Quantity, other: Quantity) -> bool:
    return any(
        abs(a - b) <= (0 if _is_exact(one, other) else _ROUNDING * max(a, b))
        for a, b in product(_amounts(one), _amounts(other))
    )


def _is_exact(one: Quantity, other: Quantity) -> bool:
    return one.unit is None or other.unit is None or one.unit.converts_exactly(other.unit)


def _amounts(quantity: Quantity) -> list[Decimal]:
    factor = quantity.unit.factor if quantity.unit else Decimal(1)
    return [value * factor for value in quantity.values]


def _lengths_differ(here: Mapping[str, list[Quantity]], there: Mapping[str, list[Quantity]]) -> bool:
    """Whether no number of days or weeks `here` can be one of months or years `there`; hours are another matter."""
    days = [
        amount / _DAY
        for each in here.get(_CLOCK, ())
        if each.unit and each.unit.factor >= _DAY
        for amount in _amounts(each)
    ]
    spans = [span for each in there.get(_CALENDAR, ()) for span in _days(each)]
    return bool(days and spans) and not any(low <= day <= high for day in days for low, high in spans)


def _days(quantity: Quantity) -> list[tuple[Decimal, Decimal]]:
    """The fewest and the most days that a number of months or years can mean."""
    is_years = quantity.unit is not None and quantity.unit.factor >= _YEAR
    (low, high), of = (_DAYS_IN_YEAR, _YEAR) if is_years else (_DAYS_IN_MONTH, Decimal(1))
    return [(amount / of * low, amount / of * high) for amount in _amounts(quantity)]
