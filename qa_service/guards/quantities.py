"""Reading the quantities of a text: digits, number words and Roman numerals, with unit and what is counted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from qa_service.guards.numerals import Numeral, numeral, roman
from qa_service.guards.text import Language, fold, is_function_word
from qa_service.guards.units import Unit, unit_before, unit_behind

_LONGEST_DIGITS = 30  # longer runs are compared as written: no real quantity, and slow to convert
_LEXEME = re.compile(
    r"(?P<code>(?<!\w)(?=\w*(?:_|\d[a-z]+\d|[a-z]\d+[a-z]))(?=\w*\d)\w+(?:\.\w+)*)"
    r"|(?P<digits>(?<!\d)(?<!\b[mм])(?<!\b[kcк][mм])(?:\d{1,3}(?: \d{3})+(?!\d)(?:[.,]\d+)?|\d{1,3}(?:[.,']\d{3})+(?!\d)(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d+)?))"
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
_AND = frozenset(("and", "und", "и"))


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity of a text: the values it can be read as, its unit, and the words for what is counted.

    `20,000` has two readings, 20000 and 20; most quantities have one. `code` holds what can't be a number
    (a version, a shelf mark), to be compared as written.
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


@dataclass(slots=True)
class _Sum:
    """The number that is being added up word by word: `three hundred` `thousand` `two`."""

    start: int
    end: int
    total: Decimal = Decimal(0)
    current: Decimal | None = None
    scale: Decimal = Decimal(10**18)
    readings: tuple[Decimal, ...] = ()
    ordinal: bool = False

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

    def values(self) -> frozenset[Decimal]:
        if self.readings:
            return frozenset(self.readings)
        return frozenset((self.total + (self.current or 0),))


def quantities(text: str, language: Language) -> list[Quantity]:
    """The quantities of a cleaned text in order, those that the dates have not used up (blanked as U+FFFC)."""
    found = [_with_context(text, quantity, language) for quantity in _raw(text, language)]
    for index in range(len(found) - 1, 0, -1):
        found[index - 1 : index + 1] = _share_unit(text, found[index - 1], found[index])
    return found


def _raw(text: str, language: Language) -> Iterator[Quantity]:
    pending: _Sum | None = None
    joiner_end: int | None = None  # where an "and" inside a number ended
    for lexeme in _LEXEME.finditer(text):
        start, end = lexeme.span()
        reach = joiner_end if joiner_end is not None else (pending.end if pending else 0)
        adjacent = pending is not None and text[reach:start] in _GAP
        if (word := lexeme["word"]) is not None:
            folded = fold(word)
            value = (
                numeral(folded, language) if start == 0 or not text[start - 1].isdigit() or pending else None
            )
            if value is not None and value.role in ("number", "scale"):
                if pending and adjacent and pending.take(value):
                    pending.end, joiner_end = end, None
                    continue
                if pending:
                    yield _finish(text, pending)
                pending, joiner_end = _Sum(start, end), None
                pending.take(value)
                continue
            if pending and adjacent and folded in _AND and joiner_end is None and _accepts_and(pending):
                joiner_end = end
                continue
            if pending:
                yield _finish(text, pending)
                pending, joiner_end = None, None
            if value is not None:
                yield Quantity(
                    word,
                    start,
                    end,
                    frozenset((value.value,)),
                    vague=value.role == "vague",
                    evidence_only=value.role == "evidence",
                )
            elif (number := roman(word)) is not None and (number == 0 or len(word) > 1):
                yield Quantity(word, start, end, frozenset((Decimal(number),)), ordinal=True)
            continue
        if pending:
            yield _finish(text, pending)
            pending, joiner_end = None, None
        if lexeme["code"] or len(lexeme[0]) > _LONGEST_DIGITS:
            yield Quantity(lexeme[0], start, end, frozenset(), code=lexeme[0])
            continue
        pending = _Sum(start, end, readings=_readings(lexeme[0]))
    if pending:
        yield _finish(text, pending)


def _accepts_and(pending: _Sum) -> bool:
    return not pending.readings and (pending.current is None or pending.current % 100 == 0)


def _finish(text: str, pending: _Sum) -> Quantity:
    tail = _ORDINAL_TAIL.match(text, pending.end) if pending.readings else None
    return Quantity(
        text[pending.start : pending.end],
        pending.start,
        pending.end,
        pending.values(),
        ordinal=pending.ordinal or tail is not None,
    )


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
    unit = unit_before(text, quantity.start) or unit_behind(text, quantity.end)
    return replace(quantity, unit=unit, nouns=tuple(_counted(text, quantity.end, language)))


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
