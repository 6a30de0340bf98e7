"""The variants of a matrix, their names, and the names in texts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.core.matrix import placeholders, problems, substituted, variants

VARIANTS = [
    ("train", {"model": ["bert"]}, "train@bert"),
    (
        "train",
        {"model": ["bert", "gpt"], "data": ["swe", "mbpp"]},
        "train@bert_swe train@bert_mbpp train@gpt_swe train@gpt_mbpp",
    ),
    ("train", {"data": ["swe"], "model": ["bert", "gpt"]}, "train@swe_bert train@swe_gpt"),
    ("train@{data}-{model}", {"model": ["bert", "gpt"], "data": ["swe"]}, "train@swe-bert train@swe-gpt"),
    ("train@m{model}", {"model": [1, 2]}, "train@m1 train@m2"),
    (
        "train",
        {"seed": [1, -2], "fast": [True, False]},
        "train@1_true train@1_false train@-2_true train@-2_false",
    ),
]


@pytest.mark.parametrize(("stage", "dimensions", "names"), VARIANTS)
def test_variants_are_named_for_their_values_in_the_order_of_the_file(stage, dimensions, names):
    assert problems(stage, dimensions) == ()
    assert [variant.name for variant in variants(stage, dimensions)] == names.split()


def test_a_variant_knows_its_values_with_their_types():
    (variant,) = variants("train", {"model": ["bert"], "seed": [3], "fast": [True]})
    assert dict(variant.values) == {"model": "bert", "seed": 3, "fast": True}
    assert variant.argument == {"model": "bert", "seed": 3, "fast": True}


def test_numbers_of_all_kinds_are_part_of_names():
    rates = [0.1, 1e-3, 1e30, -2.5, 3]
    assert problems("train", {"rate": rates, "version": ["v1.2"]}) == ()
    names = [variant.name for variant in variants("train", {"rate": rates})]
    assert names == ["train@0.1", "train@0.001", "train@1e+30", "train@-2.5", "train@3"]


def test_the_argument_of_a_single_dimension_is_its_value():
    assert [variant.argument for variant in variants("train", {"seed": [1, 2]})] == [1, 2]


PROBLEMS = {
    "no dimensions": ("train", {}, ["matrix has no dimensions"]),
    "an empty one": ("train", {"model": [], "data": ["a"]}, ["dimension 'model' has no values"]),
    "no name": (
        "train",
        {"a b": ["x"], "": ["y"]},
        ["dimension 'a b' is no name", "dimension '' is no name"],
    ),
    "signs": (
        "train",
        {"m": ["a/b", "é", ""]},
        ["value 'a/b' cannot", "value 'é' cannot", "value '' cannot"],
    ),
    "a fraction twice": ("train", {"lr": [0.5, "0.5"]}, ["dimension 'lr' has '0.5' twice"]),
    "a glob": ("train", {"m": ["a*", "[b]"]}, ["value 'a*' cannot", "value '[b]' cannot"]),
    "no number": ("train", {"lr": [math.nan]}, ["nan is no value for dimension 'lr'"]),
    "twice": ("train", {"m": ["a", "b", "a"]}, ["dimension 'm' has 'a' twice"]),
    "number and text": ("train", {"m": [1, "1"]}, ["dimension 'm' has '1' twice"]),
    "ambiguous": ("train", {"m": ["a", "a_b"], "d": ["c", "b_c"]}, ["two variants are called 'train@a_b_c'"]),
    "too long": ("train", {"m": ["a" * 40], "d": ["b" * 40]}, ["is not allowed"]),
    "one left out": ("train@{m}", {"m": ["a"], "d": ["b"]}, ["its name leaves dimension 'd' out"]),
    "one unknown": ("train@{m}_{x}", {"m": ["a"]}, ["{x} in its name is no dimension"]),
    "before the @": ("train_{m}", {"m": ["a"]}, ["a template's dimensions stand behind an @"]),
    "in the base": ("{m}@{m}", {"m": ["a"]}, ["a template's dimensions stand behind an @"]),
    "not closed": ("train@{m}_{", {"m": ["a"]}, ["has a brace that is not closed"]),
    "a variant's name": ("train@big", {"m": ["a"]}, ["name 'train@big' does not say which variant"]),
    "signs of the template": ("train@{m}/x", {"m": ["a"]}, ["variant name 'a/x' is not allowed"]),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_wrong_is_told_all_at_once(case):
    stage, dimensions, messages = PROBLEMS[case]
    found = problems(stage, dimensions)
    assert len(found) == len(messages)
    assert all(message in problem.message for message, problem in zip(messages, found, strict=True))


def test_a_wrong_value_is_pointed_at():
    (problem,) = problems("train", {"a": ["x"], "m": ["ok", "no/no"]})
    assert (problem.dimension, problem.position) == ("m", 1)


@pytest.mark.parametrize("case", [case for case in PROBLEMS if case != "no number"])
def test_every_problem_shows_a_way_out(case):
    stage, dimensions, _ = PROBLEMS[case]
    assert all(problem.hint for problem in problems(stage, dimensions))


LABELS = st.text(st.sampled_from("abcXYZ019-"), min_size=1, max_size=6) | st.integers(-99, 99) | st.booleans()
DIMENSIONS = st.dictionaries(
    st.text(st.sampled_from("abcde"), min_size=1, max_size=4),
    st.lists(LABELS, min_size=1, max_size=4, unique_by=str),
    min_size=1,
    max_size=4,
)


@given(DIMENSIONS)
def test_a_matrix_makes_every_combination_once_the_last_dimension_turning_fastest(dimensions):
    assert problems("s", dimensions) == ()
    found = variants("s", dimensions)
    assert len(found) == math.prod(len(values) for values in dimensions.values())
    assert len({variant.name for variant in found}) == len(found)
    ranks = [
        [list(map(repr, values)).index(repr(variant.values[name])) for name, values in dimensions.items()]
        for variant in found
    ]
    assert ranks == sorted(ranks)


VALUES = {"model": "bert", "n": 3, "rate": 0.5, "fast": True, "a.b": "x"}
TEXTS = [
    ("plain", "plain"),
    ("${model}", "bert"),
    ("${n}", 3),
    ("${rate}", 0.5),
    ("${fast}", True),
    ("${ n }", 3),
    ("m_${model}_${n}.pkl", "m_bert_3.pkl"),
    ("${fast}.txt", "true.txt"),
    (" ${n}", " 3"),
    ("$${n}", "${n}"),
    ("$${n}${n}", "${n}3"),
    ("$n {n} $$ $", "$n {n} $$ $"),
    ("${a.b}", "x"),
]


@pytest.mark.parametrize(("text", "value"), TEXTS)
def test_names_in_texts_are_replaced_and_a_single_name_keeps_its_type(text, value):
    found = substituted(text, VALUES)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "names"),
    [("", ()), ("${a}/${b}", ("a", "b")), ("$${a}", ()), ("${a", (None,)), ("${", (None,)), ("x${}", ("",))],
)
def test_the_names_in_a_text_are_known(text, names):
    assert placeholders(text) == names


@given(st.text(st.sampled_from("ab${} ")))
def test_a_text_whose_names_are_doubled_comes_through_as_it_is(text):
    assert substituted(text.replace("${", "$${"), {}) == text
