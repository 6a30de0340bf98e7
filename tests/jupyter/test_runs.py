"""Runs in real kernels that are interrupted, stopped, restarted, shut down and killed: nothing is left, all goes on."""

import os
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zmq
from jupyter_client.manager import KernelManager

LOAD = "%load_ext pivot_jupyter\nimport os, signal, time\nfrom typing import Annotated\nimport pivot\nfrom pivot.loaders import Text"
GATED = """%%pivot_stage
def slow(raw: Annotated[str, pivot.Dep("raw.txt", Text())]) -> Annotated[str, pivot.Out("slow.txt", Text())]:
    gone = []
    signal.signal(signal.SIGUSR1, lambda *_: gone.append(True))
    with open("pid.new", "w") as file:
        file.write(str(os.getpid()))
    os.replace("pid.new", "pid")
    while not gone:
        time.sleep(0.02)
    return raw * 2
"""
LAST = """%%pivot_stage
def last(text: Annotated[str, pivot.Dep("slow.txt", Text())]) -> Annotated[str, pivot.Out("last.txt", Text())]:
    return text.upper()
"""
CELLS = (LOAD, GATED, LAST)
TELL_STACKS = "import faulthandler as _f, signal as _s; _f.register(_s.SIGUSR2, open('stacks', 'w'))"


class Kernel:
    """A kernel and a client of it."""

    def __init__(self, folder, mark):
        self.folder, self.mark = folder, mark
        self.context = zmq.Context()
        self.manager = KernelManager(context=self.context)
        self.manager.kernel_spec.argv = [
            sys.executable,
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
        ]
        self.manager.start_kernel(cwd=str(folder), env={**os.environ, "PIVOT_TEST_MARK": mark})
        self.connect()

    def connect(self):
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.client.execute(TELL_STACKS, silent=True)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.context.destroy(linger=0)

    def restart(self):
        self.client.stop_channels()
        self.manager.restart_kernel(now=False)
        self.connect()

    def do(self, *cells):
        """What the last of these cells shows, or its error."""
        told = ""
        for cell in cells:
            told = self.told_of(self.client.execute(cell))
        return told

    def begin(self, cell):
        """Executes a cell that runs the slow stage; waits until that is at work."""
        (self.folder / "pid").unlink(missing_ok=True)
        asked = self.client.execute(cell)
        until(lambda: (self.folder / "pid").exists())
        return asked

    @property
    def stage(self):
        """The process of the slow stage."""
        return int((self.folder / "pid").read_text())

    def told_of(self, asked):
        """What a cell shows, once it is done."""
        told = []
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=120)
            except queue.Empty:
                raise AssertionError(f"the kernel is silent, after {told}: {self.stacks()}") from None
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if content.get("execution_state") == "idle":
                return "\n".join(told)
            told.append(
                content.get("text") or content.get("evalue") or content.get("data", {}).get("text/plain", "")
            )

    def stacks(self):
        """Where the kernel's threads stand, also if they wait for each other."""
        file = self.folder / "stacks"
        os.kill(self.manager.provisioner.pid, signal.SIGUSR2)
        until(lambda: "most recent call first" in file.read_text())
        return file.read_text()


@pytest.fixture
def kernel(kernel_place):
    (kernel_place / "raw.txt").write_text("abc")
    made = Kernel(kernel_place, f"run-{os.getpid()}-{kernel_place.parent.name}")
    yield made
    made.close()
    until(lambda: not processes(made.mark))


def processes(mark):
    """The processes that come of a kernel, by id, with their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it is gone, or another person's
    return found


def servers(kernel):
    """The fork servers of a kernel: its own children, which workers are not."""
    own = Path(f"/proc/{kernel.manager.provisioner.pid}/task")
    children = {int(pid) for thread in own.iterdir() for pid in (thread / "children").read_text().split()}
    return [pid for pid, name in processes(kernel.mark).items() if pid in children and "forkserver" in name]


def until(answer):
    """Waits until something is so."""
    end = time.monotonic() + 60
    while not answer():
        assert time.monotonic() < end
        time.sleep(0.02)


def alone(kernel):
    """Waits until no process of a run is left, which takes two seconds on a machine that has time for us.

    The resource tracker is Python's own, one for the kernel's whole life.
    """
    own = kernel.manager.provisioner.pid
    until(
        lambda: (
            not [
                name
                for pid, name in processes(kernel.mark).items()
                if pid != own and "resource_tracker" not in name
            ]
        )
    )


def completed(kernel, *options):
    """The next run works, and makes what plain Python makes of the inputs."""
    asked = kernel.begin(" ".join(["%pivot run", *options]))
    os.kill(kernel.stage, signal.SIGUSR1)
    told = kernel.told_of(asked)
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("✓ ran")] == ["slow", "last"]
    assert (kernel.folder / "last.txt").read_bytes() == ("abc" * 2).upper().encode()


def pivot(folder, *words):
    command = [sys.executable, "-m", "pivot", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_run_that_is_interrupted_stopped_or_loses_a_worker_ends_and_the_next_one_works(kernel):
    kernel.do(*CELLS)
    asked = kernel.begin("%pivot run")
    kernel.manager.interrupt_kernel()
    assert "the run was interrupted: %pivot run goes on where it stopped" in kernel.told_of(asked)
    alone(kernel)
    completed(kernel)

    asked = kernel.begin("%pivot run --force")
    assert "asked to stop" in pivot(kernel.folder, "stop")
    assert "the run was interrupted" in kernel.told_of(asked)
    alone(kernel)

    asked = kernel.begin("%pivot run --force")
    os.kill(kernel.stage, signal.SIGKILL)
    told = kernel.told_of(asked)
    assert "stage 'slow' failed" in told
    assert "SIGKILL" in told
    completed(kernel, "--force")


def test_a_run_in_the_background_outlives_an_interrupt_and_ends_with_its_kernel(kernel):
    kernel.do(*CELLS)
    kernel.told_of(kernel.begin("%pivot run --bg"))
    asked = kernel.client.execute("open('asleep', 'w').close(); time.sleep(60)")
    until(lambda: (kernel.folder / "asleep").exists())
    kernel.manager.interrupt_kernel()
    kernel.told_of(asked)
    assert "a run is under way already" in kernel.do("%pivot run --bg")
    os.kill(kernel.stage, signal.SIGUSR1)
    until(lambda: (kernel.folder / "last.txt").exists())
    until(lambda: "0 of 2 stages will run" in kernel.do("%pivot status"))
    assert "'ABCABC'" in kernel.do("%pivot load last")
    warm = servers(kernel)
    completed(kernel, "--force")
    assert servers(kernel) == warm
    assert len(warm) == 1

    kernel.told_of(kernel.begin("%pivot run --bg --force"))
    kernel.restart()
    alone(kernel)
    assert "cancelled" in pivot(kernel.folder, "history", "-n", "1")
    kernel.do(*CELLS)
    assert "0 of 2 stages will run" in kernel.do("%pivot status")


def test_a_kernel_that_is_restarted_or_killed_while_a_cell_runs_stages_leaves_nothing(kernel):
    kernel.do(*CELLS)
    kernel.begin("%pivot run")
    kernel.restart()
    alone(kernel)
    kernel.do(*CELLS)
    kernel.begin("%pivot run")
    os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
    alone(kernel)
    kernel.restart()
    kernel.do(*CELLS)
    completed(kernel)
