import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pivot.errors import StoreError
from pivot.store.guard import holder, try_guard, wait_guard

HOLD = """
import sys
from pivot.store.guard import wait_guard
from pivot.store.layout import open_layout
with wait_guard(open_layout(sys.argv[1]), "train"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(project):
    """Another process that holds the guard of ``train``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_guard_held_by_another_process_is_not_given_and_its_holder_is_named(project, other):
    assert try_guard(project.layout, "train") is None
    assert holder(project.layout, "train") == f"process {other.pid}"
    with try_guard(project.layout, "evaluate") as guard:
        assert guard is not None


def test_a_guard_is_free_when_its_holder_is_killed(project, other):
    other.send_signal(signal.SIGKILL)
    with wait_guard(project.layout, "train"):
        assert holder(project.layout, "train") == "this process"


def test_two_runs_in_one_process_exclude_each_other(project):
    with wait_guard(project.layout, "train"):
        assert try_guard(project.layout, "train") is None
    guard = try_guard(project.layout, "train")
    assert guard is not None
    guard.release()


def test_one_who_waits_gets_the_guard_when_it_is_released(project):
    turns = []
    first = wait_guard(project.layout, "train")

    def second() -> None:
        with wait_guard(project.layout, "train"):
            turns.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    turns.append("first")
    first.release()
    thread.join()
    assert turns == ["first", "second"]


def test_nobody_is_named_where_nothing_is_known(project):
    assert holder(project.layout, "train") == "another process"


def test_a_guard_that_cannot_be_made_is_an_error_with_the_way_out(project):
    Path(project.layout.folder, "locks").write_text("in the way")
    with pytest.raises(StoreError, match="cannot write") as caught:
        try_guard(project.layout, "train")
    assert caught.value.hint
