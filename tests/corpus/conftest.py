"""Programs that answer questions about a row: plain Python, and each door. All stay warm for a whole session."""

import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HERE = Path(__file__).parent
ARGUMENTS = (
    "3", "0", "1", "7", "-1", "2.5", "True", "'a'", "'clean'", "[3, 1, 2]", "{'a': 1}",
    "(lambda f: (f.__name__, f.__doc__))",
)  # fmt: skip
"""What `train` is called with; the first one counts where no other shows a difference."""

DOORS = ("pivot.yaml", "pipeline.py", "notebook")

Program = Callable[[dict], dict]


@dataclass(frozen=True)
class Truth:
    """What plain Python gives for a row.

    Attributes:
        differs: whether the edit shows with some argument.
        argument: the first with which it does, else the first.
        before, after: the results with it.
    """

    differs: bool
    argument: str
    before: str
    after: str


def truth(row, ask: Program) -> Truth:
    """Asks about the usual arguments, or the row's own."""
    question = {"before": row.before, "after": row.after()}
    arguments = [row.argument] if row.argument else ARGUMENTS
    found = ask(question | {"arguments": arguments})
    before, after = found["before"], found["after"]
    differing = [one for one in arguments if before[one] != after[one]]
    chosen = (*differing, arguments[0])[0]
    if chosen != arguments[0]:  # the calls before it may have left something behind
        found = ask(question | {"arguments": [chosen]})
    return Truth(bool(differing), chosen, found["before"][chosen], found["after"][chosen])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes every fourth row through one of the doors, unless ``PIVOT_CORPUS=whole`` asks for all through all three.

    What decides is common to the doors, so a share of the rows shows whether one is broken; which share never changes.
    That each row is right is shown once before a change of fingerprints is done: ``make corpus``.
    """
    if os.environ.get("PIVOT_CORPUS") == "whole":
        return
    left = [item for item in items if item.path.parent == HERE and _is_in_another_share(item)]
    config.hook.pytest_deselected(items=left)
    kept = set(items) - set(left)
    items[:] = [item for item in items if item in kept]


def _is_in_another_share(item: pytest.Item) -> bool:
    values = getattr(getattr(item, "callspec", None), "params", {})
    if "row" not in values:
        return False
    share = zlib.crc32(str(values["row"]).encode()) % (4 * len(DOORS))
    return share >= len(DOORS) or values.get("door", DOORS[share]) != DOORS[share]


@contextmanager
def _program(*command: str) -> Iterator[Program]:
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"}
    environment.pop("JPY_SESSION_NAME", None)
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-P", str(HERE / command[0]), *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment | {"PYTHONPATH": _library(folder)},
        ) as process,
    ):

        def ask(question: dict) -> dict:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask


def _library(folder: str) -> str:
    """A search path with the programs' own modules in a folder of libraries: their code is in nobody's reach."""
    site = Path(folder) / "site-packages"
    site.mkdir()
    for name in ("canonical.py", "places.py"):
        shutil.copy(HERE / name, site)
    return os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))


@pytest.fixture(scope="session")
def truth_of() -> Iterator[Callable[[object], Truth]]:
    """Gives the `Truth` of a row."""
    with _program("truth.py") as ask:
        known: dict[str, Truth] = {}

        def of(row) -> Truth:
            if str(row) not in known:
                known[str(row)] = truth(row, ask)
            return known[str(row)]

        yield of


@pytest.fixture(scope="session")
def enter() -> Iterator[Callable[[str], Program]]:
    """Gives the program of a door; it is started when it is first asked for."""
    with ExitStack() as stack:
        yield cache(lambda door: stack.enter_context(_program("doors.py", door)))
