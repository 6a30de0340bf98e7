"""``--set``, and ``pivot run FILE --name value``."""

import json

import pytest

pytestmark = pytest.mark.called


@pytest.fixture
def flow(shell):
    """The two stages of a workflow: a list of numbers, and their sum."""
    shell.write(
        "stages.py",
        """
        from typing import Annotated
        from pivot import Out, Dep

        def numbers(n_vals: int, names: list[str] = ()) -> Annotated[list, Out("numbers.json")]:
            return [*range(n_vals), *names]

        def count(found: Annotated[list, Dep("numbers.json")]):
            return len(found)
        """,
    )
    shell.write(
        "pivot.yaml",
        """
        params: {n_vals: 3}
        stages:
          numbers: {python: stages.numbers}
          count: {python: stages.count}
        """,
    )
    return shell


def test_a_file_is_run_with_params_and_tells_what_its_last_stages_give(flow):
    ran = flow.pivot("run", "pivot.yaml", "--n_vals", "2", "--names=[a, b, c]")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "count: 5")
    assert json.loads((flow.path / "numbers.json").read_text()) == [0, 1, "a", "b", "c"]
    again = flow.pivot("run", ".", "--n_vals", "2", "--names", "[a, b, c]", "--json")
    assert json.loads(again.out) == {"count": 5}


def test_a_value_is_set_for_one_command(flow):
    assert flow.pivot("repro", "--set", "numbers.n_vals=4").code == 0
    assert len(json.loads((flow.path / "numbers.json").read_text())) == 4
    told = flow.pivot("status").out
    assert "n_vals 4 → 3" in told
    assert "cached" in flow.pivot("status", "numbers", "--set", "n_vals=4").out
    assert flow.pivot("repro", "--dry-run", "--set", "n_vals=5").out.count("will run") == 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("repro", "--set", "n_vals"), 2, "--set takes KEY=VALUE, not 'n_vals'"),
        (("repro", "--set", "n_vals=[1"), 2, "--set n_vals"),
        (("run", ".", "--n_valz", "1"), 2, "did you mean 'n_vals'?"),
        (("run", ".", "--n_vals"), 2, "--n_vals has no value: write --n_vals VALUE"),
        (("run", ".", "stage"), 2, "unexpected 'stage'"),
        (("run", ".", "--n_vals", "many"), 2, "param 'n_vals': Input should be a valid integer"),
        (("run", "nothing.yaml"), 2, "name a pivot.yaml"),
        (("run", "stages.py"), 2, "defines no stages"),
    ],
)
def test_wrong_words_are_told_and_nothing_runs(flow, words, code, told):
    ran = flow.pivot(*words)
    assert ran.code == code
    assert told in ran.err
    assert not (flow.path / "numbers.json").exists()


def test_run_prints_the_values_of_a_mapped_stage_that_comes_last(shell):
    shell.write(
        "st.py", "def numbers(n):\n    return list(range(n))\n\n\ndef square(one):\n    return one**2\n"
    )
    shell.write(
        "pivot.yaml", "stages: {numbers: {python: st.numbers}, square: {python: st.square, map: numbers}}\n"
    )
    done = shell.pivot("run", "pivot.yaml", "--n", "4")
    assert done.out.endswith("\nsquare: [0, 1, 4, 9]\n")


def test_run_prints_a_table_that_comes_last_and_a_list_that_is_set_is_gone_through(shell):
    shell.write(
        "st.py",
        """
        import pandas as pd

        def fetch(city):
            return len(city["name"])

        def table(lengths):
            return pd.DataFrame({"length": lengths}, index=["x", "y"])
        """,
    )
    shell.write(
        "pivot.yaml",
        """
        stages:
          fetch: {python: st.fetch, map: params.cities, params: {cities: []}}
          table: {python: st.table, depends_on: fetch}
        """,
    )
    done = shell.pivot("run", ".", "--set", "cities=[{name: oslo}, {name: lisboa}]")
    assert (done.code, done.out.splitlines()[-4:]) == (0, ["table:", "   length", "x       4", "y       6"])


def test_run_with_json_writes_what_went_wrong_beside_the_values(shell):
    shell.write("st.py", "def good():\n    return 1\n\n\ndef bad():\n    raise ValueError('not today')\n")
    shell.write("pivot.yaml", "stages: {good: {python: st.good}, bad: {python: st.bad}}\n")
    done = shell.pivot("run", ".", "--json", "--keep-going")
    assert (done.code, json.loads(done.out)) == (1, {"good": 1})
    assert done.err == "error: bad failed: ValueError: not today (st.py:6)\n"
