"""Small projects whose stages are written in the tests, run with real workers and watched from outside."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from pivot.model.event import Event
from pivot.model.run import Run
from pivot.project import Project

PRELUDE = '''
import os, signal, sys, time
from pathlib import Path
from typing import Annotated
import pivot
from pivot.loaders import PathOnly, Text


def meet(name):
    """Say that a stage is here, and wait until the test lets it go on; outside the project, which is observed."""
    Path(f"../{name}.here").touch()
    while not Path(f"../{name}.go").exists():
        time.sleep(0.01)


def count_running(name):
    """How many stages are in here at the same time."""
    Path("inside").mkdir(exist_ok=True)
    mine = Path("inside", name)
    mine.touch()
    time.sleep(0.05)
    number = len(os.listdir("inside"))
    mine.unlink()
    return str(number)
'''


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a fact, not for a time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


class Folder:
    """A project folder; stage ``x`` reads the files it is given as ``d0``, ``d1``, … and writes ``x.txt``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.functions = PRELUDE
        self.yaml = "stages:\n"

    def stage(
        self, name: str, body: str = "", *, deps: Iterable[str] = (), mutex: str = "", loader: str = "Text"
    ) -> None:
        """Add a stage; a body that returns nothing gives its name."""
        takes = ", ".join(f"d{i}: Annotated[str, pivot.Dep({dep!r}, Text())]" for i, dep in enumerate(deps))
        gives = f"Annotated[object, pivot.Out('{name}.txt', {loader}())]"
        lines = textwrap.indent(f"{textwrap.dedent(body).strip()}\nreturn {name!r}\n", "    ")
        self.functions += f"\n\ndef {name}({takes}) -> {gives}:\n{lines}"
        self.yaml += f"  {name}:\n    python: stages.{name}\n" + (f"    mutex: [{mutex}]\n" if mutex else "")
        self.write("stages.py", self.functions)
        self.write("pivot.yaml", self.yaml)

    def write(self, name: str, text: str = "") -> None:
        (self.path / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def exists(self, name: str) -> bool:
        return (self.path / name).exists()

    def edit(self, old: str, new: str) -> None:
        """Change the code of the stages."""
        assert old in self.functions, f"{old!r} is not in the stages"
        self.functions = self.functions.replace(old, new)
        self.write("stages.py", self.functions)

    def repro(self, *targets: str, **options: object) -> tuple[Run, list[Event]]:
        """Run in a `Project` of its own; gives the run and its events."""
        events: list[Event] = []
        with Project(str(self.path)) as project:
            run = project.repro(targets, sinks=[events.append], **options)  # type: ignore[arg-type]
        return run, events

    def outcomes(self, *targets: str, **options: object) -> dict[str, str]:
        """Run; how each stage ended."""
        run, _ = self.repro(*targets, **options)
        return {name: str(end.outcome) for name, end in run.stages.items()}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``pivot`` as a process and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "pivot", *arguments],
            cwd=self.path,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def objects(self) -> list[Path]:
        """All objects in the cache."""
        files = self.path / ".pivot/cache/files"
        return [path for path in files.rglob("*") if path.is_file()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "project").mkdir()
    return Folder(tmp_path / "project")


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for a fact."""
    return wait_until


@pytest.fixture
def statuses() -> Callable[[Folder], dict[str, str]]:
    """The verdict on each stage of a folder; nothing runs."""

    def look(folder: Folder) -> dict[str, str]:
        with Project(str(folder.path)) as project:
            return {decision.stage: str(decision.verdict) for decision in project.status()}

    return look
