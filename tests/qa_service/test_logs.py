import logging
import sys

from qa_service.logs import Formatter

SECRET = "swordfish"


def formatted() -> str:
    record = logging.LogRecord("qa", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info())
    return Formatter().format(record)


def fail() -> None:
    raise ValueError(SECRET)


def test_an_exception_is_told_by_type_and_place_and_never_by_its_message() -> None:
    try:
        fail()
    except ValueError:
        text = formatted()
    assert SECRET not in text.replace("SECRET", "")
    assert "it failed" in text
    assert text.endswith("builtins.ValueError")
    assert "in fail" in text


def test_causes_are_told_first() -> None:
    try:
        try:
            fail()
        except ValueError as error:
            raise LookupError(SECRET) from error
    except LookupError:
        text = formatted()
    assert SECRET not in text
    assert text.index("builtins.ValueError") < text.index("builtins.LookupError")


def test_a_chain_that_bites_its_tail_has_an_end() -> None:
    try:
        fail()
    except ValueError as error:
        error.__cause__ = error
        assert formatted().count("builtins.ValueError") == 1


def test_a_message_drives_no_terminal_and_begins_no_line_of_its_own() -> None:
    words = "font /x\x1b]0;PWNED\x07\x1b[2K\n2026-01-01 00:00:00 ERROR qa: all is lost"
    record = logging.LogRecord("pdf", logging.WARNING, __file__, 1, words, (), None)
    text = Formatter().format(record)
    assert "\x1b" not in text
    assert "\n" not in text
    assert "ERROR qa: all is lost" in text
