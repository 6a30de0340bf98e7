"""Runs at the same time, which must not see anything of each other: their stages have the same names."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import pivot

TWO = """
def first(n: int):
    return n

def second(n: int):
    Path(f"../here{n}").touch()
    while n == 0 and not os.path.exists("../go"):
        time.sleep(0.01)
    return n
"""


def test_two_runs_of_one_workflow_with_different_inputs_each_give_their_own_values(flow, until):
    flow.write(
        TWO, "first: {python: st.first, params: {n: 1}}\nsecond: {python: st.second, params: {n: 1}}\n"
    )
    slow = flow.start("run", ".", "--n", "0", "--json", "-j", "1")
    until((flow.path.parent / "here0").exists)
    assert flow.run("first") == {"first": "ran"}
    assert flow.value("first") == 1
    (flow.path.parent / "go").touch()
    out, err = slow.communicate(timeout=60)
    assert (slow.returncode, json.loads(out)) == (0, {"first": 0, "second": 0}), err


MEET = """
import pivot

def work(n: int):
    pivot.store.put("mine", n)
    Path(f"../here{n}").touch()
    while not os.path.exists(f"../here{1 - n}"):
        time.sleep(0.01)
    return [n, pivot.store.get("mine")]
"""


def test_two_projects_at_once_share_neither_values_nor_keys(flow):
    other = flow.beside("other")
    for n, one in enumerate((flow, other)):
        one.write(MEET, f"work: {{python: st.work, params: {{n: {n}}}}}\n")
    with ThreadPoolExecutor(2) as threads:  # on a cluster both stages are at work on it at the same time
        assert list(threads.map(lambda one: one.run(), (flow, other))) == [{"work": "ran"}] * 2
    assert (flow.value("work"), other.value("work")) == ([0, 0], [1, 1])
    for n, one in enumerate((flow, other)):
        with contextlib.chdir(one.path):
            assert pivot.store.get("mine") == n
