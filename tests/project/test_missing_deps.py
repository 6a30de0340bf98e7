"""Deps that are not as they are declared: all of them are told before anything runs, with what to do."""

import pytest

from pivot.errors import DefinitionErrors
from pivot.project import Project

STAGES = """
from pathlib import Path
from typing import Annotated

import pivot


def work(
    a: Annotated[str, pivot.Dep("data/raww.txt")],
    b: Annotated[Path, pivot.Dep("file/")],
    c: Annotated[str, pivot.Dep("elsewhere/x.txt")],
    d: Annotated[str, pivot.Dep("out/mde.txt")],
) -> Annotated[str, pivot.Out("work.txt")]:
    return a


def make() -> Annotated[str, pivot.Out("out/made.txt")]:
    return "made"
"""


def test_all_deps_that_are_nowhere_are_told_with_what_was_perhaps_meant(folder):
    folder.write("stages.py", STAGES)
    folder.write("pivot.yaml", "stages:\n  work: {python: stages.work}\n  make: {python: stages.make}\n")
    folder.write("data/raw.txt", "raw")
    folder.write("file", "a file")
    with Project(str(folder.path)) as project, pytest.raises(DefinitionErrors) as caught:
        project.repro()
    kind, *missing = caught.value.errors
    assert "stage 'work': dep file/ is a file (pivot.yaml:2)" in kind.message
    assert [error.message.split(": ", 1)[1] for error in missing] == [
        "dep 'a': data/raww.txt does not exist (pivot.yaml:2)",
        "dep 'c': elsewhere/x.txt does not exist (pivot.yaml:2)",
        "dep 'd': out/mde.txt does not exist (pivot.yaml:2)",
    ]
    way = "put the file there, or name the stage that makes it (with include:, if another folder's)"
    assert [error.hint for error in missing] == [
        f"did you mean 'data/raw.txt'? Else {way}",
        way,
        f"did you mean 'out/made.txt'? Else {way}",
    ]
    assert not (folder.path / "out").exists()


@pytest.mark.parametrize("way", ["import os; os._exit(3)", "import ctypes; ctypes.string_at(0)"])
def test_a_module_that_ends_the_process_is_told_with_the_file_that_names_it(folder, way):
    folder.write("stages.py", way)
    folder.write("pivot.yaml", "stages:\n  work: {python: stages.work}\n")
    with Project(str(folder.path)) as project, pytest.raises(DefinitionErrors) as caught:
        project.status()
    (error,) = caught.value.errors
    assert error.message.startswith("reading pivot.yaml failed: worker ")
    assert error.message.endswith(" (pivot.yaml:1)")
    assert error.exit_code == 2
