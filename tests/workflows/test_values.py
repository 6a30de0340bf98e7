"""Stages that pass values: what is returned is cached like a file, without one in the workspace."""

import shutil

import pytest

from pivot.errors import DefinitionErrors

CHAIN = """
def numbers() -> list:
    called("numbers")
    return list(range(3))

def total(values: list):
    called("total")
    return sum(values)

def side():
    called("side")

def after():
    called("after")
"""
STAGES = """
numbers: {python: st.numbers}
total: {python: st.total, depends_on: numbers}
side: {python: st.side}
after: {python: st.after, depends_on: [side]}
"""


def test_values_travel_and_are_cached_without_a_file_in_the_workspace(flow):
    flow.write(CHAIN, STAGES)
    assert set(flow.run().values()) == {"ran"}
    assert flow.calls() == ["after", "numbers", "side", "total"]
    assert flow.value("total") == 3
    assert flow.value("side") is None
    assert {path.name for path in flow.path.iterdir()} == {".pivot", "pivot.yaml", "st.py", "__pycache__"} - (
        set() if (flow.path / "__pycache__").exists() else {"__pycache__"}
    )
    assert set(flow.run().values()) == {"unchanged"}
    flow.edit("return sum(values)", "return sum(values) + 1")
    flow.run()
    assert flow.calls() == ["total"]
    assert flow.value("total") == 4


def test_an_equal_value_runs_nothing_that_depends_on_it(flow):
    flow.write(CHAIN, STAGES)
    flow.run()
    flow.calls()
    flow.edit("list(range(3))", "[0, 1, 2]")
    assert flow.run()["total"] == "unchanged"
    assert flow.calls() == ["numbers"]


def test_what_follows_a_stage_that_returns_nothing_runs_whenever_that_rests_on_something_else(flow):
    flow.write(CHAIN, STAGES)
    flow.run()
    flow.calls()
    flow.edit('called("side")', 'called("side"); len("")')
    flow.run()
    assert flow.calls() == ["after", "side"]


def test_a_lost_value_is_put_back_from_the_cache(flow):
    flow.write(CHAIN, STAGES)
    flow.run()
    flow.calls()
    shutil.rmtree(flow.path / ".pivot/values")
    flow.edit("return sum(values)", "return -sum(values)")
    assert flow.run()["numbers"] == "restored"
    assert flow.calls() == ["total"]


def test_all_values_reach_a_stage_that_takes_any_number(flow):
    functions = CHAIN + "def funnel(first, *rest, scale=2):\n    return [first, rest, scale]\n"
    flow.write(
        functions,
        STAGES + "funnel: {python: st.funnel, depends_on: [total, numbers, numbers2]}\n"
        "numbers2: {python: st.numbers}\n",
    )
    flow.run("funnel")
    assert flow.value("funnel") == [3, ([0, 1, 2], [0, 1, 2]), 2]


def test_objects_of_the_projects_own_classes_pass_and_their_methods_count(flow):
    flow.write(
        """
        class City:
            def __init__(self, name):
                self.name = name

            def shown(self):
                return self.name.upper()

        def city():
            called("city")
            return City("ulm")

        def shown(city):
            called("shown")
            return city.shown()
        """,
        """
        city: {python: st.city}
        shown: {python: st.shown, depends_on: city}
        """,
    )
    flow.run()
    assert flow.value("shown") == "ULM"
    flow.edit("self.name.upper()", "self.name.title()")
    flow.run()
    assert flow.value("shown") == "Ulm"


def test_what_cannot_be_pickled_is_told_with_stage_and_type(flow):
    flow.write("def numbers():\n    return (n for n in [1])\n", "numbers: {python: st.numbers}\n")
    flow.run()
    reason = flow.result.stages["numbers"].reason
    assert reason.startswith(
        "stage 'numbers' returned a generator, which cannot be kept for other stages: TypeError"
    )
    assert "write a file" in (flow.result.stages["numbers"].hint or "")


def test_a_circle_of_names_is_told(flow):
    flow.write(
        "def a(x): ...\ndef b(x): ...\n",
        "a: {python: st.a, depends_on: b}\nb: {python: st.b, depends_on: a}\n",
    )
    with pytest.raises(DefinitionErrors, match="'b' depends on 'a', 'a' depends on 'b'"):
        flow.run()
