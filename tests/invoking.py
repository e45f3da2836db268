"""`qa` commands in this process, which a process of their own would need seconds to load."""

from pathlib import Path

from click.testing import CliRunner, Result

from qa_service.cli import main


def invoke(data_dir: Path, *arguments: object, typed: str | None = None, **settings: str) -> Result:
    """A command on a data directory that has ended, with what it printed; raises what it did not handle."""
    environment = {"QA_DATA_DIR": str(data_dir), **settings}
    result = CliRunner().invoke(main, [str(each) for each in arguments], input=typed, env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
