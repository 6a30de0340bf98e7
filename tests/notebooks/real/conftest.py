"""Notebooks as text, and what becomes of their functions as a plain script and as stages.

A notebook's cells begin with ``# %%``. Its first line may say in which order its author ran them. At its end stand the
data file that the calls are made on, how it is read, and a call for each function:

    # %% calls orders.csv: pd.read_csv(path)
    clean: clean(data)
    biggest: biggest()  # refused: orders, reads a file

``refused`` is what a true refusal says, where a function rests on what cannot be had in another process.
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

HERE = Path(__file__).parent
EXECUTE = HERE.parent.parent / "jupyter" / "execute.py"
SCRIPT = "import builtins, runpy; builtins.display = print; runpy.run_path('script.py', run_name='__main__')"
IMPORTS = "import pathlib\nfrom typing import Annotated\nimport pivot\nfrom plain import plain"


@dataclass(frozen=True)
class Call:
    """How a function is called; `refused`: what is said if it cannot be part of a stage."""

    function: str
    expression: str
    refused: str = ""


@dataclass(frozen=True)
class Notebook:
    """Cells in the order in which they stand; `executed`: their numbers, from 1, in the order in which they ran."""

    cells: tuple
    executed: tuple
    file: str
    data: str
    calls: tuple

    @property
    def script(self):
        """What its author ran, as a plain script: no lines that only a kernel understands."""
        text = "\n".join(self.cells[number - 1] for number in self.executed)
        return re.sub(r"(?m)^(%time )|^[%!].*$", "", text)


def read(text):
    """A notebook from its text."""
    first, *parts = re.split(r"(?m)^# %%(.*)\n", text)
    heads, bodies = parts[::2], [body.strip("\n") for body in parts[1::2]]
    file, data = re.fullmatch(r" calls ([\w.]+): (.*)", heads[-1]).groups()
    calls = tuple(
        Call(*re.fullmatch(r"(\w+): (.*?)(?:  # refused: (.*))?", line).groups(default=""))
        for line in bodies[-1].splitlines()
    )
    cells = tuple(bodies[:-1])
    order = re.search(r"# executed: ([\d ]+)", first)
    executed = tuple(map(int, order[1].split())) if order else tuple(range(1, len(cells) + 1))
    return Notebook(cells, executed, file, data, calls)


def stage_text(notebook, call):
    """A stage that calls one function and gives what came of it as text."""
    return f"""
def of_{call.function}(
    path: Annotated[pathlib.Path, pivot.Dep("{notebook.file}", pivot.loaders.PathOnly())],
) -> Annotated[str, pivot.Out("made/{call.function}.json", pivot.loaders.JSON())]:
    data = {notebook.data}
    return plain(({call.expression}))
"""


def truth_program(notebook):
    """A script that runs the cells, then each call in a process of its own, and prints what came of each."""
    calls = json.dumps({call.function: call.expression for call in notebook.calls})
    return f"""{notebook.script}

import json as _json, os as _os, pathlib as _pathlib, sys as _sys, traceback as _traceback
from plain import plain as _plain

path = _pathlib.Path("{notebook.file}")
for _function, _expression in _json.loads({calls!r}).items():
    _sys.stdout.flush()
    if _os.fork() == 0:
        try:
            data = {notebook.data}
            _text = _json.dumps(_plain(eval(_expression)))
        except BaseException:
            _traceback.print_exc()
            _os._exit(1)
        _pathlib.Path("truth", _function + ".json").write_text(_text)
        _os._exit(0)
    _, _status = _os.wait()
    if _status:
        _sys.exit(f"{{_function}} does not work as a plain script")
"""


@dataclass(frozen=True)
class Measured:
    """What became of a notebook's functions.

    Attributes:
        rows: function → "same", "different" or why it was refused.
        again: what `pivot repro` said of the exported stages in a shell.
    """

    notebook: Notebook
    rows: dict
    again: str

    @property
    def same(self):
        """The functions that work in a stage as they do in a script."""
        return [function for function, outcome in self.rows.items() if outcome == "same"]

    def table(self):
        """A line for each function."""
        return "\n".join(f"{function:20} {outcome}" for function, outcome in self.rows.items())


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Measures a notebook by name: each call as a plain script, and as a stage in a real kernel."""
    for name in (
        "IPYTHONDIR",
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "MPLCONFIGDIR",
    ):
        (tmp_path / "own" / name).mkdir(parents=True)
        monkeypatch.setenv(name, str(tmp_path / "own" / name))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("SALES_DEBUG", raising=False)

    def measure(name):
        notebook = read((HERE / f"{name}.txt").read_text(encoding="utf-8"))
        script, kernel = tmp_path / "script", tmp_path / "kernel"
        for folder in (script, kernel):
            folder.mkdir()
            for file in (notebook.file, "plain.py"):
                shutil.copy(HERE / file, folder)
        (script / "truth").mkdir()
        (script / "script.py").write_text(truth_program(notebook), encoding="utf-8")
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SCRIPT],
            cwd=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as truth:
            refusals = _refusals(notebook, name, tmp_path / "notebook.ipynb", kernel)
            told, _ = truth.communicate()
        assert truth.returncode == 0, told.decode()
        again = subprocess.run(
            [sys.executable, "-m", "pivot", "repro"], cwd=kernel, capture_output=True, text=True, check=False
        )
        rows = {
            call.function: refusals.get(call.function) or _compared(call.function, script, kernel)
            for call in notebook.calls
        }
        return Measured(notebook, rows, again.stdout + again.stderr)

    return measure


def _refusals(notebook, name, path, folder):
    """Runs the cells in a kernel, then all calls as stages, and exports; gives what was refused, and why."""
    groups = [[call for call in notebook.calls if not call.refused]]
    groups += [[call] for call in notebook.calls if call.refused]
    texts = [f"%load_ext pivot_jupyter\n%pivot module {name}_stages"]
    texts += [*(notebook.cells[number - 1] for number in notebook.executed), IMPORTS]
    first = len(texts)
    texts += ["%%pivot_stage" + "".join(stage_text(notebook, call) for call in group) for group in groups]
    texts += [f"%pivot forget of_{call.function}" for group in groups[1:] for call in group]
    texts += ["%pivot run --keep-going", "%pivot export"]
    cells = [nbformat.v4.new_code_cell(text) for text in texts]
    for cell in cells[first:]:
        cell.metadata["tags"] = ["raises-exception"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    done = subprocess.run(
        [sys.executable, EXECUTE, path, folder], capture_output=True, text=True, check=False
    )
    ran = nbformat.read(path, as_version=4)
    assert done.returncode == 0, done.stderr + str(ran.metadata.get("error"))
    refusals = {}
    for group, cell in zip(groups, ran.cells[first:], strict=False):
        for output in cell.outputs:
            if output.output_type == "error":
                refusals.update({call.function: output.evalue for call in group})
    return refusals


def _compared(function, script, kernel):
    expected = json.loads((script / "truth" / f"{function}.json").read_text(encoding="utf-8"))
    made = kernel / "made" / f"{function}.json"
    if not made.exists():
        return "different: it failed in its stage"
    value = json.loads(made.read_text(encoding="utf-8"))
    return "same" if value == expected else f"different: {value} instead of {expected}"
