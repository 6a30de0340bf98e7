"""A run as it is seen while it goes on: the record in the cell, the log of a stage, its end."""

import os
import signal

LOAD = "%load_ext pivot_jupyter\nfrom typing import Annotated\nimport pivot\nfrom pivot.loaders import Text"
SLOW = (
    "%%pivot_stage\n"
    'def slow() -> Annotated[str, pivot.Out("slow.txt", Text())]:\n'
    "    import os, signal, time\n"
    "    gone = []\n"
    "    signal.signal(signal.SIGUSR1, lambda *_: gone.append(True))\n"
    "    print(f'pid {os.getpid()}', flush=True)\n"
    "    for step in pivot.progress(range(4)):\n"
    "        while not gone:\n"
    "            time.sleep(0.02)\n"
    "        gone.clear()\n"
    "        print(f'\\x1b[32mstep {step}\\x1b[0m done', flush=True)\n"
    '    return "done"'
)
NEXT = (
    "%%pivot_stage\n"
    'def after(text: Annotated[str, pivot.Dep("slow.txt", Text())]) -> Annotated[str, pivot.Out("after.txt", Text())]:\n'
    "    return text.upper()"
)
OUTPUT = ".jp-OutputArea-output.pivot-output"


def test_a_run_is_watched_in_its_cell_and_its_log_in_the_pane(lab):
    lab.open("live", LOAD, "import os, signal", SLOW, NEXT, "%pivot run")
    for index in range(4):
        lab.run_cell(index)
    lab.until("boxes", {"slow": "run", "after": "run"})
    lab.page.click(".pivot-panel [data-stage=slow]")
    lab.begin_cell(4)
    lab.page.wait_for_selector(f"{OUTPUT} [data-stage=slow][data-state=running]")
    lab.until("boxes", {"slow": "running", "after": "queued"})
    log = lab.page.wait_for_selector(".pivot-pane [data-part=log] >> text=pid")
    stage = int(log.inner_text().split()[-1])
    for step in range(2):
        os.kill(stage, signal.SIGUSR1)
        lab.page.wait_for_selector(f".pivot-pane [data-part=log] >> text=step {step} done")
    lab.page.wait_for_selector(".pivot-pane .ansi-green-fg >> text=step 1")
    lab.page.wait_for_function("() => document.querySelector('.pivot-panel .pivot-bar').style.width !== '0%'")
    lab.picture("live-running")
    for step in range(2, 4):
        os.kill(stage, signal.SIGUSR1)
        lab.page.wait_for_selector(f".pivot-pane [data-part=log] >> text=step {step} done")
    lab.until("boxes", {"slow": "cached", "after": "cached"})
    assert "2 stages: 2 ran" in lab.outputs(4)  # as it is saved
    lab.page.wait_for_selector(".pivot-pane >> text=Last runs")
    lab.picture("live-ended")
    lab.command("apputils:change-theme", theme="JupyterLab Dark")
    lab.picture("live-dark")
    lab.command("apputils:change-theme", theme="JupyterLab Light")


def test_a_kernel_of_another_version_is_told_as_that(lab):
    lab.open("version", "import pivot_jupyter.desk\npivot_jupyter.desk.PROTOCOL = 99", LOAD, NEXT)
    lab.run_all()
    lab.page.wait_for_selector(".pivot-hint >> text=another version of Pivot")
    assert lab.badges == ["", "", ""]
