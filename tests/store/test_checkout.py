import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from pivot.model.digest import digest_bytes
from pivot.store.checkout import checkout
from pivot.store.lockfile import read_lock
from pivot.store.objects import MissingObjectError
from pivot.store.runcache import read_record


@pytest.fixture
def two(project, record):
    """Two results of one stage, the newer one in place."""
    old = record({"d/a": b"old", "b": b"same"}, uncached={"m.json": b"1"})
    new = record({"d/a": b"new", "b": b"same"}, code="v2", uncached={"m.json": b"2"})
    project.run(old, {"d/a": b"old", "b": b"same", "m.json": b"1"})
    project.run(new, {"d/a": b"new", "b": b"same", "m.json": b"2"}, old)
    return old, new


def test_an_earlier_result_comes_back_whole(project, two):
    old, new = two
    untouched = (project.path / "b").stat().st_ino
    assert checkout(project.objects, old, new) == ()
    assert (project.read("d/a"), project.read("b"), project.read("m.json")) == (b"old", b"same", b"1")
    assert (project.path / "b").stat().st_ino == untouched
    lock, _ = read_lock(project.layout, "train")
    assert lock is not None
    assert lock.inputs == old.inputs
    assert project.leftovers() == []


def test_a_lock_alone_brings_back_what_was_deleted(project, two):
    lock, _ = read_lock(project.layout, "train")
    for name in ("d/a", "b", "m.json"):
        (project.path / name).unlink()
    (project.path / "d").rmdir()
    assert lock is not None
    checkout(project.objects, lock, lock)
    assert (project.read("d/a"), project.read("b"), project.read("m.json")) == (b"new", b"same", b"2")
    assert read_record(project.layout, "train", lock.inputs) == two[1], "the run cache keeps its contents"


def test_a_file_edited_by_hand_is_kept_and_reported(project, two):
    old, new = two
    project.write("m.json", b"my own")
    (notice,) = checkout(project.objects, old, new)
    assert "'m.json'" in notice
    assert project.objects.has(digest_bytes(b"my own"))
    assert project.read("m.json") == b"1"


def test_a_copy_that_rotted_unseen_is_no_reason_to_let_a_persons_file_go(project, two):
    place = Path(project.layout.object_file(project.objects.add_bytes(b"my own")))
    stat = place.stat()
    place.chmod(0o644)
    place.write_bytes(b"by own")
    os.utime(place, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    project.write("m.json", b"my own")
    checkout(project.objects, *two)
    assert place.read_bytes() == b"my own"


def test_a_result_of_another_branch_is_in_the_cache_and_no_news(project, two):
    old, new = two
    unrelated = replace(new, outputs={})
    assert checkout(project.objects, replace(old, outputs={"d/a": old.outputs["d/a"]}), unrelated) == ()


def test_a_missing_object_changes_nothing(project, two):
    old, new = two
    os.unlink(project.layout.object_file(digest_bytes(b"old")))
    with pytest.raises(MissingObjectError, match="stage 'train': 'd/a' cannot be restored"):
        checkout(project.objects, old, new)
    assert (project.read("d/a"), project.read("m.json")) == (b"new", b"2")
    assert project.leftovers() == []


def test_a_damaged_object_changes_nothing_and_is_put_aside(project, two):
    old, new = two
    path = Path(project.layout.object_file(digest_bytes(b"old")))
    path.chmod(0o644)
    path.write_bytes(b"bad")
    with pytest.raises(MissingObjectError, match="'d/a'"):
        checkout(project.objects, old, new)
    assert project.read("d/a") == b"new"
    assert not path.exists()


def test_an_uncached_output_whose_bytes_nobody_kept_cannot_be_restored(project, two):
    old, new = two
    os.unlink(project.layout.record_file("train", old.inputs.declared_key, old.inputs.observed.digest))
    lock = replace(old, outputs={p: replace(state, content=None) for p, state in old.outputs.items()})
    with pytest.raises(MissingObjectError, match=r"'m\.json'"):
        checkout(project.objects, lock, new)
    assert project.read("d/a") == b"new"


def test_an_object_that_is_gone_is_made_from_the_file_in_place(project, two):
    new = two[1]
    os.unlink(project.layout.object_file(digest_bytes(b"new")))
    checkout(project.objects, new, new)
    assert project.objects.has(digest_bytes(b"new"))


def test_an_executable_file_is_restored_executable(project, record):
    made = record({"run.sh": b"#!/bin/sh\n"})
    made = replace(made, outputs={p: replace(state, executable=True) for p, state in made.outputs.items()})
    project.run(made, {"run.sh": b"#!/bin/sh\n"})
    (project.path / "run.sh").chmod(0o644)
    checkout(project.objects, made, made)
    assert (project.path / "run.sh").stat().st_mode & stat.S_IXUSR
