"""What a stage returns without naming a file comes back as the very value, in the plainest format that holds it."""

import math
import pickle
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.loaders.value import Value, null

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@dataclass
class Model:
    weight: float


def exact(one, other):
    """Equal, and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(exact, one, other))
    if isinstance(one, dict):
        return exact(list(one), list(other)) and exact(list(one.values()), list(other.values()))
    return one == other and (not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other))


@given(PLAIN)
def test_plain_data_come_back_with_their_very_types(value):
    assert exact(value, Value().decode(Value().encode(value)))


FORMATS = {
    "nothing": (None, b"null"),
    "records": ([{"city": "Köln", "lat": 50.9}], b"["),
    "a tuple": ((1, 2), b"\x80"),
    "numbers as keys": ({1: "a"}, b"\x80"),
    "not a number": ([math.nan], b"\x80"),
    "infinity": (math.inf, b"\x80"),
    "a dict with an order of its own": (OrderedDict(a=1), b"\x80"),
    "an object": (Model(0.5), b"\x80"),
    "an integer of many digits": (10**5000, b"\x80"),
    "an array": (np.arange(6).reshape(2, 3), b"\x93NUMPY"),
    "an array of objects": (np.array([{}], dtype=object), b"\x80"),
    "a table": (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), b"PAR1"),
    "a table with an index": (pd.DataFrame({"a": [1.5]}, index=["row"]), b"PAR1"),
    "a table of lists": (pd.DataFrame({"a": [[1], [2]]}), b"\x80"),
    "a table with numbers as names": (pd.DataFrame([[1, 2]]), b"PAR1"),
    "a table with a rhythm": (pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2024", periods=2)), b"\x80"),
    "a table with notes": (pd.DataFrame({"a": [1]}).pipe(lambda f: f.attrs.update(n=1) or f), b"\x80"),
}


@pytest.mark.parametrize("case", FORMATS)
def test_the_format_is_the_plainest_that_holds_all_of_it(case):
    value, begins = FORMATS[case]
    data = Value().encode(value)
    assert data.startswith(begins)
    again = Value().decode(data)
    assert type(again) is type(value)
    assert pickle.dumps(Value().encode(again)) == pickle.dumps(data)


def test_what_is_there_twice_is_one_object_afterwards_too():
    shared = [1]
    first, second = Value().decode(Value().encode([shared, shared]))
    assert first is second


def test_nothing_can_say_which_run_it_is_of():
    assert null("one") != null("two")
    assert Value().decode(null("one")) is None
