"""EML: who wrote what to whom, then the attachments that hold text."""

import email
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email import policy
from email.errors import MessageError
from email.message import EmailMessage, Message

from index.document import Parsed
from index.errors import DamagedDocument, LoadError
from index.load import html, load, sniff, text
from index.load.canonical import canonical
from index.load.compose import Piece, compose, joined
from index.load.decode import decode
from index.load.limits import Limits

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_DEEPEST = 5  # messages in messages
_MOST_PARTS = 1000
_MOST_ATTACHMENTS = 100
_LONGEST_HEADER = 1000  # code points
# What the standard library raises on headers and parts that are not as they should be.
_BROKEN = (MessageError, LookupError, ValueError, AttributeError, TypeError, RecursionError, AssertionError)
_REPLY_PREFIX = re.compile(r"^(?:(?:re|fwd?|aw|wg|sv|tr|rv|antw)\s*:\s*)+", re.IGNORECASE)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Budget:
    """How much more is read of a message and those in it."""

    attachments: int = _MOST_ATTACHMENTS
    characters: int = 0


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """Sender, recipients, date and subject; the text, from its plain form if it has one, else from HTML; then
    each attachment under a heading with its name, with its text where it is of a format that we read.

    At most 100 attachments are read, five messages deep. One that can't be read is named, and a warning logged.
    The title is the subject.
    """
    try:
        message = email.message_from_bytes(data, policy=policy.default)
        parts = list(_parts(message, name, limits, _Budget(characters=limits.max_text_chars), 0))
        title = _REPLY_PREFIX.sub("", _header(message, "Subject")) or None
    except _BROKEN as error:
        raise DamagedDocument(
            f"{name!r} could not be read as e-mail ({type(error).__name__}: {error}): save it as text or PDF"
        ) from error
    return joined(parts, format="eml", title=title)


def _parts(message: Message, name: str, limits: Limits, budget: _Budget, depth: int) -> Iterator[Parsed]:
    lines = [f"{header}: {value}" for header in _SHOWN if (value := _header(message, header))]
    yield compose([Piece(line, "item") for line in lines], format="eml")
    leaves = _leaves(message)
    attached = [leaf for leaf in leaves if _is_attached(leaf)]
    yield from _body([leaf for leaf in leaves if not _is_attached(leaf)], name, limits)
    for leaf in attached:
        yield from _attachment(leaf, name, limits, budget, depth)


def _leaves(message: Message) -> Sequence[Message]:
    """The parts that hold something, in order; a message that is attached is one, with all that is in it."""
    found: list[Message] = []
    stack = [message]
    seen = 0
    while stack and seen < _MOST_PARTS:
        part = stack.pop()
        seen += 1
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            stack += reversed(part.get_payload())  # type: ignore[arg-type]  # is_multipart says that it is a list
        else:
            found.append(part)
    return found


def _is_attached(part: Message) -> bool:
    disposition = str(part.get("Content-Disposition") or "").strip().lower()
    is_text = part.get_content_type() in {"text/plain", "text/html"}
    return disposition.startswith("attachment") or not is_text


def _body(leaves: Sequence[Message], name: str, limits: Limits) -> Iterator[Parsed]:
    """The text of a message; where one part of it is in HTML only, the other in plain text, both."""
    plain = [leaf for leaf in leaves if leaf.get_content_type() == "text/plain" and _bytes(leaf).strip()]
    for leaf in plain or leaves:
        data = _bytes(leaf)
        if not data.strip():
            continue
        # Its mark says what it is in now, whatever an HTML page declares.
        marked = decode(data, name=name, declared=leaf.get_content_charset()).encode("utf-8-sig", "replace")
        if leaf.get_content_type() == "text/html":
            yield html.parse(marked, name=name, limits=limits)
        else:
            yield replace(text.parse(marked, name=name, limits=limits), headings=())


def _attachment(part: Message, name: str, limits: Limits, budget: _Budget, depth: int) -> Iterator[Parsed]:
    inner = _inner(part)
    called = _line(part.get_filename() or "") or (_header(inner, "Subject") if inner else "")
    called = called or part.get_content_type()
    yield compose([Piece(f"Attachment: {called}", "heading", 1)], format="eml")
    if budget.attachments < 1:
        return
    budget.attachments -= 1
    try:
        for parsed in _attached(part, called, limits, budget, depth):
            budget.characters -= len(parsed.text)
            if budget.characters >= 0:
                yield _below(parsed)
    except LoadError as error:
        log.warning("%r: an attachment is not read: %s", name, error)


def _attached(part: Message, called: str, limits: Limits, budget: _Budget, depth: int) -> Iterator[Parsed]:
    inner = _inner(part)
    if inner is None:
        data = _bytes(part)
        if data.strip() and sniff.sniff(data, name=called) != "eml":
            yield load(data, name=called, limits=limits)
            return
        if data.strip():
            inner = email.message_from_bytes(data, policy=policy.default)
    if inner is not None and depth < _DEEPEST:
        yield from _parts(inner, called, limits, budget, depth + 1)


def _inner(part: Message) -> Message | None:
    """The message that a part is, if it is one."""
    if part.get_content_type() != "message/rfc822" or not part.is_multipart():
        return None
    message = part.get_payload(0)
    return message if isinstance(message, Message) else None


def _below(parsed: Parsed) -> Parsed:
    """A document as a part of another: its headings one level further in."""
    return replace(parsed, headings=tuple(replace(it, level=it.level + 1) for it in parsed.headings))


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _header(message: Message, header: str) -> str:
    """A header as a line, decoded; as it stands where the standard library can't decode it."""
    try:
        value = str(message.get(header) or "")
    except _BROKEN:
        value = (
            next((str(raw) for key, raw in message.raw_items() if key.lower() == header.lower()), "")
            if isinstance(message, EmailMessage)
            else ""
        )
    return _line(value)


def _line(value: str) -> str:
    return " ".join(canonical(value).split())[:_LONGEST_HEADER]
