"""Bytes to text: byte order marks, Unicode, a declared charset, and only then a guess."""

import codecs
import unicodedata
from collections.abc import Iterable

from index.errors import DamagedDocument, UnsupportedFormat
from index.load import charsets

# UTF-32 goes first: its little-endian mark starts with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Controls that are in no text; \x1a ended files on DOS, \x1b starts colours.
_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\v\f\r\x1a\x1b")
_CONTROLS_SHARE = 0.01  # of a text's bytes: the odd NUL happens
_WIDE_SHARE = 0.02  # of UTF-16 units that are ASCII: even Chinese prose has more spaces and line ends
_STRAY_SHARE = 0.1  # of a text's bytes that are NUL: under it, they are no halves of letters
_BROKEN_SHARE = 0.1  # of what is beyond ASCII: over it, this is no UTF-8 with some damage


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
    has_strays = _has_stray_nuls(data)
    text = None if has_strays else _wide(data) or _wide_east_asian(data)
    if text is None and not has_strays and _is_binary(data):
        raise UnsupportedFormat(
            f"{name!r} holds binary data of no format that we read: convert it to PDF, DOCX or text in UTF-8"
        )
    text = (
        text
        or _iso_2022_jp(data)
        or _strict(data, "utf-8")
        or _in_first(charsets.declared(declared, data), data)
        or _mostly_utf8(data)
        or _in_first(charsets.guesses(data), data)
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


def _in_first(encodings: Iterable[str], data: bytes) -> str | None:
    """`data` in the first of `encodings` in which all of it is valid."""
    return next((text for encoding in encodings if (text := _strict(data, encoding))), None)


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


def _wide_east_asian(data: bytes) -> str | None:
    """UTF-16 without a byte order mark, told by its letters where it has few characters of ASCII."""
    if b"\0" not in data and _strict(data, "utf-8") is not None:
        return None
    text = _in_first(charsets.wide(data), data)
    return text if text and _is_plausible(text) else None


def _has_stray_nuls(data: bytes) -> bool:
    """Whether this is text of one byte a character, into which a few NULs have got."""
    rest = data.replace(b"\0", b"")
    if len(rest) == len(data):
        return False
    is_text = len(rest) == len(rest.translate(None, _CONTROLS)) and _strict(rest, "utf-8") is not None
    return is_text and len(data) - len(rest) < len(data) * _STRAY_SHARE


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


def _mostly_utf8(data: bytes) -> str | None:
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd") - data.count("\ufffd".encode())
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return text if broken <= beyond_ascii * _BROKEN_SHARE else None
