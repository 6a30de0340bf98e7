"""Folders are listed again if they were touched, and else not."""

import os
import time

import pytest

from pivot.store.listings import Listings

LATER = 10_000_000_000
"""Nanoseconds after which a folder was not touched lately."""


@pytest.fixture
def listed(monkeypatch):
    """The folders that were listed, each as often as it was."""
    found = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: found.append(path) or real(path))
    return found


def aged(clock=lambda: time.time_ns() + LATER):
    return Listings(clock)


def test_a_folder_that_nobody_touched_is_listed_once(tmp_path, listed):
    (tmp_path / "a.py").touch()
    names = aged().names
    assert names(str(tmp_path)) == names(str(tmp_path)) == {"a.py"}
    assert listed == [str(tmp_path)]


@pytest.mark.parametrize(
    "touch",
    [
        lambda folder: (folder / "b.py").touch(),
        lambda folder: (folder / "a.py").unlink(),
        lambda folder: (folder / "a.py").rename(folder / "b.py"),
        lambda folder: (folder.rename(folder.with_name("old")), folder.mkdir()),
        lambda folder: (folder.rename(folder.with_name("old")), folder.touch()),
    ],
    ids=["added", "removed", "renamed", "replaced", "no folder any more"],
)
def test_what_changes_in_a_folder_is_seen_at_the_next_look(tmp_path, touch):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.py").touch()
    names = aged().names
    names(str(folder))
    touch(folder)
    assert names(str(folder)) == frozenset(os.listdir(folder) if folder.is_dir() else ())


def test_a_folder_that_was_touched_lately_is_listed_each_time_since_the_next_touch_may_look_the_same(
    tmp_path, listed
):
    (tmp_path / "a.py").touch()
    young = Listings(lambda: os.stat(tmp_path).st_mtime_ns + 1_000_000)
    assert young.names(str(tmp_path)) == young.names(str(tmp_path)) == {"a.py"}
    assert listed == [str(tmp_path)] * 2


def test_where_no_folder_is_there_are_no_names_until_there_is_one(tmp_path):
    names = aged().names
    assert names(str(tmp_path / "new")) == frozenset()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.py").touch()
    assert names(str(tmp_path / "new")) == {"a.py"}
