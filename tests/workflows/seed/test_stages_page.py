"""The page on stages of Flowdapt's guide: its blocks run as they stand.

Where a block is no Python (a quote that is not closed, an import of a call), the nearest text that is runs in its
place, and the test says so.
"""

import ast
import hashlib
import subprocess
import sys

import pytest

from pivot.errors import PivotError
from pivot.model.event import Notice, Outcome
from pivot.project import initialize
from tests.workflows.seed.conftest import BLOCKS, block

PAGE = (
    "test_stage.yaml",
    "test_stage.py",
    "next_stage.yaml",
    "next_stage.py",
    "funnel_stage.yaml",
    "n_vals.py",
    "run.sh",
    "build_features.yaml",
    "create_city_list.py",
    "fetch_city_data.py",
    "resources.yaml",
    "context.py",
)
LOGGER = "import logging\n\nlogger = logging.getLogger(__name__)\nlogging.basicConfig(level='INFO', format='%(message)s')\n"
CONFIG = """
config: config.yaml
"""
DATA_CONFIG = (
    "data_config: {n_cities: 2, neighbors: 1, city_data_path: cities.csv}\nstudy_identifier: weather\n"
)
RAN, UNCHANGED = Outcome.RAN, Outcome.UNCHANGED


def test_the_blocks_are_those_of_the_page_whole_and_unaltered():
    assert {path.stem for path in BLOCKS.iterdir()} == set(PAGE)
    whole = "".join(map(block, PAGE)).encode()
    assert (
        hashlib.sha256(whole).hexdigest()
        == "3f4ff638536caa5be7e44035c73bb6c569cc8ef5224b1bad50994bc46f88b67b"
    )


@pytest.mark.parametrize("name", ["fetch_city_data.py", "context.py"])
def test_two_blocks_of_the_page_are_no_python(name):
    with pytest.raises(SyntaxError):
        ast.parse(block(name))


def test_a_single_stage(flows):
    flows.write("test_workflow.yaml", block("test_stage.yaml"))
    flows.write("user_modules/testing_stuff.py", block("test_stage.py"))
    assert flows.run("test_workflow.yaml") == {"test_stage": RAN}
    assert flows.value("test_workflow.yaml", "test_stage") == list(range(10))
    assert flows.run("test_workflow.yaml") == {"test_stage": UNCHANGED}


def test_a_stage_gets_what_the_one_that_it_depends_on_returned(flows):
    flows.write("test_workflow.yaml", block("next_stage.yaml"))
    flows.write("user_modules/testing_stuff.py", LOGGER, block("test_stage.py"), block("next_stage.py"))
    assert flows.run("test_workflow.yaml") == {"test_stage": RAN, "next_stage": RAN}
    told = flows.log("test_workflow.yaml", "next_stage")
    assert told == "Got list from test_stage: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
    assert set(flows.run("test_workflow.yaml").values()) == {UNCHANGED}


def test_a_funnel_gets_the_values_of_its_branches_in_the_order_of_the_list(flows):
    flows.write(
        "funnel.yaml",
        """\
        kind: workflow
        metadata: {name: funnel}
        spec:
          stages:
          - {name: test_stage, target: user_modules.testing_stuff.test_stage}
          - {name: parallel_stage_2, target: user_modules.testing_stuff.largest, depends_on: test_stage}
          - {name: parallel_stage_1, target: user_modules.testing_stuff.smallest, depends_on: test_stage}
        """,
    )
    with (flows.path / "funnel.yaml").open("a") as file:
        file.write(block("funnel_stage.yaml"))
    flows.write(
        "user_modules/testing_stuff.py",
        block("test_stage.py"),
        """
        def largest(values): return max(values)
        def smallest(values): return min(values)
        def funnel_stage(first, second): return {"first": first, "second": second}
        """,
    )
    assert set(flows.run("funnel.yaml").values()) == {RAN}
    assert flows.value("funnel.yaml", "funnel_stage") == {"first": 0, "second": 9}


def test_the_input_of_a_run_is_what_a_stage_takes_by_name(flows):
    flows.write("test_workflow.yaml", block("test_stage.yaml"))
    flows.write("user_modules/testing_stuff.py", block("n_vals.py"))
    assert flows.run("test_workflow.yaml", n_vals=5) == {"test_stage": RAN}
    assert flows.value("test_workflow.yaml", "test_stage", n_vals=5) == [0, 1, 2, 3, 4]
    assert flows.run("test_workflow.yaml", n_vals=3) == {"test_stage": RAN}
    assert flows.run("test_workflow.yaml", n_vals=5)["test_stage"] is not RAN


def test_the_command_of_the_page_runs_with_pivot_in_its_place(flows):
    """``flowctl run test_workflow`` names what a server holds, ``pivot run test_workflow.yaml`` a file."""
    flows.write("test_workflow.yaml", block("test_stage.yaml"))
    flows.write("user_modules/testing_stuff.py", block("n_vals.py"))
    words = block("run.sh").replace("flowctl", "pivot").replace("test_workflow", "test_workflow.yaml").split()
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=flows.path, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("\ntest_stage: [0, 1, 2, 3, 4]\n")


def test_the_input_of_a_run_is_in_the_run_context_too_as_the_hint_says(flows):
    flows.write("test_workflow.yaml", block("test_stage.yaml"))
    flows.write(
        "user_modules/testing_stuff.py",
        "from flowdapt.compute.resources.workflow.context import get_run_context",
        block("n_vals.py").replace("range(n_vals)", "range(helper())").replace("n_vals: int", ""),
        """
        def helper():
            n_vals = get_run_context().config.input["n_vals"]
            return n_vals
        """,
    )
    assert flows.run("test_workflow.yaml", n_vals=5) == {"test_stage": RAN}
    assert flows.value("test_workflow.yaml", "test_stage", n_vals=5) == [0, 1, 2, 3, 4]
    assert flows.run("test_workflow.yaml", n_vals=3) == {"test_stage": RAN}, "what is read there is an input"


def test_resources_are_kept_to_and_a_label_that_nobody_declared_is_ignored_with_a_warning(flows):
    flows.write("test_workflow.yaml", block("resources.yaml"))
    flows.write("user_modules/testing_stuff.py", block("test_stage.py"))
    initialize(str(flows.path))
    flows.write(".pivot/config.yaml", "capacity: {cpus: 2, gpus: 0, memory: 8GB}\n")
    with pytest.raises(PivotError, match=r"stage 'test_stage': gpus: 1 is more than there is"):
        flows.run("test_workflow.yaml")
    flows.write(".pivot/config.yaml", "capacity: {cpus: 2, gpus: 1, memory: 8GB}\n")
    events = []
    with flows.project("test_workflow.yaml") as project:
        run = project.repro(sinks=[events.append])
    assert run.stages["test_stage"].outcome is RAN
    (told,) = (event.text for event in events if isinstance(event, Notice))
    assert told.startswith("resource custom_resource is ignored")


def test_the_run_context_tells_the_config_once_the_import_of_the_page_is_one(flows):
    """The page's ``import get_run_context()`` is no Python: without the parentheses it is what its text says."""
    flows.write("fetch.yaml", block("test_stage.yaml").replace(".test_stage\n", ".fetch_city_data\n"), CONFIG)
    flows.write("config.yaml", DATA_CONFIG)
    flows.write(
        "user_modules/testing_stuff.py",
        block("context.py").replace("get_run_context()\n\n", "get_run_context\n"),
    )
    assert flows.run("fetch.yaml") == {"test_stage": RAN}
    assert flows.log("fetch.yaml", "test_stage") == "weather\n"


def test_the_input_of_a_run_does_not_take_the_place_of_a_value_that_is_passed(flows):
    flows.write("test_workflow.yaml", block("next_stage.yaml"))
    flows.write(
        "user_modules/testing_stuff.py", block("n_vals.py"), "def next_stage(n_vals):\n    return n_vals\n"
    )
    flows.run("test_workflow.yaml", n_vals=2)
    assert flows.value("test_workflow.yaml", "next_stage", n_vals=2) == [0, 1]
