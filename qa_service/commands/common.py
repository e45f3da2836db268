"""What all commands have in common: their settings, the service that they go through, and how they complain."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from qa_service.clients.client import Client
    from qa_service.clients.local import Local
    from qa_service.settings import Settings


def settings() -> "Settings":
    """The settings of this environment; a variable that looks misspelt is pointed out."""
    from qa_service.settings import load_settings, misspelt

    for name, meant in misspelt().items():
        complain(f"{name} is no setting and is ignored: did you mean {meant}?")
    return load_settings()


def running(found: "Settings") -> "Client | None":
    """A client of the service that runs on the data directory, None where none does; settings it ignores are named."""
    from index.owner import find_owner

    owner = find_owner(found.data_dir)
    if owner is None or owner.url is None:
        return None
    from qa_service.clients.client import Client

    if ignored := sorted(found.model_fields_set - {"data_dir"}):
        names = ", ".join(f"QA_{name.upper()}" for name in ignored)
        click.echo(f"the service that runs here has settings of its own: {names} not used", err=True)
    return Client(owner.url, token=owner.token)


@contextmanager
def connected(command: str) -> "Iterator[Local | Client]":
    """The service that runs on the data directory, or else the directory itself, owned for the while."""
    from index.owner import OwnerLock

    found = settings()
    if service := running(found):
        with service as client:
            yield client
        return
    lock = OwnerLock(found.data_dir, command=command)  # before the imports, so that it is refused at once
    try:
        from qa_service.clients.local import Local
        from qa_service.services import Services

        services = Services(found)
        try:
            yield Local(services)
        finally:
            services.close()
    finally:
        lock.release()


def complain(message: str) -> None:
    """Say on standard error what went wrong, as one line."""
    from qa_service.printable import printable

    click.echo(f"qa: {printable(message)}", err=True)
