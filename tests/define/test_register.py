"""``Pipeline.register``: options of paths and variants."""

import json

import pytest

from pivot.model.stage import PlotView

STAGES = """\
from pathlib import Path
from typing import Annotated, TypedDict
from pivot import Dep, Metric, Out, Plot, StageParams


class P(StageParams):
    rate: float = 1


class Outs(TypedDict):
    model: Annotated[str, Out("model.txt")]
    score: Annotated[dict, Metric("score.json")]
    curve: Annotated[list, Plot("curve.json", x="step")]


def train(data: Annotated[str, Dep("data.txt")], params: P, variant: object = None) -> Outs: ...


def shards(
    parts: Annotated[list[str], Dep(["a.txt", "b.txt"])],
) -> Annotated[list[str], Out(["x.txt", "y.txt"])]: ...
"""


@pytest.fixture
def registered(project):
    """Writes a pipeline.py that registers ``train`` with some arguments, or another function."""

    def write(said, function="train"):
        project.write("stages.py", STAGES)
        project.write(
            "pipeline.py",
            "from pathlib import Path\nfrom pivot import Pipeline\nimport stages\n"
            f"p = Pipeline('p')\np.register(stages.{function}, {said})\n",
        )
        return project

    return write


VARIANTS = [
    ("variant='small'", "train@small", "small"),
    ("variant=3", "train@3", 3),
    ("variant=True, name='fit'", "fit@true", True),
    ("variant={'model': 'bert', 'seed': 1}", "train@bert_1", {"model": "bert", "seed": 1}),
    ("variant={'seed': 1}", "train@1", 1),
]


@pytest.mark.parametrize(("said", "name", "argument"), VARIANTS)
def test_a_variant_is_part_of_the_name_and_told_to_the_function(registered, said, name, argument):
    stage = registered(said).stage("pipeline.py")
    assert stage.name == name
    assert json.loads(stage.variant.argument) == argument


def test_a_stage_without_a_variant_has_none(registered):
    assert registered("variant=None").stage("pipeline.py").variant is None


def test_params_yaml_knows_variants(registered):
    project = registered("variant='small', params={'rate': 2}")
    project.write("params.yaml", "train: {rate: 3}\ntrain@small: {rate: 4}\n")
    assert json.loads(project.stage("pipeline.py").params.values) == {"rate": 4.0}


def test_options_of_outputs_are_applied(registered):
    said = (
        "out_path_overrides={'model': {'path': Path('m.txt'), 'cache': False},"
        " 'curve': {'path': 'c.json', 'y': 'loss', 'template': 'line'}}"
    )
    model, score, curve = registered(said).stage("pipeline.py").outs
    assert (model.path, model.cache, score.cache, curve.path) == ("m.txt", False, False, "c.json")
    assert curve.view == PlotView("step", "loss", "line")


def test_a_path_may_be_given_as_a_table_for_deps_as_for_outs(registered):
    stage = registered("dep_path_overrides={'data': {'path': Path('b.txt')}}").stage("pipeline.py")
    assert stage.dep_paths() == ("b.txt",)


def test_several_paths_are_given_as_a_list(registered):
    said = "dep_path_overrides={'parts': ['c.txt', Path('d.txt'), 'e.txt']}, out_path_overrides={'any': ('v.txt', 'w.txt')}"
    stage = registered(said, "shards").stage("pipeline.py")
    assert stage.dep_paths() == ("c.txt", "d.txt", "e.txt")
    assert stage.out_paths() == ("v.txt", "w.txt")


WRONG = {
    "variant='a/b'": ["stage 'train': value 'a/b' cannot be part of a name (pipeline.py:5)"],
    "variant={'a b': 1}": ["stage 'train': dimension 'a b' is no name (pipeline.py:5)"],
    "variant=['a']": ["cannot be part of a name (pipeline.py:5)"],
    "variant='x', name='train@y'": ["name 'train@y' does not say which variant (pipeline.py:5)"],
    "variant='x', name='train@{a}'": ["{a} in its name is no dimension (pipeline.py:5)"],
    "out_path_overrides={'curve': {'path': 'c', 'x': 3, 'z': 1}}": [
        "out 'curve': unknown key 'z' (pipeline.py:5)",
        "out 'curve': x is a text, not 3 (pipeline.py:5)",
    ],
    "out_path_overrides={'curve': {'cache': 1}}": [
        "out 'curve': 'path' is missing (pipeline.py:5)",
        "out 'curve': cache is True or False, not 1 (pipeline.py:5)",
    ],
    "out_path_overrides={'score': {'path': 's.json', 'x': 'a'}}": ["(pipeline.py:5)"],
    "out_path_overrides={'model': ['a.txt', 'b.txt']}": [
        "out 'model' is one path, but 2 are given (pipeline.py:5)"
    ],
    "dep_path_overrides={'data': {'path': 'x', 'cache': True}}": [
        "dep 'data': unknown key 'cache' (pipeline.py:5)"
    ],
    "dep_path_overrides=['data']": [
        "dep_path_overrides is a dict from name to path, not ['data'] (pipeline.py:5)"
    ],
    "out_path_overrides='x.txt'": [
        "out_path_overrides is a dict from name to path, not 'x.txt' (pipeline.py:5)"
    ],
    "mutex=3": ["mutex is a list of names, not 3 (pipeline.py:5)"],
    (
        "params='x', dep_path_overrides={'data': {}, 'dta': 'x'}, "
        "out_path_overrides={'model': {'pth': 'x'}, 'mdel': 'x', 'curve': {'path': 'c', 'cache': 'no'}}"
    ): [
        "params 'x' are no params (pipeline.py:5)",
        "dep 'data': 'path' is missing (pipeline.py:5)",
        "dep 'dta' is not a parameter of stages.train (pipeline.py:5)",
        "out 'model': unknown key 'pth' (pipeline.py:5)",
        "out 'mdel' is not an output of stages.train (pipeline.py:5)",
        "out 'curve': cache is True or False, not 'no' (pipeline.py:5)",
    ],
}


@pytest.mark.parametrize("said", WRONG)
def test_what_is_wrong_is_told_with_the_line_of_the_call(registered, said):
    found = "\n".join(registered(said).errors("pipeline.py"))
    assert [message for message in WRONG[said] if message not in found] == []
