"""Comparison of a live value with what its source gives."""

import copy
import dataclasses
import pathlib
import pickle
import random
import re
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot_jupyter.compare import is_immutable, same


@dataclasses.dataclass
class Config:
    rate: float
    names: list[str]


class Scaler:
    def __init__(self, mean):
        self.mean = mean


class Slotted:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(values)
def test_a_value_is_the_same_as_what_its_pickle_gives(value):
    assert same(value, pickle.loads(pickle.dumps(value))) is True


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        ("a", "b"),
        ([1], [1, 2]),
        ([1], (1,)),
        ({"a": 1}, {"a": 2}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Config(0.1, ["a"]), Config(0.1, ["b"])),
        (Scaler(1.0), Scaler(2.0)),
        (Scaler([1]), Scaler([2])),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (pd.Series([1], name="a"), pd.Series([1], name="b")),
        (random.Random(1), random.Random(2)),
        (int, float),
        (len, max),
        (Slotted(1), Slotted(2)),
    ],
)
def test_different_values_are_told_apart(a, b):
    assert same(a, b) is False


@pytest.mark.parametrize(
    "make",
    [
        lambda: Config(0.1, ["a", "b"]),
        lambda: Scaler({"a": np.arange(3.0)}),
        lambda: np.array([1.0, np.nan]),
        lambda: pd.DataFrame({"a": [1.0, None]}, index=["x", "y"]),
        lambda: pathlib.Path("a/b"),
        lambda: re.compile("a+"),
        lambda: random.Random(1),
        lambda: Slotted(3),
        lambda: {1, 2, 3},
        lambda: float("nan"),
        lambda: np.random.default_rng(3),
    ],
)
def test_equal_values_are_the_same(make):
    assert same(make(), copy.deepcopy(make())) is True


def test_a_consumed_generator_is_not_a_fresh_one():
    used = np.random.default_rng(3)
    used.random()
    assert same(used, np.random.default_rng(3)) is False


def test_there_is_no_answer_for_a_lock():
    assert same(threading.Lock(), threading.Lock()) is None


def test_an_equality_that_raises_gives_no_answer():
    class Odd:
        def __eq__(self, other):
            raise RuntimeError

        __hash__ = None

    assert same(Odd(), Odd()) is None


@pytest.mark.parametrize(
    ("value", "answer"),
    [(1, True), ("a", True), ((1, "a"), True), (pathlib.Path("a"), True), (re.compile("a"), True),
     ([1], False), (([1],), False), ({}, False), (Scaler(1), False)],
)  # fmt: skip
def test_what_cannot_have_changed_is_known(value, answer):
    assert is_immutable(value) is answer


def test_values_that_hold_themselves_are_compared():
    one, other = [1], [1]
    one.append(one)
    other.append(other)
    assert same(one, other) is True
    other.append(2)
    assert same(one, other) is False
