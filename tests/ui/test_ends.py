"""Stages that are stopped, and kernels that end while stages run, as a person has it with the mouse."""

import os
import signal
import time

import psutil

LOAD = """%load_ext pivot_jupyter
import os, pathlib, subprocess, time
from typing import Annotated
import pivot
from pivot.loaders import Text
def begin(name):
    program = subprocess.Popen(["sleep", "1000"])
    told = pathlib.Path(f"../{name}.new")
    told.write_text(f"{os.getpid()} {program.pid}")
    told.rename(f"../{name}.began")
    return program
"""
GATED = """%%pivot_stage
def {name}() -> Annotated[str, pivot.Out("{name}.txt", Text())]:
    program = begin("{name}")
    while not pathlib.Path("../{name}.go").exists():
        time.sleep(0.02)
    program.kill()
    return "{name}"
"""
DEAF = """%%pivot_stage
def deaf() -> Annotated[str, pivot.Out("deaf.txt", Text())]:
    import ctypes
    begin("deaf")
    ctypes.PyDLL(None).sleep(1000)  # no other thread of Python's gets its turn
    return "deaf"
"""
FIRST = '%%pivot_stage\ndef first() -> Annotated[str, pivot.Out("first.txt", Text())]:\n    return "one"'
RUN = "%pivot run"
NEVER = "will run · Never run"


def test_one_of_two_stages_that_run_is_stopped_and_the_other_one_finishes(lab):
    lab.open("pair", LOAD, GATED.format(name="left"), GATED.format(name="right"), f"{RUN} --jobs 2")
    lab.run_cells(0, 1, 2)
    lab.until("badges", ["used by left, right", NEVER, NEVER, ""])
    lab.begin_cell(3)
    left, right = began(lab, "left"), began(lab, "right")
    lab.until("boxes", {"left": "running", "right": "running"})
    lab.badge(1).click()
    lab.until("menus", [["Stop", "Run to Here", "Run", "Force", "Why", "Log", "Show Outputs"]])
    lab.picture("stop-one")
    lab.page.click(".lm-Menu >> text=Stop")
    lab.until("boxes", {"left": "cancelled", "right": "running"})
    until_gone(left)
    assert all(process.is_running() for process in right)
    (lab.root / "right.go").touch()
    lab.until("boxes", {"left": "run", "right": "cached"})
    assert (lab.root / "pair/right.txt").read_text() == "right"

    lab.page.click(".pivot-panel [data-stage=left]")
    lab.begin_cell(3)
    left = began(lab, "left")
    lab.until("boxes", {"left": "running", "right": "cached"})
    lab.picture("stop-in-the-pane")
    lab.page.click(".pivot-pane >> text=Stop")
    until_gone(left)
    lab.until("boxes", {"left": "run", "right": "cached"})

    (lab.root / "left.go").touch()
    lab.run_cell(3)
    assert "1 ran, 1 cached" in lab.outputs(3), lab.outputs(3)
    assert not (lab.root / "right.began").exists()


def test_a_kernel_that_hears_nothing_while_a_cell_runs_has_its_run_stopped_by_the_server(lab, settings):
    settings(
        "@jupyterlab/apputils-extension:kernels-settings", "commsOverSubshells", "disabled"
    )  # as in ipykernel 6
    lab.open("unheard", LOAD, GATED.format(name="unheard"), RUN)
    lab.run_cells(0, 1)
    lab.until("boxes", {"unheard": "run"})
    lab.begin_cell(2)
    processes = began(lab, "unheard")
    lab.until("boxes", {"unheard": "running"})
    with lab.page.expect_response("**/pivot/stop*") as answer:
        lab.page.click(".pivot-panel .pivot-tools >> text=Stop")
    assert answer.value.ok
    until_gone(processes)
    lab.until("boxes", {"unheard": "run"})
    assert "the run was interrupted" in lab.outputs(2)


def test_after_a_restart_and_after_a_kill_no_process_is_left_and_nothing_claimed_until_the_cells_ran_again(
    lab,
):
    lab.open("gone", LOAD, FIRST, GATED.format(name="clear"), DEAF, f"{RUN} --jobs 3", "print(os.getpid())")
    for end, hint, first in ((restart, "was restarted", "ran"), (kill, "has died", "cached")):
        lab.run_cells(0, 1, 2, 3, 5)
        kernel = psutil.Process(int(lab.outputs(5)))
        lab.begin_cell(4)
        stages = {*began(lab, "clear"), *began(lab, "deaf")}
        lab.until("boxes", {"first": first, "clear": "running", "deaf": "running"})
        family = {kernel, *kernel.children(recursive=True)}
        assert family > stages  # and the fork server, and what Python itself starts
        end(lab, kernel)
        until_gone(family)
        lab.page.wait_for_selector(f".pivot-hint >> text=The kernel {hint}")
        assert (lab.badges, lab.boxes) == ([""] * 6, {})
        lab.picture(end.__name__)
        lab.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
        )
    lab.run_cells(0, 1, 2, 3)
    lab.until("badges", ["used by first, clear, deaf", "cached", NEVER, NEVER, "", ""])
    lab.load()  # JupyterLab's dialogs about the kernel that died would stand in the way of what follows


def restart(lab, _):
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('kernelmenu:restart'); }")
    lab.page.click(".jp-Dialog .jp-mod-accept")


def kill(lab, kernel):
    os.kill(kernel.pid, signal.SIGKILL)
    lab.page.click(".jp-Dialog >> text=Ok")


def began(lab, name):
    """The process of a stage and the program that it has started."""
    told = lab.root / f"{name}.began"
    end = time.monotonic() + 60
    while not told.exists():
        assert time.monotonic() < end, f"{name} has not begun"
        time.sleep(0.02)
    numbers = told.read_text().split()
    told.unlink()
    return [psutil.Process(int(number)) for number in numbers]


def until_gone(processes):
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive
