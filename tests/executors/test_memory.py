"""What the kernel says of processes that it killed for want of memory, and what Pivot makes of it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pivot.executors.memory import KillCount, is_named
from pivot.executors.slot import death

V2 = {"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/memory.events": "low 0\noom 3\noom_kill 2\n"}
V1 = {
    "proc/self/cgroup": "4:cpu:/\n3:cpuset,memory:/job\n0::/\n",
    "sys/fs/cgroup/memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n",
}
CONTAINER = {"proc/self/cgroup": "0::/host/only\n", "sys/fs/cgroup/memory.events": "oom_kill 1\n"}
OLD = {"proc/self/cgroup": "3:memory:/\n", "sys/fs/cgroup/memory/memory.oom_control": "under_oom 0\n"}


@pytest.mark.parametrize(
    ("files", "count"), [(V2, 2), (V1, 5), (CONTAINER, 1), (OLD, None), ({}, None)], ids=range(5)
)
def test_the_count_is_read_where_this_kernel_has_it(tmp_path: Path, files: dict[str, str], count: int | None):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    kills = KillCount(str(tmp_path))
    assert kills.read() == count
    kills.close()


LOG = """\
6,1,1000000,-;Out of memory: Killed process 42 (python3) total-vm:1kB
 SUBSYSTEM=memory
6,2,2000000,-;a line of something else; Killed process 44
3,3,9000000,-;Memory cgroup out of memory: Killed process 43 (python3) total-vm:1kB
"""


@pytest.mark.parametrize(
    ("pid", "since", "named"), [(43, 8.0, True), (42, 8.0, False), (42, 0.5, True), (44, 0, False)]
)
def test_the_log_tells_of_a_process_and_not_of_an_older_one_of_that_number(tmp_path, pid, since, named):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kmsg").write_text(LOG)
    assert is_named(pid, since, str(tmp_path)) is named


def test_without_a_log_nobody_is_named(tmp_path):
    assert not is_named(1, 0, str(tmp_path))


def test_a_killed_worker_says_out_of_memory_only_if_the_kernel_does():
    assert death(-9, starved=True).message == "worker was killed by the kernel: out of memory"
    assert "may have" in death(-9).message
    assert death(-15).message == "worker was killed by SIGTERM"


PROGRAM = """
import os, sys
open(os.path.join(sys.argv[1], "cgroup.procs"), "w").write(str(os.getpid()))
from pivot.executors.slot import Slot, WorkerDied
from pivot.executors.processes import Server
server = Server({}, ["pivot.executors.preload"])
slot = Slot(server)
try:
    slot.submit(bytearray, 1 << 30)
    print(slot.result()[:1])
except WorkerDied as death:
    print(death.failure.message)
slot.discard()
server.close()
"""


def remove_emptied(group: Path) -> None:
    """The fork server and its tracker end by themselves just after the program does: only then can it go."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def test_a_worker_that_takes_more_than_its_cgroup_has_dies_with_that_message(tmp_path):
    group = Path(f"/sys/fs/cgroup/memory/pivot-test-{os.getpid()}")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(300 << 20))
    except OSError:
        pytest.skip("no cgroup can be made here")
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, group], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    finally:
        remove_emptied(group)
    assert done.stdout.strip() == "worker was killed by the kernel: out of memory", done.stderr
