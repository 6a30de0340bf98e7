"""A stage that runs for each item of a list: one item changed among many, and how busy items keep the workers."""

import importlib.util
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import peers
from measure import (
    BESIDE,
    Goal,
    Plan,
    Row,
    Table,
    at_most,
    clean_environment,
    compared,
    in_turn,
    process,
    told,
)

STAGES = """
import time


def numbers(count: int, first: int):
    return [first, *range(1, count)]


def work(number: int):
    time.sleep({pause})
    return number * 2
"""
PIPELINE = """
params: {{count: {count}, first: 0}}
stages:
  numbers: {{python: stages.numbers}}
  work: {{python: stages.work, map: numbers}}
"""
PAUSE = 0.05
"""Seconds that an item waits."""


def measure(plan: Plan) -> Iterator[Table]:
    """The table of mapped stages."""
    table = Table("One run for each item", BESIDE)
    if plan.wants("mapped"):
        table.rows.append(changed_row(plan))
    if plan.wants("items"):
        table.rows.extend(busy_rows(plan))
    if table.rows:
        table.how = [
            (
                "One of the items changed: the whole process of `pivot repro`, which runs the stage that makes the list and one "
                "item; beside it the same with nothing to do and PIVOT_FULL_CHECK=1."
            ),
            (
                f"Items that wait: {PAUSE * 1000:g} ms each, on 2 workers; the seconds of the stage, without the start of a "
                "cluster; beside it how long their waiting alone takes. Another command may make ready what it needs first: "
                "it is the second of two runs."
            ),
        ]
        yield table


def changed_row(plan: Plan) -> Row:
    """`repro` after one item of many changed."""
    count = plan.size(10_000, 20)
    told(f"  {count:,} items, one changed")
    numbers = iter(range(-1, -1_000_000, -1))
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
        folder = Path(temporary)
        write(folder, count, pause=0)
        repro = [peers.PIVOT, "repro"]
        process(repro, folder)

        def changed() -> float:
            return process([*repro, "--set", f"first={next(numbers)}"], folder)

        def unchanged() -> float:
            process(repro, folder)
            return process(repro, folder, clean_environment(PIVOT_FULL_CHECK="1"))

        own, beside = in_turn(plan.times(3), [changed, unchanged])
    return compared(f"1 of {count:,} items changed", own, beside, "full check", at_most(own, 1.0))


def busy_rows(plan: Plan) -> Iterator[Row]:
    """Items that wait, on 2 workers, wherever they run."""
    count = plan.size(100, 4)
    least = count * PAUSE / 2
    for kind, module in (("local", "pivot"), ("dask", "distributed"), ("ray", "ray")):
        if importlib.util.find_spec(module) is None or (plan.quick and kind != "local"):
            continue
        told(f"  {count} items that wait: {kind}")
        with tempfile.TemporaryDirectory(prefix="pivot-bench-") as temporary:
            folder = Path(temporary)
            write(folder, count, pause=PAUSE)
            runs = [stage_seconds(folder, kind) for _ in range(2)]
        goal = Goal("≤ 1.2 x", runs[-1] <= 1.2 * least)
        title = f"{count} items of {PAUSE * 1000:g} ms, {kind}"
        yield compared(title, runs[-1], least, "of waiting", goal)


def stage_seconds(folder: Path, kind: str) -> float:
    """How long the mapped stage took in a run that runs all."""
    command = [peers.PIVOT, "repro", "--force", "--jobs", "2", "--executor", kind, "--json"]
    ran = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=True
    )
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    ends = [e for e in events if e.get("event") == "StageFinished" and e.get("stage") == "work"]
    return float(ends[-1]["seconds"])


def write(folder: Path, count: int, pause: float) -> None:
    """Makes the project."""
    (folder / "stages.py").write_text(STAGES.format(pause=pause))
    (folder / "pivot.yaml").write_text(PIPELINE.format(count=count))
