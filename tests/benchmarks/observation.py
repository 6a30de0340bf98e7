"""What observing a stage costs: the same task with and without it, in turn, each in a fresh process.

    python tests/benchmarks/observation.py NUMBER FOLDER ROOT SIZE

runs case NUMBER in a FOLDER with its data, observed below ROOT (not at all where that is empty), its work divided by
SIZE, and prints the CPU seconds from the task to its result: `measure` starts that.
"""

import importlib
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import peers
from measure import Goal, Plan, Row, Table, clean_environment, seconds, told

from pivot.executors.inline import InlineExecutor
from pivot.loaders import JSON
from pivot.model.digest import digest_text
from pivot.model.fingerprint import ModuleText
from pivot.model.observation import Seen
from pivot.model.stage import LoaderRef, ObjectRef, Returns
from pivot.model.task import Success, Task, TaskOut
from pivot.paths import ProjectPath

REPETITIONS = 7
ROWS = 500_000


@dataclass(frozen=True)
class Case:
    """A stage to measure.

    Attributes:
        preload: what is imported before, as the fork server does for stages of a pipeline.
        counts: whether the design has a goal for it.
    """

    title: str
    text: str
    preload: tuple[str, ...] = ()
    counts: bool = False


CPU = Case(
    "pure Python, 15 million calls",
    """
    class Vector:
        def __init__(self, x, y): self.x, self.y = x, y
        def dot(self, other): return self.x * other.x + self.y * other.y
    def step(a): return a + 1
    def run():
        total, one = 0, Vector(1, 2)
        for number in range(3_000_000 // SIZE):
            total = step(step(step(total))) + one.dot(Vector(number, 1)) % 7
        return total
    """,
    counts=True,
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
PANDAS = Case("pandas: read CSV, group, merge, write CSV", PANDAS_TEXT, ("pandas",), counts=True)
IMPORTING = Case("import of pandas alone", "import pandas\ndef run(): return len(pandas.__version__)")
FILES_TEXT = """
    import json, os
    def run():
        for _ in range(max(1, 10 // SIZE)):
            for number in range(500):
                if os.path.exists(f"data/{number}.json"):
                    with open(f"data/{number}.json") as file: json.load(file)
        return 1
"""
FILES = Case("500 small files looked for and read 10 times each", FILES_TEXT)
CASES = (CPU, PANDAS, IMPORTING, FILES)


def measure(plan: Plan) -> Iterator[Table]:
    """A table for each interpreter that sees another way: 3.11, and the newest there is."""
    if not plan.wants("observation"):
        return
    for version, python in interpreters():
        told(f"  observation on Python {version}")
        table = Table(f"Observation in the worker, Python {version}", ("observed", "without", "ratio"))
        for number, case in enumerate(CASES):
            without, observed = pairs(python, number, plan)
            ratio = statistics.median(b / a for a, b in zip(without, observed, strict=True))
            own, beside = statistics.median(observed), statistics.median(without)
            goals = (Goal("≤ 3 %", ratio <= 1.03),) if case.counts and version != "3.11" else ()
            table.rows.append(Row(case.title, (seconds(own), seconds(beside), f"{ratio - 1:+.1%}"), goals))
        table.how = [
            (
                "CPU seconds from the task to its result, each in a fresh process; the ratio is the median of those of the "
                f"pairs ({plan.times(REPETITIONS)} of them, in turn)."
            )
        ]
        yield table


def interpreters() -> Iterator[tuple[str, str]]:
    """Versions and interpreters with Pivot's dependencies: this one, and the newest other one."""
    own = f"3.{sys.version_info.minor}"
    yield own, sys.executable
    others = ("3.14", "3.13", "3.12") if own == "3.11" else ("3.11",)
    for version in others:
        interpreter = peers.interpreter_of(version)
        if interpreter is not None:
            folder = peers.installed(f"pivot-{version}", needed(), interpreter)
            if isinstance(folder, Path):
                yield version, str(folder / "bin" / "python")
                return
            told(f"  Python {version}: {folder}")


def needed() -> list[str]:
    """What a stage's worker imports, as ``pyproject.toml`` asks for it."""
    with (peers.CHECKOUT / "pyproject.toml").open("rb") as file:
        dependencies: list[str] = tomllib.load(file)["project"]["dependencies"]
    names = ("cloudpickle", "networkx", "pandas", "pathspec", "pydantic", "pyyaml", "xxhash")
    return [each for each in dependencies if each.startswith(names)]


def pairs(python: str, number: int, plan: Plan) -> tuple[list[float], list[float]]:
    """The CPU seconds of each repetition, without and with observation."""
    taken: tuple[list[float], list[float]] = ([], [])
    size = plan.size(1, 100)
    with tempfile.TemporaryDirectory(prefix="pivot-bench-") as folder:
        write_data(Path(folder), ROWS // size)
        fresh(python, number, folder, "", size)  # file caches are warm from here on
        for repetition in range(plan.times(REPETITIONS)):
            for observed in (True, False) if repetition % 2 else (False, True):
                taken[observed].append(fresh(python, number, folder, folder if observed else "", size))
    return taken


def fresh(python: str, number: int, folder: str, root: str, size: int) -> float:
    """The CPU seconds of one task in a process of its own."""
    command = [python, __file__, str(number), folder, root, str(size)]
    environment = clean_environment(PYTHONPATH=str(peers.CHECKOUT))
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def cpu_seconds(case: Case, folder: str, root: str, size: int) -> float:
    """The CPU seconds of one task in this process."""
    for library in case.preload:
        importlib.import_module(library)
    with InlineExecutor() as executor:
        started = time.process_time()
        result = executor.submit(task(case, folder, root, size)).result()
        seconds = time.process_time() - started
    if not isinstance(result, Success) or (result.seen == Seen()) != (root == ""):
        sys.exit(f"{case.title}: {result}")
    return seconds


def write_data(folder: Path, rows: int) -> None:
    """What the stages read."""
    lines = [f"{number % 1000},{number},{number * 0.5}" for number in range(rows)]
    (folder / "table.csv").write_text("\n".join(["key,value,other", *lines]), encoding="utf-8")
    (folder / "data").mkdir()
    for number in range(500):
        (folder / "data" / f"{number}.json").write_text("{}", encoding="utf-8")


def task(case: Case, folder: str, root: str, size: int) -> Task:
    """The case as a task."""
    text = f"SIZE = {size}\n{textwrap.dedent(case.text)}"
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
    print(cpu_seconds(CASES[int(sys.argv[1])], sys.argv[2], sys.argv[3], int(sys.argv[4])))
