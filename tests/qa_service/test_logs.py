import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from index.errors import CatalogError, DamagedDocument, EmbeddingError
from qa_service.telemetry.logs import formatter, is_wanted

SECRET = "swordfish"


def fail() -> None:
    raise ValueError(SECRET)


def record(
    message: str, *args: object, name: str = "qa_service", error: bool = False, **extra: object
) -> Any:
    made = logging.LogRecord(
        name, logging.WARNING, "place.py", 7, message, args, sys.exc_info() if error else None
    )
    made.__dict__.update(extra)
    return made


def line(message: str, *args: object, texts: bool = False, **options: Any) -> dict[str, Any]:
    text = formatter(as_json=True, texts=texts).format(record(message, *args, **options))
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def text(message: str, *args: object, **options: Any) -> str:
    return formatter(as_json=False, texts=False).format(record(message, *args, **options))


# What a line holds


def test_a_line_is_an_object_with_time_level_logger_and_event() -> None:
    found = line("it took %d s", 3)
    assert list(found) == ["time", "level", "logger", "event"]
    assert found["time"].endswith("+00:00")
    assert (found["level"], found["logger"], found["event"]) == ("warning", "qa_service", "it took 3 s")


def test_the_id_of_the_request_is_in_its_lines() -> None:
    with bound_contextvars(request_id="abc"):
        assert line("here")["request_id"] == "abc"
    assert "request_id" not in line("there")


def test_a_field_that_nobody_has_allowed_is_left_out() -> None:
    found = line("x", status=200, password=SECRET, question=SECRET)
    assert found["status"] == 200
    assert SECRET not in json.dumps(found)


def test_questions_are_logged_where_texts_may_be() -> None:
    assert line("x", question="who?", texts=True)["question"] == "who?"


# Errors


def test_an_exception_is_told_by_type_and_place_and_never_by_its_message() -> None:
    try:
        fail()
    except ValueError:
        told = line("it failed", error=True)["exception"]
        whole = line("it failed", error=True, texts=True)["exception"]
    assert SECRET not in told.replace("SECRET", "")
    assert told.endswith("builtins.ValueError")
    assert "in fail" in told
    assert whole.endswith(f"ValueError: {SECRET}")


def test_causes_are_told_first() -> None:
    try:
        try:
            fail()
        except ValueError as error:
            raise LookupError(SECRET) from error
    except LookupError:
        told = text("it failed", error=True)
    assert SECRET not in told
    assert told.index("builtins.ValueError") < told.index("builtins.LookupError")


def test_a_chain_that_bites_its_tail_has_an_end() -> None:
    try:
        fail()
    except ValueError as error:
        error.__cause__ = error
        assert text("it failed", error=True).count("builtins.ValueError") == 1


def test_an_error_of_ours_is_told_by_its_message_unless_that_may_quote_what_was_sent() -> None:
    assert line("no: %s", CatalogError("the disk is gone"))["event"] == "no: the disk is gone"
    assert line("no: %s", DamagedDocument(SECRET))["event"] == "no: damaged_document"
    assert line("no: %s", EmbeddingError(SECRET))["event"] == "no: embedding_failed"
    assert line("no: %s", OSError(SECRET))["event"] == "no: builtins.OSError"
    assert line("no: %s", OSError(SECRET), texts=True)["event"] == f"no: {SECRET}"


# What others say


def test_of_what_a_library_says_only_words_that_can_quote_nobody_are_kept() -> None:
    told = line("%s took %d ms", SECRET, 12, name="urllib3.pool")
    assert (told["event"], told["at"]) == ("… took 12 ms", "place:7")
    assert line(f"made of {SECRET}", name="chromadb")["event"] == "…"
    assert line("%(a)s %(b)d", {"a": SECRET, "b": 3}, name="x")["event"] == "… 3"
    assert line(f"made of {SECRET}", name="chromadb", texts=True)["event"] == f"made of {SECRET}"


def test_a_parser_is_heard_of_the_kernel_and_not_of_documents() -> None:
    kernel = "this kernel has no Landlock, which is to hold what parses files: it is less confined"
    assert line("%s", kernel, name="index.load.child")["event"] == kernel
    assert SECRET not in json.dumps(line("%s", f"{kernel} {SECRET}", name="index.load.child"))


def test_a_message_whose_arguments_do_not_fit_is_told_without_them() -> None:
    assert line("%d of %s", SECRET)["event"] == "%d of %s"


def test_the_signal_that_ended_a_worker_is_named() -> None:
    said = line("Worker (pid:%s) was sent %s! Perhaps out of memory?", 17, "SIGKILL", name="gunicorn.error")
    assert said["event"] == "Worker (pid:17) was sent SIGKILL! Perhaps out of memory?"
    assert SECRET not in str(line("%s %s", SECRET, [SECRET], name="gunicorn.error"))


@pytest.mark.parametrize(
    ("logger", "level", "wanted"),
    [
        ("qa_service.api", logging.DEBUG, True),
        ("index.load", logging.DEBUG, True),
        ("httpcore.http11", logging.DEBUG, False),
        ("openai._base_client", logging.INFO, False),
        ("qa_servicex", logging.INFO, False),
        ("httpx", logging.WARNING, True),
    ],
)
def test_a_library_is_heard_from_a_warning_on_whatever_level_it_has_set_itself(
    logger: str, level: int, wanted: bool
) -> None:
    assert is_wanted(logging.LogRecord(logger, level, "", 1, "", (), None)) == wanted


# Keys


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("key sk_0123456789abcdef_AbC-d_e was sent", "key sk_… was sent"),
        ("dl_0123456789abcdef_18c_AbC-d", "dl_…"),
        ("Incorrect API key provided: sk-proj-AbCdEfGh123", "Incorrect API key provided: sk-…"),
        ("Authorization: Bearer AbCdEfGh.123", "Authorization: Bearer …"),
        ("postgresql://qa:hunter2@host/qa", "postgresql://…@host/qa"),
        ("the id sk_… and http://host/path stay", "the id sk_… and http://host/path stay"),
    ],
)
@pytest.mark.parametrize("texts", [False, True])
def test_what_has_the_shape_of_a_key_is_never_written(said: str, written: str, texts: bool) -> None:
    assert line(said, texts=texts)["event"] == written


# Forging


def test_a_message_drives_no_terminal_and_begins_no_line_of_its_own() -> None:
    words = "font /x\x1b]0;PWNED\x07\x1b[2K\n2026-01-01 00:00:00 ERROR qa: all is lost"
    shown = text(words, method="a\nb")
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert "ERROR qa: all is lost" in shown
    raw = formatter(as_json=True, texts=False).format(record("x\x1b[2K\n\u202e\x9b"))
    assert raw.isascii()
    assert raw.isprintable()


# A whole process


def test_a_logger_that_was_set_to_debug_by_its_library_stays_silent(
    spoken: Callable[[], list[dict[str, Any]]],
) -> None:
    noisy = logging.getLogger("noisy.library")
    noisy.setLevel(logging.DEBUG)
    noisy.debug("body: %s", SECRET)
    noisy.warning("body: %s", SECRET)
    assert [each["event"] for each in spoken()] == ["body: …"]
