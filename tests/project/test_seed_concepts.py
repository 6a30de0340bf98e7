"""The home page and the core concepts, block by block: each text runs unaltered, each condition holds."""

import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from pivot.project import Project

GUIDE = """\
import pathlib
from typing import Annotated, TypedDict
import pandas
from pivot import loaders, outputs
"""
PAGE = """\
from typing import Annotated, TypedDict
from pandas import DataFrame
import pivot
"""
REGISTER = "\npipeline = pivot.Pipeline('page')\n"


def test_a_body_of_pass_names_the_missing_output(folder, block):
    folder.write("pipeline.py", "from pivot import stage\n" + block("decorated.py"))
    folder.write("input.csv", "a\n1\n")
    assert "stage 'process' did not write 'output.parquet'" in folder.repro().stages["process"].reason


def test_a_changed_helper_is_detected(folder, outcomes, block):
    load = "from pivot import stage\nload_data = lambda: int(open('data.csv').read())\n"
    folder.write("pipeline.py", load + block("decorated_helper.py"))
    folder.write("data.csv", "1\n")
    assert outcomes(folder.repro()) == {"process": "ran"}
    assert outcomes(folder.repro()) == {"process": "unchanged"}
    folder.edit("pipeline.py", "x * 2", "x * 3")
    assert outcomes(folder.repro()) == {"process": "ran"}


def test_params_yaml_overrides_the_defaults(folder, outcomes, block):
    folder.write("pipeline.py", "from pivot import stage\n" + block("decorated_params.py"))
    folder.write("data.csv", "1\n")
    folder.repro()
    assert folder.log("train") == "LR: 0.01\n"
    folder.write("params.yaml", block("params.yaml"))
    assert outcomes(folder.repro()) == {"train": "ran"}
    assert folder.log("train") == "LR: 0.001\n"


# the quick example leaves the training to a comment: the file is written when its result is put together
FINISHED = """

def _finished(model):
    model.write_bytes(b"model")
    return {"model": model}


TrainOutputs = _finished
"""


@pytest.fixture
def quick(folder, block):
    folder.write("pipeline.py", block("pipeline.py") + FINISHED)
    folder.write("data.csv", "x,y\n1,2\n,3\n")
    return folder


def test_the_quick_example_runs_and_then_is_instant(quick, console, commands):
    first, second = (console(words) for words in commands("repro.sh"))
    assert re.search(r"\bran\b.*\bpreprocess\b.*\bran\b.*\btrain\b.*\n2 stages run", first, re.DOTALL), first
    assert second.startswith("0 stages run, 2 unchanged")
    quick.edit("pipeline.py", "raw.dropna()", "raw.dropna() * 2")
    assert quick.repro().executed == ("preprocess", "train")
    quick.edit("pipeline.py", "pandas.read_parquet(data)", "pandas.read_parquet(data) * 2")
    assert quick.repro().executed == ("train",)


def test_the_quick_example_as_it_stands_names_the_missing_model(folder, block):
    folder.write("pipeline.py", block("pipeline.py"))
    folder.write("data.csv", "x,y\n1,2\n,3\n")
    assert "stage 'train' did not write 'model.pkl'" in folder.repro().stages["train"].reason


def test_the_graph_is_the_one_of_the_figure(quick, block):
    words = re.findall(r"[\w.]+", block("graph.figure"))
    with Project(str(quick.path)) as project:
        graph = project.graph()
    way = [word for stage in graph.stages for word in (*stage.dep_paths(), stage.name)]
    assert [*way, *graph.stages[-1].out_paths()] == words


def test_the_cache_is_laid_out_as_in_the_figure(quick, block):
    quick.repro()
    quick.repro()
    locks = re.findall(r"\w+\.lock", block("cache.tree"))
    assert sorted(path.name for path in quick.path.glob(".pivot/stages/*")) == locks
    assert quick.cached() >= {(quick.path / name).read_bytes() for name in ("processed.parquet", "model.pkl")}
    for path in quick.path.glob(".pivot/cache/files/*/*"):
        assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{30}", f"{path.parent.name}/{path.name}")


def test_editing_a_helper_runs_what_is_affected(folder, console, block, commands):
    before = "class ProcessOutputs(TypedDict):\n    result: Annotated[object, outputs.Out('result.pkl')]\n"
    other = "\ndef other() -> Annotated[int, outputs.Metric('other.json')]:\n    return 1\n"
    register = "\nimport pivot\npivot.stage(process)\npivot.stage(other)\n"
    folder.write("pipeline.py", GUIDE + before + block("normalize.py") + other + register)
    folder.write("data.csv", "x\n1\n4\n")
    first, second = commands("edit.sh")
    assert "2 stages run" in console(first)
    folder.edit("pipeline.py", "x / x.max()", "x / x.min()")
    assert "1 stage run, 1 unchanged" in console(second)
    with Project(str(folder.path)) as project:
        assert project.load("process")["x"].tolist() == [1.0, 4.0]


def test_watching_runs_again_when_a_file_changes(numbers, commands):
    (words,) = commands("watch.sh")
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "pivot", *words],
        cwd=numbers.path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as watching:
        try:
            assert "2 stages run" in until_it_waits(watching)
            numbers.edit("stages.py", "FACTOR = 2", "FACTOR = 3")
            assert "2 stages run" in until_it_waits(watching)
            assert json.loads(numbers.read("total.json")) == {"total": 18}
            watching.send_signal(signal.SIGINT)
            assert watching.wait(60) == 0
        finally:
            watching.kill()


def until_it_waits(watching: "subprocess.Popen[str]") -> str:
    """All lines up to the one that says what is waited for; the test's time limit ends a vain wait."""
    lines = list(iter(partial(_line, watching), None))
    return "".join(lines)


def _line(watching: "subprocess.Popen[str]") -> str | None:
    line = watching.stdout.readline()
    assert line, f"it ended with {watching.wait()}"
    return None if "Ctrl-C ends" in line else line


def test_status_explains_in_exactly_the_form_shown(folder, console, block, commands):
    stages = """
from utils import normalize

def prepare(
    raw: Annotated[DataFrame, pivot.Dep("raw.csv", pivot.loaders.CSV())],
) -> Annotated[DataFrame, pivot.Out("data.csv", pivot.loaders.CSV())]:
    return raw

def train(
    data: Annotated[DataFrame, pivot.Dep("data.csv", pivot.loaders.CSV())],
) -> Annotated[DataFrame, pivot.Out("model.csv", pivot.loaders.CSV())]:
    return normalize(data)
"""
    register = REGISTER + "pipeline.register(prepare)\npipeline.register(train)\n"
    folder.write("pipeline.py", PAGE + stages + register)
    folder.write("src/utils.py", "#\n" * 14 + "def normalize(x):\n    return x / x.max()\n")
    folder.write("raw.csv", "x\n1\n4\n")
    console(["repro"])
    folder.edit("src/utils.py", "x.max()", "x.min()")
    (command,) = commands("explain.sh")
    shown = block("explain.sh").partition("\n\n")[2]
    digest = "[0-9a-f]{8}"
    form = re.sub(r"(Old|New): [0-9a-f]{8}", rf"\1: {digest}", re.escape(shown).replace(r"\ ", " "))
    first = re.match(form, told := console(command))
    assert first
    diff = ["def normalize(x):", "-    return x / x.max()", "+    return x / x.min()"]
    assert [line.strip() for line in told[first.end() :].splitlines()[:3]] == diff


# Skip conditions and kinds of outputs

SCALE = """
class Params(pivot.StageParams):
    factor: int = 2

def scale(
    params: Params, data: Annotated[int, pivot.Dep("data.json", pivot.loaders.JSON())]
) -> Annotated[int, pivot.Out("scaled.json", pivot.loaders.JSON())]:
    return data * params.factor
"""


@pytest.fixture
def scaled(folder):
    folder.write("pipeline.py", PAGE + SCALE + REGISTER + "pipeline.register(scale)\n")
    folder.write("params.yaml", "scale: {factor: 2}\n")
    folder.write("data.json", "1")
    assert folder.repro().executed == ("scale",)
    return folder


def objects(folder) -> list[Path]:
    return sorted(folder.path.glob(".pivot/cache/files/*/*"))


def test_a_stage_is_skipped_when_everything_matches(scaled, outcomes):
    assert outcomes(scaled.repro()) == {"scale": "unchanged"}


@pytest.mark.parametrize(
    ("file", "old", "new", "result"),
    [
        ("pipeline.py", "data * params.factor", "data + params.factor", "3"),
        ("params.yaml", "factor: 2", "factor: 5", "5"),
        ("data.json", "1", "10", "20"),
    ],
    ids=["code", "params", "dependency"],
)
def test_a_stage_runs_when_one_condition_fails(scaled, outcomes, file: str, old: str, new: str, result: str):
    scaled.edit(file, old, new)
    assert outcomes(scaled.repro()) == {"scale": "ran"}
    assert scaled.read("scaled.json").strip() == result


def test_a_stage_runs_when_its_output_is_neither_there_nor_in_the_cache(scaled, outcomes):
    (scaled.path / "scaled.json").unlink()
    for path in objects(scaled):
        path.unlink()
    assert outcomes(scaled.repro()) == {"scale": "ran"}
    assert scaled.read("scaled.json").strip() == "2"


def test_an_output_that_only_the_cache_has_is_put_back(scaled, outcomes):
    (scaled.path / "scaled.json").unlink()
    assert outcomes(scaled.repro()) == {"scale": "restored"}
    assert scaled.read("scaled.json").strip() == "2"


def test_an_output_that_only_the_folder_has_is_cached_again(scaled, outcomes):
    (gone,) = objects(scaled)
    gone.unlink()
    assert outcomes(scaled.repro()) == {"scale": "unchanged"}
    assert objects(scaled) == [gone]


def test_the_lock_file_records_code_params_and_deps(scaled):
    lock = json.loads(scaled.read(".pivot/stages/scale.lock"))
    assert re.fullmatch("[0-9a-f]{32}", lock["code"])
    assert lock["params"] == {"factor": "2"}
    assert list(lock["deps"]) == ["data.json"]


# How fingerprinting works


REACH = """
import tools
LIMIT = 3

def inner(x):
    return x + LIMIT

def helper(x):
    return inner(x)

@pivot.stage
def work() -> Annotated[int, pivot.Out("n.json", pivot.loaders.JSON())]:
    return helper(tools.double(1))
"""


@pytest.mark.parametrize(
    ("file", "old", "new", "outcome"),
    [
        ("pipeline.py", "LIMIT = 3", "LIMIT = 4", "ran"),
        ("tools.py", "x * 2", "x * 3", "ran"),
        ("pipeline.py", "x + LIMIT", "x - LIMIT", "ran"),
        ("pipeline.py", "return inner(x)", "y = x  # the same\n    return inner( y )", "ran"),
        ("pipeline.py", "return inner(x)", "# a word\n    return inner( x )", "unchanged"),
    ],
    ids=["closure variable", "module.function", "recursively", "other code", "normalized code"],
)
def test_all_code_in_reach_counts_in_its_normal_form(folder, outcomes, file, old, new, outcome):
    folder.write("pipeline.py", PAGE + REACH)
    folder.write("tools.py", "def double(x):\n    return x * 2\n")
    folder.repro()
    folder.edit(file, old, new)
    assert outcomes(folder.repro()) == {"work": outcome}
