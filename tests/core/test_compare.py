import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pivot.core.compare import ABSENT, Pair, pairs, stage_difference
from pivot.model.decision import ChangeKind
from pivot.model.digest import digest_text
from pivot.model.record import Inputs, OutputState, StageRecord
from pivot.paths import ProjectPath

NAN = math.nan


@pytest.mark.parametrize(
    ("old", "new", "differs", "change"),
    [
        (1, 3, True, 2),
        (0.5, 0.25, True, -0.25),
        (1, 1.0, False, None),
        (NAN, NAN, False, None),
        (1.0, NAN, True, None),
        (math.inf, math.inf, False, None),
        (1, math.inf, True, math.inf),
        (10**400, 0.5, True, None),
        (True, 1, True, None),
        (True, False, True, None),
        ("a", "b", True, None),
        ("1", 1, True, None),
        (None, None, False, None),
        (None, ABSENT, True, None),
        (ABSENT, 1, True, None),
        ([], {}, True, None),
    ],
)
def test_two_values_differ_and_numbers_say_by_how_much(old, new, differs, change):
    pair = Pair("m.json", (), old, new)
    assert (pair.differs, pair.change) == (differs, change)


def test_values_are_put_side_by_side_in_the_order_of_the_new_side():
    old = {"gone.json": 1, "eval.json": {"a": 1, "was": 2, "b": 3}}
    new = {"eval.json": {"b": 3, "a": 5, "is": 7}, "fresh.json": [0]}
    found = [(p.where, p.key, p.old, p.new) for p in pairs(old, new)]
    assert found == [
        ("gone.json", (), 1, ABSENT),
        ("eval.json", ("b",), 3, 3),
        ("eval.json", ("a",), 1, 5),
        ("eval.json", ("was",), 2, ABSENT),
        ("eval.json", ("is",), ABSENT, 7),
        ("fresh.json", (0,), ABSENT, 0),
    ]


_tables = st.dictionaries(st.sampled_from("abcde"), st.dictionaries(st.sampled_from("xyz"), st.integers()))


@given(_tables, _tables)
def test_every_value_of_both_sides_is_there_once_and_a_side_equals_itself(old, new):
    found = pairs(old, new)
    places = [(p.where, p.key) for p in found]
    assert len(set(places)) == len(places)
    assert {p.where for p in found} == {*old, *new}
    assert not any(p.differs for p in pairs(old, old))
    flipped = {(p.where, p.key): (p.new, p.old) for p in pairs(new, old)}
    assert {(p.where, p.key): (p.old, p.new) for p in found} == flipped


def record(params: str = "1", **outputs: str) -> StageRecord:
    inputs = Inputs(digest_text("code"), (), {"lr": params}, {}, {}, (), {})
    states = {ProjectPath(path): OutputState(digest_text(text), 1) for path, text in outputs.items()}
    return StageRecord("train", inputs, states)


def test_a_stage_that_is_on_one_side_only_was_added_or_removed():
    assert stage_difference("train", None, record()).what == "added"
    assert stage_difference("train", record(), None).what == "removed"
    assert stage_difference("train", None, None) is None


def test_a_stage_differs_in_what_it_rests_on_and_in_its_outputs():
    assert stage_difference("train", record(a="1"), record(a="1")) is None
    found = stage_difference("train", record("1", a="1", b="1"), record("2", a="2", c="1"))
    assert found.what == "changed"
    kinds = [
        (change.kind, change.name, change.before is None, change.after is None) for change in found.changes
    ]
    assert kinds == [
        (ChangeKind.PARAM, "lr", False, False),
        (ChangeKind.OUTPUT_ALTERED, "a", False, False),
        (ChangeKind.OUTPUT_MISSING, "b", False, True),
        (ChangeKind.OUTPUT_ALTERED, "c", True, False),
    ]
