"""Code that is edited again and again: a spare worker waits for it."""

import json
import time

import psutil

from pivot.executors.forkserver import ForkserverExecutor
from pivot.model.task import Success

WHO = """
    import json, os, sys
    def run():
        return {{"edit": {edit}, "pid": os.getpid(), "path": sys.path}}
"""


def told_by(pool, tasks, edit):
    result = pool.submit(tasks.task(WHO.format(edit=edit))).result(60)
    assert isinstance(result, Success), result
    return json.loads((tasks.folder / ".staging" / "output.json").read_text())


def below_us():
    """The processes below this one that are alive, by their ids."""
    family = psutil.Process().children(recursive=True)
    return {process.pid for process in family if process.status() != psutil.STATUS_ZOMBIE}


def test_code_that_is_edited_again_finds_a_worker_waiting_and_none_is_left(tasks):
    before = below_us()
    with ForkserverExecutor(1) as pool:
        pids = [told_by(pool, tasks, edit)["pid"] for edit in (1, 2)]
        waiting = below_us() - before - set(pids)
        third = told_by(pool, tasks, 3)
        assert third["edit"] == 3
        assert third["pid"] in waiting
        pids += [third["pid"], *(told_by(pool, tasks, edit)["pid"] for edit in (4, 5))]
        assert len(set(pids)) == 5
        assert below_us().isdisjoint(pids[:3])
        waiting = below_us() - before
    workers = {
        pid for pid in waiting & below_us() if "resource_tracker" not in str(psutil.Process(pid).cmdline())
    }
    assert workers == set()


def test_a_worker_that_waits_is_not_used_once_libraries_lie_elsewhere(tasks, tmp_path, monkeypatch):
    with ForkserverExecutor(1) as pool:
        told_by(pool, tasks, 1)
        told_by(pool, tasks, 2)
        monkeypatch.syspath_prepend(str(tmp_path / "more"))
        assert str(tmp_path / "more") in told_by(pool, tasks, 3)["path"]


def test_a_worker_that_died_while_it_waited_is_not_missed(tasks):
    before = below_us()
    with ForkserverExecutor(1) as pool:
        known = {told_by(pool, tasks, edit)["pid"] for edit in (1, 2)}
        (server,) = {psutil.Process(pid).ppid() for pid in known if psutil.pid_exists(pid)}
        for process in psutil.Process(server).children():
            if process.pid not in before | known:
                process.kill()
                while psutil.pid_exists(process.pid):  # the fork server takes note of its end
                    time.sleep(0.005)
        assert told_by(pool, tasks, 3)["edit"] == 3
