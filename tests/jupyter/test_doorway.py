"""`%load_ext` gives the prompt back at once; what it promises is there when somebody asks for it."""

import subprocess
import sys

import pytest

from pivot_jupyter.doorway import can_wait

STAGE = """%%pivot_stage
def clean() -> str:
    return "done"
"""


class Loop:
    """The event loop of a kernel, which comes to its callbacks when told to."""

    def __init__(self):
        self.waiting = []

    def call_later(self, _seconds, act):
        self.waiting.append(act)

    def be_idle(self):
        while self.waiting:
            self.waiting.pop(0)()


class Kernel:
    """As much of a kernel as the extension asks for."""

    def __init__(self):
        self.io_loop = Loop()

    def do_shutdown(self, restart):
        return restart


@pytest.fixture
def bare(kernel_place, monkeypatch):
    """A shell in which nothing is loaded yet."""
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.chdir(kernel_place)
    made = InteractiveShell()
    made.history_manager.enabled = False
    yield made
    made.run_line_magic("unload_ext", "pivot_jupyter")
    made.history_manager.end_session()
    made.reset(new_session=False)


def run(shell, *texts):
    for text in texts:
        assert shell.run_cell(text, store_history=True).success, text


def is_there(shell):
    return hasattr(shell, "_pivot_extension")


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("", True),
        ("%load_ext pivot_jupyter", True),
        ("# Pivot\n%load_ext pivot_jupyter\n\nimport os\nfrom pathlib import Path\n%autoreload 2\n", True),
        ("%load_ext pivot_jupyter\nFACTOR = 3", False),
        ("%load_ext pivot_jupyter\n%pivot status", False),
        ("%load_ext pivot_jupyter\n%cd elsewhere", False),
        ("%%time\n%load_ext pivot_jupyter", False),
        ("if True:\n    %load_ext pivot_jupyter", False),
    ],
)
def test_a_cell_can_wait_that_only_loads_and_imports(cell, answer):
    assert can_wait(cell) is answer


def test_in_an_idle_kernel_it_comes_after_the_cell_that_loads_it_has_answered(bare):
    bare.kernel = Kernel()
    run(bare, "%load_ext pivot_jupyter")
    assert not is_there(bare)
    bare.kernel.io_loop.be_idle()
    assert is_there(bare)


def test_what_a_loop_comes_to_after_the_extension_was_unloaded_is_nothing(bare):
    bare.kernel = Kernel()
    run(bare, "%load_ext pivot_jupyter\n# nothing else")
    bare.run_line_magic("unload_ext", "pivot_jupyter")
    bare.kernel.io_loop.be_idle()
    assert not is_there(bare)
    run(bare, "print(1)")
    bare.run_line_magic("load_ext", "pivot_jupyter")


@pytest.mark.parametrize("idle", [True, False], ids=["a pause after it", "Run All"])
def test_what_cells_up_to_the_one_that_loads_it_define_counts(bare, idle):
    bare.kernel = Kernel()
    run(bare, "FACTOR = 3", "%load_ext pivot_jupyter\nimport math")
    if idle:
        bare.kernel.io_loop.be_idle()
    run(bare, "%%pivot_stage\ndef three() -> float:\n    return math.floor(FACTOR)\n")
    code = bare._pivot_extension.session.code("three")
    assert "import math" in code
    assert "FACTOR = 3" in code


def test_code_that_calls_a_magic_before_there_was_a_cell_gets_the_real_one(bare):
    bare.run_line_magic("load_ext", "pivot_jupyter")
    bare.run_cell_magic("pivot_stage", "", STAGE.partition("\n")[2])
    assert bare._pivot_extension.session.stage_names == ("clean",)


def test_a_shell_that_ran_a_stage_ends_without_complaint(kernel_place):
    code = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("%load_ext pivot_jupyter")
shell.run_cell({STAGE.replace("stage", "stage --run", 1)!r})
"""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=kernel_place,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "1 ran" in ended.stdout
    assert "Traceback" not in ended.stderr
