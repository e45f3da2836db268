from pathlib import Path

from tests.invoking import invoke


def test_without_feedback_the_list_is_empty_and_says_so_beside_it(tmp_path: Path) -> None:
    listed = invoke(tmp_path, "feedback", "list")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert listed.stderr.startswith("no feedback yet: ")
    assert listed.stderr.count("\n") == 1
