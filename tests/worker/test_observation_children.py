"""Forked children of a stage are its own: what they see, it saw."""

import os
import sys

import pytest

from pivot.model.digest import digest_bytes
from pivot.model.observation import ABSENT, environment_state, folder_state

DIGEST = digest_bytes(b"{}")
HEAD = """
import multiprocessing, os, pathlib
def in_child(function, *given):
    with multiprocessing.get_context("fork").Pool(1) as pool: return pool.apply(function, given)
def read(name): return pathlib.Path(name).read_text()
def write(name): pathlib.Path(name).write_text("x")
def deeper(name):
    if os.fork() == 0:
        read(name)
        os._exit(0)
    os.wait()
def leaves_nothing_open(name):
    os.closerange(3, 256)
    for number in range(40): os.open("/dev/null", os.O_RDONLY)
    open("config.json").read()
"""


def files_seen(project, body: str) -> dict[str, str]:
    return project.files(project.observe(f"{HEAD}\ndef run():\n    {body}\n"))


@pytest.fixture(autouse=True)
def _config(project):
    project.write("config.json", "{}")
    project.write("data/a.csv", "")


SEEN = {
    "a file": ("in_child(read, 'config.json')", {"config.json": DIGEST}),
    "a folder": ("in_child(os.listdir, 'data')", {"data": folder_state(["a.csv"])}),
    "an absent file": ("in_child(os.path.exists, 'gone')", {"gone": ABSENT}),
    "of a grandchild": ("in_child(deeper, 'config.json')", {"config.json": DIGEST}),
    "what it wrote itself": ("in_child(write, 'new'); in_child(read, 'new')", {}),
    "what it wrote for its parent": ("in_child(write, 'new'); read('new')", {}),
    "what its parent wrote for it": ("write('new'); in_child(read, 'new')", {}),
    "read before its parent changes it": (
        "in_child(read, 'config.json'); write('config.json')",
        {"config.json": DIGEST},
    ),
}


@pytest.mark.parametrize(("body", "expected"), SEEN.values(), ids=SEEN)
def test_what_a_forked_child_does_with_files_is_seen(project, body, expected):
    assert files_seen(project, body) == expected


def test_a_child_that_closes_everything_is_let_go(project):
    body = "import os\n    if os.fork() == 0:\n        leaves_nothing_open('')\n        os._exit(0)\n    assert os.wait()[1] == 0"
    assert files_seen(project, body) == {}


def test_variables_modules_and_functions_of_a_forked_child_are_seen(project):
    helper = project.write("helper.py", "def value(): return 1")
    text = f"""{HEAD}
def ask(name):
    os.environ.get("MODE")
    try: import nowhere_to_be_found
    except ImportError: pass
    return __import__(name).value()
def run(): in_child(ask, "hel" + "per")
"""
    seen = project.observe(text, environment={"MODE": "fast"})
    assert seen.environment == {"MODE": environment_state("stage", "MODE", "fast")}
    assert seen.imported["helper"] == str(helper)
    assert seen.missing == ("nowhere_to_be_found",)
    assert seen.started_process
    assert ((str(helper), 1) in seen.code) is (sys.version_info >= (3, 12))
    assert not [name for name in os.listdir(project.folder) if name.startswith("pivot-seen")]
