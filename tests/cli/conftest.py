"""The command line as a person uses it, in a real folder: a process for each command or, where what it writes is the
point and not how it begins and ends, the same command called in this process with workers that stay."""

import contextlib
import io
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pivot.cli.commands import cli, exit_code
from pivot.executors.base import Executor
from pivot.executors.forkserver import ForkserverExecutor
from pivot.project import Project


def pytest_configure(config: pytest.Config) -> None:
    """The mark of modules whose commands need no process of their own."""
    config.addinivalue_line("markers", "called: commands are called in this process")


@dataclass(frozen=True)
class Finished:
    """A finished command."""

    code: int
    out: str
    err: str


class Shell:
    """A folder and the commands run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PIVOT_")}
        self.environment |= {"NO_COLOR": "1", "PYTHONUTF8": "1"}

    def at(self, path: Path) -> "Shell":
        """The same in another folder."""
        return Shell(path)

    def write(self, name: str, text: str) -> None:
        """Write a file; the text may be indented as a whole."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``pivot`` and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "pivot", *arguments],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def pivot(self, *arguments: str) -> Finished:
        """Run ``pivot`` to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return Finished(process.returncode, out, err)

    def git(self, *arguments: str) -> str:
        """Run ``git``."""
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        words = ["git", *who, *arguments]
        return subprocess.run(words, cwd=self.path, capture_output=True, text=True, check=True).stdout

    def commit(self) -> None:
        """Commit everything, in a repository that is made if need be."""
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a commit")


class CallingShell(Shell):
    """A `Shell` that calls ``pivot`` in this process, where there is a project; `workers` run its stages."""

    def __init__(self, path: Path, workers: Executor) -> None:
        super().__init__(path)
        self._workers = workers

    def at(self, path: Path) -> "CallingShell":
        """The same in another folder."""
        return CallingShell(path, self._workers)

    def pivot(self, *arguments: str) -> Finished:
        """Call ``pivot`` with the folder and the environment that its process would have."""
        is_of_python = any(
            name.startswith("PYTHONIO") for name in self.environment
        )  # heard at its start only
        if arguments[0].startswith("-") or is_of_python or not (self.path / "pivot.yaml").exists():
            return super().pivot(*arguments)
        outer = dict(os.environ)
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        try:
            os.environ.clear()
            os.environ.update(self.environment)
            with (
                contextlib.chdir(self.path),
                Project(".", self._workers) as project,
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                words = list(arguments)
                code = exit_code(lambda: cli.main(words, "pivot", standalone_mode=False, obj=project))
        finally:
            os.environ.clear()
            os.environ.update(outer)
        return Finished(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@pytest.fixture(scope="session")
def workers() -> Iterator[Executor]:
    """Workers for all commands that are called in this process."""
    with ForkserverExecutor(2) as executor:
        yield executor


@pytest.fixture
def shell(tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    """An empty folder."""
    if request.node.get_closest_marker("called") is None:
        return Shell(tmp_path)
    return CallingShell(tmp_path, request.getfixturevalue("workers"))


PRELUDE = """
from pathlib import Path
from typing import Annotated, TypedDict
import pivot
from pivot.loaders import JSON, PathOnly, Pickle, Text
"""


@pytest.fixture
def one_stage(shell: Shell):
    """Makes a project of one stage with the given body, which reads ``in.json`` and writes ``out.json``."""

    def make(body: str, out: str = 'pivot.Out("out.json", JSON())') -> Shell:
        shell.write("in.json", "[1, 2]")
        code = f"{PRELUDE}\n\ndef work(data: Annotated[list, pivot.Dep('in.json', JSON())]) -> Annotated[object, {out}]:\n"
        (shell.path / "stages.py").write_text(
            code + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"
        )
        shell.write("pivot.yaml", "stages:\n  work:\n    python: stages.work\n")
        return shell

    return make


@pytest.fixture
def experiment(shell: Shell) -> Shell:
    """A project that trains (params, a plot) and evaluates (a metric); it has not run."""
    shell.write("data.txt", "hello")
    shell.write(
        "stages.py",
        """
        from typing import Annotated, TypedDict
        import pivot
        from pivot.loaders import CSV, JSON, Text, YAML

        class Params(pivot.StageParams):
            lr: float = 0.5
            layers: list[int] = [64, 32]

        class Trained(TypedDict):
            model: Annotated[dict, pivot.Out("model.json", JSON())]
            curve: Annotated[list, pivot.Plot("curve.json", JSON(), x="epoch", y="loss")]

        def scaled(value):
            return value * 2

        def train(params: Params, data: Annotated[str, pivot.Dep("data.txt", Text())]) -> Trained:
            print("training with", params.lr)
            curve = [{"epoch": n, "loss": params.lr / (n + 1)} for n in range(3)]
            return {"model": {"w": params.lr * scaled(len(data))}, "curve": curve}

        def evaluate(model: Annotated[dict, pivot.Dep("model.json", JSON())]
                     ) -> Annotated[dict, pivot.Metric("eval.json")]:
            return {"scores": {"f1": model["w"] / 10, "n": 12345}, "lost": float("nan"), "note": "ok"}
        """,
    )
    shell.write(
        "pivot.yaml",
        "stages:\n  train:\n    python: stages.train\n  evaluate:\n    python: stages.evaluate\n",
    )
    return shell


@pytest.fixture
def committed(experiment: Shell) -> Shell:
    """The project after a run, committed, then run again with other params."""
    experiment.pivot("repro")
    experiment.commit()
    experiment.write("params.yaml", "train: {lr: 0.25}\n")
    experiment.pivot("repro")
    return experiment
