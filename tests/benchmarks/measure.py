"""What all families of measurements share: what to measure, turns, whole processes, rows with their goals.

A figure is the median of its repetitions. What is compared takes turns in every repetition, so that a slow moment of
the machine meets all of it.
"""

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT = 600.0
NOTHING = "-"
"""In a cell: this was not measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Attributes:
        wanted: which rows, by their names.
        quick: tiny sizes and one repetition, to see that the harness works: its figures say nothing.
    """

    wanted: re.Pattern[str]
    quick: bool = False

    def wants(self, *rows: str) -> bool:
        """Whether one of the rows is wanted."""
        return any(self.wanted.search(row) for row in rows)

    def times(self, often: int) -> int:
        """How often something is repeated."""
        return 1 if self.quick else often

    def size(self, whole: int, tiny: int) -> int:
        """How large something is."""
        return tiny if self.quick else whole


@dataclass(frozen=True, slots=True)
class Goal:
    """What the design asks for, and whether it was so."""

    text: str
    held: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table."""

    title: str
    cells: tuple[str, ...]
    goals: tuple[Goal, ...] = ()


@dataclass(slots=True)
class Table:
    """Measurements of one family.

    Attributes:
        columns: heads of the cells.
        how: sentences on how it was measured, and on what was not.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    how: list[str] = field(default_factory=list)


BESIDE = ("Pivot", "beside it", "ratio")
"""The columns of a table that compares two things in each row."""


def compared(title: str, own: float, other: float, beside: str, *goals: Goal) -> Row:
    """A row of seconds: ours, those of something else, how many times that is."""
    return Row(
        title, (seconds(own), f"{seconds(other)} {beside}", f"{own / other:.2f}" if other else NOTHING), goals
    )


def seconds(value: float) -> str:
    """``0.012 s``, ``1.23 s``, ``45 s``."""
    digits = 4 if value < 0.01 else 3 if value < 1 else 2 if value < 20 else 0
    return f"{value:.{digits}f} s"


def at_most(value: float, limit: float, text: str = "") -> Goal:
    """The goal that something takes no longer."""
    return Goal(f"≤ {text or seconds_short(limit)}", value <= limit)


def seconds_short(value: float) -> str:
    """``0.1 s``, ``30 ms``."""
    return f"{value * 1000:g} ms" if value < 0.1 else f"{value:g} s"


def in_turn(times: int, acts: Sequence[Callable[[], float]]) -> list[float]:
    """The median of what each act gives; they take turns, every other time in the opposite order."""
    taken: list[list[float]] = [[] for _ in acts]
    for repetition in range(times):
        order = range(len(acts)) if repetition % 2 == 0 else range(len(acts) - 1, -1, -1)
        for number in order:
            taken[number].append(acts[number]())
    return [statistics.median(each) for each in taken]


def clean_environment(**added: str) -> dict[str, str]:
    """This process's environment without what would change Pivot's settings or keep Python from its bytecode."""
    taken_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONWARNINGS")
    plain = {k: v for k, v in os.environ.items() if k not in taken_out and not k.startswith("PIVOT_")}
    return {**plain, **added}


def process(
    command: Sequence[str], folder: Path | str = ".", environment: Mapping[str, str] | None = None
) -> float:
    """The wall seconds of one whole process, its output captured.

    Raises:
        SystemExit: it failed.
    """
    environment = clean_environment() if environment is None else environment
    started = time.perf_counter()
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT, check=False
    )
    taken = time.perf_counter() - started
    if ended.returncode:
        said = (ended.stdout + ended.stderr).decode(errors="replace")
        sys.exit(f"{' '.join(command)} failed in {folder}\n{said[-4000:]}")
    return taken


def process_memory(
    command: Sequence[str], folder: Path | str, environment: Mapping[str, str] | None = None
) -> tuple[float, int]:
    """The wall seconds of a process and how many bytes it had in memory at most, its children left out.

    The second is 0 where there is no ``/proc``.
    """
    environment = clean_environment() if environment is None else environment
    started, most = time.perf_counter(), 0
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        while running.poll() is None:
            most = max(most, _high_water(running.pid))
            time.sleep(0.02)
    if running.returncode:
        sys.exit(f"{' '.join(command)} failed in {folder}")
    return time.perf_counter() - started, most


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def told(words: str) -> None:
    """Says how far it is, on stderr: tables are on stdout."""
    print(words, file=sys.stderr, flush=True)
