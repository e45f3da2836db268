"""Logs that tell what failed and where, and never repeat what users have asked or stored."""

import logging
import traceback
from types import TracebackType

from qa_service.terminal import printable


class Formatter(logging.Formatter):
    """Writes an exception as its type and its place in the code: its message may quote a document."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line, in which nothing drives the terminal that shows it or begins another line."""
        return printable(super().formatMessage(record))

    def formatException(  # noqa: N802 - logging's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """The chain of exceptions, the first cause first."""
        error, seen = ei[1], list[BaseException]()
        while error is not None and error not in seen:
            seen.append(error)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(_told(error) for error in reversed(seen))


def configure() -> None:
    """Write warnings and worse to standard error, those of libraries too."""
    logging.basicConfig(level=logging.WARNING)
    for logger in (logging.getLogger(), logging.getLogger("gunicorn.error")):
        for handler in logger.handlers:
            handler.setFormatter(Formatter())


def _told(error: BaseException) -> str:
    places = "".join(traceback.format_tb(error.__traceback__))
    return f"{places}{type(error).__module__}.{type(error).__qualname__}"
