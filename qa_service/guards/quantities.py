"""Reading the quantities of a text: their values, their units, and the words for what is counted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from index.language import Language, is_function_word
from qa_service.guards.numerals import Numeral, numeral, roman
from qa_service.guards.text import fold
from qa_service.guards.units import Unit, unit_before, unit_behind

_LONGEST_DIGITS = 30  # longer runs are compared as written: no real quantity, and slow to convert
_LEXEME = re.compile(
    r"(?P<code>(?<!\w)(?=\w*(?:_|\d[a-z]+\d|[a-z]\d+[a-z]))(?=\w*\d)\w+(?:\.\w+)*)"
    r"|(?P<digits>(?<!\d)(?<!\b[mм])(?<!\b[kcк][mм])(?:\d{1,3}(?: \d{3})+(?!\d)(?:[.,]\d+)?"
    r"|\d{1,3}(?:[.,']\d{3})+(?!\d)(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d+)?))"
    r"|(?P<word>[^\W\d_]+)",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"\d{1,3}(?:(?P<mark>[.,' ])\d{3})+?(?:(?!(?P=mark))[.,](?P<decimals>\d+))?")
_ORDINAL_TAIL = re.compile(r"(?:st|nd|rd|th)\b|-?(?:[а-яё]{1,3})\b")
_RANGE = re.compile(r" ?(?:-|to|bis|до|or|oder|или|and|und|и) ?", re.IGNORECASE)
_NOUN = re.compile(r"[^\W\d_]{3,}")
_NOUN_STOP = re.compile(r"[,;.:!?()\n\ufffc\d]")
_NOUN_WINDOW = 60
_NOUNS = 3
_NOUN_LETTERS = 5  # enough to know a word again in another case or number
_GAP = (" ", "-", "", " - ")
_ADDED = ("number", "scale")
_AND = frozenset(("and", "und", "и"))


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity of a text: the values it can be read as, its unit, and the words for what is counted.

    `20,000` has two readings, 20000 and 20; most quantities have one. `code` holds what can't be a number
    (a version, a shelf mark), to be compared as written. `unit_end` is where a unit ends that stands behind the number.
    """

    text: str
    start: int
    end: int
    values: frozenset[Decimal]
    unit: Unit | None = None
    nouns: tuple[str, ...] = ()
    ordinal: bool = False
    vague: bool = False
    evidence_only: bool = False
    code: str | None = None
    unit_end: int | None = None


@dataclass(slots=True)
class _Sum:
    """The number that is being added up word by word: `three hundred` `thousand` `two`."""

    start: int
    end: int
    reach: int  # where the next word may begin: behind the last one, or behind an "and"
    total: Decimal = Decimal(0)
    current: Decimal | None = None
    scale: Decimal = Decimal(10**18)
    readings: tuple[Decimal, ...] = ()
    ordinal: bool = False

    def goes_on(self, text: str, lexeme: re.Match[str], value: Numeral | None) -> bool:
        """Whether the next lexeme belongs to this number; it is added when it does."""
        if lexeme["word"] is None or text[self.reach : lexeme.start()] not in _GAP:
            return False
        if value is None and self.reach == self.end and lexeme[0].casefold() in _AND and self._may_join():
            self.reach = lexeme.end()
            return True
        if value is None or value.role not in _ADDED or not self.take(value):
            return False
        self.end = self.reach = lexeme.end()
        return True

    def _may_join(self) -> bool:
        return not self.readings and (self.current is None or self.current % 100 == 0)

    def take(self, value: Numeral) -> bool:
        """Add a number word; False when it can't belong to this number."""
        if self.ordinal:
            return False
        if value.role == "scale":
            return self._multiply(value.value)
        if self.readings:
            return False
        if value.value >= self._room():
            return False
        self.current = (self.current or Decimal(0)) + value.value
        self.ordinal = value.ordinal
        return True

    def _room(self) -> Decimal:
        """What the next word must be less than: ten behind `forty`, a hundred behind `three hundred`."""
        current = self.current
        if current is None:
            return self.scale
        if current and current % 100 == 0:
            return Decimal(100)
        return Decimal(10) if current % 100 >= 20 and current % 10 == 0 else Decimal(0)

    def _multiply(self, factor: Decimal) -> bool:
        if factor == 100 and (self.current or 1) < 100 and not self.readings:
            self.current = (self.current or Decimal(1)) * 100
            return True
        if factor >= self.scale:
            return False
        if self.readings:
            self.readings = tuple(value * factor for value in self.readings)
        else:
            self.total += (Decimal(1) if self.current is None else self.current) * factor
            self.current = None
        self.scale = factor
        return True

    def quantity(self, text: str) -> Quantity:
        """The quantity that has been added up."""
        tail = _ORDINAL_TAIL.match(text, self.end) if self.readings else None
        return Quantity(
            text[self.start : self.end],
            self.start,
            self.end,
            frozenset(self.readings or (self.total + (self.current or 0),)),
            ordinal=self.ordinal or tail is not None,
        )


def quantities(text: str, language: Language) -> list[Quantity]:
    """The quantities of a cleaned text in order, without those of its (blanked) dates."""
    found = [_with_context(text, quantity, language) for quantity in _raw(text, language)]
    for index in range(len(found) - 1, 0, -1):
        found[index - 1 : index + 1] = _share_unit(text, found[index - 1], found[index])
    return found


def _raw(text: str, language: Language) -> Iterator[Quantity]:
    """The quantities by their digits and number words alone."""
    pending: _Sum | None = None
    for lexeme in _LEXEME.finditer(text):
        value = numeral(fold(lexeme["word"]), language) if lexeme["word"] else None
        if pending and pending.goes_on(text, lexeme, value):
            continue
        if pending:
            yield pending.quantity(text)
            pending = None
        if lexeme["digits"] and len(lexeme[0]) <= _LONGEST_DIGITS:
            pending = _Sum(*lexeme.span(), lexeme.end(), readings=_readings(lexeme[0]))
        elif value and value.role in _ADDED:
            pending = _Sum(*lexeme.span(), lexeme.end())
            pending.take(value)
        elif alone := _alone(lexeme, value):
            yield alone
    if pending:
        yield pending.quantity(text)


def _alone(lexeme: re.Match[str], value: Numeral | None) -> Quantity | None:
    """The quantity of a lexeme that no other can add to, or None when it tells none."""
    start, end = lexeme.span()
    if lexeme["word"] is None:
        return Quantity(lexeme[0], start, end, frozenset(), code=lexeme[0])
    if value:
        vague = value.role == "vague"
        return Quantity(
            lexeme[0], start, end, frozenset((value.value,)), vague=vague, evidence_only=not vague
        )
    number = roman(lexeme[0]) if len(lexeme[0]) > 1 else None  # one letter is an initial or a pronoun
    return Quantity(lexeme[0], start, end, frozenset((Decimal(number),)), ordinal=True) if number else None


def _readings(digits: str) -> tuple[Decimal, ...]:
    """What a run of digits can mean: `20,000` and `20.000` are twenty thousand, or twenty."""
    grouped = _GROUPED.fullmatch(digits)
    decimal = digits.replace(",", ".")
    if grouped is None:
        return (Decimal(decimal),)
    if grouped["decimals"]:
        whole = digits[: grouped.start("decimals") - 1]
        return (Decimal(f"{_only_digits(whole)}.{grouped['decimals']}"),)
    whole_number = Decimal(_only_digits(digits))
    if grouped["mark"] in " '" or digits.count(grouped["mark"]) > 1:
        return (whole_number,)
    return (Decimal(decimal),) if digits.startswith("0") else (whole_number, Decimal(decimal))


def _only_digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _with_context(text: str, quantity: Quantity, language: Language) -> Quantity:
    """The quantity with its unit and the words behind it."""
    if quantity.code is not None:
        return quantity
    nouns = tuple(_counted(text, quantity.end, language))
    if before := unit_before(text, quantity.start):
        return replace(quantity, unit=before, nouns=nouns)
    unit, unit_end = unit_behind(text, quantity.end) or (None, None)
    return replace(quantity, unit=unit, unit_end=unit_end, nouns=nouns)


def _counted(text: str, end: int, language: Language) -> Iterator[str]:
    """The first few words behind a number, up to the next number or mark, by their first letters."""
    stop = _NOUN_STOP.search(text, end, end + _NOUN_WINDOW)
    limit = stop.start() if stop else end + _NOUN_WINDOW
    left = _NOUNS
    for match in _NOUN.finditer(text, end, limit):
        word = fold(match[0])
        if numeral(word, language) is not None:
            return
        if not is_function_word(word):
            yield word[:_NOUN_LETTERS].rstrip("s")
            left -= 1
        if not left:
            return


def _share_unit(text: str, left: Quantity, right: Quantity) -> Sequence[Quantity]:
    """In `10 to 20 km` and `5-10 million` the unit and the magnitude stand for both numbers."""
    if left.code or right.code or not _RANGE.fullmatch(text, left.end, right.start):
        return left, right
    readings = left.values
    if (high := max(right.values, default=Decimal(0))) and right.text[-1:].isalpha():
        magnitude = next((m for m in (10**12, 10**9, 10**6, 1000) if high >= m), 1)
        readings |= {value * magnitude for value in left.values if value < 1000}
    return replace(
        left, unit=left.unit or right.unit, values=readings, nouns=left.nouns or right.nouns
    ), right
