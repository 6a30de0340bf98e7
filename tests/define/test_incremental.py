"""Outputs that carry state from run to run: both of their sides must say the same."""

import pytest

from pivot.model.stage import OutKind, Returns

HEAD = """\
import pathlib
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict
import pandas as pd
import pivot
from pivot import Dep, IncrementalOut, Metric, Out, StageParams, loaders
"""


def write(project, code):
    mark = "" if "pivot.stage" in code else "\npivot.stage(f)"
    project.write("pipeline.py", f"{HEAD}{code}{mark}\n")


def run(project, code):
    write(project, code)
    return project.stage("pipeline.py")


def refused(project, code):
    write(project, code)
    return project.errors("pipeline.py")


STATE = "Annotated[dict, IncrementalOut('s.json', loaders.JSON())]"

FINE = {
    "single": (f"def f(last: {STATE}) -> {STATE}: ...", [("output", "last", "JSON")]),
    "field": (
        f"class O(TypedDict):\n    s: {STATE}\n    m: Annotated[dict, Metric('m.json')]\ndef f(s: {STATE}) -> O: ...",
        [("s", "s", "JSON")],
    ),
    "two fields": (
        (
            f"class O(TypedDict):\n    s: {STATE}\n    t: Annotated[str, IncrementalOut('t.txt')]\n"
            f"def f(t: Annotated[str, IncrementalOut('t.txt')], s: {STATE}) -> O: ..."
        ),
        [("s", "s", "JSON"), ("t", "t", "Text")],
    ),
    "path spelled otherwise": (
        f"def f(last: {STATE}) -> Annotated[dict, IncrementalOut('./s.json', loaders.JSON())]: ...",
        [("output", "last", "JSON")],
    ),
    "loader left out on one side": (
        f"def f(last: {STATE}) -> Annotated[dict, IncrementalOut('s.json')]: ...",
        [("output", "last", "JSON")],
    ),
    "file of the stage's own": (
        ("State = Annotated[pathlib.Path, IncrementalOut('s.db')]\ndef f(db: State) -> State: ..."),
        [("output", "db", "PathOnly")],
    ),
    "with params and a default": (
        f"class P(StageParams): ...\ndef f(p: P, last: {STATE} = None) -> {STATE}: ...",
        [("output", "last", "JSON")],
    ),
}


@pytest.mark.parametrize("case", FINE)
def test_a_parameter_gets_the_last_value_of_its_output(project, case):
    code, expected = FINE[case]
    stage = run(project, code)
    found = [out for out in stage.outs if out.kind is OutKind.INCREMENTAL]
    assert [(o.name, o.argument, o.loader.name.rpartition(".")[2]) for o in found] == expected


def test_the_parameter_is_no_dep(project):
    stage = run(project, FINE["single"][0])
    assert stage.deps == ()
    assert stage.returns is Returns.SINGLE
    assert [(out.path, out.cache) for out in stage.outs] == [("s.json", True)]


WRONG = {
    "parameter only": (
        f"def f(last: {STATE}) -> Annotated[dict, Metric('m.json')]: ...",
        ["parameter 'last' is an IncrementalOut, but the return type holds none for it"],
        "return Annotated[dict, IncrementalOut('s.json', …)]",
    ),
    "parameter only, no return type": (
        f"def f(last: {STATE}): ...",
        ["parameter 'last' is an IncrementalOut, but the return type holds none for it"],
        "return Annotated",
    ),
    "field of another kind": (
        f"class O(TypedDict):\n    s: Annotated[dict, Out('s.json')]\ndef f(s: {STATE}) -> O: ...",
        ["parameter 's' is an IncrementalOut, but the return type holds none for it"],
        "add the field s: Annotated[dict, IncrementalOut('s.json', …)]",
    ),
    "output only": (
        f"def f() -> {STATE}: ...",
        ["output 'output' is an IncrementalOut, but no parameter gets its last value"],
        "add a parameter: last: Annotated[dict, IncrementalOut('s.json', …)]",
    ),
    "field only": (
        f"class O(TypedDict):\n    s: {STATE}\ndef f() -> O: ...",
        ["output 's' is an IncrementalOut, but no parameter gets its last value"],
        "add a parameter: s: ",
    ),
    "two paths": (
        f"def f(last: {STATE}) -> Annotated[dict, IncrementalOut('t.json', loaders.JSON())]: ...",
        ["parameter 'last' and output 'output' are one IncrementalOut with two paths: 's.json' and 't.json'"],
        "the same path on both sides",
    ),
    "two loaders": (
        f"def f(last: {STATE}) -> Annotated[dict, IncrementalOut('s.json', loaders.YAML())]: ...",
        ["'last' and output 'output' are one IncrementalOut with two loaders: JSON() and YAML()"],
        "the same loader on both sides",
    ),
    "two options": (
        f"def f(last: {STATE}) -> Annotated[dict, IncrementalOut('s.json', loaders.JSON(indent=4))]: ...",
        ["one IncrementalOut with two loaders: JSON() and JSON(indent=4)"],
        "the same loader on both sides",
    ),
    "cached on one side": (
        f"def f(last: Annotated[dict, IncrementalOut('s.json', cache=False)]) -> {STATE}: ...",
        ["parameter 'last' says cache=False, but output 'output' does not"],
        "the same on both sides",
    ),
    "two names": (
        f"class O(TypedDict):\n    s: {STATE}\ndef f(last: {STATE}) -> O: ...",
        ["parameter 'last' and field 's' are one IncrementalOut under two names"],
        "name the parameter 's'",
    ),
    "two parameters for one value": (
        f"def f(a: {STATE}, b: Annotated[dict, IncrementalOut('t.json')]) -> {STATE}: ...",
        ["parameters 'a', 'b' are each an IncrementalOut, but the stage returns one value"],
        "return a TypedDict with a field for each",
    ),
    "reader": (
        (
            "@dataclass(frozen=True)\nclass R:\n    def load(self, path): ...\n"
            "S = Annotated[dict, IncrementalOut('s.x', R())]\ndef f(s: S) -> S: ..."
        ),
        [
            "IncrementalOut 'output': loader R cannot both read and write and give an empty value",
            "cannot write",
        ],
        "load(path), save(value, path) and empty()",
    ),
    "writer": (
        "S = Annotated[Any, IncrementalOut('s.png', loaders.MatplotlibFigure())]\ndef f(s: S) -> S: ...",
        ["loader MatplotlibFigure cannot both read and write and give an empty value"],
        "empty()",
    ),
    "no empty value": (
        (
            "class L(loaders.Loader):\n    def load(self, path): ...\n    def save(self, value, path): ...\n"
            "S = Annotated[dict, IncrementalOut('s.x', L())]\ndef f(s: S) -> S: ..."
        ),
        ["loader L cannot both read and write and give an empty value"],
        "empty()",
    ),
    "unknown extension": (
        "S = Annotated[dict, IncrementalOut('s.x')]\ndef f(s: S) -> S: ...",
        [
            "IncrementalOut 'output': no loader is known for 's.x'",
            "out 'output': no loader is known for 's.x'",
        ],
        "name one",
    ),
    "dep of the same name": (
        f"def f(s: Annotated[dict, Dep('s.json'), IncrementalOut('s.json')]) -> {STATE}: ...",
        ["parameter 's' has several Deps", "no parameter gets its last value"],
        "keep one",
    ),
    "plain outs": (
        f"@pivot.stage(outs=['s.json'])\ndef f(last: {STATE}): ...",
        ["parameter 'last' is an IncrementalOut, but the return type holds none for it"],
        "return",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_rule_has_its_own_error(project, case):
    code, messages, hint = WRONG[case]
    errors = refused(project, code)
    assert len(errors) == len(messages)
    for error, message in zip(errors, messages, strict=True):
        assert error.startswith("stage 'f': ")
        assert message in error
        assert "(pipeline.py:" in error
    assert hint in errors[0]


def test_a_path_that_a_state_and_a_dep_share_is_a_circle(project):
    (error,) = refused(project, f"def f(last: {STATE}, d: Annotated[dict, Dep('s.json')]) -> {STATE}: ...")
    assert "stage 'f' depends on itself" in error
