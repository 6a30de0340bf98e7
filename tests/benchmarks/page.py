"""The page docs/explanation/speed.md: the tables, the machine, how it was measured."""

import os
import platform
import re
from pathlib import Path

from measure import Table

HEAD = """# Speed

`make bench` measures on your machine and writes this page. Absolute times drift with the machine; the ratios were
measured side by side, in turn. In brackets: that tool's time through Pivot's. Beside each row stands what the design
asks for, and whether it held (✓) or not (✗).
"""


WHY = """## Where a goal is missed, and where the time goes

Profiles of single runs on the machine above (`cProfile`, `perf`, `strace -c`), so parts of a time, not times.

- *Everything to do, 1,000 stages*: two thirds are the one thread that decides, hands out and records: 1.6 ms of CPU time a stage, half of it
  in about 45 calls of the file system (journal, staging folder, object, record, lock file, each put in place all at once), which wait now
  and then while the disk takes what was flushed. All stages are checked before the first one is handed out: 0.2 s. In memory the same run
  takes 2.6 s. ext4 is slow at making files for minutes after many were removed (`recently_deleted` in the kernel): the same run then takes
  half as long again.
- *`pivot --help`, completion*: six to seven starts of Python. On a quieter day the same rows were 0.077 s beside 0.012 s.
- *A cell right after `%load_ext`*: 150 ms make some 240 dataclasses, 110 ms pydantic's models. They are made before the next cell
  begins, since it may replace what they are made with; a kernel that is idle makes them at once.
- *First stage with pandas*: what Pivot itself needs in the fork server comes before and after pandas: 0.2 s, half of it pydantic.
- *A stage redefined and run*: the cell is defined twice and its text indexed three times (statements, cell, module: the texts differ);
  a worker that has not imported the old text is kept ready.
- *Put back by links*: no byte of the data is read (`strace`); the rest is how the disk was just then, a repetition held for hard links.
- *All of 500 boxes changed*: three quarters are style and layout of the boxes in sight.
"""
"""Written by hand, beside the figures that it was written for."""


def page(tables: list[Table], machine: str, taken: float) -> str:
    """The whole text."""
    parts = [HEAD, f"{machine} All of it took {taken / 60:.0f} minutes.\n"]
    for table in tables:
        parts.append(f"## {table.title}\n\n" + "\n".join(table_lines(table)) + "\n")
        if table.how:
            parts.append("\n".join(f"- {sentence}" for sentence in table.how) + "\n")
    return "\n".join([*parts, WHY])


def table_lines(table: Table) -> list[str]:
    """A Markdown table."""
    lines = ["| | " + " | ".join((*table.columns, "goal")) + " |"]
    lines.append("|---|" + "---:|" * len(table.columns) + "---|")
    for row in table.rows:
        goals = "; ".join(f"{goal.text} {'✓' if goal.held else '✗'}" for goal in row.goals)
        lines.append("| " + " | ".join((row.title, *row.cells, goals)) + " |")
    return lines


def machine() -> str:
    """What it is measured on, and whether it is quiet."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        model = f" ({found[1].strip()})" if found else ""
    load = f"{os.getloadavg()[0]:.1f}"
    return (
        f"Machine: {os.cpu_count()} cores{model}, {platform.system()} {platform.release()} on {platform.machine()}, "
        f"Python {platform.python_version()}; its load before was {load}."
    )
