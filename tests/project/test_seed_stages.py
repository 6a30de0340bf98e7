"""The guide to defining stages, block by block: each text runs unaltered, and each key of an entry acts."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from pivot.errors import DefinitionErrors

# what the guide's blocks leave undefined
GUIDE = """\
import pathlib
from typing import Annotated, TypedDict
import pandas
from pivot import loaders, outputs
"""


def test_the_basic_usage_runs(folder, outcomes, block):
    folder.write("stages.py", block("process.py"))
    folder.write("pivot.yaml", block("process.yaml"))
    folder.write("input.csv", "a,b\n1,2\n3,\n")
    assert outcomes(folder.repro()) == {"process": "ran"}
    assert pd.read_parquet(folder.path / "output.parquet").to_dict("list") == {"a": [1], "b": [2.0]}
    assert outcomes(folder.repro()) == {"process": "unchanged"}


def test_a_body_of_dots_names_the_missing_output(folder, block):
    outs = "class PreprocessOutputs(TypedDict):\n    clean: Annotated[str, outputs.Out('c.txt')]\n"
    folder.write("stages.py", GUIDE + outs + block("preprocess.py"))
    folder.write("pivot.yaml", block("preprocess.yaml"))
    folder.write("data/raw.csv", "a\n1\n")
    folder.write("config/settings.yaml", "a: 1\n")
    end = folder.repro().stages["preprocess"]
    assert end.outcome == "failed"
    assert "stage 'preprocess' returned None instead of a dict with the keys 'clean'" in end.reason


# stands for the comment in the block's body and the names that it leaves undefined
TRAINING = """
import functools
model_path, plot_path = pathlib.Path("model.pkl"), pathlib.Path("loss.png")
metrics_dict = {"loss": 0.5}

def training(function):
    @functools.wraps(function)
    def trained(data):
        model_path.write_bytes(b"model")
        plot_path.write_bytes(b"plot")
        return function(data)
    return trained

train = training(train)
"""


def test_the_outputs_of_the_guide_are_tracked_by_their_kind(folder, outcomes, block):
    folder.write("stages.py", GUIDE + block("train.py") + TRAINING)
    folder.write("pivot.yaml", block("train.yaml"))
    folder.write("data.csv", "a\n1\n")
    assert outcomes(folder.repro()) == {"train": "ran"}
    assert json.loads(folder.read("metrics.json")) == {"loss": 0.5}
    assert folder.cached() == {b"model", b"plot"}, "metrics belong to git, not to the cache"
    for name in ("model.pkl", "loss.png", "metrics.json"):
        (folder.path / name).unlink()
    assert outcomes(folder.repro()) == {"train": "restored"}
    assert json.loads(folder.read("metrics.json")) == {"loss": 0.5}


def test_files_that_a_stage_did_not_write_are_named(folder, block):
    names = "model_path, plot_path, metrics_dict = 'model.pkl', 'loss.png', {}\n"
    folder.write("stages.py", GUIDE + names + block("train.py"))
    folder.write("pivot.yaml", block("train.yaml"))
    folder.write("data.csv", "a\n1\n")
    reason = folder.repro().stages["train"].reason
    assert "stage 'train' did not write 'model.pkl' and did not write 'loss.png'" in reason
    assert not (folder.path / "metrics.json").exists()


def test_params_in_yaml_reach_the_stage(folder, block):
    kinds, _, _ = block("train.py").partition("\n\n\n")
    folder.write("stages.py", GUIDE + kinds + "\n" + block("train_params.py"))
    folder.write("pivot.yaml", block("train_params.yaml"))
    folder.write("data.csv", "a\n1\n")
    end = folder.repro().stages["train"]
    assert "returned None instead of a dict with the keys 'metrics', 'model', 'plot'" in end.reason
    assert folder.log("train").strip() == "Learning rate: 0.05"


# each stage lasts until it sees the other one or loses patience
GPU = """
import time

def occupied(data, own, other):
    began = time.monotonic_ns()
    pathlib.Path(own).touch()
    deadline = time.monotonic() + float(data["patience"][0])
    while time.monotonic() < deadline and not pathlib.Path(other).exists():
        time.sleep(0.01)
    return began, time.monotonic_ns()

def train_gpu(
    data: Annotated[pandas.DataFrame, outputs.Dep("data.csv", loaders.CSV())],
) -> Annotated[tuple, outputs.Out("one.pkl", loaders.Pickle())]:
    return occupied(data, "first.began", "second.began")

def train_gpu_2(
    data: Annotated[pandas.DataFrame, outputs.Dep("data.csv", loaders.CSV())],
) -> Annotated[tuple, outputs.Out("two.pkl", loaders.Pickle())]:
    return occupied(data, "second.began", "first.began")
"""


JOIN = """
def join(
    one: Annotated[tuple, outputs.Dep("one.pkl", loaders.Pickle())],
    two: Annotated[tuple, outputs.Dep("two.pkl", loaders.Pickle())],
) -> Annotated[int, outputs.Out("joined.pkl", loaders.Pickle())]:
    return time.monotonic_ns()
"""


def test_stages_of_one_mutex_group_never_overlap(folder, block):
    folder.write("stages.py", GUIDE + GPU)
    folder.write("pivot.yaml", block("mutex.yaml"))
    folder.write("data.csv", "patience\n0.5\n")
    assert folder.repro(jobs=2).executed
    (_, first_end), (second_begin, _) = sorted(map(folder.load, ("train_gpu", "train_gpu_2")))
    assert first_end <= second_begin


def test_independent_stages_run_at_once_and_the_next_waits_for_both(folder, block):
    a, b, c = sorted(set(re.findall(r"Stage (\w)", block("parallel.figure"))))
    entries = {a: "train_gpu", b: "train_gpu_2", c: "join"}
    lines = (f"  {name}: {{python: stages.{function}}}\n" for name, function in entries.items())
    folder.write("stages.py", GUIDE + GPU + JOIN)
    folder.write("pivot.yaml", "stages:\n" + "".join(lines))
    folder.write("data.csv", "patience\n60\n")
    assert folder.repro(jobs=2).executed[-1] == c
    (_, first_end), (second_begin, second_end) = sorted(map(folder.load, (a, b)))
    assert second_begin < first_end
    assert max(first_end, second_end) <= folder.load(c)


def test_cwd_shifts_paths_and_the_current_directory(folder, outcomes, block):
    folder.write("stages.py", block("process_data.py") + "\nprocess = process_data\n")
    folder.write("pivot.yaml", block("cwd.yaml"))
    folder.write("subproject/data.csv", "a\n1\n")
    assert outcomes(folder.repro()) == {"process": "ran"}
    assert folder.read("subproject/output.csv") == ",a\n0,1\n"
    assert not (folder.path / "output.csv").exists()


def test_what_cannot_be_a_stage_is_refused_before_anything_runs(folder, block):
    folder.write("stages.py", block("dont.py") + "\nclosure = make_stage(3)\n")
    entries = {"a": "process", "b": "closure", "c": "my_stage"}
    lines = (f"  {name}: {{python: stages.{function}}}\n" for name, function in entries.items())
    folder.write("pivot.yaml", "stages:\n" + "".join(lines))
    with pytest.raises(DefinitionErrors) as caught:
        folder.repro()
    shown = re.findall(r"# Error: (.*)", block("dont.py"))
    assert [word in str(error) for word, error in zip(shown, caught.value.errors, strict=True)] == [True] * 3


# The table of an entry's keys

KEYS = """
from pivot.stage_def import StageParams

class Params(StageParams):
    factor: int = 2

class Outs(TypedDict):
    result: Annotated[int, outputs.Out("result.json", loaders.JSON())]
    score: Annotated[int, outputs.Metric("score.json")]
    picture: Annotated[str, outputs.Plot("picture.txt", loaders.Text())]

def work(params: Params, data: Annotated[int, outputs.Dep("data.json", loaders.JSON())]) -> Outs:
    return {"result": data * params.factor, "score": data, "picture": pathlib.Path.cwd().name}

def other() -> Annotated[int, outputs.Out("result.json", loaders.JSON())]:
    return 7
"""


def test_python_names_the_function(folder):
    folder.write("stages.py", GUIDE + KEYS)
    folder.write("pivot.yaml", "stages:\n  work:\n    python: stages.other\n")
    assert folder.repro().ok
    assert json.loads(folder.read("result.json")) == 7


def test_an_entry_without_python_is_refused(folder):
    folder.write("pivot.yaml", "stages:\n  work:\n    deps: {data: data.json}\n")
    with pytest.raises(DefinitionErrors, match=r"stage 'work': 'python' is missing \(pivot\.yaml:2\)"):
        folder.repro()


@pytest.mark.parametrize(
    ("lines", "file", "content", "cached"),
    [
        (["deps:", "  data: other.json"], "result.json", "20", True),
        (["outs:", "  result: out/r.json"], "out/r.json", "2", True),
        (["outs:", "  result: {path: r.json, cache: false}"], "r.json", "2", False),
        (["metrics:", "  score: metrics/s.json"], "metrics/s.json", "1", False),
        (["plots:", "  picture: plots/p.txt"], "plots/p.txt", None, True),
        (["params:", "  factor: 5"], "result.json", "5", True),
        (["cwd: sub"], "sub/result.json", "200", True),
        (["cwd: sub"], "sub/picture.txt", "sub", True),
    ],
    ids=["deps", "outs", "outs with options", "metrics", "plots", "params", "cwd: paths", "cwd: folder"],
)
def test_a_key_of_an_entry_acts(folder, lines: list[str], file: str, content: str | None, cached: bool):
    folder.write("stages.py", GUIDE + KEYS)
    entry = "".join(f"    {line}\n" for line in ["python: stages.work", *lines])
    folder.write("pivot.yaml", f"stages:\n  work:\n{entry}")
    for name, number in (("data.json", "1"), ("other.json", "10"), ("sub/data.json", "100")):
        folder.write(name, number)
    assert folder.repro().ok
    assert folder.read(file).strip() == (folder.path.name if content is None else content)
    assert ((folder.path / file).read_bytes() in folder.cached()) is cached
    default = {"r": "result.json", "s": "score.json", "p": "picture.txt"}[Path(file).name[0]]
    assert file == default or not (folder.path / default).exists()


def test_a_matrix_makes_a_stage_of_each_value(folder, outcomes):
    folder.write("stages.py", GUIDE + KEYS)
    folder.write("data.json", "1")
    folder.write(
        "pivot.yaml",
        """
        stages:
          work:
            python: stages.work
            matrix: {model: {a: {params: {factor: 3}}, b: }}
            outs: {result: "${model}/result.json"}
            metrics: {score: "${model}/score.json"}
            plots: {picture: "${model}/picture.txt"}
        """,
    )
    assert outcomes(folder.repro()) == {"work@a": "ran", "work@b": "ran"}
    assert (folder.read("a/result.json").strip(), folder.read("b/result.json").strip()) == ("3", "2")


def test_a_module_that_cannot_be_found_is_named(folder):
    folder.write("pivot.yaml", "stages:\n  work:\n    python: steps.work\n")
    with pytest.raises(DefinitionErrors, match=r"stage 'work'.*'steps'.*\(pivot\.yaml:3\)"):
        folder.repro()
