"""Notebooks that are executed in a real kernel."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

IMPORTS = """
import pathlib
from typing import Annotated, TypedDict
import pandas as pd
from pivot import loaders, outputs
import pivot
"""


@dataclass
class Ran:
    """A notebook after Run All: what each cell showed, and the error that stopped it."""

    cells: list
    error: str = ""
    texts: list = field(default_factory=list)

    def text(self, index):
        return self.texts[index]


@pytest.fixture
def shell(kernel_place, monkeypatch):
    """An IPython shell in this process with the extension loaded, in an empty folder."""
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.chdir(kernel_place)
    made = InteractiveShell()
    made.history_manager.enabled = False
    made.run_line_magic("load_ext", "pivot_jupyter")
    made._pivot_doorway.open()  # which the next cell would do
    yield made
    made.run_line_magic("unload_ext", "pivot_jupyter")
    made.history_manager.end_session()
    made.reset(new_session=False)


@pytest.fixture
def say(shell, capsys):
    """Runs cells in `shell`; gives what the last one printed, or its error as one text."""

    def run(*texts):
        told = ""
        for text in texts:
            result = shell.run_cell(text, store_history=True)
            out, err = capsys.readouterr()
            told = out + err
            if not result.success:
                problem = result.error_in_exec or result.error_before_exec
                return f"{type(problem).__name__}: {problem}"
        return told

    return run


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
    project.mkdir()
    return project


@pytest.fixture
def ready(kernel_place, say):
    """A session with its imports made, one file of data, and one value."""
    (kernel_place / "raw.txt").write_text("abc\n")
    assert say(IMPORTS, "SUFFIX = '!'") == ""
    return say


@pytest.fixture
def run_all(kernel_place, tmp_path):
    """Restart and Run All in a fresh kernel: texts of cells → what they showed; stops at the first error."""

    def run(*texts):
        path = tmp_path / "own" / "run.ipynb"
        cells = [nbformat.v4.new_code_cell(text) for text in ("%load_ext pivot_jupyter", *texts)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        command = [sys.executable, str(Path(__file__).with_name("execute.py")), str(path), str(kernel_place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
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
