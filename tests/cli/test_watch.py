"""``pivot repro --watch`` in a terminal: what a person saves, and the lines that follow."""

import os
import re
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DEADLINE = 60.0
STAGES = """
    from typing import Annotated
    import pivot
    from pivot.loaders import JSON, Text
    from helper import FACTOR

    def double(numbers: Annotated[list, pivot.Dep("in.json", JSON())]) -> Annotated[list, pivot.Out("doubled.json", JSON())]:
        return [n * FACTOR for n in numbers]

    def total(doubled: Annotated[list, pivot.Dep("doubled.json", JSON())]) -> Annotated[str, pivot.Out("total.txt", Text())]:
        return str(sum(doubled))
"""
YAML = "stages:\n  double:\n    python: stages.double\n  total:\n    python: stages.total\n"
WAITING = "(Ctrl-C ends)"

# makes the terminal the process's own, so that ^C reaches it, then becomes pivot
OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "pivot", *sys.argv[1:]])
"""


class Terminal:
    """A folder in which ``pivot repro --watch`` goes on, and what it prints."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._master = -1

    def write(self, name: str, text: str) -> None:
        """Save a file as a careful editor does: write another one, rename it."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.swp")
        beside.write_text(textwrap.dedent(text).lstrip("\n"))
        beside.rename(target)

    def watch(self, *arguments: str) -> None:
        """Start; returns at once."""
        self._master, slave = os.openpty()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PIVOT_") and k != "CI"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, "repro", "--watch", "--debounce", "50", *arguments],
            cwd=self.path,
            env=environment | {"TERM": "xterm", "COLUMNS": "120", "PYTHONUTF8": "1", "NO_COLOR": "1"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def until(self, text: str) -> str:
        """All that is printed up to a text, which must come."""
        end = time.monotonic() + DEADLINE
        while text not in self._text:
            ready, _, _ = select.select([self._master], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{text!r} never came; there was:\n{self._text}"
            try:
                data = os.read(self._master, 65536)
            except OSError:  # the process has ended
                data = b""
            assert data, f"{text!r} never came; there was:\n{self._text}"
            self._text += re.sub(r"\x1b\[\d*[A-Za-z]", "", data.decode().replace("\r\n", "\n"))
        before, _, self._text = self._text.partition(text)
        return before + text

    def press_ctrl_c(self) -> int:
        """The exit code that follows."""
        os.write(self._master, b"\x03")
        return self.ended()

    def ended(self) -> int:
        """The exit code; what is still printed stays to be read."""
        assert self._process is not None
        return self._process.wait(DEADLINE)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._master >= 0:
            os.close(self._master)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A project of two stages, with its data."""
    (tmp_path / "project").mkdir()
    made = Terminal(tmp_path / "project")
    made.write("stages.py", STAGES)
    made.write("helper.py", "FACTOR = 2\n")
    made.write("pivot.yaml", YAML)
    made.write("in.json", "[1, 2]")
    yield made
    made.close()


def test_it_runs_at_once_and_again_for_each_saved_file_until_ctrl_c(terminal: Terminal) -> None:
    terminal.watch()
    first = terminal.until("waiting for changes of 3 code files and 1 data file (Ctrl-C ends)")
    assert "2 stages run" in first
    terminal.write("in.json", "[5]")
    assert "2 stages run" in terminal.until(WAITING)
    assert (terminal.path / "total.txt").read_text() == "10"
    terminal.write("helper.py", "FACTOR = 3\n")
    told = terminal.until(WAITING)
    assert "helper.py changed" in told
    assert "2 stages run" in told
    assert (terminal.path / "total.txt").read_text() == "15"
    assert terminal.press_ctrl_c() == 0


def test_what_changes_nothing_gives_one_line(terminal: Terminal) -> None:
    terminal.watch()
    terminal.until(WAITING)
    terminal.write("helper.py", "# a comment\nFACTOR = 2\n")
    lines = terminal.until(WAITING).split("\n")
    assert [line for line in lines if line] == [lines[-1]]
    assert lines[-1].endswith(" helper.py changed: nothing to run; waiting (Ctrl-C ends)")


def test_neither_outputs_nor_ignored_nor_foreign_files_wake_it(terminal: Terminal) -> None:
    terminal.write(".pivotignore", "scratch*\n")
    terminal.watch()
    terminal.until(WAITING)
    (terminal.path / "total.txt").write_text("edited")
    for name in ("scratch.py", "scratch/x.py", "__pycache__/a.py", ".git/b.py", "notes.txt", ".pivot/x.py"):
        terminal.write(name, "1")
    terminal.write("in.json", "[7]")
    assert "in.json changed" in terminal.until("changed\n").splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "broken", "said"),
    [
        ("stages.py", "def f(:\n", "SyntaxError"),
        ("pivot.yaml", "stages: [\n", "cannot read pivot.yaml"),
        ("pivot.yaml", "stages:\n  double:\n    pyton: stages.double\n", "did you mean"),
        ("helper.py", None, "helper"),
        ("in.json", None, "in.json does not exist"),
        (".pivot/config.yaml", "jobs: none\n", "setting 'jobs'"),
    ],
)
def test_what_is_broken_is_told_and_waited_for(
    terminal: Terminal, name: str, broken: str | None, said: str
) -> None:
    terminal.watch()
    terminal.until(WAITING)
    path = terminal.path / name
    good = path.read_text() if path.exists() else "jobs: 1\n"
    if broken is None:
        path.unlink()
    else:
        terminal.write(name, broken)
    told = terminal.until(WAITING)
    assert "error: " in told
    assert said in told
    terminal.write(name, good)
    assert "nothing to run" in terminal.until(WAITING)
    terminal.write("in.json", "[8]")
    assert "2 stages run" in terminal.until(WAITING)


def test_a_project_that_is_broken_from_the_start_is_waited_for(terminal: Terminal) -> None:
    terminal.write("pivot.yaml", "stages: [\n")
    terminal.watch()
    assert "cannot read pivot.yaml" in terminal.until(WAITING)
    terminal.write("pivot.yaml", YAML)
    assert "2 stages run" in terminal.until(WAITING)


def test_a_target_that_is_no_stage_ends_it(terminal: Terminal) -> None:
    terminal.watch("duoble")
    assert "did you mean" in terminal.until("stages are: double, total")
    assert terminal.ended() == 2


def test_files_in_new_folders_and_renamed_ones_are_seen(terminal: Terminal) -> None:
    terminal.watch()
    terminal.until(WAITING)
    terminal.write("sub/deep/factor.py", "VALUE = 4\n")
    assert "sub/deep/factor.py changed: nothing to run" in terminal.until(WAITING)
    terminal.write("helper.py", "from sub.deep.factor import VALUE as FACTOR\n")
    assert "2 stages run" in terminal.until(WAITING)
    terminal.write("sub/deep/factor.py", "VALUE = 5\n")
    assert "2 stages run" in terminal.until(WAITING)
    (terminal.path / "sub").rename(terminal.path / "other")
    assert "error: " in terminal.until(WAITING)
    (terminal.path / "other").rename(terminal.path / "sub")
    assert "nothing to run" in terminal.until(WAITING)
    assert (terminal.path / "total.txt").read_text() == "15"


SLOW = """
    import time
    from pathlib import Path
    from typing import Annotated
    import pivot
    from pivot.loaders import JSON, Text

    def slow(numbers: Annotated[list, pivot.Dep("in.json", JSON())]) -> Annotated[str, pivot.Out("out.txt", Text())]:
        Path("../here").touch()
        while not Path("../go").exists():
            time.sleep(0.01)
        return str(numbers)
"""


@pytest.fixture
def slow(terminal: Terminal) -> Terminal:
    """A project whose stage is under way, until there is a file ``go`` beside the project."""
    terminal.write("stages.py", SLOW)
    terminal.write("pivot.yaml", "stages:\n  slow:\n    python: stages.slow\n")
    terminal.write("out.txt", "before")
    terminal.watch()
    end = time.monotonic() + DEADLINE
    while not (terminal.path / "../here").exists():
        assert time.monotonic() < end, "the stage never began"
        time.sleep(0.01)
    return terminal


def test_code_saved_during_a_run_is_run_after_it(slow: Terminal) -> None:
    slow.write("stages.py", SLOW.replace("str(numbers)", "f'new {numbers}'"))
    (slow.path / "../go").touch()
    slow.until(WAITING)
    assert "1 stage run" in slow.until(" stages.py changed\n") + slow.until("1 stage run")
    assert (slow.path / "out.txt").read_text() == "new [1, 2]"


def test_ctrl_c_during_a_run_gives_130_and_the_outputs_of_before(slow: Terminal) -> None:
    assert slow.press_ctrl_c() == 130
    assert "1 cancelled" in slow.until("1 cancelled")
    assert (slow.path / "out.txt").read_text() == "before"


def test_a_stage_that_writes_its_own_dep_does_not_run_for_ever(terminal: Terminal) -> None:
    terminal.write(
        "stages.py", STAGES.replace("return [n", "open('in.json', 'a').write(' ')\n        return [n")
    )
    terminal.watch()
    assert "does a stage write its own dep?" in terminal.until("own dep?")
    terminal.write("stages.py", STAGES)
    assert "2 stages run" in terminal.until("2 stages run")


def test_json_is_one_object_a_line(terminal: Terminal) -> None:
    terminal.watch("--json")
    assert '"event": "RunFinished"' in terminal.until('{"schema": 1, "event": "Waiting", "files": 4}')
    terminal.write("in.json", "[3]")
    told = terminal.until('"event": "Waiting"')
    assert '{"schema": 1, "event": "FilesChanged", "paths": ["in.json"]}' in told
    assert terminal.press_ctrl_c() == 0


@pytest.mark.parametrize("words", [["--debounce", "5"], ["--watch", "--dry-run"]])
def test_words_that_do_not_go_together_are_refused(shell, words: list[str]) -> None:
    done = shell.pivot("repro", *words)
    assert done.code == 2
    assert "--watch" in done.err
