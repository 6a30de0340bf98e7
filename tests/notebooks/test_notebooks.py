"""The notebooks run as they stand, and running one again gives the outputs that are in git."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent.parent / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder as a fresh clone has it, and no Jupyter settings of this machine's user."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    made = tmp_path / "notebooks"
    made.mkdir()
    shutil.copytree(FOLDER / "data", made / "data")
    for notebook in NOTEBOOKS:
        shutil.copy(FOLDER / notebook, made)
    return made


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_second_run_gives_the_outputs_in_git_and_runs_no_stage(name: str, copy: Path) -> None:
    notebook = nbformat.read(copy / name, as_version=4)
    NotebookClient(notebook, timeout=170, resources={"metadata": {"path": str(copy)}}).execute()
    before = outcomes(copy)
    assert "ran" in before

    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-p",
        "no:cacheprovider",
        name,
    ]
    checked = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "ran" not in outcomes(copy)[len(before) :]


def outcomes(folder: Path) -> list[str]:
    """How stages ended in all runs so far, oldest first."""
    logs = sorted((folder / ".pivot" / "runs").glob("*/events.jsonl"), key=os.path.getmtime)
    events = [json.loads(line) for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
    return [event["outcome"] for event in events if event["event"] == "StageFinished"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_holds_no_error_and_names_no_folder_of_a_machine(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    cells = nbformat.reads(text, as_version=4).cells
    kinds = {output.output_type for cell in cells for output in cell.get("outputs", [])}
    assert "error" not in kinds
    assert "/home/" not in text
    assert "/tmp" not in text
