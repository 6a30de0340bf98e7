"""What the notebook promises and one cell after the other cannot show: many edits, no browser, nobody there."""

import contextlib
import json
import os
import queue
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from pivot_jupyter.protocol import PROTOCOL

LOAD = """%load_ext pivot_jupyter
import dataclasses
from typing import Annotated
import pivot
import pivot_jupyter
from pivot.loaders import JSON, Pickle, Text
"""
HIDDEN = ("ipywidgets", "anywidget", "jupyterlab", "jupyter_server", "notebook", "nbclient", "nbconvert")
SECONDS = 60  # for what takes one on a quiet machine


class Kernel:
    """A real kernel, and one client after the other; none says which cell it executes.

    Args:
        folder: where it starts.
        own: for files that are Jupyter's.
        hidden: modules that it cannot import.
    """

    def __init__(self, folder: Path, own: Path, hidden: tuple[str, ...] = ()) -> None:
        self._file, _ = write_connection_file(str(own / "kernel.json"))
        start = "from ipykernel import kernelapp; kernelapp.launch_new_instance()"
        start = f"import sys; sys.modules.update(dict.fromkeys({hidden!r})); {start}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", start, "-f", self._file],
            cwd=folder,
            env={**os.environ, "JPY_PARENT_PID": str(os.getpid())},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.attach()

    def attach(self) -> None:
        """A new client comes."""
        self._client = BlockingKernelClient(connection_file=self._file)
        self._client.load_connection_file()
        self._client.start_channels(
            hb=False
        )  # on a busy machine a heart that is late is taken for a dead one
        while True:  # until what the kernel tells all comes here, too
            self._client.kernel_info(reply=True, timeout=SECONDS)
            with contextlib.suppress(queue.Empty):
                self._client.get_iopub_msg(timeout=0.1)
                return

    def say(self, kind: str, **content: object) -> None:
        """Sends a message as a browser does, and waits for nothing."""
        self._client.shell_channel.send(self._client.session.msg(kind, content))

    def leave(self) -> None:
        """The client goes; the kernel stays."""
        self._client.stop_channels()
        self._client.context.destroy()

    def end(self) -> None:
        self.leave()
        self._process.terminate()
        self._process.wait(SECONDS)

    def tell(self, *cells: str) -> str:
        """Executes cells, of which only the last may fail; what it showed, an error as ``Name: message``."""
        told: list[str] = []

        def hear(message: dict) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                told.append(content["text"])
            elif message["msg_type"] in ("execute_result", "display_data"):
                told.append(content["data"].get("text/plain", ""))
            elif message["msg_type"] == "error":
                told.append(f"{content['ename']}: {content['evalue']}")

        def answer(_: dict) -> None:
            self._client.input("q")

        def execute(cell: str) -> str:
            told.clear()
            reply = self._client.execute_interactive(
                cell, output_hook=hear, stdin_hook=answer, timeout=SECONDS
            )
            return reply["content"]["status"]

        for cell in cells[:-1]:
            assert execute(cell) == "ok", (cell, told)
        execute(cells[-1])
        return "".join(told)


@pytest.fixture
def kernel(kernel_place, tmp_path) -> Iterator[Callable[..., Kernel]]:
    kernels: list[Kernel] = []

    def start(**options: tuple[str, ...]) -> Kernel:
        kernels.append(Kernel(kernel_place, tmp_path / "own", **options))
        return kernels[-1]

    yield start
    for one in kernels:
        one.end()


def ended(folder: Path, how: str = "ran") -> list[str]:
    """The stages that ended so, in all runs, oldest first."""
    logs = sorted(folder.glob(".pivot/runs/*/events.jsonl"))
    events = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return [e["stage"] for e in events if e["event"] == "StageFinished" and e["outcome"] == how]


def fresh(folder: Path, *words: str) -> str:
    """What a new process prints."""
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def until(fact: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.02)


def stage_of_boxes(number: int, text: str) -> str:
    return (
        f"%%pivot_stage\ndef stage{number}() -> Annotated[object, pivot.Out('{number}.pkl', Pickle())]:\n"
        f"    return Box(helper{number % 3}() + LIMIT{number % 2}, {text!r})"
    )


LOAD_BOXES = """
boxes = [pivot_jupyter.load(f"stage{number}") for number in range(6)]
assert all(isinstance(box, Box) for box in boxes)
print([dataclasses.astuple(box) for box in boxes])
"""
READ_BOXES = """
import glob, json, pickle
found = []
for path in glob.glob(".pivot/cache/files/*/*"):
    with open(path, "rb") as file:
        box = pickle.load(file)
    assert type(box).__module__ == "notebook_stages"
    found.append([box.number, box.text])
print(json.dumps(sorted(found)))
"""


def test_after_a_thousand_redefinitions_no_old_code_has_run_and_every_result_loads(kernel, kernel_place):
    session, chance = kernel(), random.Random(7)
    session.tell(LOAD, "@dataclasses.dataclass(frozen=True)\nclass Box:\n    number: int\n    text: str")
    helpers, limits, texts = {}, {}, {}
    results = set()

    def redefine(what: str) -> str:
        value = chance.randrange(5)
        if what == "helper":
            number = chance.randrange(3)
            helpers[number] = value
            return f"def helper{number}():\n    return {value}"
        number = chance.randrange(2)
        limits[number] = value * 10
        return f"LIMIT{number} = {value * 10}"

    for number in range(3):
        helpers[number], limits[number % 2] = 0, 0
        session.tell(f"def helper{number}():\n    return 0\nLIMIT{number % 2} = 0")
    for number in range(6):
        texts[number] = "first"
        session.tell(stage_of_boxes(number, "first"))
    for _ in range(20):
        for _ in range(3):  # with the stage there are more than fifty definitions in a round
            session.tell("\n".join(redefine(chance.choice(["helper", "limit"])) for _ in range(17)))
        number = chance.randrange(6)
        texts[number] = chance.choice(["a", "b", "c"])
        session.tell(stage_of_boxes(number, texts[number]))
        session.tell("%pivot run")
        wanted = [(helpers[n % 3] + limits[n % 2], texts[n]) for n in range(6)]
        results.update(wanted)
        assert session.tell(LOAD_BOXES).splitlines()[-1] == repr(wanted)
    assert ended(kernel_place, "restored")  # some had come before
    session.tell("%pivot export")
    assert "0 stages run, 6 unchanged" in fresh(kernel_place, "-m", "pivot", "repro")
    assert {tuple(box) for box in json.loads(fresh(kernel_place, "-c", READ_BOXES))} == results


HELPER = "def double(text):\n    return text * FACTOR"
FACTOR = "FACTOR = 2"
FIRST = (
    "%%pivot_stage\ndef first(raw: Annotated[str, pivot.Dep('raw.txt', Text())]"
    ") -> Annotated[str, pivot.Out('first.txt', Text())]:\n    return double(raw)"
)
SECOND = (
    "%%pivot_stage\ndef second(text: Annotated[str, pivot.Dep('first.txt', Text())]"
    ") -> Annotated[dict, pivot.Metric('second.json')]:\n    return {'length': len(text)}"
)


def test_neither_order_nor_ids_of_cells_count_and_a_descendant_runs_if_its_inputs_changed(
    kernel, kernel_place, run_all
):
    (kernel_place / "raw.txt").write_text("abc")
    without_ids = kernel()
    without_ids.tell(LOAD, SECOND, FIRST, HELPER, FACTOR, "%pivot run")
    assert ended(kernel_place) == ["first", "second"]
    same = HELPER.replace("text * FACTOR", "''.join([text] * FACTOR)")
    without_ids.tell(same, "%pivot run")
    assert ended(kernel_place)[2:] == ["first"]
    without_ids.tell("FACTOR = 3", "%pivot run", "%pivot export")
    assert ended(kernel_place)[3:] == ["first", "second"]
    ran = run_all(LOAD, same, "FACTOR = 3", FIRST, SECOND, "%pivot run")  # with ids, in another order
    assert ran.error == ""
    assert "2 cached" in ran.text(5)
    assert "0 stages run, 2 unchanged" in fresh(kernel_place, "-m", "pivot", "repro")
    assert len(ended(kernel_place)) == 5
    module = kernel_place / "notebook_stages.py"
    module.write_text(module.read_text().replace("len(text)", "len(text) + 1"))
    fresh(kernel_place, "-m", "pivot", "repro")
    assert ended(kernel_place)[5:] == ["second"]
    assert "not as the notebook says: notebook_stages.py" in without_ids.tell("%pivot export --check")


LOUD = """%%pivot_stage
def loud() -> Annotated[str, pivot.Out("loud.txt", Text())]:
    import ctypes, logging, sys, warnings
    from tqdm import tqdm
    meet("loud")
    print("printed by loud")
    print("told to stderr", file=sys.stderr)
    logging.getLogger("mine").warning("logged by loud")
    for _ in tqdm(range(3), desc="counted by loud"):
        pass
    libc = ctypes.CDLL(None)
    libc.puts(b"written by C")
    libc.fflush(None)
    warnings.warn("warned by loud")
    raise ValueError("broken by loud")
"""
CALM = """%%pivot_stage
def calm() -> Annotated[str, pivot.Out("calm.txt", Text())]:
    meet("calm")
    print("printed by calm")
    return "calm"
"""
MEET = """
import pathlib, time
def meet(name):
    pathlib.Path(f"../{name}.here").touch()
    while not pathlib.Path("../go").exists():
        time.sleep(0.01)
"""


HELLO = {"request": 1, "protocol": PROTOCOL, "version": "any"}


def test_what_stages_write_while_nobody_is_there_is_found_under_each_and_one_is_stopped(kernel, kernel_place):
    session = kernel()
    stuck = CALM.replace("calm", "stuck")
    session.tell(LOAD, MEET, LOUD, CALM, stuck, "%pivot run --bg --keep-going --jobs 3")
    until(lambda: all((kernel_place / f"../{name}.here").exists() for name in ("loud", "calm", "stuck")))
    session.say("comm_open", target_name="pivot", comm_id="page", data={"kind": "Hello", **HELLO})
    (run,) = (entry.name for entry in (kernel_place / ".pivot/runs").iterdir() if entry.name[0] != ".")
    stop = {"kind": "Stop", "request": 2, "run": run, "stages": ["stuck"]}
    session.say("comm_msg", comm_id="page", data=stop)
    until(lambda: ended(kernel_place, "cancelled") == ["stuck"])
    session.leave()
    (kernel_place / "../go").touch()
    logs = kernel_place / ".pivot/runs"
    until(lambda: any('"RunFinished"' in log.read_text() for log in logs.glob("*/events.jsonl")))
    session.attach()
    loud, calm = session.tell("%pivot log loud"), session.tell("%pivot log calm")
    for text in ("printed by loud", "told to stderr", "logged by loud", "counted by loud: 100%", "written by C",
                 "UserWarning: warned by loud", "ValueError: broken by loud", "Cell In[3], line 15"):  # fmt: skip
        assert text in loud
    assert calm == "printed by calm\n"
    assert (kernel_place / "calm.txt").read_text() == "calm"


CLOSURE = """%%pivot_stage
def outer(k):
    def inner(raw: Annotated[str, pivot.Dep('raw.txt', Text())]):
        return k
    return inner
closed = outer(3)
"""
WRONG = {
    "%pivot run --forse": "unknown option --forse: did you mean --force?",
    "%pivot run frist": "no stage or out is called 'frist': did you mean 'first'?",
    FIRST.replace("raw.txt", "second.json"): "stage 'second' depends on itself: 'first' reads 'second.json'",
    FIRST + "\n!ls": "line 4: `!ls` works in a notebook only",
    FIRST.replace("double", "doble"): "line 3: nothing defines 'doble', which",
    CLOSURE: "Could not pickle the task to send it to the workers: inner captures 'k' from outer (Cell In[",
}
"""Cell → what its error, or that of a run after it, says."""
ARGUMENTS = {
    **dict.fromkeys(("fingerprint", "load", "log", "code", "debug", "forget"), "first"),
    "diff": "last",
}


def test_without_widgets_and_lab_all_words_work_and_a_wrong_one_is_one_line(kernel, kernel_place):
    (kernel_place / "raw.txt").write_text("abc")
    session = kernel(hidden=HIDDEN)
    session.tell(LOAD, HELPER, FACTOR, FIRST, SECOND, "%pivot run")
    assert ended(kernel_place) == ["first", "second"]
    assert session.tell("import ipywidgets").startswith("ModuleNotFoundError")
    words = session.tell("from pivot_jupyter.words import SUBCOMMANDS\nprint(*SUBCOMMANDS)").split()
    for word in sorted(words, key="forget".__eq__):
        told = session.tell(f"%pivot {word} {ARGUMENTS.get(word, '')}")
        assert "Error: " not in told, (word, told)
    for cell, message in WRONG.items():
        told = session.tell(FIRST, SECOND, cell)
        if "Error: " not in told:
            told = session.tell("%pivot run")
        assert message in told.splitlines()[-1]
        assert told.splitlines()[-1].startswith("PivotRunError: "), (cell, told)
