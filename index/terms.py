"""The terms that the lexical index and lexical overlap work on.

The language of a text is not known, so its script decides: Latin words get the English stemmer, Cyrillic
words the Russian one, and scripts that are written without spaces are cut into pairs of characters. A German
word is stemmed by English rules in the text and in the question alike, which is what matching needs.
"""

import re
import threading
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

import Stemmer  # type: ignore[import-not-found]  # it ships no types

from index.hyphens import joined_words

MAX_TERM_CHARS = 64
"""Longer words are cut to this many code points: they are data, not language."""

_CACHED_WORDS = 1 << 15
_CACHED_CHARACTERS = 1 << 15

# Thai to Burmese, Khmer, kana, Han, Hangul; Korean has spaces, but between phrases rather than words.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")
_WORD = rf"[^\s.,'{_UNSPACED}]+"
_TOKEN = re.compile(rf"\d+(?:[.,]\d+)+|[{_UNSPACED}]+|{_WORD}(?:'{_WORD})*")

_GROUPED = re.compile(r"[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})*")
_DECIMAL = re.compile(r"([\d.,]+)[.,](\d+)")
_SPACE_IN_NUMBER = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_SOFT_BREAK = re.compile(r"\u00ad[^\S\n]*\n[^\S\n]*")
# Superscript digits mark footnotes; NFKC would make them part of the word that they stand at.
_FOOTNOTE_MARKS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
# "l'homme" and "dell'arte" are two words, "don't" and "Mel'nikov" one.
_ELISION = re.compile(r"([a-z]{1,2}|(?:jus|lors|puis|quel)?qu|(?:d|n|s)?[ae]ll|quell|aujourd)'")

_SPELT_OUT = {
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ħ": "h",
    "ı": "i",
    "æ": "ae",
    "œ": "oe",
    "’": "'",
    "‘": "'",
    "ʼ": "'",
}
_CYRILLIC_VOWELS = frozenset("аеиоуыэюяіє")

_STOP_WORDS = {
    "en": """
        a about above after again against all although am an and any are as at be because been before being
        below between both but by could did do does doing during each either else few for from further had
        has have having he her here hers herself him himself his how however i if in into is it its itself
        just me more most much my myself neither no nor not of off on once only onto or other our ours
        ourselves out over own per quite rather same shall she should since so some such than that the their
        theirs them themselves then there therefore these they this those though through thus to too toward
        towards until up upon very was we were what when where whether which while who whom whose why will
        with within without would you your yours yourself can cannot don't doesn't didn't isn't aren't
        wasn't weren't won't wouldn't can't couldn't i'm i've you're we're they're""",
    "de": """
        aber alle allem allen aller alles als am an ander andere anderen auch auf aus bei beim bis da damit
        dann das dass dein dem den denn der des dich diese diesem diesen dieser dieses dir doch dort du
        durch ein eine einem einen einer eines er es euer für gegen habe haben hatte hatten ich ihm ihn
        ihnen ihr ihre ihrem ihren ihrer im ist jede jedem jeden jeder jedes jedoch kann kein keine keinen
        können mein meine mich mir mit nach nicht noch nun nur ob oder ohne sehr sein seine seinem seinen
        seiner sich sie sind sollte über um und uns unser unter vom von vor waren warum weil welche welchem
        welchen welcher welches wem wen wenn wer werden wie wieder wir wird wo wurde wurden zu zum zur
        zwischen""",
    "fr": """
        au aux avec ce ces cette dans de des du elle elles est et était eux il ils je la le les leur leurs
        lui ne nous ou où pas plus que quel quelle qui sa se ses si sont sur ta te tes tu un une vos votre
        vous c d l qu""",
    "es": """
        al algo como con cual cuando del desde donde el ella ellas ellos en entre eran esa ese eso esta este
        esto estos fue ha hasta la las lo los más muy nos o para pero por porque que qué quien se ser si
        sobre su sus también tu un una uno y ya""",
    "it": """
        che chi ci cui da dai dal dalla degli dei del della delle di e gli il nel nella non o per più quale
        sono su sua sul sulla suo tra un una uno""",
    "pt": """
        ao aos as com da das do dos em foi isso mas na nas no nos o os pela pelo por que se seu sua um uma""",
    "nl": """
        aan dat de deze dit een en het hij hoe ik is je maar naar niet nog of om ook op te uit voor waar wat
        werd wie worden zij zijn""",
    "ru": """
        а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до
        его ее если есть еще же за здесь и из или им их к как какая какие каких какой когда которая которого
        которой которые который которых кто ли лишь между меня мне может мы на над нас не него нее ней нет
        ни них но ну о об однако он она они оно от очень перед по под после потом потому почему при про с
        себя со так также такой там тем то того тоже той только том тот тут ты у уже чего чем что чтобы эта
        эти это этого этой этом этот этих я""",
    "uk": """
        але або був була були було від він вона вони до є за й його її з із і їх коли на не та ти то це цей
        цього чи що як який яка які""",
}


class _Characters(dict[int, str | None]):
    """What `str.translate` puts for a character: letters, marks and digits stay, format characters go."""

    def __missing__(self, code: int) -> str | None:
        value = _replacement(chr(code))
        if len(self) < _CACHED_CHARACTERS:
            self[code] = value
        return value


class _Stemmers(threading.local):
    """One set of stemmers for each thread: a stemmer holds the word that it works on."""

    def __init__(self) -> None:
        # Results are cached here as finished terms, so the stemmers' own caches stay off.
        self.english = Stemmer.Stemmer("english", 0)
        self.russian = Stemmer.Stemmer("russian", 0)


def _replacement(char: str) -> str | None:
    if char in ".,'":
        return char
    if char in _SPELT_OUT:
        return _SPELT_OUT[char]
    category = unicodedata.category(char)
    if category == "Cf" or _is_optional_mark(char):
        return None
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return char if category[0] in "LMN" else " "


def _is_optional_mark(char: str) -> bool:
    """Whether it is a Hebrew point, an Arabic vowel sign or tatweel, or a variation selector."""
    return (
        ("\u0591" <= char <= "\u05c7" and not char.isalpha())
        or "\u064b" <= char <= "\u0652"
        or char in "\u0640\u0670"
        or "\ufe00" <= char <= "\ufe0f"
    )


_characters = _Characters()
_stemmers = _Stemmers()


def terms(text: str) -> list[str]:
    """The terms of `text` in order, with repeats.

    Compatibility forms, case, accents on Latin and Greek letters, stress marks on Cyrillic ones, soft hyphens
    and zero-width characters make no difference. Words are stemmed, possessive 's is dropped, hyphens
    separate. A number with separators is one term, "1,234.5" as "1234.5"; groups of three digits after a
    comma or a full stop count as thousands. Runs of Chinese, Japanese, Korean, Thai and their like give
    pairs of characters. Words that a hyphen at the end of a line parts are also given as one word, at the end.
    """
    if "\n" in text:
        text = " ".join((_SOFT_BREAK.sub("", text), *joined_words(text)))
    if not text.isascii():
        text = _FOOTNOTE_MARKS.sub(" ", _SPACE_IN_NUMBER.sub("", text))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = folded.translate(_characters)
    pieces = _TOKEN.findall(plain)
    if _UNSPACED_RUN.search(plain):
        return list(chain.from_iterable(map(_piece_terms, pieces)))
    return list(chain.from_iterable(map(_word_terms, (piece[:MAX_TERM_CHARS] for piece in pieces))))


def content_terms(text: str) -> list[str]:
    """The terms of `text` without those in `STOPWORDS`."""
    return [term for term in terms(text) if term not in STOPWORDS]


def _piece_terms(piece: str) -> Sequence[str]:
    return _pairs(piece) if _UNSPACED_RUN.match(piece) else _word_terms(piece[:MAX_TERM_CHARS])


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


@lru_cache(maxsize=_CACHED_WORDS)
def _word_terms(word: str) -> tuple[str, ...]:
    """The terms of a word or number in lower case: more than one where a short word is elided into it."""
    if "." in word or "," in word:
        return (_number(word),)
    parts = []
    rest = word.removesuffix("'s")
    while match := _ELISION.match(rest):
        parts.append(match[1])
        rest = rest[match.end() :]
    parts.append(rest.replace("'", ""))
    return tuple(stem for part in parts if (stem := _stem(_without_accents(part))))


def _number(number: str) -> str:
    """`number` without separators of thousands, with a decimal point; dates and versions keep theirs."""
    if _GROUPED.fullmatch(number):
        return re.sub("[.,]", "", number)
    decimal = _DECIMAL.fullmatch(number)
    if decimal and _GROUPED.fullmatch(decimal[1]):
        return re.sub("[.,]", "", decimal[1]) + "." + decimal[2]
    return number.replace(",", ".")


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    kept: list[str] = []
    base = ""
    for char in unicodedata.normalize("NFD", word):
        if not "\u0300" <= char <= "\u036f":
            base = char
        elif base < "\u0400" or _is_stress(base, char):
            continue
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept))


def _is_stress(base: str, mark: str) -> bool:
    """Whether a mark on a Cyrillic letter only helps to read it: й and ї are letters, о́ and ё are aids."""
    return base in _CYRILLIC_VOWELS and (mark in "\u0300\u0301" or (base == "е" and mark == "\u0308"))


def _stem(word: str) -> str:
    if not word.isalpha():
        return word
    if word.isascii():
        return str(_stemmers.english.stemWord(word))
    if all("\u0400" <= char <= "\u04ff" for char in word):
        return str(_stemmers.russian.stemWord(word))
    return word


STOPWORDS: frozenset[str] = frozenset(term for words in _STOP_WORDS.values() for term in terms(words))
"""Function words of some languages in the form of `terms`, without those that are content in English ("die",
"war"), months ("may") and countries ("us")."""
