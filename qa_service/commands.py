"""What all commands have in common: their settings, and how they complain."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from qa_service.settings import Settings


def settings() -> "Settings":
    """The settings of this environment; a variable that looks misspelt is pointed out."""
    from qa_service.settings import load_settings, misspelt

    for name, meant in misspelt().items():
        complain(f"{name} is no setting and is ignored: did you mean {meant}?")
    return load_settings()


def complain(message: str) -> None:
    """Say on standard error what went wrong, as one line."""
    from qa_service.terminal import printable

    click.echo(f"qa: {printable(message)}", err=True)
