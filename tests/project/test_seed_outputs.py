"""The page on outputs, block by block: each text runs unaltered."""

import json
import pickle
import re

import pytest

from pivot import loaders, outputs
from pivot.errors import DefinitionErrors

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


def test_several_files_under_one_key_take_as_many_values(folder, filled):
    code = "data_a, data_b = {'a': 1}, {'b': 2}\n" + filled("shards.py")
    folder.write("pipeline.py", PAGE + code + REGISTER + "pipeline.register(split)\n")
    assert folder.repro().ok
    assert [json.loads(folder.read(f"shard_{x}.json")) for x in "ab"] == [{"a": 1}, {"b": 2}]
    assert len(folder.cached()) == 2


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("({'a': 1}, {'b': 2})", None),
        ("[{'a': 1}]", "2"),
        ("[1, 2, 3]", "3"),
        ("{'a': 1, 'b': 2}", "dict"),
    ],
    ids=["tuple", "too few", "too many", "no list"],
)
def test_the_values_must_be_as_many_as_the_paths(folder, filled, values: str, told: str | None):
    code = filled("shards.py").replace("[data_a, data_b]", values)
    folder.write("pipeline.py", PAGE + code + REGISTER + "pipeline.register(split)\n")
    end = folder.repro().stages["split"]
    assert (end.outcome == "failed") is (told is not None)
    if told is not None:
        assert "'shards'" in end.reason
        assert told in end.reason
        assert not list(folder.path.glob("shard_*.json"))


@pytest.mark.parametrize(("name", "line"), [("shards.py", 7), ("directory.py", 14)])
def test_parameters_left_open_are_refused_with_their_line_before_anything_runs(folder, block, name, line):
    folder.write("pipeline.py", PAGE + block(name) + REGISTER)
    with pytest.raises(DefinitionErrors, match=rf"SyntaxError: .*\(pipeline\.py:{line}\)"):
        folder.repro()


@pytest.fixture
def chosen(block) -> dict[str, str]:
    """Question of the decision tree → the word that it leads to."""
    return dict(re.findall(r"^(\w.*)\n +└─ (?:Yes → )?(.*)$", block("choice.figure"), re.MULTILINE))


@pytest.mark.parametrize(
    ("question", "kind", "returned", "file", "is_cached"),
    [
        ("Is this a JSON metric you want in git?", "dict", "{'f1': 1}", "path.json", False),
        ("Is this a visualization?", "Figure", "Figure()", "path.png", True),
        ("Does this output carry state between runs?", "dict", "{**last, 'n': 1}", "path", True),
        ("Are the output files determined at runtime?", "dict", "{'a.json': [1]}", "dir/a.json", True),
        ("Everything else:", "dict", "{'n': 1}", "path", True),
    ],
    ids=["Metric", "Plot", "IncrementalOut", "DirectoryOut", "Out"],
)
def test_each_answer_of_the_decision_tree_does_what_the_question_asks(
    folder, chosen, question, kind, returned, file, is_cached
):
    word = chosen[question]
    names = "from matplotlib.figure import Figure\nfrom pivot.loaders import JSON, MatplotlibFigure\n"
    words = "from pivot import DirectoryOut, IncrementalOut, Metric, Out, Plot\nloader = writer = JSON()\n"
    taken = f"last: Annotated[{kind}, {word}]" if "last" in returned else ""
    stage = f"def work({taken}) -> Annotated[{kind}, {word}]:\n    return {returned}\n"
    folder.write("pipeline.py", PAGE + names + words + stage + REGISTER + "pipeline.register(work)\n")
    assert folder.repro().ok
    assert ((folder.path / file).read_bytes() in folder.cached()) is is_cached


def test_the_decision_tree_has_five_answers(chosen):
    answers = [word.partition("(")[0] for word in chosen.values()]
    assert answers == ["Metric", "Plot", "IncrementalOut", "DirectoryOut", "Out"]


@pytest.mark.parametrize(
    ("word", "attribute", "value"),
    [
        (outputs.Out("a.json", loaders.JSON()), "cache", True),
        (outputs.Metric("a.json"), "cache", False),
        (outputs.Metric("a.json"), "loader", loaders.JSON()),
        (outputs.Plot("a.csv", loaders.CSV()), "cache", True),
        (outputs.Plot("a.csv", loaders.CSV()), "x", None),
        (outputs.Plot("a.csv", loaders.CSV()), "y", None),
        (outputs.Plot("a.csv", loaders.CSV()), "template", None),
        (outputs.IncrementalOut("a.json", loaders.JSON()), "cache", True),
        (outputs.DirectoryOut("a/", loaders.JSON()), "cache", True),
        (outputs.Out(["a", "b"], loaders.JSON()), "path", ("a", "b")),
        (outputs.Out(("a", "b"), loaders.JSON()), "path", ("a", "b")),
    ],
)
def test_the_words_have_the_defaults_of_the_tables(word, attribute: str, value: object):
    assert getattr(word, attribute) == value
    with pytest.raises(AttributeError):
        word.cache = False
    assert pickle.loads(pickle.dumps(word)) == word


@pytest.mark.parametrize(
    "word", [outputs.Out, outputs.Metric, outputs.Plot, outputs.IncrementalOut, outputs.DirectoryOut]
)
def test_a_word_without_a_path_is_refused(word):
    with pytest.raises(TypeError, match="path"):
        word()
