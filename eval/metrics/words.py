"""Texts made comparable without a model: folded letters, plain numbers, words but for their endings."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from eval.metrics.numerals import with_digits

_WORD = re.compile(r"[^\W_]+(?:[.,:’'][^\W_]+)*")
_GROUPED = re.compile(r"\d{1,3}(?:[,’' \u00a0\u202f]\d{3})+(?!\d)")
_DECIMAL = re.compile(r"\d+\.\d+")
# Scripts that are written without spaces: a run of them is looked for as it stands.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
# Marks that make another letter in Japanese: か and が.
_VOICING = "\u3099\u309a"
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "`": "'"})

_NEGATIONS = frozenset(
    re.findall(
        r"\w+",
        """
        not no never nor neither without cannot nicht kein keine keinen keiner nie niemals ohne
        не нет ни никогда без
        """,
    )
)
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        a an the of to in on at by for from with as and or but is are was were be been being it its this
        that these those he she they his her their him them who which what when where there has have had
        do does did also only
        der die das den dem des ein eine einen einem einer und oder aber ist sind war waren wurde wurden zu
        im am an auf von vom fur mit als es er sie sich dass auch
        и в во на с со к ко о об от до из за по у а но или это этот эта эти он она они его ее их был была
        было были что как же также
        """,
    )
)


def fold(text: str) -> str:
    """The text in NFKC, without case and diacritics, numbers without grouping, white space as single spaces.

    Numbers: `20,000` and `20 000` become `20000`, `3.50` becomes `3.5`. A letter that only differs by a mark,
    as in Lüshun and Lushun, is the same (й and и too).
    """
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = (letter for letter in parts if letter in _VOICING or not unicodedata.combining(letter))
    plain = unicodedata.normalize("NFC", "".join(kept))
    plain = plain.translate(_APOSTROPHES)
    plain = _GROUPED.sub(lambda found: re.sub(r"\D", "", found[0]), plain)
    plain = _DECIMAL.sub(lambda found: found[0].rstrip("0").rstrip("."), plain)
    return " ".join(plain.split())


def words(text: str) -> list[str]:
    """The folded words and numbers of a text in order; English number words become digits."""
    return with_digits(_WORD.findall(fold(text)))


def content(text: str) -> list[str]:
    """The words that carry meaning, negations among them as `not`; all words if none does."""
    found = words(text)
    kept = ["not" if _negates(word) else word for word in found if word not in _EMPTY]
    return kept or found


def is_negated(text: str) -> bool:
    """Whether the text holds a word of negation (English, German, Russian)."""
    return any(map(_negates, words(text)))


def alike(one: str, other: str) -> bool:
    """Whether two folded words are the same but for their endings.

    Words with a digit only if they are equal; others also where the longer one has at most three letters
    after a common beginning of five or more, or is the other with a plural s. A rule of thumb that knows no
    language: it takes `general` and `generous` for the same.
    """
    if one == other:
        return True
    if any(letter.isdigit() for letter in one + other):
        return False
    short, long = sorted((one, other), key=len)
    if long in (short + "s", short + "es", short + "'s"):
        return True
    common = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return common >= max(5, len(long) - 3)


def holds(text: str, phrase: str) -> bool:
    """Whether every content word of the phrase is in the text, in any order and with any ending.

    A phrase with a negation needs one in the text; a part in parentheses is not needed.
    """
    wanted = content(re.sub(r"\([^)]*\)", " ", phrase)) or content(phrase)
    return bool(wanted) and _covers(text, wanted)


def says(text: str, answer: str) -> bool:
    """Whether the folded words of the answer stand in the text in a row; `art` is not in `party`."""
    wanted, found = words(answer), words(text)
    if not wanted:
        return False
    if _UNSPACED.search(answer):
        return "".join(wanted) in "".join(found)
    return any(found[at : at + len(wanted)] == wanted for at in range(len(found) - len(wanted) + 1))


def coverage(text: str, wanted: Sequence[str], weights: Sequence[float]) -> float:
    """The weighted share of the wanted folded words that the text holds, in [0, 1]; 0 for none wanted."""
    found = set(content(text))
    folded = fold(text)
    total = sum(weights)
    held = sum(weight for word, weight in zip(wanted, weights, strict=True) if _among(word, found, folded))
    return held / total if total else 0.0


def _covers(text: str, wanted: Iterable[str]) -> bool:
    found, folded = set(content(text)), fold(text)
    return all(_among(word, found, folded) for word in wanted)


def _among(word: str, found: set[str], folded: str) -> bool:
    if word in found:
        return True
    if _UNSPACED.search(word):
        return word in folded
    return any(alike(word, other) for other in found)


def _negates(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")
