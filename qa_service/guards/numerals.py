"""Number words of English, German and Russian, and Roman numerals: what each is worth."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from index.language import Language

Role = Literal["number", "scale", "vague", "evidence"]


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number word.

    A `scale` multiplies what stands before it (hundred, million), a `vague` one counts in its magnitude
    (thousands of), and an `evidence` one tells a number that a writer needn't repeat (both, a pair).
    """

    value: Decimal
    role: Role = "number"
    ordinal: bool = False


def _table(values: str) -> dict[str, Decimal]:
    return {word: Decimal(value) for entry in values.split() for word, value in [entry.split("=")]}


_ENGLISH = _table(
    "zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12 "
    "thirteen=13 "
    "fourteen=14 fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19 twenty=20 thirty=30 forty=40 "
    "fifty=50 "
    "sixty=60 seventy=70 eighty=80 ninety=90 twice=2 thrice=3 twofold=2 threefold=3 tenfold=10 half=.5 "
    "halves=.5"
)
_ENGLISH_ORDINALS = _table(
    "first=1 second=2 third=3 fourth=4 fifth=5 sixth=6 seventh=7 eighth=8 ninth=9 tenth=10 eleventh=11 "
    "twelfth=12 "
    "thirteenth=13 fourteenth=14 fifteenth=15 sixteenth=16 seventeenth=17 eighteenth=18 nineteenth=19 "
    "twentieth=20 "
    "thirtieth=30 fortieth=40 fiftieth=50 sixtieth=60 seventieth=70 eightieth=80 ninetieth=90 hundredth=100 "
    "thousandth=1000 thirds=3 fourths=4 quarters=4 fifths=5 tenths=10"
)
_LATIN_SCALES = _table(
    "hundred=100 thousand=1000 million=1000000 mio=1000000 mill=1000000 mln=1000000 mn=1000000 "
    "milliard=1000000000 "
    "milliarde=1000000000 milliarden=1000000000 mrd=1000000000 millionen=1000000 bn=1000000000 tsd=1000 "
    "trillion=1000000000000 billion=1000000000 dozen=12 dutzend=12 hundert=100 tausend=1000 k=1000"
)
_GERMAN_BILLION = Decimal(10) ** 12
_LATIN_VAGUE = _table(
    "dozens=12 hundreds=100 thousands=1000 millions=1000000 billions=1000000000 dutzende=12 dutzenden=12 "
    "hunderte=100 hunderten=100 tausende=1000 tausenden=1000"
)
_LATIN_EVIDENCE = _table(
    "both=2 couple=2 pair=2 double=2 dual=2 twin=2 beide=2 beiden=2 beider=2 beides=2 paar=2"
)

_GERMAN_UNITS = _table(
    "null=0 eins=1 ein=1 zwei=2 zwo=2 drei=3 vier=4 funf=5 fuenf=5 sechs=6 sieben=7 acht=8 neun=9 zehn=10 "
    "elf=11 "
    "zwolf=12 zwoelf=12 dreizehn=13 vierzehn=14 funfzehn=15 fuenfzehn=15 sechzehn=16 siebzehn=17 achtzehn=18 "
    "neunzehn=19"
)
_GERMAN_TENS = _table(
    "zwanzig=20 dreissig=30 vierzig=40 funfzig=50 fuenfzig=50 sechzig=60 siebzig=70 achtzig=80 neunzig=90"
)
_GERMAN_WHOLE = _table(
    "zweier=2 dreier=3 halb=.5 halbe=.5 halben=.5 halfte=.5 haelfte=.5 anderthalb=1.5 eineinhalb=1.5"
)
_GERMAN_ORDINAL_STEMS = _table("ers=1 zwei=2 drit=3 vier=4 funf=5 sechs=6 sieb=7 sieben=7 ach=8 neun=9")
_GERMAN_ORDINAL = re.compile(r"(?P<stem>\w+?)(?P<s>s?)te[rsnm]?")
_GERMAN_COMPOUND = re.compile(
    r"(?P<number>\w+?)(?:jahrig|tagig|wochig|monatig|stundig|fach|mal|kopfig|teilig)(?:e[rsnm]?)?"
)

_RUSSIAN = _table(
    "ноль=0 один=1 одна=1 одно=1 одного=1 одной=1 одному=1 одним=1 одну=1 одном=1 два=2 две=2 двух=2 двум=2 "
    "двумя=2 "
    "двое=2 двоих=2 дважды=2 три=3 трех=3 трем=3 тремя=3 трое=3 троих=3 трижды=3 четыре=4 четырех=4 "
    "четырем=4 "
    "четырьмя=4 четверо=4 четверых=4 пятеро=5 пятерых=5 сорок=40 сорока=40 девяносто=90 девяноста=90 сто=100 "
    "ста=100 "
    "двести=200 двухсот=200 двумстам=200 двухстах=200 триста=300 трехсот=300 тремстам=300 четыреста=400 "
    "четырехсот=400 "
    "полтора=1.5 полторы=1.5 полутора=1.5 половина=.5 половины=.5 половину=.5 половине=.5 половиной=.5"
)
_RUSSIAN_STEMS = _table(
    "пят=5 шест=6 сем=7 восем=8 восьм=8 девят=9 десят=10 одиннадцат=11 двенадцат=12 тринадцат=13 "
    "четырнадцат=14 "
    "пятнадцат=15 шестнадцат=16 семнадцат=17 восемнадцат=18 девятнадцат=19 двадцат=20 тридцат=30"
)
_RUSSIAN_CARDINAL = re.compile(r"(?P<stem>\w+?)(?:ь|и|ью)")
_RUSSIAN_TENS = re.compile(r"(?P<stem>пят|шест|сем|восем|восьм)(?:ь|и|ью)(?:десят|десяти|десятью)")
_RUSSIAN_HUNDREDS = re.compile(r"(?P<stem>пят|шест|сем|восем|восьм|девят)(?:ь|и|ью)(?:сот|стам|стами|стах)")
_RUSSIAN_ORDINAL_STEMS = _RUSSIAN_STEMS | _table(
    "перв=1 втор=2 трет=3 четверт=4 седьм=7 сороков=40 пятидесят=50 шестидесят=60 семидесят=70 "
    "восьмидесят=80 "
    "девяност=90 сот=100 тысячн=1000"
)
_RUSSIAN_ORDINAL = re.compile(
    r"(?P<stem>\w+?)(?:ы[ий]|о[ий]|и[ий]|ая|ое|ее|ые|ого|ому|ым|ом|ую|ых|ыми|(?P<soft>ь(?:я|е|и|его|ему|им"
    r"|ем|ю|их|ими|еи|ей)))"
)
_RUSSIAN_COMPOUND = re.compile(
    r"(?P<number>\w+?)(?:летн|дневн|недельн|месячн|часов|тысячн|кратн|сторонн|миллионн)\w{2,3}"
)
_RUSSIAN_SCALE = re.compile(
    r"(?P<t>тыс|тысяч[аиуе]?|тысячей|тысячью|тысячам)|(?P<m>млн|миллион(?:а|ов|у|ом|е)?)|(?P<b>млрд"
    r"|миллиард(?:а|ов|у|ом|е)?)"
    r"|(?P<q>трлн|триллион(?:а|ов)?)|(?P<d>дюжин[аыу]?)"
)
_RUSSIAN_SCALES = {
    "t": Decimal(1000),
    "m": Decimal(10**6),
    "b": Decimal(10**9),
    "q": Decimal(10**12),
    "d": Decimal(12),
}
_RUSSIAN_VAGUE = _table(
    "десятки=10 десятков=10 сотни=100 сотен=100 сотнями=100 тысячи=1000 тысячами=1000 миллионы=1000000 "
    "миллионами=1000000 дюжины=12"
)
_RUSSIAN_EVIDENCE = _table("оба=2 обе=2 обоих=2 обеих=2 обоим=2 обеим=2 пара=2 пару=2 пары=2")

_ROMAN = re.compile(r"X{0,3}(?:IX|IV|V?I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10}
_CYRILLIC_ROMAN = str.maketrans("ХІ", "XI")


@lru_cache(maxsize=8192)
def numeral(word: str, language: Language) -> Numeral | None:
    """What a folded word is worth as a number, or None when it's no number word of its language."""
    if "\u0400" <= word[0] <= "\u04ff":
        return _russian(word)
    if language == "de" and word in ("billion", "billionen"):
        return Numeral(_GERMAN_BILLION, "scale")
    if word in _LATIN_SCALES:
        return Numeral(_LATIN_SCALES[word], "scale")
    if word in _LATIN_VAGUE:
        return Numeral(_LATIN_VAGUE[word], "vague")
    if word in _LATIN_EVIDENCE:
        return Numeral(_LATIN_EVIDENCE[word], "evidence")
    if language != "de":
        if word in _ENGLISH:
            return Numeral(_ENGLISH[word])
        if word in _ENGLISH_ORDINALS:
            return Numeral(_ENGLISH_ORDINALS[word], ordinal=True)
    return _german(word) if language in ("de", "unknown") else None


def _german(word: str) -> Numeral | None:
    if word in _GERMAN_WHOLE:
        return Numeral(_GERMAN_WHOLE[word])
    if (value := _german_cardinal(word)) is not None:
        return Numeral(value) if word != "ein" else None
    if (match := _GERMAN_COMPOUND.fullmatch(word)) and (
        value := _german_cardinal(match["number"])
    ) is not None:
        return Numeral(value)
    if match := _GERMAN_ORDINAL.fullmatch(word):
        stem, long = match["stem"], match["s"]
        value = _GERMAN_ORDINAL_STEMS.get(stem + long) if not long or stem == "er" else None
        value = _german_cardinal(stem) if value is None else value
        return None if value is None else Numeral(value, ordinal=True)
    return None


def _german_cardinal(word: str) -> Decimal | None:
    thousands, found, rest = word.rpartition("tausend")
    if found:
        high = _german_below_thousand(thousands) if thousands else Decimal(1)
        low = _german_below_thousand(rest.removeprefix("und")) if rest else Decimal(0)
        return None if high is None or low is None else high * 1000 + low
    return _german_below_thousand(word)


def _german_below_thousand(word: str) -> Decimal | None:
    hundreds, found, rest = word.rpartition("hundert")
    if found:
        high = _GERMAN_UNITS.get(hundreds) if hundreds else Decimal(1)
        low = _german_below_hundred(rest.removeprefix("und")) if rest else Decimal(0)
        return None if high is None or low is None else high * 100 + low
    return _german_below_hundred(word)


def _german_below_hundred(word: str) -> Decimal | None:
    if word in _GERMAN_UNITS:
        return _GERMAN_UNITS[word]
    unit, _, ten = word.rpartition("und")
    if ten not in _GERMAN_TENS or (unit and unit not in _GERMAN_UNITS):
        return None
    return _GERMAN_TENS[ten] + (_GERMAN_UNITS[unit] if unit else 0)


def _russian(word: str) -> Numeral | None:
    if word in _RUSSIAN:
        return Numeral(_RUSSIAN[word])
    if match := _RUSSIAN_SCALE.fullmatch(word):
        return Numeral(_RUSSIAN_SCALES[match.lastgroup or "t"], "scale")
    if word in _RUSSIAN_VAGUE:
        return Numeral(_RUSSIAN_VAGUE[word], "vague")
    if word in _RUSSIAN_EVIDENCE:
        return Numeral(_RUSSIAN_EVIDENCE[word], "evidence")
    if word == "семью":  # far more often the accusative of "family"
        return None
    for pattern, factor in ((_RUSSIAN_CARDINAL, 1), (_RUSSIAN_TENS, 10), (_RUSSIAN_HUNDREDS, 100)):
        match = pattern.fullmatch(word)
        if match and match["stem"] in _RUSSIAN_STEMS:
            return Numeral(_RUSSIAN_STEMS[match["stem"]] * factor)
    match = _RUSSIAN_ORDINAL.fullmatch(word)
    if (
        match
        and match["stem"] in _RUSSIAN_ORDINAL_STEMS
        and (match["stem"] == "трет" or match["soft"] is None)
    ):
        return Numeral(_RUSSIAN_ORDINAL_STEMS[match["stem"]], ordinal=True)
    if match := _RUSSIAN_COMPOUND.fullmatch(word):
        inner = _russian(match["number"])
        return Numeral(inner.value) if inner and inner.role == "number" and not inner.ordinal else None
    return None


def roman(word: str) -> int | None:
    """The value of a Roman numeral below forty in capitals (`XVIII`, also in Cyrillic look-alikes)."""
    if word[0] not in "XVIХІ":
        return None
    latin = word.translate(_CYRILLIC_ROMAN)
    if not _ROMAN.fullmatch(latin):
        return None
    values = [_ROMAN_DIGITS[letter] for letter in latin]
    return sum(
        -value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True)
    )
