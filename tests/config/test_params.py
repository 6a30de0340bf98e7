import datetime as dt
import enum
import math
import pathlib
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, computed_field, field_validator

from pivot.config.params import (
    ParamLayer,
    check_params_names,
    params_from_text,
    params_layers,
    params_text,
    read_params,
    resolve_params,
)
from pivot.errors import DefinitionErrors, PivotError
from pivot.model.place import Place
from pivot.stage_def import StageParams
from pivot.yamlio import read_yaml

PLACE = Place("stages.py", 9)


class Colour(enum.Enum):
    RED = "red"


class Inner(BaseModel):
    depth: int = 2


class Params(BaseModel):
    rate: float = 1
    inner: Inner = Inner()
    maybe: Inner | None = None
    many: dict[str, Inner] = {}
    pair: tuple[int, str] = (1, "a")
    tags: frozenset[int] = frozenset({3})
    day: dt.date = dt.date(2024, 1, 31)
    colour: Colour = Colour.RED
    path: pathlib.Path = pathlib.Path("a/b")
    limit: float = math.inf
    several: list[Annotated[Inner | None, "a note"]] = []
    both: tuple[int, Inner] = (1, Inner())

    @computed_field
    @property
    def double(self) -> float:
        return self.rate * 2


class Aliased(StageParams):
    model_config = ConfigDict(extra="forbid")
    rate: float = Field(1.0, alias="learningRate")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    rate: float = 1


def resolve(model, *texts):
    layers = []
    for number, text in enumerate(texts):
        document = read_yaml(text, f"{number}.yaml")
        layers.append(ParamLayer(document.data, Place(document.file, 1), document))
    return resolve_params("train", model, layers, PLACE)


def test_defaults_of_every_kind_travel():
    text = resolve(Params)
    assert params_from_text(Params, text) == Params()
    assert '"colour":"red","day":"2024-01-31","inner":{"depth":2},"limit":Infinity,"many":{}' in text


def test_a_default_and_the_same_value_given_are_equal():
    assert resolve(Params, "rate: 1") == resolve(Params, "rate: 1.0") == resolve(Params)


def test_layers_merge_tables_and_replace_lists():
    text = resolve(
        Params, "inner: {depth: 3}\npair: [1, x]\nmany: {a: {depth: 1}}", "many: {b: {}}\npair: [2, y]"
    )
    found = params_from_text(Params, text)
    assert (found.inner.depth, found.pair, set(found.many)) == (3, (2, "y"), {"a", "b"})


PARAMS_YAML = """\
train@small:
  inner: {depth: 9}
  pair: [9, z]
train:
  rate: 5
  inner: {depth: 7}
  many: {a: {depth: 7}}
train@large:
"""


@pytest.mark.parametrize(
    ("stage", "values"),
    [
        ("train", (5, 7, (3, "c"), {"a": 7, "b": 3})),
        ("train@small", (5, 9, (9, "z"), {"a": 7, "b": 3})),
        ("train@large", (5, 7, (3, "c"), {"a": 7, "b": 3})),
        ("train@unnamed", (5, 7, (3, "c"), {"a": 7, "b": 3})),
        ("other", (3, 3, (3, "c"), {"b": 3})),
        ("trai", (3, 3, (3, "c"), {"b": 3})),
    ],
)
def test_params_yaml_wins_over_pivot_yaml_and_a_variants_own_values_over_those_of_all(stage, values):
    document = read_params(PARAMS_YAML, "params.yaml")
    given = ParamLayer(
        {"rate": 3, "inner": {"depth": 3}, "pair": [3, "c"], "many": {"b": {"depth": 3}}}, PLACE
    )
    text = resolve_params(stage, Params, (given, *params_layers(document, stage)), PLACE)
    found = params_from_text(Params, text)
    depths = {name: inner.depth for name, inner in found.many.items()}
    assert (found.rate, found.inner.depth, found.pair, depths) == values


def test_a_wrong_value_of_a_variant_is_told_with_its_own_line():
    document = read_params("train:\n  rate: x\ntrain@a:\n  rate: y\n  rat: 1\n", "params.yaml")
    with pytest.raises(DefinitionErrors) as caught:
        resolve_params("train@a", Params, params_layers(document, "train@a"), PLACE)
    unknown, wrong = (error.message for error in caught.value.errors)
    assert "unknown param 'rat' (params.yaml:5)" in unknown
    assert "got 'y' (params.yaml:4)" in wrong


def test_without_params_yaml_there_are_no_layers():
    assert params_layers(None, "train@a") == ()


def test_names_in_params_yaml_are_stages_their_variants_or_the_base_of_variants():
    document = read_params("train: {}\ntrain@a: {}\ntrain@c: {}\nshow: {}\nplot@a: {}\n", "params.yaml")
    stages = ["train@a", "train@b", "show", "plot@a", "plot@b"]
    errors = check_params_names(document, ["train@a", "train@b", "plot@b"], stages)
    assert [str(error) for error in errors] == [
        "params of 'train@c': no such stage (params.yaml:3)\nhint: did you mean 'train@b'?",
        (
            "stage 'show' takes no params (params.yaml:4)\nhint: give its function an argument annotated with a "
            "StageParams class"
        ),
        (
            "stage 'plot@a' takes no params (params.yaml:5)\nhint: give its function an argument annotated with a "
            "StageParams class"
        ),
    ]


def test_an_alias_is_the_word_for_its_field():
    assert params_from_text(Aliased, resolve(Aliased, "learningRate: 3")).rate == 3
    with pytest.raises(
        DefinitionErrors, match=r"unknown param 'learning_rate' \(0\.yaml:1\)\nhint: did you mean"
    ):
        resolve(Aliased, "learning_rate: 3")


def test_a_model_may_allow_further_fields():
    assert params_from_text(Open, resolve(Open, "more: [1]")).more == [1]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["rat: 1"], "stage 'train': unknown param 'rat' (0.yaml:1)\nhint: did you mean 'rate'?"),
        (["rate: 1", "\nrat: 1"], "unknown param 'rat' (1.yaml:2)"),
        (["inner:\n  dept: 1"], "unknown param 'inner.dept' (0.yaml:2)\nhint: did you mean 'depth'?"),
        (["maybe:\n  dept: 1"], "unknown param 'maybe.dept' (0.yaml:2)"),
        (["many:\n  a: {}\n  b:\n    dept: 1"], "unknown param 'many.b.dept' (0.yaml:4)\nhint: did you mean"),
        (
            ["several:\n- depth: 1\n- dept: 1"],
            "unknown param 'several.1.dept' (0.yaml:3)\nhint: did you mean",
        ),
        (["both:\n- 1\n- dept: 1"], "unknown param 'both.1.dept' (0.yaml:3)"),
        (["RATE: 1"], "unknown param 'RATE' (0.yaml:1)\nhint: did you mean 'rate'?"),
        (["inner:\n  depth: x"], "param 'inner.depth': Input should be a valid integer"),
        (["rate: 1\nday: soon"], "param 'day': Input should be a valid date"),
        (["rate: x", "rate: y"], "got 'y' (1.yaml:1)"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(texts, message):
    with pytest.raises(DefinitionErrors) as caught:
        resolve(Params, *texts)
    (error,) = caught.value.errors
    assert message in str(error)


def test_all_wrong_values_are_told_at_once():
    with pytest.raises(DefinitionErrors) as caught:
        resolve(Params, "rat: 1\nday: soon\ninner: {x: 1}")
    assert len(caught.value.errors) == 3


def test_values_given_in_python_that_have_no_json_form_are_refused():
    layer = ParamLayer({"rate": object()}, PLACE)
    with pytest.raises(DefinitionErrors, match=r"a param has no JSON form: .*\(stages\.py:9\)"):
        resolve_params("train", Params, [layer], PLACE)


class Broken(BaseModel):
    depth: int = 3

    @field_validator("depth")
    @classmethod
    def shallow(cls, value):
        return {0: 1 / value, 1: value + "text"}.get(value, value)


@pytest.mark.parametrize(
    ("text", "what"),
    [("depth: 0", "ZeroDivisionError: division by zero"), ("depth: 1", "TypeError: unsupported operand")],
)
def test_a_validator_that_fails_is_named(text, what):
    with pytest.raises(
        DefinitionErrors, match=rf"checking its params fails with {what}.* in Broken\.shallow\(\)"
    ):
        resolve(Broken, text)


class Hidden(BaseModel):
    key: str = Field("a", exclude=True)


def test_a_value_that_would_be_lost_on_the_way_is_refused():
    assert params_from_text(Hidden, resolve(Hidden)).key == "a"
    with pytest.raises(PivotError, match="do not survive"):
        resolve(Hidden, "key: b")


class Sets(BaseModel):
    numbers: set[int] = set()
    inner: dict[str, frozenset[tuple[int, str]]] = {}


def test_the_items_of_a_set_have_one_order():
    # of numbers that meet in one place of the table, the first one in comes first
    turned = [
        Sets(numbers=numbers, inner={"a": pairs})
        for numbers, pairs in (([0, 8, 16], [(0, "a"), (8, "a")]), ([16, 8, 0], [(8, "a"), (0, "a")]))
    ]
    (text,) = {params_text(sets) for sets in turned}
    assert text == '{"inner":{"a":[[0,"a"],[8,"a"]]},"numbers":[0,16,8]}'
    assert params_from_text(Sets, text) == turned[0]


def test_values_given_in_python_may_be_of_the_fields_types():
    values = {
        "day": dt.date(2024, 2, 3),
        "colour": Colour.RED,
        "path": pathlib.Path("x"),
        "inner": Inner(depth=5),
    }
    text = resolve_params("train", Params, [ParamLayer(values, PLACE)], PLACE)
    found = params_from_text(Params, text)
    assert (found.day, found.path, found.inner.depth) == (dt.date(2024, 2, 3), pathlib.Path("x"), 5)


class Defaults(BaseModel):
    depth: int = None
    rate: float = "fast"


def test_a_default_that_its_field_does_not_take_is_named():
    with pytest.raises(DefinitionErrors) as caught:
        resolve(Defaults)
    depth, rate = caught.value.errors
    assert depth.message.startswith(
        "stage 'train': the default of param 'depth' is none of its values: Input should be"
    )
    assert depth.hint == "annotate it: depth: … | None = None, or leave the default out"
    assert "'rate'" in rate.message
    assert rate.hint == "give another default, or another type"
    assert resolve(Defaults, "depth: 1\nrate: 2") == '{"depth":1,"rate":2.0}'


class Numbers(BaseModel):
    values: dict[str, float | int | str | list[bool] | None] = {}


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.none() | st.text() | st.booleans().map(lambda b: [b]) | st.integers()))
def test_equal_values_give_equal_text_whatever_their_order(values):
    turned = dict(reversed(values.items()))
    text = params_text(Numbers(values=values))
    assert text == params_text(Numbers(values=turned))
    assert params_from_text(Numbers, text) == Numbers(values=values)
