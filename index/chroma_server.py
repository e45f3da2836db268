"""A Chroma server of our own, on loopback, for several processes over one data directory.

Chroma's files are for one process. So where several serve from one data directory, a child opens them and the
others ask it. It asks nobody for a password: whoever may connect on loopback may read vectors and ids there.
"""

import socket
import subprocess
import sys
from pathlib import Path

from index.chroma_probe import remove_unsound
from index.lifeline import end_with_parent

_HOST = "127.0.0.1"
_CLOSE_SECONDS = 10
_CODE = (
    "import pathlib, sys; from index.chroma_server import run; "
    "run(pathlib.Path(sys.argv[1]), int(sys.argv[2]), trusted=bool(int(sys.argv[3])))"
)


class ChromaServer:
    """The child over the store under `path`; one that has ended is started again by `ensure`.

    It ends with the process that made this and those that were forked from it, however they end, and keeps its address
    when it is started again. A store that is not `trusted`, as after it was killed, is probed before it is opened, and
    removed where it is damaged, for the catalog to fill it again.
    """

    def __init__(self, path: Path, *, trusted: bool = False) -> None:
        self._path = path
        self._trusted = trusted
        self._port = _free_port()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://{_HOST}:{self._port}"

    def ensure(self) -> bool:
        """Start it where it does not run; whether that was so. It answers a second or so later."""
        if self._child is not None:
            if self._child.poll() is None:
                return False
            self.close()
        # -P: the folder that the command is called in is no place to import from.
        command = [
            sys.executable,
            "-P",
            "-c",
            _CODE,
            str(self._path),
            str(self._port),
            str(int(self._trusted)),
        ]
        self._trusted = False
        self._child = subprocess.Popen(  # noqa: S603 - our own
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for those who use it
        )
        return True

    def close(self) -> bool:
        """End it; whether it ran until now and has closed its store."""
        if self._child is None:
            return False
        has_run = self._child.poll() is None
        self._child.terminate()
        try:
            code = self._child.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            code = self._child.wait()
        if self._child.stdin:
            self._child.stdin.close()
        return has_run and code == 0


def run(path: Path, port: int, *, trusted: bool) -> None:
    """Serve the store under `path`, in a process that ends with the one that holds its standard input."""
    end_with_parent()
    if not trusted:
        remove_unsound(path)
    import chromadb_rust_bindings  # type: ignore[import-untyped]

    chromadb_rust_bindings.cli(["chroma", "run", "--path", str(path), "--host", _HOST, "--port", str(port)])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
