import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import index.errors
import qa_service.errors
from qa_service.cli import main
from qa_service.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def sections(name: str, level: int) -> dict[str, str]:
    """The text below each heading of a level, up to the next heading of that level or above."""
    text = (DOCS / name).read_text()
    parts = re.split(rf"^#{{1,{level}}} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


# Settings


def test_every_setting_has_its_heading() -> None:
    described = {name for name in sections("settings.md", 3) if name.startswith("QA_")}
    assert described == {f"QA_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_default_of_a_setting_is_the_documented_one(name: str) -> None:
    default = Settings.model_fields[name].default
    shown = "none" if default == () else "unset" if default is None else f"`{default}`"
    text = sections("settings.md", 3)[f"QA_{name.upper()}"]
    assert re.findall(r"^Default: (.+)$", text, flags=re.MULTILINE) == [shown]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_unit_of_a_setting_is_documented(name: str) -> None:
    text = sections("settings.md", 3)[f"QA_{name.upper()}"]
    for ending, unit in (
        ("_seconds", "second"),
        ("_mib", "MiB"),
        ("_tokens", "token"),
        ("_characters", "character"),
    ):
        assert not name.endswith(ending) or unit in text


# The command line


COMMANDS = [
    "",
    "index",
    "ask",
    *("collections", *(f"collections {name}" for name in ("list", "create", "delete"))),
    *("conversations", *(f"conversations {name}" for name in ("create", "list", "export", "delete"))),
    "search",
    "serve",
    *("keys", *(f"keys {name}" for name in ("create", "list", "rotate", "revoke"))),
    *("feedback", *(f"feedback {name}" for name in ("list", "export", "delete"))),
    *("backup", "restore", "doctor", "reindex"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_the_documented_one(command: str) -> None:
    shown = CliRunner().invoke(main, [*command.split(), "--help"], prog_name="qa", terminal_width=100)
    assert blocks(sections("cli.md", 2)[f"qa {command}".strip()])[0] == shown.stdout


def test_every_command_is_documented() -> None:
    assert {name for name in sections("cli.md", 2) if name.startswith("qa")} == {
        f"qa {name}".strip() for name in COMMANDS
    }


def test_the_example_of_what_doctor_looks_at_is_whole(indexed: Path) -> None:
    told = CliRunner().invoke(main, ["doctor"], env={"QA_DATA_DIR": str(indexed)})
    (example,) = (
        each for each in blocks(sections("cli.md", 2)["qa doctor"]) if each.startswith("$ qa doctor")
    )
    assert [line[:29] for line in example.splitlines()[1:]] == [
        line[:29] for line in told.stdout.splitlines()
    ]
    assert example.splitlines()[1] == told.stdout.splitlines()[0]  # the last revision


# Errors


def codes() -> set[tuple[str, str]]:
    found, waiting = set(), [index.errors.QAError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if error.__module__ in (index.errors.__name__, qa_service.errors.__name__):
            found.add((error.code, str(error.status)))
    return found


def test_every_error_code_is_documented_with_its_status() -> None:
    table = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", (DOCS / "http.md").read_text(), flags=re.MULTILINE)
    assert codes() <= set(table)
    assert len(table) == len(dict(table))
