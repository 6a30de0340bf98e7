"""The tools that are measured: how each is installed, and how the same pipeline is written for it.

The pipeline has `size` independent stages; stage i reads ``data/raw/i.json`` and writes one JSON file.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from glob import glob
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Peer:
    """A tool on this machine.

    Attributes:
        label: with its version, as the table shows it.
        command: a whole process that brings the pipeline up to date.
        write: makes the project of that many stages in a folder.
        traces: what a first run leaves behind, as globs; removing it makes the next run cold.
        python: the interpreter that runs it.
    """

    label: str
    command: tuple[str, ...]
    write: Callable[[Path, int], None]
    traces: tuple[str, ...]
    python: str

    def forget(self, folder: Path) -> None:
        """Make the next run a cold one."""
        for trace in self.traces:
            for path in folder.glob(trace):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@dataclass(frozen=True)
class Absent:
    """A tool that could not be installed, and why."""

    label: str
    why: str


def pivot() -> Peer:
    """Pivot, as installed in the environment that runs this script."""
    found = _run([sys.executable, "-c", "import pivot; print(pivot.__version__)"]).strip()
    command = (str(Path(sys.executable).parent / "pivot"), "repro")
    return Peer(f"Pivot {found}", command, _write_pivot, (".pivot", "out"), sys.executable)


def doit() -> Peer | Absent:
    """doit, a task runner that decides by file hashes; its tasks run in its own process."""
    folder = _environment("doit", ["doit"], sys.executable)
    if isinstance(folder, str):
        return Absent("doit", folder)
    python = str(folder / "bin" / "python")
    found = _version(python, "doit")
    command = (str(folder / "bin" / "doit"), "--verbosity", "0")
    return Peer(f"doit {found}", command, _write_doit, (".doit.db*", "out"), python)


def upstream() -> Peer | Absent:
    """The distribution named ``pivot`` on the public index, which needs exactly Python 3.13."""
    label = "upstream Pivot 0.5.11"
    interpreter = _interpreter("3.13")
    if interpreter is None:
        return Absent(label, "needs Python 3.13, which this machine does not have")
    folder = _environment("upstream", ["pivot==0.5.11"], interpreter)
    if isinstance(folder, str):
        return Absent(label, folder)
    command = (str(folder / "bin" / "pivot"), "repro")
    traces = (".pivot/*", "data/bench")
    return Peer(label, command, _write_upstream, traces, str(folder / "bin" / "python"))


def _environment(name: str, packages: list[str], interpreter: str) -> Path | str:
    """A virtual environment with the packages, bytecode compiled; or why there is none."""
    folder = CHECKOUT / f".venv-bench-{name}"
    stamp = folder / ".installed"
    if not stamp.exists():
        try:
            _run([interpreter, "-m", "venv", "--clear", str(folder)])
            _run([str(folder / "bin" / "pip"), "install", "--quiet", "--compile", *packages])
        except subprocess.CalledProcessError as error:
            return f"could not be installed: {(error.stderr.strip() or str(error)).splitlines()[-1]}"
        stamp.touch()
    return folder


def _interpreter(version: str) -> str | None:
    """An interpreter of that version that starts; shims that do not are passed over."""
    folders = os.environ["PATH"].split(os.pathsep)
    folders += glob(os.path.expanduser("~/.pyenv/versions/*/bin"))
    for folder in folders:
        candidate = os.path.join(folder, f"python{version}")
        if os.access(candidate, os.X_OK):
            try:
                _run([candidate, "-c", ""])
            except (subprocess.CalledProcessError, OSError):
                continue
            return candidate
    return None


def _version(python: str, package: str) -> str:
    return _run(
        [python, "-c", f"from importlib.metadata import version; print(version('{package}'))"]
    ).strip()


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


PIVOT_STAGES = """
from typing import Annotated

import pivot


def step(
    value: Annotated[dict, pivot.Dep("in.json", pivot.loaders.JSON())],
) -> Annotated[dict, pivot.Out("out.json", pivot.loaders.JSON())]:
    return {"n": value["n"] + 1}
"""


def _write_pivot(folder: Path, size: int) -> None:
    _write_inputs(folder, size)
    (folder / "stages.py").write_text(PIVOT_STAGES)
    stages = "".join(
        f"  step{i}:\n    python: stages.step\n    deps:\n      value: data/raw/{i}.json\n"
        f"    outs:\n      output: out/{i}.json\n"
        for i in range(size)
    )
    (folder / "pivot.yaml").write_text(f"stages:\n{stages}")


DOIT_TASKS = """
import json
import os


def step(source, target):
    with open(source) as file:
        value = json.load(file)
    os.makedirs("out", exist_ok=True)
    with open(target, "w") as file:
        json.dump({{"n": value["n"] + 1}}, file)


def task_step():
    for i in range({size}):
        source, target = f"data/raw/{{i}}.json", f"out/{{i}}.json"
        yield {{"name": str(i), "actions": [(step, [source, target])], "file_dep": [source], "targets": [target]}}
"""


def _write_doit(folder: Path, size: int) -> None:
    _write_inputs(folder, size)
    (folder / "dodo.py").write_text(DOIT_TASKS.format(size=size))


UPSTREAM_PIPELINE = """
from typing import Annotated

from pivot import Pipeline, loaders, stage


@stage
def step(value: dict) -> Annotated[dict, loaders.JSON()]:
    return {{"n": value["n"] + 1}}


with Pipeline("bench") as pipeline:
    for i in range({size}):
        step(pipeline.input(f"{{i}}.json"))
"""


def _write_upstream(folder: Path, size: int) -> None:
    _write_inputs(folder, size)
    (folder / ".pivot").mkdir()
    (folder / "pipeline.py").write_text(UPSTREAM_PIPELINE.format(size=size))


def _write_inputs(folder: Path, size: int) -> None:
    (folder / "data" / "raw").mkdir(parents=True)
    for i in range(size):
        (folder / "data" / "raw" / f"{i}.json").write_text(json.dumps({"n": i}))
