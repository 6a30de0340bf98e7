"""Kills a commit of folders before each of its file operations; afterwards they are as before, or as after."""

from pathlib import Path

import pytest

from pivot.store.folders import folder_digest
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import open_layout
from pivot.store.lockfile import read_lock

SCENARIOS = """
import os
from pathlib import Path

from pivot.model.digest import digest_bytes, digest_text
from pivot.model.record import DeclaredOut, Inputs, OutputState, StageRecord
from pivot.model.stage import OutKind
from pivot.model.tree import TreeEntry, tree_digest
from pivot.store.checkout import checkout
from pivot.store.commit import begin, commit_record
from pivot.store.guard import wait_guard
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import create
from pivot.store.objects import ObjectStore

FILES = {"old": {"a": "old a", "deep/b": "same"}, "new": {"a": "new a", "c": "new c", "deep/b": "same"}}
OUTS = {"saved/": True, "own/": True, "uncached/": False}


def record(version):
    entries = tuple(sorted(TreeEntry(n, digest_text(t), len(t)) for n, t in FILES[version].items()))
    outs = tuple(DeclaredOut(p, OutKind.DIRECTORY, cache, digest_text("l")) for p, cache in OUTS.items())
    inputs = Inputs(digest_text(version), (), {}, {}, {}, outs, {})
    state = OutputState(tree_digest(entries), sum(e.size for e in entries), entries=entries)
    return StageRecord("train", inputs, dict.fromkeys(OUTS, state))


def store(root):
    layout = create(root)
    return ObjectStore(layout, StatIndex(StateDb(layout)))


def write(objects, version, previous):
    journal = begin(objects, "train", tuple(OUTS), ("own/",))
    for path in OUTS:
        folder = Path(journal.target(path) if path == "own/" else journal.staging(path))
        for name, text in FILES[version].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    return commit_record(objects, journal, record(version), previous)


def commit(root):
    objects = store(root)
    write(objects, "old", None)
    guard = wait_guard(objects.layout, "train")  # held until death

    def act(held=guard):
        write(objects, "new", record("old"))
    return act


def restore(root):
    objects = store(root)
    OUTS["uncached/"] = True
    write(objects, "new", None)
    write(objects, "old", record("new"))
    return lambda: checkout(objects, record("new"), record("old"))
"""

FOLDERS = ("saved/", "own/", "uncached/")


@pytest.mark.parametrize("scenario", ["commit", "restore"])
@pytest.mark.timeout(600)
def test_a_kill_before_any_step_leaves_the_old_folders_or_the_new_ones(child, settle, tmp_path, scenario):
    whole = child(tmp_path / "whole", scenario, 0)
    assert whole.code == 0, whole.err
    assert state(tmp_path / "whole") == "new"
    steps = whole.steps
    assert steps > 20
    seen = []
    for last in range(1, steps + 1):
        root = tmp_path / str(last)
        assert child(root, scenario, last).killed
        settle(root)
        seen.append(state(root))
        names = [p for p in root.rglob("*") if p.name.startswith(".pivot-") or p.parent.name == "journal"]
        assert names == [], f"killed before step {last}"
    turn = seen.index("new")
    assert seen == ["old"] * turn + ["new"] * (steps - turn)
    assert turn > 0


def state(root: Path) -> str:
    """``old`` or ``new``, if lock and all folders say so."""
    layout = open_layout(str(root))
    lock, problem = read_lock(layout, "train")
    assert (problem, lock is None) == ("", False)
    db = StateDb(layout)
    try:
        found = {path: folder_digest(StatIndex(db), str(root / path)) for path in FOLDERS}
    finally:
        db.close()
    assert found == {path: output.digest for path, output in lock.outputs.items()}
    return (root / "own" / "a").read_text()[:3]
