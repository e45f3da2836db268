"""Logs that tell what failed and where, and never repeat what users have asked or stored.

Every line goes through the processors (structlog) of one formatter, whoever wrote it. Ours say what they say, and an
error as its type and place: its message may quote a document. Of what a library says, only what can quote nobody is
kept, and its lines below a warning never: they hold requests with their headers.
"""

import logging
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from structlog.contextvars import merge_contextvars
from structlog.processors import JSONRenderer
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor

from index.errors import EmbeddingError, InvalidRequest, LoadError, NotFound, QAError
from qa_service.printable import printable
from qa_service.settings import Settings

FIELDS = (
    "method",
    "route",
    "status",
    "ms",
    "code",
    "key_id",
    "aborted",
    "answer",
    "reason",
    "claims",
    "model",
    "outcome",
)
"""What lines may carry beside their message; `request_id` and `job_id` come from the context."""

TEXT_FIELDS = ("question", "text")
"""What is left out unless texts may be logged."""

_OURS = ("qa_service", "index", "prompts", "eval")
_RELAY = "index.load.child"
"""It passes on what parsers say of documents, but for one sentence about the kernel."""

_OF_THE_KERNEL = re.compile(
    r"this kernel has no \w{1,20}, which is to hold what parses files: it is less confined"
)
_QUOTING = (EmbeddingError, LoadError, NotFound, InvalidRequest)
_WITHHELD = "…"
_SIGNALS = frozenset(signal.Signals.__members__)
"""By which gunicorn tells of a worker that was killed; a client that sends these words says nothing of itself."""
_SWITCHES = ("LITELLM_LOG", "OPENAI_LOG")
_OWN_HANDLERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
_SECRET = re.compile(
    r"\b((?:sk|pk|st|dl)_)[0-9a-f]{16}_[\w.-]+"
    r"|\b(sk-)[\w-]{8,}"
    r"|((?i:\b(?:bearer|basic)\s+))[\w.~+/=-]{8,}"
    r"|(?<=://)[^/\s@]+(?=@)"
)

log = logging.getLogger(__name__)


def configure(settings: Settings) -> None:
    """Write the lines of this process to standard error, as the settings say."""
    stream = sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(as_json=_as_json(settings, stream), texts=settings.log_texts))
    handler.addFilter(is_wanted)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    # Else a line that can't be formatted is printed with all that it was made of.
    logging.raiseExceptions = False
    for name in _SWITCHES:  # libraries write to the terminal themselves by these, prompts and keys too
        os.environ.pop(name, None)
    for name in _OWN_HANDLERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.showwarning = _warned
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    threading.excepthook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)


def formatter(*, as_json: bool, texts: bool) -> logging.Formatter:
    """What makes a line, JSON or text, of a record; `texts` lets it say what users have asked and stored."""
    fields = (*FIELDS, *TEXT_FIELDS) if texts else FIELDS
    said: Processor = _said_whole if texts else _said
    told: Processor = _told_whole if texts else _told
    return ProcessorFormatter(
        foreign_pre_chain=[
            _begun,
            add_log_level,
            add_logger_name,
            said,
            merge_contextvars,
            ExtraAdder(fields),
            told,
        ],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            _redacted,
            JSONRenderer() if as_json else _as_text,
        ],
        use_get_message=False,
        pass_foreign_args=True,
    )


def is_wanted(record: logging.LogRecord) -> bool:
    """Whether a record may be written: of libraries, warnings and worse, whatever level they set themselves."""
    return record.levelno >= logging.WARNING or _is_ours(record.name)


def told(error: BaseException) -> str:
    """An error in a line of ours: its message where that can't quote what users sent, else its code or type."""
    if isinstance(error, QAError):
        return error.code if isinstance(error, _QUOTING) else str(error)
    return _name(error)


def _as_json(settings: Settings, stream: TextIO) -> bool:
    return settings.log_format == "json" or (settings.log_format == "auto" and not stream.isatty())


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in _OURS


def _begun(_logger: object, _name: str, event: EventDict) -> EventDict:
    """The time first, so that it begins each line."""
    at = datetime.fromtimestamp(event["_record"].created, UTC).isoformat(timespec="milliseconds")
    return {"time": at, "level": None, "logger": None, **event}


def _said(_logger: object, _name: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    args = event.pop("positional_args")
    message = event["event"]
    if record.name == _RELAY:
        whole = _filled(message, args, str)
        event["event"] = whole if _OF_THE_KERNEL.fullmatch(whole) else "a parser warned of a document"
    elif _is_ours(record.name):
        event["event"] = _filled(message, args, _spoken)
    else:
        event["event"] = _filled(message, args, _counted) if args else _WITHHELD
        event["at"] = f"{record.module}:{record.lineno}"
    return event


def _said_whole(_logger: object, _name: str, event: EventDict) -> EventDict:
    event["event"] = _filled(event["event"], event.pop("positional_args"), lambda value: value)
    return event


def _filled(message: str, args: Any, kept: Any) -> str:
    """A message with its arguments, each as it is kept; without them where they don't fit."""
    if not args:
        return message
    values = (
        {name: kept(value) for name, value in args.items()}
        if isinstance(args, Mapping)
        else tuple(map(kept, args))
    )
    try:
        return message % values
    except (TypeError, ValueError, KeyError):
        return message


def _spoken(value: object) -> object:
    return told(value) if isinstance(value, BaseException) else value


def _counted(value: object) -> object:
    is_harmless = isinstance(value, int | float | None) or (isinstance(value, str) and value in _SIGNALS)
    return value if is_harmless else _WITHHELD


def _told(_logger: object, _name: str, event: EventDict) -> EventDict:
    if error := _error(event.pop("exc_info", None)):
        event["exception"] = "\n".join(_placed(each) for each in reversed(_chain(error)))
    event.pop("stack_info", None)
    return event


def _told_whole(_logger: object, _name: str, event: EventDict) -> EventDict:
    if error := _error(event.pop("exc_info", None)):
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _error(info: object) -> BaseException | None:
    if isinstance(info, tuple):
        info = info[1]
    return info if isinstance(info, BaseException) else None


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it, the first cause last."""
    seen: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in seen:
        seen.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return seen


def _placed(error: BaseException) -> str:
    return f"{''.join(traceback.format_tb(error.__traceback__))}{_name(error)}"


def _name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _redacted(_logger: object, _name: str, event: EventDict) -> EventDict:
    """What has the shape of a key goes, wherever it comes from."""
    return {
        name: _SECRET.sub(_shape, value) if isinstance(value, str) else value for name, value in event.items()
    }


def _shape(found: re.Match[str]) -> str:
    return f"{found[1] or found[2] or found[3] or ''}{_WITHHELD}"


def _as_text(_logger: object, _name: str, event: EventDict) -> str:
    """A line for a person, in which nothing drives the terminal that shows it; below it, where an error was raised."""
    begun = f"{event.pop('time')} {event.pop('level')} {event.pop('logger')}: {event.pop('event')}"
    places = event.pop("exception", "")
    fields = (f"{name}={value}" for name, value in event.items())
    return "\n".join(map(printable, (" ".join((begun, *fields)), *places.splitlines())))


def _warned(
    message: Warning | str,  # noqa: ARG001 - the names are Python's
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    log.warning("a library warned: %s at %s:%d", category.__name__, filename, lineno)


def _uncaught(
    _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
) -> None:
    if error is not None and not isinstance(error, SystemExit):
        log.critical("an error was caught by nobody", exc_info=error)
