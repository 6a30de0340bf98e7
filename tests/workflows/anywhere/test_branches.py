"""In which order stages run, and that all of them do."""

import pandas as pd

CHAIN = """
def first():
    Path("../done").touch()

def after():
    called(f"done {Path('../done').exists()}")

def side():
    called("side")
    return "nobody needs it"
"""


def test_a_stage_without_parameters_waits_for_those_that_it_depends_on(flow):
    flow.write(CHAIN, "after: {python: st.after, depends_on: [first]}\nfirst: {python: st.first}\n")
    assert flow.run() == {"first": "ran", "after": "ran"}
    assert flow.calls() == ["True", "done"]
    assert flow.run() == {"first": "unchanged", "after": "unchanged"}


def test_a_branch_that_no_other_stage_needs_runs(flow):
    flow.write(
        CHAIN,
        "first: {python: st.first}\nside: {python: st.side, depends_on: first}\n"
        "after: {python: st.after, depends_on: first}\n",
    )
    assert flow.run() == {"first": "ran", "side": "ran", "after": "ran"}
    assert flow.value("side") == "nobody needs it"


def test_the_last_stage_may_give_a_table(flow):
    flow.write(
        "import pandas as pd\ndef table():\n    return pd.DataFrame({'a': [1, 2]}, index=['x', 'y'])\n",
        "table: {python: st.table}\n",
    )
    assert flow.run() == {"table": "ran"}
    pd.testing.assert_frame_equal(flow.value("table"), pd.DataFrame({"a": [1, 2]}, index=["x", "y"]))


BRANCHES = """
def quick():
    return 1

def behind(x):
    Path("../behind").touch()

def slow():
    end = time.monotonic() + 60
    while not os.path.exists("../behind"):  # which a barrier after `quick` and `slow` would never let run
        assert time.monotonic() < end
        time.sleep(0.01)
"""


def test_a_branch_goes_on_while_a_stage_of_another_one_still_runs(flow):
    flow.write(
        BRANCHES,
        "slow: {python: st.slow}\nquick: {python: st.quick}\n"
        "behind: {python: st.behind, depends_on: quick}\n",
    )
    assert set(flow.run(jobs=2).values()) == {"ran"}


KEYS = """
import pivot

def keeper():
    pivot.store.put("kept", 1)
    pivot.store.put("gone", 2)
    pivot.store.delete("gone")
    return [pivot.store.exists("kept"), pivot.store.exists("gone")]

def reader(found):
    return [*found, pivot.store.exists("kept"), pivot.store.exists("gone")]
"""


def test_what_a_stage_deleted_from_the_object_store_is_not_there_any_more(flow):
    flow.write(KEYS, "keeper: {python: st.keeper}\nreader: {python: st.reader, depends_on: keeper}\n")
    assert set(flow.run().values()) == {"ran"}
    assert flow.value("reader") == [True, False, True, False]
