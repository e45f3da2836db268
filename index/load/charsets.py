"""Which charset a text in an old encoding is in: the one in which its letters are those of a language."""

import codecs
import re
from collections import Counter
from collections.abc import Container, Mapping

from charset_normalizer import from_bytes

from index.load.letters import ALPHABETS, COMMON, CYRILLIC, LATIN, LOANS, PAIRS, WESTERN

_LOANS_WEIGHT = 0.9  # below that of a language, so that a text with Czech names alone is Czech
_ENGLISH = re.compile(
    r"\b(?:the|and|of|to|in|is|are|was|were|for|at|on|by|with|that|from|be|not|or|as|this)\b", re.I
)
_ENGLISH_SHARE = 0.12  # of the words
_WORD = re.compile(r"[^\W\d_]+")

_PAIRS_WEIGHT = 1.5
_PAIRS_SHARE = 0.4  # of the pairs; a text with fewer suits the less
_RUN = re.compile(r"[^\x00-\x7f]{2,}")

_GUESSABLE = tuple(dict.fromkeys(charset for _, charsets in ALPHABETS for charset in charsets))
_TYPOGRAPHY = frozenset("\xa0§©«®°±·»½×–—‘’“”•…€№™")

# In a word, only Latin letters stand beside Latin ones; in Thai, no mark stands alone or two vowels together.
_MIXED = re.compile(
    r"[a-zA-Z][^\x00-\xbf]|[^\x00-\xbf][a-zA-Z]"
    "|(?<![\u0e01-\u0e4e])[\u0e30-\u0e3a\u0e47-\u0e4e]|[\u0e30\u0e31\u0e34-\u0e3a]{2}"
)
_END_OF_LATIN = "\u0250"

_LATIN_SHARE = 0.3  # of usual letters: what a text in Latin letters has against another alphabet
_NEAR = 0.1  # of fit: no difference between charsets in a few letters
_CLEARLY = 0.15  # more usual letters, of all: what decides between charsets that all suit

# Symbols that are letters elsewhere, where only symbols stand.
_MEASURES = re.compile(r"(?<!\w)£ ?(?=\d)|(?<=\b[ck]m)[²³](?!\w)|(?<=\bm)[²³](?!\w)")

# On the shape of a text, as `_shape` draws it: words are written in small letters, in capitals, or with one.
_ILL_CASED = re.compile("[ax](?=X)|x(?=A)|[AX]X(?=a)|[AX]{2}(?=x)|XA(?=a)")
_GLUED = re.compile(
    r"(?<!\w)[–—‘’”…÷»•†‡™©®°±](?=[^\W\d_])|(?<!\w)[ьъ]|(?<=[^\W\d_])[\u2500-\u259f](?=[^\W\d_])",
    re.IGNORECASE,
)
_IN_WORD = re.compile(r"(?<=[^\W\d_])[§©«®°±»½×€№™“](?=[^\W\d_])")
_ILL_PLACED = re.compile("x(?=0)")

_RARE = 0.25  # weight of the letters behind "|"
_LEAST_FIT = 0.6  # of the letters; below it, no charset suits

# The charsets that a document may declare, by Python's names, without those that are never meant; and the
# supersets that browsers decode with in their place (https://encoding.spec.whatwg.org/#names-and-labels).
_DECLARABLE = frozenset((*_GUESSABLE, "cp1258", "iso8859_3", "iso8859_4", "iso8859_10", "iso8859_13"))
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}

# Letters of East Asia that a text of UTF-16 is made of; a wrong reading strews in rare ones.
_WIDE_ALPHABETS = tuple(
    frozenset(alphabet)
    for alphabet, charsets in ALPHABETS
    if charsets[0] in {"cp932", "cp949", "gb18030", "big5hkscs"}
)
_WIDE_FIT = 0.9
_LEAST_WIDE = 3  # characters, fewer are anything
_SURELY_WIDE = 8  # characters, fewer may be something else by chance

_ASCII = bytes(range(0x80))
_SAMPLE_BYTES = 65_536  # enough to tell charsets apart, and quick for a file of any size


def guesses(data: bytes) -> list[str]:
    """Python's names of the charsets that the letters of `data` suit, the best first.

    None if none suits, or if another reading, which is as likely, is in another alphabet.
    """
    if _wide_readings(data):
        return []
    suited = _suited(data)
    rivals = _rivals(suited, _sample(data)) if suited else {}
    if rivals.keys() <= LATIN:
        return list(suited)
    usual = {charset: _usual_share(text, charset) for charset, text in rivals.items()}
    alike = rivals.keys() <= set(CYRILLIC)
    best, *others = sorted(usual, key=lambda charset: -(suited if alike else usual)[charset])
    if best in LATIN:
        others = [other for other in others if other not in LATIN]
    letters = max(1, sum(map(_is_telling, rivals[best])))
    clearly = 0.0 if alike else _CLEARLY if best in LATIN else max(_CLEARLY, 2 / letters)
    if any(usual[best] < usual[other] + clearly for other in others):
        return []
    return [best, *(charset for charset in suited if charset not in usual)]


def _suited(data: bytes) -> dict[str, float]:
    """How far the letters of `data` suit each charset that they suit, the best first."""
    sample = _sample(data)
    fits = {charset: _fit(sample.decode(charset, "replace"), charset) for charset in _GUESSABLE}
    suited = [charset for charset in _GUESSABLE if fits[charset] >= _LEAST_FIT]
    return {charset: fits[charset] for charset in sorted(suited, key=lambda charset: -fits[charset])}


def _rivals(suited: Mapping[str, float], sample: bytes) -> dict[str, str]:
    """The readings of `sample` that are about as good as the best, by charset, each text once."""
    readings: dict[str, str] = {}
    best = max(suited.values())
    for charset, fit in suited.items():
        text = sample.decode(charset, "replace")
        near = min(_NEAR, 1 / max(1, sum(map(_is_telling, text))))
        if fit >= best - near and "\ufffd" not in text and text not in readings.values():
            readings[charset] = text
    return readings


def wide(data: bytes) -> list[str]:
    """`utf-16-le` or `utf-16-be` if `data` is surely a text of East Asia in it without a byte order mark."""
    readings = _wide_readings(data)
    return readings if len(data) // 2 >= _SURELY_WIDE or not _suited(data) else []


def _wide_readings(data: bytes) -> list[str]:
    start = data[:_SAMPLE_BYTES]
    fits = {encoding: _wide_fit(start, encoding) for encoding in ("utf-16-le", "utf-16-be")}
    return [encoding for encoding, fit in fits.items() if fit >= _WIDE_FIT and fit == max(fits.values())]


def _wide_fit(data: bytes, encoding: str) -> float:
    if len(data) % 2:
        return 0.0
    text = data.decode(encoding, "replace")
    letters = Counter(character for character in text if not character.isascii() and _is_telling(character))
    total = letters.total()
    if total < _LEAST_WIDE:
        return 0.0
    return (
        max(sum(letters[letter] for letter in alphabet & letters.keys()) for alphabet in _WIDE_ALPHABETS)
        / total
    )


def declared(label: str | None, data: bytes) -> list[str]:
    """Python's name of the charset that `label` means on the web; none if `data` would be gibberish in it."""
    try:
        charset = codecs.lookup(label or "").name.replace("-", "_")
    except LookupError:
        return []
    charset = _SUPERSETS.get(charset, charset)
    suits = charset in _DECLARABLE and from_bytes(_sample(data), cp_isolation=[charset])
    return [charset] if suits else []


def _fit(text: str, charset: str) -> float:
    """How far the letters of `text` beyond ASCII are those of a language in `charset`: 1 if they all are.

    The case of letters says nothing alone, as some charsets just swap the cases: only words in a mixture of
    both count against, and in Cyrillic, the lack of the pairs of letters that are usual there.
    """
    text = _MEASURES.sub("", text)
    letters = {letter: count for letter, count in Counter(text).items() if _is_telling(letter)}
    total = sum(letters.values())
    if not total:
        return 1.0 if charset in LATIN else _LEAST_FIT
    fitting = {
        alphabet: sum(count * _weight(letter, alphabet) for letter, count in letters.items()) / total
        for alphabet, charsets in ALPHABETS
        if charset in charsets
    }
    best = max(fitting.values())
    if best < _LEAST_FIT and charset != WESTERN[0]:
        return best  # what follows takes time and would only lower it
    shape = _shape(text)
    ill_cased = len(_ILL_CASED.findall(shape))
    is_latin = shape.count("x") + shape.count("X") <= shape.count("a") + shape.count("A")
    if charset in LATIN:
        in_latin = ill_cased + len(_ILL_PLACED.findall(shape)) + len(_IN_WORD.findall(text))
        best = best - in_latin / total if is_latin else 0.0
    else:
        best -= (ill_cased + len(_MIXED.findall(text))) / total
    if charset == WESTERN[0] and is_latin and _is_english(text):
        loans = sum(count for letter, count in letters.items() if letter.lower() in LOANS)
        best = max(best, _LOANS_WEIGHT * (loans - in_latin) / total)
    if charset in PAIRS:
        lacking = max(0.0, _PAIRS_SHARE - _usual_pairs(text, PAIRS[charset]))
        best -= _PAIRS_WEIGHT * lacking + _misquoted(text) / total
    return best


def _is_telling(letter: str) -> bool:
    return letter > "\x7f" and letter not in _TYPOGRAPHY


def _usual_share(text: str, charset: str) -> float:
    """The share, 0 to 1, of what is beyond ASCII in `text` that is usual in the languages of `charset`."""
    if charset in LATIN:
        return _LATIN_SHARE
    if charset in PAIRS:
        return _usual_pairs(text, PAIRS[charset])
    letters = [character for character in text if _is_telling(character)]
    return sum(letter in COMMON.get(charset, "") for letter in letters) / max(1, len(letters))


def _is_english(text: str) -> bool:
    return len(_ENGLISH.findall(text)) > _ENGLISH_SHARE * len(_WORD.findall(text))


def _weight(letter: str, alphabet: str) -> float:
    place = alphabet.find(letter)
    if place < 0:
        place = alphabet.find(letter.lower())
    if place < 0:
        return 0.0
    return _RARE if place > alphabet.find("|") >= 0 else 1.0


def _shape(text: str) -> str:
    """`text` with "a" and "A" for the letters of ASCII, "x" and "X" for those beyond, "0" for digits."""
    return text.translate({ord(character): _kind(character) for character in set(text)})


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    if not (character.islower() or character.isupper()) or character in "ªº":
        return " "
    kind = "a" if character.isascii() else "x"
    return kind.upper() if character.isupper() else kind


def _usual_pairs(text: str, usual: Container[str]) -> float:
    """The share of the pairs of letters beyond ASCII in `text`, 0 to 1, that are in `usual`."""
    runs = [run.lower() for run in _RUN.findall(text)]
    pairs = [run[place : place + 2] for run in runs for place in range(len(run) - 1)]
    return sum(pair in usual for pair in pairs) / max(1, len(pairs))


def _misquoted(text: str) -> int:
    """How many quotes and dashes of `text` stand where letters of another charset would."""
    return len(_GLUED.findall(text)) + abs(text.count("«") - text.count("»"))


def _sample(data: bytes) -> bytes:
    """The lines of `data` that tell charsets apart, those beyond ASCII, as far as they fit."""
    lines = b"\n".join(line for line in data.split(b"\n") if not line.isascii())
    lead = len(lines) - len(lines.lstrip(_ASCII))
    window = lines[max(0, lead - _SAMPLE_BYTES // 2) :]
    if len(window) <= _SAMPLE_BYTES:
        return window
    # A cut must not go through a character, and one that ends in a space or a line end doesn't.
    end = max(window.rfind(b"\n", 0, _SAMPLE_BYTES), window.rfind(b" ", 0, _SAMPLE_BYTES))
    return window[:end] if end > _SAMPLE_BYTES // 2 else window
