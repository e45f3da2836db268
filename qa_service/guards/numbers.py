"""Are the numbers of a claim in the cited text?

Only there: a number next door, or in the question, is no evidence.

A number is carried by an equal one however it is written (`20,000`, `20.000`, `twenty thousand`), unless
- both have a unit and the units tell different amounts (`50 km`, `50 miles`), or the claim has a unit of
which the cited text says nothing; or
- the cited text counts the same thing with another number and something else with this one (`two leaders ...
three months` does not carry `three leaders`). A rounded number is carried when the claim says that it is one
(`about 40` for 39), a vague one (`thousands of`) by a number of its magnitude, and the length of a list by
the list that follows it in the claim. The number one is checked only against another count of the same thing,
for its words are pronouns and articles too.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from qa_service.guards.fault import Fault
from qa_service.guards.moments import Mention
from qa_service.guards.quantities import Quantity
from qa_service.guards.text import fold
from qa_service.guards.units import Unit, unit_of

_TIME = frozenset(("clock", "month"))  # `aged 11` carries `11 years old`
_ABOUT = re.compile(
    r"\b(?:about|around|some|nearly|almost|roughly|approximately|circa|ca\.?|close to|etwa|rund|ungefähr"
    r"|fast|knapp|zirka"
    r"|около|почти|примерно|приблизительно|порядка)(?: an?)? ?[$€£¥₽]?$",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"\b(?:more than|over|at least|upwards of|mehr als|über|mindestens|более|больше|свыше"
    r"|не менее) ?[$€£¥₽]?$",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"\b(?:foot|end)?notes?(?: mark| number| no\.)? $|\bfußnote $|\bсноск\w+ $|\bпримечани\w+ $",
    re.IGNORECASE,
)
_HEDGE_WINDOW = 24
_ABOUT_TOLERANCE = Decimal("0.05")
_MORE_TOLERANCE = Decimal("0.15")
_MAGNITUDE = 100  # `thousands` are told of 1,000 to 100,000
_KEPT = 50  # equal quantities of one text that are looked at: a hostile text may repeat one for ever
_WITH_NEXT_WORD = re.compile(r"[ -]?(?:[%€$£¥₽]|[^\W\d_]+)")
_LIST = re.compile(r"[^.!?\n:]{0,80}?:(?P<items>[^.!?\n:;]+)")
_ITEM_END = re.compile(r", (?:and |und |и )?| (?:and|und|и) ")


class Evidence:
    """The quantities of a cited text, by value, amount and what is counted."""

    def __init__(
        self, text: str, found: Sequence[Quantity], dates: Sequence[Mention], notes: frozenset[str]
    ) -> None:
        self._text = text.casefold()
        self._notes = notes
        self._by_value: dict[Decimal, list[Quantity]] = defaultdict(list)
        self._amounts: set[tuple[str, Decimal]] = set()
        self._counts: dict[str, set[Decimal]] = defaultdict(set)
        self._days = {Decimal(moment.day) for mention in dates for moment in mention.readings if moment.day}
        self._years = {
            Decimal(moment.year) for mention in dates for moment in mention.readings if moment.year
        }
        self._units = {
            unit.dimension
            for word in set(re.findall(r"[^\W\d_]+|[%€$£¥₽]", self._text))
            if (unit := unit_of(fold(word)))
        }
        for quantity in found:
            for value in quantity.values:
                if len(self._by_value[value]) < _KEPT:
                    self._by_value[value].append(quantity)
                if unit := quantity.unit or _share_of_one(value):
                    self._amounts.add(_amount(value, unit))
                for noun in quantity.nouns:
                    self._counts[noun].add(value)
        self._ascending = sorted(
            value for value, of in self._by_value.items() if any(not each.ordinal for each in of)
        )

    @property
    def whole_numbers(self) -> frozenset[int]:
        """The whole numbers of the text, dates left out."""
        return frozenset(int(value) for value in self._by_value if value == value.to_integral_value())

    def carries(self, quantity: Quantity, before: str) -> bool:
        """Whether the cited text gives this quantity of a claim, of which `before` is the text before it."""
        if quantity.code is not None:
            return quantity.code.casefold() in self._text
        if quantity.vague:
            return self._carries_magnitude(quantity)
        if any(
            unit and _amount(value, unit) in self._amounts
            for value in quantity.values
            for unit in (quantity.unit or _share_of_one(value),)
        ):
            return True
        if quantity.text in self._notes and _NOTE.search(before):
            return True
        equal = [each for value in quantity.values for each in self._by_value.get(value, ())]
        if Decimal(1) in quantity.values and quantity.text.isalpha():
            return not self._counted_otherwise(quantity, equal)
        if not equal:
            return self._carries_apart(quantity) or self._carries_rounded(quantity, before)
        if quantity.unit and not any(self._unit_allows(quantity.unit, each) for each in equal):
            return False
        return not self._counted_otherwise(quantity, equal)

    def _unit_allows(self, unit: Unit, given: Quantity) -> bool:
        if given.unit:
            return False  # an equal amount would have been found
        return unit.dimension in self._units or unit.dimension in _TIME

    def _counted_otherwise(self, quantity: Quantity, equal: Iterable[Quantity]) -> bool:
        if quantity.ordinal:
            return False
        nouns = set(quantity.nouns)
        for each in equal:
            if not each.nouns or nouns.intersection(each.nouns):
                return False
        return any(noun in self._counts for noun in quantity.nouns)

    def _carries_apart(self, quantity: Quantity) -> bool:
        """An ordinal by a day of the month, a number of four digits by a year."""
        if quantity.ordinal:
            return not quantity.values.isdisjoint(self._days)
        return quantity.unit is None and not quantity.values.isdisjoint(self._years)

    def _carries_magnitude(self, quantity: Quantity) -> bool:
        magnitude = max(quantity.values)
        if any(each.vague for each in self._by_value.get(magnitude, ())):
            return True
        return any(magnitude <= value < magnitude * _MAGNITUDE for value in self._ascending)

    def _carries_rounded(self, quantity: Quantity, before: str) -> bool:
        about, more = _ABOUT.search(before), _MORE.search(before)
        if not about and not more:
            return False
        return any(
            _digits(value) < _digits(given)
            and (more is None or value <= given)
            and abs(given - value) <= given * (_MORE_TOLERANCE if more else _ABOUT_TOLERANCE)
            for value in quantity.values
            for given in self._ascending
        )


def _amount(value: Decimal, unit: Unit) -> tuple[str, Decimal]:
    return unit.dimension, value * unit.factor


def _share_of_one(value: Decimal) -> Unit | None:
    """The unit of a fraction without one: a half is 50 %."""
    return Unit("ratio") if 0 < value < 1 else None


def _digits(value: Decimal) -> int:
    """How many digits of a number tell something: one in 40, three in 39.5."""
    return len(str(abs(value)).replace(".", "").strip("0"))


def faults(claim: str, found: Sequence[Quantity], evidence: Evidence, supplied: str) -> Iterator[Fault]:
    """The quantities of a cleaned claim that the cited text doesn't give.

    `supplied` is the casefolded text that may name a document (context and question): a code such as a file's
    name may stand there.
    """
    for quantity in found:
        if quantity.evidence_only or _orders(claim, quantity):
            continue
        before = claim[max(0, quantity.start - _HEDGE_WINDOW) : quantity.start]
        if evidence.carries(quantity, before) or _lists(claim, quantity):
            continue
        if quantity.code is not None:
            if quantity.code.casefold() not in supplied:
                yield Fault("name", quantity.code)
            continue
        yield Fault("number", _shown(claim, quantity))


def _orders(claim: str, quantity: Quantity) -> bool:
    """Whether an ordinal only orders the writer's sentences: `Second, ...`."""
    return (
        quantity.ordinal
        and quantity.text[0].isupper()
        and claim[quantity.end : quantity.end + 1] in (",", ":")
    )


def _lists(claim: str, quantity: Quantity) -> bool:
    """Whether the claim itself lists as many things as it says: `three cities: Harbin, Mukden and Dairen`."""
    match = _LIST.match(claim, quantity.end)
    return match is not None and Decimal(len(_ITEM_END.split(match["items"].strip()))) in quantity.values


def _shown(claim: str, quantity: Quantity) -> str:
    """The quantity with the word behind it, as the claim writes them."""
    match = _WITH_NEXT_WORD.match(claim, quantity.end)
    return claim[quantity.start : match.end() if match else quantity.end]
