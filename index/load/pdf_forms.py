"""What is filled in on a PDF page: the values of the fields of forms, and texts that were typed onto it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from index.load.canonical import canonical

_MOST_OPTIONS = 1000  # of a field
_LONGEST_VALUE = 10_000  # code points
_LONGEST_LABEL = 200  # code points
_DEEPEST = 32  # fields in fields
# Bits of /F of annotations and of /Ff of fields (ISO 32000-1, tables 165, 226, 228 and 230).
_HIDDEN = 1 << 1 | 1 << 5  # hidden, no view
_PASSWORD = 1 << 13
_RADIO = 1 << 15
_BUTTON = 1 << 16
_CHECKED = "\u2611"  # ☑

_Entries = Mapping[Any, Any]


@dataclass(slots=True)
class Unfilled:
    """How much more is read of what is filled in, and how many annotations were left out for that."""

    annotations: int = 20_000  # links too: to read each takes about as long as to read a line of text
    characters: int = 1_000_000
    unread: int = 0


def may_be_filled_in(reader: PdfReader, data: bytes) -> bool:
    """Whether the file `data` has a form, or may have typed texts; most have neither, but may have many links."""
    return "/AcroForm" in reader.root_object or any(name in data for name in (b"/FreeText", b"/ObjStm"))


def filled_in(page: PageObject, unread: Unfilled) -> Iterator[str]:
    """The lines `label: value` of the fields that are shown with a value on `page`, each once, and typed texts.

    The label is the field's tooltip, else its name. A checked box has a tick; of radio buttons, the one that is on
    is told by its name. Fields that are hidden or hold a password are left out, and so is what is behind the first
    10,000 code points of a value.
    """
    annotations = _at(page, "/Annots")
    if not isinstance(annotations, ArrayObject):
        return
    seen: set[str] = set()
    for each in annotations:
        if unread.annotations < 1 or unread.characters < 1:
            unread.unread += 1
            continue
        unread.annotations -= 1
        line = _line(each.get_object())
        if line and line not in seen:
            seen.add(line)
            unread.characters -= len(line)
            yield line


def _line(annotation: object) -> str:
    if not isinstance(annotation, DictionaryObject) or not _is_seen(annotation):
        return ""
    kind = _at(annotation, "/Subtype")
    if kind == "/FreeText":
        return _text(_at(annotation, "/Contents"))
    value = _text(_value(annotation)) if kind == "/Widget" else ""
    label = _label(annotation) if value else ""
    return f"{label}: {value}" if label else value


def _is_seen(annotation: _Entries) -> bool:
    flags, corners = _at(annotation, "/F"), _at(annotation, "/Rect")
    if isinstance(flags, int) and flags & _HIDDEN:
        return False
    if not isinstance(corners, ArrayObject) or len(corners) != 4:
        return False
    left, bottom, right, top = (float(each.get_object()) for each in corners)
    return left != right and bottom != top


def _value(widget: _Entries) -> object:
    """What a widget shows of its field, as it is in the file; None for what has no value to read."""
    kind, flags = _inherited(widget, "/FT"), _inherited(widget, "/Ff")
    flags = flags if isinstance(flags, int) else 0
    value = _inherited(widget, "/V")
    if kind == "/Tx":
        return None if flags & _PASSWORD else value
    if kind == "/Ch":
        options = dict(_options(widget))
        chosen = value if isinstance(value, ArrayObject) else [value]
        texts = [_text(each) for each in islice(chosen, _MOST_OPTIONS)]
        return ", ".join(options.get(text, text) for text in texts)
    if kind == "/Btn" and not flags & _BUTTON:
        return _chosen(widget) if flags & _RADIO else _CHECKED if _is_on(widget) else None
    return None


def _is_on(widget: _Entries) -> bool:
    return _at(widget, "/AS") not in {None, "/Off"}


def _chosen(widget: _Entries) -> str:
    """What a radio button that is on stands for: its tooltip, else the name of its state if that has letters."""
    if not _is_on(widget):
        return ""
    state = str(_at(widget, "/AS")).removeprefix("/")
    return _text(_at(widget, "/TU")) or (state if any(map(str.isalpha, state)) else "")


def _options(widget: _Entries) -> Iterator[tuple[str, str]]:
    """What can be chosen: how the value is written in the file, and what is shown for it."""
    options = _inherited(widget, "/Opt")
    for each in islice(options, _MOST_OPTIONS) if isinstance(options, ArrayObject) else ():
        option = each.get_object()
        if isinstance(option, ArrayObject) and len(option) == 2:
            yield _text(option[0].get_object()), _text(option[1].get_object())


def _label(widget: _Entries) -> str:
    """The tooltip of a field, else its name with those of the fields that it is in."""
    names = [(_text(_at(field, "/TU")), _text(_at(field, "/T"))) for field in _lineage(widget)]
    tooltip = next(
        (tooltip for tooltip, name in names if tooltip and name), ""
    )  # of the field, not of a button
    return (tooltip or ".".join(name for _, name in reversed(names) if name))[:_LONGEST_LABEL]


def _lineage(widget: _Entries) -> Iterator[_Entries]:
    """A widget and the fields that it is in, innermost first."""
    seen: set[int] = set()
    field: object = widget
    while isinstance(field, DictionaryObject) and id(field) not in seen and len(seen) < _DEEPEST:
        seen.add(id(field))
        yield field
        field = _at(field, "/Parent")


def _inherited(widget: _Entries, key: str) -> object:
    return next((field[key] for field in _lineage(widget) if key in field), None)


def _at(entries: _Entries, key: str) -> Any:
    """The value behind a key; pypdf follows a reference only where it is looked up by index."""
    return entries[key] if key in entries else None  # noqa: SIM401


def _text(value: object) -> str:
    """A text of the file as one line; empty where it is none."""
    if hasattr(value, "get_object"):
        value = value.get_object()
    if isinstance(value, StreamObject):
        value = value.get_data()
    if isinstance(value, bytes):
        value = value[: 4 * _LONGEST_VALUE].decode("utf-8", "replace")
    return " ".join(canonical(value[:_LONGEST_VALUE]).split()) if isinstance(value, str) else ""
