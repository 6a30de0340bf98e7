"""The page on outputs, its parts on state and on folders: each text runs unaltered, each rule holds."""

import json

import pytest
import yaml

PAGE = """\
from typing import Annotated, TypedDict
from pandas import DataFrame
import pivot
"""
REGISTER = "\npipeline = pivot.Pipeline('page')\n"

# what the page leaves undefined, and a look at what the stage is given
COUNTED = """
import functools

def process(data):
    return len(data)

def told(function):
    @functools.wraps(function)
    def telling(cache, new_data):
        print(cache)
        return function(cache, new_data)
    return telling

update_cache = told(update_cache)
"""


@pytest.fixture
def state(folder, block):
    code = PAGE + block("incremental.py") + COUNTED + REGISTER + "pipeline.register(update_cache)\n"
    folder.write("pipeline.py", code)
    folder.write("new_data.csv", "x\n1\n2\n")
    assert folder.repro().ok
    return folder


def test_the_first_run_gets_the_empty_value(state):
    assert state.log("update_cache") == "{}\n"
    assert json.loads(state.read("cache.json")) == {"latest": 2}
    assert (state.path / "cache.json").read_bytes() in state.cached()


def test_the_next_run_gets_what_the_last_one_wrote(state, outcomes):
    assert outcomes(state.repro()) == {"update_cache": "unchanged"}
    state.write("new_data.csv", "x\n1\n2\n3\n")
    assert outcomes(state.repro()) == {"update_cache": "ran"}
    assert state.log("update_cache") == "{'latest': 2}\n"
    assert json.loads(state.read("cache.json")) == {"latest": 3}
    assert (state.path / "cache.json").read_bytes() in state.cached()


def test_a_state_that_only_the_cache_has_is_given_to_the_next_run(state, outcomes):
    (state.path / "cache.json").unlink()
    state.write("new_data.csv", "x\n1\n")
    assert outcomes(state.repro()) == {"update_cache": "ran"}
    assert state.log("update_cache") == "{'latest': 2}\n"


def test_a_failing_run_leaves_the_state_as_it_was(state, outcomes):
    state.edit("pipeline.py", "return len(data)", "return 1 / 0")
    assert outcomes(state.repro()) == {"update_cache": "failed"}
    assert json.loads(state.read("cache.json")) == {"latest": 2}


@pytest.mark.parametrize(
    ("loader", "kind", "first"),
    [("JSON", "dict", "{}"), ("CSV", "DataFrame", "DataFrame()"), ("Text", "str", "''")],
)
def test_the_first_value_is_the_loaders_own(folder, loader: str, kind: str, first: str):
    word = f"Annotated[{kind}, pivot.IncrementalOut('state', pivot.loaders.{loader}())]"
    body = f"    assert type(state) is {kind} and len(state) == 0\n    return {first}\n"
    folder.write("pipeline.py", f"{PAGE}@pivot.stage\ndef work(state: {word}) -> {word}:\n{body}")
    assert folder.repro().ok


# Folders


READERS = """
def both(
    results: Annotated[dict, pivot.Dep("metrics/tasks/", pivot.loaders.YAML())],
) -> Annotated[list, pivot.Out("names.json", pivot.loaders.JSON())]:
    return sorted(results)

def first(
    a: Annotated[dict, pivot.Dep("metrics/tasks/task_a.yaml")],
) -> Annotated[float, pivot.Metric("loss.json")]:
    return a["loss"]
"""


@pytest.fixture
def tasks(folder, filled):
    code = PAGE + filled("directory.py") + READERS + REGISTER
    registered = "".join(f"pipeline.register({name})\n" for name in ("process_tasks", "both", "first"))
    folder.write("pipeline.py", code + registered)
    assert folder.repro().ok
    return folder


def test_each_file_of_a_folder_is_written_and_cached(tasks):
    files = {path.name: path for path in (tasks.path / "metrics/tasks").iterdir()}
    assert {name: yaml.safe_load(path.read_text()) for name, path in files.items()} == {
        "task_a.yaml": {"accuracy": 0.95, "loss": 0.12},
        "task_b.yaml": {"accuracy": 0.87, "loss": 0.31},
    }
    assert tasks.cached() >= {path.read_bytes() for path in files.values()}


def test_stages_read_the_folder_or_one_file_in_it(tasks):
    assert json.loads(tasks.read("names.json")) == ["task_a.yaml", "task_b.yaml"]
    assert json.loads(tasks.read("loss.json")) == 0.12


def test_a_changed_file_of_a_folder_runs_only_who_reads_it(tasks, outcomes):
    tasks.edit("pipeline.py", "loss=0.31", "loss=0.41")
    assert outcomes(tasks.repro()) == {"process_tasks": "ran", "both": "ran", "first": "unchanged"}


def test_a_folder_that_is_gone_is_restored(tasks, outcomes):
    for path in (tasks.path / "metrics/tasks").iterdir():
        path.unlink()
    (tasks.path / "metrics/tasks").rmdir()
    ends = outcomes(tasks.repro())
    assert ends["process_tasks"] == "restored"
    assert "ran" not in ends.values()
    assert yaml.safe_load(tasks.read("metrics/tasks/task_b.yaml")) == {"accuracy": 0.87, "loss": 0.31}


def test_files_that_the_stage_no_longer_gives_are_gone(tasks):
    tasks.edit("pipeline.py", '"task_b.yaml"', '"task_c.yaml"')
    tasks.repro("process_tasks")
    files = sorted(path.name for path in (tasks.path / "metrics/tasks").iterdir())
    assert files == ["task_a.yaml", "task_c.yaml"]


@pytest.mark.parametrize(
    "key",
    ["/task_b.yaml", "../task_b.yaml", "", "sub//task_b.yaml", "task_b", "./task_a.yaml", "TASK_A.yaml"],
    ids=["absolute", "above", "empty", "empty name", "no extension", "twice", "only case differs"],
)
def test_a_key_that_breaks_a_rule_is_named_and_nothing_is_written(tasks, key: str):
    before = {path.name: path.read_bytes() for path in (tasks.path / "metrics/tasks").iterdir()}
    tasks.edit("pipeline.py", '"task_b.yaml"', repr(key))
    end = tasks.repro("process_tasks").stages["process_tasks"]
    assert end.outcome == "failed"
    assert repr(key) in end.reason
    assert {path.name: path.read_bytes() for path in (tasks.path / "metrics/tasks").iterdir()} == before


def test_a_folder_may_stay_out_of_the_cache(folder, outcomes):
    word = "pivot.DirectoryOut('parts/', pivot.loaders.JSON(), cache=False)"
    stage = f"@pivot.stage\ndef work() -> Annotated[dict, {word}]:\n    return {{'a.json': [1]}}\n"
    folder.write("pipeline.py", PAGE + stage)
    assert outcomes(folder.repro()) == {"work": "ran"}
    assert (folder.path / "parts/a.json").read_bytes() not in folder.cached()
    assert outcomes(folder.repro()) == {"work": "unchanged"}
