"""The text that the guards compare: cleaned, cut into words and clauses, its language told."""

import re
import unicodedata
from dataclasses import dataclass


def vocabulary(table: str) -> frozenset[str]:
    """The words of a table, separated by blanks."""
    return frozenset(table.split())


_FRACTIONS = {"½": "5", "¼": "25", "¾": "75"}
_FRACTION = re.compile("([0-9]?)([½¼¾])")
_AREA = re.compile(r"(?<=[mм])²(?!\w)")
_SUPERSCRIPTS = re.compile("[⁺⁻]?[⁰¹²³⁴-⁹]+")  # footnote marks, and exponents
_BRACKETED_NOTE = re.compile(r"(?<=[\w.,;:!?\"”’)])\s?\[\d{1,3}\]")
_GLUED_NOTE = re.compile(
    r"\b(?P<word>[^\W\d_]+)(?P<stop>[.,;:!?][\"”’'»)]*|[\"”’»)]+)(?P<note>\d{1,3})(?=\s|$)"
)
_BEFORE_A_NUMBER = vocabulary("""
    no nr n p pp pg s ss art arts vol vols v fig figs ch chap sec sect abs kap bd c ca ст с стр г т гл №
    рис п
    """)
_STRESS = re.compile("(?<=[\u0400-\u04ff])[\u0300\u0301]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ue000-\uf8ff\ufffc]")
_PLAIN = str.maketrans(
    dict.fromkeys("‘’‚‛ʼ`´", "'")
    | dict.fromkeys("“”„‟«»", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys(
        "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    )
)

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_ENDS_SENTENCE = re.compile(r"[.!?:…]|[\"'(\[*#•]$")


@dataclass(frozen=True, slots=True)
class Word:
    """A run of letters in a cleaned text; `opens` says that its place in the sentence asks for a capital."""

    text: str
    fold: str
    start: int
    end: int
    opens: bool

    @property
    def capital(self) -> bool:
        """Whether the word begins with a capital letter."""
        return self.text[0].isupper()


def note_marks(text: str) -> frozenset[str]:
    """The digits of the footnote marks that `clean` takes out of a text."""
    superscripts = (unicodedata.normalize("NFKC", match) for match in _SUPERSCRIPTS.findall(text))
    glued = (match["note"] for match in _GLUED_NOTE.finditer(text))
    return frozenset(
        (*superscripts, *glued, *(match.strip(" []") for match in _BRACKETED_NOTE.findall(text)))
    )


def clean(text: str) -> str:
    """NFKC with plain quotes, dashes and blanks, without invisible characters, stress and footnote marks."""
    text = _SUPERSCRIPTS.sub("", _AREA.sub("2", text))
    text = _FRACTION.sub(lambda match: f"{match[1] or 0}.{_FRACTIONS[match[2]]}", text)
    text = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    text = _INVISIBLE.sub("", _STRESS.sub("", text))
    return _GLUED_NOTE.sub(_without_note, _BRACKETED_NOTE.sub("", text))


def _without_note(match: re.Match[str]) -> str:
    if match["word"].casefold() in _BEFORE_A_NUMBER:
        return match[0]
    return match["word"] + match["stop"]


def fold(word: str) -> str:
    """Casefolded, without diacritics: `Białystok` and `Bialystok` are one word, so are `Ёлка` and `елка`."""
    folded = word.casefold()
    if folded.isascii():
        return folded
    bare = "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))
    return bare.replace("ł", "l").replace("ø", "o").replace("đ", "d").replace("æ", "ae").replace("ı", "i")


def words(text: str) -> list[Word]:
    """The words of a cleaned text, in order; digits and punctuation are not words."""
    found: list[Word] = []
    end = -1
    for match in _WORD.finditer(text):
        start = match.start()
        opens = end < 0 or (start - end > 1 and _opens(text[end:start], found[-1].text))
        found.append(Word(match[0], fold(match[0]), start, match.end(), opens))
        end = match.end()
    return found


def _opens(between: str, before: str) -> bool:
    if "\n" in between:
        return True
    between = between.rstrip()
    if between == ".":
        return not _abbreviates(before)
    return _ENDS_SENTENCE.search(between) is not None


def _abbreviates(word: str) -> bool:
    return len(word) == 1 or (word[0].isupper() and len(word) <= 3) or (word.islower() and len(word) <= 2)
