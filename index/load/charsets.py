"""Which charset a text in an old encoding is in: the one in which its letters are those of a language."""

import codecs
import re
from collections import Counter

from charset_normalizer import from_bytes

_WESTERN = ("cp1252", "iso8859_15", "mac_roman", "cp850", "cp437")
_CENTRAL = ("cp1250", "iso8859_2", "cp852")
_BALTIC = ("cp1257",)
_CYRILLIC = ("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5")


def _rows(charset: str, *rows: int) -> str:
    """The characters in `rows` of a national standard, which has the common ones in rows of their own."""
    codes = (bytes((row, cell)) for row in rows for cell in range(0x40, 0xFF))
    return "".join(letter for code in codes for letter in code.decode(charset, "ignore") if letter > "\x7f")


# The letters beyond ASCII of languages, and the charsets that texts in them are in, the likeliest first.
# Where charsets differ in the order of a whole alphabet, the letters in front of "|" are those that make up
# most of a text, and those behind it count less.
_ALPHABETS = (
    ("àâæçèéêëîïôœùûüÿ", _WESTERN),  # French
    ("äöüß", _WESTERN),  # German
    ("áéíñóúü¡¿ªº", _WESTERN),  # Spanish
    ("àáâãçéêíóôõúªº", _WESTERN),  # Portuguese
    ("àèéìòù", _WESTERN),  # Italian
    ("àçèéíïòóúü·", _WESTERN),  # Catalan
    ("äåæéöø", _WESTERN),  # Danish, Finnish, Norwegian, Swedish
    ("áæéíðóöúýþ", _WESTERN),  # Icelandic
    ("óąćęłńśźż", _CENTRAL),  # Polish
    ("áäéíóôúýčďěĺľňŕřšťůž", _CENTRAL),  # Czech, Slovak
    ("áéíóöúüőű", _CENTRAL),  # Hungarian
    ("âîăşţ", _CENTRAL),  # Romanian
    ("ćčđšž", _CENTRAL),  # Croatian, Slovenian
    ("âçîöûüğış", ("cp1254",)),  # Turkish
    ("āčēģīķļņšūž", _BALTIC),  # Latvian
    ("ąčėęįšūųž", _BALTIC),  # Lithuanian
    ("äõöüšž", _BALTIC),  # Estonian
    ("оеаинтсрвлкмдпуяыь|гзбчйхжшюцщэфъё", _CYRILLIC),  # Russian
    ("аоеитнрсвдклпмзгя|ъбучжцшйщхфюь", _CYRILLIC),  # Bulgarian
    ("оанивитерслкудмпзя|ьбгйчхцєжїюшщґф", _CYRILLIC),  # Ukrainian
    ("аіонерсткулдвпзмяы|ўьебгчхцйжшюёэф", _CYRILLIC),  # Belarusian
    ("аоиенрстујвкдплмзг|бчцхшћжљђњфџ", _CYRILLIC),  # Serbian
    ("יוהלאתרמבנשם|דקחעפטכגצסזךןףץ", ("cp1255", "iso8859_8")),  # Hebrew
    ("αοιετσνηυρπκμλςάίόέή|ωδγχθφβξζψύώϊϋΐΰ", ("cp1253", "iso8859_7")),  # Greek
    ("اليمنتروبةعدسفهكأقحج،|ءآؤإئثخذزشصضطظغىپچژگ؛؟", ("cp1256",)),  # Arabic, Persian
    ("านรกอเงยมล่วดท้สตะปบคหแจพช็์ัิีุูไใโำผขซถธณ|ฃฅฆฌญฎฏฐฑฒฝฟภศษฬฮฤฦฯๆฺ๊๋ฮึื๐๑๒๓๔๕๖๗๘๙", ("cp874",)),  # Thai
    (_rows("euc_kr", *range(0xB0, 0xC9)), ("cp949",)),  # its rows are some of those of Chinese
    (_rows("euc_jp", 0xA1, 0xA4, 0xA5, *range(0xB0, 0xD0)), ("cp932", "euc_jp")),
    (_rows("gb2312", 0xA1, 0xA3, *range(0xB0, 0xD8)), ("gb18030",)),
    (_rows("big5", 0xA1, *range(0xA4, 0xC7)), ("big5hkscs",)),
)
_GUESSABLE = tuple(dict.fromkeys(charset for _, charsets in _ALPHABETS for charset in charsets))
_TYPOGRAPHY = frozenset("\xa0§©«®°±·»½×–—‘’“”•…€№™")

# In a word, only Latin letters stand beside Latin ones.
_MIXED = re.compile(r"[a-zA-Z][^\x00-\xbf]|[^\x00-\xbf][a-zA-Z]")
_END_OF_LATIN = "\u0250"

_RARE = 0.25  # weight of the letters behind "|"
_LEAST_FIT = 0.6  # of the letters; below it, no charset suits

# The charsets that a document may declare, by Python's names, without those that are never meant; and the
# supersets that browsers decode with in their place (https://encoding.spec.whatwg.org/#names-and-labels).
_DECLARABLE = frozenset(
    (*_GUESSABLE, "cp1258", "iso8859_3", "iso8859_4", "iso8859_6", "iso8859_10", "iso8859_13")
)
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

_ASCII = bytes(range(0x80))
_SAMPLE_BYTES = 65_536  # enough to tell charsets apart, and quick for a file of any size


def guesses(data: bytes) -> list[str]:
    """Python's names of the charsets that the letters of `data` suit, the best first; none if none suits."""
    sample = _sample(data)
    fits = {charset: _fit(sample.decode(charset, "replace"), charset) for charset in _GUESSABLE}
    suited = [charset for charset in _GUESSABLE if fits[charset] >= _LEAST_FIT]
    return sorted(suited, key=lambda charset: -fits[charset])


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
    """The share of the letters of `text` beyond ASCII, 0 to 1, that are those of a language in `charset`."""
    letters = {letter: count for letter, count in Counter(text).items() if _is_telling(letter)}
    total = sum(letters.values())
    if not total:
        return 1.0
    mixed = len(_MIXED.findall(text))
    return max(
        (
            sum(count * _weight(letter, alphabet) for letter, count in letters.items())
            - (0 if alphabet[0] < _END_OF_LATIN else mixed)
        )
        / total
        for alphabet, charsets in _ALPHABETS
        if charset in charsets
    )


def _is_telling(letter: str) -> bool:
    return letter > "\x7f" and letter not in _TYPOGRAPHY


def _weight(letter: str, alphabet: str) -> float:
    """What `letter` says for a language; a capital says less, as some charsets just swap the cases."""
    place = alphabet.find(letter)
    if place < 0:
        return 0.5 if letter.lower() in alphabet else 0.0
    return _RARE if place > alphabet.find("|") >= 0 else 1.0


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
