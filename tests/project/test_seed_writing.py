"""The page on outputs, its part on how they are written: each step, and where we differ on purpose."""

import json

import pytest

from pivot.project import Project

FIVE = """\
from typing import Annotated, TypedDict
import pivot
from pivot.loaders import JSON

class Five(TypedDict):
    a: Annotated[object, pivot.Out("out/a.json", JSON())]
    b: Annotated[object, pivot.Out("out/b.json", JSON(), cache=False)]
    c: Annotated[object, pivot.Out("out/deep/c.json", JSON())]
    d: Annotated[object, pivot.Metric("d.json")]
    e: Annotated[object, pivot.Plot("e.json", JSON())]

VALUES = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}

@pivot.stage
def work() -> Five:
    return VALUES
"""
FILES = ("out/a.json", "out/b.json", "out/deep/c.json", "d.json", "e.json")


@pytest.fixture
def five(folder):
    folder.write("pipeline.py", FIVE)
    return folder


def contents(folder) -> list[str]:
    return [folder.read(name).strip() for name in FILES if (folder.path / name).exists()]


def test_folders_are_made_and_every_file_is_written(five):
    assert five.repro().ok
    assert contents(five) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ('{"a": 1, "b": 2, "d": 4, "e": 5}', "'c'"),
        ('{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}', "'f'"),
        ("[1, 2, 3, 4, 5]", "list"),
    ],
    ids=["a key is missing", "a key too many", "no dict"],
)
def test_all_keys_are_checked_before_anything_is_written(five, values: str, named: str):
    five.edit("pipeline.py", '{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}', values)
    end = five.repro().stages["work"]
    assert end.outcome == "failed"
    assert named in end.reason
    assert contents(five) == []


def test_when_the_third_of_five_fails_none_is_written(five):
    five.edit("pipeline.py", '"c": 3', '"c": {1, 2}')
    assert five.repro().stages["work"].outcome == "failed"
    assert contents(five) == []


def test_when_the_third_of_five_fails_the_five_of_before_stay(five, outcomes):
    assert five.repro().ok
    five.edit("pipeline.py", '"a": 1, "b": 2, "c": 3', '"a": 10, "b": 20, "c": {1, 2}')
    end = five.repro().stages["work"]
    assert end.outcome == "failed"
    assert "'c'" in end.reason
    assert contents(five) == ["1", "2", "3", "4", "5"]
    five.edit("pipeline.py", '"a": 10, "b": 20, "c": {1, 2}', '"a": 1, "b": 2, "c": 3')
    assert outcomes(five.repro()) == {"work": "unchanged"}


def test_paths_are_relative_to_the_project_wherever_the_command_is_called(five):
    (five.path / "notes").mkdir()
    with Project(str(five.path / "notes")) as project:
        assert project.repro().ok
    assert contents(five) == ["1", "2", "3", "4", "5"]


def test_the_lock_file_holds_the_hashes_of_what_was_written(five):
    five.repro()
    lock = json.loads(five.read(".pivot/stages/work.lock"))
    assert sorted(lock["outputs"]) == sorted(FILES)
    paths = five.path.glob(".pivot/cache/files/*/*")
    objects = {path.parent.name + path.name: path.read_bytes() for path in paths}
    for name in ("out/a.json", "out/deep/c.json", "e.json"):
        assert objects[lock["outputs"][name]["digest"]] == (five.path / name).read_bytes()


SHARDS = """\
from typing import Annotated, TypedDict
import pivot
from pivot.loaders import JSON

class ShardOutputs(TypedDict):
    shards: Annotated[list[dict], pivot.Out(["shard_a.json", "shard_b.json"], JSON())]

@pivot.stage
def split() -> ShardOutputs:
    return {"shards": [{"a": 1}, {"b": 2}]}

@pivot.stage
def one(a: Annotated[dict, pivot.Dep("shard_a.json", JSON())]) -> Annotated[int, pivot.Out("one.json", JSON())]:
    return len(a)

@pivot.stage
def both(
    shards: Annotated[list, pivot.Dep(["shard_a.json", "shard_b.json"], JSON())],
) -> Annotated[list, pivot.Metric("both.json")]:
    return [list(shard) for shard in shards]
"""


def test_each_file_of_several_is_tracked_and_cached_on_its_own(folder, outcomes):
    folder.write("pipeline.py", SHARDS)
    assert folder.repro().ok
    before = folder.cached()
    folder.edit("pipeline.py", '{"b": 2}', '{"b": 2, "c": 3}')
    assert outcomes(folder.repro()) == {"split": "ran", "one": "unchanged", "both": "ran"}
    assert folder.cached() - before == {(folder.path / "shard_b.json").read_bytes()}
    assert json.loads(folder.read("both.json")) == [["a"], ["b", "c"]]
