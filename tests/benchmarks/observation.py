"""Measures what observing a stage costs: the same task with and without it, in turn, each in a fresh process.

Run it with each interpreter that matters: ``.venv/bin/python tests/benchmarks/observation.py``. A figure is the
median of the repetitions in CPU seconds, from the task to its result; the overhead the median of the paired ratios.
"""

import argparse
import importlib
import os
import pickle
import platform
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

from pivot.executors.inline import InlineExecutor
from pivot.loaders import JSON
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.observation import Seen
from pivot.model.stage import LoaderRef, ObjectRef, Returns
from pivot.model.task import Success, Task, TaskOut
from pivot.paths import ProjectPath

REPETITIONS = 9
ROWS = 1_000_000


@dataclass(frozen=True)
class Case:
    """A stage to measure.

    Attributes:
        preload: what is imported before, as the fork server does for stages of a pipeline.
    """

    title: str
    text: str
    preload: tuple[str, ...] = ()


CPU = Case(
    "pure Python, 30 million calls",
    """
    class Vector:
        def __init__(self, x, y): self.x, self.y = x, y
        def dot(self, other): return self.x * other.x + self.y * other.y
    def step(a): return a + 1
    def run():
        total, one = 0, Vector(1, 2)
        for number in range(6_000_000):
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
CASES = (CPU, PANDAS, IMPORTING, FILES)


def main() -> None:
    """Measure and print the table; or, told to by this very script, run one task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--one", nargs=3, metavar=("CASE", "FOLDER", "ROOT"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(cpu_seconds(CASES[int(chosen.one[0])], *chosen.one[1:]))
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {chosen.repetitions} pairs\n")
    print("| stage | without | observed | overhead |\n|---|---:|---:|---:|")
    for number, case in enumerate(CASES):
        without, observed = measure(number, chosen.repetitions)
        overhead = statistics.median(b / a for a, b in zip(without, observed, strict=True)) - 1
        cells = f"{statistics.median(without):.3f} s | {statistics.median(observed):.3f} s | {overhead:+.1%}"
        print(f"| {case.title} | {cells} |", flush=True)


def measure(number: int, repetitions: int) -> tuple[list[float], list[float]]:
    """The seconds of each repetition, without and with observation."""
    seconds: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as folder:
        write_data(Path(folder))
        fresh(number, folder, "")  # file caches are warm from here on
        for repetition in range(repetitions):
            for observed in (True, False) if repetition % 2 else (False, True):
                seconds[observed].append(fresh(number, folder, folder if observed else ""))
    return seconds


def fresh(number: int, folder: str, root: str) -> float:
    """The CPU seconds of one task in a process of its own."""
    command = [sys.executable, __file__, "--one", str(number), folder, root]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def cpu_seconds(case: Case, folder: str, root: str) -> float:
    """The CPU seconds of one task in this process."""
    for library in case.preload:
        importlib.import_module(library)
    with InlineExecutor() as executor:
        started = time.process_time()
        result = executor.submit(task(case, folder, root)).result()
        seconds = time.process_time() - started
    if not isinstance(result, Success) or (result.seen == Seen()) != (root == ""):
        sys.exit(f"{case.title}: {result}")
    return seconds


def write_data(folder: Path) -> None:
    """What the stages read."""
    lines = [f"{number % 1000},{number},{number * 0.5}" for number in range(ROWS)]
    (folder / "table.csv").write_text("\n".join(["key,value,other", *lines]), encoding="utf-8")
    (folder / "data").mkdir()
    for number in range(500):
        (folder / "data" / f"{number}.json").write_text("{}", encoding="utf-8")


def task(case: Case, folder: str, root: str) -> Task:
    """The case as a task."""
    text = textwrap.dedent(case.text)
    out = os.path.join(folder, "out.json")
    loader = LoaderRef("JSON", "", 1, pickle.dumps(JSON()))
    return Task(
        stage=case.title,
        function=ObjectRef("stages", "run"),
        modules=(ModuleText("stages", f"{folder}/stages.py", "stages.py", text, digest_text(text)),),
        libraries=(),
        roots=(folder,),
        cwd=folder,
        environment=dict(os.environ),
        deps=(),
        outs=(TaskOut("out", ProjectPath("out.json"), "out.json", out, f"{out}.new", loader, False, False),),
        returns=Returns.SINGLE,
        params=None,
        log=os.path.join(folder, "stage.log"),
        seed=0,
        root=root,
        unobserved=(out,),
    )


if __name__ == "__main__":
    main()
