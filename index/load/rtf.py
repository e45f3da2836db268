"""RTF: its text as the library `striprtf` gives it, a block for each paragraph and table row."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from striprtf.striprtf import rtf_to_text

from index.document import Parsed
from index.errors import DamagedDocument
from index.load.compose import Piece, bounded, compose, row
from index.load.limits import Limits
from index.load.superscripts import raised, with_fractions

_TITLE = re.compile(r"\{\\title\s([^{}\\]{1,500})\}")
_CODE_PAGE = re.compile(r"\\ansicpg(\d{3,5})")
_MOST_GROUPS = 2_000_000
_CHANGES = re.compile(r"\\(?:v|deleted|super)(?![a-z]|0)")
# A control word, a brace, a line end, which is no text, or what is: other controls, escaped bytes, and letters.
_TOKEN = re.compile(r"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|([{}])|[\r\n]+|\\'..|\\.|[^\\{}\r\n]+|\\", re.DOTALL)
_CHARACTERS = frozenset(
    (
        *("u", "tab", "line", "emdash", "endash", "emspace", "enspace", "qmspace"),
        *("bullet", "lquote", "rquote", "ldblquote", "rdblquote"),
    )
)
_UNICODE = re.compile(r"\\\\|\\u(-?\d+)")  # the first so that no escaped backslash begins one
_UNICODE_MINUS = re.compile(r"\\u(?:8211|8722)( ?)")
_NO_CHARACTER = "\\u65533"
_MOST_DIGITS = 7


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The text in order; rows of tables are lines `cell | cell`, and the first shares a block with the second.

    Headings are paragraphs like others, which RTF tells by their looks; notes, heads and feet are left out, which
    the library does, and hidden and deleted text. Superscript numbers are written in superior characters. A
    number that is no character becomes U+FFFD. The title is that of the properties where it is plain ASCII.
    """
    # Its bytes are ASCII by its rules; what is beyond is in the code page that it names.
    page = _CODE_PAGE.search(data[:2000].decode("latin-1"))
    try:
        try:
            source = data.decode(f"cp{page[1]}" if page else "cp1252")
        except (LookupError, UnicodeDecodeError):
            source = data.decode("latin-1")
        if source.count("{") > _MOST_GROUPS:
            raise ValueError("too many groups")
        shown = _UNICODE.sub(_character, _shown(source))
        try:
            text = _plain(shown, "strict")
        except UnicodeDecodeError:
            text = _plain(shown, "replace")
    except (ValueError, LookupError, TypeError, OverflowError, AttributeError) as error:
        raise DamagedDocument(
            f"{name!r} could not be read as RTF ({type(error).__name__}: {error}): open it and save it as DOCX"
        ) from error
    title = _TITLE.search(source)
    pieces = bounded(_pieces(text), name=name, limits=limits)
    return compose(pieces, format="rtf", title=title[1] if title else None)


@dataclass(frozen=True, slots=True)
class _Look:
    """How text is shown: what is `hidden` (\\v) or `deleted` is not.

    `instead` is how many characters stand behind one in Unicode, for programs that know none.
    """

    hidden: bool = False
    deleted: bool = False
    raised: bool = False
    instead: int = 1

    def changed(self, word: str | None, number: str | None) -> "_Look":
        """The look behind a control word."""
        is_on = number is None or int(number) != 0
        if word == "v":
            return replace(self, hidden=is_on)
        if word == "deleted":
            return replace(self, deleted=is_on)
        if word in {"super", "sub", "nosupersub"}:
            return replace(self, raised=word == "super" and is_on)
        if word == "uc" and number:
            return replace(self, instead=max(0, int(number)))
        return _Look(instead=self.instead) if word == "plain" else self


def _shown(source: str) -> str:
    """`source` without its hidden and deleted text, up to their ends, \\plain or the end of the group.

    Its structure stays. Numbers in superscripts are put in superior characters.
    """
    if not _CHANGES.search(source):
        return source
    kept: list[str] = []
    look = _Look()
    outer: list[_Look] = []
    at = 0
    instead = 0
    while token := _TOKEN.match(source, at):
        word, number, brace = token.groups()
        at = token.end()
        if word == "bin" and number:  # so many bytes follow, which may be braces
            at += max(0, int(number))
        if brace == "{":
            outer.append(look)
        elif brace:
            look = outer.pop() if outer else _Look()
        look = look.changed(word, number)
        if not _is_text(token):
            kept.append(source[token.start() : at])
        elif not look.hidden and not look.deleted:
            text = source[token.start() : at]
            kept.append(_raised(text, instead) if look.raised else text)
        instead = look.instead if word == "u" else 0
    return "".join(kept)


def _raised(text: str, instead: int) -> str:
    """A token of superscript text, of which the first characters may stand for one that was in Unicode."""
    if minus := _UNICODE_MINUS.fullmatch(text):
        return f"\\u{ord('⁻')}{minus[1]}"
    return text if text.startswith("\\") else text[:instead] + raised(text[instead:])


def _is_text(token: re.Match[str]) -> bool:
    word, _, brace = token.groups()
    if word:
        return word in _CHARACTERS
    return not brace and token[0][0] not in "\r\n" and token[0] != "\\*"


def _character(found: re.Match[str]) -> str:
    number = found[1]
    if number is None:
        return found[0]
    is_one = len(number) <= _MOST_DIGITS and -0x10000 <= int(number) <= sys.maxunicode
    return found[0] if is_one else _NO_CHARACTER


def _plain(source: str, errors: str) -> str:
    text: str = rtf_to_text(source, errors=errors)  # type: ignore[no-untyped-call]  # it has no types
    return text


def _pieces(text: str) -> Iterator[Piece]:
    in_table = False
    for line in text.split("\n"):
        is_row = line.rstrip().endswith("|")
        if is_row:
            cells = [
                [Piece(with_fractions(" ".join(cell.split())))] for cell in line.rstrip()[:-1].split("|")
            ]
            yield from row(cells, header=not in_table)
        elif line.strip():
            yield Piece(with_fractions(line))
        in_table = is_row
