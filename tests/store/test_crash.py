"""Kills a commit before each of its file operations; afterwards everything is as before, or as after."""

import os
from pathlib import Path

import pytest

from pivot.model.digest import digest_bytes
from pivot.store.commit import recover
from pivot.store.layout import open_layout
from pivot.store.lockfile import read_lock

SCENARIOS = """
import os
from pathlib import Path

from pivot.model.digest import digest_bytes, digest_text
from pivot.model.record import DeclaredOut, Inputs, OutputState, StageRecord
from pivot.model.stage import OutKind
from pivot.store.checkout import checkout
from pivot.store.commit import begin, commit_record, recover
from pivot.store.guard import wait_guard
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import create
from pivot.store.objects import ObjectStore

OUTS = ("data/a.bin", "b.bin", "m.json")


def record(version):
    outs = tuple(DeclaredOut(p, OutKind.OUT, p != "m.json", digest_text("l")) for p in OUTS)
    inputs = Inputs(digest_text(version), (), {}, {}, {}, outs, {})
    outputs = {}
    for path in OUTS:
        data = (version + path).encode()
        outputs[path] = OutputState(digest_bytes(data), len(data), content=data if path == "m.json" else None)
    return StageRecord("train", inputs, outputs)


def store(root):
    layout = create(root)
    return ObjectStore(layout, StatIndex(StateDb(layout)))


def write(objects, version, written, previous):
    journal = begin(objects, "train", OUTS, written)
    for path in OUTS:
        place = journal.target(path) if path in written else journal.staging(path)
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_bytes((version + path).encode())
    return commit_record(objects, journal, record(version), previous)


def commit(root, written=()):
    objects = store(root)
    write(objects, "old", (), None)
    guard = wait_guard(objects.layout, "train")  # held until death

    def act(held=guard):
        write(objects, "new", written, record("old"))
    return act


def commit_of_files_the_stage_writes(root):
    return commit(root, ("data/a.bin", "b.bin"))


def first_commit(root):
    objects = store(root)
    return lambda: write(objects, "new", ("b.bin",), None)


def restore(root):
    objects = store(root)
    write(objects, "new", (), None)
    write(objects, "old", (), record("new"))
    return lambda: checkout(objects, record("new"), record("old"))


def recovery(root):
    objects = store(root)
    return lambda: recover(objects)


def first_run_in_a_folder(root):
    def act():
        write(store(root), "new", (), None)
    return act
"""

OUTS = ("data/a.bin", "b.bin", "m.json")


def state(root: Path) -> str:
    """``old``, ``new`` or ``none``, if lock and all files say so."""
    lock, problem = read_lock(open_layout(str(root)), "train")
    assert problem == ""
    files = {path: (root / path).read_bytes() for path in OUTS if (root / path).exists()}
    if lock is None:
        assert files == {}
        return "none"
    assert {path: digest_bytes(data) for path, data in files.items()} == {
        path: output.digest for path, output in lock.outputs.items()
    }
    return files["b.bin"][:3].decode()


@pytest.mark.parametrize(
    ("scenario", "before"),
    [
        ("commit", "old"),
        ("commit_of_files_the_stage_writes", "old"),
        ("first_commit", "none"),
        ("restore", "old"),
    ],
)
@pytest.mark.timeout(600)
def test_a_kill_before_any_step_leaves_the_old_state_or_the_new_one(
    child, settle, tmp_path, scenario, before
):
    whole = child(tmp_path / "whole", scenario, 0)
    assert whole.code == 0, whole.err
    steps = whole.steps
    assert steps > 20
    assert state(tmp_path / "whole") == "new"
    seen = []
    for last in range(1, steps + 1):
        root = tmp_path / str(last)
        killed = child(root, scenario, last)
        assert killed.killed, killed.err
        objects = settle(root)
        seen.append(state(root))
        names = [p for p in root.rglob("*") if p.name.startswith(".pivot-") or p.parent.name == "journal"]
        assert names == [], f"killed before step {last}"
        for file in Path(objects.layout.objects).glob("*/*"):
            assert digest_bytes(file.read_bytes()) == file.parent.name + file.name
    turn = seen.index("new")
    assert seen == [before] * turn + ["new"] * (steps - turn)
    assert turn > 0


def test_a_kill_while_the_project_is_made_leaves_one_that_can_be_made(child, settle, tmp_path):
    from pivot.store.layout import create

    steps = child(tmp_path / "whole", "first_run_in_a_folder", 0).steps
    for last in range(1, 16):
        root = tmp_path / str(last)
        assert child(root, "first_run_in_a_folder", last).killed
        create(str(root))
        settle(root)
        assert state(root) == "none"
    assert steps > 16


def test_recovery_that_is_killed_can_be_done_again(child, settle, tmp_path):
    """Undo and finish are idempotent: each kill of the recovery itself is survived too."""
    whole = child(tmp_path / "whole", "commit_of_files_the_stage_writes", 0).steps
    kills = 0
    for first in range(2, whole, 6):
        for second in (1, 3, 6):
            root = tmp_path / f"{first}-{second}"
            assert child(root, "commit_of_files_the_stage_writes", first).killed
            done = child(root, "recovery", second)
            assert done.killed or done.code == 0, done.err
            kills += done.killed
            settle(root)
            assert state(root) in ("old", "new")
    assert kills > 10


def test_recovery_leaves_a_stage_alone_whose_guard_is_held(tmp_path, project):
    from pivot.store.commit import abort, begin
    from pivot.store.guard import wait_guard

    with wait_guard(project.layout, "train"):
        project.write("b.bin", b"old")
        journal = begin(project.objects, "train", ["b.bin"], ["b.bin"])
        assert recover(project.objects) == []
        assert os.path.lexists(journal.aside("b.bin"))
        abort(project.objects, journal)
    assert project.read("b.bin") == b"old"
