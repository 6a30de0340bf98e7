"""Which source and lock files `pivot status` reads: counted, by an audit hook on `open` in its process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = 200
STAGES = 2

COUNTING = """
import json, os, sys

root, opened = os.getcwd() + os.sep, []

def see(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if path.startswith(root) and (path.endswith(".py") or "/.pivot/stages/" in path):
            opened.append(os.path.relpath(path, root))

sys.addaudithook(see)
from pivot.cli.main import main
try:
    main()
finally:
    with open(os.environ["OPENED"], "w") as file:
        json.dump(opened, file)
"""


@pytest.fixture
def wide(folder):
    """A project of 200 modules, all of them in reach of each of its stages, that has run."""
    names = [f"part_{number:03}" for number in range(FILES)]
    for name in names:
        folder.write(f"parts/{name}.py", f"def value():\n    return len({name!r})\n")
    folder.write("parts/__init__.py", "".join(f"from parts import {name}\n" for name in names))
    calls = ", ".join(f"parts.{name}.value()" for name in names)
    stages = [
        f'def stage_{n}() -> Annotated[list, pivot.Out("{n}.json", pivot.loaders.JSON())]:\n    return [{calls}]\n'
        for n in range(STAGES)
    ]
    head = "from typing import Annotated\n\nimport parts\nimport pivot\n\n\n"
    folder.write("stages.py", head + "\n\n".join(stages))
    listed = "".join(f"  stage_{n}:\n    python: stages.stage_{n}\n" for n in range(STAGES))
    folder.write("pivot.yaml", "stages:\n" + listed)
    run = folder.repro()
    assert len(run.stages) == STAGES
    return folder


@pytest.fixture
def status(wide, tmp_path_factory):
    """Runs `pivot status`; gives its verdicts, by stage, and the project's source files that it opened; it opens each lock file once."""
    opened = tmp_path_factory.mktemp("opened") / "opened.json"

    def run() -> tuple[dict[str, str], list[str]]:
        done = subprocess.run(
            [sys.executable, "-B", "-c", COUNTING, "status", "--json"],
            cwd=wide.path,
            env={**os.environ, "OPENED": str(opened)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        verdicts = {each["name"]: each["verdict"] for each in json.loads(done.stdout)["stages"]}
        files = json.loads(opened.read_text())
        locks = [path for path in files if path.endswith(".lock")]
        assert sorted(locks) == [f".pivot/stages/stage_{n}.lock" for n in range(STAGES)]  # each once
        return verdicts, [path for path in files if path not in locks]

    return run


def test_a_status_without_edits_reads_no_source_file(status):
    status()  # what the first look learns is known to the second
    verdicts, opened = status()
    assert verdicts == dict.fromkeys(verdicts, "unchanged")
    assert opened == []


def test_after_an_edit_of_one_function_of_two_hundred_files_status_reads_that_file_only(wide, status):
    status()
    wide.edit("parts/part_117.py", "return len", "return 1 + len")
    verdicts, opened = status()
    assert verdicts == dict.fromkeys(verdicts, "run")
    assert set(opened) == {"parts/part_117.py"}
    assert len(opened) <= 3  # to hash it, to see that no definition rests on the edit, and to index it
    assert status() == (verdicts, [])


def test_an_edit_that_keeps_size_and_time_is_read_all_the_same(wide, status):
    path = Path(wide.path, "parts/part_005.py")
    status()
    before = path.stat()
    wide.edit("parts/part_005.py", "return len", "return max")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    verdicts, opened = status()
    assert verdicts == dict.fromkeys(verdicts, "run")
    assert set(opened) == {"parts/part_005.py"}
