"""Small workflows whose stages pass values, run with real workers."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from pivot.model.event import Event, Notice, StageProgress
from pivot.project import Project, Workers

HEAD = '''
import os, signal, time
from pathlib import Path

def called(name):
    """Take down that a stage was here; outside of the project, which is observed."""
    with open("../calls", "a") as file:
        file.write(f"{name}\\n")
'''


class Workflow:
    """A project folder, and what its stages said that they did.

    Args:
        executor: as in ``pivot.yaml``; empty: nothing is said of it.
        workers: that all its runs share; ``None``: each starts its own.
    """

    def __init__(self, path: Path, executor: str = "", workers: Workers | None = None) -> None:
        path.mkdir()
        self.path = path
        self.executor = executor
        self.workers = workers
        self.events: list[Event] = []
        self.begun: list[subprocess.Popen[str]] = []

    def beside(self, name: str) -> "Workflow":
        """Another project, which runs where this one does."""
        return Workflow(self.path.parent / name, self.executor, self.workers)

    def write(self, functions: str, stages: str) -> None:
        (self.path / "st.py").write_text(HEAD + textwrap.dedent(functions))
        head = f"executor: {self.executor}\n" if self.executor else ""
        (self.path / "pivot.yaml").write_text(
            f"{head}stages:\n" + textwrap.indent(textwrap.dedent(stages), "  ")
        )

    def edit(self, old: str, new: str, file: str = "st.py") -> None:
        text = (self.path / file).read_text()
        assert old in text
        (self.path / file).write_text(text.replace(old, new))

    def run(self, *targets: str, **options) -> dict[str, str]:
        """How each stage ended."""
        self.events.clear()
        with self.project() as project:
            self.result = project.repro(targets, sinks=[self.events.append], **options)
        return {name: str(end.outcome) for name, end in self.result.stages.items()}

    def project(self) -> Project:
        """As a command opens it."""
        return Project(str(self.path), workers=self.workers)

    def start(self, *words: str, **options) -> subprocess.Popen[str]:
        """Begin a ``pivot`` command in a process of its own; `options` as of `subprocess.Popen`."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("PIVOT_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "pivot", *words],
            cwd=self.path,
            env=own | {"NO_COLOR": "1", "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.begun.append(process)
        return process

    def pivot(self, *words: str) -> tuple[int, str, str]:
        """Run a ``pivot`` command to its end: exit code, stdout, stderr."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def calls(self) -> list[str]:
        """What stages took down since the last look, sorted."""
        file = self.path.parent / "calls"
        lines = file.read_text().split() if file.exists() else []
        file.write_text("")
        return sorted(lines)

    def value(self, stage: str):
        with self.project() as project:
            return project.load(stage)

    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]

    def progress(self, stage: str) -> list[tuple[float, float | None]]:
        found = (e for e in self.events if isinstance(e, StageProgress) and e.stage == stage)
        return [(event.done, event.total) for event in found]

    def failed(self, stage: str) -> list[int]:
        """How many items had failed, each time that it was told how far the stage was."""
        return [e.failed for e in self.events if isinstance(e, StageProgress) and e.stage == stage]


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Workflow]:
    made = Workflow(tmp_path / "project")
    yield made
    for process in made.begun:  # of a test that failed
        process.kill()
        process.communicate()
