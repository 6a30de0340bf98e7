"""What a check looks at, seen from outside the process."""

import marshal
import os
import re
import shutil
from collections import Counter

import pytest

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")

CALL = re.compile(r'^\d+ +(\w+)\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)"')
OWN = re.compile(
    r"/\.pivot/("
    r"manifests|state\.db|runs|locks|tmp|cache/(in-use\.lock|runs|tmp|projects|sources|files/[^/]*)$"
    r")|/\.pivot(/cache)?$|/__pycache__"
)
"""What no verdict rests on: the memory of checks, guards, the history; folders that are only gone through."""


@pytest.fixture
def looks(settled, tmp_path):
    """Runs a command; gives (call, path) of all that it asked of the file system below the project's folder."""

    def trace(*words, **variables):
        log = tmp_path / "strace.txt"
        strace = ["strace", "-f", "-e", "trace=%file", "-s", "4096", "-o", str(log)]
        done = settled.process("-m", "pivot", *words, before=strace, **variables)
        found = [CALL.match(line) for line in log.read_text().splitlines()]
        asked = [(match[1], os.path.normpath(settled.path / match[2])) for match in found if match]
        return done.stdout, [
            (call, path) for call, path in asked if path.startswith(str(settled.path.parent))
        ]

    return trace


@pytest.fixture
def marked(settled):
    """The paths of the newest manifest."""

    def read():
        newest = max(
            (settled.path / ".pivot/manifests").glob("[0-9]*"), key=lambda path: path.stat().st_mtime_ns
        )
        *_, marks, behind = marshal.loads(newest.read_bytes()[21:])
        return {*marks, *behind}

    return read


def test_a_manifest_has_all_that_a_full_check_looks_at(settled, looks, marked):
    settled.process("-m", "pivot", "repro")
    _, asked = looks("repro", PIVOT_FULL_CHECK="1")
    marks, around = marked(), {str(settled.path), *map(str, settled.path.parents)}
    unmarked = {path for _, path in asked if not OWN.search(path)} - marks - around
    # a name that comes up in a folder changes the folder
    assert {path for path in unmarked if os.path.lexists(path) or os.path.dirname(path) not in marks} == set()


def test_a_command_with_nothing_to_do_looks_at_each_file_once_and_opens_none(settled, looks):
    looks("repro")  # makes a manifest for processes that begin so
    out, asked = looks("repro")
    assert out.startswith("0 stages run, 2 unchanged (")
    opened = [path for call, path in asked if call in ("open", "openat") and not os.path.isdir(path)]
    assert [os.path.basename(os.path.dirname(path)) for path in opened] == ["manifests"]
    times = Counter(path for call, path in asked if "stat" in call)
    assert set(times) >= {
        str(settled.path / name) for name in ("data.txt", "stages.py", "sizes.json", "listed")
    }
    searched = {
        str(settled.path),
        str(settled.path.parent / "lib/site-packages"),
    }  # by Python itself, for modules
    twice = {path for path, count in times.items() if count > 1 and os.path.dirname(path) not in searched}
    assert twice - searched == set()
    assert times[str(settled.path / "data.txt")] == 1
    assert times[str(settled.path / "linked.txt")] == 2  # the link, and what lies behind
