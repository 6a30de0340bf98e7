"""Kills commits whose outputs become links, and collections, before each of their file operations."""

import os
from pathlib import Path

import pytest

from pivot.model.digest import digest_bytes
from pivot.store.collection import needed, now, sweep
from pivot.store.commit import recover
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import open_layout
from pivot.store.lockfile import read_locks
from pivot.store.objects import ObjectStore
from pivot.store.runcache import read_records

SCENARIOS = """
from pathlib import Path

from pivot.model.digest import digest_bytes, digest_text
from pivot.model.record import DeclaredOut, Inputs, OutputState, StageRecord
from pivot.model.stage import OutKind
from pivot.model.tree import TreeEntry, tree_digest
from pivot.store.collection import needed, now, sweep
from pivot.store.commit import begin, commit_record
from pivot.store.index import StateDb, StatIndex
from pivot.store.layout import create
from pivot.store.objects import ObjectStore

WRITTEN = "b.bin"


def record(version):
    kinds = {"a.bin": OutKind.OUT, WRITTEN: OutKind.OUT, "d/": OutKind.DIRECTORY}
    outs = tuple(DeclaredOut(p, kind, True, digest_text("l")) for p, kind in kinds.items())
    inputs = Inputs(digest_text(version), (), {}, {}, {}, outs, {})
    outputs = {}
    for path in ("a.bin", WRITTEN):
        data = (version + path).encode()
        outputs[path] = OutputState(digest_bytes(data), len(data))
    entries = tuple(TreeEntry(n, digest_bytes((version + n).encode()), len(version + n)) for n in ("x", "y"))
    outputs["d/"] = OutputState(tree_digest(entries), sum(e.size for e in entries), entries=entries)
    return StageRecord("train", inputs, outputs)


def store(root, mode):
    layout = create(root)
    return ObjectStore(layout, StatIndex(StateDb(layout)), mode=mode)


def write(objects, version, previous):
    journal = begin(objects, "train", ("a.bin", WRITTEN, "d/"), (WRITTEN,))
    places = {"a.bin": journal.staging("a.bin"), WRITTEN: journal.target(WRITTEN)}
    places |= {name: journal.staging("d/") + "/" + name for name in ("x", "y")}
    for name, place in places.items():
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_bytes((version + name).encode())
    return commit_record(objects, journal, record(version), previous)


def commit(root, mode):
    objects = store(root, mode)
    write(objects, "old", None)
    return lambda: write(objects, "new", record("old"))


def hardlink(root):
    return commit(root, "hardlink")


def symlink(root):
    return commit(root, "symlink")


def collection(root):
    objects = store(root, "copy")
    for version in ("one", "two", "old"):
        write(objects, version, None)
    layout = objects.layout
    return lambda: sweep(layout, needed(layout, [record("old")]), before=now(layout) + 1, dry_run=False)
"""


def opened(root: Path) -> ObjectStore:
    layout = open_layout(str(root))
    return ObjectStore(layout, StatIndex(StateDb(layout)))


def read_version(root: Path) -> str:
    found = {
        (root / name).read_text().removesuffix(name.removeprefix("d/"))
        for name in ("a.bin", "b.bin", "d/x", "d/y")
    }
    (version,) = found
    return version


def assert_sound(objects: ObjectStore) -> None:
    for file in Path(objects.layout.objects).glob("*/*"):
        assert digest_bytes(file.read_bytes()) == file.parent.name + file.name


@pytest.mark.parametrize("mode", ["hardlink", "symlink"])
@pytest.mark.timeout(600)
def test_a_kill_while_outputs_become_links_leaves_the_old_state_or_the_new_one(child, tmp_path, mode: str):
    whole = child(tmp_path / "whole", mode, 0)
    assert whole.code == 0, whole.err
    steps = whole.steps
    assert read_version(tmp_path / "whole") == "new"
    assert (tmp_path / "whole/a.bin").is_symlink() == (mode == "symlink")
    assert os.stat(tmp_path / "whole/d/x").st_nlink == (2 if mode == "hardlink" else 1)
    seen = []
    for last in range(1, steps + 1):
        root = tmp_path / str(last)
        killed = child(root, mode, last)
        assert killed.killed, killed.err
        objects = opened(root)
        recover(objects)
        seen.append(read_version(root))
        (lock,) = read_locks(objects.layout)[0]
        assert lock.outputs["a.bin"].digest == digest_bytes((root / "a.bin").read_bytes())
        assert not [p for p in root.rglob("*") if p.name.startswith(".pivot-") or p.parent.name == "journal"]
        assert_sound(objects)
    turn = seen.index("new")
    assert seen == ["old"] * turn + ["new"] * (steps - turn)
    assert turn > 0


@pytest.mark.timeout(600)
def test_a_collection_that_is_killed_leaves_all_that_is_needed_and_can_be_done_again(child, tmp_path):
    whole = child(tmp_path / "whole", "collection", 0)
    assert whole.code == 0, whole.err
    steps = whole.steps
    assert steps > 10
    for last in range(1, steps + 1):
        root = tmp_path / str(last)
        killed = child(root, "collection", last)
        assert killed.killed, killed.err
        objects = opened(root)
        (lock,) = read_locks(objects.layout)[0]
        must = needed(objects.layout, [lock])
        assert len(must.objects) == 5
        assert all(map(objects.verify, must.objects)), f"killed before step {last}"
        assert len(read_records(objects.layout, "train", lock.inputs.declared_key)) == 1
        sweep(objects.layout, must, before=now(objects.layout) + 1, dry_run=False)
        assert len(list(Path(objects.layout.objects).glob("*/*"))) == 5
