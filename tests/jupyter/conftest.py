"""Notebooks that are executed in a real kernel."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest


@dataclass
class Ran:
    """A notebook after Run All: what each cell showed, and the error that stopped it."""

    cells: list
    error: str = ""
    texts: list = field(default_factory=list)

    def text(self, index):
        return self.texts[index]


@pytest.fixture
def kernel_place(tmp_path, monkeypatch):
    """A folder for a notebook; Jupyter and IPython keep their own files elsewhere below tmp_path."""
    own = tmp_path / "own"
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        (own / name).mkdir(parents=True)
        monkeypatch.setenv(name, str(own / name))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    project = tmp_path / "project"
    (project / ".pivot").mkdir(parents=True)
    return project


@pytest.fixture
def run_all(kernel_place, tmp_path):
    """Restart and Run All in a fresh kernel: texts of cells → what they showed; stops at the first error."""

    def run(*texts):
        path = tmp_path / "own" / "run.ipynb"
        cells = [nbformat.v4.new_code_cell(text) for text in ("%load_ext pivot_jupyter", *texts)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        command = [sys.executable, str(Path(__file__).with_name("execute.py")), str(path), str(kernel_place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stderr
        notebook = nbformat.read(path, as_version=4)
        ran = Ran(notebook.cells[1:], notebook.metadata.get("error", ""))
        ran.texts = [_shown(cell) for cell in ran.cells]
        assert done.returncode == bool(ran.error), done.stderr
        return ran

    return run


def _shown(cell):
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback))
        else:
            parts.append(output.data.get("text/plain", ""))
    return "\n".join(parts)
