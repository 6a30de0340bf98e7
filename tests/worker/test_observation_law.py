"""The law of observing files: whoever runs a stage again where all that was seen is the same, gets the same."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pivot.executors.inline import InlineExecutor
from pivot.model.digest import digest_bytes
from pivot.model.observation import ABSENT, FOLDER, PRESENT, folder_state, is_listing, left_by_stage
from pivot.model.task import Success

FILES = ("a", "b", "d/c", "d/e")
OTHER = "another text"
STAGE = """
import os, pathlib, shutil

def act(word, *names):
    match word:
        case "read": return pathlib.Path(*names).read_text()
        case "size": return os.path.getsize(*names)
        case "exists": return os.path.exists(*names)
        case "write": pathlib.Path(*names).write_text("w")
        case "append":
            with open(*names, "a") as file: file.write("+")
        case "create": open(*names, "x").close()
        case "update":
            with open(*names, "r+") as file: return file.read(1)
        case "remove": os.remove(*names)
        case "rename": os.rename(*names)
        case "copy": shutil.copyfile(*names)
        case "list": return sorted(os.listdir(*names))
        case "mkdir": os.mkdir(*names)

def run():
    trace = []
    for step in STEPS:
        try: trace.append(act(*step))
        except OSError as error: trace.append(type(error).__name__)
    return trace
"""

file = st.sampled_from(FILES)
word = st.sampled_from(("read", "size", "exists", "write", "append", "create", "update", "remove"))
step = st.one_of(
    st.tuples(word, file),
    st.tuples(st.sampled_from(("rename", "copy")), file, file),
    st.tuples(st.sampled_from(("list", "mkdir", "exists")), st.sampled_from((".", "d", "f"))),
)


class Twice:
    """A stage that is run in a project and then in the same with one file changed."""

    def __init__(self, project, executor):
        self.project = project
        self.executor = executor
        self.made: set[str] = set()

    def trace(self, steps, contents):
        folder: Path = self.project.folder
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (folder / "d").mkdir()
        for name, text in contents.items():
            self.project.write(name, text)
        (folder / ".pivot-new.1").mkdir()
        # not a file of the project, lest the listing of the project change with it
        text = self.project.write(".pivot-new.1/stages.py", f"{STAGE}\nSTEPS = {steps!r}\n")
        self.project.write("stages.py", "")
        module = replace(self.project.module("stages", "<stages>"), text=text.read_text(), digest=None)
        result = self.executor.submit(self.project.task([module])).result()
        assert isinstance(result, Success), result
        self.made = {name for name in FILES if name not in contents and (folder / name).exists()}
        seen = self.project.files(result.seen)
        return seen, json.loads((folder / ".pivot-new.1/out").read_text())

    def matches(self, state, name, contents, made):
        """Whether a state is that of a project with this content, before anything runs."""
        if is_listing(state):
            if not made.isdisjoint(contents):
                return False  # it counts what the stage itself added, so it cannot tell who did
            top = {"d", "stages.py"} | {path for path in contents if "/" not in path}
            inner = {path.removeprefix("d/") for path in contents if "/" in path}
            return state == folder_state(top if name == "." else inner)
        there = name in contents or name in {"d", "."}
        if state == FOLDER:
            return name in {"d", "."}
        if state in (ABSENT, PRESENT):
            return there == (state == PRESENT)
        left = left_by_stage(state)
        if left is not None:
            return not there or left == (
                PRESENT if name not in contents else digest_bytes(contents[name].encode())
            )
        return there and name in contents and state == digest_bytes(contents[name].encode())


@pytest.fixture
def twice(project):
    with InlineExecutor() as executor:
        yield Twice(project, executor)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_where_all_that_was_seen_is_the_same_the_stage_gives_the_same(twice, data):
    steps = data.draw(st.lists(step, min_size=1, max_size=7))
    contents = data.draw(st.dictionaries(file, st.sampled_from(("1", "22"))))
    changed = data.draw(file)
    after = {name: text for name, text in contents.items() if name != changed}
    if data.draw(st.booleans()) or changed not in contents:
        after[changed] = OTHER
    seen, first = twice.trace(steps, contents)
    made = twice.made
    _, second = twice.trace(steps, after)
    if first != second:
        assert not all(twice.matches(state, name, after, made) for name, state in seen.items()), (
            first,
            second,
            seen,
        )
