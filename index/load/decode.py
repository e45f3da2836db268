"""Bytes to text: byte order marks, Unicode, a declared charset, and only then a guess."""

import codecs
import unicodedata

from charset_normalizer import CharsetMatch, from_bytes

from index.errors import DamagedDocument, UnsupportedFormat

# UTF-32 goes first: its little-endian mark starts with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# The charsets that real files are found in. A guess among all of Python's is often an IBM mainframe's.
_GUESSED = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("koi8_r", "koi8_u", "cp866", "cp437", "cp850", "cp852", "iso8859_2", "iso8859_5", "iso8859_7"),
    *("iso8859_8", "iso8859_15", "mac_roman", "mac_cyrillic"),
    *("cp932", "euc_jp", "gb18030", "big5hkscs", "cp949"),
)
_DECLARED = frozenset((*_GUESSED, "iso8859_3", "iso8859_4", "iso8859_6", "iso8859_10", "iso8859_13"))

# What labels mean on the web: the superset that browsers decode with (https://encoding.spec.whatwg.org/).
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
_WIDE_SHARE = 0.02  # of UTF-16 units that are ASCII: even Chinese prose has more spaces and line ends
_CONTROLS = bytes(
    code for code in range(0x20) if code not in b"\t\n\v\f\r\x1a\x1b"
)  # DOS end of file, colours
_CONTROLS_SHARE = 0.01  # of a text's bytes: the odd NUL happens
_BROKEN_SHARE = (
    0.1  # of what is not ASCII: over it, the text is not UTF-8 with some damage but something else
)
_TELLING_WIDE_CHARS = 8  # as many characters of several bytes each are not there by chance
_WESTERN_SHARE = 1 / 3  # of bytes that are not ASCII: fewer in every Western language


def decode(data: bytes, *, name: str, declared: str | None = None) -> str:
    """The text of `data`; `declared` is the charset that the document says it is in, if it says so.

    In this order: a byte order mark, UTF-16 and UTF-32 without a mark, ISO-2022-JP, UTF-8, `declared` if
    the bytes make sense in it, UTF-8 with a few broken bytes (each becomes U+FFFD), the best guess.
    Raises `UnsupportedFormat` if the bytes are no text or fit several charsets equally well, and
    `DamagedDocument` if they contradict their mark.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _marked(data.removeprefix(mark), encoding, name=name)
    text = _wide(data)
    if text is None and _is_binary(data):
        raise UnsupportedFormat(
            f"{name!r} holds binary data of no format that we read: convert it to PDF, DOCX or text"
        )
    text = (
        text
        or _iso_2022_jp(data)
        or _strict(data, "utf-8")
        or _declared(data, declared)
        or _mostly_utf8(data)
        or _guessed(data)
    )
    if data and not text:
        raise UnsupportedFormat(f"the character encoding of {name!r} can't be told: save it as UTF-8")
    return text or ""


def _marked(data: bytes, encoding: str, *, name: str) -> str:
    text = _strict(data, encoding)
    if text is None and encoding == "utf-8":
        text = _mostly_utf8(data)
    if text is None:
        raise DamagedDocument(
            f"{name!r} has the byte order mark of {encoding} but goes on in something else: save it as UTF-8"
        )
    return text


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _wide(data: bytes) -> str | None:
    """UTF-32 or UTF-16 without a byte order mark, told by where the NUL bytes of ASCII characters are."""
    if b"\0" not in data:
        return None
    nuls = [data[offset::4].count(0) for offset in range(4)]
    big, little = nuls[0] + nuls[2], nuls[1] + nuls[3]
    enough = max(1, len(data) // 2 * _WIDE_SHARE)
    if nuls[3] * 4 == len(data) and nuls[2] > nuls[0]:
        encoding = "utf-32-le"
    elif nuls[0] * 4 == len(data) and nuls[1] > nuls[3]:
        encoding = "utf-32-be"
    elif little >= enough and little > 10 * big:
        encoding = "utf-16-le"
    elif big >= enough and big > 10 * little:
        encoding = "utf-16-be"
    else:
        return None
    text = _strict(data, encoding)
    return text if text and _is_plausible(text) else None


def _is_plausible(text: str) -> bool:
    """Whether `text` is free of the controls and unassigned characters that wrong decoding strews in."""
    return not any(
        unicodedata.category(character) in {"Cc", "Cn", "Co"}
        for character in set(text) - set("\t\n\v\f\r\x1a\x1b\x85")
    )


def _is_binary(data: bytes) -> bool:
    return len(data) - len(data.translate(None, _CONTROLS)) > len(data) * _CONTROLS_SHARE


def _iso_2022_jp(data: bytes) -> str | None:
    """Japanese in seven bits, which would pass for ASCII but for its escapes."""
    return _strict(data, "iso2022_jp_2") if b"\x1b$" in data else None


def _declared(data: bytes, label: str | None) -> str | None:
    """`data` in the charset `label`, unless there is none such, or `data` is invalid or gibberish in it."""
    try:
        charset = codecs.lookup(label or "").name.replace("-", "_")
    except LookupError:
        return None
    charset = _SUPERSETS.get(charset, charset)
    if charset not in _DECLARED or not from_bytes(_sample(data), cp_isolation=[charset]):
        return None
    return _strict(data, charset)


def _mostly_utf8(data: bytes) -> str | None:
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd") - data.count("\ufffd".encode())
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return text if broken <= beyond_ascii * _BROKEN_SHARE else None


def _guessed(data: bytes) -> str | None:
    """`data` in the charset that suits it best, or None if several suit it equally well."""
    sample = _sample(data)
    matches = list(from_bytes(sample, cp_isolation=list(_GUESSED)))
    for charset in _ranked(matches, sample):
        text = _strict(data, charset)
        if text:
            return text
    return None


def _ranked(matches: list[CharsetMatch], sample: bytes) -> list[str]:
    """The charsets of `matches`, best first; none if they are all the same to the detector.

    Its `coherence`, likeness to a language, is 0 for short texts, and then its order means nothing.
    """
    charsets = [match.encoding for match in matches]
    if len(matches) <= 1 or matches[0].coherence > 0:
        return charsets
    if len(sample) - len(str(matches[0])) >= _TELLING_WIDE_CHARS:
        return charsets
    beyond_ascii = len(sample.translate(None, _ASCII))
    could_be_western = any("cp1252" in match.could_be_from_charset for match in matches)
    return ["cp1252"] if could_be_western and beyond_ascii <= len(sample) * _WESTERN_SHARE else []


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
