"""The program in `examples/llama_index_retriever.py`, as a process over an index of the shipped documents."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from index.embed import Embedder
from index.sync import sync
from qa_service.clients.local_shelf import LocalShelf
from qa_service.scripted import Received, Reply, ScriptedProvider
from qa_service.services import opened
from qa_service.settings import Settings

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "llama_index_retriever.py"
QUESTION = "At what depth does the seawater intake lie?"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, embedder: Embedder) -> Path:
    folder = tmp_path_factory.mktemp("retriever") / "data"
    folder.mkdir()
    (folder / "models").symlink_to(model_cache)
    with opened(Settings(data_dir=folder), command="pytest", embedder=embedder) as services:
        shelf = LocalShelf(services, "default", on_embedded=lambda _name, _done, _total: None)
        for result in sync(shelf, ROOT / "examples" / "documents" / "handbook"):
            assert result.outcome == "indexed"
    return folder


def run(data_dir: Path, *options: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    shown = subprocess.run(
        [sys.executable, EXAMPLE, QUESTION, *options],
        env={**kept, "QA_DATA_DIR": str(data_dir), "OPENAI_API_KEY": "any"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_the_passages_are_printed_without_a_model(data_dir: Path) -> None:
    lines = run(data_dir, "-k", "3").splitlines()
    assert len(lines) == 6
    assert "handbook/05-seawater-system.md:" in lines[0]
    assert "12 m below mean water" in lines[1]


def test_a_model_is_given_the_passages_and_its_answer_is_printed(data_dir: Path) -> None:
    def reply(request: Received) -> Reply:
        assert "12 m below mean water" in str(request.body["messages"])
        return Reply("The intake lies at 12 m.")

    with ScriptedProvider(reply) as provider:
        shown = run(data_dir, "--model", "scripted", "--api-base", provider.url)
    assert shown.startswith("The intake lies at 12 m.\n")
    assert len(provider.requests) == 1
