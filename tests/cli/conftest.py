"""The command line as a person uses it: a real process in a real folder."""

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest


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


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty folder."""
    return Shell(tmp_path)


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
