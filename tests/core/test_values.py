import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.core.values import flatten, key_text, read_value


@pytest.mark.parametrize(
    ("path", "data", "value"),
    [
        ("m.json", b'{"a": 1}', {"a": 1}),
        ("m.JSON", b"\xef\xbb\xbf[1, 2.5]", [1, 2.5]),
        ("m.json", b"0.91", 0.91),
        ("m.json", b"null", None),
        ("m.jsonl", b'{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ("m.ndjson", b"1\n2", [1, 2]),
        ("m.yaml", b"f1: 0.5\nwhere: NO\n", {"f1": 0.5, "where": "NO"}),
        ("m.yml", b"- 1\n", [1]),
        (
            "m.csv",
            b"a,b,\n1,x,\n0.5,,3\n",
            [{"a": 1, "b": "x", "column 3": None}, {"a": 0.5, "b": None, "column 3": 3}],
        ),
        ("m.csv", b"", []),
        ("m.tsv", b"a\tb\n1\t2\n", [{"a": 1, "b": 2}]),
        ("m.csv", b"a\n1_000\n", [{"a": "1_000"}]),
        ("m.txt", b" 0.25\n", 0.25),
        ("score", b"good\n", "good"),
    ],
)
def test_a_file_is_read_by_its_extension(path, data, value):
    assert read_value(path, data) == value


def test_nan_is_a_number_in_json_and_csv():
    assert math.isnan(read_value("m.json", b'{"a": NaN}')["a"])
    assert math.isnan(read_value("m.csv", b"a\nnan\n")[0]["a"])


@pytest.mark.parametrize(
    ("path", "data", "why"),
    [
        ("m.json", b"{", "not valid JSON: .*line 1"),
        ("m.json", b"[" * 100_000, "nested too deeply"),
        ("m.json", b"\xff\xfe", "not UTF-8"),
        ("m.yaml", b"a: [1", "m.yaml"),
        ("m.log", b"x" * 1000, "too long"),
    ],
)
def test_what_cannot_be_read_says_why(path, data, why):
    with pytest.raises(ValueError, match=why):
        read_value(path, data)


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        (3, {"": 3}),
        (None, {"": None}),
        ({}, {"": {}}),
        ({"scores": {"f1": 0.9, "by": [1, 2]}}, {"scores.f1": 0.9, "scores.by[0]": 1, "scores.by[1]": 2}),
        ([{"a": 1}, []], {"[0].a": 1, "[1]": []}),
        ({"a.b": 1, "a": {"b": 2}}, {'"a.b"': 1, "a.b": 2}),
        ({"": 1, "é": 2, 3: 4, "x\n": 5}, {'""': 1, "é": 2, "3": 4, '"x\\n"': 5}),
    ],
)
def test_nested_values_become_single_ones_by_the_way_to_each(value, keys):
    assert {key_text(key): single for key, single in flatten(value).items()} == keys


_nested = st.recursive(
    st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(_nested)
def test_no_two_single_values_are_shown_under_one_key(value):
    keys = list(flatten(value))
    assert len({key_text(key) for key in keys}) == len(keys)
