import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from qa_service.cli import main

COMMANDS = [
    "",
    "index",
    "ask",
    *("conversations", *(f"conversations {name}" for name in ("create", "list", "export", "delete"))),
    "search",
    "serve",
    *("collections", *(f"collections {name}" for name in ("create", "list", "delete"))),
    *("keys", *(f"keys {name}" for name in ("create", "list", "rotate", "revoke"))),
    *("feedback", *(f"feedback {name}" for name in ("list", "export", "delete"))),
    *("backup", "restore", "doctor", "reindex"),
]
HEAVY = {
    "chromadb",
    "flask",
    "gunicorn",
    "httpx",
    "litellm",
    "llama_index",
    "numpy",
    "onnxruntime",
    "pydantic",
} | {
    "pydantic_settings",
    "rich",
    "sqlalchemy",
    "tantivy",
}


def test_help_is_instant() -> None:
    qa = str(Path(sys.executable).with_name("qa"))
    measured = []
    for _ in range(5):  # the machine may be busy: the best of five counts
        began = time.monotonic()
        subprocess.run([qa, "--help"], check=True, capture_output=True)
        measured.append(time.monotonic() - began)
    assert min(measured) < 0.3


@pytest.mark.parametrize("command", COMMANDS)
def test_no_help_imports_anything_heavy(command: str) -> None:
    code = (
        "import sys; from qa_service.cli import main\n"
        f"main({[*command.split(), '--help']!r}, standalone_mode=False)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    child = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert child.stdout.startswith("Usage: ")
    assert not HEAVY & set(child.stderr.split())


@pytest.mark.parametrize("group", ["", "collections", "conversations", "feedback", "keys"])
def test_in_a_terminal_of_80_columns_no_description_is_cut(group: str) -> None:
    shown = CliRunner().invoke(main, [*group.split(), "--help"], prog_name="qa", terminal_width=80).stdout
    listed = shown.partition("Commands:\n")[2].splitlines()
    assert len(listed) >= 3
    assert all(line.endswith(".") and "..." not in line and len(line) <= 80 for line in listed)


def test_every_command_is_tested() -> None:
    groups = {
        "": main,
        **{name: main.commands[name] for name in ("collections", "conversations", "feedback", "keys")},
    }
    found = {f"{group} {name}".strip() for group, held in groups.items() for name in held.commands}  # type: ignore[attr-defined]
    assert found | {""} == set(COMMANDS)
