"""Measures whole processes, Pivot beside its peers, and writes docs/explanation/speed.md (`make bench`).

Each repetition measures every tool once, in turn, so that a slow moment of the machine meets all of them; a figure is
the median of the repetitions.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import peers

REPORT = peers.CHECKOUT / "docs" / "explanation" / "speed.md"
REPETITIONS = {2: (15, 5), 100: (15, 3), 1000: (7, 2)}
"""Stages → how often a no-op and a cold run are measured."""
TIMEOUT = 600.0


def main() -> None:
    """Measure, print the table, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=list(REPETITIONS),
        choices=list(REPETITIONS),
        help="fewer sizes print a table and write no page",
    )
    chosen = parser.parse_args()
    found = [peers.pivot(), peers.doit(), peers.upstream()]
    tools = [peer for peer in found if isinstance(peer, peers.Peer)]
    absent = [peer for peer in found if isinstance(peer, peers.Absent)]
    bare = bare_python()
    rows = [row for size in chosen.sizes for row in measure(tools, size)]
    table = "\n".join(table_lines(tools, rows, absent))
    print(table)
    if set(chosen.sizes) == set(REPETITIONS):
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(page(table, tools, bare), encoding="utf-8")
        print(f"\nwritten to {REPORT.relative_to(peers.CHECKOUT)}")


def measure(tools: list[peers.Peer], size: int) -> list[tuple[str, list[float]]]:
    """Median seconds of a cold run and of a no-op, for each tool."""
    noops, colds = REPETITIONS[size]
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folders = [Path(temporary, str(number)) for number in range(len(tools))]
        for tool, folder in zip(tools, folders, strict=True):
            tool.write(folder, size)
            run(tool, folder)  # bytecode and file caches are warm from here on
        places = list(zip(tools, folders, strict=True))
        noop = repeat(noops, places, before=lambda _tool, _folder: None)
        cold = repeat(colds, places, before=lambda tool, folder: tool.forget(folder))
    return [(f"no-op, {size:,} stages", noop), (f"cold, {size:,} stages", cold)]


def repeat(
    times: int, places: list[tuple[peers.Peer, Path]], before: Callable[[peers.Peer, Path], None]
) -> list[float]:
    """The median seconds of each tool, measured in turn."""
    seconds: list[list[float]] = [[] for _ in places]
    for _ in range(times):
        for taken, (tool, folder) in zip(seconds, places, strict=True):
            before(tool, folder)
            taken.append(run(tool, folder))
    return [statistics.median(taken) for taken in seconds]


def run(tool: peers.Peer, folder: Path) -> float:
    """The wall seconds of one whole process."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    started = time.perf_counter()
    ended = subprocess.run(
        tool.command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    seconds = time.perf_counter() - started
    if ended.returncode:
        sys.exit(f"{tool.label}: {' '.join(tool.command)} failed\n{ended.stdout}{ended.stderr}")
    return seconds


def bare_python() -> float:
    """The median seconds of starting and ending Python itself."""
    return statistics.median(timed([sys.executable, "-c", "pass"]) for _ in range(15))


def timed(command: list[str]) -> float:
    """The wall seconds of a command."""
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def table_lines(
    tools: list[peers.Peer], rows: list[tuple[str, list[float]]], absent: list[peers.Absent]
) -> list[str]:
    """A Markdown table: seconds, and how many times Pivot's each one is."""
    lines = ["| whole process | " + " | ".join(tool.label for tool in tools) + " |"]
    lines += ["|---|" + "---:|" * len(tools)]
    for title, seconds in rows:
        cells = [f"{seconds[0]:.2f} s", *(f"{s:.2f} s ({s / seconds[0]:.1f}x)" for s in seconds[1:])]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return [*lines, *(f"\n{peer.label}: not measured, {peer.why}." for peer in absent)]


def page(table: str, tools: list[peers.Peer], bare: float) -> str:
    """The whole text of the report."""
    versions = ", ".join(f"{tool.label} on Python {python_version(tool.python)}" for tool in tools)
    return f"""# Speed

`make bench` measures on your machine and writes this page. Absolute times drift with the machine; the ratios in
brackets (that tool's time ÷ Pivot's) were measured side by side.

{table}

Starting and ending Python alone (`python -c pass`) took {bare:.3f} s.

## How it was measured

- Machine: {os.cpu_count()} cores, {platform.system()} on {platform.machine()}. {versions}.
- The same pipeline for each tool: independent stages, each of which reads one small JSON file and writes one. Pivot's
  stages are in `pivot.yaml`, doit's in `dodo.py` with Python actions, upstream Pivot's in `pipeline.py`.
- Whole processes from start to exit, output captured, bytecode compiled. *No-op*: everything is up to date. *Cold*: the
  tool's own state and all outputs were removed before.
- Tools take turns in every repetition; each figure is a median ({repetitions()}).
- doit runs its actions in its own process, keeps no results in a cache and does not look at code; Pivot and upstream
  Pivot run stages in worker processes, one for each core, and keep all results.
"""


def repetitions() -> str:
    """How often each size was measured."""
    return "; ".join(
        f"{size:,} stages: {noop} no-ops, {cold} cold" for size, (noop, cold) in REPETITIONS.items()
    )


def python_version(python: str) -> str:
    """``3.13.0``."""
    command = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
