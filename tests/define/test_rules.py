"""How a stage is run (resources, always, retries, timeout): one spelling and one check for all doors."""

import pytest

from pivot.model.resources import Resources
from pivot.model.retries import Retries

STAGES = """\
from typing import Annotated
import pivot
from pivot import Out

{mark}
def fetch() -> Annotated[str, Out("page.txt")]: ...
"""
WANTED = (
    Resources(2, 0.5, 8_000_000_000, (("license", 1.0),)),
    True,
    Retries(3, 10.0, ("ConnectionError", "requests.Timeout")),
    600.0,
)
TABLE = (
    "{resources: {cpus: 2, gpus: 0.5, memory: 8GB, license: 1}, always: true, "
    "retries: {times: 3, delay: 10s, on: [ConnectionError, requests.Timeout]}, timeout: 10m, "
)
ARGUMENTS = (
    "resources={'cpus': 2, 'gpus': 0.5, 'memory': '8GB', 'license': 1}, always=True, timeout='10m', "
    "retries={'times': 3, 'delay': 10, 'on': [ConnectionError, 'requests.Timeout']}"
)


def rules(stage):
    return (stage.resources, stage.always, stage.retries, stage.timeout)


def by_file(project, entry, mark="", rest=""):
    project.write("stages.py", STAGES.format(mark=mark))
    project.write("pivot.yaml", f"stages:\n  fetch: {entry} python: stages.fetch}}\n{rest}")


def test_the_same_words_mean_the_same_at_every_door(project):
    by_file(project, TABLE)
    assert rules(project.stage()) == WANTED
    by_file(project, "{", f"@pivot.stage({ARGUMENTS})")
    assert rules(project.stage()) == WANTED
    (project.root / "pivot.yaml").unlink()
    project.write("stages.py", STAGES.format(mark=""))
    register = f"from stages import fetch\np = pivot.Pipeline('p')\np.register(fetch, {ARGUMENTS})\n"
    project.write("pipeline.py", f"import pivot\n{register}")
    assert rules(project.stage("pipeline.py")) == WANTED


def test_a_stage_that_says_nothing_takes_one_core_and_one_attempt(project):
    by_file(project, "{")
    assert rules(project.stage()) == (Resources(1, 0, 0, ()), False, Retries(0, 0, ()), None)


def test_the_file_wins_over_the_decorator_and_a_value_of_the_matrix_over_both(project):
    mark = "@pivot.stage(resources={'cpus': 4, 'license': 1}, retries=2, always=True)"
    project.write("stages.py", STAGES.format(mark=mark).replace('"page', '"${size}'))
    project.write(
        "pivot.yaml",
        "vars: {cores: 3}\n"
        "stages:\n"
        "  fetch:\n"
        "    python: stages.fetch\n"
        "    outs: {output: '${size}.txt'}\n"
        "    resources: {memory: '${size}', license: 0}\n"
        "    always: false\n"
        "    matrix: {size: {1GB: {resources: {cpus: '${cores}'}, timeout: 5}, 2GB: {retries: 0}}}\n",
    )
    first, second = project.stages()
    assert rules(first) == (Resources(3, 0, 10**9), False, Retries(2), 5)
    assert rules(second) == (Resources(4, 0, 2 * 10**9), False, Retries(), None)


WRONG = {
    "resources: 3": ["resources must be a table such as {cpus: 2, memory: 8GB}, not 3"],
    "resources: {cpu: 2}": ["resources: unknown resource 'cpu'", "did you mean 'cpus'?"],
    "resources: {memroy: 2}": ["resources: unknown resource 'memroy'", "did you mean 'memory'?"],
    "resources: {cpus: 0}": ["resources: cpus must be a number above 0, not 0"],
    "resources: {gpus: -1}": ["resources: gpus must be a number, 0 or more, not -1"],
    "resources: {license: many}": ["resources: license must be a number, 0 or more, not 'many'"],
    "resources: {memory: 8G}": ["resources: memory must be an amount with its unit, such as 8GB", "'8G'"],
    "resources: {memory: 8}": ["resources: memory must be an amount with its unit, such as 8GB"],
    "resources: {'my disk': 1}": ["resources: 'my disk' is no name", "begin with a letter"],
    "always: 'yes'": ["always is true or false, not 'yes'"],
    "retries: -1": ["retries must be a number of further attempts, or a table such as", "not -1"],
    "retries: {delay: 5s}": ["retries: 'times' is missing", "add times"],
    "retries: {times: 1, wait: 5s}": ["retries: unknown key 'wait'"],
    "retries: {times: 1, delay: 5 minutes}": ["retries.delay must be a time such as 90s, 10m or 1h30m"],
    "retries: {times: 1, on: [Time out]}": ["retries.on: 'Time out' is no name of an exception"],
    "retries: {times: 1, on: []}": ["retries.on names no exception"],
    "timeout: 0": ["timeout must be a time such as 90s", "more than 0, not 0"],
    "timeout: soon": ["timeout must be a time such as 90s", "not 'soon'"],
    "timeout: ": ["timeout must be a time such as 90s", "not None"],
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_told_with_stage_line_and_fix(project, wrong):
    project.write("stages.py", STAGES.format(mark=""))
    project.write("pivot.yaml", f"stages:\n  fetch:\n    python: stages.fetch\n    {wrong}\n")
    (error,) = project.errors()
    assert error.startswith("stage 'fetch': ")
    assert "(pivot.yaml:4)" in error
    for words in WRONG[wrong]:
        assert words in error


def test_all_that_is_wrong_is_told_at_once_each_at_its_own_line(project):
    project.write("stages.py", STAGES.format(mark=""))
    project.write(
        "pivot.yaml",
        "stages:\n  fetch:\n    python: stages.fetch\n    resources:\n      cpus: -1\n      memory: lots\n"
        "    retries:\n      times: x\n      on: 3\n    timeout: -5\n",
    )
    assert [error.partition("(pivot.yaml:")[2].partition(")")[0] for error in project.errors()] == [
        "5",
        "6",
        "8",
        "9",
        "10",
    ]


@pytest.mark.parametrize(
    ("names", "raised", "again"),
    [
        ((), "KeyError", True),
        (("OSError",), "KeyError", False),
        (("OSError",), "builtins.OSError", True),
        (("requests.Timeout",), "requests.exceptions.Timeout", True),
        (("requests.exceptions.Timeout",), "requests.exceptions.Timeout", True),
        (("Timeout",), "requests.exceptions.Timeout", True),
        (("urllib3.Timeout",), "requests.exceptions.Timeout", False),
        (("out",), "requests.exceptions.Timeout", False),
    ],
)
def test_an_exception_is_meant_by_its_name_with_or_without_its_package(names, raised, again):
    assert Retries(1, 0, names).cover([raised, "builtins.Exception"]) is again
