import os

import pytest

from pivot.errors import StoreError
from pivot.store.flush import Flusher


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def flushed(tmp_path):
    """Paths flushed so far, as the interpreter's audit events tell."""
    import sys

    paths: list[str] = []
    active = [True]

    def hook(event, args):
        if active and event == "pivot.fsync" and str(args[0]).startswith(str(tmp_path)):
            paths.append(args[0])

    sys.addaudithook(hook)
    yield paths
    active.clear()


def test_the_first_is_flushed_at_once_and_what_follows_within_half_a_second_waits(tmp_path, flushed):
    files = [str(tmp_path / name) for name in "abcde"]
    for file in files:
        open(file, "w").close()
    clock = Clock()
    flusher = Flusher(clock)
    flusher.add(files[:1])
    flusher.wait()
    assert flushed == files[:1]
    clock.now += 0.1
    flusher.add(files[1:3])
    flusher.wait()
    assert flushed == files[:1]
    clock.now += 0.5
    flusher.add(files[3:4])
    flusher.wait()
    assert sorted(flushed) == files[:4]
    flusher.add(files[4:])
    flusher.flush()
    assert sorted(flushed) == files


def test_a_file_that_is_gone_need_not_be_flushed_and_a_folder_can_be(tmp_path, flushed):
    flusher = Flusher(Clock())
    flusher.add([str(tmp_path / "gone"), str(tmp_path)])
    flusher.wait()
    assert flushed == [str(tmp_path)]


def test_a_file_that_cannot_be_flushed_is_named(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    flusher = Flusher(Clock())
    flusher.add([str(loop)])
    with pytest.raises(StoreError, match="loop"):
        flusher.wait()
    flusher.wait()  # told once


def test_nobody_waits_for_the_disk_before_the_end(tmp_path, flushed):
    """Stands for a disk that takes its time: a pipe, which cannot be opened before somebody writes to it."""
    slow, others = tmp_path / "slow", [str(tmp_path / name) for name in "abc"]
    os.mkfifo(slow)
    for file in others:
        open(file, "w").close()
    clock = Clock()
    flusher = Flusher(clock)
    flusher.add([str(slow)])
    clock.now += 1
    flusher.add(others)
    assert flushed == []
    os.close(os.open(slow, os.O_WRONLY))
    flusher.flush()
    assert flushed[0] == str(slow)
    assert sorted(flushed[1:]) == others
