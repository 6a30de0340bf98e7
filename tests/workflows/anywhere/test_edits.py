"""What a person edits between two runs counts at once, on a cluster that is not started again either."""

import pytest

NUMBERS = """
def doubled(n):
    return n * 2

def one():
    called("one")
    return doubled(1)

def boom():
    called("boom")
    return "boom"

def xs():
    return [1, 2, 3]

def each(x):
    called(f"each{x}")
    return doubled(x)
"""
STAGES = """
x: {python: st.one}
xs: {python: st.xs}
each: {python: st.each, map: xs}
"""


@pytest.mark.parametrize(
    ("stage", "values", "calls"),
    [("x", [2, 3], ["one"]), ("each", [[2, 4, 6], [3, 6, 9]], ["each1", "each2", "each3"])],
    ids=["a stage", "a mapped stage"],
)
def test_an_edited_helper_runs_its_stage_and_each_item_with_the_new_text(flow, stage, values, calls):
    flow.write(NUMBERS, STAGES)
    for value in values:
        assert flow.run(stage)[stage] == "ran"
        assert (flow.value(stage), flow.calls()) == (value, calls)
        assert flow.run(stage)[stage] == "unchanged"
        flow.edit("n * 2" if value == values[0] else "n * 3", "n * 3")


def test_another_function_of_the_same_file_under_the_same_stage_name_runs(flow):
    flow.write(NUMBERS, STAGES)
    flow.run("x")
    flow.edit("st.one", "st.boom", "pivot.yaml")
    assert flow.run("x") == {"x": "ran"}
    assert (flow.value("x"), flow.calls()) == ("boom", ["boom", "one"])
