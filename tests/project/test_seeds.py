"""The code blocks of the founding documents run with their text unaltered.

A block's text is written to disk as it stands; code before and after it supplies what the page leaves undefined.
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

from pivot.errors import DefinitionErrors, PivotError
from pivot.project import Project

BLOCKS = Path(__file__).parent.parent / "define" / "seed_blocks"

# document, heading, block, the test below that runs it or why no test does
TABLE = [
    ("stages", "Basic Usage", "process.yaml", "test_the_basic_usage_runs"),
    ("stages", "Basic Usage", "process.py", "test_the_basic_usage_runs"),
    ("stages", "Dependencies", "preprocess.py", "test_a_body_of_dots_names_the_missing_output"),
    ("stages", "Dependencies", "preprocess.yaml", "test_a_body_of_dots_names_the_missing_output"),
    ("stages", "Outputs", "train.py", "test_the_outputs_of_the_guide_are_tracked_by_their_kind"),
    ("stages", "Outputs", "train.yaml", "test_the_outputs_of_the_guide_are_tracked_by_their_kind"),
    ("stages", "Parameters", "train_params.py", "test_params_in_yaml_reach_the_stage"),
    ("stages", "Parameters", "train_params.yaml", "test_params_in_yaml_reach_the_stage"),
    ("stages", "Mutex Groups", "mutex.yaml", "test_stages_of_one_mutex_group_never_overlap"),
    ("stages", "Working Directory", "cwd.yaml", "test_cwd_shifts_paths_and_the_current_directory"),
    ("stages", "Do", "process_data.py", "test_cwd_shifts_paths_and_the_current_directory"),
    ("stages", "Don't", "dont.py", "test_what_cannot_be_a_stage_is_refused_before_anything_runs"),
    ("concepts", "Stages", "decorated.py", "test_a_body_of_pass_names_the_missing_output"),
    ("concepts", "Dependency Graph (DAG)", "graph.figure", "test_the_graph_is_the_one_of_the_figure"),
    ("concepts", "Automatic Code Fingerprinting", "decorated_helper.py", "test_a_changed_helper_is_detected"),
    ("concepts", "Caching", "cache.tree", "test_the_cache_is_laid_out_as_in_the_figure"),
    ("concepts", "Parallel Execution", "parallel.figure", "test_independent_stages_run_at_once"),
    ("concepts", "Parameters", "decorated_params.py", "test_params_yaml_overrides_the_defaults"),
    ("concepts", "Parameters", "params.yaml", "test_params_yaml_overrides_the_defaults"),
    ("home", "Pivot", "edit.sh", "test_editing_a_helper_runs_what_is_affected"),
    ("home", "Quick Example", "pipeline.py", "test_the_quick_example_runs_and_then_is_instant"),
    ("home", "Quick Example", "repro.sh", "test_the_quick_example_runs_and_then_is_instant"),
    (
        "home",
        "Automatic Code Change Detection",
        "normalize.py",
        "test_editing_a_helper_runs_what_is_affected",
    ),
    ("home", "See Why Stages Run", "explain.sh", "test_status_explains_in_exactly_the_form_shown"),
    ("home", "Watch Mode", "watch.sh", "later: watch mode"),
    ("home", "Getting Started", "install.sh", "later: a published distribution"),
    ("outputs", "The return-type pattern", "train_outputs.py", "test_values_are_saved_by_their_loaders"),
    ("outputs", "Single-output shorthand", "clean.py", "test_a_single_output_is_returned_as_it_is"),
    ("outputs", "Out", "results.py", "test_a_stage_with_the_return_type_of_a_block_writes_its_files"),
    ("outputs", "Multi-file outputs", "shards.py", "later: several files under one key"),
    ("outputs", "Disabling caching", "debug_log.py", "test_an_uncached_output_is_written_and_not_cached"),
    ("outputs", "Metric", "scores.py", "test_a_stage_with_the_return_type_of_a_block_writes_its_files"),
    ("outputs", "Plot", "plots.py", "test_figures_are_saved_and_closed_and_own_files_tracked"),
    ("outputs", "IncrementalOut", "incremental.py", "later: state carried across runs"),
    ("outputs", "DirectoryOut", "directory.py", "later: directories as outputs"),
    ("outputs", "Overriding output paths", "override_path.py", "test_an_overridden_output_lands_elsewhere"),
    (
        "outputs",
        "Overriding output paths",
        "override_options.py",
        "test_an_overridden_output_lands_elsewhere",
    ),
    ("outputs", "Overriding output paths", "override_single.py", "test_an_overridden_output_lands_elsewhere"),
    ("outputs", "Decision tree", "choice.figure", "later: its words IncrementalOut and DirectoryOut"),
]


def test_every_block_is_run_or_listed_as_later():
    assert sorted(block for _, _, block, _ in TABLE) == sorted(path.stem for path in BLOCKS.iterdir())
    unknown = {how for *_, how in TABLE if not how.startswith("later: ") and how not in globals()}
    assert not unknown


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


def block(name: str) -> str:
    return (BLOCKS / f"{name}.txt").read_text(encoding="utf-8")


def commands(name: str) -> list[list[str]]:
    """The arguments of each ``pivot`` command in a console block."""
    lines = (shlex.split(line.removeprefix("$ "), comments=True) for line in block(name).splitlines())
    return [words[1:] for words in lines if words[:1] == ["pivot"]]


@pytest.fixture
def console(folder):
    """Runs ``pivot`` as a console does; gives what it printed."""

    def run(arguments: list[str]) -> str:
        words = [sys.executable, "-m", "pivot", *arguments]
        done = subprocess.run(words, cwd=folder.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def log_of(folder, stage: str) -> str:
    with Project(str(folder.path)) as project:
        return project.log(stage)


def cached(folder) -> set[bytes]:
    """The contents of all objects in the cache."""
    return {path.read_bytes() for path in folder.path.glob(".pivot/cache/files/*/*")}


# Defining stages


def test_the_basic_usage_runs(folder, outcomes):
    folder.write("stages.py", block("process.py"))
    folder.write("pivot.yaml", block("process.yaml"))
    folder.write("input.csv", "a,b\n1,2\n3,\n")
    assert outcomes(folder.repro()) == {"process": "ran"}
    assert pandas.read_parquet(folder.path / "output.parquet").to_dict("list") == {"a": [1], "b": [2.0]}
    assert outcomes(folder.repro()) == {"process": "unchanged"}


def test_a_body_of_dots_names_the_missing_output(folder):
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


def test_the_outputs_of_the_guide_are_tracked_by_their_kind(folder, outcomes):
    folder.write("stages.py", GUIDE + block("train.py") + TRAINING)
    folder.write("pivot.yaml", block("train.yaml"))
    folder.write("data.csv", "a\n1\n")
    assert outcomes(folder.repro()) == {"train": "ran"}
    assert json.loads(folder.read("metrics.json")) == {"loss": 0.5}
    assert cached(folder) == {b"model", b"plot"}, "metrics belong to git, not to the cache"
    for name in ("model.pkl", "loss.png", "metrics.json"):
        (folder.path / name).unlink()
    assert outcomes(folder.repro()) == {"train": "restored"}
    assert json.loads(folder.read("metrics.json")) == {"loss": 0.5}


def test_files_that_a_stage_did_not_write_are_named(folder):
    names = "model_path, plot_path, metrics_dict = 'model.pkl', 'loss.png', {}\n"
    folder.write("stages.py", GUIDE + names + block("train.py"))
    folder.write("pivot.yaml", block("train.yaml"))
    folder.write("data.csv", "a\n1\n")
    reason = folder.repro().stages["train"].reason
    assert "stage 'train' did not write 'model.pkl' and did not write 'loss.png'" in reason
    assert not (folder.path / "metrics.json").exists()


def test_params_in_yaml_reach_the_stage(folder):
    folder.write("stages.py", GUIDE + block("train.py") + block("train_params.py"))
    folder.write("pivot.yaml", block("train_params.yaml"))
    folder.write("data.csv", "a\n1\n")
    end = folder.repro().stages["train"]
    assert "returned None instead of a dict with the keys 'metrics', 'model', 'plot'" in end.reason
    assert log_of(folder, "train").strip() == "Learning rate: 0.05"


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


def intervals(folder) -> list[tuple[int, int]]:
    with Project(str(folder.path)) as project:
        assert project.repro(jobs=2).executed
        return sorted(project.load(stage) for stage in ("train_gpu", "train_gpu_2"))


def test_stages_of_one_mutex_group_never_overlap(folder):
    folder.write("stages.py", GUIDE + GPU)
    folder.write("pivot.yaml", block("mutex.yaml"))
    folder.write("data.csv", "patience\n0.5\n")
    (_, first_end), (second_begin, _) = intervals(folder)
    assert first_end <= second_begin


def test_independent_stages_run_at_once(folder):
    folder.write("stages.py", GUIDE + GPU)
    folder.write(
        "pivot.yaml", block("mutex.yaml").replace("- gpu", "[]").replace("mutex:\n      []", "mutex: []")
    )
    folder.write("data.csv", "patience\n60\n")
    (_, first_end), (second_begin, _) = intervals(folder)
    assert second_begin < first_end


def test_cwd_shifts_paths_and_the_current_directory(folder, outcomes):
    folder.write("stages.py", block("process_data.py") + "\nprocess = process_data\n")
    folder.write("pivot.yaml", block("cwd.yaml"))
    folder.write("subproject/data.csv", "a\n1\n")
    assert outcomes(folder.repro()) == {"process": "ran"}
    assert folder.read("subproject/output.csv") == ",a\n0,1\n"
    assert not (folder.path / "output.csv").exists()


def test_what_cannot_be_a_stage_is_refused_before_anything_runs(folder):
    folder.write("stages.py", block("dont.py") + "\nclosure = make_stage(3)\n")
    entries = {"a": "process", "b": "closure", "c": "my_stage"}
    lines = (f"  {name}: {{python: stages.{function}}}\n" for name, function in entries.items())
    folder.write("pivot.yaml", "stages:\n" + "".join(lines))
    with pytest.raises(DefinitionErrors) as caught:
        folder.repro()
    shown = re.findall(r"# Error: (.*)", block("dont.py"))
    assert [word in str(error) for word, error in zip(shown, caught.value.errors, strict=True)] == [True] * 3


# Core concepts


def test_a_body_of_pass_names_the_missing_output(folder):
    folder.write("pipeline.py", "from pivot import stage\n" + block("decorated.py"))
    folder.write("input.csv", "a\n1\n")
    assert "stage 'process' did not write 'output.parquet'" in folder.repro().stages["process"].reason


def test_a_changed_helper_is_detected(folder, outcomes):
    load = "from pivot import stage\nload_data = lambda: int(open('data.csv').read())\n"
    folder.write("pipeline.py", load + block("decorated_helper.py"))
    folder.write("data.csv", "1\n")
    assert outcomes(folder.repro()) == {"process": "ran"}
    assert outcomes(folder.repro()) == {"process": "unchanged"}
    folder.edit("pipeline.py", "x * 2", "x * 3")
    assert outcomes(folder.repro()) == {"process": "ran"}


def test_params_yaml_overrides_the_defaults(folder, outcomes):
    folder.write("pipeline.py", "from pivot import stage\n" + block("decorated_params.py"))
    folder.write("data.csv", "1\n")
    folder.repro()
    assert log_of(folder, "train") == "LR: 0.01\n"
    folder.write("params.yaml", block("params.yaml"))
    assert outcomes(folder.repro()) == {"train": "ran"}
    assert log_of(folder, "train") == "LR: 0.001\n"


# The home page

# the quick example leaves the training to a comment: the file is written when its result is put together
FINISHED = """

def _finished(model):
    model.write_bytes(b"model")
    return {"model": model}


TrainOutputs = _finished
"""


@pytest.fixture
def quick(folder):
    folder.write("pipeline.py", block("pipeline.py") + FINISHED)
    folder.write("data.csv", "x,y\n1,2\n,3\n")
    return folder


def test_the_quick_example_runs_and_then_is_instant(quick, console):
    first, second = (console(words) for words in commands("repro.sh"))
    assert re.search(r"ran +preprocess.*ran +train.*^2 stages run ", first, re.DOTALL | re.MULTILINE), first
    assert second.startswith("0 stages run, 2 unchanged")
    quick.edit("pipeline.py", "raw.dropna()", "raw.dropna() * 2")
    assert quick.repro().executed == ("preprocess", "train")
    quick.edit("pipeline.py", "pandas.read_parquet(data)", "pandas.read_parquet(data) * 2")
    assert quick.repro().executed == ("train",)


def test_the_quick_example_as_it_stands_names_the_missing_model(folder):
    folder.write("pipeline.py", block("pipeline.py"))
    folder.write("data.csv", "x,y\n1,2\n,3\n")
    assert "stage 'train' did not write 'model.pkl'" in folder.repro().stages["train"].reason


def test_the_graph_is_the_one_of_the_figure(quick):
    words = re.findall(r"[\w.]+", block("graph.figure"))
    with Project(str(quick.path)) as project:
        graph = project.graph()
    way = [word for stage in graph.stages for word in (*stage.dep_paths(), stage.name)]
    assert [*way, *graph.stages[-1].out_paths()] == words


def test_the_cache_is_laid_out_as_in_the_figure(quick):
    quick.repro()
    quick.repro()
    locks = re.findall(r"\w+\.lock", block("cache.tree"))
    assert sorted(path.name for path in quick.path.glob(".pivot/stages/*")) == locks
    assert cached(quick) >= {(quick.path / name).read_bytes() for name in ("processed.parquet", "model.pkl")}
    for path in quick.path.glob(".pivot/cache/files/*/*"):
        assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{30}", f"{path.parent.name}/{path.name}")


def test_editing_a_helper_runs_what_is_affected(folder, console):
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


def test_status_explains_in_exactly_the_form_shown(folder, console):
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
    assert re.fullmatch(form, console(command))


# Outputs


def test_values_are_saved_by_their_loaders(folder):
    fit = "\nclass Model:\n    predict = staticmethod(lambda data: data * 2)\n\nfit = lambda data: Model\n"
    folder.write("pipeline.py", block("train_outputs.py") + fit + REGISTER + "pipeline.register(train)\n")
    folder.write("features.csv", "x\n1\n2\n")
    assert folder.repro().ok
    assert folder.read("predictions.csv") == "x\n2\n4\n"
    assert json.loads(folder.read("metrics.json")) == {"accuracy": 0.95, "f1": 0.91}


def test_a_single_output_is_returned_as_it_is(folder):
    folder.write("pipeline.py", PAGE + block("clean.py") + REGISTER + "pipeline.register(clean)\n")
    folder.write("raw.csv", "x\n1\n2\n")
    assert folder.repro().ok
    assert folder.read("clean.csv") == "x\n1\n2\n"
