from pathlib import Path

from click.testing import CliRunner

from qa_service.cli import main


def test_without_feedback_the_list_is_empty_and_says_so_beside_it(tmp_path: Path) -> None:
    listed = CliRunner().invoke(main, ["feedback", "list"], env={"QA_DATA_DIR": str(tmp_path)})
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert listed.stderr.startswith("no feedback yet: ")
    assert listed.stderr.count("\n") == 1
