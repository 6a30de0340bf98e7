"""The code blocks of the founding documents are registered with their text unaltered."""

from pathlib import Path

import pytest

from pivot.model.stage import OutKind, Returns

BLOCKS = Path(__file__).parent / "seed_blocks"

# what the pages take for granted around a block
GUIDE = """\
import pathlib
from typing import Annotated, TypedDict
import pandas
from pivot import loaders, outputs
"""
OUTPUTS = """\
from typing import Annotated, TypedDict
from pandas import DataFrame
import pivot
"""


def block(name):
    return (BLOCKS / f"{name}.txt").read_text(encoding="utf-8")


def shape(stage):
    return (
        stage.name,
        {dep.name: dep.path for dep in stage.deps},
        {out.name: (out.path, out.kind, out.cache, out.loader.name.rpartition(".")[2]) for out in stage.outs},
        stage.returns,
    )


def out(path, loader="PathOnly", kind=OutKind.OUT, cache=True):
    return (path, kind, cache, loader)


def value(stage):
    return {"output": out(f".pivot/values/{stage}", "Value", OutKind.VALUE)}


TRAIN_OUTS = {
    "model": out("model.pkl"),
    "metrics": out("metrics.json", "JSON", OutKind.METRIC, cache=False),
    "plot": out("loss.png", kind=OutKind.PLOT),
}

IN_YAML = {
    "process": (
        block("process.py"),
        "process.yaml",
        ("process", {"raw": "input.csv"}, {"clean": out("output.parquet")}, Returns.MAPPING),
    ),
    "preprocess": (
        GUIDE
        + "class PreprocessOutputs(TypedDict):\n    clean: Annotated[str, outputs.Out('c.txt')]\n"
        + block("preprocess.py"),
        "preprocess.yaml",
        (
            "preprocess",
            {"raw": "data/raw.csv", "config": "config/settings.yaml"},
            {"clean": out("c.txt", "Text")},
            Returns.MAPPING,
        ),
    ),
    "train": (
        GUIDE + block("train.py"),
        "train.yaml",
        ("train", {"data": "data.csv"}, TRAIN_OUTS, Returns.MAPPING),
    ),
    "train with params": (
        GUIDE + block("train.py") + block("train_params.py"),
        "train_params.yaml",
        ("train", {"data": "data.csv"}, TRAIN_OUTS, Returns.MAPPING),
    ),
}


@pytest.mark.parametrize("name", IN_YAML)
def test_a_yaml_block_registers_with_its_python_block(project, name):
    code, entry, expected = IN_YAML[name]
    project.write("stages.py", code)
    project.write("pivot.yaml", block(entry))
    assert shape(project.stage()) == expected


def test_params_of_a_yaml_block_win_over_the_defaults(project):
    project.write("stages.py", GUIDE + block("train.py") + block("train_params.py"))
    project.write("pivot.yaml", block("train_params.yaml"))
    params = project.stage().params
    assert (params.argument, str(params.model)) == ("params", "stages.TrainParams")
    assert params.values == '{"batch_size":64,"learning_rate":0.05}'


def test_the_mutex_block_puts_two_stages_in_one_group(project):
    function = """
def {0}(
    data: Annotated[pandas.DataFrame, outputs.Dep("x.csv", loaders.CSV())],
) -> Annotated[pathlib.Path, outputs.Out("{0}.pkl", loaders.PathOnly())]:
    ...
"""
    project.write("stages.py", GUIDE + function.format("train_gpu") + function.format("train_gpu_2"))
    project.write("pivot.yaml", block("mutex.yaml"))
    first, second = project.stages()
    assert first.mutex == second.mutex == ("gpu",)
    assert [out.name for out in (*first.outs, *second.outs)] == ["model", "model"]
    assert (first.out_paths(), second.out_paths()) == (("gpu_model.pkl",), ("gpu_model_2.pkl",))


def test_the_cwd_block_shifts_paths_and_folder(project):
    project.write("stages.py", block("process_data.py") + "\nprocess = process_data\n")
    project.write("pivot.yaml", block("cwd.yaml"))
    stage = project.stage()
    assert (stage.folder, stage.dep_paths(), stage.out_paths()) == (
        "subproject",
        ("subproject/data.csv",),
        ("subproject/output.csv",),
    )


def test_the_blocks_that_cannot_be_stages_say_so(project):
    project.write("stages.py", block("dont.py") + "\nclosure = make_stage(3)\n")
    project.write(
        "pivot.yaml",
        """\
        stages:
          a: {python: stages.process}
          b: {python: stages.closure}
          c: {python: stages.my_stage}
        """,
    )
    lambda_error, closure_error, main_error = project.errors()
    assert "Can't pickle <lambda>" in lambda_error
    assert "Could not pickle the task to send it to the workers" in closure_error
    assert "captures 'threshold' from make_stage" in closure_error
    assert "Move the function to module level and pass values through parameters instead." in closure_error
    assert "Can't get attribute 'my_stage' on <module '__main__'>" in main_error
    assert "(stages.py:16)" in main_error


DECORATED = {
    "decorated.py": (
        "process",
        {"input.csv": "input.csv"},
        {"output.parquet": out("output.parquet")},
        Returns.NOTHING,
    ),
    "decorated_helper.py": ("process", {"data.csv": "data.csv"}, value("process"), Returns.SINGLE),
    "decorated_params.py": ("train", {"data.csv": "data.csv"}, value("train"), Returns.SINGLE),
}


@pytest.mark.parametrize("name", DECORATED)
def test_a_decorated_block_registers(project, name):
    project.write("pipeline.py", "from pivot import stage\n" + block(name))
    assert shape(project.stage("pipeline.py")) == DECORATED[name]


def test_params_yaml_overrides_as_its_block_shows(project):
    project.write("pipeline.py", "from pivot import stage\n" + block("decorated_params.py"))
    project.write("params.yaml", block("params.yaml"))
    assert project.stage("pipeline.py").params.values == '{"epochs":100,"learning_rate":0.001}'


def test_the_quick_example_registers_two_stages(project):
    project.write("pipeline.py", block("pipeline.py"))
    first, second = project.stages("pipeline.py")
    assert shape(first) == (
        "preprocess",
        {"raw": "data.csv"},
        {"clean": out("processed.parquet")},
        Returns.MAPPING,
    )
    assert shape(second) == (
        "train",
        {"data": "processed.parquet"},
        {"model": out("model.pkl")},
        Returns.MAPPING,
    )


PAGE = {
    "train_outputs.py": (
        "train",
        {"data": "features.csv"},
        {
            "predictions": out("predictions.csv", "CSV"),
            "metrics": out("metrics.json", "JSON", OutKind.METRIC, cache=False),
        },
        Returns.MAPPING,
    ),
    "clean.py": ("clean", {"raw": "raw.csv"}, {"output": out("clean.csv", "CSV")}, Returns.SINGLE),
}


@pytest.mark.parametrize("name", PAGE)
def test_a_block_of_the_outputs_page_registers(project, name):
    expected = PAGE[name]
    code = OUTPUTS + block(name)
    project.write("pipeline.py", code + f"\np = pivot.Pipeline('page')\np.register({expected[0]})\n")
    assert shape(project.stage("pipeline.py")) == expected


def test_the_helper_example_registers(project):
    outs = "class ProcessOutputs(TypedDict):\n    result: Annotated[object, outputs.Out('result.pkl')]\n"
    project.write(
        "pipeline.py", GUIDE + outs + block("normalize.py") + "\nimport pivot\npivot.stage(process)\n"
    )
    expected = ("process", {"data": "data.csv"}, {"result": out("result.pkl", "Pickle")}, Returns.MAPPING)
    assert shape(project.stage("pipeline.py")) == expected


RETURN_TYPES = {
    "results.py": ("Results", {"report": out("report.json", "JSON"), "data": out("processed.csv", "CSV")}),
    "scores.py": ("EvalOutputs", {"scores": out("metrics/eval.json", "JSON", OutKind.METRIC, cache=False)}),
    "plots.py": (
        "TrainOutputs",
        {
            "loss_curve": out("plots/loss.png", "MatplotlibFigure", OutKind.PLOT),
            "roc_plot": out("plots/roc.png", kind=OutKind.PLOT),
        },
    ),
}


@pytest.mark.parametrize("name", RETURN_TYPES)
def test_a_typeddict_of_the_outputs_page_gives_its_outs(project, name):
    kind, outs = RETURN_TYPES[name]
    project.write("pipeline.py", f"{OUTPUTS}{block(name)}\n@pivot.stage\ndef f() -> {kind}: ...\n")
    assert shape(project.stage("pipeline.py")) == ("f", {}, outs, Returns.MAPPING)


@pytest.mark.parametrize(
    ("name", "defining", "path", "cache"),
    [
        ("override_path.py", "train_outputs.py", "v2/predictions.csv", True),
        ("override_options.py", "train_outputs.py", "v2/predictions.csv", False),
        ("override_single.py", "clean.py", "cleaned_v2.csv", True),
    ],
)
def test_an_override_block_changes_the_path(project, name, defining, path, cache):
    start = "\npipeline = pivot.Pipeline('page')\n"
    project.write("pipeline.py", OUTPUTS + block(defining) + start + block(name))
    first = project.stage("pipeline.py").outs[0]
    assert (first.path, first.cache) == (path, cache)


def test_the_shards_block_declares_one_output_of_two_files(project):
    # (...) stands for parameters that the page leaves open: docs/adr/0016-how-the-first-texts-are-read.md
    code = block("shards.py").replace("(...)", "()")
    project.write("pipeline.py", f"{OUTPUTS}{code}\npivot.stage(split)\n")
    outs = project.stage("pipeline.py").outs
    assert [(o.name, o.index, o.path) for o in outs] == [
        ("shards", 0, "shard_a.json"),
        ("shards", 1, "shard_b.json"),
    ]


def test_the_incremental_block_reads_what_it_wrote_without_depending_on_it(project):
    project.write("pipeline.py", f"{OUTPUTS}{block('incremental.py')}\npivot.stage(update_cache)\n")
    stage = project.stage("pipeline.py")
    (cache,) = stage.outs
    assert shape(stage) == (
        "update_cache",
        {"new_data": "new_data.csv"},
        {"cache": out("cache.json", "JSON", OutKind.INCREMENTAL)},
        Returns.MAPPING,
    )
    assert cache.argument == "cache"


def test_the_directory_block_declares_a_folder(project):
    code = block("directory.py").replace("(...)", "()")
    project.write("pipeline.py", f"{OUTPUTS}{code}\npivot.stage(process_tasks)\n")
    assert shape(project.stage("pipeline.py")) == (
        "process_tasks",
        {},
        {"results": out("metrics/tasks/", "YAML", OutKind.DIRECTORY)},
        Returns.MAPPING,
    )


def test_the_debug_log_block_is_not_cached(project):
    code = f"{OUTPUTS}class Outs(TypedDict):\n    {block('debug_log.py').strip()}\n"
    project.write("pipeline.py", f"{code}@pivot.stage\ndef f() -> Outs: ...\n")
    assert shape(project.stage("pipeline.py"))[2] == {"debug_log": out("debug.log", "Text", cache=False)}
