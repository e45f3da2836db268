"""Reading the dates and times of a text, in English, German and Russian and in digits."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from index.language import Language
from qa_service.guards.numerals import numeral, roman
from qa_service.guards.text import fold

BLANK = "\ufffc"  # stands in for what has been read, so that nothing is read twice

_MONTHS = """
1 january jan januar jänner январь января январе январю январем янв
2 february feb februar feber февраль февраля феврале февралю февралем февр
3 march mar märz maerz март марта марте марту мартом
4 april apr апрель апреля апреле апрелю апрелем апр
5 may mai май мая мае маю маем
6 june jun juni июнь июня июне июню июнем
7 july jul juli июль июля июле июлю июлем
8 august aug август августа августе августу августом авг
9 september sept sep сентябрь сентября сентябре сентябрю сентябрем сентябрём сент
10 october oct oktober okt октябрь октября октябре октябрю октябрем октябрём окт
11 november nov ноябрь ноября ноябре ноябрю ноябрем ноябрём нояб
12 december dec dezember dez декабрь декабря декабре декабрю декабрем декабрём дек
"""
_MONTH_OF = {
    name: int(number)
    for line in _MONTHS.split("\n")
    if line
    for number, *names in [line.split()]
    for name in names
}
_WEEKDAYS = """
1 monday mondays montag montags понедельник понедельника понедельнику
2 tuesday tuesdays dienstag dienstags вторник вторника
3 wednesday wednesdays mittwoch mittwochs среду
4 thursday thursdays donnerstag donnerstags четверг четверга
5 friday fridays freitag freitags пятница пятницу пятницы
6 saturday saturdays samstag samstags sonnabend суббота субботу субботы
7 sunday sundays sonntag sonntags воскресенье воскресенья
"""
_WEEKDAY_OF = {
    name: int(number)
    for line in _WEEKDAYS.split("\n")
    if line
    for number, *names in [line.split()]
    for name in names
}


_ABBREVIATION = 3
_SHORT_MONTHS = frozenset(("may", "mai", "май", "мая", "мае"))
_ABBREVIATED = re.compile(r"\.|,? \d")
_DAY_BEFORE = re.compile(r"\d(?:st|nd|rd|th|\.)? ?$")


@dataclass(frozen=True, slots=True)
class Moment:
    """The parts of a date or time that a text tells; the others are None.

    `decade` is the decade's first year, `century` counts from 1, `minute` from midnight; `weekday` 1 is
    Monday.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    decade: int | None = None
    century: int | None = None
    minute: int | None = None
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A date as a text writes it; more than one reading where the order of its digits is open."""

    text: str
    start: int
    end: int
    readings: tuple[Moment, ...]


# Before the forms are tried, each letter of a month's or weekday's name is replaced by its private character.
_MONTH_MARK, _WEEKDAY_MARK = 0xE000, 0xE010
_NAME = re.compile(r"(?<![^\W_])[^\W\d_]{3,11}(?![^\W_])")
_M = r"(?P<m>[\ue001-\ue00c]+)\.?"
_SUFFIX = r"(?:st|nd|rd|th|\.|-?го|-?е|-?ое)?"
_D = r"(?<![\d.,:])(?P<d>\d{1,2})" + _SUFFIX
_D_TO = (
    r"(?:(?<![\d.,:])(?P<d0>\d{1,2})"
    + _SUFFIX
    + r" ?(?:-|,|and|to|until|und|bis|и|по|до) ?(?:the |zum |dem )?)?"
)
_Y = r"(?P<y>1\d{3}|20\d\d|21\d\d)(?![\d%]|[.,]\d)"
_Y_BEHIND = r"(?:,? (?:of |im Jahre? |des Jahres )?" + _Y + ")?"
_Read = Callable[[re.Match[str], Language], list[tuple[Moment, ...]]]


def _month(match: re.Match[str]) -> int:
    return ord(match["m"][0]) - _MONTH_MARK


def _year(match: re.Match[str]) -> int | None:
    return int(match["y"]) if match["y"] else None


def _valid(year: int | None, month: int, day: int) -> Moment | None:
    return Moment(year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _full(text: str) -> int:
    """The year that two or four digits mean: two are of the 1900s from 30 on."""
    year = int(text)
    return year if len(text) > 2 else year + (1900 if year >= 30 else 2000)


@dataclass(frozen=True, slots=True)
class _Form:
    """A way to write dates: `hint` must be found for the slower `pattern` to be tried."""

    pattern: re.Pattern[str]
    read: _Read
    hint: re.Pattern[str] | None


def _iso(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    moment = _valid(int(match[1]), int(match[2]), int(match[3]))
    return [(moment,)] if moment else []


def _digits(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    first, second, year = int(match[1]), int(match[3]), _full(match[4])
    orders = [(second, first)] if match[2] == "." else [(second, first), (first, second)]
    moments = tuple(moment for month, day in dict.fromkeys(orders) if (moment := _valid(year, month, day)))
    return [moments] if moments else []


def _day_month(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    days = [int(day) for day in (match["d0"], match["d"]) if day]
    moments = [_valid(_year(match), _month(match), day) for day in days]
    return [(moment,) for moment in moments if moment]


def _month_year(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    return [(Moment(_year(match), _month(match)),)]


def _month_alone(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    return [(Moment(month=_month(match)),)]


def _decade(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    digits = match["decade"]
    return [(Moment(decade=int(digits) if len(digits) == 4 else 1900 + int(digits)),)]


def _decade_word(match: re.Match[str], language: Language) -> list[tuple[Moment, ...]]:
    word = fold(match["tens"])
    singular = word.removesuffix("ies") + "y" if word.endswith("ies") else word.removesuffix("er")
    value = numeral(singular, language)
    ten = int(value.value) if value else 0
    return [(Moment(decade=1900 + ten),)] if 20 <= ten <= 90 else []


def _century(match: re.Match[str], language: Language) -> list[tuple[Moment, ...]]:
    text = match["century"]
    if text.isdigit():
        return [(Moment(century=int(text)),)]
    if number := roman(text):
        return [(Moment(century=number),)]
    tens, _, units = text.rpartition("-")
    values = [numeral(fold(part), language) for part in (tens, units) if part]
    total = sum(int(value.value) for value in values if value)
    return [(Moment(century=total),)] if all(values) and 0 < total < 40 else []


def _year_range(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    first = int(match[1])
    last = int(match[2]) if len(match[2]) == 4 else first - first % 100 + int(match[2])
    return [(Moment(year=first),), (Moment(year=last),)] if first < last else []


def _bare_year(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    return [(Moment(year=int(match["y"])),)]


def _weekday(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    return [(Moment(weekday=ord(match[0][0]) - _WEEKDAY_MARK),)]


def _time(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    hour, minute = int(match["h"]), int(match["min"] or match["min2"] or 0)
    half = (match["half"] or "")[:1].casefold()
    if hour > 24 or minute > 59 or (half and hour > 12):
        return []
    if half:
        return [(Moment(minute=(hour % 12 + (12 if half == "p" else 0)) * 60 + minute),)]
    readings = [hour % 24]
    if hour <= 12 and not match["clock"]:
        readings.append((hour + 12) % 24)
    return [tuple(Moment(minute=each * 60 + minute) for each in readings)]


def _noon(match: re.Match[str], _: Language) -> list[tuple[Moment, ...]]:
    return [(Moment(minute=0 if match["midnight"] else 720),)]


def _form(pattern: str, read: _Read, hint: str = "") -> _Form:
    return _Form(re.compile(pattern, re.IGNORECASE), read, re.compile(hint, re.IGNORECASE) if hint else None)


# In this order: what an earlier form has read is blanked for the later ones.
_FORMS = (
    _form(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)", _iso),
    _form(r"(?<!\d)(\d{4})年(\d{1,2})月(\d{1,2})日", _iso, "年"),
    _form(r"(?<![\d./-])(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-]|\.\d)", _digits),
    _form(
        r"(?<![\d:.,])(?P<h>\d{1,2})(?::(?P<min>\d{2})(?::\d{2})?|\.(?P<min2>\d{2})(?= ?(?:[ap]\.? ?m\b"
        r"|uhr\b)))? ?"
        r"(?:(?P<half>[ap]\.? ?m\b\.?)|(?P<clock>uhr\b|hours\b(?<=00 hours)))",
        _time,
        r"\d ?(?:[ap]\.? ?m\b|uhr\b|hours\b)",
    ),
    _form(
        r"(?<![\d:.,])(?P<h>\d{1,2}):(?P<min>\d{2})(?P<min2>)(?P<half>)(?P<clock>)(?![\d:])", _time, r"\d:\d"
    ),
    _form(_D_TO + _D + r" ?(?:of |день )?" + _M + _Y_BEHIND, _day_month, r"[\ue001-\ue00c]"),
    _form(
        _M + r" (?:the )?(?:(?P<d0>\d{1,2})(?:st|nd|rd|th)?(?: ?(?:-|and|to|until) ?|, (?=\d{1,2}\b(?!\d"
        r"| ?[a-z])))(?:the )?)?"
        r"(?P<d>\d{1,2})(?:st|nd|rd|th)?(?![\d:%]|[.,]\d)" + _Y_BEHIND,
        _day_month,
    ),
    _form(_M + r",? (?:of |des Jahres |in |im Jahre? )?" + _Y, _month_year),
    _form(
        r"(?<!\d)(?P<decade>1\d{2}0|20\d0|(?<!\d)[2-9]0)(?:'?s|ern?| ?-?[её]?[хме]| ?-?ые| ?-?ми)\b", _decade
    ),
    _form(r"\b(?P<tens>(?:twen|thir|for|fif|six|seven|eigh|nine)ties)\b", _decade_word, "ties\\b"),
    _form(
        r"\b(?P<tens>(?:zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig)er)n?[ -]?jahren?\b",
        _decade_word,
        "jahre",
    ),
    _form(r"\b(?P<tens>[а-я]+(?:ые|ых|ым|ыми)) годы?(?:ов|ам|ами|ах)?\b", _decade_word, "ы[емх]и? год"),
    _form(
        r"\b(?P<century>\d{1,2}|[XVIХІ]+|[a-z]+(?:-[a-z]+)?|[а-я]+)(?:st|nd|rd|th|\.|-?го|-?й|-?м)?[ -]"
        r"(?:century|centuries|jahrhunderts?|jh\.?|века?|веке|в\.(?= |$)|столети[еяию])(?!\w)",
        _century,
        r"centur|jahrhundert|jh\b|век|столети|[xvхi] в\.",
    ),
    _form(r"(?<![\d.,])(1\d{3}|20\d\d) ?[-/] ?(\d{4}|\d{2})(?![\d-]|[.,]\d)", _year_range),
    _form(r"(?<![\d.,/$€£¥-])(?<![$€£¥] )" + _Y + r"(?! ?(?:%|per ?cent|prozent|процент))", _bare_year),
    _form(r"[\ue011-\ue017]+", _weekday),
    _form(
        r"\b(?:(?P<midnight>midnight|mitternacht|полноч[ьи])|noon|полдень|полудню)\b",
        _noon,
        "noon|night|mittern|пол[нуд]",
    ),
    _form(_M, _month_alone),
)


def moments(text: str, language: Language) -> tuple[list[Mention], str]:
    """The dates and times of a cleaned text in order, and the text with each blanked at equal length."""
    mentions: list[Mention] = []
    rest = _NAME.sub(_marked, text)
    read: list[tuple[int, int]] = []
    for form in _FORMS:
        if form.hint and not form.hint.search(rest):
            continue
        used: list[tuple[int, int]] = []
        for match in form.pattern.finditer(rest):
            start, end = match.span()
            found = form.read(match, language)
            mentions += [Mention(text[start:end].strip(), start, end, readings) for readings in found]
            if found:
                used.append((start, end))
        rest = _blanked(rest, used)
        read += used
    mentions.sort(key=lambda mention: mention.start)
    return mentions, _blanked(text, sorted(read))


def _marked(match: re.Match[str]) -> str:
    """The name of a month or weekday as one private character repeated; other words as they are."""
    name = match[0]
    folded = name.casefold()
    if name.isascii() and name[0].islower():
        return name
    if (month := _MONTH_OF.get(folded)) is not None:
        abbreviated = len(name) <= _ABBREVIATION and folded not in _SHORT_MONTHS
        if (
            not abbreviated
            or _ABBREVIATED.match(match.string, match.end())
            or _DAY_BEFORE.search(match.string, max(0, match.start() - 5), match.start())
        ):
            return chr(_MONTH_MARK + month) * len(name)
    elif (weekday := _WEEKDAY_OF.get(folded)) is not None:
        return chr(_WEEKDAY_MARK + weekday) * len(name)
    return name


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    if not spans:
        return text
    parts = []
    at = 0
    for start, end in spans:
        parts += [text[at:start], BLANK * (end - start)]
        at = end
    return "".join(parts) + text[at:]
