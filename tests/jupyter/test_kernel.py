"""The notebook in a real kernel, run from top to bottom as Run All does."""

import subprocess
import sys
import time

import nbformat
import psutil
import pytest

IMPORTS = """
from typing import Annotated, TypedDict
import pandas as pd
from pivot import loaders, outputs
"""
HELPER = "def double(x):\n    return x * FACTOR"
CONSTANT = "FACTOR = 2"
CLEAN = """%%pivot_stage
def clean(raw: Annotated[pd.DataFrame, outputs.Dep("raw.csv", loaders.CSV())]) -> Annotated[pd.DataFrame, outputs.Out("clean.csv", loaders.CSV())]:
    print("cleaning")
    return double(raw)
"""
TOTAL = """%%pivot_stage
def total(data: Annotated[pd.DataFrame, outputs.Dep("clean.csv", loaders.CSV())]) -> Annotated[dict, outputs.Metric("total.json")]:
    return {"sum": int(data["a"].sum())}
"""
ALL = (HELPER, CONSTANT, IMPORTS, CLEAN, TOTAL)


@pytest.fixture
def raw(kernel_place):
    (kernel_place / "raw.csv").write_text("a,b\n1,2\n3,4\n")
    return kernel_place


def executed(text):
    """The stages whose function ran, as the cell of ``%pivot run`` tells."""
    return [line.split()[-1] for line in text.splitlines() if line.startswith("✓ ran")]


def pivot(folder, *words):
    done = subprocess.run(
        [sys.executable, "-m", "pivot", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_an_edited_helper_runs_what_reaches_it_and_nothing_else_does(raw, run_all):
    ran = run_all(
        *ALL, "%pivot run", "%pivot load total", "# a word\ndef double(x):\n    return (x * FACTOR)", "def unused(): pass",
        "%pivot run", "FACTOR = 3", "%pivot run", "%pivot load total",
    )  # fmt: skip
    assert ran.error == ""
    assert executed(ran.text(5)) == ["clean", "total"]
    assert "{'sum': 8}" in ran.text(6)
    assert executed(ran.text(9)) == []
    assert executed(ran.text(11)) == ["clean", "total"]
    assert "{'sum': 12}" in ran.text(12)


def test_restart_reorder_and_export_run_nothing(raw, run_all):
    first = run_all(*ALL, "%pivot run")
    assert executed(first.text(5)) == ["clean", "total"]
    again = run_all(IMPORTS, CONSTANT, HELPER, CLEAN, TOTAL, "%pivot run")
    assert executed(again.text(5)) == []
    assert "clean: raw.csv → clean.csv  ● cached" in first.text(3)
    assert first.texts[3:5] == again.texts[3:5]
    assert (
        executed(run_all(IMPORTS, CLEAN, TOTAL, CONSTANT, HELPER, "%pivot run", "%pivot export").text(5))
        == []
    )
    code, told = pivot(raw, "repro")
    assert code == 0, told
    assert "0 stages run" in told
    text = (raw / "notebook_stages.py").read_text()
    (raw / "notebook_stages.py").write_text(text.replace('"sum": int', '"sum": 1 + int'))
    code, told = pivot(raw, "repro")
    assert "1 stage run" in told
    ran = run_all(*ALL, "%pivot export --check")
    assert "not as the notebook says: notebook_stages.py" in ran.error


def test_export_without_a_kernel_writes_the_same_files(raw, run_all, tmp_path):
    run_all(*ALL, "%pivot export")
    live = [(raw / name).read_text() for name in ("notebook_stages.py", "pivot.yaml")]
    notebook = nbformat.read(tmp_path / "own" / "run.ipynb", as_version=4)
    nbformat.write(notebook, raw / "n.ipynb")
    for name in ("notebook_stages.py", "pivot.yaml"):
        (raw / name).unlink()
    notebook.cells.append(nbformat.v4.new_code_cell("%pivot module other_stages"))
    nbformat.write(notebook, raw / "n2.ipynb")
    code, told = pivot(raw, "notebook", "export", "n.ipynb", "--module", "notebook_stages")
    assert code == 0, told
    assert (
        "stage 'clean' belongs to notebook_stages.clean already"
        in pivot(raw, "notebook", "export", "n2.ipynb")[1]
    )
    assert [(raw / name).read_text() for name in ("notebook_stages.py", "pivot.yaml")] == live
    assert pivot(raw, "notebook", "export", "n.ipynb", "--module", "notebook_stages", "--check")[0] == 0


MAKE = """%%pivot_stage
def make() -> Annotated[object, outputs.Out("point.pkl", loaders.Pickle())]:
    assert Point(1).__class__ is Point
    return Point(3)
"""
USE = """%%pivot_stage
def use(point: Annotated[object, outputs.Dep("point.pkl", loaders.Pickle())]) -> Annotated[dict, outputs.Metric("use.json")]:
    assert isinstance(point, Point)
    return {"x": point.x}
"""
POINT = "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int"


def test_a_dataclass_goes_through_two_stages_and_is_one_class(kernel_place, run_all):
    ran = run_all(
        IMPORTS, POINT, MAKE, USE, "%pivot run", "isinstance(__import__('pivot_jupyter').load('make'), Point)",
        "make() == Point(3)", "%pivot export", "import pickle; pickle.load(open('point.pkl', 'rb')).__class__.__module__",
    )  # fmt: skip
    assert ran.error == ""
    assert ran.text(5) == "make: point.pkl, from the workspace\n\nTrue"
    assert (ran.text(6), ran.text(8)) == ("True", "'notebook_stages'")
    fresh = subprocess.run(
        [sys.executable, "-c", "import pickle; print(pickle.load(open('point.pkl', 'rb')).x)"],
        cwd=kernel_place, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert fresh.stdout == "3\n"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ((*ALL, "%pivot run --wrong", "print('gone on')"), "unknown option --wrong"),
        ((*ALL, CLEAN + "!ls", "print('gone on')"), "`!ls` works in a notebook only"),
        (
            (*ALL, TOTAL.replace("int(", "no_such("), "%pivot run", "print('gone on')"),
            "nothing defines 'no_such'",
        ),
    ],
)
def test_wrong_input_stops_run_all_with_one_line(raw, run_all, cells, told):
    ran = run_all(*cells)
    assert ran.error.startswith("PivotRunError: ")
    assert told in ran.error
    assert "gone on" not in "".join(ran.texts)


def test_a_failing_stage_stops_run_all_and_shows_cell_and_line(raw, run_all):
    ran = run_all(
        *ALL,
        TOTAL.replace("return", "print('so far')\n    raise ValueError('bad')\n    return"),
        "%pivot run",
    )
    assert ran.error.startswith("PivotRunError: stage 'total' failed: ValueError: bad")
    assert "Cell In[7], line 4" in ran.text(6)
    assert "so far" in ran.text(6)


def test_the_notebook_works_without_widgets(raw, run_all):
    ran = run_all("import sys; sys.modules['ipywidgets'] = None", *ALL, "%pivot run", "%pivot dag")
    assert ran.error == ""
    assert executed(ran.text(6)) == ["clean", "total"]


def test_the_record_is_the_same_each_time_and_names_no_machine(raw, run_all):
    ended = run_all(*ALL, "%pivot run").cells[-1].outputs
    # the record came before the lines, and is the last one
    assert ended[0].output_type == "display_data"
    assert {output.output_type for output in ended[1:]} == {"stream"}
    assert ended[0].data["text/plain"].endswith("2 stages: 2 ran")
    assert executed("".join(output.text for output in ended[1:])) == ["clean", "total"]
    first, second = (run_all(*ALL, "%pivot run", "%pivot dag").cells for _ in range(2))
    assert [cell.outputs for cell in first] == [cell.outputs for cell in second]
    assert str(raw) not in str(first)
    assert "data:image/svg+xml;base64," in str(first[-1].outputs)


KILLED = """
import asyncio, pathlib, sys, warnings
from jupyter_client.manager import KernelManager
warnings.simplefilter("ignore")
manager = KernelManager()
manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
manager.start_kernel()
client = manager.blocking_client()
client.start_channels()
client.wait_for_ready(timeout=60)
pathlib.Path("kernel_pid").write_text(str(manager.provisioner.pid))
for cell in CELLS:
    client.execute(cell)
sys.stdin.read()
"""


def test_a_kernel_killed_by_kill_9_while_a_stage_runs_leaves_no_process(raw, tmp_path):
    sleep = (
        "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60); print("
    )
    cells = ["%load_ext pivot_jupyter", *ALL[:3], CLEAN.replace("print(", sleep), "%pivot run"]
    program = tmp_path / "client.py"
    program.write_text(f"CELLS = {cells!r}\n{KILLED}")
    client = subprocess.Popen(
        [sys.executable, str(program)], cwd=raw, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        worker = int(_wait_for(lambda: next((p.read_text() for p in raw.rglob("pid")), "")))
        kernel = psutil.Process(int((raw / "kernel_pid").read_text()))
        family = [kernel, *kernel.children(recursive=True)]
        assert worker in [process.pid for process in family]
        kernel.kill()
        assert _wait_for(lambda: not any(_lives(process) for process in family), seconds=5)
    finally:
        client.kill()
        client.communicate()


def _lives(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait_for(answer, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = answer()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError
