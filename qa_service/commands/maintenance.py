"""`qa backup`, `qa restore`, `qa doctor`: the data directory as a whole."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qa_service.commands import common

if TYPE_CHECKING:
    from qa_service.maintenance.backup import Manifest


@click.command(short_help="Write everything stored to FILE, also while a service runs.")
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Write everything that is stored to FILE, also while a service runs."""
    from qa_service.maintenance.backup import back_up

    manifest = back_up(common.settings(), file)
    click.echo(f"{_counted(manifest)}: {file}, sha256 of the catalog {manifest.sha256}")


@click.command(short_help="Put what `qa backup` wrote to FILE into a data directory.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Move the catalog that is there aside.")
def restore(file: Path, force: bool) -> None:
    """Put what `qa backup` wrote to FILE into a data directory that has no catalog.

    The file is verified first: where a byte of it is not as it was written, nothing is changed.
    """
    from qa_service.maintenance.backup import restore as put_back

    settings = common.settings()
    restored = put_back(settings, file, force=force)
    manifest = restored.manifest
    made = datetime.fromtimestamp(manifest.created_at / 1000, UTC)
    click.echo(f"{_counted(manifest)}, as of {made:%Y-%m-%d %H:%M} UTC, by release {manifest.version}")
    if restored.aside:
        click.echo(f"the catalog that was here is in {restored.aside}")
    click.echo("what searches is made again at the next start; nothing is embedded again")


@click.command(short_help="Compare what is stored with its hashes and what searches it.")
@click.option("--repair", is_flag=True, help="Make what differs from the catalog again from it.")
@click.option("--canary", metavar="TEXT", default="", help="Say where TEXT, which was deleted, still stands.")
def doctor(repair: bool, canary: str) -> None:
    """Compare everything that is stored with its hashes and with what searches it.

    Nothing is changed without --repair, and nothing is ever embedded. The exit code is 1 where something is
    broken. While a service runs, only the catalog is looked at.
    """
    from qa_service.maintenance.doctor import examine
    from qa_service.printable import printable

    broken = False
    for finding in examine(common.settings(), repair=repair, canary=canary):
        broken |= finding.state == "broken"
        click.echo(printable(f"{finding.state:9}  {finding.check:16}  {finding.detail}"))
    if broken:
        sys.exit(1)


def _counted(manifest: "Manifest") -> str:
    return ", ".join(f"{count:,} {name}" for name, count in manifest.counts.items())
