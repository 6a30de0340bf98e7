"""``depends_on`` and ``map``: which parameter gets what, the same from every door, and what is wrong in words."""

import pytest

from pivot.model.stage import OutKind
from pivot.model.upstream import OnError

HEAD = """\
from typing import Annotated, TypedDict
import pivot
from pivot import Dep, DirectoryOut, Out, Pipeline, loaders, stage

def a(): return [1]
def b(): return [2]
def files() -> Annotated[dict, DirectoryOut('parts/')]: return {}
class Two(TypedDict):
    x: Annotated[str, Out('x.txt')]
    y: Annotated[str, Out('y.txt')]
def two() -> Two: ...
def text() -> Annotated[str, Out('text.txt')]: ...
"""
UP = "a: {python: st.a}, b: {python: st.b}, files: {python: st.files}, two: {python: st.two}, text: {python: st.text}"


def read(project, function, entry):
    project.write("st.py", HEAD + function)
    project.write("pivot.yaml", f"stages: {{{UP}, f: {{python: st.f, {entry}}}}}\n")
    return next(stage for stage in project.stages() if stage.name == "f")


def passed(stage):
    """Parameter (and its position in ``*args``) → the path that it gets the value of."""
    return [(dep.argument, dep.index, dep.path) for dep in stage.deps]


A, B = ".pivot/values/a", ".pivot/values/b"
PASSED = {
    "a text is a list of one": ("def f(x): ...", "depends_on: a", [("x", None, A)]),
    "in the order of the list": ("def f(x, y): ...", "depends_on: [b, a]", [("x", None, B), ("y", None, A)]),
    "no parameter, the order": ("def f(): ...", "depends_on: [a, b]", [(None, None, A), (None, None, B)]),
    "all of them": ("def f(*args): ...", "depends_on: [a, b]", [("args", 0, A), ("args", 1, B)]),
    "the rest of them": ("def f(x, *more): ...", "depends_on: [a, b]", [("x", None, A), ("more", 0, B)]),
    "a default stays": ("def f(x, n=3): ...", "depends_on: a", [("x", None, A)]),
    "a default gives way": ("def f(x, n=3): ...", "depends_on: [a, b]", [("x", None, A), ("n", None, B)]),
    "beside a file": (
        "def f(raw: Annotated[str, Dep('r.txt')], x): ...",
        "depends_on: a",
        [("raw", None, "r.txt"), ("x", None, A)],
    ),
    "what it wrote is what it returned": ("def f(x): ...", "depends_on: text", [("x", None, "text.txt")]),
    "the order of several files": (
        "def f(): ...",
        "depends_on: two",
        [(None, None, "x.txt"), (None, None, "y.txt")],
    ),
    "an item": ("def f(x): ...", "map: a", [("x", None, A)]),
    "an item and what all get": (
        "def f(x, y): ...",
        "map: a, depends_on: b",
        [("y", None, B), ("x", None, A)],
    ),
    "the item's stage named twice": ("def f(x): ...", "map: a, depends_on: [a]", [("x", None, A)]),
    "as Flowdapt says it": ("def f(x): ...", "type: parameterized, depends_on: a", [("x", None, A)]),
    "a folder": ("def f(x): ...", "map: files", [("x", None, "parts/")]),
}


@pytest.mark.parametrize("case", PASSED)
def test_values_fill_the_parameters_that_nothing_else_provides(project, case):
    function, entry, expected = PASSED[case]
    assert passed(read(project, function, entry)) == expected


WRONG = {
    "one too few": ("def f(x, y): ...", "depends_on: a", "2 parameters are left for values (x, y)"),
    "one too many": ("def f(x): ...", "depends_on: [a, b]", "depends_on names 2 stages (a, b)"),
    "nobody": ("def f(x): ...", "depends_on: aa", "depends on 'aa', which is no stage (pivot.yaml:1)"),
    "itself": ("def f(x): ...", "depends_on: f", "depends on itself"),
    "twice": ("def f(x, y): ...", "depends_on: [a, a]", "names 'a' twice"),
    "several outputs": ("def f(x): ...", "depends_on: two", "writes several outputs"),
    "no item's parameter": ("def f(): ...", "map: a", "no parameter of st.f is left for the item"),
    "a file for each item": (
        "def f(x) -> Annotated[str, Out('o.txt')]: ...",
        "map: a",
        "each would write 'o.txt'",
    ),
    "of nothing": ("def f(x): ...", "type: parameterized", "nothing says of what"),
    "a wrong word": ("def f(x): ...", "map: {over: a, on_error: skip}", "map.on_error"),
    "a wrong number": ("def f(x): ...", "map: {over: a, max_parallel: 0}", "max_parallel"),
    "a wrong key": ("def f(x): ...", "map: {over: a, on_err: drop}", "on_err"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_passed_is_told_before_anything_runs(project, case):
    function, entry, message = WRONG[case]
    project.write("st.py", HEAD + function)
    project.write("pivot.yaml", f"stages: {{{UP}, f: {{python: st.f, {entry}}}}}\n")
    errors = project.errors()
    assert any(message in error and "f" in error for error in errors), errors


def test_a_misspelt_stage_is_guessed(project):
    project.write("st.py", "def cities(): ...\ndef f(x): ...\n")
    project.write(
        "pivot.yaml", "stages: {cities: {python: st.cities}, f: {python: st.f, depends_on: citys}}\n"
    )
    assert "did you mean 'cities'?" in project.errors()[0]


def test_every_door_makes_the_same_of_it(project):
    project.write("st.py", HEAD + "def f(x, y): ...\n")
    entry = "{python: st.f, depends_on: b, map: {over: a, on_error: drop, max_parallel: 2}}"
    project.write("pivot.yaml", f"stages: {{a: {{python: st.a}}, b: {{python: st.b}}, f: {entry}}}\n")
    said = "depends_on='b', map={'over': 'a', 'on_error': 'drop', 'max_parallel': 2}"
    registered = "p.register(a); p.register(b)\n" + f"p.register(f, {said})\n"
    project.write("one/pipeline.py", HEAD + "def f(x, y): ...\np = Pipeline('p')\n" + registered)
    marked = "stage(a); stage(b)\n" + f"@stage({said})\ndef f(x, y): ...\n"
    project.write("two/pipeline.py", HEAD + marked)
    shapes = []
    for file in ("pivot.yaml", "one/pipeline.py", "two/pipeline.py"):
        found = next(s for s in project.stages(file) if s.name == "f")
        assert found.map is not None
        (out,) = found.outs
        shapes.append(
            (
                [(one.stage, one.argument, one.index) for one in found.depends_on],
                (found.map.over, found.map.argument, found.map.on_error, found.map.max_parallel),
                out.kind,
                len(found.deps),
            )
        )
    expected = ([("b", "y", None)], ("a", "x", OnError.DROP, 2), OutKind.VALUES, 2)
    assert shapes == [expected] * 3


def test_a_stage_of_another_folder_is_named_with_it(project):
    project.write("prepare/st.py", "def clean(): return 1\ndef raw(): return 2\n")
    project.write(
        "prepare/pivot.yaml",
        "stages: {raw: {python: st.raw}, clean: {python: st.clean, depends_on: raw}}\n",
    )
    project.write("main.py", "def f(x): ...\n")
    project.write(
        "pivot.yaml", "include: prepare\nstages: {f: {python: main.f, depends_on: 'prepare:clean'}}\n"
    )
    stages = {stage.name: stage for stage in project.stages()}
    assert passed(stages["f"]) == [("x", None, ".pivot/values/prepare:clean")]
    assert passed(stages["prepare:clean"]) == [(None, None, ".pivot/values/prepare:raw")]


def test_a_variant_names_its_own_upstream(project):
    project.write("st.py", "def a(): ...\ndef f(x): ...\n")
    project.write(
        "pivot.yaml",
        """\
        stages:
          a@{n}: {python: st.a, matrix: {n: [1, 2]}}
          f@{n}: {python: st.f, matrix: {n: [1, 2]}, depends_on: "a@${n}"}
        """,
    )
    stages = {stage.name: stage for stage in project.stages()}
    assert passed(stages["f@2"]) == [("x", None, ".pivot/values/a@2")]
