"""What is installed beside a project: libraries in other versions, and compiled modules of its own."""

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

STAGES = """
from typing import Annotated
from pivot import Dep, Out
from pivot.loaders import Text
{imports}
def train({takes}) -> Annotated[str, Out("train.txt", {loader})]:
    return {gives}
def other() -> Annotated[str, Out("other.txt", Text())]:
    return "other"
"""
PIPELINE = "stages:\n  train:\n    python: stages.train\n  other:\n    python: stages.other\n"

LOADER = """
import thing
from pivot.loaders import Text
class Marked(Text):
    def save(self, value, path):
        with open(path, "w") as file:
            file.write(value + str(thing.k()))
"""

EXTENSION = """
#include <Python.h>
static PyObject *k(PyObject *self, PyObject *args) { return PyLong_FromLong(VALUE); }
static PyMethodDef methods[] = {{"k", k, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", "", -1, methods};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
"""
HEADERS = Path(sysconfig.get_path("include"))
COMPILER = shutil.which("cc")


def define(
    shell, *, imports: str = "", takes: str = "", loader: str = "Text()", gives: str = '"one"'
) -> None:
    text = STAGES.format(imports=imports, takes=takes, loader=loader, gives=gives)
    shell.write("stages.py", text)
    shell.write("pivot.yaml", PIPELINE)


def install(shell, name: str, version: str, text: str) -> None:
    """A distribution of one module, in place of an older version of it."""
    folder = shell.path.parent / "site-packages"
    for old in folder.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (folder / f"{name}.py").write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"{name}.py,,\n{name}-{version}.dist-info/METADATA,,\n")


def build(shell, value: int) -> None:
    """The compiled module `fast`, put in place at once as linkers do."""
    source, made = shell.path.parent / "fast.c", shell.path.parent / "made"
    source.write_text(EXTENSION)
    shared = ["-undefined", "dynamic_lookup", "-bundle"] if os.uname().sysname == "Darwin" else ["-shared"]
    options = [*shared, "-fPIC", f"-I{HEADERS}", f"-DVALUE={value}", "-o", str(made), str(source)]
    subprocess.run([COMPILER, *options], check=True, capture_output=True)
    made.replace(shell.path / f"fast{sysconfig.get_config_var('EXT_SUFFIX')}")


def changed(shell) -> dict[str, tuple[str, list[str]]]:
    """The stages that are not unchanged: the verdict on each, and the names of its reasons."""
    done = shell.pivot("status", "--explain", "--json")
    assert done.code == 0, done.err
    stages = json.loads(done.out)["stages"]
    return {s["name"]: (s["verdict"], [reason["name"] for reason in s["reasons"]]) for s in stages}


def repro(shell) -> str:
    """What `train` wrote."""
    done = shell.pivot("repro")
    assert done.code == 0, done.out + done.err
    return (shell.path / "train.txt").read_text()


@pytest.fixture
def project(shell):
    """A folder of a project, with one of libraries beside it in the search path."""
    libraries = shell.path / "site-packages"
    libraries.mkdir()
    shell.environment["PYTHONPATH"] = str(libraries)
    shell.path /= "project"
    shell.path.mkdir()
    return shell


LIBRARY = """
from pivot.loaders import Text
def k(): return {value}
class Plain(Text):
    def load(self, path): return open(path).read() + "{value}"
    def save(self, value, path):
        with open(path, "w") as file:
            file.write(value + "{value}")
"""
UPGRADES = {
    "by a function": {"imports": "import thing", "gives": "str(thing.k())"},
    "by a loader of the project": {"imports": "from marks import Marked", "loader": "Marked()"},
    "by a loader that a library brings": {"imports": "from thing import Plain", "loader": "Plain()"},
    "by the loader of a dep": {
        "imports": "from thing import Plain",
        "takes": 'x: Annotated[str, Dep("in.txt", Plain())]',
        "gives": "x",
    },
}


@pytest.mark.parametrize("use", UPGRADES.values(), ids=UPGRADES)
def test_another_version_of_a_library_counts_for_the_stage_that_uses_it(project, use: dict[str, str]):
    project.write("in.txt", "")
    project.write("marks.py", LOADER)
    define(project, **use)
    install(project, "thing", "1.0", LIBRARY.format(value=1))
    assert repro(project).endswith("1")
    assert changed(project) == {}
    install(project, "thing", "1.1", LIBRARY.format(value=2))
    assert changed(project) == {"train": ("run", ["thing"])}
    assert repro(project).endswith("2")


def test_another_version_of_a_library_that_no_stage_uses_does_not_count(project):
    define(project, imports="import thing\ndef unused(): return thing.k()")
    install(project, "thing", "1.0", LIBRARY.format(value=1))
    repro(project)
    install(project, "thing", "1.1", LIBRARY.format(value=2))
    assert changed(project) == {}


@pytest.mark.skipif(not COMPILER or not (HEADERS / "Python.h").exists(), reason="needs a C compiler")
def test_a_compiled_module_of_the_project_counts_by_its_content(project):
    define(project, imports="import fast", gives="str(fast.k())")
    build(project, 1)
    assert repro(project) == "1"
    assert changed(project) == {}
    build(project, 2)
    assert changed(project)["train"] == ("run", ["value:fast"])
    assert repro(project) == "2"
    build(project, 1)
    assert changed(project)["train"][0] == "restore"
    assert repro(project) == "1"
