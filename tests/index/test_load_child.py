"""Files parsed in a child process: what they may take, and what becomes of those that take more."""

import json
import logging
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from select import select

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.document import Heading, Parsed, Span
from index.errors import (
    DamagedDocument,
    DocumentTooLarge,
    EmptyDocument,
    LoadError,
    ParserCrashed,
    ParserUnavailable,
    ParsingFailed,
    ParsingOutOfMemory,
    ParsingTimeout,
)
from index.load import Limits, load
from index.load.child import ChildLoader
from index.load.wire import READY, GarbledReply, Reply, encoded_reply, read_reply
from tests.waiting import until

DATA = Path(os.environ.get("QA_EVAL_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
FILES = DATA / "files"

GOOD = "# Leave\n\nEmployees have 25 days of leave a year. Jürgen has 30. 犬\n\n- one\n- two\n".encode()
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")


def pdf(content: bytes, filters: bytes, *, kids: bytes = b"5 0 R") -> bytes:
    """A PDF in which page 5 has that content and page 6 has one that is cut off; `kids` says which it shows."""
    stream = b"<</Length %d/Filter[%s]>>stream\n%s\nendstream"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents %d 0 R/Resources<</Font<</F 4 0 R>>>>>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, kids.count(b"R")),
        stream % (len(content), filters, content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        page % 3,
        page % 7,
        stream % (16, b"", b"BT /F 12 Tf (cut"),
    ]
    out, offsets = b"%PDF-1.5\n", []
    for number, each in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, entries)
    return out + table + b"trailer<</Size 8/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)


FAT = pdf(b"z" * 20_000_000 + b"~>", b"/ASCII85Decode")
"""A file that takes 1.9 GB."""


@pytest.fixture
def child() -> Iterator[ChildLoader]:
    with ChildLoader() as child:
        yield child


@pytest.fixture
def hasty() -> Iterator[ChildLoader]:
    """A loader that gives a file one second."""
    with ChildLoader(seconds=1) as child:
        yield child


def is_gone(pid: int) -> bool:
    """Whether a process has ended with all of its threads: the first of them may be a while before the others."""
    try:
        is_zombie = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        return is_zombie and len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    except FileNotFoundError:
        return True


def in_background(call: Callable[[], object]) -> Callable[[], BaseException | None]:
    """Calls it in a thread; what this returns waits for its end, and gives the error that it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  handed to the test
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def error() -> BaseException | None:
        thread.join(30)
        assert not thread.is_alive()
        return raised[0] if raised else None

    return error


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy(loader: ChildLoader) -> int:
    """The child's process, as soon as it has parsed for a while."""
    until(lambda: loader.pid)
    pid = loader.pid
    assert pid
    until(lambda: cpu_seconds(pid) > 1)
    return pid


def test_a_file_is_parsed_as_it_is_in_this_process(child: ChildLoader) -> None:
    for name in ("a.md", "a.txt", "a.html"):
        assert child(GOOD, name=name) == load(GOOD, name=name)


@pytest.mark.parametrize(
    ("data", "error"),
    [(b" \n", EmptyDocument), (b"%PDF-1.7 obj", DamagedDocument), (b"\x89PNG\r\n", LoadError)],
)
def test_an_error_is_the_same_as_it_is_in_this_process(
    child: ChildLoader, data: bytes, error: type[LoadError]
) -> None:
    with pytest.raises(error) as here:
        load(data, name="böse\n.pdf")
    with pytest.raises(error) as there:
        child(data, name="böse\n.pdf")
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))


def test_the_limits_are_those_that_were_given() -> None:
    with ChildLoader(limits=Limits(max_bytes=100, max_text_chars=20)) as child:
        with pytest.raises(DocumentTooLarge, match="101 bytes, over the limit of 100"):
            child(b"x" * 101, name="a.txt")
        with pytest.raises(DocumentTooLarge, match="over the limit of 20"):
            child(b"x" * 21, name="a.txt")


def test_one_process_parses_many_files(child: ChildLoader) -> None:
    child(GOOD, name="a.md")
    pid = child.pid
    for _ in range(50):
        child(GOOD, name="a.md")
    assert child.pid == pid is not None


def test_no_process_is_started_before_the_first_file_and_none_is_left_at_the_end() -> None:
    child = ChildLoader()
    assert child.pid is None
    child(GOOD, name="a.md")
    pid = child.pid
    child.close()
    assert child.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)
    child.close()
    assert child(GOOD, name="a.md") == load(GOOD, name="a.md")
    child.close()


def test_a_file_that_takes_too_long_fails_and_the_next_one_does_not(
    hasty: ChildLoader, endless_pdf: bytes
) -> None:
    hasty(GOOD, name="a.md")
    start = time.monotonic()
    with pytest.raises(ParsingTimeout, match=r"'b\.pdf' takes longer than 1 s .* raise QA_PARSE_SECONDS"):
        hasty(endless_pdf, name="b.pdf")
    assert 0.9 < time.monotonic() - start < 5
    assert hasty(GOOD, name="a.md") == load(GOOD, name="a.md")


@on_linux
def test_a_file_that_takes_too_much_memory_fails_and_the_next_one_does_not() -> None:
    with ChildLoader(megabytes=100) as child:
        with pytest.raises(
            ParsingOutOfMemory, match=r"'b\.pdf' takes more than 100 MiB .* QA_PARSE_MEGABYTES"
        ):
            child(FAT, name="b.pdf")
        assert child(GOOD, name="a.md") == load(GOOD, name="a.md")


@on_linux
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_file_at_which_the_parser_crashes_fails_and_the_next_one_does_not(
    child: ChildLoader, number: signal.Signals, endless_pdf: bytes
) -> None:
    error = in_background(lambda: child(endless_pdf, name="b.pdf"))
    os.kill(busy(child), number)
    failure = error()
    assert isinstance(failure, ParserCrashed)
    assert f"'b.pdf' crashed the parser ({number.name})" in str(failure)
    assert child(GOOD, name="a.md") == load(GOOD, name="a.md")


@on_linux
def test_a_child_that_has_died_between_two_files_is_replaced(child: ChildLoader) -> None:
    child(GOOD, name="a.md")
    pid = child.pid or 0
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_gone(pid))
    assert child(GOOD, name="a.md") == load(GOOD, name="a.md")
    assert child.pid != pid


@on_linux
def test_closing_gives_up_the_file_that_is_being_parsed(child: ChildLoader, endless_pdf: bytes) -> None:
    error = in_background(lambda: child(endless_pdf, name="b.pdf"))
    busy(child)
    start = time.monotonic()
    child.close()
    assert isinstance(error(), ParserUnavailable)
    assert time.monotonic() - start < 5
    assert child.pid is None


def test_threads_get_their_own_documents(child: ChildLoader) -> None:
    texts = [f"Number {at} is a sentence.".encode() * (at + 1) for at in range(40)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda data: child(data, name="a.txt").text.encode(), texts))
    assert found == texts


def test_warnings_are_logged_here(child: ChildLoader, caplog: pytest.LogCaptureFixture) -> None:
    one_cut = pdf(b"BT /F 10 Tf 10 700 Td (Good.) Tj ET", b"", kids=b"5 0 R 6 0 R")
    with caplog.at_level(logging.WARNING):
        assert child(one_cut, name="a.pdf").text.strip() == "Good."
    assert "'a.pdf': pages 2 could not be read" in caplog.text


@on_linux
def test_the_child_has_no_key_of_ours(child: ChildLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "swordfish")
    child(GOOD, name="a.md")
    assert b"swordfish" not in Path(f"/proc/{child.pid}/environ").read_bytes()


@on_linux
def test_a_child_that_answers_garbage_is_replaced(child: ChildLoader) -> None:
    child(GOOD, name="a.md")
    pid = child.pid
    with open(_replies(pid or 0), "wb") as pipe:  # noqa: PTH123  no file
        pipe.write(b"\x06" + b"garbage " * 20)
    with pytest.raises(ParserCrashed, match=r"'b\.md' crashed the parser \(it answered what is no document"):
        child(GOOD, name="b.md")
    assert child(GOOD, name="a.md") == load(GOOD, name="a.md")
    assert child.pid != pid


def _replies(pid: int) -> Path:
    """The pipe that a child answers through."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        info = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text()
        flags = int(info.split("flags:")[1].split()[0], 8)
        if str(entry.readlink()).startswith("pipe:") and flags & os.O_ACCMODE == os.O_WRONLY:
            return entry
    raise AssertionError("there is no such pipe")


@on_linux
@pytest.mark.parametrize("is_busy", [False, True])
def test_the_child_ends_with_its_parent(is_busy: bool, tmp_path: Path, endless_pdf: bytes) -> None:
    (tmp_path / "bomb.pdf").write_bytes(endless_pdf)
    code = (
        "import sys, threading, time; from index.load.child import ChildLoader; from pathlib import Path\n"
        "load = ChildLoader(); load(b'hello', name='a.txt'); print(load.pid, flush=True)\n"
        "if sys.argv[1] == 'True': load(Path('bomb.pdf').read_bytes(), name='b.pdf')\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code, str(is_busy)], stdout=subprocess.PIPE, cwd=tmp_path
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        if is_busy:
            until(lambda: cpu_seconds(pid) > 1)
        parent.kill()
    until(lambda: is_gone(pid), 5)


PARSED = Parsed(
    "Títle\n\nOne. Two.",
    "pdf",
    title="Títle",
    pages=(0, 7),
    headings=(Heading(1, "Títle", Span(0, 5)),),
    blocks=(Span(0, 5), Span(7, 16)),
)


def read(message: bytes) -> Reply:
    return read_reply(BytesIO(message), memory_bytes=2**20, max_text_chars=1000)


def test_a_document_comes_through_the_pipe_as_it_was() -> None:
    assert read(b"".join(encoded_reply(Reply(PARSED, ["a warning"])))) == Reply(PARSED, ("a warning",))


def test_what_a_child_says_can_not_begin_another_line_of_the_log() -> None:
    reply = read(b"".join(encoded_reply(Reply(PARSED, ["a\n\x1b[2Jb\u2028"]))))
    assert reply.warnings == (r"a\n\x1b[2Jb\u2028",)


@pytest.mark.parametrize(
    "wrong",
    [
        Parsed("a\0b", "text", blocks=(Span(0, 3),)),
        Parsed("ab", "text"),
        Parsed("ab", "text", blocks=(Span(0, 3),)),
        Parsed("ab", "text", blocks=(Span(1, 1),)),
        Parsed("ab", "text", blocks=(Span(1, 2), Span(0, 1))),
        Parsed("abc", "text", blocks=(Span(0, 2), Span(1, 3))),
        Parsed("a ", "text", blocks=(Span(0, 2),)),
        Parsed("ab", "exe", blocks=(Span(0, 2),)),  # type: ignore[arg-type]
        Parsed("ab", "text", title="\ud800", blocks=(Span(0, 2),)),
        Parsed("ab", "text", headings=(Heading(0, "ab", Span(0, 2)),), blocks=(Span(0, 2),)),
        Parsed("ab", "text", headings=(Heading(1, "ab", Span(-2, 2)),), blocks=(Span(0, 2),)),
        Parsed("ab", "text", headings=(Heading(1, "ab", Span(0, 9)),), blocks=(Span(0, 2),)),
        Parsed("ab", "text", pages=(3,), blocks=(Span(0, 2),)),
        Parsed("ab", "text", pages=(1, 0), blocks=(Span(0, 2),)),
        Parsed("a" * 1001, "text", blocks=(Span(0, 2),)),
    ],
)
def test_what_breaks_a_promise_of_documents_is_garbage(wrong: Parsed) -> None:
    with pytest.raises(GarbledReply):
        read(b"".join(encoded_reply(Reply(wrong))))


@given(st.data())
def test_a_changed_message_is_a_document_or_garbage_and_nothing_else(data: st.DataObject) -> None:
    message = bytearray(b"".join(encoded_reply(Reply(PARSED, ["a warning"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = read(bytes(message)).result
    except (GarbledReply, EOFError):
        return
    if isinstance(parsed, Parsed):
        assert all(0 <= block.start < block.end <= len(parsed.text) for block in parsed.blocks)
        assert "\0" not in parsed.text


CONFINED = """
import ctypes, fcntl, os, resource, socket, subprocess, sys
from index.load.confine import confine
confine()
path = sys.argv[1]
"""
FILTERED = """
import ctypes, os, resource, sys
from index.load.syscalls import refuse_calls
libc = ctypes.CDLL(None, use_errno=True)
if not refuse_calls():
    sys.exit("no filter")
path = sys.argv[1].encode()
pipe, owner = os.pipe()[0], ctypes.byref((ctypes.c_int * 2)(1, os.getppid()))
"""


NATIVE = """
import ctypes, sys
from index.load.confine import confine
native = ctypes.CDLL(None).open  # which no audit hook hears of
confine()
"""


def confined(tmp_path: Path, code: str, *, before: str = CONFINED) -> subprocess.CompletedProcess[str]:
    """A process of its own that has confined itself and then has run `code`, for which `path` is a file."""
    (tmp_path / "kept").write_text("kept")
    command = [sys.executable, "-P", "-c", before + code, str(tmp_path / "kept")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "code",
    [
        "socket.socket()",
        "socket.create_connection(('127.0.0.1', 9))",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.fork()",
        "os.kill(os.getppid(), 0)",
        "open(path, 'w')",
        "open(path, 'r+b')",
        "os.open(path, os.O_WRONLY)",
        "os.remove(path)",
        "os.rename(path, path + '2')",
        "os.mkdir(path + '2')",
        "ctypes.CDLL(None)",
        "fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    ],
)
def test_python_refuses_a_child_network_processes_and_writing(tmp_path: Path, code: str) -> None:
    ended = confined(tmp_path, code)
    assert "index.load.confine.Forbidden" in ended.stderr.splitlines()[-1]
    assert (tmp_path / "kept").read_text() == "kept"


@on_linux
@pytest.mark.parametrize(
    "call",
    [
        "socket(2, 1, 0)",
        "open(path, os.O_WRONLY)",
        "open(path + b'2', os.O_CREAT, 0o600)",
        "fork()",
        "kill(os.getppid(), 0)",
        "unlink(path)",
        "execv(b'/bin/true', None)",
        "fcntl(pipe, 8, os.getppid())",
        "fcntl(pipe, 10, 9)",
        "fcntl(pipe, 15, owner)",
        "ioctl(pipe, 0x5452, owner)",
        "ioctl(pipe, 0x8901, owner)",
        "ioctl(pipe, 0x8902, owner)",
        "prlimit(os.getppid(), 7, None, None)",
        "setpriority(0, os.getppid(), 5)",
        "sched_setaffinity(os.getppid(), 128, b'\\1' + bytes(127))",
        "sched_setscheduler(os.getppid(), 0, bytes(4))",
        "sched_setparam(os.getppid(), bytes(4))",
        "process_vm_readv(os.getppid(), None, 0, None, 0, 0)",
        "ptrace(16, os.getppid(), None, None)",
        "pidfd_open(os.getppid(), 0)",
        "setpgid(0, 0)",
    ],
)
def test_the_kernel_refuses_native_code_the_same(tmp_path: Path, call: str) -> None:
    ended = confined(tmp_path, f"print(libc.{call}, ctypes.get_errno())", before=FILTERED)
    if "no filter" in ended.stderr:
        pytest.skip("this system has no seccomp")
    assert ended.stdout.split() == ["-1", "1"], ended.stderr  # EPERM
    assert (tmp_path / "kept").read_text() == "kept"


@on_linux
def test_reading_and_importing_still_work(tmp_path: Path) -> None:
    code = (
        "import colorsys, encodings.cp1250, index.load.rtf; print(len(open(colorsys.__file__).read()) > 0)\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); print(os.get_blocking(0), os.isatty(0))\n"
        "from index.load.confine import address_space; print(address_space() > 0)"
    )
    assert confined(tmp_path, code).stdout.split() == ["True", "True", "False", "True"]


@on_linux
def test_computing_is_limited_where_nobody_is_left_to_watch(tmp_path: Path) -> None:
    ended = confined(tmp_path, "from index.load.confine import limit_cpu; limit_cpu(0.2)\nwhile True: pass")
    assert ended.returncode == -signal.SIGXCPU


@on_linux
@pytest.mark.parametrize("file", ["/proc/{parent}/environ", "/proc/{parent}/mem", "/etc/passwd", "{kept}"])
@pytest.mark.parametrize("by", ["Python", "the kernel"])
def test_a_child_can_read_no_file_but_those_of_the_program(tmp_path: Path, file: str, by: str) -> None:
    path = file.format(parent=os.getpid(), kept=tmp_path / "kept")
    if by == "Python":
        ended = confined(tmp_path, f"open({path!r}, 'rb').read(1)")
        assert "Forbidden: reading other files" in ended.stderr.splitlines()[-1]
        return
    code = f"print(native({os.fsencode(path)!r}, 0), native(ctypes.__file__.encode(), 0) >= 0)"
    ended = confined(tmp_path, code, before=NATIVE)
    if "has no Landlock" in ended.stderr:
        pytest.skip("this system has no Landlock")
    assert ended.stdout.split() == ["-1", "True"], ended.stderr


@on_linux
def test_a_child_can_list_no_folder_but_those_of_the_program(tmp_path: Path) -> None:
    for code in ("os.listdir(os.path.dirname(path))", "os.scandir('/proc')", "os.listdir()"):
        assert "Forbidden: reading other files" in confined(tmp_path, code).stderr.splitlines()[-1]


@on_linux
def test_the_thread_that_watches_the_parent_is_held_to_the_same_files(tmp_path: Path) -> None:
    code = """
import sys, threading
from index.load.confine import confine
found, go = [], threading.Event()
def look():
    go.wait()
    try:
        open(sys.argv[1])
    except PermissionError as error:
        found.append(error)
watching = threading.Thread(target=look)
confine(start=watching.start)
go.set()
watching.join()
print(len(found))
"""
    assert confined(tmp_path, code, before="").stdout == "1\n"


@on_linux
def test_a_child_that_does_not_get_ready_for_the_next_file_is_soon_replaced(child: ChildLoader) -> None:
    # That a child is ready mostly comes behind its answer, but may be read with it.
    assert any(_takes_ready_away(child) for _ in range(50))
    pid = child.pid
    start = time.monotonic()
    assert child(GOOD, name="a.md") == load(GOOD, name="a.md")
    assert child.pid != pid
    assert time.monotonic() - start < 30


def _takes_ready_away(child: ChildLoader) -> bool:
    """Parse a file, and read in the parent's place that the child is ready for the next; whether that came off."""
    child(GOOD, name="a.md")
    with open(_replies(child.pid or 0), "rb", buffering=0) as pipe:  # noqa: PTH123  no file
        return bool(select([pipe], [], [], 0.5)[0]) and pipe.read(1) == READY


def reply(head: bytes, *, headings: int = 0) -> bytes:
    return struct.pack("=IQQQQQ", len(head), 0, 0, 0, 0, headings) + head


def test_a_long_head_of_an_answer_is_garbage_before_it_is_read() -> None:
    with pytest.raises(GarbledReply, match="more about a document than there is to say"):
        read_reply(BytesIO(reply(b"[" + b"[]," * 2**20)), memory_bytes=2**30, max_text_chars=1000)
    with pytest.raises(GarbledReply, match="more about a document than there is to say"):
        read_reply(BytesIO(reply(b"{}", headings=100_001)), memory_bytes=2**30, max_text_chars=1000)


@pytest.mark.parametrize(
    "about",
    [
        {"title": ["ab"]},
        {"title": "a" * 501},
        {"title": "\ud800"},
        {"warnings": "a warning"},
        {"warnings": [1]},
        {"repairs": {"chrome": True}},
        {"repairs": {"chrome": 2**31}},
    ],
)
def test_a_head_that_describes_no_document_is_garbage(about: dict[str, object]) -> None:
    head = {"warnings": [], "format": "text", "title": "a", "repairs": {"chrome": 1}}
    sizes = (2, 0, 0, 2, 0)
    rest = b"ab" + struct.pack("=II", 0, 2)
    plain, changed = (json.dumps(each).encode() for each in (head, head | about))
    assert isinstance(read(struct.pack("=IQQQQQ", len(plain), *sizes) + plain + rest).result, Parsed)
    with pytest.raises(GarbledReply):
        read(struct.pack("=IQQQQQ", len(changed), *sizes) + changed + rest)


def test_titles_are_one_line_of_bounded_length() -> None:
    title = "a\r\n\x1b[2J\u2028\u202eb\0" + "c" * 600
    sent = replace(PARSED, title=title, headings=(Heading(12, title, Span(0, 5)),))
    result = read(b"".join(encoded_reply(Reply(sent)))).result
    assert isinstance(result, Parsed)
    expected = ("a   [2J  b " + "c" * 600)[:500]
    assert (result.title, result.headings) == (expected, (Heading(9, expected, Span(0, 5)),))


@pytest.mark.skipif(not FILES.is_dir(), reason="the evaluation data is not here; set QA_EVAL_DATA")
def test_each_real_and_hostile_file_ends_as_it_does_in_this_process(child: ChildLoader) -> None:
    for path in sorted(FILES.iterdir()):
        data = path.read_bytes()
        try:
            expected: Parsed | LoadError = load(data, name=path.name)
        except LoadError as error:
            expected = error
        try:
            found: Parsed | LoadError = child(data, name=path.name)
        except LoadError as error:
            found = error
        assert not isinstance(found, ParsingFailed), path.name
        assert (type(found), str(found)) == (type(expected), str(expected))
