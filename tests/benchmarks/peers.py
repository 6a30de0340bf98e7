"""The tools that are measured: how each is installed, and how it is told to bring a pipeline up to date."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

import projects
from measure import clean_environment, process

CHECKOUT = Path(__file__).parent.parent.parent
LONGEST = 30
"""Seconds: a tool is left out of the sizes at which one of its runs takes longer."""


@dataclass(frozen=True, eq=False)
class Peer:
    """A tool on this machine.

    Attributes:
        label: with its version, as the table shows it.
        command: a whole process that brings the pipeline up to date.
        write: makes the project of that many stages in a folder.
        traces: what a first run leaves behind, as globs; removing it makes the next run cold.
        python: the interpreter that runs it, if one does.
        most: stages of the largest pipeline that it is given.
        knows: whether it has a no-op; else it does everything every time.
    """

    label: str
    command: tuple[str, ...]
    write: Callable[[Path, int], None]
    traces: tuple[str, ...]
    python: str = ""
    most: int = 10_000
    knows: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, folder: Path, **variables: str) -> float:
        """The wall seconds of one run."""
        return process(self.command, folder, clean_environment(**self.environment, **variables))

    def run_cold(self, folder: Path) -> float:
        """The wall seconds of a run without anything of those before.

        That is moved away, not removed: ext4 gives no inode out again for minutes, and whatever makes files until
        then passes over all that were removed (twice the time for 1,000 stages, in the kernel).
        """
        aside = tempfile.mkdtemp(dir=folder.parent)
        for path in [path for trace in self.traces for path in folder.glob(trace)]:
            path.rename(Path(aside) / path.name)
        os.sync()  # else it waits for what the tool before it has left to be written
        return self.run(folder)


@dataclass(frozen=True)
class Absent:
    """A tool that could not be installed, and why."""

    label: str
    why: str


PIVOT = str(Path(sys.executable).parent / "pivot")


def pivot() -> Peer:
    """Pivot, as installed in the environment that runs this script."""
    found = _run([sys.executable, "-c", "import pivot; print(pivot.__version__)"]).strip()
    return Peer(f"Pivot {found}", (PIVOT, "repro"), projects.write_pivot, (".pivot", "out"), sys.executable)


def doit() -> Peer | Absent:
    """doit, a task runner that decides by file hashes; its tasks run in its own process."""
    folder = installed("doit", ["doit"], sys.executable)
    if isinstance(folder, str):
        return Absent("doit", folder)
    python = str(folder / "bin" / "python")
    command = (str(folder / "bin" / "doit"), "--verbosity", "0")
    label = f"doit {_version(python, 'doit')}"
    return Peer(label, command, projects.write_doit, (".doit.db*", "out"), python, environment=_ALONE)


def ninja() -> Peer | Absent:
    """ninja, a build tool in C++ that decides by times; its tasks are commands."""
    found = shutil.which("ninja")
    if found is None:
        folder = installed("ninja", ["ninja"], sys.executable)
        if isinstance(folder, str):
            return Absent("ninja", folder)
        found = str(folder / "bin" / "ninja")
    label = f"ninja {_run([found, '--version']).strip()}"
    return Peer(label, (found, "--quiet"), projects.write_ninja, (".ninja_*", "out"), environment=_ALONE)


def dvc() -> Peer | Absent:
    """DVC; its stages are commands."""
    folder = installed("dvc", ["dvc"], sys.executable)
    if isinstance(folder, str):
        return Absent("DVC", folder)
    python = str(folder / "bin" / "python")
    command = (str(folder / "bin" / "dvc"), "repro", "--quiet")

    def write(project: Path, size: int) -> None:
        projects.write_dvc(project, size)
        process([command[0], "init", "--no-scm", "--quiet"], project, clean_environment(**_ALONE))

    label = f"DVC {_version(python, 'dvc')}"
    traces = ("dvc.lock", ".dvc/cache", ".dvc/tmp", "out/*")
    return Peer(label, command, write, traces, python, most=100, environment=_ALONE)


def upstream() -> Peer | Absent:
    """The distribution named ``pivot`` on the public index, which needs exactly Python 3.13."""
    label = "upstream Pivot 0.5.11"
    interpreter = interpreter_of("3.13")
    if interpreter is None:
        return Absent(label, "needs Python 3.13, which this machine does not have")
    folder = installed("upstream", ["pivot==0.5.11"], interpreter)
    if isinstance(folder, str):
        return Absent(label, folder)
    command = (str(folder / "bin" / "pivot"), "repro")
    python = str(folder / "bin" / "python")
    traces = (".pivot/*", "data/bench")
    return Peer(label, command, projects.write_upstream, traces, python, most=1_000, environment=_ALONE)


def pool() -> Peer:
    """The same work in a plain ``ProcessPoolExecutor``: what any tool that starts workers must pay."""
    command = (sys.executable, "pool.py")
    return Peer("ProcessPoolExecutor", command, projects.write_pool, ("out",), sys.executable, knows=False)


_ALONE = {"PYTHONPATH": "", "DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1"}
"""What peers see of the environment besides: nothing of this checkout, and nothing that reaches out."""


def installed(name: str, packages: list[str], interpreter: str) -> Path | str:
    """A virtual environment with the packages, bytecode compiled; or why there is none."""
    folder = CHECKOUT / f".venv-bench-{name}"
    stamp = folder / ".installed"
    if not stamp.exists():
        python, uv = str(folder / "bin" / "python"), shutil.which("uv")
        try:
            if uv:
                _run([uv, "venv", "--quiet", "--clear", "--python", interpreter, str(folder)])
                _run([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *packages])
            else:
                _run([interpreter, "-m", "venv", "--clear", str(folder)])
                _run([python, "-m", "pip", "install", "--quiet", "--compile", *packages])
        except (subprocess.CalledProcessError, OSError) as error:
            said = getattr(error, "stderr", "") or str(error)
            return f"could not be installed: {said.strip().splitlines()[-1]}"
        stamp.touch()
    return folder


def interpreter_of(version: str) -> str | None:
    """An interpreter of that version that starts; shims that do not are passed over."""
    folders = os.environ["PATH"].split(os.pathsep)
    folders += sorted(glob(os.path.expanduser("~/.pyenv/versions/*/bin")))
    for folder in folders:
        candidate = os.path.join(folder, f"python{version}")
        if os.access(candidate, os.X_OK):
            try:
                _run([candidate, "-c", ""])
            except (subprocess.CalledProcessError, OSError):
                continue
            return candidate
    return None


def python_version(python: str) -> str:
    """``3.13.0``."""
    return _run([python, "-c", "import platform; print(platform.python_version())"]).strip()


def _version(python: str, package: str) -> str:
    return _run(
        [python, "-c", f"from importlib.metadata import version; print(version('{package}'))"]
    ).strip()


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment()).stdout
