"""Text as plain words: without invisible characters, Markdown, or anything that looks like a marker of ours.

`defuse` is for what a model reads, so that no document can forge an id; `clean` is for what a client reads,
so that a claim holds nothing that could pass for one of its citations. Neither changes what a text says.
"""

import re
import unicodedata

OPENING = "[［﹇【︻〖︗〔︹⟦〚❲⁅﹝"
CLOSING = "]］﹈】︼〗︘〕︺⟧〛❳⁆﹞"

_BRACKETS = rf"{re.escape(OPENING)}{re.escape(CLOSING)}"
_BRACKETED = re.compile(
    rf"(?P<opening>[{re.escape(OPENING)}]++)(?P<inner>[^{_BRACKETS}]*+)(?P<closing>[{re.escape(CLOSING)}]*+)"
)
# An id, a number or numbers, or a word of the protocol. What stands in front does not hide it.
_LIKE_MARKER = re.compile(
    r"[\W_]*+(?:(?:NONE|CONFLICT)\b|[^\W\d_]{0,8}\d{1,4}\.\d|\d[\d\W_]*+\Z)", re.IGNORECASE
)
_INLINE_TAG = re.compile(r"</?(?:b|i|u|em|strong|mark|code)>", re.IGNORECASE)
_BREAK_TAG = re.compile(r"</?(?:p|br)\s*/?>", re.IGNORECASE)
_PASSAGES_TAG = re.compile(r"<(?=\s*/?\s*passages)", re.IGNORECASE)
_IMAGE = re.compile(r"!\[[^\[\]]*\]\([^()\s]*(?:\s[^()]*)?\)")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*(?:\s[^()]*)?\)")
# Asterisks beside ASCII letters and digits are no emphasis, but a sum, an argument or a name: 2*3, *args.
_STARRED = re.compile(r"(?<![A-Za-z0-9*\\])(\*{1,3})(?=[^\s*])([^*]*[^\s*])\1(?![A-Za-z0-9*])")
_CODE = re.compile(r"(?<!`)(`{1,3})([^`]+)\1(?!`)")
# Persian and emoji are written with joiners; beside ASCII they only hide something.
_JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")

_FILLERS = "\u115f\u1160"  # letters of Hangul that are drawn as nothing


def clean(text: str) -> str:
    """Plain words on one line, in NFC: no invisible characters, Markdown, or look-alikes of markers."""
    return unmarked(without_markdown(visible(text))).lstrip(CLOSING + " ").rstrip(OPENING + " ")


def defuse(text: str) -> str:
    """A source's or a user's text on one line, where nothing reads as a marker or ends the passages."""
    return _PASSAGES_TAG.sub("(", unmarked(visible(text)))


def visible(text: str) -> str:
    """NFC without control and format characters, private use and lone surrogates; white space stays."""
    if not text.isprintable():  # most is, and that is cheap to know
        text = _JOINERS.sub("", "".join(filter(_is_visible, text)))
    return unicodedata.normalize("NFC", text)


def without_markdown(text: str) -> str:
    """Without emphasis, code marks, images and the targets of links."""
    text = _LINK.sub(r"\1", _IMAGE.sub("", text))
    text = text.replace("](", "] (")  # what had a link inside is no link any more
    text = _BREAK_TAG.sub(" ", _INLINE_TAG.sub("", text))
    # Twice, for emphasis inside emphasis.
    return _STARRED.sub(r"\2", _STARRED.sub(r"\2", _CODE.sub(r"\2", text)))


def unmarked(text: str) -> str:
    """On one line, with round brackets for others wherever these hold what a marker holds."""
    return " ".join(_BRACKETED.sub(_rounded, text).split())


def _rounded(found: re.Match[str]) -> str:
    inner = "".join(c for c in unicodedata.normalize("NFKC", found["inner"]) if not _is_hidden(c))
    if not _LIKE_MARKER.match(inner):
        return found[0]
    return f"({found['inner'].strip()}{')' if found['closing'] else ''}"


def _is_visible(character: str) -> bool:
    return (
        character.isprintable()
        or character.isspace()
        or character in "\u200c\u200d"
        or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")
    )


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Mn", "Me") or character in _FILLERS
