"""The same pipeline written for each tool: `size` independent stages, of which stage i reads ``data/raw/i.json`` and
writes one JSON file.
"""

import json
from pathlib import Path

PIVOT_STAGES = """
from typing import Annotated

import pivot


def step(
    value: Annotated[dict, pivot.Dep("in.json", pivot.loaders.JSON())],
) -> Annotated[dict, pivot.Out("out.json", pivot.loaders.JSON())]:
    return {"n": value["n"] + 1}
"""


def write_pivot(folder: Path, size: int) -> None:
    """For Pivot, with a pivot.yaml."""
    _write_inputs(folder, size)
    (folder / "stages.py").write_text(PIVOT_STAGES)
    stages = "".join(
        f"  step{i}:\n    python: stages.step\n    deps:\n      value: data/raw/{i}.json\n"
        f"    outs:\n      output: out/{i}.json\n"
        for i in range(size)
    )
    (folder / "pivot.yaml").write_text(f"stages:\n{stages}")


DOIT_TASKS = """
import json
import os


def step(source, target):
    with open(source) as file:
        value = json.load(file)
    os.makedirs("out", exist_ok=True)
    with open(target, "w") as file:
        json.dump({{"n": value["n"] + 1}}, file)


def task_step():
    for i in range({size}):
        source, target = f"data/raw/{{i}}.json", f"out/{{i}}.json"
        yield {{"name": str(i), "actions": [(step, [source, target])], "file_dep": [source], "targets": [target]}}
"""


def write_doit(folder: Path, size: int) -> None:
    """For doit, with Python actions."""
    _write_inputs(folder, size)
    (folder / "dodo.py").write_text(DOIT_TASKS.format(size=size))


UPSTREAM_PIPELINE = """
from typing import Annotated

from pivot import Pipeline, loaders, stage


@stage
def step(value: dict) -> Annotated[dict, loaders.JSON()]:
    return {{"n": value["n"] + 1}}


with Pipeline("bench") as pipeline:
    for i in range({size}):
        step(pipeline.input(f"{{i}}.json"))
"""


def write_upstream(folder: Path, size: int) -> None:
    """For upstream Pivot."""
    _write_inputs(folder, size)
    (folder / ".pivot").mkdir()
    (folder / "pipeline.py").write_text(UPSTREAM_PIPELINE.format(size=size))


NINJA_RULE = "rule step\n  command = cp $in $out\n"


def write_ninja(folder: Path, size: int) -> None:
    """For ninja, with a command that is as cheap as any."""
    _write_inputs(folder, size)
    builds = "".join(f"build out/{i}.json: step data/raw/{i}.json\n" for i in range(size))
    (folder / "build.ninja").write_text(NINJA_RULE + builds)


def write_dvc(folder: Path, size: int) -> None:
    """For DVC, with a command that is as cheap as any."""
    _write_inputs(folder, size)
    (folder / "out").mkdir()
    stages = "".join(
        f"  step{i}:\n    cmd: cp data/raw/{i}.json out/{i}.json\n"
        f"    deps:\n    - data/raw/{i}.json\n    outs:\n    - out/{i}.json\n"
        for i in range(size)
    )
    (folder / "dvc.yaml").write_text(f"stages:\n{stages}")


POOL = """
import json
import os
from concurrent.futures import ProcessPoolExecutor


def step(source, target):
    with open(source) as file:
        value = json.load(file)
    with open(target, "w") as file:
        json.dump({{"n": value["n"] + 1}}, file)


if __name__ == "__main__":
    os.makedirs("out", exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(step, f"data/raw/{{i}}.json", f"out/{{i}}.json") for i in range({size})]:
            done.result()
"""


def write_pool(folder: Path, size: int) -> None:
    """For a plain pool of processes."""
    _write_inputs(folder, size)
    (folder / "pool.py").write_text(POOL.format(size=size))


def _write_inputs(folder: Path, size: int) -> None:
    (folder / "data" / "raw").mkdir(parents=True)
    for i in range(size):
        (folder / "data" / "raw" / f"{i}.json").write_text(json.dumps({"n": i}))
