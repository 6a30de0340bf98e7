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

- *Everything to do, 1,000 stages*: two thirds are the one thread that decides, hands out and records: 2 ms of CPU time a stage, half of it
  in about 50 calls of the file system (journal, staging folder, object, record, lock file, each put in place all at
  once), which wait now and then while the disk takes what was flushed (without any flush: 0.5 s less). 0.7 s are the definitions,
  half of that the watch over what they ask for. On a file system in memory the same run takes three quarters of the time. ext4 is
  slow at making files for minutes after many were removed (`recently_deleted` in the kernel): the same run then takes half as long again.
- *A cell right after `%load_ext`*: 150 ms make some 240 dataclasses, 110 ms pydantic's models. They are made before the next cell
  begins, since it may replace what they are made with; a kernel that is idle makes them at once.
- *First stage with pandas*: what Pivot itself needs in the fork server comes before and after pandas: 0.2 s, half of it pydantic.
- *A stage redefined and run*: 25 ms of CPU time, of which the cell's text is indexed three times (as statements, among all cells, as
  the module), and its stage is defined twice: by its cell, and by the run. Its worker was forked before.
- *One of 100,000 files changed*: two looks at each file, and one question to the memory of digests.
- *100 items on Dask and Ray*: no item is handed out before a worker is free, so that one that shows as running runs; each
  hand-over costs a round trip of about 10 ms.
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
