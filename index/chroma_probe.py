"""Whether a Chroma store can be opened: tried in a child process, which a torn one can end."""

import subprocess
import sys
from pathlib import Path

from index.durable import remove

PROBE_SECONDS = 120
_CODE = "import pathlib, sys; from index.dense import probe_for_parent as p; p(pathlib.Path(sys.argv[1]))"


def remove_unsound(path: Path, *, seconds: float = PROBE_SECONDS) -> None:
    """Remove a store in which a child process finds a fault, or that it can't read in so many seconds."""
    if path.exists() and not _is_sound(path, seconds):
        remove(path)


def _is_sound(path: Path, seconds: float) -> bool:
    # -P: the folder that the command is called in is no place to import from.
    command = [sys.executable, "-P", "-c", _CODE, str(path)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as child:  # noqa: S603 - our own
        try:
            return child.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            child.kill()
            return False
