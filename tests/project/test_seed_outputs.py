"""The page on outputs, block by block: each text runs unaltered."""

import json

import pytest

PAGE = """\
from typing import Annotated, TypedDict
from pandas import DataFrame
import pivot
"""
# the model that the page leaves undefined
FIT = "\nclass Model:\n    predict = staticmethod(lambda data: data * 2)\n\nfit = lambda data: Model\n"
REGISTER = "\npipeline = pivot.Pipeline('page')\n"


def test_values_are_saved_by_their_loaders(folder, block):
    folder.write("pipeline.py", block("train_outputs.py") + FIT + REGISTER + "pipeline.register(train)\n")
    folder.write("features.csv", "x\n1\n2\n")
    assert folder.repro().ok
    assert folder.read("predictions.csv") == "x\n2\n4\n"
    assert json.loads(folder.read("metrics.json")) == {"accuracy": 0.95, "f1": 0.91}


def test_a_single_output_is_returned_as_it_is(folder, block):
    folder.write("pipeline.py", PAGE + block("clean.py") + REGISTER + "pipeline.register(clean)\n")
    folder.write("raw.csv", "x\n1\n2\n")
    assert folder.repro().ok
    assert folder.read("clean.csv") == "x\n1\n2\n"


@pytest.mark.parametrize(
    ("name", "kind", "value", "files"),
    [
        (
            "results.py",
            "Results",
            "{'report': {'rows': 2}, 'data': DataFrame({'x': [1]})}",
            {"report.json": {"rows": 2}, "processed.csv": "x\n1\n"},
        ),
        ("scores.py", "EvalOutputs", "{'scores': {'f1': 0.9}}", {"metrics/eval.json": {"f1": 0.9}}),
    ],
)
def test_a_stage_with_the_return_type_of_a_block_writes_its_files(folder, block, name, kind, value, files):
    stage = f"\n@pivot.stage\ndef work() -> {kind}:\n    return {value}\n"
    folder.write("pipeline.py", PAGE + block(name) + stage)
    assert folder.repro().ok
    written = {file: folder.read(file) for file in files}
    assert {f: json.loads(text) if f.endswith("json") else text for f, text in written.items()} == files


def test_an_uncached_output_is_written_and_not_cached(folder, outcomes, block):
    kind = "class Outs(TypedDict):\n    " + block("debug_log.py")
    stage = "@pivot.stage\ndef work() -> Outs:\n    return {'debug_log': 'all is well'}\n"
    folder.write("pipeline.py", PAGE + kind + stage)
    assert outcomes(folder.repro()) == {"work": "ran"}
    assert folder.read("debug.log").strip() == "all is well"
    assert folder.cached() == set()
    assert outcomes(folder.repro()) == {"work": "unchanged"}


def test_a_metric_takes_any_json_value(folder):
    values = [{"a": [1, None]}, [1, 2], "text", 0.5, 3, True, None]
    stages = "".join(
        f"@pivot.stage\ndef m{n}() -> Annotated[object, pivot.Metric('m{n}.json')]:\n    return {value!r}\n"
        for n, value in enumerate(values)
    )
    folder.write("pipeline.py", PAGE + stages)
    assert folder.repro().ok
    assert [json.loads(folder.read(f"m{n}.json")) for n in range(len(values))] == values
    assert folder.cached() == set()


def test_figures_are_saved_and_files_of_the_stage_tracked(folder, block):
    stage = """
@pivot.stage
def train() -> TrainOutputs:
    pathlib.Path("plots/roc.png").write_bytes(b"roc")
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    return {"loss_curve": figure, "roc_plot": pathlib.Path("plots/roc.png")}
"""
    folder.write("pipeline.py", PAGE + block("plots.py") + stage)
    assert folder.repro().ok
    loss = (folder.path / "plots/loss.png").read_bytes()
    assert loss.startswith(b"\x89PNG")
    assert folder.cached() == {loss, b"roc"}


@pytest.mark.parametrize(
    ("name", "defining", "default", "path", "cached"),
    [
        ("override_path.py", "train_outputs.py", "predictions.csv", "v2/predictions.csv", True),
        ("override_options.py", "train_outputs.py", "predictions.csv", "v2/predictions.csv", False),
        ("override_single.py", "clean.py", "clean.csv", "cleaned_v2.csv", True),
    ],
)
def test_an_overridden_output_lands_elsewhere(folder, block, name, defining, default, path, cached):
    folder.write("pipeline.py", PAGE + block(defining) + FIT + REGISTER + block(name))
    folder.write("features.csv", "x\n1\n")
    folder.write("raw.csv", "x\n1\n")
    assert folder.repro().ok
    assert not (folder.path / default).exists()
    assert ((folder.path / path).read_bytes() in folder.cached()) is cached
