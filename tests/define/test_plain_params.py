"""Plain parameters of a stage function take their values from ``params:``, by name, checked by annotation."""

import json

import pytest

from pivot.config.supply import set_values
from pivot.define.discover import definition
from pivot.errors import DefinitionErrors

CODE = """
import datetime, enum
from typing import Annotated, Literal, TypedDict
import pivot
from pivot import Out, StageParams

class Mode(enum.Enum):
    FAST = "fast"

class P(StageParams):
    lr: float = 0.1

Numbers = Annotated[dict, Out("{}.json")]

def plain(n: int, names: tuple[str, ...] = (), rate: float = 1) -> Annotated[dict, Out("plain.json")]: ...
def loose(n, other=None) -> Annotated[dict, Out("loose.json")]: ...
def typed(day: datetime.date, mode: Mode, kind: Literal["a", "b"] = "a") -> Annotated[dict, Out("typed.json")]: ...
def both(params: P, n: int = 0) -> Annotated[dict, Out("both.json")]: ...
def same(params: P, lr: float = 0) -> Annotated[dict, Out("same.json")]: ...
def frame(n: object()) -> Annotated[dict, Out("frame.json")]: ...
"""


@pytest.fixture
def said(project):
    """Writes a ``pivot.yaml`` beside the functions."""
    project.write("stages.py", CODE)

    def write(text: str):
        project.write("pivot.yaml", text)
        return project

    return write


def params(stage):
    return json.loads(stage.params.values) if stage.params else {}


# what stands under params: (function, params) → the values and, where JSON does not say it, the types
BOUND = {
    "a number": ("plain", "{n: 5}", {"n": 5}, {}),
    "a number as a text": ("plain", "{n: '5'}", {"n": 5}, {}),
    "a whole number for a float": ("plain", "{n: 1, rate: 2}", {"n": 1, "rate": 2.0}, {}),
    "a list for a tuple": ("plain", "{n: 1, names: [a]}", {"n": 1, "names": ["a"]}, {"names": "tuple[str, ...]"}),
    "without annotation": ("loose", "{n: [1, {a: 2}]}", {"n": [1, {"a": 2}]}, {}),
    "a date and an enum": ("typed", "{day: 2024-01-02, mode: fast}", {"day": "2024-01-02", "mode": "fast"}, {"day": "date", "mode": "Mode"}),
    "beside a model": ("both", "{lr: 0.5, n: 2}", {"lr": 0.5, "n": 2}, {}),
}  # fmt: skip


@pytest.mark.parametrize(("function", "given", "values", "kinds"), BOUND.values(), ids=BOUND)
def test_a_name_in_params_is_bound_to_the_parameter_so_called(said, function, given, values, kinds):
    stage = said(f"stages: {{{function}: {{python: stages.{function}, params: {given}}}}}").stage()
    assert params(stage) == values
    assert {name: words for name, words in stage.params.plain if words} == kinds


WRONG = {
    "no value": ("plain", "{}", "nothing provides parameter 'n' (stages.py"),
    "a wrong value": ("plain", "{n: five}", "param 'n': Input should be a valid integer, unable to parse string"),
    "a wrong item": ("plain", "{n: 1, names: [[]]}", "param 'names.0': Input should be a valid string, got []"),
    "an unknown name": ("plain", "{n: 1, nams: [a]}", "unknown param 'nams' (pivot.yaml:1)\nhint: did you mean 'names'?"),
    "none of the choices": ("typed", "{day: 2024-01-02, mode: fast, kind: c}", "param 'kind': Input should be 'a' or 'b'"),
    "in model and signature": ("same", "{lr: 1}", "param 'lr' is a field of the params model and a parameter of"),
    "a type that no text can say": ("frame", "{n: 1}", "param 'n': no text can say what a"),
}  # fmt: skip


@pytest.mark.parametrize(("function", "given", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_param_is_told_before_anything_runs(said, function, given, told):
    (error,) = said(f"stages: {{{function}: {{python: stages.{function}, params: {given}}}}}").errors()
    assert error.startswith(f"stage '{function}': {told}")


def test_params_of_the_file_reach_every_stage_that_has_the_name(said):
    project = said("""
        params: {n: 5, lr: 0.5}
        stages:
          plain: {python: stages.plain}
          both: {python: stages.both, params: {n: 7}}
          typed: {python: stages.typed, params: {day: 2024-01-02, mode: fast}}
    """)
    plain, both, typed = project.stages()
    assert params(plain) == {"n": 5}
    assert params(both) == {"n": 7, "lr": 0.5}
    assert "n" not in params(typed)
    assert json.loads(typed.context.params) == {"n": 5, "lr": 0.5}


def test_a_param_of_the_file_that_no_stage_has_is_an_error(said):
    (error,) = said("""
        vars: {n: 5}
        params: {n: "${n}", nmaes: [a]}
        stages: {plain: {python: stages.plain}}
    """).errors()
    assert error.startswith(
        "params: no stage has a param 'nmaes' (pivot.yaml:3)\nhint: did you mean 'names'?"
    )


SET = {
    "for all stages": ({"n": 1}, {"plain": {"n": 1}, "both": {"n": 1, "lr": 0.1}}),
    "for one": ({"plain.n": 1}, {"plain": {"n": 1}, "both": {"n": 7, "lr": 0.1}}),
    "one wins over all": ({"both.n": 2, "n": 1}, {"plain": {"n": 1}, "both": {"n": 2, "lr": 0.1}}),
    "a field of a model": ({"lr": 1, "n": 1}, {"plain": {"n": 1}, "both": {"n": 1, "lr": 1.0}}),
}


@pytest.mark.parametrize(("given", "values"), SET.values(), ids=SET)
def test_what_is_set_for_a_command_wins_over_all_files(said, given, values):
    project = said("""
        params: {n: 5}
        stages:
          plain: {python: stages.plain}
          both: {python: stages.both, params: {n: 7}}
    """)
    project.write("params.yaml", "plain: {n: 6}")
    root = str(project.root)
    found = definition(f"{root}/pivot.yaml", root, set_values(given))
    assert {stage.name: params(stage) for stage in found.stages} == values


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"m": 1}, "--set m: no stage has a param 'm'\nhint: known: n, names, rate"),
        ({"plai.n": 1}, "--set plai.n: no stage has a param 'plai'\nhint: did you mean 'plain'?"),
        ({"plain.m": 1}, "stage 'plain': unknown param 'm' (--set plain.m)\nhint: known: n, names, rate"),
    ],
)
def test_what_is_set_and_nobody_has_is_an_error(said, given, told):
    project = said("stages: {plain: {python: stages.plain, params: {n: 1}}}")
    root = str(project.root)
    with pytest.raises(DefinitionErrors) as caught:
        definition(f"{root}/pivot.yaml", root, set_values(given))
    assert [str(error) for error in caught.value.errors] == [told]


def test_config_files_and_tables_merge_deeply_and_the_later_win(said):
    project = said("""
        config:
          - base.yaml
          - {data: {n: 2}, names: [b]}
        stages: {plain: {python: stages.plain, params: {n: 1}}}
    """)
    project.write("base.yaml", "data: {n: 1, m: 1}\nnames: [a, c]\n")
    assert json.loads(project.stage().context.config) == {"data": {"n": 2, "m": 1}, "names": ["b"]}
    root = str(project.root)
    (stage,) = definition(f"{root}/pivot.yaml", root, set_values({"config.data.m": 9})).stages
    assert json.loads(stage.context.config)["data"] == {"n": 2, "m": 9}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("missing.yaml", "config: cannot read missing.yaml: No such file or directory (pivot.yaml:1)"),
        ("list.yaml", "config: list.yaml must hold a table of values (list.yaml:1)"),
        ("{a: {2024: x}}", "config: key 2024 must be a text (pivot.yaml:1)\nhint: put it in quotes"),
        ("../base.yaml", "config: path '../base.yaml' leaves the project (pivot.yaml:1)"),
        ("5", "config must be a table of values, a YAML file, or a list of such, not 5 (pivot.yaml:1)"),
    ],
)
def test_a_wrong_config_is_told_with_its_place(said, config, told):
    project = said(f"config: {config}\nstages: {{plain: {{python: stages.plain, params: {{n: 1}}}}}}")
    project.write("list.yaml", "- 1\n")
    (error,) = project.errors()
    assert error.startswith(told)


def test_a_pipeline_in_python_gives_params_and_config_to_its_stages(project):
    project.write("stages.py", CODE)
    project.write("base.yaml", "a: 1\n")
    project.write(
        "pipeline.py",
        """
        import stages, pivot
        pipeline = pivot.Pipeline("p", params={"n": 3}, config=["base.yaml", {"b": 2}])
        pipeline.register(stages.plain)
        pipeline.register(stages.both, params={"n": 4, "lr": 1})
        """,
    )
    plain, both = project.stages("pipeline.py")
    assert (params(plain), params(both)) == ({"n": 3}, {"n": 4, "lr": 1.0})
    assert json.loads(plain.context.config) == {"a": 1, "b": 2}


VALUES = """
def first(n_vals): ...
def then(n_vals): ...
def beside(value, n_vals): ...
def loose(n_vals=1): ...
def each(cities): ...
"""
# an entry that depends on others → the parameter that each value goes to, and the params, where n_vals: 5 is for all
PASSED = {
    "the value takes the only parameter": ("{python: v.then, depends_on: first}", ["n_vals"], {}),
    "a param takes what is left": ("{python: v.beside, depends_on: first}", ["value"], {"n_vals": 5}),
    "two values take both": ("{python: v.beside, depends_on: [first, other]}", ["value", "n_vals"], {}),
    "one with a default too": ("{python: v.loose, depends_on: first}", ["n_vals"], {}),
    "what is for the stage alone is its own": (
        "{python: v.then, depends_on: first, params: {n_vals: 7}}",
        [None],
        {"n_vals": 7},
    ),
    "the item takes the only parameter": ("{python: v.then, map: first}", [], {}),
    "the item takes the first": ("{python: v.beside, map: first}", [], {"n_vals": 5}),
}


@pytest.mark.parametrize("case", PASSED)
def test_a_param_for_all_stages_does_not_take_the_place_of_a_value(project, case):
    entry, arguments, expected = PASSED[case]
    project.write("v.py", VALUES)
    rest = f"stages:\n  first: {{python: v.first}}\n  other: {{python: v.first}}\n  it: {entry}\n"
    project.write("pivot.yaml", f"params: {{n_vals: 5}}\n{rest}")
    stage = project.stages()[2]
    assert ([one.argument for one in stage.depends_on], params(stage)) == (arguments, expected)


def test_a_list_of_items_may_have_the_name_of_the_parameter_that_gets_them(project):
    project.write("v.py", VALUES)
    project.write(
        "pivot.yaml", "params: {cities: [a, b]}\nstages: {each: {python: v.each, map: params.cities}}\n"
    )
    (stage,) = project.stages()
    assert stage.map.argument == "cities"
    assert params(stage) == {"cities": ["a", "b"]}


def test_a_misspelt_value_of_a_command_is_told_beside_what_is_missing(project):
    project.write("v.py", VALUES)
    project.write("pivot.yaml", "stages: {first: {python: v.first}}\n")
    with pytest.raises(DefinitionErrors) as caught:
        definition(str(project.root / "pivot.yaml"), str(project.root), set_values({"n_val": 5}))
    first, second = map(str, caught.value.errors)
    assert first == "--set n_val: no stage has a param 'n_val'\nhint: did you mean 'n_vals'?"
    assert second.startswith("stage 'first': nothing provides parameter 'n_vals'")
