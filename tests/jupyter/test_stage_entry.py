"""A stage as ``pivot.yaml`` says it is the same stage again."""

import pytest

from pivot.define.discover import define_file
from pivot.paths import ProjectPath
from pivot.yamlio import dump_yaml
from pivot_jupyter.entry import stage_entry

STAGES = """
import pathlib
from typing import Annotated, TypedDict
import pivot
from pivot import Dep, DirectoryOut, IncrementalOut, Metric, Out, Plot

class Outs(TypedDict):
    one: Annotated[str, Out("one.txt")]
    many: Annotated[list[str], Out(["a.txt", "b.txt"])]
    folder: Annotated[dict[str, str], DirectoryOut("folder/")]
    plot: Annotated[pathlib.Path, Plot("plot.png", x="t")]
    metric: Annotated[dict, Metric("metric.json")]
    state: Annotated[dict, IncrementalOut("state.json")]

def work(
    many: Annotated[list[str], Dep(["x.txt", "y.txt"])],
    first: Annotated[list[str], Dep(["z.txt"])],
    folder: Annotated[pathlib.Path, Dep("data/")],
    state: Annotated[dict, IncrementalOut("state.json")],
) -> Outs: ...
"""


def test_several_paths_folders_and_state_survive_the_way_through_pivot_yaml(tmp_path):
    (tmp_path / "stages.py").write_text(STAGES)
    file = tmp_path / "pivot.yaml"
    file.write_text("stages:\n  work:\n    python: stages.work\n")
    (stage,) = define_file(str(file), str(tmp_path))
    entry = stage_entry(stage, ProjectPath("."))
    assert entry == {
        "python": "stages.work",
        "deps": {"many": ["x.txt", "y.txt"], "first": ["z.txt"], "folder": "data/"},
        "outs": {"one": "one.txt", "many": ["a.txt", "b.txt"], "folder": "folder/"},
        "metrics": {"metric": "metric.json"},
        "plots": {"plot": "plot.png"},
    }
    file.write_text(dump_yaml({"stages": {"work": entry}}))
    (again,) = define_file(str(file), str(tmp_path))
    assert (again.deps, again.outs) == (stage.deps, stage.outs)


RULES = {
    "retries: 2": {"retries": 2},
    "retries: {times: 2, delay: 90s, on: [OSError]}": {
        "retries": {"times": 2, "delay": "1m30s", "on": ["OSError"]}
    },
    "timeout: 600": {"timeout": "10m"},
    "always: true": {"always": True},
    "always: false": {},
    "resources: {cpus: 2, memory: 1GiB, gpus: 0.5, tape: 1}": {
        "resources": {"cpus": 2, "gpus": 0.5, "memory": "1073741824B", "tape": 1}
    },
    "resources: {cpus: 1}": {},
}


@pytest.mark.parametrize("rules", RULES)
def test_how_a_stage_is_run_survives_it_too(tmp_path, rules):
    (tmp_path / "stages.py").write_text(STAGES)
    file = tmp_path / "pivot.yaml"
    file.write_text(f"stages:\n  work:\n    python: stages.work\n    {rules}\n")
    (stage,) = define_file(str(file), str(tmp_path))
    entry = stage_entry(stage, ProjectPath("."))
    usual = {"python", "deps", "outs", "metrics", "plots"}
    assert {name: value for name, value in entry.items() if name not in usual} == RULES[rules]
    file.write_text(dump_yaml({"stages": {"work": entry}}))
    (again,) = define_file(str(file), str(tmp_path))
    assert (again.resources, again.always, again.retries, again.timeout) == (
        stage.resources,
        stage.always,
        stage.retries,
        stage.timeout,
    )
