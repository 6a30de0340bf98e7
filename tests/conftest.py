"""The tables of edits in ``fingerprint/cases``, which several suites go through, row by row.

A row is ``## rerun: what`` or ``## same: what``, its files after ``--- name``, and its edits: ``~~~ name: old => new``
(``\\n`` is a line break), ``~~~ name: +text`` (appended), ``~~~ rename old new``, ``~~~ delete name``. Two lines may
follow the head: ``?? expression`` gives the argument on which the result shows the edit, where no usual one does;
``!! reason`` says why a rerun is right although plain Python gives the same result before and after;
``>= 3.12`` names the oldest Python that reads it.

Backslash escapes count in files after ``=== name`` and in their edits (``\\r``, ``\\ufeff``; ``\\udce9`` is the byte E9).
Beside the project, ``../site-packages`` holds libraries, and ``../beside``, ``../also`` and ``../editable`` other code on
the search path, the last by a line of a ``.pth`` file.

And `Nursery`, for tests that kill: it forks a process in a few milliseconds, where a new Python takes hundreds.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TABLES = Path(__file__).parent / "fingerprint" / "cases"
OUTCOMES = ("right", "stale", "needless", "refused", "skipped")


@dataclass
class Row:
    """A small project, the edits made to it, and whether ``stages.train`` must run again after them."""

    topic: str
    must_rerun: bool
    title: str
    before: dict[str, str] = field(default_factory=dict)
    edits: list[str] = field(default_factory=list)
    argument: str = ""
    reason: str = ""
    python: tuple[int, ...] = ()
    escaped: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.topic}: {self.title}"

    def after(self) -> dict[str, str]:
        """The files when the edits are made."""
        files = dict(self.before)
        for edit in self.edits:
            if edit.startswith("rename "):
                _, old, new = edit.split()
                files[new] = files.pop(old)
            elif edit.startswith("delete "):
                del files[edit.split()[1]]
            else:
                self._change(files, edit)
        return files

    def _change(self, files: dict[str, str], edit: str) -> None:
        name, _, change = edit.partition(": ")
        change = unescaped(change) if name in self.escaped else change.replace("\\n", "\n")
        if change.startswith("+"):
            files[name] = files.get(name, "") + change[1:] + "\n"
            return
        old, _, new = change.partition(" => ")
        assert old in files[name], f"{self}: {old!r} is not in {name}"
        files[name] = files[name].replace(old, new)


def unescaped(text: str) -> str:
    """The text that backslash escapes stand for."""
    return text.encode("ascii", "backslashreplace").decode("unicode_escape")


def read_rows() -> list[Row]:
    """The rows of all tables that this Python can read, in their order."""
    rows: list[Row] = []
    for path in sorted(TABLES.glob("*.txt")):
        name = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                verdict, _, title = line[3:].partition(": ")
                assert verdict in ("rerun", "same"), line
                rows.append(Row(path.stem, verdict == "rerun", title))
                name = ""
            elif line.startswith(("--- ", "=== ")):
                name = line[4:]
                rows[-1].before[name] = ""
                if line.startswith("="):
                    rows[-1].escaped.add(name)
            elif line.startswith("~~~ "):
                rows[-1].edits.append(line[4:])
            elif line.startswith("?? "):
                rows[-1].argument = line[3:]
            elif line.startswith("!! "):
                rows[-1].reason = line[3:]
            elif line.startswith(">= "):
                rows[-1].python = tuple(int(number) for number in line[3:].split("."))
            elif rows and name:
                text = unescaped(line) if name in rows[-1].escaped else line
                rows[-1].before[name] += text + "\n"
    return [row for row in rows if row.python <= sys.version_info[:2]]


settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # that a machine is busy is no fault


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take long begins first, else one such test at the end leaves the other cores idle."""
    items.sort(key=lambda item: -max((mark.args[0] for mark in item.iter_markers("timeout")), default=0))


def pytest_configure() -> None:
    """Ctrl-C has its meaning in what tests start, also where the shell that began the suite ignores it (``… &``)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``row`` runs once for each row."""
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", read_rows(), ids=str)


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """All rows."""
    return read_rows()


@pytest.fixture(scope="session")
def require_executor() -> Callable[[str], None]:
    """Skips where the library of an executor is missing, and says what to install."""
    libraries = {"dask": "distributed", "ray": "ray"}

    def require(kind: str) -> None:
        if kind in libraries and importlib.util.find_spec(libraries[kind]) is None:
            pytest.skip(f"{kind} is not installed: pip install 'pivot[{kind}]'")

    return require


# Forks a child for each order that it reads; a child may count its changes to files, and be killed before one of
# them. They are announced by the interpreter, and by pivot.store.atomic for what the interpreter does not announce.
NURSERY = """
import faulthandler, importlib, json, os, signal, sys, threading

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.utime", "os.truncate", "os.link",
           "os.symlink", "fcntl.ioctl", "pivot.write", "pivot.fsync"}
WRITING = os.O_WRONLY | os.O_RDWR
steps, last, counting = 0, 0, False

def hook(event, args):
    global steps
    if not counting or threading.current_thread().name == "pivot-flush":  # which comes at any time
        return
    if event in CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & WRITING):
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

def redirect(fd, path, flags):
    opened = os.open(path, flags, 0o600)
    os.dup2(opened, fd)
    os.close(opened)

sys.addaudithook(hook)
sys.path.insert(0, sys.argv[1])
scenarios = importlib.import_module("scenarios")
print("ready", flush=True)
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child:
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    redirect(0, os.devnull, os.O_RDONLY)
    for fd, name in ((1, "out"), (2, "err")):
        redirect(fd, os.path.join(sys.argv[1], name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    faulthandler.dump_traceback_later(150, exit=True)  # tells where it hangs
    act = getattr(scenarios, order["scenario"])(*order["arguments"])
    last = order["last"]
    counting = True
    try:
        act()
    finally:
        counting = False
        with open(os.path.join(sys.argv[1], "steps"), "w") as file:
            file.write(str(steps))
    break
"""


@dataclass(frozen=True)
class Ended:
    """How a child of a nursery ended: its exit code (negative: a signal), how many changes it made, what it said."""

    code: int
    steps: int
    out: str
    err: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL


class Child:
    """A process that a nursery forked."""

    def __init__(self, pid: int, nursery: "Nursery") -> None:
        self.pid = pid
        self._nursery = nursery

    def wait(self) -> Ended:
        """Wait for its end."""
        return self._nursery.ended()


class Nursery:
    """A process that has imported a text, and forks a child for each call of one of its functions, one at a time.

    The functions prepare something and give what to do; only what is done then counts.

    Args:
        folder: an empty one, for the text and what the children say.
        scenarios: the text.
        environment: of the children.
    """

    def __init__(self, folder: Path, scenarios: str, environment: dict[str, str]) -> None:
        self._folder = folder
        (folder / "scenarios.py").write_text(scenarios)
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            bufsize=1,
        )
        self.pid = self._process.pid
        assert self._line() == "ready", "its text cannot be imported"

    def start(self, scenario: str, *arguments: str, last: int = 0) -> Child:
        """Fork a child that is killed before the ``last``-th change that it makes to a file; 0: never."""
        (self._folder / "steps").write_text("0")
        order = {"scenario": scenario, "arguments": arguments, "last": last}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        return Child(int(self._line()), self)

    def run(self, scenario: str, *arguments: str, last: int = 0) -> Ended:
        """Fork a child and wait for its end."""
        return self.start(scenario, *arguments, last=last).wait()

    def ended(self) -> Ended:
        """How the child that was started last ended."""
        code = int(self._line())
        steps, out, err = ((self._folder / name).read_text() for name in ("steps", "out", "err"))
        return Ended(code, int(steps or 0), out, err)  # it may be killed while it writes the number

    def close(self) -> None:
        """End it, once its child has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(60) == 0

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Nursery]]:
    """Makes nurseries, from the text of their scenarios."""
    made: list[Nursery] = []

    def make(scenarios: str, **environment: str) -> Nursery:
        own = {name: value for name, value in os.environ.items() if not name.startswith("PIVOT_")}
        made.append(Nursery(tmp_path_factory.mktemp("nursery"), scenarios, own | environment))
        return made[-1]

    yield make
    for one in made:
        one.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often each door was wrong about an edit, where the doors were tried."""
    counts: dict[str, dict[str, int]] = {}
    rules: dict[str, int] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            found = dict(getattr(report, "user_properties", ()))
            if "door" in found and report.when == "teardown":
                door = counts.setdefault(found["door"], dict.fromkeys(OUTCOMES, 0))
                door[found["outcome"]] += 1
                if "rule" in found:
                    rule = f"{found['door']}: {found['rule']}"
                    rules[rule] = rules.get(rule, 0) + 1
    if not counts:
        return
    terminalreporter.section("edits through each door, beside plain Python")
    terminalreporter.write_line(f"{'door':<16}{'rows':>6}" + "".join(f"{name:>10}" for name in OUTCOMES))
    for door, found in sorted(counts.items()):
        numbers = "".join(f"{found[name]:>10}" for name in OUTCOMES)
        terminalreporter.write_line(f"{door:<16}{sum(found.values()):>6}{numbers}")
    for rule, count in sorted(rules.items()):
        terminalreporter.write_line(f"skipped by {rule}: {count}")
