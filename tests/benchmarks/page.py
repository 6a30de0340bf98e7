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


def page(tables: list[Table], machine: str, taken: float) -> str:
    """The whole text."""
    parts = [HEAD, f"{machine} All of it took {taken / 60:.0f} minutes.\n"]
    for table in tables:
        parts.append(f"## {table.title}\n\n" + "\n".join(table_lines(table)) + "\n")
        if table.how:
            parts.append("\n".join(f"- {sentence}" for sentence in table.how) + "\n")
    return "\n".join(parts)


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
