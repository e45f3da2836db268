"""Are the dates and times of a claim in the cited text, or plainly meant by it?

A date is carried by one that tells at least as much and agrees (`August 1945` by `8 August 1945`, `the 1930s`
by `1937`), by its parts when they stand apart (`August 8` here, `1945` there), and by reckoning: `two days
later` and `the next day` are counted on from the date before them.

The context (neighbours, title, headings) may fill in what the cited text leaves open, and nothing else: a
year when the cited text gives no year, a day or month when it gives none but points to one (`that day`, `two
days later`). A date in the question is no evidence.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.language import Language
from qa_service.guards.moments import Mention, Moment
from qa_service.guards.numerals import numeral
from qa_service.guards.text import fold

_COUNT = r"\d{1,3}|[^\W\d_]+"
_UNIT = (
    r"days?|weeks?|months?|years?|tage?n?|wochen?|monate?n?|jahre?n?|дн(?:я|ей|и)|день|недел[ьяюие]+"
    r"|месяц(?:а|ев)?|год(?:а|у)?|лет"
)
_RELATIVE = re.compile(
    rf"\b(?:(?P<n>{_COUNT}) (?P<unit>{_UNIT}) (?P<back>before|earlier|previously|zuvor|früher|раньше)"
    rf"|(?P<n2>{_COUNT}) (?P<unit2>{_UNIT}) (?:later|after|afterwards|später|danach|спустя)"
    rf"|(?:через|nach) (?P<n3>{_COUNT}) (?P<unit3>{_UNIT})"
    r"|(?:the )?(?:next|following) (?P<next>day|week|month|year)"
    r"|(?:nächste|folgende)[nrms] (?P<next_de>tage?|woche|monat|jahre?)"
    r"|следующ(?:ий|ую|ем|ей) (?P<next_ru>день|неделю|неделе|месяце?|году?)"
    r"|(?:the )?(?:previous|preceding) (?P<last>day|week|month|year)|(?P<eve>the day before|am vortag"
    r"|накануне))\b",
    re.IGNORECASE,
)
_MAY_RECKON = re.compile(
    "later|after|before|earlier|next|following|previous|preceding|später|danach|zuvor|früher|nach "
    "|nächst|folgend|vortag"
    "|спустя|через|следующ|накануне|раньше|до этого",
    re.IGNORECASE,
)
_DAYS = {"d": 1, "t": 1, "w": 7, "н": 7}
_ANY_YEAR = 2001  # counts the days of a date without a year
_POINTS_BACK = re.compile(
    r"\b(?:that|the same|this|same) (?:very )?(?:day|night|morning|evening|afternoon|month|week|date)\b"
    r"|\b(?:then|thereupon|meanwhile|at the time|at that time|on the \d{1,2}(?:st|nd|rd|th))\b"
    r"|\b(?:am selben|am gleichen|an diesem|zu dieser|zur selben) \w+|\b(?:damals|daraufhin|inzwischen)\b"
    r"|\b(?:в тот же|в этот|того же|в то же|тогда|в тот) ?\w*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The moments that a text tells, those it reckons from them, and whether it points to one elsewhere."""

    told: tuple[Moment, ...]
    reckoned: tuple[Moment, ...]
    points_back: bool

    @property
    def years(self) -> frozenset[int]:
        """Every year that is told or reckoned."""
        return frozenset(each.year for each in (*self.told, *self.reckoned) if each.year)


def calendar(text: str, mentions: Sequence[Mention], language: Language) -> Calendar:
    """The calendar of a cleaned text, of which `mentions` are the dates."""
    told = tuple(reading for mention in mentions for reading in mention.readings)
    steps = list(_RELATIVE.finditer(text)) if _MAY_RECKON.search(text) else []
    points_back = bool(steps) or _POINTS_BACK.search(text) is not None
    if not steps:
        return Calendar(told, (), points_back)
    reckoned: list[Moment] = []
    last: Moment | None = None
    year: int | None = None
    items: list[Mention | re.Match[str]] = [*mentions, *steps]
    for item in sorted(items, key=_start):
        if isinstance(item, Mention):
            moment = item.readings[0]
            if moment.minute is None and moment.weekday is None:
                year = moment.year or year
                last = replace(moment, year=moment.year or year)
        elif last and (moved := _move(last, item, language)):
            last = moved
            reckoned.append(moved)
    return Calendar(told, tuple(reckoned), points_back)


def _start(item: Mention | re.Match[str]) -> int:
    return item.start if isinstance(item, Mention) else item.start()


def _move(moment: Moment, step: re.Match[str], language: Language) -> Moment | None:
    count, unit = _step(step, language)
    if count is None:
        return None
    if step["back"] or step["last"] or step["eve"]:
        count = -count
    kind = unit[:1].casefold()
    if kind in _DAYS:
        return _add_days(moment, count * _DAYS[kind])
    if kind in ("m", "м"):
        return _add_months(moment, count)
    return Moment(year=moment.year + count) if moment.year else None


def _step(step: re.Match[str], language: Language) -> tuple[int | None, str]:
    for name in ("next", "next_de", "next_ru", "last"):
        if step[name]:
            unit = "day" if fold(step[name]) == "день" else step[name]
            return 1, unit
    if step["eve"]:
        return 1, "day"
    word = step["n"] or step["n2"] or step["n3"]
    unit = step["unit"] or step["unit2"] or step["unit3"]
    unit = "day" if unit.casefold().startswith("д") else unit
    if word.isdigit():
        return int(word), unit
    if fold(word) in ("a", "einem", "einer", "ein", "eine"):
        return 1, unit
    value = numeral(fold(word), language)
    return (int(value.value), unit) if value and value.role == "number" else (None, unit)


def _add_days(moment: Moment, days: int) -> Moment | None:
    if not (moment.month and moment.day):
        return None
    try:
        moved = dt.date(moment.year or _ANY_YEAR, moment.month, moment.day) + dt.timedelta(days)
    except (ValueError, OverflowError):
        return None
    return Moment(moved.year if moment.year else None, moved.month, moved.day)


def _add_months(moment: Moment, months: int) -> Moment | None:
    if not moment.month:
        return None
    years, month = divmod(moment.month - 1 + months, 12)
    return Moment(moment.year + years if moment.year else None, month + 1)


NOTHING = Calendar((), (), points_back=False)
"""The calendar of a text without dates."""


def missing(
    mentions: Sequence[Mention], cited: Calendar, context: Calendar, numbers: frozenset[int]
) -> list[Mention]:
    """The dates of a claim that neither the cited text nor, where it leaves a part open, the context gives.

    `numbers` are the whole numbers of the cited text: a bare `1812` in a claim may be the 1,812 of something.
    """
    return [
        mention
        for mention in mentions
        if not any(_carried(reading, cited, context, numbers) for reading in mention.readings)
    ]


def _carried(moment: Moment, cited: Calendar, context: Calendar, numbers: frozenset[int]) -> bool:
    if moment.year is not None and moment.month is None and moment.day is None and moment.year in numbers:
        return True
    open_year = not cited.years
    given = (*cited.told, *cited.reckoned)
    if any(_agrees(each, moment) for each in given):
        return True
    years = context.years if open_year else cited.years
    if _agrees_in_parts(moment, given, years):
        return True
    if _is_of_years(moment):
        return open_year and any(_agrees(each, moment) for each in (*context.told, *context.reckoned))
    if not cited.points_back or any(_same_kind(each, moment) for each in cited.told):
        return False
    others = (*context.told, *context.reckoned)
    return any(_agrees(each, moment) for each in others) or _agrees_in_parts(
        moment, others, years or context.years
    )


def _is_of_years(moment: Moment) -> bool:
    return moment.month is None and moment.minute is None and moment.weekday is None


def _same_kind(given: Moment, wanted: Moment) -> bool:
    """Whether the cited text fills the place itself, so that the context can't."""
    if wanted.minute is not None:
        return given.minute is not None
    if wanted.weekday is not None:
        return given.weekday is not None
    return given.day is not None if wanted.day else given.month is not None


def _agrees(given: Moment, wanted: Moment) -> bool:
    """Whether `given` tells every part of `wanted`, and the same."""
    for part in ("year", "month", "day", "minute", "weekday"):
        value = getattr(wanted, part)
        if value is not None and getattr(given, part) != value:
            return False
    if wanted.decade is not None:
        return given.decade == wanted.decade or (
            given.year is not None and given.year // 10 * 10 == wanted.decade
        )
    if wanted.century is not None:
        year = given.year or given.decade
        return given.century == wanted.century or (
            year is not None and (year - 1) // 100 + 1 == wanted.century
        )
    return True


def _agrees_in_parts(moment: Moment, given: Sequence[Moment], years: frozenset[int]) -> bool:
    if moment.year is None or moment.month is None or moment.year not in years:
        return False
    without_year = replace(moment, year=None)
    return any(each.year is None and _agrees(each, without_year) for each in given)
