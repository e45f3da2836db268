import io
import time

from index.sync import Ahead, Synced
from qa_service.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_is_done() -> None:
    stream = Terminal()
    with Progress(1, stream) as progress:
        progress.planned(Ahead(files=2, size=2000))
        progress.embedded("leave.md", 32, 64)
        progress.ended(Synced("leave.md", "indexed", size=1000, chunks=64))
        progress._bar.refresh()
        shown = stream.getvalue()
    assert "embedding leave.md 32/64" in shown
    assert "1/2" in shown


def test_a_terminal_shows_the_rate_and_the_time_that_is_left() -> None:
    with Progress(1, Terminal()) as progress:
        progress.planned(Ahead(files=2, size=3000))
        assert progress.pace() == ""
        time.sleep(1.1)
        progress.ended(Synced("leave.md", "indexed", size=1000, chunks=200))
        rate, _, left = progress.pace().partition(", ")
    assert 100 < int(rate.removesuffix(" passages/s")) < 200
    assert left in ("0:02 left", "0:03 left", "0:04 left")


def test_no_time_is_shown_while_not_all_paths_have_been_compared() -> None:
    with Progress(2, Terminal()) as progress:
        progress.planned(Ahead(files=2, size=2000))
        time.sleep(1.1)
        progress.ended(Synced("leave.md", "indexed", size=1000, chunks=200))
        assert "left" not in progress.pace()
        progress.planned(Ahead(files=0, size=0))
        assert "left" in progress.pace()


def test_a_file_name_is_shown_as_it_is_and_can_not_drive_the_terminal() -> None:
    stream = Terminal()
    with Progress(1, stream) as progress:
        progress.embedded("[red]a\x07\x1b]0;owned", 1, 1)
        progress._bar.refresh()
    assert "[red]a��]0;owned" in stream.getvalue()
    assert "\x07" not in stream.getvalue()


def test_what_is_no_terminal_gets_nothing() -> None:
    stream = io.StringIO()
    with Progress(1, stream) as progress:
        progress.embedded("leave.md", 32, 64)
        progress.ended(Synced("leave.md", "indexed"))
    assert stream.getvalue() == ""


def test_the_summary_counts_what_has_ended() -> None:
    progress = Progress(1, io.StringIO())
    for outcome in ("indexed", "unchanged", "indexed", "removed", "replaced", "moved", "excluded"):
        progress.ended(Synced("a", outcome))
    progress.ended(Synced("b\x1b[31m", "failed", "it is\nempty"))
    assert progress.summary() == (
        "2 indexed, 1 replaced, 1 moved, not embedded again, 1 unchanged, not embedded again, 1 removed, "
        "1 removed as they are excluded now, 1 failed"
    )
    assert progress.failures == ["  b�[31m: it is empty"]


def test_nothing_to_do_is_said() -> None:
    assert Progress(1, io.StringIO()).summary() == "there is nothing to index here"
