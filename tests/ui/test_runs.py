"""Runs beside the cells, in JupyterLab: started, followed, stopped; what remains after a reload, a restart, a kill."""

import time
from importlib.metadata import version
from pathlib import Path

import pytest

HEARS = pytest.mark.skipif(
    version("ipykernel") < "7", reason="ipykernel 6 answers a page when the cell has ended"
)
LOAD = "%load_ext pivot_jupyter\nfrom typing import Annotated\nimport pivot\nfrom pivot.loaders import Text"
FIRST = '%%pivot_stage\ndef first() -> Annotated[str, pivot.Out("first.txt", Text())]:\n    return "one"'
SECOND = (
    "%%pivot_stage\n"
    'def second(text: Annotated[str, pivot.Dep("first.txt", Text())]) '
    '-> Annotated[str, pivot.Out("second.txt", Text())]:\n'
    "    return text"
)
SLOW = (
    "%%pivot_stage\n"
    'def slow() -> Annotated[str, pivot.Out("slow.txt", Text())]:\n'
    "    import os, pathlib, time\n"
    '    pathlib.Path("pid").write_text(str(os.getpid()))\n'
    '    print("it began", flush=True)\n'
    "    for step in pivot.progress(range(600)):\n"
    "        time.sleep(0.1)\n"
    '    return "done"'
)
MEET = """import pathlib, time
def meet(name):
    pathlib.Path(f"../{name}.here").touch()
    while not pathlib.Path(f"../{name}.go").exists():
        time.sleep(0.02)
"""
LOUD = """%%pivot_stage
def loud() -> Annotated[str, pivot.Out("loud.txt", Text())]:
    import ctypes, logging, os, warnings
    from tqdm import tqdm
    print("printed by loud")
    for _ in tqdm(range(3), desc="counted by loud"):
        pass
    logging.getLogger("mine").warning("logged by loud")
    meet("half")
    os.write(1, b"written by loud\\n")
    ctypes.CDLL(None).puts(b"put by C in loud")
    warnings.warn("warned by loud")
    meet("most")
    raise ValueError("broken by loud")
"""
CALM = """%%pivot_stage
def calm() -> Annotated[str, pivot.Out("calm.txt", Text())]:
    print("begun by calm", flush=True)
    meet("calm")
    print("ended by calm")
    return "calm"
"""
AFTER = (
    "%%pivot_stage\n"
    'def after(text: Annotated[str, pivot.Dep("loud.txt", Text())]) '
    '-> Annotated[str, pivot.Out("after.txt", Text())]:\n'
    "    return text"
)
WAIT = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)"


def test_the_panel_runs_what_has_changed_and_says_when_it_is_over(lab):
    lab.open("panel", LOAD, FIRST, SECOND)
    lab.run_all()
    lab.until("boxes", {"first": "run", "second": "run"})
    lab.page.click(".pivot-panel [data-stage=first]")
    lab.page.wait_for_selector(".pivot-panel .pivot-pane >> text=first.txt")
    lab.page.click(".pivot-panel .pivot-tools >> text=Run")
    lab.until("boxes", {"first": "ran", "second": "ran"})
    lab.page.wait_for_selector(".pivot-panel .pivot-pane >> text=one")
    assert (lab.root / "panel/second.txt").read_text() == "one"
    lab.page.wait_for_selector(".pivot-panel [role=status] >> text=2 ran", state="attached")
    lab.page.wait_for_selector(".jp-Cell:nth-of-type(2) .jp-OutputArea-output >> text=● cached")
    assert "first.txt  ● cached" in lab.outputs(1)
    lab.command("apputils:change-theme", theme="JupyterLab Dark")
    lab.page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    lab.picture("dark")


@HEARS
def test_a_kernel_that_is_busy_says_why_it_runs_nothing(lab):
    lab.open("busy", LOAD, FIRST, WAIT)
    lab.run_cells(0, 1)
    lab.until("boxes", {"first": "run"})
    lab.begin_cell(2)
    lab.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )
    lab.page.click(".pivot-panel .pivot-tools >> text=Run")
    lab.page.wait_for_selector(".pivot-panel .pivot-problem >> text=a cell is running in this kernel")
    lab.badge(1).click()
    lab.page.click(".lm-Menu >> text=Run to Here")
    lab.page.wait_for_selector(".Toastify__toast >> text=a cell is running in this kernel")
    lab.picture("busy")
    (lab.root / "busy/go").touch()
    lab.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )
    lab.page.click(".pivot-panel .pivot-tools >> text=Run")
    lab.until("boxes", {"first": "ran"})


@HEARS
def test_a_run_that_a_cell_waits_for_is_seen_again_after_a_reload_and_stopped(lab):
    lab.open("reload", LOAD, SLOW, "%pivot run", "2")
    lab.run_cells(0, 1)
    lab.begin_cell(2)
    lab.until("boxes", {"slow": "running"})
    lab.page.wait_for_function("() => document.querySelector('.pivot-panel .pivot-bar').style.width !== '0%'")
    lab.picture("running")
    lab.command("docmanager:save")
    lab.reload("reload")
    lab.until("boxes", {"slow": "running"})
    assert lab.badges[1].startswith("running")
    lab.command("pivot:show", stage="slow", part="log")
    lab.page.wait_for_selector(".pivot-panel .pivot-pane >> text=it began")
    lab.picture("reloaded")
    lab.page.click(".pivot-panel .pivot-tools >> text=Stop")
    lab.until("going", [])
    assert not (lab.root / "reload/slow.txt").exists()
    assert_gone(lab.root / "reload/pid")
    lab.run_cell(3)
    assert lab.outputs(3) == "2"


def test_a_run_in_the_background_outlives_a_closed_tab_and_a_reload(lab):
    lab.open("tab", LOAD, SLOW)
    lab.run_all()
    lab.until("boxes", {"slow": "run"})
    lab.page.click(".pivot-panel .pivot-tools >> text=Run")
    lab.until("boxes", {"slow": "running"})
    lab.command("docmanager:save")
    lab.do("panel => panel.dispose()")
    lab.until("boxes", {})
    lab.show("tab")
    lab.until("boxes", {"slow": "running"})
    lab.reload("tab")
    lab.until("boxes", {"slow": "running"})
    lab.page.click(".pivot-panel .pivot-tools >> text=Stop")
    lab.until("going", [])
    assert_gone(lab.root / "tab/pid")
    assert not (lab.root / "tab/slow.txt").exists()


def test_what_stages_write_while_the_tab_is_closed_is_found_under_each_and_one_that_fails_blocks_no_other(
    lab,
):
    lab.open("fails", LOAD, MEET, LOUD, AFTER, CALM, "%pivot run --bg --jobs 2")
    lab.run_all()
    wait_until(lambda: all((lab.root / f"{name}.here").exists() for name in ("half", "calm")))
    lab.until("boxes", {"loud": "running", "after": "queued", "calm": "running"})
    lab.page.click(".pivot-panel [data-stage=loud]")
    lab.page.wait_for_selector(".pivot-panel .pivot-pane >> text=logged by loud")
    lab.command("docmanager:save")
    lab.page.goto("about:blank")
    (lab.root / "half.go").touch()
    wait_until((lab.root / "most.here").exists)
    lab.load()
    lab.show("fails")
    lab.until("boxes", {"loud": "running", "after": "queued", "calm": "running"})
    for name in ("most", "calm"):
        (lab.root / f"{name}.go").touch()
    lab.until("boxes", {"loud": "failed", "after": "run", "calm": "cached"})
    assert (lab.root / "fails/calm.txt").read_text() == "calm"
    lab.page.wait_for_selector(".Toastify__toast >> text=stage 'loud' failed")
    lab.badge(2).click()
    lab.page.click(".lm-Menu >> text=Log")
    lab.page.wait_for_selector(".pivot-pane [data-part=traceback] >> text=ValueError: broken by loud")
    lab.page.wait_for_selector(".pivot-pane [data-part=traceback] >> text=Cell In[3], line 14")
    lab.picture("failed")
    log = lab.page.inner_text(".pivot-pane [data-part=log]")
    for text in ("printed by loud", "counted by loud: 100%", "logged by loud", "written by loud", "put by C in loud",
                 "UserWarning: warned by loud"):  # fmt: skip
        assert log.count(text) == 1, log
    assert "by calm" not in log
    lab.page.click(".pivot-panel [data-stage=calm]")
    lab.page.wait_for_selector(".pivot-pane [data-part=log] >> text=ended by calm")
    assert lab.page.inner_text(".pivot-pane [data-part=log] pre") == "begun by calm\nended by calm\n"


def test_a_notebook_that_is_opened_and_closed_leaves_nothing_behind(lab):
    lab.open("often", LOAD, FIRST, "print(len(get_ipython()._pivot_extension.desk._comms))")
    lab.run_all()
    told = ["used by first", "will run · Never run", ""]
    lab.until("badges", told)
    lab.command("docmanager:save")
    for _ in range(5):
        lab.do("panel => panel.dispose()")
        lab.show("often")
        lab.until("badges", told)
    for _ in range(5):
        lab.command("docmanager:clone")
        lab.until("badges", told)
        lab.do("panel => panel.dispose()")
    lab.show("often")
    lab.run_cell(2)
    assert lab.outputs(2) == "1\n"


def assert_gone(file: Path) -> None:
    """The process whose id a stage has written ends by itself."""
    number = file.read_text()
    wait_until(lambda: not is_alive(number))


def is_alive(number: str) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(done, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)
