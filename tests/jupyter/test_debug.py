"""``%pivot debug``: a stage in the kernel, with what a worker gets."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from pivot.store.guard import try_guard

IMPORTS = """
import os
from typing import Annotated
from pivot import StageParams, loaders, outputs
import ratios
"""
HELPER = "# a comment above\n\ndef ratio(x, y):\n    part = ratios.scaled(x)\n    return part / y"
CLEAN = """%%pivot_stage
def clean(raw: Annotated[str, outputs.Dep("raw.txt", loaders.Text())]) -> Annotated[str, outputs.Out("clean.txt", loaders.Text())]:
    return raw.strip()
"""
TRAIN = """%%pivot_stage
class Params(StageParams):
    depth: int = 3
def train(data: Annotated[str, outputs.Dep("clean.txt", loaders.Text())], params: Params) -> Annotated[dict, outputs.Metric("train.json")]:
    size = len(data) * params.depth
    try:
        return {"size": ratio(size, 0)}
    except ZeroDivisionError as error:
        raise ValueError("no size") from error
"""
OWN = """%%pivot_stage
def own(data: Annotated[str, outputs.Dep("raw.txt", loaders.Text())]) -> Annotated[os.PathLike, outputs.Out("own.txt", loaders.PathOnly())]:
    with open("own.txt", "w") as file:
        file.write(data)
    return "own.txt"
"""


@pytest.fixture
def place(kernel_place):
    (kernel_place / "raw.txt").write_text("abc\n")
    (kernel_place / "ratios.py").write_text("def scaled(x):\n    return x\n")
    return kernel_place


@pytest.fixture
def converse(place):
    """Cells in a real kernel, each with the answers to its prompts; gives what they showed."""

    def run(*cells):
        pairs = [
            cell if isinstance(cell, tuple) else (cell, ()) for cell in ("%load_ext pivot_jupyter", *cells)
        ]
        command = [sys.executable, str(Path(__file__).with_name("converse.py")), str(place)]
        done = subprocess.run(
            command, input=json.dumps(pairs), capture_output=True, text=True, check=False, timeout=240
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)[1:]

    return run


def test_pdb_opens_in_the_cell_that_fails_with_the_values_of_the_run(place, converse):
    edited = "def scaled(x):\n    return x * 10\n"
    told = converse(
        IMPORTS, HELPER, CLEAN, TRAIN,
        ("%pivot debug train", ["q"]),
        "%pivot run",
        f"open('ratios.py', 'w').write({edited!r})",
        ("%pivot debug train", ["p size", "import os; print(os.getcwd())", "exceptions 0", "p part, y", "up", "p params.depth", "l", "q"]),
        ("%pivot debug train --step", ["n", "p 'stepped', size", "q"]),
        ("%pivot debug train", None),
        "ratios.scaled(1), ratio(4, 2)",
    )  # fmt: skip
    assert (
        "clean.txt is not there (Cell In[5], line 4): run what makes it first: %pivot repro clean" in told[4]
    )
    failing = told[7]
    assert "stage 'train' fails: ValueError: no size (Cell In[5], line 9)" in failing
    assert "> Cell In[5], line 9 in train()" in failing
    assert "/tmp" not in failing.replace(str(place), "")
    assert str(place) in failing  # the stage's folder
    assert "(90, 0)" in failing, (
        "the helper's module is the one that a worker imports, not that of the kernel"
    )
    assert "> Cell In[3], line 5 in ratio()" in failing
    assert "----> 5     return part / y" in failing
    assert "('stepped', 9)" in told[8]
    assert "does not fail" not in told[8]
    assert "nobody to type into the debugger here" in told[9]
    assert told[10].strip() == "(1, 2.0)", "the kernel goes on with the module that it imported"


@pytest.fixture
def defined(place, ready, say):
    """Two stages that ran."""
    imports = IMPORTS.replace("import ratios", "")
    assert "Error" not in say(imports, CLEAN, OWN, "%pivot run")
    return say


def test_a_stage_that_does_not_fail_leaves_no_trace(place, defined, shell):
    (place / "raw.txt").write_text("another\n")
    (place / "clean.txt").write_text("a person wrote this")
    before = {
        path: path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and path.suffix in {".txt", ".pivot", ".lock"}
    }
    runs = sorted((place / ".pivot" / "runs").iterdir())
    state, folder = random.getstate(), shell.run_cell("os.getcwd()").result
    assert "stage 'own' does not fail: it returned 'own.txt'; nothing was kept" in defined("%pivot debug own")
    assert "stage 'clean' does not fail: it returned 'another'; nothing" in defined("%pivot debug clean")
    assert {path: path.read_bytes() for path in before} == before
    assert sorted((place / ".pivot" / "runs").iterdir()) == runs
    assert (random.getstate(), shell.run_cell("os.getcwd()").result) == (state, folder)
    assert "will run       own" in defined("%pivot status")


COUNT = """%%pivot_stage
def count(
    raw: Annotated[dict, outputs.Dep("raw.json")],
    seen: Annotated[list, outputs.IncrementalOut("seen.json", loaders.JSON(empty_factory=list))],
) -> Annotated[list, outputs.IncrementalOut("seen.json", loaders.JSON(empty_factory=list))]:
    return [*seen, raw["n"]]
"""
WRONG = """%%pivot_stage
def wrong(raw: Annotated[dict, outputs.Dep("raw.json")]) -> Annotated[str, outputs.Out("wrong.txt", loaders.Text())]:
    return raw
"""


def test_what_fails_outside_of_the_stages_own_lines_is_told_in_a_line(place, ready):
    ready(IMPORTS.replace("import ratios", ""), COUNT, WRONG)
    assert "stage 'wrong': raw.json is not there" in ready("%pivot debug wrong")
    (place / "raw.json").write_text('{"n": 1}')
    assert "stage 'wrong' fails: output 'output' (wrong.txt): Text cannot save a dict" in ready(
        "%pivot debug wrong"
    )
    (place / "raw.json").write_text("{")
    told = ready("%pivot debug wrong")
    assert told.startswith("PivotRunError: stage 'wrong' fails: dep 'raw' (raw.json): JSONDecodeError")
    assert str(place) not in told


def test_an_incremental_output_is_given_its_last_value_and_keeps_it(place, ready, shell):
    (place / "raw.json").write_text('{"n": 1}')
    ready(IMPORTS.replace("import ratios", ""), COUNT, "%pivot run")
    (place / "raw.json").write_text('{"n": 2}')
    for _ in range(2):
        assert "it returned a list of 2; nothing was kept" in ready("%pivot debug count")
    assert shell.run_cell("%pivot load count").result == [1]
    project = shell._pivot_extension.session.project
    with try_guard(project.store.layout, "count"):
        assert "stage 'count' is being run by this process: wait for its end" in ready("%pivot debug count")


def test_a_stage_of_pivot_yaml_is_called_with_its_module_as_it_is_now(place, say):
    (place / "pivot.yaml").write_text("stages:\n  scale:\n    python: steps.scale\n    params: {by: 2}\n")
    text = """
from pivot import StageParams
class Params(StageParams):
    by: int
def scale(params: Params) -> None:
    print("by", params.by * 1)
"""
    (place / "steps.py").write_text(text)
    assert "by 2\n" in say("%pivot debug scale")
    (place / "steps.py").write_text(text.replace("* 1", "* 5"))
    told = say("%pivot debug scale")
    assert "by 10\nstage 'scale' does not fail: it returned None; nothing was kept" in told
    assert "steps" not in sys.modules
