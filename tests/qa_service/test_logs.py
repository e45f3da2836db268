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
