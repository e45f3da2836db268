"""Units and currencies of English, German and Russian, reduced to a dimension and a factor."""

import re
from dataclasses import dataclass
from decimal import Decimal

from qa_service.guards.text import fold


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure: `factor` of the dimension's base unit."""

    dimension: str
    factor: Decimal = Decimal(1)

    def converts_exactly(self, other: "Unit") -> bool:
        """Whether one is a whole number of the other: kilometres and metres are, miles and metres are not."""
        greater, smaller = max(self.factor, other.factor), min(self.factor, other.factor)
        return greater % smaller == 0


# dimension factor: the folded ways to write it; a star stands for any ending.
_UNITS = """
ratio 0.01: % percent percentage проц* процент* prozent*
ratio 0.001: ‰ promille промилле
eur 1: € eur euro euros евро
usd 1: $ usd us$ dollar* доллар*
gbp 1: £ gbp pound_sterling фунт_стерлингов
jpy 1: ¥ jpy yen йен* иен*
rub 1: ₽ rub ruble* rouble* rubel* рубл* руб
chf 1: chf franken
mark 1: reichsmark*
length 0.001: mm millimet* миллиметр*
length 0.01: cm centimet* zentimet* сантиметр* см
length 1: m metre metres meter metern meters метр метра метров метрах метре
length 1000: km kilomet* километр* км
length 0.0254: inch inches zoll дюйм*
length 0.3048: ft foot feet fuss фут фута футов
length 0.9144: yard yards ярд*
length 1609.344: mile miles meile* мил*
area 1: m2 sqm quadratmeter*
area 1000000: km2 quadratkilomet*
area 10000: hectare* hektar* гектар* ha га
area 4046.86: acre* акр*
mass 0.001: mg milligram* миллиграмм*
mass 1: g gram grams gramme grammes gramm грамм грамма граммов
mass 1000: kg kilo kilos kilogram* kilogramm* килограмм* кг
mass 453.59237: lb lbs
mass 1000000: tonne tonnes ton tons tonnen тонн тонна тонны тонну
volume 1: l litre litres liter liters litern литр литра литров л
volume 0.001: ml millilit* миллилитр*
volume 158.987: barrel barrels баррел*
clock 1: second seconds sekunde sekunden sec сек секунд секунда секунды секунду
clock 0.001: ms millisecond milliseconds millisekunde millisekunden миллисекунд*
clock 60: minute minutes minuten min мин минут минута минуты минуту
clock 3600: hour hours stunde stunden hr hrs час часа часов часы часу
clock 86400: day days tag tage tagen tagig* дневн* дня дней день дни сутки суток
clock 604800: week weeks woche wochen wochig* неделя недели недель неделю
month 1: month months monat monate monaten monats monatig* месяц месяца месяцев месяцы
month 12: year years yr yrs jahr jahre jahren jahrig* летн* год года лет годы году
month 120: decade decades jahrzehnt jahrzehnte jahrzehnten десятилети*
month 1200: century centuries jahrhunderte jahrhunderten столети*
temperature 1: °c celsius
fahrenheit 1: °f fahrenheit
kelvin 1: kelvin
power 1: w watt watts ватт*
power 1000: kw kilowatt* киловатт*
power 1000000: mw megawatt* мегаватт*
energy 1: kwh kilowattstunde* квтч
bytes 1: byte bytes байт*
bytes 1000: kb kilobyte*
bytes 1000000: mb megabyte*
bytes 1000000000: gb gigabyte*
frequency 1: hz hertz
frequency 1000000: mhz megahertz
frequency 1000000000: ghz gigahertz
speed 1: km/h kph kmh
speed 1.609344: mph
"""


def _read(table: str) -> tuple[dict[str, Unit], dict[str, Unit]]:
    whole: dict[str, Unit] = {}
    stems: dict[str, Unit] = {}
    for line in table.strip().splitlines():
        head, spellings = line.split(": ")
        dimension, factor = head.split()
        for spelling in map(fold, spellings.split()):  # as words are looked up: `й` is `и` then
            unit = Unit(dimension, Decimal(factor))
            (stems if spelling.endswith("*") else whole)[spelling.rstrip("*")] = unit
    return whole, stems


_WHOLE, _STEMS = _read(_UNITS)
_LONGEST_ENDING = 4
_SHORTEST_STEM = min(map(len, _STEMS))
_BEHIND = re.compile(
    r"[ -]?(?:(?P<fixed>per cent|km/h|км/ч|°c|°f)|(?P<square>(?:square|sq|квадратн[а-я]+|кв)\.? )?"
    r"(?P<word>[%‰€$£¥₽]|[^\W\d_]+2?))(?![^\W\d_])",
    re.IGNORECASE,
)
_FIXED = {"per cent": "percent", "км/ч": "km/h"}
_BEFORE = re.compile(r"(?:(?P<sign>[€$£¥₽])|\b(?P<code>EUR|USD|GBP|JPY|RUB|CHF)) ?$")
_LOWER_CASE = frozenset(["m", "g", "l", "t"])  # `5 m` are metres, `5 M` are not


def unit_of(word: str) -> Unit | None:
    """The unit that a folded word names, or None."""
    if word in _WHOLE:
        return _WHOLE[word]
    for cut in range(min(_LONGEST_ENDING, len(word) - _SHORTEST_STEM) + 1):
        if (stem := word[: len(word) - cut]) in _STEMS:
            return _STEMS[stem]
    return None


def unit_behind(text: str, at: int) -> tuple[Unit, int] | None:
    """The unit that is written from offset `at` on, and where it ends."""
    match = _BEHIND.match(text, at)
    unit = _named_by(match) if match else None
    return (unit, match.end()) if match and unit else None


def _named_by(match: re.Match[str]) -> Unit | None:
    if match["fixed"]:
        spelling = match["fixed"].casefold()
        return _WHOLE[_FIXED.get(spelling, spelling)]
    word = match["word"]
    folded = fold(word)
    if folded in _LOWER_CASE and word != folded:
        return None
    unit = unit_of(folded)
    if unit and match["square"]:
        return Unit("area", unit.factor**2) if unit.dimension == "length" else None
    return unit


def unit_before(text: str, at: int) -> Unit | None:
    """The currency that is written right before offset `at` (`$5`, `EUR 5`)."""
    match = _BEFORE.search(text, max(0, at - 5), at)
    if match is None:
        return None
    return _WHOLE[(match["sign"] or match["code"]).casefold()]
