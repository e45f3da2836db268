"""The canonical form of a text: the one in which all offsets are counted."""

import re
import unicodedata

_LINE_ENDS = dict.fromkeys(map(ord, "\r\v\f\x85\u2028\u2029"), "\n")
_SEPARATORS = dict.fromkeys(range(0x1C, 0x20), " ")  # Python and Unicode count these as white space
_DROPPED = dict.fromkeys(
    [code for code in range(0x20) if chr(code) not in "\t\n" and code not in _LINE_ENDS | _SEPARATORS]
    + [0x7F, 0xFEFF]  # DEL, and the byte order marks that are left where files were joined
)
_TRANSLATION = {**_LINE_ENDS, **_SEPARATORS, **_DROPPED}
_MOST_MARKS = 30  # on one character; https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format


def canonical(text: str) -> str:
    """`text` in NFC, with "\\n" line ends and no other control characters of C0 than "\\n" and "\\t".

    Every line end of Unicode becomes "\\n"; NUL, DEL and byte order marks go; surrogates that are halves
    of a pair are joined, lone ones become U+FFFD; of the combining marks on a character, 30 stay.
    Idempotent.
    """
    text = text.replace("\r\n", "\n").translate(_TRANSLATION)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    # NFC sorts marks in quadratic time, so they are bounded before it; and after it, as it may part some off.
    return _bounded(unicodedata.normalize("NFC", _bounded(text)))


def _bounded(text: str) -> str:
    """`text` without the combining marks that follow `_MOST_MARKS` others."""
    marks = "".join(character for character in set(text) if unicodedata.combining(character))
    if not marks:
        return text
    return re.sub(rf"([{marks}]{{{_MOST_MARKS}}})[{marks}]+", r"\1", text)
