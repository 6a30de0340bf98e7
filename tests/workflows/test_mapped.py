"""Mapped stages: an item each, each cached for itself, put together in order."""

import json
import subprocess
import sys

import pytest

from pivot.executors.forkserver import ForkserverExecutor
from pivot.executors.warm import given

FETCH = """
def cities() -> list:
    return [{"city": n} for n in range(100)]

def fetch(city: dict):
    if city["city"] == 37 and os.path.exists("../bad"):
        raise ValueError("no such city")
    called(f"fetch{city['city']}")
    return city["city"] * 2

def process(value):
    called(f"process{value}")
    return value + 1

def total(values):
    called("total")
    return sum(values)
"""
STAGES = """
cities: {python: st.cities}
fetch: {python: st.fetch, map: cities}
process: {python: st.process, map: fetch}
total: {python: st.total, depends_on: process}
"""


def few(stages=STAGES, functions=FETCH, number=5):
    return functions.replace("range(100)", f"range({number})"), stages


def test_only_new_and_changed_items_run_and_the_order_stays(flow):
    flow.write(*few())
    flow.run()
    assert len(flow.calls()) == 11
    assert flow.value("process") == [1, 3, 5, 7, 9]
    assert flow.value("total") == 25
    flow.edit("[{'city': n}".replace("'", '"'), '[{"city": 9}] + [{"city": n}')
    flow.run()
    assert flow.calls() == ["fetch9", "process18", "total"]
    assert flow.value("fetch") == [18, 0, 2, 4, 6, 8]
    assert "1 of 6 items ran, the others are cached" in flow.notices()
    assert set(flow.run().values()) == {"unchanged"}


def test_a_shorter_list_runs_no_item_and_an_equal_one_nothing(flow):
    flow.write(*few())
    flow.run()
    flow.calls()
    flow.edit("range(5)", "range(3)")
    flow.run()
    assert flow.calls() == ["total"]
    assert flow.value("total") == 9


def test_what_one_item_read_runs_that_item_again(flow):
    flow.write(
        "def names() -> list:\n    return ['a', 'b']\n"
        "def read(name):\n    called(name)\n    return Path(name + '.txt').read_text()\n",
        "names: {python: st.names}\nread: {python: st.read, map: names}\n",
    )
    for name in "ab":
        (flow.path / f"{name}.txt").write_text(name)
    flow.run()
    assert flow.calls() == ["a", "b"]
    (flow.path / "b.txt").write_text("new")
    flow.run()
    assert flow.calls() == ["b"]
    assert flow.value("read") == ["a", "new"]


def test_dropped_items_are_told_and_tried_again(flow):
    functions, stages = few(number=40)
    flow.write(functions, stages.replace("map: cities", "map: {over: cities, on_error: drop}"))
    (flow.path.parent / "bad").touch()
    assert flow.run()["fetch"] == "ran"
    assert any(text.startswith("1 of 40 dropped: [37] ValueError") for text in flow.notices())
    assert len(flow.value("fetch")) == 39
    flow.calls()
    (flow.path.parent / "bad").unlink()
    flow.run()
    assert flow.calls() == ["fetch37", "process74", "total"]
    assert set(flow.run().values()) == {"unchanged"}


OVER = {
    "a dict": ("{'a': 1}", "a dict"),
    "a text": ("'text'", "a str"),
    "a number": ("3", "an int"),
    "nothing": ("None", "None"),
    "a set of objects": ("{Path('a')}", "a set"),
    "a table": ("__import__('pandas').DataFrame({'a': [1]})", "a DataFrame"),
}


@pytest.mark.parametrize("case", OVER)
def test_what_holds_no_items_is_refused_with_who_gave_it(flow, case):
    value, what = OVER[case]
    flow.write(
        f"def giver():\n    return {value}\ndef taker(x): ...\n",
        "giver: {python: st.giver}\ntaker: {python: st.taker, map: giver}\n",
    )
    assert flow.run()["taker"] == "failed"
    assert f"what 'giver' returned is {what}" in flow.result.stages["taker"].reason


ITEMS = {
    "a tuple of objects": ("(Path('a'), Path('b'))", ["a", "b"]),
    "an array": ("__import__('numpy').arange(2)", ["0", "1"]),
    "no items": ("[]", []),
    "equal items": ("[1, 1, 2]", ["1", "1", "2"]),
}


@pytest.mark.parametrize("case", ITEMS)
def test_any_sequence_is_gone_through_item_by_item(flow, case):
    value, expected = ITEMS[case]
    flow.write(
        f"def giver():\n    return {value}\ndef taker(x):\n    called(x)\n    return str(x)\n",
        "giver: {python: st.giver}\ntaker: {python: st.taker, map: giver}\n",
    )
    flow.run()
    assert flow.value("taker") == expected
    assert len(flow.calls()) == len(set(expected))
    assert set(flow.run().values()) == {"unchanged"}


def test_the_files_of_a_folder_and_a_list_in_the_params_are_gone_through(flow):
    flow.write(
        """
        from typing import Annotated
        from pivot import DirectoryOut

        def parts() -> Annotated[dict[str, dict], DirectoryOut("parts/")]:
            return {"b.json": {"n": 2}, "a.json": {"n": 1}}

        def count(part):
            called(f"count{part['n']}")
            return part["n"]

        def power(x, n):
            called(f"power{x}")
            return x ** n
        """,
        """
        parts: {python: st.parts}
        count: {python: st.count, map: parts}
        power: {python: st.power, map: params.xs, params: {xs: [2, 3], n: 2}}
        """,
    )
    flow.run()
    assert (flow.value("count"), flow.value("power")) == ([1, 2], [4, 9])
    flow.calls()
    flow.edit('{"n": 2}', '{"n": 5}')
    flow.edit("xs: [2, 3]", "xs: [2, 4]", "pivot.yaml")
    flow.run()
    assert flow.calls() == ["count5", "power4"]
    flow.edit("n: 2}", "n: 3}", "pivot.yaml")
    flow.run()
    assert flow.calls() == ["power2", "power4"]


def test_other_values_are_broadcast_and_change_every_item(flow):
    flow.write(
        "def xs():\n    return [1, 2]\ndef k():\n    return 10\ndef f(x, k):\n    called(x)\n    return x * k\n",
        "xs: {python: st.xs}\nk: {python: st.k}\nf: {python: st.f, map: xs, depends_on: k}\n",
    )
    flow.run()
    assert flow.value("f") == [10, 20]
    flow.calls()
    flow.edit("return 10", "return 20")
    flow.run()
    assert flow.calls() == ["1", "2"]


def test_a_driver_that_dies_loses_only_the_items_at_work(flow):
    flow.write(
        "def xs():\n    return [1, 2, 3, 4]\n"
        "def f(x):\n    called(x)\n"
        "    if x == 3 and os.path.exists('../bad'):\n        os.kill(os.getppid(), signal.SIGKILL)\n"
        "    return x\n",
        "xs: {python: st.xs}\nf: {python: st.f, map: {over: xs, max_parallel: 1}}\n",
    )
    command = [
        sys.executable,
        "-c",
        f"import pivot.project as p; p.Project({str(flow.path)!r}).repro(jobs=1)",
    ]
    (flow.path.parent / "bad").touch()
    subprocess.run(command, capture_output=True, timeout=60, check=False)
    before = flow.calls()
    (flow.path.parent / "bad").unlink()
    flow.run()
    assert flow.value("f") == [1, 2, 3, 4]
    assert before[:2] == ["1", "2"]
    assert not {"1", "2"} & set(flow.calls())


def test_collecting_garbage_keeps_every_item_of_a_result(flow):
    from pivot.project import Project

    flow.write(*few())
    flow.run()
    flow.calls()
    with Project(str(flow.path)) as project:
        project.collect()
    flow.edit("range(5)", "range(6)")
    flow.run()
    assert flow.calls() == ["fetch5", "process10", "total"]


def test_a_list_names_results_only_so_that_other_items_with_the_same_results_change_nothing(flow):
    flow.write(*few())
    flow.run()
    flow.calls()
    flow.edit('return city["city"] * 2', 'return city["city"] + city["city"]')
    outcomes = flow.run()
    assert (outcomes["process"], outcomes["total"]) == ("unchanged", "unchanged")
    lines = (flow.path / ".pivot/values/fetch[]").read_text().splitlines()
    assert [json.loads(line)[0] for line in lines] == [f"{n:08d}" for n in range(5)]


class Noting(ForkserverExecutor):
    """Notes how many tasks are under way, one that comes included."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        self.given, self.under_way = [], []

    def submit(self, task):
        self.given.append(super().submit(task))
        self.under_way.append(sum(not future.done() for future in self.given[:-1]) + 1)
        return self.given[-1]


@pytest.mark.parametrize(("options", "most"), [("", 2), (", max_parallel: 1", 1)])
def test_short_items_are_handed_out_before_the_one_at_work_ends(flow, options, most):
    functions = FETCH.replace('called(f"fetch', 'time.sleep(0.1); called(f"fetch')
    flow.write(*few(STAGES.replace("map: cities", f"map: {{over: cities{options}}}"), functions))
    with Noting(1) as executor:
        flow.workers = given(executor)
        flow.run(jobs=1)
    assert max(executor.under_way[:7]) == most  # the list, the items, and the first of what follows
    assert flow.value("fetch") == [0, 2, 4, 6, 8]
