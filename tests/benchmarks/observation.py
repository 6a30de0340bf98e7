"""Measures what observing a stage costs: the same task with and without it, in turn, in fresh workers.

Run it with each interpreter that matters: ``.venv/bin/python tests/benchmarks/observation.py``. A figure is the median
of the repetitions, the overhead the median of the paired ratios, from submitting the task to having its result.
"""

import argparse
import os
import pickle
import platform
import statistics
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path

from pivot.executors.forkserver import ForkserverExecutor
from pivot.loaders import JSON
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.observation import Seen
from pivot.model.stage import LoaderRef, ObjectRef, Returns
from pivot.model.task import Success, Task, TaskOut
from pivot.paths import ProjectPath

REPETITIONS = 9
ROWS = 600_000


@dataclass(frozen=True)
class Case:
    """A stage to measure.

    Attributes:
        preload: what the fork server has loaded, as it has for stages of a pipeline.
    """

    title: str
    text: str
    preload: tuple[str, ...] = ()


CPU = Case(
    "pure Python, 12 million calls",
    """
    class Vector:
        def __init__(self, x, y): self.x, self.y = x, y
        def dot(self, other): return self.x * other.x + self.y * other.y
    def step(a): return a + 1
    def run():
        total, one = 0, Vector(1, 2)
        for number in range(2_400_000):
            total = step(step(step(total))) + one.dot(Vector(number, 1)) % 7
        return total
    """,
)
PANDAS_TEXT = """
    import pandas as pd
    def summed(frame): return frame.groupby("key", as_index=False).agg({"value": "sum", "other": "mean"})
    def run():
        frame = pd.read_csv("table.csv")
        merged = frame.merge(summed(frame), on="key", suffixes=("", "_of_key"))
        merged.to_csv("merged.csv", index=False)
        return len(merged)
"""
PANDAS = Case("pandas: read CSV, group, merge, write CSV", PANDAS_TEXT, ("pandas",))
IMPORTING = Case("import of pandas alone", "import pandas\ndef run(): return len(pandas.__version__)")
FILES_TEXT = """
    import json, os
    def run():
        for _ in range(20):
            for number in range(500):
                if os.path.exists(f"data/{number}.json"):
                    with open(f"data/{number}.json") as file: json.load(file)
        return 1
"""
FILES = Case("500 small files looked for and read 20 times each", FILES_TEXT)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    repetitions = parser.parse_args().repetitions
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {repetitions} pairs\n")
    print("| stage | without | observed | overhead |\n|---|---:|---:|---:|")
    for case in (CPU, PANDAS, IMPORTING, FILES):
        without, observed = measure(case, repetitions)
        overhead = statistics.median(b / a for a, b in zip(without, observed, strict=True)) - 1
        cells = f"{statistics.median(without):.3f} s | {statistics.median(observed):.3f} s | {overhead:+.1%}"
        print(f"| {case.title} | {cells} |", flush=True)


def measure(case: Case, repetitions: int) -> tuple[list[float], list[float]]:
    """The seconds of each repetition, without and with observation."""
    seconds: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as folder:
        write_data(Path(folder))
        observed = task(case, folder)
        with ForkserverExecutor(1, case.preload) as executor:
            run(executor, replace(observed, root=""))  # file caches are warm from here on
            for number in range(repetitions):
                pair = [(0, replace(observed, root="")), (1, observed)]
                for which, one in pair if number % 2 else reversed(pair):
                    seconds[which].append(run(executor, one))
    return seconds


def run(executor: ForkserverExecutor, one: Task) -> float:
    """The wall seconds of one task."""
    started = time.perf_counter()
    result = executor.submit(one).result()
    seconds = time.perf_counter() - started
    if not isinstance(result, Success) or (result.seen == Seen()) != (one.root == ""):
        sys.exit(f"{one.stage}: {result}")
    return seconds


def write_data(folder: Path) -> None:
    """What the stages read."""
    lines = [f"{number % 1000},{number},{number * 0.5}" for number in range(ROWS)]
    (folder / "table.csv").write_text("\n".join(["key,value,other", *lines]), encoding="utf-8")
    (folder / "data").mkdir()
    for number in range(500):
        (folder / "data" / f"{number}.json").write_text("{}", encoding="utf-8")


def task(case: Case, folder: str) -> Task:
    """The case as an observed task, whose worker is not used again."""
    text = textwrap.dedent(case.text)
    out = os.path.join(folder, "out.json")
    loader = LoaderRef("JSON", "", 1, pickle.dumps(JSON()))
    return Task(
        stage=case.title,
        function=ObjectRef("stages", "run"),
        modules=(ModuleText("stages", f"{folder}/stages.py", "stages.py", text, digest_text(text)),),
        libraries=("json",),
        roots=(folder,),
        cwd=folder,
        environment=dict(os.environ),
        deps=(),
        outs=(TaskOut("out", ProjectPath("out.json"), "out.json", out, f"{out}.new", loader, False, False),),
        returns=Returns.SINGLE,
        params=None,
        log=os.path.join(folder, "stage.log"),
        seed=0,
        root=folder,
        unobserved=(out,),
    )


if __name__ == "__main__":
    main()
