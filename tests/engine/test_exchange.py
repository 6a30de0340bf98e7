"""Folders on their way: a tree, and each of its files."""

from dataclasses import replace
from pathlib import Path

import pytest

from pivot.engine.exchange import pull, push
from pivot.model.digest import Digest, digest_bytes
from pivot.model.record import DeclaredOut, OutputState
from pivot.model.stage import OutKind
from pivot.model.tree import TreeEntry, tree_digest, tree_text
from pivot.paths import ProjectPath
from pivot.project import Project
from pivot.remote.memory import MemoryBackend
from pivot.remote.transfer import Link, object_key
from pivot.store.lockfile import write_lock
from pivot.store.runcache import write_record

CODE = """
from typing import Annotated
import pivot

def make() -> Annotated[str, pivot.Out("one.txt", pivot.loaders.Text())]:
    return "one"

def read(one: Annotated[str, pivot.Dep("shards/b.txt", pivot.loaders.Text())]
         ) -> Annotated[str, pivot.Out("two.txt", pivot.loaders.Text())]:
    return one + " two"
"""
FILES = {"a.txt": b"first", "sub/b.txt": b"second", "b.txt": b"third"}
SHARDS = ProjectPath("shards/")


class Side:
    """A project whose stage ``make`` has a result, as its lock says: a folder of files."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        (path / "stages.py").write_text(CODE)
        (path / "pivot.yaml").write_text("stages:\n  make:\n    python: stages.make\n")
        self.path = path
        self.project = Project(str(path))
        self.tree = Digest("")

    def make(self) -> None:
        """Let the folder be the stage's last result."""
        self.project.repro()
        store = self.project.store
        entries = [TreeEntry(name, digest_bytes(data), len(data)) for name, data in FILES.items()]
        self.tree = tree_digest(entries)
        for data in (*FILES.values(), tree_text(entries).encode()):
            (self.path / "file").write_bytes(data)
            store.objects.add_file(str(self.path / "file"))
        record = store.lock("make")
        assert record is not None
        out = DeclaredOut(SHARDS, OutKind.DIRECTORY, True, record.inputs.outs[0].loader)
        record = replace(
            record,
            inputs=replace(record.inputs, outs=(out,)),
            outputs={SHARDS: OutputState(self.tree, 16, entries=tuple(entries))},
        )
        write_lock(store.layout, record)
        write_record(store.layout, record)

    def link(self, remote: MemoryBackend) -> Link:
        return Link(self.project.store.objects, remote)

    def push(self, remote: MemoryBackend):
        return push(self.project.store, self.project.graph().stages, self.link(remote))

    def pull(self, remote: MemoryBackend):
        self.project.store.create()
        return pull(self.project.store, self.project._observer(), self.project.graph(), self.link(remote))


@pytest.fixture
def sides(tmp_path: Path):
    """Mine, with the result; a clone, with the lock only."""
    mine, clone = Side(tmp_path / "mine"), Side(tmp_path / "clone")
    mine.make()
    clone.project.store.create()
    locks = tmp_path / "clone/.pivot/stages"
    locks.mkdir()
    (locks / "make.lock").write_bytes((tmp_path / "mine/.pivot/stages/make.lock").read_bytes())
    yield mine, clone
    mine.project.close()
    clone.project.close()


def objects_of(remote: MemoryBackend) -> set[str]:
    return {key for key in remote.content if key.startswith("files/")}


def keys(side: Side) -> set[str]:
    return {object_key(digest_bytes(data)) for data in FILES.values()} | {object_key(side.tree)}


def test_a_folder_travels_as_its_tree_and_its_files(sides) -> None:
    mine, clone = sides
    remote = MemoryBackend()
    sent = mine.push(remote)
    assert (sent.ok, sent.transferred.moved, sent.unknown) == (True, 5, ())
    assert objects_of(remote) == keys(mine)
    got = clone.pull(remote)
    assert (got.ok, got.transferred.moved) == (True, 5)
    cache = clone.project.store.objects
    assert all(cache.verify(digest_bytes(data)) for data in FILES.values())
    assert cache.verify(mine.tree)


def test_a_folder_of_which_a_file_is_lost_is_not_pushed_as_if_it_were_whole(sides) -> None:
    mine, _ = sides
    lost = digest_bytes(b"second")
    Path(mine.project.store.layout.object_file(lost)).unlink()
    remote = MemoryBackend()
    sent = mine.push(remote)
    assert [failure.label for failure in sent.transferred.failed] == ["stage 'make': shards/sub/b.txt"]
    assert objects_of(remote) == keys(mine) - {object_key(lost), object_key(mine.tree)}
    assert not [key for key in remote.content if key.startswith("runs/")]


@pytest.mark.parametrize("gone", ["tree", "file"])
def test_what_the_remote_lacks_of_a_folder_is_named(sides, gone: str) -> None:
    mine, clone = sides
    remote = MemoryBackend()
    mine.push(remote)
    del remote.content[object_key(mine.tree if gone == "tree" else digest_bytes(b"third"))]
    failed = clone.pull(remote).transferred.failed
    assert [failure.label for failure in failed] == [
        f"stage 'make': shards/{'' if gone == 'tree' else 'b.txt'}"
    ]


def test_a_dep_on_a_file_of_a_folder_is_known_before_the_folder_is_there(sides) -> None:
    mine, clone = sides
    remote = MemoryBackend()
    mine.push(remote)
    record = mine.project.store.lock("make")
    # `read` ran where the folder lay in place; its lock did not travel
    (clone.path / "pivot.yaml").write_text(
        "stages:\n  make:\n    python: stages.make\n  read:\n    python: stages.read\n"
    )
    (mine.path / "pivot.yaml").write_text("stages:\n  read:\n    python: stages.read\n")
    (mine.path / "shards").mkdir()
    (mine.path / "shards/b.txt").write_bytes(FILES["b.txt"])
    assert mine.project.repro(["read"]).executed == ("read",)
    assert record is not None
    mine.push(remote)
    got = clone.pull(remote)
    assert (got.ok, got.unknown) == (True, ())
    assert clone.project.store.available(digest_bytes(b"third two"))
