"""What is installed has the widget that was built from its source."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIDGET = ROOT / "qa_service" / "static" / "widget.js"


def test_the_wheel_holds_the_committed_widget(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("qa_service/static/widget.js") == WIDGET.read_bytes()


def test_the_committed_widget_is_what_its_source_builds(node: str) -> None:
    check = [node, "build/build.mjs", "--check"]
    built = subprocess.run(check, cwd=ROOT / "widget", capture_output=True, text=True, timeout=60)
    assert built.returncode == 0, built.stderr
