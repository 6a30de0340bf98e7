"""What the kernel answers a browser, over a comm that the test holds in its hand."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest

from pivot_jupyter.desk import Desk
from pivot_jupyter.extension import _HANDLE
from pivot_jupyter.protocol import PROTOCOL, TARGET

FIRST = """%%pivot_stage
def first(raw: Annotated[str, outputs.Dep("raw.txt", loaders.Text())]) -> Annotated[str, outputs.Out("first.txt", loaders.Text())]:
    return raw.strip()
"""
SECOND = """%%pivot_stage
def second(text: Annotated[str, outputs.Dep("first.txt", loaders.Text())]) -> Annotated[str, outputs.Out("second.txt", loaders.Text())]:
    return text.upper()
"""
GATED = """
    import os, signal, time
    gone = []
    signal.signal(signal.SIGUSR1, lambda *_: gone.append(True))
    print("\\x1b[31mbegun\\x1b[0m", flush=True)
    import warnings; warnings.warn("careful")
    for step in pivot.progress(range(2)):
        with open("pid.new", "w") as file:
            file.write(str(os.getpid()))
        os.replace("pid.new", "pid")
        while step and not gone:
            time.sleep(0.02)
    print("done")
    return"""


PATIENCE = 60


class Comm:
    """The kernel's side of a comm, and what a browser heard over it."""

    def __init__(self, name):
        self.comm_id = name
        self.told = queue.SimpleQueue()
        self.send = self.told.put

    def on_msg(self, take):
        self.take = take

    def on_close(self, closed):
        self.closed = closed


class Manager:
    """What a kernel keeps of its comms, as far as the desk uses it."""

    def __init__(self):
        self.targets = {}

    def register_target(self, name, opened):
        self.targets[name] = opened

    def unregister_target(self, name, opened):
        assert self.targets.pop(name) == opened


class Page:
    """A browser's page."""

    def __init__(self, manager, name="page", protocol=PROTOCOL):
        self.comm = Comm(name)
        self.states, self.reasons, self.last = {}, {}, {}
        self.run = ""
        hello = {"kind": "Hello", "request": 1, "protocol": protocol, "version": "0.9"}
        manager.targets[TARGET](self.comm, {"content": {"data": hello}})

    def ask(self, kind, **body):
        self.comm.take({"content": {"data": {"kind": kind, "request": 2, **body}}})

    def start(self, *targets):
        self.ask("Start", targets=list(targets), force=False, single=False)

    def stop(self):
        self.ask("Stop", run=self.run, stages=[])

    def until(self, wanted):
        """Hears what is told until something is as it should be; gives that message."""
        while True:
            try:
                message = self.comm.told.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no such thing was told: {self.states} {self.last}") from None
            self.last[message["kind"]] = message
            if message.get("run"):
                self.run = message["run"]["run"]
            for stage in message.get("stages", ()):
                self.states[stage["name"]] = stage["state"]
                self.reasons[stage["name"]] = stage["reason"]
            if wanted(self, message):
                return message

    def until_states(self, **states):
        return self.until(lambda page, _: states.items() <= page.states.items())

    def until_kind(self, kind):
        return self.until(lambda _, message: message["kind"] == kind)


@pytest.fixture
def manager():
    return Manager()


@pytest.fixture
def desk(shell, manager):
    """A desk for the shell's session; the end of each cell is told to it."""
    extension = getattr(shell, _HANDLE)
    made = Desk(extension.session, extension.turns, extension.background, "1.0", manager)
    extension.magics.commands.desk = extension.desk = made
    yield made
    extension.desk = extension.magics.commands.desk = None
    made.close()


def test_a_page_of_another_version_is_told_so_and_hears_of_nothing_else(desk, manager, ready):
    ready(FIRST)
    other, page = Page(manager, "other", protocol=PROTOCOL + 1), Page(manager)
    failed = other.until_kind("Failed")
    assert (failed["request"], failed["message"]) == (
        1,
        "JupyterLab's Pivot is version 0.9, the kernel's is 1.0",
    )
    assert "install the same version in both environments" in failed["hint"]
    page.until_states(first="run")
    assert other.comm.told.empty()


def test_what_ran_is_told_as_that_though_the_order_came_before_the_end_of_a_cell(desk, manager, ready, shell):
    ready(FIRST)
    page, extension = Page(manager), getattr(shell, _HANDLE)
    page.until_states(first="run")
    extension.before_cell(None)
    page.start()
    extension.after_cell(None)
    page.until_kind("Told")
    extension.background.wait()
    page.ask("AskDetail", stage="first")
    page.until(lambda page, _: page.states["first"] in ("ran", "cached"))
    assert page.states == {"first": "ran"}


def test_a_snapshot_says_which_protocol_the_kernel_speaks(desk, manager, ready):
    told = Page(manager).until_kind("Snapshot")
    assert (told["protocol"], told["version"], told["stages"]) == (PROTOCOL, "1.0", [])


def test_a_log_grows_in_the_page_that_looks_at_it_while_the_stage_runs(desk, manager, ready, kernel_place):
    ready(FIRST.replace("\n    return", GATED), SECOND)
    page, other = Page(manager), Page(manager, "other")
    page.until_states(first="run", second="run")
    page.ask("AskDetail", stage="first")
    assert page.until_kind("Detail")["log"] == ""
    page.start()
    assert "\x1b[31mbegun" in page.until(lambda _, m: m["kind"] == "Log" and m["log"])["log"]
    half = page.until(lambda _, m: any(s["progress"] for s in m.get("stages", ())))
    assert half["stages"][0]["progress"]["total"] == 2
    page.ask("AskDetail", stage="first")
    assert "begun" in page.until_kind("Detail")["log"]
    let_go(kernel_place)
    page.until(lambda page, _: "done" in page.last["Log"]["log"] and "Told" in page.last)
    warned = "Cell In[3], line 7: UserWarning: careful"
    assert warned in page.last["Log"]["log"]
    told = page.last["Told"]
    assert (told["severity"], told["text"]) == ("success", "The run is over: 2 ran")
    page.ask("AskDetail", stage="first")
    detail = page.until_kind("Detail")
    assert [row["value"][:3] for row in detail["durations"]] == ["ran"]
    assert warned in detail["log"]
    other.until_kind("Told")
    assert "Log" not in other.last


def test_a_failed_stage_stays_failed_until_what_it_rests_on_changes(desk, manager, ready, kernel_place):
    broken = FIRST.replace("return", "raise ValueError(raw)\n    return")
    page = Page(manager)
    ready(SECOND, broken, "%pivot run")
    page.until_states(first="failed", second="run")
    assert page.reasons["first"].startswith("ValueError: abc (Cell In[")
    page.ask("AskDetail", stage="first")
    told = page.until_kind("Detail")["traceback"]
    assert "Cell In[" in told
    assert "line 3" in told
    (kernel_place / "raw.txt").write_text("def\n")
    ready("1 + 1")
    page.until_states(first="run")
    assert page.reasons["first"].startswith("failed last time: ValueError: abc (Cell In[")
    ready(FIRST)
    page.until(lambda page, _: page.states["first"] == "run")
    ready("%pivot run")
    page.until_states(first="cached", second="cached")


def test_a_kernel_that_begins_anew_tells_how_stages_failed_last(desk, manager, ready, kernel_place, shell):
    ready(FIRST.replace("return", "print('so far')\n    raise ValueError('bad')\n    return"), "%pivot run")
    page = Page(manager)  # nobody looked when it failed
    page.until_states(first="run")
    assert page.reasons["first"].startswith("failed last time: ValueError: bad (Cell In[")
    page.ask("AskDetail", stage="first")
    detail = page.until_kind("Detail")
    assert "line 4" in detail["traceback"]
    assert "so far" in detail["log"]


def test_a_run_of_a_shell_is_followed_and_stopped(desk, manager, ready, kernel_place):
    ready(FIRST.replace("\n    return", GATED), SECOND, "%pivot export")
    page = Page(manager)
    page.until_states(first="run", second="run")
    with _repro(kernel_place) as shell:
        page.until_states(first="running", second="queued")
        page.ask("AskDetail", stage="first")
        assert "begun" in page.until(lambda _, m: "begun" in m.get("log", ""))["log"]
        page.stop()
        assert shell.wait(60) == 130
        (kernel_place / "pid").unlink()
    page.until_states(first="run", second="run")
    with _repro(kernel_place) as shell:
        let_go(kernel_place)
        assert shell.wait(60) == 0
    page.until_states(first="cached", second="cached")


def at_work(folder):
    """Waits until the stage is at work."""
    end = time.monotonic() + PATIENCE
    while not (folder / "pid").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def let_go(folder):
    """Waits until the stage is at work, and lets it end."""
    at_work(folder)
    os.kill(int((folder / "pid").read_text()), signal.SIGUSR1)


def _repro(folder):
    command = [sys.executable, "-m", "pivot", "repro"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_page_that_comes_while_a_cell_runs_can_stop_its_run(desk, manager, ready, kernel_place):
    ready(FIRST.replace("\n    return", GATED), SECOND)
    told = []
    cell = threading.Thread(target=lambda: told.append(ready("%pivot run")))
    cell.start()
    try:
        page = Page(manager)
        page.until_states(first="running")
        page.start()
        assert page.until_kind("Failed")["message"] == "a cell is running in this kernel"
    finally:
        page.stop()
        cell.join(60)
    page.until_kind("Done")
    assert "the run was interrupted" in told[0]


def test_an_order_to_stop_that_comes_late_stops_no_other_run(desk, manager, ready, kernel_place):
    ready(FIRST.replace("\n    return", GATED))
    page = Page(manager)
    assert "goes on in the background" in ready("%pivot run --bg")
    page.until_states(first="running")
    at_work(kernel_place)
    page.stop()
    page.until_kind("Told")
    (kernel_place / "pid").unlink()
    assert "goes on in the background" in ready("%pivot run --bg")
    page.stop()  # the former one: the page has not heard of another
    page.until_kind("Done")
    let_go(kernel_place)
    assert page.until_kind("Told")["text"] == "The run is over: 1 ran"


def test_a_run_in_the_background_is_that_of_its_beginning(desk, manager, ready, kernel_place):
    (kernel_place / "params.yaml").write_text("second:\n  mark: '!'\n")
    page = Page(manager)
    ready("class P(pivot.StageParams):\n    mark: str = '?'",
          FIRST.replace("\n    return", GATED),
          SECOND.replace("(text", "(params: P, text").replace("upper()", "upper() + params.mark + SUFFIX"))  # fmt: skip
    assert "goes on in the background" in ready("%pivot run --bg")
    page.until_states(first="running", second="queued")
    (kernel_place / "params.yaml").write_text("second:\n  mark: '#'\n")
    ready("SUFFIX = '?'", "class P(pivot.StageParams):\n    mark: str = '#'")
    assert "already: wait for its end, or stop it with %pivot stop" in ready("%pivot run --bg")
    assert "will run" in ready("%pivot status")
    page.until(lambda _, m: any("'?'" in c["text"] for c in m.get("cells", ())))  # cells are shown meanwhile
    let_go(kernel_place)
    assert page.until_kind("Told")["text"] == "The run is over: 2 ran"
    assert (kernel_place / "second.txt").read_text() == "ABC!!"
    page.until_states(first="cached", second="run")  # cells were run meanwhile


def test_what_is_wrong_before_a_run_in_the_background_is_told_at_once(desk, ready, kernel_place):
    ready(FIRST)
    (kernel_place / "raw.txt").unlink()
    assert "raw.txt does not exist" in ready("%pivot run --bg")
    (kernel_place / "raw.txt").write_text("x")
    assert "goes on in the background" in ready("%pivot run --bg")


def test_a_stage_that_takes_what_no_cell_defines_yet_is_shown_as_waiting_and_cannot_be_run(
    desk, manager, ready
):
    page = Page(manager)
    ready(FIRST, "%%pivot_stage --depends-on later\ndef total(values):\n    return sum(values)")
    page.until_states(first="run", total="waits")
    assert page.last["Snapshot"]["problem"] == ""
    assert (
        page.last["Snapshot"]["stages"][1]["phrase"] == "waits for stage 'later', which no cell defines yet"
    )
    page.ask("AskDetail", stage="total")
    assert page.until_kind("Detail")["outs"] == [{"name": "value of total", "value": "missing"}]
    page.start("total")
    assert page.until_kind("Failed")["message"].startswith(
        "stage 'total' depends on 'later', which is no stage"
    )
    ready("%%pivot_stage\ndef later():\n    return [1]")
    page.until_states(later="run", total="run")
