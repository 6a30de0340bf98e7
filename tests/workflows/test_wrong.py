"""What is wrong with a workflow is told before any stage of it runs: the stage, the line, and the way out."""

from collections.abc import Iterator

import pytest

from pivot.errors import PivotError
from pivot.project import Workers

FUNCTIONS = """
def good():
    called("good")
    return [1]

def one(x):
    called("one")

def none():
    called("none")
"""
WRONG = {
    # line 2 of the file is stage good, the stage that is wrong begins at line 3
    "two values for one parameter": (
        "f:\n  python: st.one\n  depends_on: [good, more]\nmore: {python: st.good}\n",
        "stage 'f': 1 parameter is left for values (x), but depends_on names 2 stages (good, more) (pivot.yaml:5)",
        "name a stage for each of them",
    ),
    "a misspelt key": (
        "f:\n  python: st.one\n  depend_on: good\n",
        "stage 'f': unknown key 'depend_on' (pivot.yaml:5)",
        "did you mean 'depends_on'?",
    ),
    "a misspelt key of map": (
        "f:\n  python: st.one\n  map:\n    over: good\n    on_eror: drop\n",
        "stage 'f': unknown key 'on_eror' (pivot.yaml:7)",
        "did you mean 'on_error'?",
    ),
    "a wrong unit": (
        "f:\n  python: st.none\n  resources:\n    memory: 8 foos\n",
        "stage 'f': resources: memory must be an amount with its unit",
        "(pivot.yaml:6)",
    ),
    "a wrong time": (
        "f:\n  python: st.none\n  timeout: soon\n",
        "stage 'f': timeout must be a time",
        "(pivot.yaml:5)",
    ),
    "a stage that is not there": (
        "f:\n  python: st.one\n  depends_on:\n    - goood\n",
        "stage 'f' depends on 'goood', which is no stage (pivot.yaml:6)",
        "did you mean 'good'?",
    ),
    "a circle": (
        "f: {python: st.one, depends_on: g}\ng: {python: st.one, depends_on: f}\n",
        "'f' depends on 'g'",
        "(pivot.yaml:3)",
    ),
    "a name twice": (
        "f: {python: st.none}\ng: {python: st.none}\nf: {python: st.good}\n",
        "'f'",
        "pivot.yaml:5",
    ),
    "more than this machine has": (
        "f:\n  python: st.none\n  resources:\n    cpus: 1\n    gpus: 640\n",
        "stage 'f': gpus: 640 is more than there is",
        "(pivot.yaml:7)",
    ),
}


@pytest.fixture(scope="module")
def warm() -> Iterator[Workers]:
    one = Workers()
    yield one
    one.close()


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_before_anything_runs(flow, warm, case):
    stages, message, rest = WRONG[case]
    flow.workers = warm
    flow.write(FUNCTIONS, f"good: {{python: st.good}}\n{stages}")
    with pytest.raises(PivotError) as no:
        flow.run()
    assert no.value.exit_code == 2
    assert message in str(no.value)
    assert rest in str(no.value)
    assert flow.calls() == []
