"""Kills changes of the object store before each of their file operations: a name stands for the old value or the new."""

import os
from pathlib import Path

import pytest

from pivot.model.digest import digest_bytes
from pivot.model.stored import key_name
from pivot.store import named
from pivot.store.keytable import entries, keys_of
from pivot.store.layout import open_layout
from pivot.store.lockfile import read_lock

SCENARIOS = """
import os

from pivot.model.digest import digest_text
from pivot.model.record import Inputs, StageRecord
from pivot.model.stored import key_name
from pivot.store import named
from pivot.store.commit import begin, commit_record, recover
from pivot.store.guard import wait_guard
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import create
from pivot.store.objects import ObjectStore

OLD = {"a": "old", "b/c": "old", "gone": "old"}
NEW = {"a": "new", "b/c": "new", "mine": "new"}


def write(objects, version, values, previous=None):
    puts = {}
    for key, value in values.items():
        name = key_name(key)
        puts[name] = named.store_value(objects, name, value, None)
    record = StageRecord("train", Inputs(digest_text(version), (), {}, {}, {}, (), {}), {}, {}, puts)
    commit_record(objects, begin(objects, "train", ()), record, previous)
    return record


def commit(root):
    layout = create(root)
    objects = ObjectStore(layout, StatIndex(StateDb(layout)))
    os.chdir(root)
    named.put("mine", "by hand")
    old = write(objects, "old", OLD)
    guard = wait_guard(layout, "train")  # held until death

    def act(held=guard):
        write(objects, "new", NEW, old)
    return act


def recovery(root):
    layout = create(root)
    objects = ObjectStore(layout, StatIndex(StateDb(layout)))
    return lambda: recover(objects)


def put(root):
    os.chdir(root)
    named.put("x", "old")
    return lambda: named.put("x", "new")


def delete(root):
    os.chdir(root)
    named.put("x", "old")
    return lambda: named.delete("x")
"""


def values(root: Path) -> dict[str, str]:
    """All names and what they stand for, as the next command finds them."""
    before = os.getcwd()
    os.chdir(root)
    try:
        found = named.keys()
        return {key: named.get(key) for key in found}
    finally:
        os.chdir(before)


@pytest.mark.timeout(300)
def test_keys_of_a_stage_change_all_together(child, settle, tmp_path):
    steps = child(tmp_path / "whole", "commit", 0).steps
    seen = []
    for last in range(1, steps + 1):
        root = tmp_path / str(last)
        killed = child(root, "commit", last)
        assert killed.killed, killed.err
        settle(root)
        found = values(root)
        lock, _ = read_lock(open_layout(str(root)), "train")
        assert keys_of(open_layout(str(root)), "train") == lock.puts, f"killed before step {last}"
        assert found in (
            {"a": "old", "b/c": "old", "gone": "old", "mine": "by hand"},
            {"a": "new", "b/c": "new", "mine": "new"},
        ), f"killed before step {last}"
        seen.append(found["a"])
        for file in (root / ".pivot/cache/files").glob("*/*"):
            assert digest_bytes(file.read_bytes()) == file.parent.name + file.name
    turn = seen.index("new")
    assert seen == ["old"] * turn + ["new"] * (steps - turn)
    assert turn > 0


def test_a_recovery_of_keys_that_is_killed_can_be_done_again(child, settle, tmp_path):
    steps = child(tmp_path / "whole", "commit", 0).steps
    kills = 0
    for first in range(steps - 24, steps, 4):
        for second in (2, 5, 9):
            root = tmp_path / f"{first}-{second}"
            assert child(root, "commit", first).killed
            kills += child(root, "recovery", second).killed
            settle(root)
            assert set(values(root).values()) <= {"old", "by hand"} or set(values(root).values()) == {"new"}
    assert kills > 4


@pytest.mark.parametrize(("scenario", "after"), [("put", {"x": "new"}), ("delete", {})])
def test_a_name_changes_at_once(child, tmp_path, scenario, after):
    steps = child(tmp_path / "whole", scenario, 0).steps
    seen = []
    for last in range(1, steps + 1):
        root = tmp_path / str(last)
        assert child(root, scenario, last).killed
        seen.append(values(root))
        assert len(list(entries(open_layout(str(root))))) == len(seen[-1])
    turn = seen.index(after)
    assert seen == [{"x": "old"}] * turn + [after] * (steps - turn)
    assert values(tmp_path / "whole") == after
    assert key_name("x") == ":x"
