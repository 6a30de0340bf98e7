"""Small projects on disk, edited as a person would edit them."""

import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from pivot.model.run import Run
from pivot.project import Project

STAGES = '''
"""Two stages and a helper."""
import json
from typing import Annotated, TypedDict

import pivot

FACTOR = 2


def scale(numbers):
    return [n * FACTOR for n in numbers]


def unused(x):
    return x


class Doubled(TypedDict):
    doubled: Annotated[list, pivot.Out("doubled.json", pivot.loaders.JSON())]


def double(numbers: Annotated[list, pivot.Dep("numbers.json", pivot.loaders.JSON())]) -> Doubled:
    print("doubling", len(numbers))
    return {"doubled": scale(numbers)}


def total(doubled: Annotated[list, pivot.Dep("doubled.json", pivot.loaders.JSON())]
          ) -> Annotated[dict, pivot.Metric("total.json")]:
    return {"total": sum(doubled)}
'''

PIVOT_YAML = """
stages:
  double:
    python: stages.double
  total:
    python: stages.total
"""


class Folder:
    """A project folder and its files as a person edits them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> None:
        """Write a file; the text may be indented as a whole."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"))

    def read(self, name: str) -> str:
        """A file's text."""
        return (self.path / name).read_text()

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a piece of text that must be there."""
        text = self.read(name)
        assert old in text, f"{old!r} is not in {name}"
        (self.path / name).write_text(text.replace(old, new))

    def repro(self, *targets: str, **options: object) -> Run:
        """Run the project in a new `Project`."""
        with Project(str(self.path)) as project:
            return project.repro(targets, **options)  # type: ignore[arg-type]

    def verdicts(self, *targets: str) -> dict[str, str]:
        """The verdict on each stage."""
        with Project(str(self.path)) as project:
            return {d.stage: str(d.verdict) for d in project.status(targets)}

    def log(self, stage: str) -> str:
        """What a stage wrote when it last ran."""
        with Project(str(self.path)) as project:
            return project.log(stage)

    def load(self, stage: str, out: str | None = None) -> object:
        """The value of an output."""
        with Project(str(self.path)) as project:
            return project.load(stage, out)

    def cached(self) -> set[bytes]:
        """The contents of all objects in the cache."""
        return {path.read_bytes() for path in self.path.glob(".pivot/cache/files/*/*")}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty project folder."""
    (tmp_path / ".pivot").mkdir()
    (tmp_path / ".pivot").rmdir()
    return Folder(tmp_path)


@pytest.fixture
def numbers(folder: Folder) -> Folder:
    """The project of two stages above, with its data."""
    folder.write("stages.py", STAGES)
    folder.write("pivot.yaml", PIVOT_YAML)
    folder.write("numbers.json", "[1, 2, 3]")
    return folder


@pytest.fixture
def outcomes() -> Callable[[Run], dict[str, str]]:
    """Turns a run into stage → outcome."""
    return lambda run: {name: str(end.outcome) for name, end in run.stages.items()}


@pytest.fixture
def block() -> Callable[[str], str]:
    """The text of a code block of the founding documents, as it stands there."""
    blocks = Path(__file__).parent.parent / "define" / "seed_blocks"
    return lambda name: (blocks / f"{name}.txt").read_text(encoding="utf-8")


@pytest.fixture
def filled(block: Callable[[str], str]) -> Callable[[str], str]:
    """The text of a block that writes ``(...)`` for parameters which it leaves open: that is no Python (adr/0016)."""
    return lambda name: block(name).replace("(...)", "()")


@pytest.fixture
def commands(block: Callable[[str], str]) -> Callable[[str], list[list[str]]]:
    """The arguments of each ``pivot`` command in a console block."""

    def of(name: str) -> list[list[str]]:
        lines = [shlex.split(line.removeprefix("$ "), comments=True) for line in block(name).splitlines()]
        return [words[1:] for words in lines if words[:1] == ["pivot"]]

    return of


@pytest.fixture
def console(folder: Folder) -> Callable[[list[str]], str]:
    """Runs ``pivot`` in the folder as a console does; gives what it printed."""

    def run(arguments: list[str]) -> str:
        words = [sys.executable, "-m", "pivot", *arguments]
        done = subprocess.run(words, cwd=folder.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
