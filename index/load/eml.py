"""EML: who wrote what to whom, then the attachments that hold text."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.parser import BytesFeedParser
from email.policy import Policy, default

from index.document import Parsed
from index.errors import DamagedDocument, LoadError
from index.load import html, load, sniff, text
from index.load.canonical import canonical
from index.load.compose import Piece, compose, joined
from index.load.decode import decode
from index.load.flowed import unflowed
from index.load.limits import Limits

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_DEEPEST = 5  # messages in messages
_MOST_PARTS = 1000
_MOST_ATTACHMENTS = 100
_LONGEST_HEADER = 1000  # code points
_LONGEST_RAW_HEADER = 20_000  # as it is written: encoded words take up to 20 times the room of what they say
_TEXTS = frozenset(("text/plain", "text/html"))
_LEAST_SHARE = (
    0.2  # of the words of the HTML that the plain text beside it has: below, it only stands in for it
)
# Words, and the letters of writings that put no spaces between them.
_WORD = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]+")
_RAW = re.compile("[\udc80-\udcff]")  # bytes beyond ASCII in headers, as the standard library keeps them
# What the standard library raises on headers and parts that are not as they should be.
_BROKEN = (MessageError, LookupError, ValueError, AttributeError, TypeError, RecursionError, AssertionError)
_REPLY_PREFIX = re.compile(r"^(?:(?:re|fwd?|aw|wg|sv|tr|rv|antw)\s*:\s*)+", re.IGNORECASE)

log = logging.getLogger(__name__)


class _TooManyParts(Exception):
    """A message has more parts than are looked at."""


@dataclass(slots=True)
class _Budget:
    """How much more is read of a message and those in it, and how many attachments are only named."""

    attachments: int = _MOST_ATTACHMENTS
    characters: int = 0
    named: int = 0


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """Sender, recipients, date and subject; the text; then each attachment under a heading with its name, with
    its text where it is of a format that we read.

    The parts of the text are read in order; of alternatives the plain one, or the HTML where that one has next to
    none of its words. At most 1,000 parts are looked at and 100 attachments read, five messages deep. What is not
    read is warned of in the log. The title is the subject.
    """
    budget = _Budget(characters=limits.max_text_chars)
    try:
        message = _message(data, name)
        parts = list(_parts(message, name, limits, budget, 0))
        title = _REPLY_PREFIX.sub("", _header(message, "Subject")) or None
    except _BROKEN as error:
        raise DamagedDocument(
            f"{name!r} could not be read as e-mail ({type(error).__name__}: {error}): save it as text or PDF"
        ) from error
    if budget.named:
        log.warning(
            "%r: attachments that are named and not read, as there are too many: %d", name, budget.named
        )
    return joined(parts, format="eml", title=title)


def _message(data: bytes, name: str) -> Message:
    """The message, with the parts that it begins with: to take hundreds of thousands apart takes too long."""
    made: list[EmailMessage] = []

    def make(policy: Policy = default) -> EmailMessage:
        if len(made) > _MOST_PARTS:
            raise _TooManyParts
        made.append(EmailMessage(policy))
        return made[-1]

    parser = BytesFeedParser(make, policy=default)
    made.clear()  # the parser tries how to call it
    try:
        parser.feed(data)
        return parser.close()
    except _TooManyParts:
        log.warning(
            "%r: it has more than %d parts, and those behind them are not read: split it", name, _MOST_PARTS
        )
        return made[0]


def _parts(message: Message, name: str, limits: Limits, budget: _Budget, depth: int) -> Iterator[Parsed]:
    lines = [f"{header}: {value}" for header in _SHOWN if (value := _header(message, header))]
    yield compose([Piece(line, "item") for line in lines], format="eml")
    leaves = _leaves(message)
    yield from _texts([leaf for leaf in _read(message, name, limits) if not _is_attached(leaf)], name, limits)
    for leaf in leaves:
        if _is_attached(leaf):
            yield from _attachment(leaf, name, limits, budget, depth)


def _leaves(message: Message) -> Sequence[Message]:
    """The parts that hold something, in order; a message that is attached is one, with all that is in it."""
    return [leaf for branch in _branches(message) for leaf in _leaves(branch)] or [message]


def _branches(part: Message) -> Sequence[Message]:
    """The parts that a part consists of, if it only groups them."""
    if part.get_content_maintype() != "multipart" or not part.is_multipart():
        return []
    return part.get_payload()  # type: ignore[return-value]  # is_multipart says that it is a list


def _is_attached(part: Message) -> bool:
    disposition = str(part.get("Content-Disposition") or "").strip().lower()
    is_named = bool(disposition and part.get_filename())
    return disposition.startswith("attachment") or is_named or part.get_content_type() not in _TEXTS


def _read(part: Message, name: str, limits: Limits) -> Sequence[Message]:
    """The leaves whose texts make up a message: all, but of alternatives those of one."""
    branches = [_read(branch, name, limits) for branch in _branches(part)]
    if part.get_content_type() == "multipart/alternative":
        return _chosen(branches, name, limits)
    return [leaf for branch in branches for leaf in branch] or [part]


def _chosen(branches: Sequence[Sequence[Message]], name: str, limits: Limits) -> Sequence[Message]:
    """The alternative in plain text, if it has one, unless it has next to none of the words of the other."""
    plain: list[Message] = []
    other: list[Message] = []
    for branch in branches:
        ours = [leaf for leaf in branch if not _is_attached(leaf) and _bytes(leaf).strip()]
        is_plain = all(leaf.get_content_type() == "text/plain" for leaf in ours)
        (plain if is_plain else other).extend(ours)
    if not plain or not other:
        return plain or other
    wanted, there = _words(other, name, limits), _words(plain, name, limits)
    return plain if len(wanted & there) >= _LEAST_SHARE * len(wanted) else other


def _words(leaves: Sequence[Message], name: str, limits: Limits) -> set[str]:
    try:
        return {word for it in _texts(leaves, name, limits) for word in _WORD.findall(it.text.lower())}
    except LoadError:
        return set()


def _texts(leaves: Sequence[Message], name: str, limits: Limits) -> Iterator[Parsed]:
    for leaf in leaves:
        data = _bytes(leaf)
        if not data.strip():
            continue
        decoded = decode(data, name=name, declared=leaf.get_content_charset())
        if leaf.get_content_type() == "text/html":
            # Its mark says what it is in now, whatever the page declares.
            yield html.parse(decoded.encode("utf-8-sig", "replace"), name=name, limits=limits)
        else:
            shown = _unflowed(leaf, decoded).encode("utf-8-sig", "replace")
            yield replace(text.parse(shown, name=name, limits=limits), headings=())


def _unflowed(part: Message, content: str) -> str:
    if str(part.get_param("format")).lower() != "flowed":
        return content
    return unflowed(content, joins_words=str(part.get_param("delsp")).lower() == "yes")


def _attachment(part: Message, name: str, limits: Limits, budget: _Budget, depth: int) -> Iterator[Parsed]:
    inner = _inner(part)
    called = _line(part.get_filename() or "") or (_header(inner, "Subject") if inner else "")
    called = called or part.get_content_type()
    yield compose([Piece(f"Attachment: {called}", "heading", 1)], format="eml")
    if budget.attachments < 1:
        budget.named += 1
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
            inner = _message(data, called)
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
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == header.lower()), "")
    if len(raw) > _LONGEST_RAW_HEADER:  # thousands of addresses take seconds to part
        raw = raw[:_LONGEST_RAW_HEADER].rpartition(" ")[0] or raw[:_LONGEST_RAW_HEADER]
    try:
        value = str(default.header_factory(header, " ".join(_unescaped(message, raw).split()))) if raw else ""
    except _BROKEN:
        value = raw
    return _line(value)


def _unescaped(message: Message, raw: str) -> str:
    """A header whose bytes beyond ASCII are read in UTF-8, the charset that the text declares, or a guess."""
    if not _RAW.search(raw):
        return raw
    declared = next((charset for leaf in _leaves(message) if (charset := leaf.get_content_charset())), None)
    try:
        return decode(raw.encode("ascii", "surrogateescape"), name="header", declared=declared)
    except LoadError:
        return raw


def _line(value: str) -> str:
    return " ".join(canonical(value).split())[:_LONGEST_HEADER]
